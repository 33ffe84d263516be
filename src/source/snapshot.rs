//! A snapshot file as a source: every answer is [`judge_as_gateway`] on offsets that were frozen earlier.
//!
//! Nothing is asked of anyone, so nothing is throttled and nothing is retried; what it can't answer is
//! [`FailureKind::NotFound`], with the code the HTTP API would use and a message that says what the snapshot knows.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::future::{Future, ready};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;

use super::rocketmq::remoting::Namespace;
use super::{Failure, FailureKind, Trace, TraceSource, Track};
use crate::message::{Position, Query};
use crate::offsets::snapshot::{ClusterState, StoreTimes, Stored, TopicState, read};
use crate::offsets::{self, Rules, judge_as_gateway, judge_as_mqadmin, judge_by_offsets};

/// A snapshot that answers queries.
///
/// - A query that brings its position is judged there; any other is looked up in the snapshot's `messages`, by topic
///   and exact ID. A position without a tag is that of a message without a tag.
/// - A message stored more than once is judged by its oldest copy, as `mqadmin` does (`docs/facts/rocketmq.md` §1.1).
/// - A query without an instance is answered; so is any instance where the snapshot doesn't name its own.
/// - A topic without groups is an answer without tracks.
#[derive(Debug)]
pub struct Snapshot {
    state: ClusterState,
    store_times: OnceLock<StoreTimes>,
}

impl Snapshot {
    /// Reads a snapshot file: JSON, plain, gzip or zstd.
    pub fn open(path: &Path) -> Result<Self, offsets::SnapshotError> {
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|cause| offsets::SnapshotError::unreadable(&name, cause))?;
        read(&name, file).map(Self::of)
    }

    /// What was captured, to be asked.
    #[must_use]
    pub const fn of(state: ClusterState) -> Self {
        Self {
            state,
            store_times: OnceLock::new(),
        }
    }

    /// When the offsets were read: the moment every answer speaks of.
    #[must_use]
    pub const fn captured_at(&self) -> Timestamp {
        self.state.captured_at
    }

    /// The cluster's name, for people.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.state.cluster
    }

    /// The instance the snapshot is of, where it says.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.state.instance_id.as_deref()
    }

    /// The cluster, for what is asked beside traces.
    #[must_use]
    pub const fn state(&self) -> &ClusterState {
        &self.state
    }

    /// When messages were stored at the ends of queues and at the groups' offsets; found once, when first asked.
    pub fn store_times(&self) -> &StoreTimes {
        self.store_times.get_or_init(|| StoreTimes::of(&self.state))
    }

    /// By which table it judges.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.state.rules
    }

    /// What is known of a query, at once.
    pub fn answer(&self, query: &Query) -> Result<Trace, Failure> {
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
        let namespace = match &name {
            Cow::Owned(_) => instance.and_then(Namespace::new),
            Cow::Borrowed(_) => None,
        };
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
                let around = self.state.around(topic, &position.broker);
                tracks
                    .map(|(group, state)| {
                        let (track_type, marks) = judge_by_offsets(state, &position);
                        let theirs = judge_as_mqadmin(state, &around, &position);
                        Track {
                            group: named(group),
                            marks,
                            mqadmin: theirs.filter(|theirs| *theirs != track_type),
                            track_type,
                        }
                    })
                    .collect()
            }
        }))
    }

    /// Was the message looked for in vain when this was captured?
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

    /// A topic, if this snapshot is the one to ask about it.
    pub fn topic(&self, instance: Option<&str>, topic: &str) -> Result<&TopicState, Failure> {
        self.instance(instance)?;
        let name = self.name_of(instance, topic);
        self.state.topics.get(&*name).ok_or_else(|| {
            let whose = self.whose();
            let message = format!("the {whose} has no topic {topic}");
            not_found(TOPIC_NOT_FOUND, message)
        })
    }

    /// The name that a topic of an instance has here: in a captured cluster an instance is a namespace, which is a part
    /// of names (`docs/facts/rocketmq.md` §6).
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

    /// Is this snapshot the one to ask about an instance?
    pub fn instance(&self, asked: Option<&str>) -> Result<(), Failure> {
        match (asked, self.instance_id()) {
            (Some(asked), Some(ours)) if asked != ours => {
                let message =
                    format!("the query names instance {asked}, the snapshot is of {ours}");
                Err(not_found("INSTANCE_NOT_FOUND", message))
            }
            _ => Ok(()),
        }
    }

    /// A message that its queue still holds.
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

    /// The oldest copy of a message under a topic.
    fn stored<'a>(&'a self, topic: &str, msg_id: &'a str) -> Result<Stored<'a>, Failure> {
        let mut copies = self.state.messages.copies(msg_id);
        copies
            .find(|copy| copy.topic() == topic)
            .ok_or_else(|| no_message(self.absence(topic, msg_id, None)))
    }

    /// A failure as it is told to somebody who may know of some `topics` only: whether the message is under another one
    /// is not for them.
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

    /// What is said of a message that is not there, by topics that may be spoken of: these, or all.
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

    /// What is spoken of: a captured cluster answers as the cluster itself would.
    const fn whose(&self) -> &'static str {
        match self.state.rules {
            Rules::Gateway => "snapshot",
            Rules::Offsets => "cluster",
        }
    }

    /// Offsets say nothing of a message that the queue doesn't hold: one that expired, or one that never was.
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
            Some(held) => format!(
                "never stored there: queue {queue_id} on {broker} ends before offset {}, the message would stand at \
                 {queue_offset}",
                held.end
            ),
            None if topic.queues.is_empty() => return Ok(()), // not listed: nothing to check against
            None => format!("topic {name} has no queue {queue_id} on {broker}"),
        };
        Err(no_message(message))
    }
}

/// The code of a message that was there: none of Alibaba's, which has none for it.
pub const EXPIRED: &str = "MESSAGE_EXPIRED";

/// The code where a broker can't be asked that should know.
pub const BROKER_GONE: &str = "BROKER_GONE";

/// The code of a message that is not there.
pub const NO_MESSAGE: &str = "BIZ_NO_MESSAGE";

/// The code of a topic that is not there.
pub const TOPIC_NOT_FOUND: &str = "BIZ_TOPIC_NOT_FOUND";

impl TraceSource for Snapshot {
    fn trace(&self, query: &Query) -> impl Future<Output = Result<Trace, Failure>> {
        ready(self.answer(query))
    }

    fn answer_locally(&self, query: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        (!is_paced).then(|| self.answer(query))
    }

    fn as_of(&self) -> Option<Timestamp> {
        Some(self.state.captured_at)
    }
}

/// That a message is not under a topic, and no more.
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
        Snapshot::of(read("demo.json", text.as_bytes()).unwrap())
    }

    fn query(topic: &str, msg_id: &str) -> Query {
        Query {
            instance_id: None,
            topic: topic.into(),
            msg_id: msg_id.into(),
            position: None,
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

    /// `group=word` in the order of the answer.
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
