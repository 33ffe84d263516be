//! Responses about a broker as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::{members, null_is_default};

/// How far a broker has delivered the messages of each delay level (45).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct DelayOffsets {
    /// By level, from 1: the offset of the next message to deliver. A level that was never used may be missing. The
    /// messages of a level are in the queue with the number `level - 1`.
    #[serde(rename = "offsetTable", deserialize_with = "levels")]
    pub by_level: BTreeMap<u32, i64>,
}

fn levels<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, i64>, D::Error> {
    let levels = members(from, |level, offset: i64| {
        let number = level
            .parse()
            .map_err(|_| serde::de::Error::custom(format_args!("no delay level: {level:?}")))?;
        Ok(Some((number, offset)))
    })?;
    Ok(levels.into_iter().collect())
}

/// How groups are handed the messages of topics (402), where that was set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct RequestModes {
    /// By topic and group.
    #[serde(
        default,
        rename = "messageRequestModeMap",
        deserialize_with = "null_is_default"
    )]
    by_topic: BTreeMap<String, BTreeMap<String, RequestMode>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct RequestMode {
    #[serde(default, deserialize_with = "null_is_default")]
    mode: String,
}

impl RequestModes {
    /// Returns the groups that are handed some topic by POP.
    #[must_use]
    pub fn pop_groups(&self) -> BTreeSet<&str> {
        let groups = self.by_topic.values().flatten();
        let by_pop = groups.filter(|(_, of)| of.mode.eq_ignore_ascii_case("POP"));
        by_pop.map(|(group, _)| &**group).collect()
    }
}

/// What a broker says about itself (28), as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct BrokerRuntimeInfo {
    table: RuntimeTable,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeTable {
    #[serde(default, deserialize_with = "null_is_default")]
    earliest_message_time_stamp: String,
}

impl BrokerRuntimeInfo {
    /// Returns when the oldest message of the broker's commit log was stored, in ms of the Unix epoch. `None` if the
    /// broker has no message, or does not say.
    #[must_use]
    pub fn earliest_message(&self) -> Option<i64> {
        let millis = self.table.earliest_message_time_stamp.parse().ok()?;
        (millis > 0).then_some(millis)
    }
}
