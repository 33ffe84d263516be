//! What is known about a group: where its copies are, and when their absence proves nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::offsets::snapshot::GroupEntry;
use crate::source::rocketmq::remoting::namespace::{
    dead_letter_topic, pop_retry_topics, retry_topic,
};

/// The names of the topics that exist, as far as they matter. `None` if the name servers refuse to list them; then each is
/// asked for by name.
pub(super) type TopicNames = Option<BTreeSet<Arc<str>>>;

/// The topics of a group.
#[derive(Debug)]
pub(super) struct GroupTopics {
    pub(super) group: Arc<str>,
    pub(super) retries: Arc<str>,
    /// Retry topics of POP, in either form, with the topic whose retries they have.
    pub(super) pop_retries: Vec<(Arc<str>, Arc<str>)>,
    pub(super) dead_letters: Arc<str>,
    /// Whether the group's clients read its retry topic.
    pub(super) reads_retries: bool,
}

impl GroupTopics {
    /// Returns the topics of a group. Those of POP are left out if they do not exist.
    pub(super) fn new(group: &Arc<str>, entry: Option<&GroupEntry>, names: &TopicNames) -> Self {
        let exists = |name: &str| names.as_ref().is_none_or(|names| names.contains(name));
        let pops = entry.map_or(&[][..], |entry| &entry.pop_topics);
        let forms = pops.iter().flat_map(|topic| {
            let names = pop_retry_topics(group, topic);
            names.map(|name| (Arc::from(name), topic.clone()))
        });
        let model = entry.and_then(|entry| entry.message_model.as_deref());
        Self {
            retries: retry_topic(group).into(),
            dead_letters: dead_letter_topic(group).into(),
            pop_retries: forms.filter(|(name, _)| exists(name)).collect(),
            reads_retries: model != Some("broadcasting"),
            group: group.clone(),
        }
    }
}

/// What the settings of groups on all brokers say about retries.
#[derive(Debug, Default)]
pub(super) struct RetryQueues {
    /// Groups without retry queues on some broker.
    pub(super) without: BTreeSet<Arc<str>>,
    /// Groups that are handed some topic by POP, by their settings on some broker.
    pub(super) pop: BTreeSet<Arc<str>>,
    /// Why the settings of some broker are unknown.
    pub(super) unknown: Option<Arc<str>>,
}

/// Returns why the absence of a retry proves nothing about a group.
pub(super) fn why_retries_prove_nothing(
    group: &str,
    entry: Option<&GroupEntry>,
    has_read_retries: bool,
    settings: &RetryQueues,
) -> Option<String> {
    if settings.without.contains(group) {
        return Some("retryQueueNums is 0: a failed message leaves no copy".to_owned());
    }
    let Some(entry) = entry else {
        return Some("the group is not known to the brokers that were asked".to_owned());
    };
    let consumes = entry.consume_type.as_deref();
    if consumes == Some("pop") || !entry.pop_topics.is_empty() || settings.pop.contains(group) {
        return Some(
            "POP: a copy is written only when a delivery times out, so its absence proves nothing"
                .to_owned(),
        );
    }
    if entry.message_model.as_deref() == Some("broadcasting") {
        return Some("broadcasting: a message that fails is not delivered again".to_owned());
    }
    let why = match (entry.online, consumes) {
        (true, Some("push")) => None,
        (true, Some("pull")) => {
            Some("a pull consumer decides itself what becomes of a message that fails")
        }
        (true, _) => Some("the way in which the group consumes is not known"),
        (false, _) if has_read_retries => None,
        (false, _) => Some(
            "the group is offline and never read a retry topic: what kind of consumer it is, is unknown",
        ),
    };
    why.map(str::to_owned)
        .or_else(|| settings.unknown.as_deref().map(str::to_owned))
}
