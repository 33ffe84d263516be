//! Answers about consumer groups: offsets, connected clients, settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::super::lax_json::from_key;
use super::{members, null_is_default};

/// How far a group is, queue by queue.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumeStats {
    /// One entry a queue, in no particular order.
    #[serde(rename = "offsetTable", deserialize_with = "queue_table")]
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

fn queue_table<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<(MessageQueue, QueueStats)>, D::Error> {
    members(from, |queue, stats| Ok(Some((from_key(&queue)?, stats))))
}

/// The clients of a group that are connected to one broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerConnection {
    /// The clients.
    #[serde(rename = "connectionSet", deserialize_with = "null_is_default")]
    pub clients: Vec<ConsumerClient>,
    /// What they subscribe to, by topic.
    #[serde(
        rename = "subscriptionTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub subscriptions: BTreeMap<String, SubscriptionData>,
    /// `CONSUME_ACTIVELY` (pull), `CONSUME_PASSIVELY` (push), `CONSUME_POP`, or what comes later; verbatim.
    #[serde(default, deserialize_with = "null_is_default")]
    pub consume_type: String,
    /// `CLUSTERING`, `BROADCASTING`, or what comes later; verbatim.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message_model: String,
    /// `CONSUME_FROM_LAST_OFFSET` and the like.
    #[serde(default, deserialize_with = "null_is_default")]
    pub consume_from_where: String,
}

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerClient {
    /// Its name (`10.0.0.7@4711`).
    #[serde(default, deserialize_with = "null_is_default")]
    pub client_id: String,
    /// Where it connects from.
    #[serde(default, deserialize_with = "null_is_default")]
    pub client_addr: String,
    /// What it is written in (`JAVA`).
    #[serde(default, deserialize_with = "null_is_default")]
    pub language: String,
    /// The ordinal of its version.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: i32,
}

/// A group's subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionData {
    /// The topic.
    pub topic: String,
    /// The expression (`created || paid`).
    #[serde(rename = "subString", default, deserialize_with = "null_is_default")]
    pub expression: String,
    /// `TAG`, `SQL92`, or what comes later. Versions that know only tags don't say.
    #[serde(default, deserialize_with = "null_is_default")]
    pub expression_type: String,
    /// The tags of the expression; none for `*` and for other types.
    #[serde(rename = "tagsSet", default, deserialize_with = "null_is_default")]
    pub tags: Vec<String>,
    /// `String.hashCode` of each tag.
    #[serde(rename = "codeSet", default, deserialize_with = "null_is_default")]
    pub codes: Vec<i32>,
    /// When the client made it, in ms of the Unix epoch.
    #[serde(default, deserialize_with = "null_is_default")]
    pub sub_version: i64,
    /// Does a class on a filter server decide?
    #[serde(default, deserialize_with = "null_is_default")]
    pub class_filter_mode: bool,
}

/// The offsets of every group of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ConsumerOffsets {
    /// One entry a topic and group, in no particular order.
    ///
    /// Keys that are not `topic@group` are left out: a proxy keeps the offsets of each broadcasting client under
    /// `topic@group@client`.
    #[serde(rename = "offsetTable", deserialize_with = "group_table")]
    pub groups: Vec<GroupOffsets>,
}

/// What a group has committed for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffsets {
    /// The topic.
    pub topic: String,
    /// The group.
    pub group: String,
    /// Queue number and the offset that is read next.
    pub queues: Vec<(u32, i64)>,
}

/// Queues and their offsets.
#[derive(Deserialize)]
struct Queues(#[serde(deserialize_with = "queue_offsets")] Vec<(u32, i64)>);

fn queue_offsets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(u32, i64)>, D::Error> {
    members(from, |queue, offset| {
        let queue = queue
            .parse()
            .map_err(|_| wrong("no queue number", &queue))?;
        Ok(Some((queue, offset)))
    })
}

fn group_table<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<GroupOffsets>, D::Error> {
    members(from, |key, Queues(queues)| {
        let parts = key
            .split_once('@')
            .filter(|(_, group)| !group.contains('@'));
        Ok(parts.map(|(topic, group)| GroupOffsets {
            topic: topic.to_owned(),
            group: group.to_owned(),
            queues,
        }))
    })
}

fn wrong(what: &str, found: &str) -> serde_json::Error {
    serde::de::Error::custom(format_args!("{what}: {found:?}"))
}

/// Consumer groups, also those that nobody consumes for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct SubscriptionGroups {
    /// Groups by name.
    #[serde(
        rename = "subscriptionGroupTable",
        deserialize_with = "null_is_default"
    )]
    pub groups: BTreeMap<String, SubscriptionGroup>,
}

/// A group's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionGroup {
    /// Its name.
    pub group_name: String,
    /// May it consume at all?
    #[serde(default = "yes")]
    pub consume_enable: bool,
    /// May it broadcast?
    #[serde(default = "yes")]
    pub consume_broadcast_enable: bool,
    /// Does it consume each queue in order?
    #[serde(default)]
    pub consume_message_orderly: bool,
    /// How often a message is tried again before it goes to the dead letters.
    #[serde(default)]
    pub retry_max_times: i32,
}

const fn yes() -> bool {
    true
}
