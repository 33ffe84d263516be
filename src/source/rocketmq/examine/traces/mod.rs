//! Reads what clients have reported about deliveries, and joins the beginning of a delivery with its end.

mod records;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use self::records::{TraceRecord, records};
use super::TopicExaminer;
use super::reading::{Read, ReadTarget, Reading};
use crate::evidence::{FailureReason, MessageKeys, Proof, ProofKind};
use crate::humanize::{counted, without_os_codes};
use crate::source::CallPacer;
use crate::source::rocketmq::remoting::{CallError, KeyLookup, Pull, Pulled, Remoting, WithBody};
use crate::source::rocketmq::sweep::queues_of;

/// Identifies a message of a delivery: the delivery, and the key of the message.
type Delivered = (Box<str>, Box<str>);

/// Keeps the records about messages of `keys`.
#[derive(Debug)]
struct ReportedDeliveries<'a> {
    keys: &'a MessageKeys,
    begun: RefCell<HashMap<Delivered, Begun>>,
    ended: RefCell<HashMap<Delivered, Ended>>,
    /// Number of messages whose bodies cannot be read.
    unreadable: Cell<u64>,
}

#[derive(Debug)]
struct Begun {
    at: i64,
    group: Arc<str>,
    retries: u32,
}

#[derive(Debug)]
struct Ended {
    at: Option<i64>,
    cost: i64,
    is_success: bool,
    reason: Option<FailureReason>,
    group: Option<Arc<str>>,
    host: Arc<str>,
}

impl<P: CallPacer> TopicExaminer<'_, P> {
    /// Reads the records about the messages of all groups.
    pub(super) async fn read_traces(&self, name: &Arc<str>) {
        let to = (self.asking.cluster.clock)();
        let deliveries = ReportedDeliveries::new(self.request.keys);
        let reading = self.traces(name, &deliveries).await;
        let groups: Vec<_> = self.groups().into_iter().collect();
        self.proofs
            .borrow_mut()
            .extend(deliveries.into_proofs(&groups));
        for group in &self.request.groups {
            self.add(&group.group, (name, to), reading.clone());
        }
    }

    async fn traces(&self, name: &str, deliveries: &ReportedDeliveries<'_>) -> Reading {
        self.asking.count();
        let topic = match self.asking.cluster.topic_named(name).await {
            Ok(Some(topic)) => topic,
            Ok(None) => return Reading::incomplete(format!("the cluster has no topic {name}")),
            Err(failure) => return Reading::incomplete(without_os_codes(&failure.message)),
        };
        let target = ReadTarget {
            topic: &topic,
            queues: queues_of(&topic),
            reader: deliveries,
            messages: self.request.keys.len() as u64,
            starts: None,
            keys: &|| self.keys_of_all(),
        };
        let mut reading = self.read_whole(&target).await;
        let unreadable = deliveries.unreadable.get();
        reading.note((unreadable > 0).then(|| {
            let messages = counted(unreadable, "message", "messages");
            format!("the compression of {messages} with trace records is unknown or damaged")
        }));
        reading
    }
}

impl Read for &ReportedDeliveries<'_> {
    type Message = WithBody;

    async fn pull(
        &self,
        remoting: &Remoting,
        address: &str,
        pull: Pull<'_>,
    ) -> Result<Pulled<WithBody>, CallError> {
        remoting.pull_with_bodies(address, pull).await
    }

    async fn look_up(
        &self,
        remoting: &Remoting,
        address: &str,
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<WithBody>, CallError> {
        remoting.query_traces(address, lookup).await
    }

    fn take(&self, _broker: &Arc<str>, messages: &[WithBody], _end: i64) {
        for WithBody { message, body } in messages {
            match body {
                Some(body) => {
                    let host = message.born_host.ip().to_string();
                    self.add(&String::from_utf8_lossy(body), &host);
                }
                None => self.unreadable.set(self.unreadable.get() + 1),
            }
        }
    }
}

impl<'a> ReportedDeliveries<'a> {
    fn new(keys: &'a MessageKeys) -> Self {
        Self {
            keys,
            begun: RefCell::default(),
            ended: RefCell::default(),
            unreadable: Cell::default(),
        }
    }

    /// Adds the records that a client has sent from `host`.
    fn add(&self, text: &str, host: &str) {
        for record in records(text) {
            match record {
                TraceRecord::Before(before) if self.keys.contains(before.key) => {
                    let begun = Begun {
                        at: before.at,
                        group: before.group.into(),
                        retries: before.retries,
                    };
                    let delivered = (before.request.into(), before.key.into());
                    self.begun.borrow_mut().insert(delivered, begun);
                }
                TraceRecord::After(after) if self.keys.contains(after.key) => {
                    let ended = Ended {
                        at: after.at,
                        cost: after.cost,
                        is_success: after.is_success,
                        reason: after.reason,
                        group: after.group.map(Into::into),
                        host: host.into(),
                    };
                    let delivered = (after.request.into(), after.key.into());
                    self.ended.borrow_mut().insert(delivered, ended);
                }
                TraceRecord::Before(_) | TraceRecord::After(_) => {}
            }
        }
    }

    /// Returns what the ended deliveries to `groups` prove.
    fn into_proofs(self, groups: &[Arc<str>]) -> Vec<Proof> {
        let starts = self.begun.into_inner();
        let ends = self.ended.into_inner();
        let mut proofs = Vec::new();
        for (delivered, end) in ends {
            let start = starts.get(&delivered);
            let named = end.group.as_ref().or(start.map(|start| &start.group));
            let after_start = start.map(|start| start.at.saturating_add(end.cost));
            let at = end.at.or(after_start);
            let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
            let (Some(named), Some(at)) = (named, at) else {
                continue; // it says neither who nor when
            };
            for group in groups.iter().filter(|group| is_named(group, named)) {
                proofs.push(Proof {
                    group: group.clone(),
                    instance_id: None,
                    kind: if end.is_success {
                        ProofKind::Succeeded
                    } else {
                        ProofKind::Failed
                    },
                    key: delivered.1.as_ref().into(),
                    topic: None,
                    at,
                    attempts: start.map_or(0, |start| start.retries.saturating_add(1)),
                    host: Some(end.host.clone()),
                    reason: end.reason,
                });
            }
        }
        // The maps have no order.
        proofs.sort_by(|a, b| (a.at, &a.key, &a.group).cmp(&(b.at, &b.key, &b.group)));
        proofs
    }
}

/// Returns whether a record names this group: clients leave its namespace out.
fn is_named(group: &str, named: &str) -> bool {
    let bare = group.rsplit_once('%').map_or(group, |(_, bare)| bare);
    group == named || bare == named
}

#[cfg(test)]
mod tests;
