//! What `GetTrace` and `GetMessageDetail` say about a message. The body of the message is never kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::fields::{Items, Text, object, present};
use crate::evidence::{DeadLetter, Deliveries, DeliveryRecord};
use crate::message::Tag;
use crate::offsets::TrackType;
use crate::source::Track;
use crate::source::ons::redact::Redactor;

/// The data of `GetTrace`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TraceData {
    #[serde(deserialize_with = "some_fields")]
    message_info: Option<MessageInfo>,
    #[serde(deserialize_with = "object")]
    broker_info: BrokerInfo,
    consumer_infos: Items<ConsumerInfo>,
}

/// The data of `GetMessageDetail`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Detail(#[serde(deserialize_with = "some_fields")] pub(super) Option<MessageInfo>);

/// Reads a message. An object without any value is none.
fn some_fields<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<MessageInfo>, D::Error> {
    let fields = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    if fields.values().all(Value::is_null) {
        return Ok(None);
    }
    let message = MessageInfo::deserialize(Value::Object(fields));
    message.map(Some).map_err(D::Error::custom)
}

/// What is known about the message itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MessageInfo {
    born_time: Text,
    store_time: Text,
    message_type: Text,
    #[serde(deserialize_with = "present")]
    message_tag: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BrokerInfo {
    preset_delay_time: Text,
    recall_result: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConsumerInfo {
    consumer_group_id: Text,
    consume_status: Text,
    dead_message: Text,
    #[serde(deserialize_with = "object")]
    dead_letter_info: DeadLetterInfo,
    records: Items<DeliveryEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeadLetterInfo {
    message_id: Text,
    topic_name: Text,
    to_dlq_time: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeliveryEntry {
    consume_status: Text,
    client_host: Text,
    operations: Items<DeliveryStep>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeliveryStep {
    operate_time: Text,
    dead_message: Text,
}

/// What the trace of a message says.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// The message; `None` if the trace does not have it.
    pub(super) message: Option<MessageInfo>,
    pub(super) broker: BrokerInfo,
    /// A track for each group with deliveries, in name order.
    pub(super) tracks: Vec<Track>,
    /// Whether the trace has a consumer without a name.
    pub(super) has_unnamed: bool,
}

impl TraceData {
    /// Returns what the data says.
    pub(super) fn read(self, redactor: &Redactor) -> Traced {
        let mut groups = BTreeMap::<&str, Vec<&ConsumerInfo>>::new();
        let mut has_unnamed = false;
        for consumer in &self.consumer_infos.0 {
            match consumer.consumer_group_id.said() {
                Some(group) => groups.entry(group.trim()).or_default().push(consumer),
                None => has_unnamed = true,
            }
        }
        let tracks = groups.into_iter();
        Traced {
            message: self.message_info,
            broker: self.broker_info,
            tracks: tracks
                .map(|(group, consumers)| track(group, &consumers, redactor))
                .collect(),
            has_unnamed,
        }
    }
}

impl Traced {
    /// Returns whether there is nothing about any group.
    pub(super) const fn is_empty(&self) -> bool {
        self.tracks.is_empty() && !self.has_unnamed
    }
}

/// Returns the track of a group from all that the trace says about it.
fn track(group: &str, consumers: &[&ConsumerInfo], redactor: &Redactor) -> Track {
    let records = consumers.iter().flat_map(|consumer| &consumer.records.0);
    let records: Vec<_> = records.map(|record| record.read(redactor)).collect();
    let dead_letters = consumers
        .iter()
        .filter_map(|consumer| consumer.dead_letter());
    let dead_letter = dead_letters.min_by_key(|dead| (dead.at.is_none(), Reverse(dead.at)));
    let mut stated = consumers
        .iter()
        .filter_map(|consumer| consumer.consume_status.said());
    let first = stated.next();
    let stated = first.filter(|first| stated.all(|other| other == *first));
    let newest = records.iter().max_by_key(|record| record.at);
    let newest = newest.map(|record| &*record.status);
    let word = match stated {
        Some(stated) => Some(shown(stated, redactor)),
        None => newest.filter(|word| !word.is_empty()).map(Arc::from),
    };
    let word = word.map_or(TrackType::UNKNOWN, |word| TrackType::from(&*word));
    let deliveries = Deliveries {
        dead_letter,
        records,
        broadcasting: false,
    };
    Track {
        deliveries: Some(Arc::new(deliveries)),
        ..Track::new(group, word)
    }
}

/// Returns a text of the answer as it is kept.
fn shown(text: &str, redactor: &Redactor) -> Arc<str> {
    redactor
        .hidden_in(text)
        .map_or_else(|| text.into(), Into::into)
}

impl ConsumerInfo {
    /// Returns the dead letter that the message became, if it became one.
    fn dead_letter(&self) -> Option<DeadLetter> {
        let info = &self.dead_letter_info;
        let operations = self
            .records
            .0
            .iter()
            .flat_map(|record| &record.operations.0);
        let is_dead = |operation: &&DeliveryStep| operation.dead_message.flag() == Some(true);
        let dead: Vec<_> = operations.filter(is_dead).collect();
        let is_said = info.message_id.said().or(info.to_dlq_time.said()).is_some();
        let is_dead = match self.dead_message.flag() {
            Some(true) => true,
            Some(false) => !dead.is_empty(),
            None => !dead.is_empty() || is_said,
        };
        is_dead.then(|| DeadLetter {
            at: info.to_dlq_time.time().or_else(|| {
                let times = dead.iter().map(|operation| operation.operate_time.time());
                times.flatten().max()
            }),
            topic: info.topic_name.said().map(Into::into),
        })
    }
}

impl DeliveryEntry {
    fn read(&self, redactor: &Redactor) -> DeliveryRecord {
        let times = self.operations.0.iter();
        DeliveryRecord {
            status: shown(self.consume_status.said().unwrap_or_default(), redactor),
            at: times
                .filter_map(|operation| operation.operate_time.time())
                .max(),
            host: self.client_host.said().map(|host| shown(host, redactor)),
        }
    }
}

impl MessageInfo {
    /// Returns when the producer made the message.
    pub(super) fn born_at(&self) -> Option<Timestamp> {
        self.born_time.time()
    }

    /// Returns the tag. A message that says nothing about its tag may have one.
    pub(super) fn tag(&self) -> Tag {
        self.message_tag
            .as_ref()
            .map_or(Tag::Unknown, |tag| Tag::from(tag.said()))
    }

    /// Returns when consumers could receive the message.
    ///
    /// # Errors
    ///
    /// Why that is not certain.
    pub(super) fn available_at(&self, broker: &BrokerInfo) -> Result<Timestamp, &'static str> {
        let stored = self.store_time.time().ok_or("its store time is unknown")?;
        if broker.recall_result.said().is_some() {
            return Err("it was recalled");
        }
        let set_for = broker.preset_delay_time.time();
        let since = set_for.map_or(stored, |set_for| set_for.max(stored));
        let kind = self.message_type.said();
        let kind = kind.map(|kind| kind.trim().to_ascii_uppercase());
        match kind.as_deref() {
            Some("DELAY") if set_for.is_none() => Err("its delay is unknown"),
            None | Some("NORMAL" | "FIFO" | "DELAY") => Ok(since),
            Some("TRANSACTION") => Err("it is a TRANSACTION message"),
            Some("LITE") => Err("it is a LITE message"),
            Some(_) => Err("its type is unknown"),
        }
    }
}
