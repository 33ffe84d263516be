//! Namespaces: several tenants in one cluster (`docs/facts/rocketmq.md` §6).
//!
//! A namespace of version 1 is a part of every name on the brokers, `MQ_INST_1%orders`. Version 2 sends it in a
//! separate field and leaves names unchanged.

use std::borrow::Cow;

const SEPARATOR: char = '%';
const RETRY: &str = "%RETRY%";
/// What the name of a dead-letter topic begins with, before the group.
pub const DEAD_LETTERS: &str = "%DLQ%";

/// A namespace of version 1: an instance ID of `ApsaraMQ`, or any other word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// Creates a namespace; `None` if the name is empty or contains `%`.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = !name.is_empty() && !name.contains(SEPARATOR);
        fits.then(|| Self(name.to_owned()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds the namespace to the name of a topic or group, unless it is present. The prefix of retries and dead
    /// letters stays in front; names of the system have no namespace.
    #[must_use]
    pub fn wrap<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let (prefix, bare) = split_prefix(name);
        if is_of_system(bare) || self.unwrapped(bare).is_some() {
            return Cow::Borrowed(name);
        }
        Cow::Owned(format!("{prefix}{}{SEPARATOR}{bare}", self.0))
    }

    /// Removes this namespace from a name. Other names are returned unchanged.
    #[must_use]
    pub fn unwrap<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let (prefix, bare) = split_prefix(name);
        match self.unwrapped(bare) {
            Some(bare) if prefix.is_empty() => Cow::Borrowed(bare),
            Some(bare) => Cow::Owned(format!("{prefix}{bare}")),
            None => Cow::Borrowed(name),
        }
    }

    /// Returns whether the name belongs to this namespace.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.unwrapped(split_prefix(name).1).is_some()
    }

    fn unwrapped<'a>(&self, bare: &'a str) -> Option<&'a str> {
        let (namespace, name) = bare.split_once(SEPARATOR)?;
        (namespace == self.0 && !name.is_empty()).then_some(name)
    }
}

/// Returns the retry topic of a group.
#[must_use]
pub fn retry_topic(group: &str) -> String {
    format!("{RETRY}{group}")
}

/// Returns the group of a retry topic.
#[must_use]
pub fn group_of_retry_topic(topic: &str) -> Option<&str> {
    topic.strip_prefix(RETRY)
}

/// Returns the dead-letter topic of a group.
#[must_use]
pub fn dead_letter_topic(group: &str) -> String {
    format!("{DEAD_LETTERS}{group}")
}

/// Returns both forms of the topic with the retries of a topic that a group consumes by POP. The first may also be the
/// retry topic of a group with such a name.
#[must_use]
pub fn pop_retry_topics(group: &str, topic: &str) -> [String; 2] {
    ['_', '+'].map(|between| format!("{RETRY}{group}{between}{topic}"))
}

/// Returns the topic whose retries for POP the group has under this name, in either form.
#[must_use]
pub fn topic_of_pop_retries<'a>(retry_topic: &'a str, group: &str) -> Option<&'a str> {
    let rest = retry_topic.strip_prefix(RETRY)?.strip_prefix(group)?;
    let topic = rest.strip_prefix(['_', '+'])?;
    (!topic.is_empty()).then_some(topic)
}

fn split_prefix(name: &str) -> (&str, &str) {
    [RETRY, DEAD_LETTERS]
        .iter()
        .find_map(|prefix| Some((*prefix, name.strip_prefix(prefix)?)))
        .unwrap_or(("", name))
}

/// Returns whether all tenants share the name (`TopicValidator`, `MixAll.isSysConsumerGroup`).
fn is_of_system(name: &str) -> bool {
    name.starts_with("rmq_sys_")
        || name.starts_with("CID_RMQ_SYS_")
        || matches!(
            name,
            "SCHEDULE_TOPIC_XXXX"
                | "RMQ_SYS_TRANS_HALF_TOPIC"
                | "RMQ_SYS_TRACE_TOPIC"
                | "RMQ_SYS_TRANS_OP_HALF_TOPIC"
                | "TRANS_CHECK_MAX_TIME_TOPIC"
                | "SELF_TEST_TOPIC"
                | "OFFSET_MOVED_EVENT"
                | "CHECKPOINT_TOPIC"
                | "TBW102"
                | "BenchmarkTest"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_topics_for_pop_name_their_topic() {
        for name in pop_retry_topics("g_a+b", "t_1+x") {
            assert_eq!(
                topic_of_pop_retries(&name, "g_a+b"),
                Some("t_1+x"),
                "{name}"
            );
            assert_eq!(group_of_retry_topic(&name).map(str::len), Some(11));
        }
        for other in ["%RETRY%g", "%RETRY%g_", "%RETRY%gt", "%DLQ%g_t", "g_t"] {
            assert_eq!(topic_of_pop_retries(other, "g"), None, "{other}");
        }
        assert_eq!(dead_letter_topic("MQ_INST_1%g"), "%DLQ%MQ_INST_1%g");
    }

    #[test]
    fn names_are_wrapped_once_behind_their_prefix() {
        let namespace = Namespace::new("MQ_INST_1").unwrap();
        let table = [
            ("orders", "MQ_INST_1%orders"),
            ("GID_a", "MQ_INST_1%GID_a"),
            ("%RETRY%GID_a", "%RETRY%MQ_INST_1%GID_a"),
            ("%DLQ%GID_a", "%DLQ%MQ_INST_1%GID_a"),
            ("MQ_INST_2%orders", "MQ_INST_1%MQ_INST_2%orders"),
        ];
        for (bare, wrapped) in table {
            assert_eq!(namespace.wrap(bare), wrapped);
            assert_eq!(namespace.wrap(wrapped), wrapped, "once");
            assert_eq!(namespace.unwrap(wrapped), bare);
            assert!(namespace.contains(wrapped) && !namespace.contains(bare));
        }
        for shared in [
            "rmq_sys_wheel_timer",
            "CID_RMQ_SYS_TRANS",
            "SCHEDULE_TOPIC_XXXX",
            "TBW102",
        ] {
            assert_eq!(namespace.wrap(shared), shared);
        }
        for other in [
            "MQ_INST_2%orders",
            "MQ_INST_12%orders",
            "MQ_INST_1",
            "MQ_INST_1%",
            "%RETRY%",
        ] {
            assert_eq!(namespace.unwrap(other), other);
        }
        assert_eq!(retry_topic("GID_a"), "%RETRY%GID_a");
        assert!(Namespace::new("").is_none() && Namespace::new("a%b").is_none());
    }
}
