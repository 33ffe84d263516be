//! Reads one topic with copies: by pulling a range of its queues, or by looking every message up, whichever is cheaper.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::TopicExaminer;
use super::asking::{Obstacle, unknown_address};
use super::copies::Queue;
use crate::humanize::count;
use crate::message::MessageId;
use crate::source::CallPacer;
use crate::source::rocketmq::cluster::RoutedTopic;
use crate::source::rocketmq::remoting::{
    CallError, KeyLookup, Pull, Pulled, QueueOf, Remoting, StoredMessage,
};

/// Number of calls that are made at the same time.
pub(super) const AT_ONCE: usize = 8;

/// Maximum number of messages that a broker returns per pull, from memory.
pub(super) const MOST: u32 = 32;

/// Numbers of messages at which brokers cut the answer to a look-up: so many are perhaps not all.
const CUTS: [usize; 2] = [32, 64];

/// The shortest span of time that is looked up by itself, in ms.
const SHORTEST: i64 = 1000;

/// The result of reading a topic.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Copies that were stored earlier were not read, or are deleted.
    pub(super) from: Option<Timestamp>,
    /// Why something was not read; the first reason.
    pub(super) incomplete: Option<String>,
}

impl Reading {
    pub(super) fn incomplete(why: String) -> Self {
        Self {
            from: None,
            incomplete: Some(why),
        }
    }

    /// Adds a reason, unless there is one.
    pub(super) fn note(&mut self, why: Option<String>) {
        if self.incomplete.is_none() {
            self.incomplete = why;
        }
    }

    fn since(&mut self, from: Option<Timestamp>) {
        self.from = self.from.max(from);
    }
}

/// What is read, and what becomes of it.
pub(super) trait Read {
    /// A message as far as it is needed.
    type Message: AsRef<StoredMessage>;

    /// Pulls messages of a queue.
    async fn pull(
        &self,
        remoting: &Remoting,
        address: &str,
        pull: Pull<'_>,
    ) -> Result<Pulled<Self::Message>, CallError>;

    /// Looks messages up.
    async fn look_up(
        &self,
        remoting: &Remoting,
        address: &str,
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<Self::Message>, CallError>;

    /// Takes messages of a broker. `end` is the end of their queue, if it is known.
    fn take(&self, broker: &Arc<str>, messages: &[Self::Message], end: i64);

    /// Returns why the messages of a queue that ends there can't be told apart.
    fn problem(&self, _queue: &Queue, _end: i64) -> Option<String> {
        None
    }
}

/// A topic to be read.
pub(super) struct ReadTarget<'a, R> {
    pub(super) topic: &'a RoutedTopic,
    pub(super) queues: Vec<Queue>,
    pub(super) reader: R,
    /// Number of messages that would have to be looked up.
    pub(super) messages: u64,
    /// Where each queue is read from, if not from a time on.
    pub(super) starts: Option<&'a HashMap<Queue, i64>>,
    /// Returns the keys of these messages.
    pub(super) keys: &'a dyn Fn() -> Result<Arc<[Arc<str>]>, String>,
}

/// A range of a queue of which the beginning is read.
#[derive(Debug)]
struct Range {
    queue: Queue,
    start: i64,
    next: i64,
    min: i64,
    end: i64,
    /// Number of messages that the first pull returned.
    first: u64,
}

impl Range {
    fn remaining(&self) -> u64 {
        (self.end - self.next).max(0).unsigned_abs()
    }

    /// Returns the number of pulls that the rest needs. From disk a broker returns fewer messages per pull.
    fn pulls(&self) -> u64 {
        self.remaining().div_ceil(self.first.clamp(1, MOST.into()))
    }
}

impl<P: CallPacer> TopicExaminer<'_, P> {
    /// Reads a topic. What is found is kept.
    pub(super) async fn read(&self, target: &ReadTarget<'_, impl Read>) -> Reading {
        let mut reading = Reading::default();
        let (mut ranges, mut refused) = (Vec::new(), None);
        let begun = stream::iter(&target.queues)
            .map(|queue| self.begin(target, queue))
            .buffer_unordered(AT_ONCE);
        for range in begun.collect::<Vec<_>>().await {
            match range {
                Ok(range) => ranges.push(range),
                Err(Obstacle::Refused(why)) => refused = Some(why),
                Err(other) => reading.note(Some(other.to_string())),
            }
        }
        for range in &ranges {
            reading.note(target.reader.problem(&range.queue, range.end));
        }
        let lookups = target.messages * target.topic.brokers.len() as u64;
        let left = self.asking.left();
        if let Some(why) = refused {
            if lookups > left {
                reading.note(Some(why));
                return reading;
            }
            return self.read_by_keys(target, reading).await;
        }
        let pulls: u64 = ranges.iter().map(Range::pulls).sum();
        if pulls > left.min(lookups) && lookups <= left {
            return self.read_by_keys(target, reading).await;
        }
        if pulls > left {
            let copies: u64 = ranges.iter().map(Range::remaining).sum();
            let why = format!("{} copies, more than --examine-limit allows", count(copies));
            reading.note(Some(why));
            return reading;
        }
        let rest = stream::iter(&ranges)
            .map(|range| self.finish(target, range))
            .buffer_unordered(AT_ONCE);
        for end in rest.collect::<Vec<_>>().await {
            reading.note(end.err().map(|why| why.to_string()));
        }
        if target.starts.is_none() {
            for range in &ranges {
                self.add_horizon(target, range, &mut reading).await;
            }
        }
        reading
    }

    /// Reads the beginning of the range of a queue; the answer tells its end.
    async fn begin(
        &self,
        target: &ReadTarget<'_, impl Read>,
        queue: &Queue,
    ) -> Result<Range, Obstacle> {
        if let Some(why) = self.document.unreachable.get(&queue.0) {
            return Err(Obstacle::Failed(format!(
                "{} can't be asked: {why}",
                queue.0
            )));
        }
        let start = match (target.starts, self.request.since) {
            (Some(starts), _) => starts.get(queue).copied().unwrap_or_default(),
            (None, None) => 0,
            (None, Some(since)) => {
                let since = since.as_millisecond();
                let remoting = &self.asking.cluster.remoting;
                let of = of_queue(target.topic, queue);
                let call = |address: Arc<str>| async move {
                    remoting.offset_at_time(&address, of, since).await
                };
                match self.asking.ask(&queue.0, call).await {
                    Err(Obstacle::Refused(_)) => 0, // it may be read all the same
                    offset => offset?,
                }
            }
        };
        let mut pulled = self.pull(target, queue, start, MOST).await?;
        let begins_at = after(&pulled).max(pulled.min_offset);
        if pulled.messages.is_empty() && (start + 1..pulled.max_offset).contains(&begins_at) {
            pulled = self.pull(target, queue, begins_at, MOST).await?;
        }
        let end = pulled.max_offset;
        target.reader.take(&queue.0, &pulled.messages, end);
        Ok(Range {
            queue: queue.clone(),
            start,
            next: after(&pulled).max(start),
            min: pulled.min_offset,
            end,
            first: pulled.messages.len() as u64,
        })
    }

    /// Reads the rest of a range.
    async fn finish(
        &self,
        target: &ReadTarget<'_, impl Read>,
        range: &Range,
    ) -> Result<(), Obstacle> {
        let mut next = range.next;
        while next < range.end {
            let pulled = self.pull(target, &range.queue, next, MOST).await?;
            target
                .reader
                .take(&range.queue.0, &pulled.messages, range.end);
            let after = after(&pulled);
            if after <= next {
                let why = format!("{} returns no message at offset {next}", range.queue.0);
                return Err(Obstacle::Failed(why));
            }
            next = after;
        }
        Ok(())
    }

    async fn pull<R: Read>(
        &self,
        target: &ReadTarget<'_, R>,
        queue: &Queue,
        from: i64,
        most: u32,
    ) -> Result<Pulled<R::Message>, Obstacle> {
        let remoting = &self.asking.cluster.remoting;
        let pull = Pull {
            queue: of_queue(target.topic, queue),
            from,
            most,
        };
        let call =
            |address: Arc<str>| async move { target.reader.pull(remoting, &address, pull).await };
        self.asking.ask(&queue.0, call).await
    }

    /// Looks every message up at every broker of the topic.
    async fn read_by_keys(
        &self,
        target: &ReadTarget<'_, impl Read>,
        mut reading: Reading,
    ) -> Reading {
        let keys = match (target.keys)() {
            Ok(keys) => keys,
            Err(why) => {
                reading.note(Some(why));
                return reading;
            }
        };
        let brokers = &target.topic.brokers;
        if keys.len() as u64 * brokers.len() as u64 > self.asking.left() {
            reading.note(Some(Obstacle::Limit.to_string()));
            return reading;
        }
        let known = self.asking.cluster.brokers().await.unwrap_or_default();
        let without_key = keys.iter().filter(|key| {
            matches!(MessageId::parse(key), Ok(MessageId::OffsetId(id)) if known.broker_at(id.store).is_some())
        });
        let without_key = without_key.count() as u64;
        reading.note((without_key > 0).then(|| {
            format!(
                "messages without a unique key can't be looked up: {}",
                count(without_key)
            )
        }));
        let lookups = keys
            .iter()
            .flat_map(|key| brokers.iter().map(move |broker| (key, broker)));
        let (failed, cut) = (RefCell::new(None), Cell::new(false));
        stream::iter(lookups)
            .for_each_concurrent(AT_ONCE, |(key, broker)| {
                let (failed, cut) = (&failed, &cut);
                async move {
                    if failed.borrow().is_some() {
                        return; // it would fail in the same way
                    }
                    match self.look_up(target, key, broker).await {
                        Ok(is_whole) => cut.set(cut.get() || !is_whole),
                        Err(why) => *failed.borrow_mut() = Some(why.to_string()),
                    }
                }
            })
            .await;
        reading.note(failed.into_inner());
        let is_cut = cut.get();
        reading.note(
            is_cut.then(|| "a broker returns only some of the copies of a message".to_owned()),
        );
        if target.starts.is_none() {
            self.add_horizons(target, &mut reading).await;
        }
        reading
    }

    /// Looks one message up; returns whether the broker has returned everything about it. An answer that may be cut is
    /// asked for again, in halves of its time.
    async fn look_up(
        &self,
        target: &ReadTarget<'_, impl Read>,
        key: &str,
        broker: &Arc<str>,
    ) -> Result<bool, Obstacle> {
        let remoting = &self.asking.cluster.remoting;
        let whole = KeyLookup::any_time(&target.topic.wire, key);
        let now = (self.asking.cluster.clock)().as_millisecond();
        let mut is_whole = true;
        let mut lookups = vec![whole];
        while let Some(lookup) = lookups.pop() {
            let call = |address: Arc<str>| async move {
                target.reader.look_up(remoting, &address, lookup).await
            };
            let mut found = self.asking.ask(broker, call).await?;
            if CUTS.contains(&found.len()) {
                let since = self.request.since.map_or(0, Timestamp::as_millisecond);
                let (from, to) = (lookup.from.max(since), lookup.to.min(now + SHORTEST));
                if to - from <= SHORTEST {
                    is_whole = false;
                } else {
                    let half = from + (to - from) / 2;
                    lookups.push(KeyLookup {
                        from,
                        to: half,
                        ..lookup
                    });
                    lookups.push(KeyLookup {
                        from: half,
                        to,
                        ..lookup
                    });
                }
            }
            found.retain(|message| *message.as_ref().topic == *target.topic.wire);
            target.reader.take(broker, &found, i64::MAX);
        }
        Ok(is_whole)
    }

    /// Adds how far back the queues go, if they were not read.
    async fn add_horizons(&self, target: &ReadTarget<'_, impl Read>, reading: &mut Reading) {
        let remoting = &self.asking.cluster.remoting;
        for queue in &target.queues {
            let of = of_queue(target.topic, queue);
            let call = |address: Arc<str>| async move { remoting.min_offset(&address, of).await };
            let min = self.asking.ask(&queue.0, call).await;
            match min {
                Ok(0) => {}
                Ok(min) => reading_from(reading, self.horizon(target, queue, Some(min)).await),
                Err(_) => reading_from(reading, self.horizon(target, queue, None).await),
            }
        }
    }

    /// Adds how far back a range goes.
    async fn add_horizon(
        &self,
        target: &ReadTarget<'_, impl Read>,
        range: &Range,
        reading: &mut Reading,
    ) {
        if range.start > 0 {
            reading.since(self.request.since);
        }
        if range.min > 0 {
            let horizon = self.horizon(target, &range.queue, Some(range.min)).await;
            reading_from(reading, horizon);
        }
    }

    /// Returns when the oldest copy was stored that the queue can still hold; older ones may be deleted.
    async fn horizon(
        &self,
        target: &ReadTarget<'_, impl Read>,
        queue: &Queue,
        min: Option<i64>,
    ) -> Result<Timestamp, String> {
        if let Some(earliest) = self.earliest(&queue.0).await {
            return Ok(earliest);
        }
        let unknown = |why: &str| format!("it is not known how far back it goes: {why}");
        let Some(min) = min else {
            return Err(unknown("the broker does not say"));
        };
        let oldest = self.pull(target, queue, min, 1).await;
        let oldest = oldest.map_err(|why| unknown(&why.to_string()))?;
        let oldest = oldest
            .messages
            .first()
            .ok_or_else(|| unknown("it is empty"))?;
        Timestamp::from_millisecond(oldest.as_ref().store_timestamp)
            .map_err(|_| unknown("its oldest copy has no time"))
    }

    /// Returns when the oldest message of a broker was stored, if the broker says.
    async fn earliest(&self, broker: &Arc<str>) -> Option<Timestamp> {
        if let Some(known) = self.earliest.borrow().get(broker) {
            return *known;
        }
        let remoting = &self.asking.cluster.remoting;
        let call = |address: Arc<str>| async move { remoting.runtime_info(&address).await };
        let info = self.asking.ask(broker, call).await.ok();
        let millis = info.and_then(|info| info.earliest_message());
        let earliest = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        self.earliest.borrow_mut().insert(broker.clone(), earliest);
        earliest
    }

    /// Returns why copies may be missing whatever is read: a broker has stopped.
    pub(super) fn gone(&self) -> Option<String> {
        let gone = self.asking.cluster.gone();
        gone.first().map(|broker| unknown_address(broker))
    }
}

fn reading_from(reading: &mut Reading, horizon: Result<Timestamp, String>) {
    match horizon {
        Ok(from) => reading.since(Some(from)),
        Err(why) => reading.note(Some(why)),
    }
}

/// Returns the offset of the next pull.
fn after<M: AsRef<StoredMessage>>(pulled: &Pulled<M>) -> i64 {
    let last = pulled.messages.last();
    last.map_or(pulled.next, |message| message.as_ref().queue_offset + 1)
}

pub(super) fn of_queue<'a>(topic: &'a RoutedTopic, queue: &Queue) -> QueueOf<'a> {
    QueueOf {
        topic: &topic.wire,
        queue_id: queue.1,
    }
}
