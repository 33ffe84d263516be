//! Everything that groups have committed on one broker (43).

use serde::{Deserialize, Deserializer};

use super::members;

/// The offsets of every group of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct ConsumerOffsets {
    /// One entry a topic and group, in no particular order.
    ///
    /// Keys that are not `topic@group` are left out: a proxy keeps the offsets of each broadcasting client under
    /// `topic@group@client`.
    #[serde(rename = "offsetTable", deserialize_with = "table")]
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
struct Queues(#[serde(deserialize_with = "queues")] Vec<(u32, i64)>);

fn queues<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(u32, i64)>, D::Error> {
    members(from, |queue, offset| {
        let queue = queue
            .parse()
            .map_err(|_| wrong("no queue number", &queue))?;
        Ok(Some((queue, offset)))
    })
}

fn table<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<GroupOffsets>, D::Error> {
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
