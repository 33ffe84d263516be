//! The schema of the file. Unknown fields are ignored, missing lists are empty.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::MessageIndex;
use crate::clock::rfc3339;
use crate::evidence::{ExaminedTopic, Proof};
use crate::offsets::Rules;

const SCHEMA: &str = "ons-audit-snapshot/1";

/// A snapshot without its messages.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(expecting = "a snapshot object")]
pub struct SnapshotDocument {
    /// Identifies the file format.
    pub schema: Schema,
    /// The cluster's name, for display.
    pub cluster: Box<str>,
    /// The time when the offsets were read.
    pub captured_at: SnapshotTime,
    /// The instance of the topics, if the cluster serves one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// The decision table; the gateway's if the file does not say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Rules,
    /// Names of the brokers.
    #[serde(default)]
    pub brokers: Vec<Arc<str>>,
    /// Address of each broker's master, `ip:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masters: BTreeMap<Arc<str>, Box<str>>,
    /// The brokers that could not be asked, with the reason. Messages on them are not judged.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// The topics.
    #[serde(default)]
    pub topics: Vec<TopicEntry>,
    /// The consumer groups.
    #[serde(default)]
    pub groups: Vec<GroupEntry>,
    /// The topics that were examined beyond the offsets. `None` if nothing was examined; empty if no topic needed to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<Vec<ExaminedTopic>>,
    /// What was found in these topics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
    /// The stored messages; written one by one.
    #[serde(default, skip_serializing)]
    pub messages: MessageIndex,
    /// The messages that were not found; written one by one.
    #[serde(default, skip_serializing)]
    pub missing: Vec<MissingMessage<'static>>,
}

impl SnapshotDocument {
    /// Returns a copy of the topics and groups, for those who need them beside the state that is made of a snapshot.
    #[must_use]
    pub fn topics_and_groups(&self) -> Self {
        Self {
            topics: self.topics.clone(),
            groups: self.groups.clone(),
            unreachable: self.unreachable.clone(),
            ..Self::default()
        }
    }
}

/// A topic and its queues.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a topic object")]
pub struct TopicEntry {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Whether this is a static (logical-queue) topic.
    #[serde(default, rename = "static", skip_serializing_if = "is_default")]
    pub is_static: bool,
    /// The number of queues that consumers may read, by broker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read_queue_nums: BTreeMap<Arc<str>, u32>,
    /// The queues of the topic.
    #[serde(default)]
    pub queues: Vec<QueueRange>,
}

/// The offsets that a queue holds.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a queue object")]
pub struct QueueRange {
    /// Name of the broker.
    pub broker: Arc<str>,
    /// Number of the queue on that broker.
    pub queue_id: u32,
    /// Offset of the oldest message.
    pub min_offset: u64,
    /// One past the offset of the newest message.
    pub max_offset: u64,
}

/// A consumer group. If it is offline, its consume type and message model may be unknown.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a group object")]
pub struct GroupEntry {
    /// Name of the group.
    pub group: Arc<str>,
    /// Whether any client is connected.
    pub online: bool,
    /// `push`, `pull` or `pop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consume_type: Option<Box<str>>,
    /// `clustering` or `broadcasting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_model: Option<Box<str>>,
    /// Whether a `%RETRY%` topic exists for the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_topic: Option<bool>,
    /// The topics that the group consumes by POP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pop_topics: Vec<Arc<str>>,
    /// The subscriptions of its clients.
    #[serde(default)]
    pub subscriptions: Vec<GroupSubscription>,
    /// The offsets that it has committed.
    #[serde(default)]
    pub offsets: Vec<OffsetEntry>,
}

/// A subscription of a group.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a subscription object")]
pub struct GroupSubscription {
    /// The topic.
    pub topic: Arc<str>,
    /// The expression, verbatim; a missing one stands for `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Box<str>>,
    /// `TAG`, `SQL92`, `CLASS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_type: Option<Box<str>>,
}

/// A committed offset of a group: the next message it will read.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "an offset object")]
pub struct OffsetEntry {
    /// Name of the topic.
    pub topic: Arc<str>,
    /// Name of the broker.
    pub broker: Arc<str>,
    /// Number of the queue on that broker.
    pub queue_id: u32,
    /// The committed offset.
    pub offset: u64,
    /// Whether it is past the end of the queue, which was read afterwards: it proves nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub past_end: bool,
}

/// A message that was not found when the snapshot was captured.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a message object")]
pub struct MissingMessage<'a> {
    /// The message ID.
    pub msg_id: Cow<'a, str>,
    /// The topic under which it was looked up.
    pub topic: Cow<'a, str>,
    /// `not_found`, or why the look-up failed (`transport`).
    pub kind: Cow<'a, str>,
    /// Error code.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub code: Cow<'a, str>,
    /// Error message.
    #[serde(default)]
    pub message: Cow<'a, str>,
}

/// One entry of `messages`, which exists only until it is packed or written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a message object")]
pub struct MessageEntry<'a> {
    /// The message ID.
    #[serde(borrow)]
    pub msg_id: Cow<'a, str>,
    /// The unique key (`UNIQ_KEY`), if the message has one and it is not the message ID.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub unique_key: Option<Cow<'a, str>>,
    /// The topic that the message is stored under.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Name of the broker.
    #[serde(borrow)]
    pub broker: Cow<'a, str>,
    /// Queue of the topic on that broker.
    pub queue_id: u32,
    /// Offset in that queue.
    pub queue_offset: u64,
    /// The tag, if the message has one.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Cow<'a, str>>,
    /// The time when the message was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<SnapshotTime>,
    /// The time when the producer made the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_at: Option<SnapshotTime>,
    /// The address at which the message was stored, `ip:port`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub store_host: Option<Cow<'a, str>>,
}

/// Accepts only the schema version that this program reads.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Schema;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCHEMA)
    }
}

impl TryFrom<String> for Schema {
    type Error = String;

    fn try_from(found: String) -> Result<Self, String> {
        match &*found {
            SCHEMA => Ok(Self),
            "ons-audit/1" => Err(format!(
                "this is a results file (`{found}`), expected a snapshot (`{SCHEMA}`)"
            )),
            _ => Err(format!("schema is `{found}`, expected `{SCHEMA}`")),
        }
    }
}

/// An RFC 3339 time.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "Cow<'_, str>")]
pub struct SnapshotTime(pub Timestamp);

impl Serialize for SnapshotTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl TryFrom<Cow<'_, str>> for SnapshotTime {
    type Error = String;

    fn try_from(found: Cow<'_, str>) -> Result<Self, String> {
        found
            .parse()
            .map(Self)
            .map_err(|_| format!("`{found}` is not a time such as 2026-11-20T03:00:00Z"))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
