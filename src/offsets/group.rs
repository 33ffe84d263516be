//! What the mechanism knows of a consumer group, as far as one topic is concerned.

use std::sync::Arc;

use super::ByQueue;

/// A consumer group's state for one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupState {
    /// Is any client of the group connected?
    pub online: bool,
    /// Who moves the offsets: the broker's knowledge of it decides whether they mean anything.
    pub consume_type: ConsumeType,
    /// Who shares the work, and so where the offsets live.
    pub message_model: MessageModel,
    /// The group's subscription to the topic; [`TagFilter::all`] where it has none any more.
    pub filter: TagFilter,
    /// Does a connected client subscribe to the topic?
    pub subscribed: Subscribed,
    /// The offset the group committed for each queue: the next message it will read.
    pub offsets: ByQueue<u64>,
    /// What brokers keep for the group beside its offsets.
    pub traces: GroupTraces,
}

/// Does a connected client of the group subscribe to the topic?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// Yes.
    Yes,
    /// Clients are connected and subscribe to other topics only: what is committed dates from before.
    Elsewhere,
    /// Nobody says: no client is connected, or none tells what it subscribes to.
    Unknown,
}

/// What brokers keep for a group beside its offsets, as far as it is known (`docs/facts/rocketmq.md` §1.2, §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupTraces {
    /// Is there a retry topic `%RETRY%group`? Without it `mqadmin` finds no broker to ask. `None`: nobody looked.
    pub retry_topic: Option<bool>,
    /// Has the group taken this topic's messages by POP? Its own retry topic for them is there.
    pub pops: bool,
    /// Has it committed an offset for any topic that it subscribes to?
    pub commits: bool,
}

/// How a group's clients take messages (`docs/facts/rocketmq.md` §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumeType {
    /// `CONSUME_PASSIVELY`: the client library drives, and commits what was handled.
    Push,
    /// `CONSUME_ACTIVELY`: the application drives, and may keep its offsets elsewhere.
    Pull,
    /// `CONSUME_POP`: the broker hands messages out one by one, and moves the offset when it does.
    Pop,
    /// Whatever comes later, or not told.
    Other,
}

impl ConsumeType {
    /// The type named by a snapshot's `consume_type`; [`Other`](Self::Other) for a word not known today.
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word {
            "push" => Self::Push,
            "pull" => Self::Pull,
            "pop" => Self::Pop,
            _ => Self::Other,
        }
    }

    /// The word of a snapshot for it; none for what is not known.
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

/// How a group's clients share the messages of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageModel {
    /// Each message goes to one client; the broker keeps the offsets.
    Clustering,
    /// Each message goes to every client; each client keeps its own offsets.
    Broadcasting,
    /// Whatever comes later, or not told.
    Other,
}

impl MessageModel {
    /// The model named by a snapshot's `message_model`; [`Other`](Self::Other) for a word not known today.
    #[must_use]
    pub fn named(word: &str) -> Self {
        match word {
            "clustering" => Self::Clustering,
            "broadcasting" => Self::Broadcasting,
            _ => Self::Other,
        }
    }

    /// The word of a snapshot for it; none for what is not known.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Clustering => Some("clustering"),
            Self::Broadcasting => Some("broadcasting"),
            Self::Other => None,
        }
    }
}

/// The tags a subscription lets through: a `tagsSet`, which lets everything through while it is empty.
///
/// SQL92 and class filters let everything through, too: only brokers evaluate them, and [`TagFilter::is_opaque`] says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagFilter {
    tags: Box<[Arc<str>]>,
    opaque: bool,
}

impl TagFilter {
    /// Lets everything through: `*`, an empty expression, no subscription.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// A filter that only brokers can evaluate: SQL92, or a class.
    #[must_use]
    pub fn opaque() -> Self {
        Self {
            opaque: true,
            ..Self::default()
        }
    }

    /// Is it one that only brokers can evaluate? Then it lets everything through here, which proves nothing.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        self.opaque
    }

    /// The filter of a subscription expression (`created||paid`), as the clients' `FilterAPI.build` reads it.
    ///
    /// `expression_type` is `TAG` where there is none; any other type can't be evaluated here and is opaque.
    #[must_use]
    pub fn of_expression(expression: Option<&str>, expression_type: Option<&str>) -> Self {
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

    /// Does every message pass, whatever its tag?
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|wanted| &**wanted == "*")
    }

    /// Would a message with this tag, or without one, be delivered?
    #[must_use]
    pub fn admits(&self, tag: Option<&str>) -> bool {
        self.is_all() || self.tags.iter().any(|wanted| Some(&**wanted) == tag)
    }
}

impl FromIterator<Arc<str>> for TagFilter {
    /// The filter of a live subscription's `tagsSet`.
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
        // expression, its type, tags it lets through, tags it holds back; `-` is a message without a tag
        let table = [
            ("", "TAG", "- paid", ""),
            ("*", "TAG", "- paid", ""),
            ("paid||*", "TAG", "- sent", ""),
            (" created || paid", "TAG", "created paid", "- Paid sent"),
            ("paid||", "", "paid", "- sent"),
            ("amount > 3", "SQL92", "- paid", ""),
        ];
        for (expression, kind, through, back) in table {
            let filter = TagFilter::of_expression(Some(expression), Some(kind));
            assert_eq!(filter.is_opaque(), kind == "SQL92");
            for (tags, admitted) in [(through, true), (back, false)] {
                for tag in tags.split_whitespace() {
                    let tag = Some(tag).filter(|tag| *tag != "-");
                    assert_eq!(filter.admits(tag), admitted, "{expression}: {tag:?}");
                }
            }
        }
        assert!(TagFilter::of_expression(None, None).admits(None));
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
