//! Who consumes for a group, and how (203).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::null_is_default;

/// The clients of a group that are connected to one broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerConnection {
    /// The clients.
    #[serde(rename = "connectionSet", deserialize_with = "null_is_default")]
    pub clients: Vec<Client>,
    /// What they subscribe to, by topic.
    #[serde(
        rename = "subscriptionTable",
        default,
        deserialize_with = "null_is_default"
    )]
    pub subscriptions: BTreeMap<String, Subscription>,
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
pub struct Client {
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
pub struct Subscription {
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
