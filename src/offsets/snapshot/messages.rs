//! A compact index of stored messages: about 95 MB for a million.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::schema::{MessageEntry, SnapshotTime};
use crate::message::{Position, Tag};

/// The stored messages, indexed by ID.
///
/// All IDs are concatenated in one string. Each message is an entry of fixed size that refers to its ID and to
/// shared names. Entries are sorted by hash; `starts` contains the first entry of each bucket of equal leading
/// hash bits.
#[derive(Debug, Default)]
pub struct MessageIndex {
    ids: String,
    records: Vec<PackedMessage>,
    starts: Vec<u32>,
    names: Vec<Arc<str>>,
    /// The unique keys that are not the message IDs, ordered by the start of the ID: most snapshots have none.
    unique_keys: Vec<PackedKey>,
    hasher: RandomState,
}

#[derive(Debug)]
struct PackedMessage {
    hash: u32,
    id_start: u32,
    id_length: u32,
    topic: u32,
    broker: u32,
    queue_id: u32,
    queue_offset: u64,
    /// The empty name if the message has no tag.
    tag: u32,
    /// The empty name if the snapshot does not say.
    store: u32,
    /// Milliseconds of the Unix epoch; `i64::MAX` if the snapshot does not say.
    stored_at: i64,
    /// As `stored_at`.
    born_at: i64,
}

/// The unique key of the message whose ID begins at `id_start`; it is in the same string as the IDs.
#[derive(Debug)]
struct PackedKey {
    id_start: u32,
    start: u32,
    length: u32,
}

/// One stored copy of a message.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    messages: &'a MessageIndex,
    record: &'a PackedMessage,
}

impl MessageIndex {
    /// Returns the number of messages, including copies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there are no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns every stored copy of a message ID, compared exactly; copies of one topic are ordered by store
    /// time, then queue offset.
    ///
    /// Several copies occur in practice: a producer that timed out sends again under the same ID.
    pub fn copies<'a>(&'a self, msg_id: &'a str) -> impl Iterator<Item = Stored<'a>> {
        let hash = self.hash(msg_id);
        let bucket = self.bucket(hash);
        let (from, to) = match self.starts.get(bucket..bucket + 2) {
            Some(&[from, to]) => (from as usize, to as usize),
            _ => (0, 0),
        };
        self.records[from..to]
            .iter()
            .filter(move |record| record.hash == hash && self.id(record) == msg_id)
            .map(|record| Stored {
                messages: self,
                record,
            })
    }

    /// Returns every stored message, in no particular order; copies of one ID are adjacent.
    pub fn iter(&self) -> impl Iterator<Item = Stored<'_>> {
        self.records.iter().map(|record| Stored {
            messages: self,
            record,
        })
    }

    /// Returns the memory used, without names.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.ids.capacity()
            + self.records.capacity() * size_of::<PackedMessage>()
            + self.starts.capacity() * size_of::<u32>()
    }

    fn id(&self, record: &PackedMessage) -> &str {
        &self.ids[record.id_start as usize..][..record.id_length as usize]
    }

    #[expect(clippy::cast_possible_truncation, reason = "half a hash is a hash")]
    fn hash(&self, msg_id: &str) -> u32 {
        self.hasher.hash_one(msg_id) as u32
    }

    /// Returns the bucket of a hash: the leading bits, enough for about one message per bucket.
    fn bucket(&self, hash: u32) -> usize {
        let bits = self.records.len().next_power_of_two().trailing_zeros();
        (u64::from(hash) << bits >> u32::BITS) as usize
    }

    fn sorted(mut self) -> Self {
        let mut records = std::mem::take(&mut self.records);
        records.sort_unstable_by(|a, b| {
            let rank =
                |record: &PackedMessage| (record.topic, record.stored_at, record.queue_offset);
            a.hash
                .cmp(&b.hash)
                .then_with(|| self.id(a).cmp(self.id(b)))
                .then_with(|| rank(a).cmp(&rank(b)))
        });
        records.shrink_to_fit();
        self.records = records;
        self.ids.shrink_to_fit();
        self.unique_keys.shrink_to_fit();

        let mut starts = vec![0; self.records.len().next_power_of_two() + 1];
        for record in &self.records {
            starts[self.bucket(record.hash) + 1] += 1;
        }
        for bucket in 1..starts.len() {
            starts[bucket] += starts[bucket - 1];
        }
        self.starts = starts;
        self
    }
}

impl<'a> Stored<'a> {
    /// Returns the message ID.
    #[must_use]
    pub fn msg_id(self) -> &'a str {
        self.messages.id(self.record)
    }

    /// Returns the unique key (`UNIQ_KEY`), if the snapshot has one that is not the message ID.
    #[must_use]
    pub fn unique_key(self) -> Option<&'a str> {
        let keys = &self.messages.unique_keys;
        let nth = keys.binary_search_by_key(&self.record.id_start, |key| key.id_start);
        let PackedKey { start, length, .. } = keys[nth.ok()?];
        Some(&self.messages.ids[start as usize..][..length as usize])
    }

    /// Returns the topic that the message is stored under.
    #[must_use]
    pub fn topic(self) -> &'a str {
        &self.messages.names[self.record.topic as usize]
    }

    /// Returns the broker's name.
    #[must_use]
    pub fn broker(self) -> &'a str {
        &self.messages.names[self.record.broker as usize]
    }

    /// Returns the queue of the topic on that broker.
    #[must_use]
    pub const fn queue_id(self) -> u32 {
        self.record.queue_id
    }

    /// Returns the offset in that queue.
    #[must_use]
    pub const fn queue_offset(self) -> u64 {
        self.record.queue_offset
    }

    /// Returns the tag, if the message has one.
    #[must_use]
    pub fn tag(self) -> Option<&'a str> {
        Some(&*self.messages.names[self.record.tag as usize]).filter(|tag| !tag.is_empty())
    }

    /// Returns when the message was stored, if the snapshot says.
    #[must_use]
    pub fn stored_at(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.record.stored_at).ok()
    }

    /// Returns when the producer made the message, if the snapshot says.
    #[must_use]
    pub fn born_at(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.record.born_at).ok()
    }

    /// Returns whether the copy is in this place.
    #[must_use]
    pub fn is_at(self, position: &Position) -> bool {
        *self.broker() == *position.broker
            && self.record.queue_id == position.queue_id
            && self.record.queue_offset == position.queue_offset
    }

    /// Returns the complete position.
    #[must_use]
    pub fn position(self) -> Position {
        let name = |name: u32| Arc::clone(&self.messages.names[name as usize]);
        Position {
            broker: name(self.record.broker),
            queue_id: self.record.queue_id,
            queue_offset: self.record.queue_offset,
            tag: Some(name(self.record.tag))
                .filter(|tag| !tag.is_empty())
                .map_or(Tag::None, Tag::Named),
            store: Some(name(self.record.store)).filter(|store| !store.is_empty()),
        }
    }
}

/// Builds the index while messages are parsed.
#[derive(Default)]
struct MessagePacker {
    messages: MessageIndex,
    numbers: HashMap<Arc<str>, u32>,
}

impl MessagePacker {
    fn push(&mut self, message: &MessageEntry<'_>) -> Result<(), TooLarge> {
        let id_start = self.messages.ids.len().try_into().map_err(|_| TooLarge)?;
        self.messages.ids.push_str(&message.msg_id);
        let record = PackedMessage {
            hash: self.messages.hash(&message.msg_id),
            id_start,
            id_length: message.msg_id.len().try_into().map_err(|_| TooLarge)?,
            topic: self.number(&message.topic)?,
            broker: self.number(&message.broker)?,
            queue_id: message.queue_id,
            queue_offset: message.queue_offset,
            tag: self.number(message.tag.as_deref().unwrap_or_default())?,
            store: self.number(message.store_host.as_deref().unwrap_or_default())?,
            stored_at: millis(message.stored_at),
            born_at: millis(message.born_at),
        };
        self.messages.records.push(record);
        let other = message.unique_key.as_deref();
        if let Some(key) = other.filter(|key| *key != message.msg_id) {
            self.messages.unique_keys.push(PackedKey {
                id_start,
                start: self.messages.ids.len().try_into().map_err(|_| TooLarge)?,
                length: key.len().try_into().map_err(|_| TooLarge)?,
            });
            self.messages.ids.push_str(key);
        }
        Ok(())
    }

    fn number(&mut self, name: &str) -> Result<u32, TooLarge> {
        if let Some(&number) = self.numbers.get(name) {
            return Ok(number);
        }
        let number = self.messages.names.len().try_into().map_err(|_| TooLarge)?;
        let name: Arc<str> = name.into();
        self.messages.names.push(Arc::clone(&name));
        self.numbers.insert(name, number);
        Ok(number)
    }
}

fn millis(time: Option<SnapshotTime>) -> i64 {
    time.map_or(i64::MAX, |time| time.0.as_millisecond())
}

#[derive(Debug, thiserror::Error)]
#[error(
    "more than 4 GiB of message IDs, expected one snapshot of at most a hundred million messages"
)]
struct TooLarge;

impl<'de> Deserialize<'de> for MessageIndex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MessagesVisitor;

        impl<'de> Visitor<'de> for MessagesVisitor {
            type Value = MessageIndex;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<MessageIndex, A::Error> {
                let mut packing = MessagePacker::default();
                while let Some(message) = list.next_element::<MessageEntry<'de>>()? {
                    packing.push(&message).map_err(Error::custom)?;
                }
                Ok(packing.messages.sorted())
            }
        }

        deserializer.deserialize_seq(MessagesVisitor)
    }
}
