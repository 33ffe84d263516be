//! What a run has inferred instead of asking, in the trailer of its results file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was inferred from the order of queues, and what the random sample of it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InferenceSection {
    /// Number of messages whose answers follow from those about others. They were not asked about.
    pub messages: u64,
    /// Number of messages whose answers would have followed, and that were asked about as a random sample.
    pub rechecked: u64,
    /// Number of those in which a group had passed the message that was open when the other answer came.
    #[serde(default)]
    pub moved: u64,
    /// Number of messages with an inferred `CONSUMED` whose tags are unknown: a group that filters may have filtered them.
    #[serde(default)]
    pub untagged: u64,
    /// The share of the random sample, as it was given.
    pub recheck: String,
    /// Number of calls that asked for the types of topics.
    #[serde(default)]
    pub calls: u64,
    /// The answers that contradict the order of the queue. Nothing is inferred for these groups and topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contradictions: Vec<OrderContradiction>,
    /// The topics whose message type could not be read, with the reasons. Their messages were taken for normal ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_types: Vec<UnknownType>,
}

/// Two answers that contradict the order of a queue: the offset of the group was reset, or a row names a wrong place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderContradiction {
    /// The instance of the topic; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_id: String,
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// The row that was asked.
    pub row: u64,
    /// The track type that followed for it; empty if the group was not to be named.
    pub inferred: String,
    /// The track type of its answer, or `not_found`; empty if the answer does not name the group.
    pub found: String,
    /// The row of the answer that it followed from.
    pub inferred_from: u64,
}

impl fmt::Display for OrderContradiction {
    /// Writes `inference failed for GID_a on topic orders: CONSUMED followed for row 20 from row 50, but its answer is …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            topic,
            group,
            row,
            inferred,
            inferred_from,
            ..
        } = self;
        write!(
            f,
            "inference failed for {group} on topic {topic}: {inferred} followed for row {row} from row {inferred_from}, but \
             its answer "
        )?;
        match &*self.found {
            "" => f.write_str("does not name the group"),
            found => write!(f, "is {found}"),
        }
    }
}

/// A topic whose message type could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownType {
    /// The instance of the topic; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance_id: String,
    /// The topic.
    pub topic: String,
    /// Why its type is unknown.
    pub reason: String,
}

/// Returns the section of a run whose shards have these. `None` if none of them inferred anything.
pub(super) fn merged<'s>(
    sections: impl Iterator<Item = &'s InferenceSection>,
) -> Option<InferenceSection> {
    let mut merged = sections.cloned().reduce(|mut one, other| {
        one.messages += other.messages;
        one.rechecked += other.rechecked;
        one.moved += other.moved;
        one.untagged += other.untagged;
        one.calls += other.calls;
        one.contradictions.extend(other.contradictions);
        for unknown in other.unknown_types {
            if !one.unknown_types.contains(&unknown) {
                one.unknown_types.push(unknown);
            }
        }
        one
    })?;
    merged.contradictions.sort_by_key(|found| found.row);
    Some(merged)
}
