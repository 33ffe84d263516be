//! Answers about brokers, topics and queues.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{members, null_is_default};

/// Everything that a name server knows of brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ClusterInfo {
    /// Brokers by name.
    #[serde(rename = "brokerAddrTable", deserialize_with = "null_is_default")]
    pub brokers: BTreeMap<String, BrokerData>,
    /// The names of the brokers of each cluster.
    #[serde(
        rename = "clusterAddrTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub clusters: BTreeMap<String, Vec<String>>,
}

/// Queues and brokers of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicRoute {
    /// The queues, by broker.
    #[serde(rename = "queueDatas", deserialize_with = "null_is_default")]
    pub queues: Vec<QueueData>,
    /// The brokers that hold them.
    #[serde(rename = "brokerDatas", deserialize_with = "null_is_default")]
    pub brokers: Vec<BrokerData>,
    #[serde(
        rename = "topicQueueMappingByBroker",
        alias = "topicQueueMappingInfo",
        default,
        deserialize_with = "is_filled"
    )]
    is_static: bool,
}

impl TopicRoute {
    /// Is it a static topic, whose queue numbers are not those of its brokers?
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.is_static
    }
}

/// Does the table that only static topics have say anything?
fn is_filled<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let brokers: Vec<()> = members(from, |_, IgnoredAny| Ok(Some(())))?;
    Ok(!brokers.is_empty())
}

/// A topic's queues on one broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueData {
    /// The broker's name: the same for a master and its slaves.
    pub broker_name: String,
    /// Queues `0..n` are read.
    pub read_queue_nums: u32,
    /// Queues `0..n` are written.
    pub write_queue_nums: u32,
    /// Bit 2: may be read; bit 1: may be written.
    pub perm: u32,
}

/// A broker's name, and who bears it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerData {
    /// The cluster it belongs to.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cluster: String,
    /// Its name.
    pub broker_name: String,
    /// Addresses (`host:port`) by broker ID: 0 is the master, the others are slaves.
    #[serde(default, deserialize_with = "null_is_default")]
    pub broker_addrs: BTreeMap<u64, String>,
    /// May a slave act for a master that is gone?
    #[serde(default, deserialize_with = "null_is_default")]
    pub enable_acting_master: bool,
}

impl BrokerData {
    /// Where the master is, if there is one.
    #[must_use]
    pub fn master(&self) -> Option<&str> {
        self.broker_addrs.get(&0).map(String::as_str)
    }

    /// The address to ask: the master's, else that of the slave with the lowest ID.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.broker_addrs.values().next().map(String::as_str)
    }
}

/// A topic's settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicConfig {
    /// The topic.
    pub topic_name: String,
    /// Queues `0..n` are read.
    pub read_queue_nums: u32,
    /// Queues `0..n` are written.
    pub write_queue_nums: u32,
    /// Bit 2: may be read; bit 1: may be written.
    pub perm: u32,
    /// `message.type` and the like; only 5.x has them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: BTreeMap<String, String>,
    #[serde(rename = "mappingDetail", default, deserialize_with = "is_there")]
    is_static: bool,
}

impl TopicConfig {
    /// Is it a static topic, whose queue numbers are not those of its brokers?
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.is_static
    }
}

fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(from)?.is_some())
}

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
