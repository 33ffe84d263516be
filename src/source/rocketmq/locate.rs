//! Looks messages up: where are they stored?
//!
//! An offset ID contains a broker's address and a position in its commit log; the message read there is
//! compared with the ID (`docs/facts/rocketmq.md` §2.2). A unique key is looked up at every broker of the
//! topic, because each broker has its own index. A message that was sent twice is stored twice; the oldest copy
//! counts, as for `mqadmin`.

use std::sync::Arc;

use futures::future::join_all;

use super::Cluster;
use super::cluster::{RoutedTopic, missing};
use super::failure::failure;
use super::found::{is_older, located};
use super::remoting::{CallError, Cause, KeyLookup, QueueOf, StoredMessage};
use super::sweep::Sweep;
use super::system::is_waiting_room;
use crate::input::Row;
use crate::message::{BornClock, MessageId, OffsetId, Query};
use crate::source::snapshot::{EXPIRED, NO_MESSAGE};
use crate::source::{CallPacer, Failure, FailureKind, LocatedMessage, Trace, TraceSource};

/// A source that only looks messages up; its answers contain positions and no tracks.
#[derive(Debug)]
pub struct Locator<'a, P> {
    cluster: &'a Cluster,
    sweep: Sweep<'a, P>,
}

impl<'a, P: CallPacer> Locator<'a, P> {
    /// Creates a source that reads queues at the rate of `pacer`; `born` dates message IDs.
    #[must_use]
    pub fn new(cluster: &'a Cluster, pacer: &'a P, born: BornClock) -> Self {
        Self {
            cluster,
            sweep: Sweep::new(cluster, pacer, born),
        }
    }

    /// Returns the answer if no call is needed: the position is given, or the message was found while reading
    /// its queue.
    fn found(&self, query: &Query) -> Option<Trace> {
        if query.position.is_some() {
            return Some(Trace::new(Vec::new()));
        }
        self.sweep.take(query).map(trace_of)
    }
}

impl<P: CallPacer> TraceSource for Locator<'_, P> {
    async fn trace<M: CallPacer>(&self, query: &Query, _more: &M) -> Result<Trace, Failure> {
        self.sweep.search().await;
        if let Some(found) = self.found(query) {
            return Ok(found);
        }
        self.cluster.locate(query).await.map(trace_of)
    }

    fn answer_locally(&self, query: &Query, _is_paced: bool) -> Option<Result<Trace, Failure>> {
        self.found(query).map(Ok)
    }

    fn prefetch<'r, E: 'r>(
        &'r self,
        rows: impl Iterator<Item = Result<Row, E>> + 'r,
    ) -> impl Iterator<Item = Result<Row, E>> + 'r {
        self.sweep.prefetch(rows)
    }

    fn may_refuse_everyone(&self) -> bool {
        true
    }
}

fn trace_of(found: LocatedMessage) -> Trace {
    Trace {
        born_at: found.born_at,
        unique_key: found.unique_key.clone(),
        found: Some(Box::new(found)),
        ..Trace::new(Vec::new())
    }
}

impl Cluster {
    /// Looks one message up.
    pub(super) async fn locate(&self, query: &Query) -> Result<LocatedMessage, Failure> {
        let topic = self.topic(query).await?;
        let id = &query.msg_id;
        let mut unknown_store = None;
        if let Ok(MessageId::OffsetId(offset_id)) = MessageId::parse(id) {
            match self.at_place(&topic, offset_id).await? {
                OffsetLookup::Message(broker, message) => {
                    return self.of_topic(&topic, broker, (*message, id)).await;
                }
                OffsetLookup::Nothing(broker) => {
                    return Err(self.nothing_at(&topic, broker, offset_id).await);
                }
                // It may be a unique key that looks like an offset ID.
                OffsetLookup::NoSuchBroker => unknown_store = Some(offset_id.store),
            }
        }
        if let Some(found) = self.by_key(&topic, id, id).await? {
            return Ok(found);
        }
        if let Some(store) = unknown_store {
            return Err(missing(format!(
                "no broker of the cluster is at {store}, where the message was stored, and none has taken it over"
            )));
        }
        self.were_all_asked(&topic).await?;
        let message = format!(
            "no message with this ID under topic {} on {}: it has expired, is stored under another topic, or its broker is down",
            query.topic,
            topic.brokers.join(", ")
        );
        Err(Failure::new(
            FailureKind::NotFound,
            NO_MESSAGE.to_owned(),
            message,
        ))
    }

    /// Returns the oldest copy of the message `msg_id`, by its key, on any broker of the topic. If a broker cannot be asked, it may
    /// have the message, so the message is not reported as missing.
    async fn by_key(
        &self,
        topic: &RoutedTopic,
        key: &str,
        msg_id: &str,
    ) -> Result<Option<LocatedMessage>, Failure> {
        let wire = &topic.wire;
        let lookups = topic.brokers.iter().map(|broker| async move {
            let copies = self.at_any(broker, |address| async move {
                let lookup = KeyLookup::any_time(wire, key);
                self.remoting.query_message(&address, lookup).await
            });
            // Only the oldest is kept while the other brokers are asked.
            let oldest = copies.await.map(|copies| {
                let ours = copies.into_iter().filter(|copy| *copy.topic == **wire);
                let ours = ours.filter_map(|copy| located(broker, &copy, msg_id));
                ours.reduce(|oldest, copy| {
                    if is_older(&copy, &oldest) {
                        copy
                    } else {
                        oldest
                    }
                })
            });
            (broker, oldest)
        });
        let (mut oldest, mut failed) = (None, None);
        for (broker, found) in join_all(lookups).await {
            match found {
                Ok(Some(copy)) if oldest.as_ref().is_none_or(|oldest| is_older(&copy, oldest)) => {
                    oldest = Some(copy);
                }
                Ok(_) => {}
                Err(error) => failed = Some(worse(failed, (broker, error))),
            }
        }
        match (oldest, failed) {
            (Some(found), _) => Ok(Some(found)),
            (None, Some((broker, error))) => Err(failure_at(broker, &error)),
            (None, None) => Ok(None),
        }
    }

    /// Reads the message at the position that an offset ID names.
    async fn at_place(
        &self,
        topic: &RoutedTopic,
        offset_id: OffsetId,
    ) -> Result<OffsetLookup, Failure> {
        let brokers = self.brokers().await.map_err(|error| failure(&error))?;
        let Ok(offset) = i64::try_from(offset_id.commit_log_offset) else {
            return Ok(OffsetLookup::NoSuchBroker);
        };
        let named = brokers.broker_at(offset_id.store).cloned();
        // No broker has this address now. Replicas keep positions, so any broker may have taken over.
        let lookups = match &named {
            Some(broker) => std::slice::from_ref(broker),
            None => &*topic.brokers,
        };
        let wire = &*topic.wire;
        let lookups = lookups.iter().map(|broker| async move {
            let message = self.at_any(broker, |address| async move {
                self.remoting
                    .view_message(&address, offset, Some(wire))
                    .await
            });
            (broker.clone(), message.await)
        });
        let mut failed = None;
        for (broker, message) in join_all(lookups).await {
            match message {
                Ok(Some(message)) if message.store_host == offset_id.store => {
                    return Ok(OffsetLookup::Message(broker, Box::new(message)));
                }
                Ok(_) => {}
                // The broker reads blindly and may fail in the middle of another message.
                Err(error) if matches!(error.cause, Cause::Refused(_)) => {}
                Err(error) => failed = Some(worse(failed, (broker, error))),
            }
        }
        match (failed, named) {
            (Some((broker, error)), _) => Err(failure_at(&broker, &error)),
            (None, Some(broker)) => Ok(OffsetLookup::Nothing(broker)),
            (None, None) => Ok(OffsetLookup::NoSuchBroker),
        }
    }

    /// Returns the message if it is under the topic. A delayed message is stored elsewhere first and has a copy
    /// under the topic after its delivery.
    async fn of_topic(
        &self,
        topic: &RoutedTopic,
        broker: Arc<str>,
        (message, msg_id): (StoredMessage, &str),
    ) -> Result<LocatedMessage, Failure> {
        let absent = |message| Failure::new(FailureKind::NotFound, NO_MESSAGE.to_owned(), message);
        if *message.topic == *topic.wire {
            return located(&broker, &message, msg_id)
                .ok_or_else(|| absent("its offset in the queue is not valid".to_owned()));
        }
        let real = message.properties.get("REAL_TOPIC");
        if !is_waiting_room(&message.topic) || real != Some(&*topic.wire) {
            let origin = message.properties.get("RETRY_TOPIC").or(real);
            let origin =
                origin.map_or_else(String::new, |origin| format!(", sent to {origin} first"));
            return Err(absent(format!(
                "the message with this ID is stored under topic {}, not under {}{origin}",
                message.topic, topic.wire
            )));
        }
        let delivered = match message.unique_key() {
            Some(key) => self.by_key(topic, key, msg_id).await?,
            None => None,
        };
        delivered.ok_or_else(|| {
            absent(format!(
                "the message waits in {} and was not delivered to {} yet",
                message.topic, topic.wire
            ))
        })
    }

    /// Returns the failure for an offset ID without a message: expired, or never stored.
    async fn nothing_at(
        &self,
        topic: &RoutedTopic,
        broker: Arc<str>,
        offset_id: OffsetId,
    ) -> Failure {
        let first = self.first_place(topic, &broker).await;
        let (code, why) = match first {
            Some(first)
                if i64::try_from(offset_id.commit_log_offset).is_ok_and(|at| at < first) =>
            {
                (
                    EXPIRED,
                    "expired: the topic's oldest message there comes after it",
                )
            }
            _ => (NO_MESSAGE, "it has expired, or was never stored"),
        };
        let message = format!(
            "{broker} has no message at offset {} of its commit log: {why}",
            offset_id.commit_log_offset
        );
        Failure::new(FailureKind::NotFound, code.to_owned(), message)
    }

    /// Returns the commit-log position of the topic's oldest message on a broker, if it can be determined.
    async fn first_place(&self, topic: &RoutedTopic, broker: &Arc<str>) -> Option<i64> {
        let queues = topic.route.queues.iter();
        let queues = queues.filter(|queues| *queues.broker_name == **broker);
        let count = queues.map(|queues| queues.read_queue_nums.max(queues.write_queue_nums));
        let firsts = (0..count.max()?).map(|queue_id| async move {
            self.at_any(broker, |address| async move {
                let queue = QueueOf {
                    topic: &topic.wire,
                    queue_id,
                };
                let min = self.remoting.min_offset(&address, queue).await?;
                self.remoting.consume_queue(&address, queue, min, 1).await
            })
            .await
        });
        let firsts = join_all(firsts).await;
        let first = firsts.into_iter().flatten().flatten();
        first
            .filter_map(|queue| Some(queue.entries.first()?.physical_offset))
            .min()
    }
}

/// The result of reading at the position of an offset ID.
enum OffsetLookup {
    /// The message that the ID names, on this broker.
    Message(Arc<str>, Box<StoredMessage>),
    /// This broker should have the message and does not.
    Nothing(Arc<str>),
    /// No broker has the address, and no broker has taken the message over.
    NoSuchBroker,
}

/// Returns the more serious error: a permanent one wins over a temporary one.
fn worse<B>(one: Option<(B, CallError)>, other: (B, CallError)) -> (B, CallError) {
    let is_final = |(_, error): &(B, CallError)| {
        matches!(error.cause, Cause::Denied(_) | Cause::Certificate(_))
    };
    match one {
        Some(one) if is_final(&one) || !is_final(&other) => one,
        _ => other,
    }
}

/// Returns the failure for a failed call to a broker. It names the broker, since people know its name better than its
/// address.
fn failure_at(broker: &str, error: &CallError) -> Failure {
    let failure = failure(error);
    Failure {
        message: format!("{broker} can't be asked: {}", failure.message),
        ..failure
    }
}
