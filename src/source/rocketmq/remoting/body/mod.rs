//! JSON bodies of responses, as far as they are used (`docs/facts/rocketmq.md` §3.2).
//!
//! Unknown members are ignored, and `null` is an empty list. Fields that a verdict rests on (a table, a
//! broker's name, a queue number, an offset) are required: a body without them is malformed, not empty.

mod groups;
mod topics;

pub use groups::{
    ConsumeStats, ConsumerClient, ConsumerConnection, ConsumerOffsets, GroupOffsets, MessageQueue,
    QueueStats, SubscriptionData, SubscriptionGroup, SubscriptionGroups,
};
pub use topics::{
    BrokerData, ClusterInfo, ConsumeQueue, QueueData, QueueEntry, TopicConfig, TopicRoute,
};

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// The topics of `topicList`, or the groups of `groupList`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
pub(super) struct NameList {
    #[serde(
        alias = "topicList",
        alias = "groupList",
        deserialize_with = "null_is_default"
    )]
    pub(super) names: Vec<String>,
}

/// Parses a value; Java omits `null` or writes it, and both give the default.
fn null_is_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Parses a JSON object member by member, without building a map; `null` has no members.
fn members<'de, D, V, T>(
    from: D,
    read: impl FnMut(String, V) -> Result<Option<T>, serde_json::Error>,
) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    struct Members<V, T, F>(F, PhantomData<(V, T)>);

    impl<'de, V, T, F> Visitor<'de> for Members<V, T, F>
    where
        V: Deserialize<'de>,
        F: FnMut(String, V) -> Result<Option<T>, serde_json::Error>,
    {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::new();
            while let Some((name, value)) = map.next_entry()? {
                read.extend(self.0(name, value).map_err(serde::de::Error::custom)?);
            }
            Ok(read)
        }
    }

    from.deserialize_any(Members(read, PhantomData))
}
