//! JSON bodies of responses, as far as they are used (`docs/facts/rocketmq.md` §3.2).
//!
//! Unknown members are ignored, and `null` is an empty list. Fields that a verdict rests on (a table, a
//! broker's name, a queue number, an offset) are required: a body without them is malformed, not empty.

mod brokers;
mod groups;
mod topics;

pub use brokers::{BrokerRuntimeInfo, DelayOffsets, RequestModes};
pub use groups::{
    ConsumeStats, ConsumerClient, ConsumerConnection, ConsumerOffsets, GroupOffsets, MessageQueue,
    QueueStats, SubscriptionData, SubscriptionGroup, SubscriptionGroups,
};
pub use topics::{
    BrokerData, ClusterInfo, ConsumeQueue, QueueData, QueueEntry, TopicConfig, TopicRoute,
};

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::lax_json::{visit_items, visit_members};

/// Maximum number of topics in a list, and of groups. Short names would need many times the memory of the response.
pub(super) const MOST_TOPICS: usize = 150_000;
pub(super) const MOST_GROUPS: usize = 20_000;

/// Parses the names of `topicList` or `groupList` in place, at most `most`, and keeps those for which `keep` returns a
/// value.
pub(super) fn read_names<T>(
    body: &[u8],
    most: usize,
    keep: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, serde_json::Error> {
    let mut list = None;
    visit_members(body, |name, value| {
        if matches!(name, br#""topicList""# | br#""groupList""#) {
            list = Some(value);
        }
        Ok(())
    })?;
    let list = list.ok_or_else(|| serde_json::Error::missing_field("a list of names"))?;
    let (mut count, mut kept) = (0, Vec::new());
    visit_items(list, |name| {
        count += 1;
        if count > most {
            let what = format_args!("more names than {most}");
            return Err(serde::de::Error::custom(what));
        }
        let name: String = serde_json::from_slice(name)?;
        kept.extend(keep(&name));
        Ok(())
    })?;
    Ok(kept)
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
