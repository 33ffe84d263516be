//! What `ApsaraMQ` for RocketMQ 5.x says about a message and a group (`docs/facts/ons5.md`).

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the service says about the deliveries of one message to one group: a part of the answer about the message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(expecting = "deliveries")]
pub struct Deliveries {
    /// The message became a dead letter of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
    /// One record for each delivery, in the order of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<DeliveryRecord>,
    /// Every client of the group receives the message for itself, so that one record says nothing about the group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broadcasting: bool,
}

/// A message that a group did not process became a dead letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(expecting = "a dead letter")]
pub struct DeadLetter {
    /// When, if the service says so.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::some_time"
    )]
    pub at: Option<Timestamp>,
    /// The topic that keeps it, if the service names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Arc<str>>,
}

/// One delivery of a message to a client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(expecting = "a delivery")]
pub struct DeliveryRecord {
    /// The status word, verbatim; empty if there is none. The words are not documented.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub status: Arc<str>,
    /// The time of the last operation of the delivery, if there is one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::some_time"
    )]
    pub at: Option<Timestamp>,
    /// The client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
}

fn is_empty(text: &Arc<str>) -> bool {
    text.is_empty()
}

/// How many messages of a topic a group has not consumed yet. If there is none, the group has consumed all messages that
/// were available before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "the lag of a group")]
pub struct GroupLag {
    /// The consumer group, as the rows name it.
    pub group: Arc<str>,
    /// The instance of the group, if the rows name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// The topic.
    pub topic: Arc<str>,
    /// When the lag was read.
    #[serde(serialize_with = "super::time")]
    pub at: Timestamp,
    /// Number of messages that wait for their first delivery.
    #[serde(default)]
    pub ready: u64,
    /// Number of messages that were delivered and not acknowledged yet.
    #[serde(default)]
    pub inflight: u64,
    /// Why the lag is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Arc<str>>,
}

impl GroupLag {
    /// Returns whether the group has consumed everything on the topic.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.unknown.is_none() && self.ready == 0 && self.inflight == 0
    }
}

/// How a group retries, and where it keeps dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "the retry policy of a group")]
pub struct RetryPolicy {
    /// The consumer group, as the rows name it.
    pub group: Arc<str>,
    /// The instance of the group, if the rows name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// Number of deliveries after the first.
    #[serde(default)]
    pub max_retries: u32,
    /// The topic that keeps dead letters. `None`: they are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<Arc<str>>,
    /// Why the policy is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Arc<str>>,
}
