//! A topic's settings on one broker (351).

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::null_is_default;

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
