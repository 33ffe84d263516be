//! What a copy of a message proves: pure functions of the copy and of where it was found.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::reading::Read;
use crate::evidence::{MessageKeys, Proof, ProofKind};
use crate::source::rocketmq::remoting::namespace::{
    DEAD_LETTERS, group_of_retry_topic, topic_of_pop_retries,
};
use crate::source::rocketmq::remoting::{
    CallError, KeyLookup, Pull, Pulled, Remoting, StoredMessage,
};

/// A queue: name of its broker, and its number there.
pub(super) type Queue = (Arc<str>, u32);

/// The committed offset of a group in a queue of a retry topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Committed {
    /// The next message that the group will read.
    At(i64),
    /// The group has never committed an offset there.
    Never,
    /// It could not be read, or proves nothing.
    Unknown,
}

/// Where a copy was found.
#[derive(Debug)]
pub(super) enum Place<'a> {
    /// In the schedule topic.
    Schedule {
        /// By queue: the offset of the next message to deliver.
        delivered: &'a HashMap<Queue, i64>,
        /// The groups that are examined.
        groups: &'a BTreeSet<Arc<str>>,
        /// The topics of the audit.
        topics: &'a BTreeSet<Arc<str>>,
    },
    /// In a retry topic.
    Retries {
        group: &'a Arc<str>,
        /// The topic whose retries these are, for POP.
        pop_topic: Option<&'a Arc<str>>,
        committed: &'a HashMap<Queue, Committed>,
        /// Whether the group reads its retry topic. Clients that broadcast do not.
        is_read: bool,
    },
    /// In a dead-letter topic.
    DeadLetters { group: &'a Arc<str> },
}

/// Keeps what copies in one place prove.
pub(super) struct Copies<'a> {
    pub(super) place: Place<'a>,
    pub(super) keys: &'a MessageKeys,
    pub(super) proofs: &'a RefCell<Vec<Proof>>,
}

impl Read for Copies<'_> {
    type Message = StoredMessage;

    async fn pull(
        &self,
        remoting: &Remoting,
        address: &str,
        pull: Pull<'_>,
    ) -> Result<Pulled, CallError> {
        remoting.pull(address, pull).await
    }

    async fn look_up(
        &self,
        remoting: &Remoting,
        address: &str,
        lookup: KeyLookup<'_>,
    ) -> Result<Vec<StoredMessage>, CallError> {
        remoting.query_message(address, lookup).await
    }

    fn take(&self, broker: &Arc<str>, copies: &[StoredMessage], end: i64) {
        let proof = |copy| proof((&self.place, end), broker, copy, self.keys);
        self.proofs
            .borrow_mut()
            .extend(copies.iter().filter_map(proof));
    }

    fn problem(&self, queue: &Queue, end: i64) -> Option<String> {
        let Place::Retries { committed, .. } = &self.place else {
            return None;
        };
        let why = match committed.get(queue) {
            Some(Committed::At(offset)) if *offset > end => {
                "the committed offset is past the end of the retry topic, so it proves nothing"
            }
            Some(Committed::At(_) | Committed::Never) => return None,
            Some(Committed::Unknown) | None => {
                "the committed offset of the retry topic can't be read"
            }
        };
        Some(why.to_owned())
    }
}

/// Returns what a copy in this place on a broker proves about a message of `keys`. `end` is the end of its queue, if it is
/// known: a committed offset past it proves nothing.
pub(super) fn proof(
    (place, end): (&Place<'_>, i64),
    broker: &Arc<str>,
    copy: &StoredMessage,
    keys: &MessageKeys,
) -> Option<Proof> {
    let property = |name| copy.properties.get(name).filter(|value| !value.is_empty());
    let key = property("UNIQ_KEY").or_else(|| property("ORIGIN_MESSAGE_ID"))?;
    if !keys.contains(key) {
        return None;
    }
    let (group, pop_topic, kind) = found((place, end), broker, copy)?;
    Some(Proof {
        topic: pop_topic.or_else(|| original_topic(copy, &group)),
        instance_id: None,
        kind,
        key: key.into(),
        at: Timestamp::from_millisecond(copy.store_timestamp).ok()?,
        attempts: attempts(copy, kind),
        host: None,
        reason: None,
        group,
    })
}

/// Returns the number of deliveries that a copy proves.
fn attempts(copy: &StoredMessage, kind: ProofKind) -> u32 {
    let times = u32::try_from(copy.reconsume_times).unwrap_or_default();
    let most = copy.properties.get("MAX_RECONSUME_TIMES");
    let is_delivered_again = match kind {
        ProofKind::Retried => true,
        // Brokers of 4.9 count the retries of an ordered consumer, not its deliveries.
        ProofKind::DeadLettered => most.and_then(|most| most.parse().ok()) == Some(times),
        _ => false,
    };
    times.saturating_add(is_delivered_again.into())
}

/// Returns the group of a copy, its topic if the place tells, and what the copy proves.
fn found(
    (place, end): (&Place<'_>, i64),
    broker: &Arc<str>,
    copy: &StoredMessage,
) -> Option<(Arc<str>, Option<Arc<str>>, ProofKind)> {
    let queue = (broker.clone(), copy.queue_id);
    match place {
        Place::Schedule {
            delivered,
            groups,
            topics,
        } => {
            if copy.queue_offset < delivered.get(&queue).copied().unwrap_or_default() {
                return None;
            }
            let real = copy.properties.get("REAL_TOPIC")?;
            // Brokers of 4.9 keep dead letters of ordered consumers here first.
            if let Some(group) = real.strip_prefix(DEAD_LETTERS) {
                return Some((groups.get(group)?.clone(), None, ProofKind::DeadLettered));
            }
            let (group, topic) = group_of(real, copy, (groups, topics))?;
            Some((group, topic, ProofKind::Waiting))
        }
        Place::Retries {
            group,
            pop_topic,
            committed,
            is_read,
        } => {
            let is_ours = match pop_topic {
                Some(_) => is_of_pop(copy, group),
                None => other_group(&copy.topic, copy, group).is_none(),
            };
            let committed = committed.get(&queue).unwrap_or(&Committed::Unknown);
            let is_waiting = match *committed {
                Committed::At(offset) => offset <= end && copy.queue_offset >= offset,
                Committed::Never => true,
                Committed::Unknown => false,
            };
            let kind = if is_waiting && *is_read {
                ProofKind::Waiting
            } else {
                ProofKind::Retried
            };
            is_ours.then(|| ((*group).clone(), pop_topic.cloned(), kind))
        }
        Place::DeadLetters { group } => Some(((*group).clone(), None, ProofKind::DeadLettered)),
    }
}

/// Returns the group, and the topic for POP, to whose retry topic a waiting copy goes.
fn group_of(
    real: &str,
    copy: &StoredMessage,
    (groups, topics): (&BTreeSet<Arc<str>>, &BTreeSet<Arc<str>>),
) -> Option<(Arc<str>, Option<Arc<str>>)> {
    let whole = group_of_retry_topic(real)?;
    if let Some(group) = groups.get(whole)
        && other_group(real, copy, group).is_none()
    {
        return Some((group.clone(), None));
    }
    // TopicNames may contain both separators, so every one of them may be the end of the group's name.
    let mut ends = whole.match_indices(['_', '+']);
    ends.find_map(|(end, _)| {
        let group = groups.get(&whole[..end])?;
        let topic = topics.get(&whole[end + 1..])?;
        let is_ours = copy
            .properties
            .get("ORIGIN_GROUP")
            .is_none_or(|origin| *origin == **group);
        is_ours.then(|| (group.clone(), Some(topic.clone())))
    })
}

/// Returns whether a copy in a retry topic for POP is the group's. A name of the first form may also be the retry topic of
/// another group.
fn is_of_pop(copy: &StoredMessage, group: &str) -> bool {
    match copy.properties.get("ORIGIN_GROUP") {
        Some(origin) => origin == group,
        None => copy.properties.get("1ST_POP_TIME").is_some(),
    }
}

/// Returns the other group to which a copy in this retry topic belongs: one that consumes by POP, and whose retry topic
/// has the same name.
fn other_group<'c>(retry_topic: &str, copy: &'c StoredMessage, group: &str) -> Option<&'c str> {
    let origin = copy.properties.get("ORIGIN_GROUP")?;
    (origin != group && topic_of_pop_retries(retry_topic, origin).is_some()).then_some(origin)
}

/// Returns the topic that a copy names as that of the original message.
fn original_topic(copy: &StoredMessage, group: &str) -> Option<Arc<str>> {
    let named = copy.properties.get("RETRY_TOPIC")?;
    if named.is_empty() {
        return None;
    }
    // A dead letter that a proxy has forwarded names the retry topic that it stood in.
    match group_of_retry_topic(named) {
        Some(_) => topic_of_pop_retries(named, group).map(Into::into),
        None => Some(named.into()),
    }
}

#[cfg(test)]
mod tests;
