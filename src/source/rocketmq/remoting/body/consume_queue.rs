//! A piece of a consume queue: where messages are, without the messages (321).

use serde::Deserialize;

use super::null_is_default;

/// Consecutive entries of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ConsumeQueue {
    /// The queue's oldest offset.
    #[serde(
        rename = "minQueueIndex",
        default,
        deserialize_with = "null_is_default"
    )]
    pub min_offset: i64,
    /// The offset that its next message will get.
    #[serde(
        rename = "maxQueueIndex",
        default,
        deserialize_with = "null_is_default"
    )]
    pub max_offset: i64,
    /// The entries, from the offset that was asked for on; none past the end.
    #[serde(rename = "queueData", default, deserialize_with = "null_is_default")]
    pub entries: Vec<QueueEntry>,
}

/// A message's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueEntry {
    /// Where it is in the commit log.
    #[serde(rename = "physicOffset")]
    pub physical_offset: i64,
    /// How many bytes it has.
    #[serde(rename = "physicSize")]
    pub size: i32,
    /// `String.hashCode` of its tag, 0 if it has none. What does not fit in 32 bits is no hash (`ConsumeQueueExt`, delays).
    pub tags_code: i64,
}
