//! The state of a consumer group with respect to one topic.

use std::sync::Arc;

use super::ByQueue;
use crate::message::Tag;

/// A consumer group's state for one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Whether any client of the group is connected.
    pub online: bool,
    /// The way messages are consumed; it decides who moves the offsets.
    pub consume_type: ConsumeType,
    /// The way clients share messages; it decides where the offsets are kept.
    pub message_model: MessageModel,
    /// The group's subscription to the topic; [`TagFilter::all`] without a subscription.
    pub filter: TagFilter,
    /// Whether a connected client subscribes to the topic.
    pub subscribed: Subscribed,
    /// The committed offset of each queue: the next message the group will read.
    pub offsets: ByQueue<u64>,
    /// The queues whose committed offset is past their end, so that it proves nothing.
    pub past_end: ByQueue<()>,
    /// Other data that brokers keep for the group.
    pub traces: GroupTraces,
}

/// Whether a connected client of the group subscribes to the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// A client subscribes to the topic.
    Yes,
    /// Clients are connected, and all their subscriptions are to other topics: committed offsets are old.
    Elsewhere,
    /// Unknown: no client is connected, or none reports its subscriptions.
    Unknown,
}

/// Data that brokers keep for a group besides offsets (`docs/facts/rocketmq.md` §§1.2, 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupTraces {
    /// Whether the retry topic `%RETRY%group` exists. Without it, `mqadmin` finds no broker to ask. `None` if
    /// unknown.
    pub retry_topic: Option<bool>,
    /// Whether a POP retry topic exists: the group has consumed this topic by POP.
    pub pops: bool,
    /// Whether the group has committed an offset for any topic that it subscribes to.
    pub commits: bool,
}

/// The way a group's clients receive messages (`docs/facts/rocketmq.md` §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumeType {
    /// `CONSUME_PASSIVELY`: the client library drives, and commits what was handled.
    Push,
    /// `CONSUME_ACTIVELY`: the application drives, and may keep its offsets elsewhere.
    Pull,
    /// `CONSUME_POP`: the broker hands out messages one by one, and moves the offset when it does.
    Pop,
    /// A later type, or an unknown one.
    Other,
}

impl ConsumeType {
    /// Parses a snapshot's `consume_type`; an unknown word gives [`Other`](Self::Other).
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word {
            "push" => Self::Push,
            "pull" => Self::Pull,
            "pop" => Self::Pop,
            _ => Self::Other,
        }
    }

    /// Returns the word for it in a snapshot, if there is one.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Push => Some("push"),
            Self::Pull => Some("pull"),
            Self::Pop => Some("pop"),
            Self::Other => None,
        }
    }
}

/// The way a group's clients share the messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageModel {
    /// Each message goes to one client; the broker keeps the offsets.
    Clustering,
    /// Each message goes to every client; each client keeps its own offsets.
    Broadcasting,
    /// A later model, or an unknown one.
    Other,
}

impl MessageModel {
    /// Parses a snapshot's `message_model`; an unknown word gives [`Other`](Self::Other).
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word {
            "clustering" => Self::Clustering,
            "broadcasting" => Self::Broadcasting,
            _ => Self::Other,
        }
    }

    /// Returns the word for it in a snapshot, if there is one.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Clustering => Some("clustering"),
            Self::Broadcasting => Some("broadcasting"),
            Self::Other => None,
        }
    }
}

/// The tags that a subscription accepts: a `tagsSet`; an empty one accepts everything.
///
/// SQL92 and class filters accept everything too, because only brokers can evaluate them;
/// [`TagFilter::is_opaque`] identifies them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagFilter {
    tags: Box<[Arc<str>]>,
    opaque: bool,
}

impl TagFilter {
    /// Returns a filter that accepts everything: `*`, an empty expression, no subscription.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Returns a filter that only brokers can evaluate: SQL92 or a class.
    #[must_use]
    pub fn opaque() -> Self {
        Self {
            opaque: true,
            ..Self::default()
        }
    }

    /// Returns whether only brokers can evaluate the filter. It accepts everything here, which proves nothing.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// Parses a subscription expression (`created||paid`) like `FilterAPI.build` of the clients.
    ///
    /// A missing `expression_type` means `TAG`; any other type is opaque.
    #[must_use]
    pub fn parse(expression: Option<&str>, expression_type: Option<&str>) -> Self {
        match (expression, expression_type) {
            (None, _) => Self::all(),
            (Some(_), Some(other)) if !matches!(other, "" | "TAG") => Self::opaque(),
            (Some(tags), _) => tags
                .split("||")
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(Arc::from)
                .collect(),
        }
    }

    /// Returns whether every message is accepted, whatever its tag.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|wanted| &**wanted == "*")
    }

    /// Returns whether a message with this tag, or without a tag, is delivered.
    #[must_use]
    pub fn admits(&self, tag: Option<&str>) -> bool {
        self.is_all() || self.tags.iter().any(|wanted| Some(&**wanted) == tag)
    }

    /// Returns whether a message with this tag is delivered; `None` if the tag is unknown and would decide.
    #[must_use]
    pub fn admits_tag(&self, tag: &Tag) -> Option<bool> {
        match tag {
            Tag::Named(tag) => Some(self.admits(Some(tag))),
            Tag::None => Some(self.admits(None)),
            Tag::Unknown => self.is_all().then_some(true),
        }
    }
}

impl FromIterator<Arc<str>> for TagFilter {
    /// Builds the filter from the `tagsSet` of a live subscription.
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(tags: I) -> Self {
        Self {
            tags: tags.into_iter().collect(),
            opaque: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_the_clients_read_them() {
        // expression, its type, accepted tags, rejected tags; `-` is a message without a tag
        let table = [
            ("", "TAG", "- paid", ""),
            ("*", "TAG", "- paid", ""),
            ("paid||*", "TAG", "- sent", ""),
            (" created || paid", "TAG", "created paid", "- Paid sent"),
            ("paid||", "", "paid", "- sent"),
            ("amount > 3", "SQL92", "- paid", ""),
        ];
        for (expression, kind, through, back) in table {
            let filter = TagFilter::parse(Some(expression), Some(kind));
            assert_eq!(filter.is_opaque(), kind == "SQL92");
            for (tags, admitted) in [(through, true), (back, false)] {
                for tag in tags.split_whitespace() {
                    let tag = Some(tag).filter(|tag| *tag != "-");
                    assert_eq!(filter.admits(tag), admitted, "{expression}: {tag:?}");
                }
            }
        }
        assert!(TagFilter::parse(None, None).admits(None));
    }

    #[test]
    fn words_not_known_today_are_other() {
        assert_eq!(ConsumeType::named("push"), ConsumeType::Push);
        assert_eq!(ConsumeType::named("pull"), ConsumeType::Pull);
        assert_eq!(ConsumeType::named("CONSUME_LITE"), ConsumeType::Other);
        for known in [ConsumeType::Push, ConsumeType::Pull, ConsumeType::Pop] {
            assert_eq!(ConsumeType::named(known.word().unwrap()), known);
        }
        assert_eq!(
            MessageModel::named("broadcasting"),
            MessageModel::Broadcasting
        );
        assert_eq!(MessageModel::named("clustering"), MessageModel::Clustering);
        assert_eq!(MessageModel::named("lite"), MessageModel::Other);
    }
}
