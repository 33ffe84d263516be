//! Finds many messages at once by reading their queues: a pull returns up to 32 messages, a look-up costs a
//! call at every broker.
//!
//! Rows are read ahead, so that the messages of the next queries are known. If enough of them are in a topic,
//! its queues are read completely. If the topic is too long, only the time in which the messages were made is
//! read, as far as their IDs tell. Messages that are not found this way are looked up.

mod search;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use futures::future::join_all;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::Cluster;
use super::cluster::{QueriedTopic, RoutedTopic};
use super::remoting::{CallError, Pull, Pulled, QueueOf};
use crate::input::{Entry, Row};
use crate::message::{BornClock, MessageId, Query};
use crate::source::{CallPacer, LocatedMessage};

use search::Search;

/// Number of rows that are read ahead.
const AHEAD: usize = 32_768;

/// Maximum number of messages that a broker returns per pull, from memory.
const AT_ONCE: u32 = 32;

/// Below this number, messages are looked up one by one.
const MANY: usize = 64;

/// Number of queues that are read concurrently.
const QUEUES: usize = 8;

/// Margins for the differences between the clocks of producers and brokers, and for the time that sending
/// takes.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
const AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Finds messages by reading queues.
#[derive(Debug)]
pub(super) struct Sweep<'a, P> {
    cluster: &'a Cluster,
    pacer: &'a P,
    /// Dates message IDs.
    born: BornClock,
    /// Messages of the next queries, not searched for yet.
    wanted: RefCell<HashMap<QueriedTopic, Vec<MessageKey>>>,
    /// Messages found, and not queried yet.
    found: RefCell<HashMap<QueriedTopic, HashMap<MessageKey, LocatedMessage>>>,
    /// Held during a search; queries wait for it.
    searching: tokio::sync::Mutex<()>,
}

/// Identifies a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum MessageKey {
    Unique(Box<str>),
    StoredAt(SocketAddr, u64),
}

impl MessageKey {
    fn from_id(msg_id: &str) -> Self {
        match MessageId::parse(msg_id) {
            Ok(MessageId::OffsetId(id)) => Self::StoredAt(id.store, id.commit_log_offset),
            _ => Self::Unique(msg_id.into()),
        }
    }
}

impl<'a, P: CallPacer> Sweep<'a, P> {
    pub(super) fn new(cluster: &'a Cluster, pacer: &'a P, born: BornClock) -> Self {
        Self {
            cluster,
            pacer,
            born,
            wanted: RefCell::default(),
            found: RefCell::default(),
            searching: tokio::sync::Mutex::default(),
        }
    }

    /// Passes the rows through, reading them ahead.
    pub(super) fn prefetch<'r, E: 'r>(
        &'r self,
        mut rows: impl Iterator<Item = Result<Row, E>> + 'r,
    ) -> impl Iterator<Item = Result<Row, E>> + 'r {
        let mut read = VecDeque::new();
        std::iter::from_fn(move || {
            if read.is_empty() {
                read.extend(rows.by_ref().take(AHEAD));
                let queries = read.iter().filter_map(|row| match row {
                    Ok(Row {
                        entry: Entry::Query(query),
                        ..
                    }) => Some(query),
                    _ => None,
                });
                self.want(queries.filter(|query| query.position.is_none()));
            }
            read.pop_front()
        })
    }

    fn want<'q>(&self, queries: impl Iterator<Item = &'q Query>) {
        let mut wanted = self.wanted.borrow_mut();
        for query in queries {
            let topic = (query.instance_id.clone(), query.topic.clone());
            wanted
                .entry(topic)
                .or_default()
                .push(MessageKey::from_id(&query.msg_id));
        }
    }

    /// Returns a message that was found, and removes it.
    pub(super) fn take(&self, query: &Query) -> Option<LocatedMessage> {
        let mut found = self.found.borrow_mut();
        if found.is_empty() {
            return None;
        }
        let topic = (query.instance_id.clone(), query.topic.clone());
        found
            .get_mut(&topic)?
            .remove(&MessageKey::from_id(&query.msg_id))
    }

    /// Searches for the messages that are wanted, unless that was done.
    pub(super) async fn search(&self) {
        let _searching = self.searching.lock().await;
        let wanted = std::mem::take(&mut *self.wanted.borrow_mut());
        if !wanted.is_empty() {
            self.found.borrow_mut().clear(); // their queries are over
        }
        for (queried, keys) in wanted {
            if keys.len() < MANY {
                continue;
            }
            let topic = self
                .cluster
                .topic_of(queried.0.as_deref(), &queried.1)
                .await;
            let Ok(Some(topic)) = topic else { continue };
            // A failure here is not reported: the look-up that follows reports it.
            if let Ok(found) = self.read(&topic, keys).await {
                self.found.borrow_mut().insert(queried, found);
            }
        }
    }

    /// Reads the part of the topic that is worth reading.
    async fn read(
        &self,
        topic: &RoutedTopic,
        keys: Vec<MessageKey>,
    ) -> Result<HashMap<MessageKey, LocatedMessage>, CallError> {
        let lookups: usize = keys
            .iter()
            .map(|key| match key {
                MessageKey::Unique(_) => topic.brokers.len(),
                MessageKey::StoredAt(..) => 1,
            })
            .sum();
        let queues = queues_of(topic);
        if topic.route.is_static() || lookups < queues.len() * 4 {
            return Ok(HashMap::new());
        }
        let mut ranges = self.ranges(topic, &queues, None).await?;
        if !is_cheaper(&ranges, lookups) {
            let Some(span) = self.span(&keys) else {
                return Ok(HashMap::new());
            };
            ranges = self.ranges(topic, &queues, Some(span)).await?;
            if !is_cheaper(&ranges, lookups) {
                return Ok(HashMap::new());
            }
        }
        let messages = ranges.iter().map(|(_, range)| length(range)).sum();
        let search = Search::new(keys, lookups, messages);
        stream::iter(ranges)
            .for_each_concurrent(QUEUES, |(queue, range)| {
                let search = &search;
                async move { self.read_queue(topic, queue, range, search).await }
            })
            .await;
        Ok(search.into_found())
    }

    /// Reads one queue until its end or until looking up is cheaper. A failure ends the reading; the rest is
    /// looked up.
    async fn read_queue(
        &self,
        topic: &RoutedTopic,
        queue: &BrokerQueue,
        range: Range<i64>,
        search: &Search,
    ) {
        let mut from = range.start;
        while from < range.end && search.is_worth_it() {
            let turn = self.pacer.turn().await;
            let pulled = self.pull(topic, queue, from, range.end).await;
            match &pulled {
                Err(error) if error.is_throttled() => self.pacer.throttled(turn, None).await,
                _ => self.pacer.answered(turn).await,
            }
            let Ok(pulled) = pulled else { return };
            search.pulled(topic, &queue.0, &pulled.messages);
            let last = pulled
                .messages
                .last()
                .map(|message| message.queue_offset + 1);
            let next = last.unwrap_or(pulled.next);
            if next <= from {
                return; // no progress
            }
            from = next;
        }
    }

    async fn pull(
        &self,
        topic: &RoutedTopic,
        (broker, queue_id): &BrokerQueue,
        from: i64,
        end: i64,
    ) -> Result<Pulled, CallError> {
        let most = u32::try_from(end - from).unwrap_or(AT_ONCE).min(AT_ONCE);
        let pull = Pull {
            queue: QueueOf {
                topic: &topic.wire,
                queue_id: *queue_id,
            },
            from,
            most,
        };
        self.cluster
            .at_any(broker, |address| async move {
                self.cluster.remoting.pull(&address, pull).await
            })
            .await
    }

    /// Returns the offsets that each queue holds, or those of a span of time.
    async fn ranges<'q>(
        &self,
        topic: &RoutedTopic,
        queues: &'q [BrokerQueue],
        span: Option<(i64, i64)>,
    ) -> Result<Vec<(&'q BrokerQueue, Range<i64>)>, CallError> {
        let remoting = &self.cluster.remoting;
        let measured = queues.iter().map(|numbered| async move {
            let (broker, queue_id) = numbered;
            let range = self.cluster.at_any(broker, |address| async move {
                let queue = QueueOf {
                    topic: &topic.wire,
                    queue_id: *queue_id,
                };
                Ok(match span {
                    None => {
                        remoting.min_offset(&address, queue).await?
                            ..remoting.max_offset(&address, queue).await?
                    }
                    Some((from, to)) => {
                        remoting.offset_at_time(&address, queue, from).await?
                            ..remoting.offset_at_time(&address, queue, to).await? + 1
                    }
                })
            });
            range.await.map(|range| (numbered, range))
        });
        join_all(measured).await.into_iter().collect()
    }

    /// Returns the span in which the messages were made, in ms of the Unix epoch, if all of their IDs tell.
    fn span(&self, keys: &[MessageKey]) -> Option<(i64, i64)> {
        let mut span: Option<(Timestamp, Timestamp)> = None;
        for key in keys {
            let MessageKey::Unique(id) = key else {
                return None;
            };
            let born = self.born.born(id)?;
            span = Some(span.map_or((born, born), |(from, to)| (from.min(born), to.max(born))));
        }
        let (from, to) = span?;
        let from = from.checked_sub(BEFORE).ok()?;
        let to = to.checked_add(AFTER).ok()?;
        Some((from.as_millisecond(), to.as_millisecond()))
    }
}

/// Name of a broker, and number of a queue.
type BrokerQueue = (Arc<str>, u32);

/// Returns the queues of a topic on all of its brokers.
pub(super) fn queues_of(topic: &RoutedTopic) -> Vec<BrokerQueue> {
    let mut queues = Vec::new();
    for data in &topic.route.queues {
        let broker: Arc<str> = data.broker_name.as_str().into();
        let count = data.read_queue_nums.max(data.write_queue_nums);
        queues.extend((0..count).map(|queue_id| (broker.clone(), queue_id)));
    }
    queues
}

/// Returns whether pulling everything takes clearly fewer calls, if each pull returns the maximum.
fn is_cheaper<Q>(ranges: &[(Q, Range<i64>)], lookups: usize) -> bool {
    let pulls: u64 = ranges
        .iter()
        .map(|(_, range)| length(range).div_ceil(AT_ONCE.into()))
        .sum();
    pulls * 2 <= lookups as u64
}

fn length(range: &Range<i64>) -> u64 {
    u64::try_from(range.end - range.start).unwrap_or_default()
}
