//! Responses about consumer groups: offsets, connected clients, settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::super::lax_json::{from_key, from_slice, visit_members};
use super::super::namespace::{group_of_retry_topic, topic_of_pop_retries};
use super::{MOST_GROUPS, MOST_TOPICS, members, null_is_default};

/// The progress of a group on one broker (208).
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumeStats {
    /// One entry per queue, in no particular order.
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
    /// Name of the topic.
    pub topic: String,
    /// Name of the broker.
    pub broker_name: String,
    /// Number of the queue on that broker.
    pub queue_id: u32,
}

/// The offsets of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueStats {
    /// Offset of the next message to be stored.
    pub broker_offset: i64,
    /// Offset of the next message that the group reads. Zero also if the group has committed none.
    pub consumer_offset: i64,
    /// Offset up to which messages were handed out, acknowledged or not; only newer servers send it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub pull_offset: i64,
    /// Store time of the last message before `consumer_offset`, in ms of the Unix epoch; 0 if unknown.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_timestamp: i64,
}

fn queue_table<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<(MessageQueue, QueueStats)>, D::Error> {
    members(from, |queue, stats| Ok(Some((from_key(&queue)?, stats))))
}

/// The clients of a group that are connected to one broker (203).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerConnection {
    /// The clients.
    #[serde(rename = "connectionSet", deserialize_with = "null_is_default")]
    pub clients: Vec<ConsumerClient>,
    /// The subscriptions by topic.
    #[serde(
        rename = "subscriptionTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub subscriptions: BTreeMap<String, SubscriptionData>,
    /// `CONSUME_ACTIVELY` (pull), `CONSUME_PASSIVELY` (push), `CONSUME_POP`, or a later type; verbatim.
    #[serde(default, deserialize_with = "null_is_default")]
    pub consume_type: String,
    /// `CLUSTERING`, `BROADCASTING`, or a later model; verbatim.
    #[serde(default, deserialize_with = "null_is_default")]
    pub message_model: String,
    /// For example `CONSUME_FROM_LAST_OFFSET`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub consume_from_where: String,
}

/// A connected client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerClient {
    /// ID of the client (`10.0.0.7@4711`).
    #[serde(default, deserialize_with = "null_is_default")]
    pub client_id: String,
    /// Address of the client.
    #[serde(default, deserialize_with = "null_is_default")]
    pub client_addr: String,
    /// Language of the client (`JAVA`).
    #[serde(default, deserialize_with = "null_is_default")]
    pub language: String,
    /// Ordinal of the client's version.
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: i32,
}

impl ConsumerClient {
    /// Returns whether this is a gRPC client, whose messages are always fetched by POP. Its ID is
    /// `host@process@index@nanoseconds in base 36`; that of a remoting client is `address@instance` and has no such
    /// end (`docs/facts/rocketmq.md` §11).
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let is_base_36 = |part: &str| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
            part.len() >= 6 && part.bytes().all(is_digit)
        };
        let parts: Vec<_> = self.client_id.split('@').collect();
        matches!(parts[..], [_, process, index, time]
            if is_number(process) && is_number(index) && is_base_36(time))
    }
}

/// A group's subscription to a topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionData {
    /// Name of the topic.
    pub topic: String,
    /// The expression (`created || paid`).
    #[serde(rename = "subString", default, deserialize_with = "null_is_default")]
    pub expression: String,
    /// `TAG`, `SQL92`, or a later type; empty from versions that support only tags.
    #[serde(default, deserialize_with = "null_is_default")]
    pub expression_type: String,
    /// The tags of the expression; empty for `*` and for other types.
    #[serde(rename = "tagsSet", default, deserialize_with = "null_is_default")]
    pub tags: Vec<String>,
    /// `String.hashCode` of each tag.
    #[serde(rename = "codeSet", default, deserialize_with = "null_is_default")]
    pub codes: Vec<i32>,
    /// The time when the client created the subscription, in ms of the Unix epoch.
    #[serde(default, deserialize_with = "null_is_default")]
    pub sub_version: i64,
    /// Whether a class on a filter server filters the messages.
    #[serde(default, deserialize_with = "null_is_default")]
    pub class_filter_mode: bool,
}

/// The offsets of all groups of a broker (43).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumerOffsets {
    /// One entry per topic and group, in no particular order.
    ///
    /// Keys other than `topic@group` are omitted: a proxy keeps the offsets of each broadcasting client under
    /// `topic@group@client`.
    pub groups: Vec<GroupOffsets>,
}

/// Maximum length of the entry of one topic and group.
const LONGEST_ENTRY: usize = 1024 * 1024;

/// Maximum numbers of what is kept of a response, which may need several times the memory of the response.
struct OffsetLimits {
    pairs: usize,
    queues: usize,
}

impl OffsetLimits {
    /// Returns the limits for so many topics. All groups may consume one of them; most topics have one group.
    const fn of(topics: usize) -> Self {
        Self {
            pairs: MOST_GROUPS + 2 * topics,
            queues: 200_000 + 20 * topics,
        }
    }
}

impl ConsumerOffsets {
    /// Parses a response in place and keeps the offsets of these topics, or of all, and of the retry topics of groups, with
    /// those of POP: the response may be large, and most of it is about other topics.
    ///
    /// # Errors
    ///
    /// If the text is not such a table, or has more entries than a cluster has.
    pub fn read(
        body: &[u8],
        topics: Option<&BTreeSet<Arc<str>>>,
    ) -> Result<Self, serde_json::Error> {
        let is_wanted = |topic: &str, group: &str| {
            topics.is_none_or(|topics| topics.contains(topic))
                || group_of_retry_topic(topic) == Some(group)
                || topic_of_pop_retries(topic, group)
                    .is_some_and(|of| topics.is_some_and(|topics| topics.contains(of)))
        };
        let most = OffsetLimits::of(topics.map_or(MOST_TOPICS, BTreeSet::len));
        let mut groups = BTreeSet::new();
        let mut table = None;
        visit_members(body, |name, value| {
            if name == br#""offsetTable""# {
                table = Some(value);
            }
            Ok(())
        })?;
        let table = table.ok_or_else(|| serde_json::Error::missing_field("offsetTable"))?;
        let mut all = Self::default();
        if table == b"null" {
            return Ok(all);
        }
        let mut kept = 0;
        visit_members(table, |key, value| {
            let key: String = from_slice(key)?;
            let parts = key.split_once('@');
            let Some((topic, group)) = parts.filter(|(_, group)| !group.contains('@')) else {
                return Ok(());
            };
            if !is_wanted(topic, group) {
                return Ok(());
            }
            if value.len() > LONGEST_ENTRY {
                return Err(wrong("too many queues", &key));
            }
            let Queues(queues) = from_slice(value)?;
            kept += queues.len();
            if kept > most.queues || all.groups.len() == most.pairs {
                return Err(wrong("too many offsets up to", &key));
            }
            if !groups.contains(group) {
                groups.insert(group.to_owned());
            }
            if groups.len() > MOST_GROUPS {
                return Err(wrong("too many groups up to", &key));
            }
            all.groups.push(GroupOffsets {
                topic: topic.to_owned(),
                group: group.to_owned(),
                queues,
            });
            Ok(())
        })?;
        Ok(all)
    }
}

/// The offsets that a group has committed for a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffsets {
    /// Name of the topic.
    pub topic: String,
    /// Name of the group.
    pub group: String,
    /// Queue number and committed offset.
    pub queues: Vec<(u32, i64)>,
}

/// Queue numbers and offsets.
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

fn wrong(what: &str, found: &str) -> serde_json::Error {
    serde::de::Error::custom(format_args!("{what}: {found:?}"))
}

/// All consumer groups of a broker, including those without clients (201).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct SubscriptionGroups {
    /// Groups by name.
    #[serde(
        rename = "subscriptionGroupTable",
        deserialize_with = "null_is_default"
    )]
    pub groups: BTreeMap<String, SubscriptionGroup>,
}

/// The settings of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionGroup {
    /// Name of the group.
    pub group_name: String,
    /// Whether the group may consume.
    #[serde(default = "yes")]
    pub consume_enable: bool,
    /// Whether the group may broadcast.
    #[serde(default = "yes")]
    pub consume_broadcast_enable: bool,
    /// Whether the group consumes each queue in order.
    #[serde(default)]
    pub consume_message_orderly: bool,
    /// Number of retries before a message becomes a dead letter.
    #[serde(default)]
    pub retry_max_times: i32,
    /// Number of queues of its retry topic on each broker. Without any, a message that fails is dropped.
    #[serde(default = "one")]
    pub retry_queue_nums: i32,
}

const fn yes() -> bool {
    true
}

const fn one() -> i32 {
    1
}
