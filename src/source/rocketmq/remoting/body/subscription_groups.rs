//! The settings of every consumer group of a broker (201).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::null_is_default;

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
