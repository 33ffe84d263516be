//! How far a group is on one broker (208).

use serde::{Deserialize, Deserializer};

use super::super::lax_json::from_key;
use super::{members, null_is_default};

/// How far a group is, queue by queue.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumeStats {
    /// One entry a queue, in no particular order.
    #[serde(rename = "offsetTable", deserialize_with = "table")]
    pub queues: Vec<(MessageQueue, QueueStats)>,
    /// Messages per second.
    #[serde(default, deserialize_with = "null_is_default")]
    pub consume_tps: f64,
}

/// A queue of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageQueue {
    /// Its topic.
    pub topic: String,
    /// The name of its broker.
    pub broker_name: String,
    /// Its number there.
    pub queue_id: u32,
}

/// The offsets of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStats {
    /// What the next message stored will get.
    pub broker_offset: i64,
    /// What the group reads next. Zero also where it has committed nothing.
    pub consumer_offset: i64,
    /// What was handed out, acknowledged or not; only newer servers tell.
    #[serde(default, deserialize_with = "null_is_default")]
    pub pull_offset: i64,
    /// When the last message before `consumer_offset` was stored, in ms of the Unix epoch; 0 is not known.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_timestamp: i64,
}

fn table<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(MessageQueue, QueueStats)>, D::Error> {
    members(from, |queue, stats| Ok(Some((from_key(&queue)?, stats))))
}
