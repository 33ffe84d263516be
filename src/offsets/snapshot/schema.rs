//! The file as it is written. Unknown fields are ignored, missing lists are empty.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::MessageIndex;
use crate::clock::rfc3339;
use crate::offsets::Rules;

const SCHEMA: &str = "ons-audit-snapshot/1";

/// A snapshot but for its messages.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(expecting = "a snapshot object")]
pub struct SnapshotDocument {
    /// Says that it is one.
    pub schema: Schema,
    /// The cluster's name, for people.
    pub cluster: Box<str>,
    /// When the offsets were read.
    pub captured_at: SnapshotTime,
    /// The instance the topics live in, where the cluster serves one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// By which table it is judged; the gateway's where the file doesn't say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Rules,
    /// The brokers' names.
    #[serde(default)]
    pub brokers: Vec<Arc<str>>,
    /// The address of each broker's master, `ip:port`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masters: BTreeMap<Arc<str>, Box<str>>,
    /// The brokers that could not be asked, and why: nothing is said of messages that they hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// The topics.
    #[serde(default)]
    pub topics: Vec<TopicEntry>,
    /// The consumer groups.
    #[serde(default)]
    pub groups: Vec<GroupEntry>,
    /// Where messages are stored; written one by one.
    #[serde(default, skip_serializing)]
    pub messages: MessageIndex,
    /// The messages that were looked for in vain; written one by one.
    #[serde(default, skip_serializing)]
    pub missing: Vec<MissingMessage<'static>>,
}

/// A topic and its queues.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a topic object")]
pub struct TopicEntry {
    /// Its name.
    pub topic: Arc<str>,
    /// A static (logical-queue) topic.
    #[serde(default, rename = "static", skip_serializing_if = "is_default")]
    pub is_static: bool,
    /// How many queues consumers may read, by broker.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read_queue_nums: BTreeMap<Arc<str>, u32>,
    /// Its queues.
    #[serde(default)]
    pub queues: Vec<QueueRange>,
}

/// What a queue holds.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a queue object")]
pub struct QueueRange {
    /// Broker name.
    pub broker: Arc<str>,
    /// Number on that broker.
    pub queue_id: u32,
    /// Of the oldest message.
    pub min_offset: u64,
    /// One past the newest.
    pub max_offset: u64,
}

/// A group; one that is offline may not say how it consumes.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a group object")]
pub struct GroupEntry {
    /// Its name.
    pub group: Arc<str>,
    /// Is any client connected?
    pub online: bool,
    /// `push`, `pull` or `pop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consume_type: Option<Box<str>>,
    /// `clustering` or `broadcasting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_model: Option<Box<str>>,
    /// Is there a `%RETRY%` topic for it?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_topic: Option<bool>,
    /// The topics that it takes by POP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pop_topics: Vec<Arc<str>>,
    /// What its clients subscribe to.
    #[serde(default)]
    pub subscriptions: Vec<GroupSubscription>,
    /// What it has committed.
    #[serde(default)]
    pub offsets: Vec<OffsetEntry>,
}

/// A subscription of a group.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a subscription object")]
pub struct GroupSubscription {
    /// To this topic.
    pub topic: Arc<str>,
    /// As it was written; everything where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Box<str>>,
    /// `TAG`, `SQL92`, `CLASS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_type: Option<Box<str>>,
}

/// The next message that a group will read of a queue.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an offset object")]
pub struct OffsetEntry {
    /// Topic.
    pub topic: Arc<str>,
    /// Broker name.
    pub broker: Arc<str>,
    /// Number on that broker.
    pub queue_id: u32,
    /// The committed offset.
    pub offset: u64,
}

/// A message that was looked for in vain when the snapshot was taken.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(expecting = "a message object")]
pub struct MissingMessage<'a> {
    /// Its ID.
    pub msg_id: Cow<'a, str>,
    /// The topic that it was looked for under.
    pub topic: Cow<'a, str>,
    /// `not_found`, or why nobody answered (`transport`).
    pub kind: Cow<'a, str>,
    /// The code of the answer.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub code: Cow<'a, str>,
    /// What happened.
    #[serde(default)]
    pub message: Cow<'a, str>,
}

/// One entry of `messages`, alive only until it is packed or written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "a message object")]
pub struct MessageEntry<'a> {
    /// Its ID.
    #[serde(borrow)]
    pub msg_id: Cow<'a, str>,
    /// The topic that it is stored under.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Broker name.
    #[serde(borrow)]
    pub broker: Cow<'a, str>,
    /// Queue of the topic on that broker.
    pub queue_id: u32,
    /// Its offset in that queue.
    pub queue_offset: u64,
    /// Its tag, if it has one.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Cow<'a, str>>,
    /// When it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<SnapshotTime>,
    /// The address that it was stored at, `ip:port`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub store_host: Option<Cow<'a, str>>,
}

/// Proof that the file says it is a snapshot of the version we read.
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
