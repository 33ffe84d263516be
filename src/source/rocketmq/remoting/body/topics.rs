//! Responses about brokers, topics and queues.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::{members, null_is_default};

/// All brokers that a name server knows (106).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ClusterInfo {
    /// Brokers by name.
    #[serde(rename = "brokerAddrTable", deserialize_with = "null_is_default")]
    pub brokers: BTreeMap<String, BrokerData>,
    /// Names of the brokers of each cluster.
    #[serde(
        rename = "clusterAddrTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub clusters: BTreeMap<String, Vec<String>>,
}

/// Queues and brokers of a topic (105).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicRoute {
    /// The queues, by broker.
    #[serde(rename = "queueDatas", deserialize_with = "null_is_default")]
    pub queues: Vec<QueueData>,
    /// The brokers of the topic.
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
    /// Returns whether this is a static topic, whose queue numbers differ from those of its brokers.
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.is_static
    }

    /// Returns what is wrong if the topic has more queues than a cluster has.
    pub(in super::super) fn check_queues(&self) -> Result<(), String> {
        let counts = self
            .queues
            .iter()
            .map(|queues| queues.read_queue_nums.max(queues.write_queue_nums));
        let count: u64 = counts.map(u64::from).sum();
        if count > MOST_QUEUES {
            return Err(format!(
                "a topic with {count} queues, expected at most {MOST_QUEUES}"
            ));
        }
        Ok(())
    }
}

/// Maximum number of queues of a topic on all brokers. Each of them is asked for its offsets.
const MOST_QUEUES: u64 = 65_536;

/// Returns whether the table that only static topics have is not empty.
fn is_filled<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let brokers: Vec<()> = members(from, |_, IgnoredAny| Ok(Some(())))?;
    Ok(!brokers.is_empty())
}

/// The queues of a topic on one broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueData {
    /// Name of the broker: the same for a master and its slaves.
    pub broker_name: String,
    /// Queues `0..n` can be read.
    pub read_queue_nums: u32,
    /// Queues `0..n` can be written.
    pub write_queue_nums: u32,
    /// Bit 2: readable; bit 1: writable.
    pub perm: u32,
}

/// A broker and its replicas.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokerData {
    /// Name of the cluster.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cluster: String,
    /// Name of the broker.
    pub broker_name: String,
    /// Addresses (`host:port`) by broker ID: 0 is the master, the others are slaves.
    #[serde(default, deserialize_with = "null_is_default")]
    pub broker_addrs: BTreeMap<u64, String>,
    /// Whether a slave may act as master if the master is gone.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enable_acting_master: bool,
}

impl BrokerData {
    /// Returns the address of the master, if there is one.
    #[must_use]
    pub fn master(&self) -> Option<&str> {
        self.broker_addrs.get(&0).map(String::as_str)
    }

    /// Returns the address of the master, or else of the slave with the lowest ID.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.broker_addrs.values().next().map(String::as_str)
    }
}

/// The settings of a topic on one broker (351).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicConfig {
    /// Name of the topic.
    pub topic_name: String,
    /// Queues `0..n` can be read.
    pub read_queue_nums: u32,
    /// Queues `0..n` can be written.
    pub write_queue_nums: u32,
    /// Bit 2: readable; bit 1: writable.
    pub perm: u32,
    /// Attributes such as `message.type`; only 5.x has them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub attributes: BTreeMap<String, String>,
    #[serde(rename = "mappingDetail", default, deserialize_with = "is_there")]
    is_static: bool,
}

impl TopicConfig {
    /// Returns whether this is a static topic, whose queue numbers differ from those of its brokers.
    #[must_use]
    pub const fn is_static(&self) -> bool {
        self.is_static
    }
}

fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<IgnoredAny>::deserialize(from)?.is_some())
}

/// Consecutive entries of a consume queue (321).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ConsumeQueue {
    /// Oldest offset of the queue.
    #[serde(
        rename = "minQueueIndex",
        default,
        deserialize_with = "null_is_default"
    )]
    pub min_offset: i64,
    /// Offset of the next message to be stored.
    #[serde(
        rename = "maxQueueIndex",
        default,
        deserialize_with = "null_is_default"
    )]
    pub max_offset: i64,
    /// The entries from the requested offset on; empty past the end.
    #[serde(rename = "queueData", default, deserialize_with = "null_is_default")]
    pub entries: Vec<QueueEntry>,
}

/// The position of a stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueEntry {
    /// Position in the commit log.
    #[serde(rename = "physicOffset")]
    pub physical_offset: i64,
    /// Size in bytes.
    #[serde(rename = "physicSize")]
    pub size: i32,
    /// `String.hashCode` of the tag, 0 without a tag. A value beyond 32 bits is not a hash (`ConsumeQueueExt`,
    /// delays).
    pub tags_code: i64,
}
