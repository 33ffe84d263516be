//! What answers hold: the bodies in JSON, as far as we use them (`docs/facts/rocketmq.md` §3.2).
//!
//! Unknown members are ignored and `null` is an empty list, but what a verdict rests on (a table, a broker's name, a
//! queue's number, an offset) must be there: a body without it is malformed, not empty.

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

/// The topics of `topicList`, the groups of `groupList`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
pub(super) struct NameList {
    #[serde(
        alias = "topicList",
        alias = "groupList",
        deserialize_with = "null_is_default"
    )]
    pub(super) names: Vec<String>,
}

/// Java leaves `null` out or writes it; both mean nothing is there.
fn null_is_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads a JSON object member by member, without a map in between; `null` is one without members.
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
