//! A snapshot file as a source: answers are judged from offsets that were captured earlier.
//!
//! No call is made, so nothing is throttled or retried. A query that cannot be answered is
//! [`FailureKind::NotFound`], with the code that the HTTP API would use.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::rocketmq::remoting::Namespace;
use super::{Failure, FailureKind, Trace, TraceSource, Track};
use crate::message::{MessageId, Position, Query};
use crate::offsets::snapshot::{ClusterState, StoreTimes, Stored, TopicState, read};
use crate::offsets::{self, Rules, judge_as_gateway, judge_as_mqadmin, judge_by_offsets};

/// A snapshot that answers queries.
///
/// - A query with a position is judged there. Any other message is looked up in the snapshot's `messages`, by topic and
///   exact ID. A position without a tag is that of a message without a tag.
/// - A message stored more than once is judged by its oldest copy, as by `mqadmin` (`docs/facts/rocketmq.md` §1.1).
/// - A query without an instance is answered. If the snapshot names no instance, every instance matches.
/// - A topic without groups gives an answer without tracks.
#[derive(Debug)]
pub struct Snapshot {
    state: ClusterState,
    store_times: OnceLock<StoreTimes>,
}

impl Snapshot {
    /// Reads a snapshot file: JSON, plain, gzip or zstd.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is malformed, or contradicts itself.
    pub fn open(path: &Path) -> Result<Self, offsets::SnapshotError> {
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|cause| offsets::SnapshotError::unreadable(&name, cause))?;
        read(&name, file).map(Self::new)
    }

    /// Wraps the captured state of a cluster.
    #[must_use]
    pub const fn new(state: ClusterState) -> Self {
        Self {
            state,
            store_times: OnceLock::new(),
        }
    }

    /// Returns when the offsets were read: the time that every answer refers to.
    #[must_use]
    pub const fn captured_at(&self) -> Timestamp {
        self.state.captured_at
    }

    /// Returns the cluster's name, for display.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.state.cluster
    }

    /// Returns the instance of the snapshot, if it names one.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.state.instance_id.as_deref()
    }

    /// Returns the state of the cluster, for questions other than traces.
    #[must_use]
    pub const fn state(&self) -> &ClusterState {
        &self.state
    }

    /// Returns the store times at the ends of queues and at the groups' offsets; computed on first use.
    pub fn store_times(&self) -> &StoreTimes {
        self.store_times
            .get_or_init(|| StoreTimes::new(&self.state))
    }

    /// Returns the decision table that the snapshot is judged by.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.state.rules
    }

    /// Answers a query.
    ///
    /// # Errors
    ///
    /// If instance, topic or message are not in the snapshot, or the broker could not be asked.
    pub fn answer(&self, query: &Query) -> Result<Trace, Failure> {
        let born_at = self.born_at(query);
        match self.judged(query) {
            Ok(trace) => Ok(Trace {
                born_at,
                unique_key: self.unique_key(query),
                ..trace
            }),
            Err(failure) => Err(Failure {
                born_at: born_at.map(Box::new),
                ..failure
            }),
        }
    }

    /// Returns the unique key of the message of a query if the ID is another one, and an empty text if it is unknown: an
    /// offset ID names a place in a broker's files, and the snapshot does not have the message.
    fn unique_key(&self, query: &Query) -> Option<Arc<str>> {
        match self.stored_copy(query) {
            Some(copy) => copy.unique_key().map(Into::into),
            None => match MessageId::parse(&query.msg_id) {
                Ok(MessageId::OffsetId(_)) => Some("".into()),
                _ => None,
            },
        }
    }

    /// Returns when the message of a query was made, if the snapshot says. A query with a position asks about the copy
    /// that is stored there.
    #[must_use]
    pub fn born_at(&self, query: &Query) -> Option<Timestamp> {
        self.stored_copy(query)?.born_at()
    }

    fn stored_copy<'a>(&'a self, query: &'a Query) -> Option<Stored<'a>> {
        let topic = self.name_of(query.instance_id.as_deref(), &query.topic);
        let is_it = |copy: &Stored<'_>| {
            let is_there = |at: &Position| copy.is_at(at);
            copy.topic() == topic && query.position.as_ref().is_none_or(is_there)
        };
        self.state.messages.copies(&query.msg_id).find(is_it)
    }

    fn judged(&self, query: &Query) -> Result<Trace, Failure> {
        if query.position.is_none() {
            self.not_missing(query)?;
        }
        let instance = query.instance_id.as_deref();
        let topic = self.topic(instance, &query.topic)?;
        let name = self.name_of(instance, &query.topic);
        let position = match &query.position {
            Some(position) => Cow::Borrowed(position),
            None => Cow::Owned(self.stored(&name, &query.msg_id)?.position()),
        };
        if let Some(why) = self.state.unreachable.get(&position.broker) {
            let message = format!(
                "{} could not be asked for its offsets: {why}",
                position.broker
            );
            let code = BROKER_GONE.to_owned();
            return Err(Failure::new(FailureKind::Refused, code, message));
        }
        if self.state.rules == Rules::Offsets && !self.state.brokers.contains(&position.broker) {
            let message = format!(
                "the cluster has no broker {}: it has stopped, or is misspelt",
                position.broker
            );
            let code = BROKER_GONE.to_owned();
            return Err(Failure::new(FailureKind::Refused, code, message));
        }
        self.still_stored(topic, &query.topic, &position)?;
        let namespace = self.namespace_of_topic(instance, &query.topic);
        let named = |group: &Arc<str>| match &namespace {
            Some(namespace) => namespace.unwrap(group).into(),
            None => group.clone(),
        };
        let tracks = topic.groups.iter();
        Ok(Trace::new(match self.state.rules {
            Rules::Gateway => tracks
                .map(|(group, state)| Track::new(group.clone(), judge_as_gateway(state, &position)))
                .collect(),
            Rules::Offsets => {
                let context = self.state.broker_context(topic, &position.broker);
                tracks
                    .map(|(group, state)| {
                        let (track_type, marks) = judge_by_offsets(state, &position);
                        let by_mqadmin = judge_as_mqadmin(state, &context, &position);
                        Track {
                            group: named(group),
                            marks,
                            mqadmin: by_mqadmin.filter(|by_mqadmin| *by_mqadmin != track_type),
                            track_type,
                            deliveries: None,
                            inferred_from: None,
                        }
                    })
                    .collect()
            }
        }))
    }

    /// Fails if the message was not found when the snapshot was captured.
    fn not_missing(&self, query: &Query) -> Result<(), Failure> {
        let known = self.state.missing.get(&*query.msg_id);
        let Some(missing) = known
            .into_iter()
            .flatten()
            .find(|missing| *missing.topic == *query.topic)
        else {
            return Ok(());
        };
        let kind = FailureKind::named(&missing.kind).unwrap_or(FailureKind::Server);
        let code = Some(missing.code.to_string()).filter(|code| !code.is_empty());
        Err(Failure::new(kind, code, missing.message.to_string()))
    }

    /// Returns a topic.
    ///
    /// # Errors
    ///
    /// If the snapshot is of another instance or has no such topic.
    pub fn topic(&self, instance: Option<&str>, topic: &str) -> Result<&TopicState, Failure> {
        self.instance(instance)?;
        let name = self.name_of(instance, topic);
        self.state.topics.get(&*name).ok_or_else(|| {
            let noun = self.noun();
            let message = format!("the {noun} has no topic {topic}");
            not_found(TOPIC_NOT_FOUND, message)
        })
    }

    /// Returns the name of a topic in this snapshot. In a captured cluster, an instance is a namespace and thus
    /// a part of names (`docs/facts/rocketmq.md` §6).
    fn name_of<'t>(&self, instance: Option<&str>, topic: &'t str) -> Cow<'t, str> {
        if self.state.rules == Rules::Offsets
            && let Some(namespace) = instance.and_then(Namespace::new)
        {
            let wrapped = namespace.wrap(topic);
            if self.state.topics.contains_key(&*wrapped) {
                return wrapped;
            }
        }
        Cow::Borrowed(topic)
    }

    /// Returns the name of a topic in this snapshot.
    #[must_use]
    pub fn topic_name<'t>(&self, instance: Option<&str>, topic: &'t str) -> Cow<'t, str> {
        self.name_of(instance, topic)
    }

    /// Returns the name of a group in this snapshot. In a captured cluster, an instance is a namespace, if any topic has it.
    #[must_use]
    pub fn group_name<'g>(&self, instance: Option<&str>, group: &'g str) -> Cow<'g, str> {
        self.namespace(instance)
            .map_or(Cow::Borrowed(group), |namespace| namespace.wrap(group))
    }

    /// Returns the name of a topic or group without the namespace of the instance.
    #[must_use]
    pub fn bare_name<'n>(&self, instance: Option<&str>, name: &'n str) -> Cow<'n, str> {
        self.namespace(instance)
            .map_or(Cow::Borrowed(name), |namespace| namespace.unwrap(name))
    }

    /// Returns the namespace that an instance stands for.
    fn namespace(&self, instance: Option<&str>) -> Option<Namespace> {
        if self.state.rules != Rules::Offsets {
            return None;
        }
        let namespace = Namespace::new(instance?)?;
        let mut topics = self.state.topics.keys();
        topics
            .any(|topic| namespace.contains(topic))
            .then_some(namespace)
    }

    /// Returns the keys under which evidence about a message may be kept: its ID, and the unique keys of its copies under
    /// the topic.
    #[must_use]
    pub fn keys_of<'k>(
        &'k self,
        instance: Option<&str>,
        topic: &str,
        msg_id: &'k str,
    ) -> Vec<&'k str> {
        let name = self.name_of(instance, topic);
        let copies = self.state.messages.copies(msg_id);
        let unique = copies.filter(|copy| copy.topic() == name);
        let unique = unique.filter_map(Stored::unique_key);
        std::iter::once(msg_id).chain(unique).collect()
    }

    /// Returns the namespace that is a part of the names of a topic and its groups in this snapshot.
    #[must_use]
    pub fn namespace_of_topic(&self, instance: Option<&str>, topic: &str) -> Option<Namespace> {
        match self.name_of(instance, topic) {
            Cow::Owned(_) => instance.and_then(Namespace::new),
            Cow::Borrowed(_) => None,
        }
    }

    /// Checks that the snapshot covers an instance.
    ///
    /// # Errors
    ///
    /// If the snapshot is of another instance.
    pub fn instance(&self, requested: Option<&str>) -> Result<(), Failure> {
        match (requested, self.instance_id()) {
            (Some(requested), Some(ours)) if requested != ours => {
                let message =
                    format!("the query names instance {requested}, the snapshot is of {ours}");
                Err(not_found("INSTANCE_NOT_FOUND", message))
            }
            _ => Ok(()),
        }
    }

    /// Returns a message that its queue still holds.
    ///
    /// # Errors
    ///
    /// If the message is not under the topic, has expired, or was never stored.
    pub fn message<'a>(
        &'a self,
        state: &TopicState,
        topic: &str,
        msg_id: &'a str,
    ) -> Result<Stored<'a>, Failure> {
        let stored = self.stored(topic, msg_id)?;
        self.still_stored(state, topic, &stored.position())?;
        Ok(stored)
    }

    /// Returns the oldest copy of a message under a topic.
    fn stored<'a>(&'a self, topic: &str, msg_id: &'a str) -> Result<Stored<'a>, Failure> {
        let mut copies = self.state.messages.copies(msg_id);
        copies
            .find(|copy| copy.topic() == topic)
            .ok_or_else(|| no_message(self.absence(topic, msg_id, None)))
    }

    /// Rewrites a failure for a client that may see only some `topics`: it must not say that the message is
    /// under another topic.
    #[must_use]
    pub fn discreet(
        &self,
        failure: Failure,
        query: (Option<&str>, &str, &str),
        topics: &BTreeSet<String>,
    ) -> Failure {
        let (instance, topic, msg_id) = query;
        let name = self.name_of(instance, topic);
        if failure.code.as_deref() != Some(NO_MESSAGE) || self.stored(&name, msg_id).is_ok() {
            return failure;
        }
        Failure {
            message: self.absence(topic, msg_id, Some(topics)),
            ..failure
        }
    }

    /// Describes a missing message; mentions another topic only if it is in `topics`, or if `topics` is `None`.
    fn absence(&self, topic: &str, msg_id: &str, topics: Option<&BTreeSet<String>>) -> String {
        let copies = self.state.messages.copies(msg_id);
        let mut known = copies
            .map(Stored::topic)
            .filter(|other| topics.is_none_or(|topics| topics.contains(*other)));
        match (known.next(), topics) {
            (Some(other), _) => {
                let absent = absent(topic);
                format!("{absent}; the snapshot has it under topic {other}")
            }
            (None, None) => "the snapshot has no message with this ID under any topic".to_owned(),
            (None, Some(_)) => absent(topic),
        }
    }

    /// Returns what messages call the source: a captured cluster is called a cluster.
    const fn noun(&self) -> &'static str {
        match self.state.rules {
            Rules::Gateway => "snapshot",
            Rules::Offsets => "cluster",
        }
    }

    /// Fails if the queue does not hold the message: it has expired or was never stored, so offsets prove
    /// nothing about it.
    fn still_stored(
        &self,
        topic: &TopicState,
        name: &str,
        position: &Position,
    ) -> Result<(), Failure> {
        let Position {
            broker,
            queue_id,
            queue_offset,
            ..
        } = position;
        let message = match topic.queues.get(broker, *queue_id) {
            Some(held) if held.contains(queue_offset) => return Ok(()),
            Some(held) if *queue_offset < held.start => {
                let message = format!(
                    "expired: queue {queue_id} on {broker} begins at offset {}, the message stood at {queue_offset}",
                    held.start
                );
                return Err(match self.state.rules {
                    Rules::Gateway => no_message(message),
                    Rules::Offsets => not_found(EXPIRED, message),
                });
            }
            Some(held) if position.store.is_some() && self.state.rules == Rules::Offsets => {
                let message = format!(
                    "{broker} has lost it, or answered wrongly: it was found at offset {queue_offset} of queue {queue_id}, \
                     which now ends before {}",
                    held.end
                );
                return Err(Failure::new(FailureKind::Refused, LOST.to_owned(), message));
            }
            Some(held) => format!(
                "never stored there: queue {queue_id} on {broker} ends before offset {}, the message would stand at \
                 {queue_offset}",
                held.end
            ),
            None if topic.queues.is_empty() => return Ok(()), // queues are not listed: nothing to check against
            None => format!("topic {name} has no queue {queue_id} on {broker}"),
        };
        Err(no_message(message))
    }
}

/// Code of a message that has expired; Alibaba Cloud has no code of its own for it.
pub const EXPIRED: &str = "MESSAGE_EXPIRED";

/// Code of a message that was found, in a queue that ends before it when its offsets are read.
const LOST: &str = "MESSAGE_LOST";

/// Code of a failure because a broker that matters cannot be asked.
pub const BROKER_GONE: &str = "BROKER_GONE";

/// Code of a missing message.
pub const NO_MESSAGE: &str = "BIZ_NO_MESSAGE";

/// Code of a missing topic.
pub const TOPIC_NOT_FOUND: &str = "BIZ_TOPIC_NOT_FOUND";

impl TraceSource for Snapshot {
    fn answer_locally(&self, query: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        (!is_paced).then(|| self.answer(query))
    }

    fn as_of(&self) -> Option<Timestamp> {
        Some(self.state.captured_at)
    }
}

/// Returns the message text for a message that is not under a topic.
#[must_use]
pub fn absent(topic: &str) -> String {
    format!("no message with this ID under topic {topic}")
}

fn no_message(message: String) -> Failure {
    not_found(NO_MESSAGE, message)
}

fn not_found(code: &str, message: String) -> Failure {
    Failure::new(FailureKind::NotFound, code.to_owned(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: &str = "MQ_INST_1_demo";

    fn snapshot() -> Snapshot {
        let text = r#"{"schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2026-11-20T03:00:00Z",
            "instance_id":"MQ_INST_1_demo","brokers":["a","b"],
            "topics":[{"topic":"orders","queues":[{"broker":"a","queue_id":0,"min_offset":10,"max_offset":20},
                                                  {"broker":"b","queue_id":0,"min_offset":0,"max_offset":9}]},
                      {"topic":"lonely"}, {"topic":"payments"}],
            "groups":[{"group":"GID_b","online":true,"consume_type":"push","message_model":"clustering",
                       "subscriptions":[{"topic":"orders","expression":"paid","expression_type":"TAG"}],
                       "offsets":[{"topic":"orders","broker":"a","queue_id":0,"offset":15}]},
                      {"group":"GID_a","online":false,
                       "offsets":[{"topic":"orders","broker":"b","queue_id":0,"offset":9}]}],
            "messages":[{"msg_id":"0A","topic":"orders","broker":"a","queue_id":0,"queue_offset":14,"tag":"paid"},
                        {"msg_id":"0B","topic":"orders","broker":"a","queue_id":0,"queue_offset":9,"tag":"paid"},
                        {"msg_id":"0C","topic":"payments","broker":"a","queue_id":3,"queue_offset":1},
                        {"msg_id":"0D","topic":"orders","broker":"a","queue_id":0,"queue_offset":18,"tag":"paid",
                         "stored_at":"2026-11-20T02:00:05Z"},
                        {"msg_id":"0D","topic":"orders","broker":"a","queue_id":0,"queue_offset":12,"tag":"paid",
                         "stored_at":"2026-11-20T02:00:00Z"},
                        {"msg_id":"0D","topic":"payments","broker":"a","queue_id":0,"queue_offset":1}]}"#;
        Snapshot::new(read("demo.json", text.as_bytes()).unwrap())
    }

    fn query(topic: &str, msg_id: &str) -> Query {
        Query {
            instance_id: None,
            topic: topic.into(),
            msg_id: msg_id.into(),
            position: None,
            born_after: None,
            send_result: None,
        }
    }

    fn at(broker: &str, queue_id: u32, queue_offset: u64, tag: Option<&str>) -> Query {
        let position = Position {
            broker: broker.into(),
            queue_id,
            queue_offset,
            tag: tag.into(),
            store: None,
        };
        Query {
            position: Some(position),
            ..query("orders", "FF")
        }
    }

    /// Formats the tracks as `group=word`, in the order of the answer.
    fn words(query: &Query) -> Vec<String> {
        let trace = snapshot().answer(query).unwrap();
        let word = |track: &Track| format!("{}={}", track.group, track.track_type);
        trace.tracks.iter().map(word).collect()
    }

    #[test]
    fn groups_come_in_name_order_with_their_words() {
        assert_eq!(
            words(&query("orders", "0A")),
            ["GID_a=NOT_ONLINE", "GID_b=CONSUMED"]
        );
        assert!(words(&query("payments", "0C")).is_empty());
    }

    #[test]
    fn the_oldest_copy_under_the_topic_is_judged() {
        assert_eq!(
            words(&query("orders", "0D")),
            ["GID_a=NOT_ONLINE", "GID_b=CONSUMED"]
        );
    }

    #[test]
    fn a_position_in_the_query_needs_no_message() {
        for (query, word) in [
            (at("a", 0, 14, Some("paid")), "GID_b=CONSUMED"),
            (at("a", 0, 15, Some("paid")), "GID_b=NOT_CONSUME_YET"),
            (at("a", 0, 14, None), "GID_b=CONSUMED_BUT_FILTERED"),
            (at("b", 0, 8, None), "GID_b=NOT_CONSUME_YET"),
        ] {
            assert_eq!(words(&query)[1], word, "{query:?}");
        }
        let unlisted = Query {
            topic: "lonely".into(),
            ..at("z", 7, 1_000, None)
        };
        assert!(words(&unlisted).is_empty());
    }

    #[test]
    fn what_it_cannot_answer_is_not_found_and_says_why() {
        let in_another_instance = Query {
            instance_id: Some("MQ_INST_2_other".into()),
            ..query("orders", "0A")
        };
        for (query, code, says) in [
            (in_another_instance, "INSTANCE_NOT_FOUND", "MQ_INST_2_other"),
            (
                query("refunds", "0A"),
                "BIZ_TOPIC_NOT_FOUND",
                "no topic refunds",
            ),
            (query("orders", "0a"), "BIZ_NO_MESSAGE", "under any topic"),
            (
                query("orders", "0C"),
                "BIZ_NO_MESSAGE",
                "has it under topic payments",
            ),
            (query("orders", "0B"), "BIZ_NO_MESSAGE", "expired"),
            (at("a", 0, 9, None), "BIZ_NO_MESSAGE", "begins at offset 10"),
            (at("a", 0, 20, None), "BIZ_NO_MESSAGE", "never stored"),
            (at("a", 1, 12, None), "BIZ_NO_MESSAGE", "no queue 1 on a"),
            (at("z", 0, 12, None), "BIZ_NO_MESSAGE", "no queue 0 on z"),
        ] {
            let failure = snapshot().answer(&query).unwrap_err();
            assert_eq!(failure.kind, FailureKind::NotFound);
            assert_eq!(failure.code.as_deref(), Some(code), "{query:?}");
            assert!(failure.message.contains(says), "{}", failure.message);
        }
    }

    #[test]
    fn its_own_instance_and_no_instance_are_answered() {
        for instance_id in [None, Some(INSTANCE.into())] {
            let query = Query {
                instance_id,
                ..query("orders", "0A")
            };
            assert_eq!(words(&query).len(), 2);
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Snapshot::open(Path::new("no/such/cluster.json")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "can't read snapshot no/such/cluster.json"
        );
    }
}
