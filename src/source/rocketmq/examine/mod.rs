//! Examines what offsets do not prove: copies of messages in the schedule, retry and dead-letter topics of their groups,
//! and trace records (`docs/facts/processing.md` §§C, M).
//!
//! Committed offsets are read first, by the capture. Then, in the order in which a message that fails moves on: the
//! schedule topic, the group's retry topics, its dead-letter topic. A copy is stored before the offset behind it moves, so
//! no copy slips through.
//!
//! ```text
//! asking    calls: paced, counted, limited, repeated
//! groups    the topics of a group, and when the absence of a copy proves nothing
//! reading   reads one topic: by pulling ranges, or by looking messages up
//! copies    what a copy proves (pure)
//! traces    reads trace records and joins them
//! ```
//!
//! Nothing here fails: what cannot be read is named with the reason.

mod asking;
mod copies;
mod groups;
mod reading;
mod traces;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, stream};
use jiff::Timestamp;

use self::asking::Asking;
use self::copies::{Committed, Copies, Place, Queue};
use self::groups::{GroupTopics, RetryQueues, TopicNames, why_retries_prove_nothing};
use self::reading::{AT_ONCE, Read, ReadTarget, Reading, of_queue};
use super::Cluster;
use super::cluster::RoutedTopic;
use super::remoting::namespace::{DEAD_LETTERS, group_of_retry_topic};
use super::sweep::queues_of;
use crate::evidence::{Examination, ExaminedTopic, MessageKeys, Proof, ProofKind, SCHEDULE_TOPIC};
use crate::humanize::without_os_codes;
use crate::offsets::snapshot::{GroupEntry, SnapshotDocument};
use crate::source::CallPacer;

/// What to examine.
pub struct ExamineRequest<'a> {
    /// Groups in the order of their importance, by their names on the brokers.
    pub groups: Vec<GroupToExamine>,
    /// Keys of the messages: unique keys, or offset IDs of messages without one.
    pub keys: &'a MessageKeys,
    /// Copies that were stored earlier are not needed. `None` if they may have any age.
    pub since: Option<Timestamp>,
    /// Most calls that the examination may make.
    pub limit: u64,
    /// The topic with trace records, if they are read.
    pub trace_topic: Option<Arc<str>>,
    /// Returns the keys of a group's messages. Called only if these are looked up.
    pub keys_of: &'a dyn Fn(&str) -> anyhow::Result<Vec<Arc<str>>>,
}

impl fmt::Debug for ExamineRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExamineRequest")
            .field("groups", &self.groups)
            .field("since", &self.since)
            .field("limit", &self.limit)
            .field("trace_topic", &self.trace_topic)
            .finish_non_exhaustive()
    }
}

/// A group whose messages are examined.
#[derive(Debug, Clone)]
pub struct GroupToExamine {
    /// The group.
    pub group: Arc<str>,
    /// Number of messages that the group has passed, or for which its offset decides nothing.
    pub messages: u64,
}

impl Cluster {
    /// Examines groups beyond their offsets. `document` is the capture of the offsets, read before.
    pub async fn examine<P: CallPacer>(
        &self,
        document: &SnapshotDocument,
        request: &ExamineRequest<'_>,
        pacer: &P,
    ) -> Examination {
        let asking = Asking::new(self, pacer, request.limit);
        let examiner = TopicExaminer {
            asking,
            document,
            request,
            entries: document
                .groups
                .iter()
                .map(|entry| (&*entry.group, entry))
                .collect(),
            earliest: RefCell::default(),
            keys: RefCell::default(),
            proofs: RefCell::default(),
            topics: RefCell::default(),
        };
        examiner.run().await;
        let mut proofs = examiner.proofs.into_inner();
        // Queues are read in no particular order, and a copy may be looked up after it was pulled.
        proofs.sort_by(|a, b| order(a).cmp(&order(b)));
        proofs.dedup();
        Examination {
            calls: examiner.asking.calls(),
            topics: examiner.topics.into_inner(),
            proofs,
        }
    }
}

fn order(proof: &Proof) -> (&str, &str, Timestamp, ProofKind, u32, Option<&str>) {
    let Proof { group, key, at, .. } = proof;
    let topic = proof.topic.as_deref();
    (group, key, *at, proof.kind, proof.attempts, topic)
}

/// The keys of a group's messages, or why they are not known.
type Keys = Result<Arc<[Arc<str>]>, String>;

/// An examination in progress.
struct TopicExaminer<'a, P> {
    asking: Asking<'a, P>,
    document: &'a SnapshotDocument,
    request: &'a ExamineRequest<'a>,
    entries: HashMap<&'a str, &'a GroupEntry>,
    /// By broker: when its oldest message was stored, if it says.
    earliest: RefCell<HashMap<Arc<str>, Option<Timestamp>>>,
    keys: RefCell<HashMap<Arc<str>, Keys>>,
    proofs: RefCell<Vec<Proof>>,
    topics: RefCell<Vec<ExaminedTopic>>,
}

/// A group and its retry topics that exist, with the committed offsets, which are read before any copy.
struct GroupPlan {
    topics: GroupTopics,
    messages: u64,
    retries: Result<Option<RetryTopic>, String>,
    pop_retries: Vec<(Arc<str>, Result<RetryTopic, String>)>,
}

struct RetryTopic {
    topic: Arc<RoutedTopic>,
    /// The topic whose retries these are, for POP.
    pop_topic: Option<Arc<str>>,
    committed: HashMap<Queue, Committed>,
}

impl<P: CallPacer> TopicExaminer<'_, P> {
    async fn run(&self) {
        if self.request.groups.is_empty() {
            return;
        }
        let names = self.names().await;
        let mut settings = self.retry_queues().await;
        settings.pop = self.pop_groups().await;
        let mut plans = Vec::with_capacity(self.request.groups.len());
        for group in &self.request.groups {
            plans.push(self.plan(&group.group, group.messages, &names).await);
        }
        self.read_schedule().await;
        for plan in &plans {
            self.read_retries(plan, &settings).await;
            self.read_dead_letters(plan, &names).await;
        }
        if let Some(topic) = &self.request.trace_topic {
            self.read_traces(topic).await;
        }
    }

    /// Returns the names of the topics of the groups, as far as they exist (206).
    async fn names(&self) -> TopicNames {
        let groups = self.groups();
        let is_ours = |of: &str| {
            let mut ends = of.match_indices(['_', '+']);
            groups.contains(of) || ends.any(|(end, _)| groups.contains(&of[..end]))
        };
        let kept = |name: &str| {
            let group = group_of_retry_topic(name).or_else(|| name.strip_prefix(DEAD_LETTERS));
            group.is_some_and(is_ours).then(|| name.into())
        };
        self.asking.count();
        let names = self.asking.cluster.remoting.topics(kept).await;
        names
            .ok()
            .map(|names: Vec<Arc<str>>| names.into_iter().collect())
    }

    fn groups(&self) -> BTreeSet<Arc<str>> {
        let groups = self.request.groups.iter();
        groups.map(|group| group.group.clone()).collect()
    }

    /// Returns the groups without retry queues on some broker (201).
    async fn retry_queues(&self) -> RetryQueues {
        let remoting = &self.asking.cluster.remoting;
        let groups = self.groups();
        let mut queues = RetryQueues::default();
        for broker in self.brokers() {
            let call =
                |address: Arc<str>| async move { remoting.subscription_groups(&address).await };
            match self.asking.ask(&broker, call).await {
                Ok(settings) => {
                    let none = settings
                        .groups
                        .iter()
                        .filter(|(_, of)| of.retry_queue_nums <= 0);
                    let none = none.filter_map(|(group, _)| groups.get(&**group));
                    queues.without.extend(none.cloned());
                }
                Err(why) => {
                    queues.unknown =
                        Some(format!("the settings of the group can't be read: {why}").into());
                }
            }
        }
        queues
    }

    /// Returns the groups that consume by POP by their settings (402). A client of theirs looks like any other, and until a
    /// first retry is due there is no topic that tells. Brokers without this call have no such settings.
    async fn pop_groups(&self) -> BTreeSet<Arc<str>> {
        let remoting = &self.asking.cluster.remoting;
        let groups = self.groups();
        let mut pop = BTreeSet::new();
        for broker in self.brokers() {
            let call = |address: Arc<str>| async move { remoting.request_modes(&address).await };
            if let Ok(modes) = self.asking.ask(&broker, call).await {
                let of_these = modes.pop_groups().into_iter();
                pop.extend(of_these.filter_map(|group| groups.get(group)).cloned());
            }
        }
        pop
    }

    /// Returns the brokers that can be asked.
    fn brokers(&self) -> Vec<Arc<str>> {
        let seen = self.asking.cluster.seen().into_iter();
        seen.filter(|broker| !self.document.unreachable.contains_key(broker))
            .collect()
    }

    /// Finds the retry topics of a group, and reads the committed offsets that the capture does not have.
    async fn plan(&self, group: &Arc<str>, messages: u64, names: &TopicNames) -> GroupPlan {
        let topics = GroupTopics::new(group, self.entries.get(&**group).copied(), names);
        let retries = self
            .retry_topic(&topics, (&topics.retries, None), names)
            .await;
        let mut pop_retries = Vec::new();
        for (name, of) in &topics.pop_retries {
            let topic = self.retry_topic(&topics, (name, Some(of)), names).await;
            pop_retries.extend(topic.transpose().map(|topic| (name.clone(), topic)));
        }
        GroupPlan {
            topics,
            messages,
            retries,
            pop_retries,
        }
    }

    async fn retry_topic(
        &self,
        topics: &GroupTopics,
        (name, pop_topic): (&Arc<str>, Option<&Arc<str>>),
        names: &TopicNames,
    ) -> Result<Option<RetryTopic>, String> {
        let Some(topic) = self.topic(name, names).await? else {
            return Ok(None);
        };
        let committed = self.committed(&topics.group, &topic).await;
        Ok(Some(RetryTopic {
            topic,
            pop_topic: pop_topic.cloned(),
            committed,
        }))
    }

    /// Returns a topic, if it exists.
    async fn topic(
        &self,
        name: &str,
        names: &TopicNames,
    ) -> Result<Option<Arc<RoutedTopic>>, String> {
        if names.as_ref().is_some_and(|names| !names.contains(name)) {
            return Ok(None);
        }
        self.asking.count();
        let topic = self.asking.cluster.topic_named(name).await;
        topic.map_err(|failure| without_os_codes(&failure.message))
    }

    /// Returns the committed offsets of a group in its retry topic: those of the capture, and the others one by one (14).
    async fn committed(&self, group: &Arc<str>, topic: &RoutedTopic) -> HashMap<Queue, Committed> {
        let entry = self.entries.get(&**group);
        let captured = entry.into_iter().flat_map(|entry| &entry.offsets);
        let captured = captured.filter(|offset| offset.topic == topic.wire);
        let mut committed: HashMap<_, _> = captured
            .map(|offset| {
                let queue = (offset.broker.clone(), offset.queue_id);
                let at = i64::try_from(offset.offset).map_or(Committed::Unknown, Committed::At);
                (queue, at)
            })
            .collect();
        let queues = queues_of(topic);
        let others = queues.into_iter().filter(|queue| {
            !committed.contains_key(queue) && !self.document.unreachable.contains_key(&queue.0)
        });
        let remoting = &self.asking.cluster.remoting;
        let asked = stream::iter(others.collect::<Vec<_>>())
            .map(|queue| async move {
                let of = of_queue(topic, &queue);
                let call = |address: Arc<str>| async move {
                    remoting.consumer_offset(&address, group, of).await
                };
                let offset = match self.asking.ask(&queue.0, call).await {
                    Ok(Some(offset)) if offset >= 0 => Committed::At(offset),
                    Ok(_) => Committed::Never,
                    Err(_) => Committed::Unknown,
                };
                (queue, offset)
            })
            .buffer_unordered(AT_ONCE);
        committed.extend(asked.collect::<Vec<_>>().await);
        committed
    }

    /// Reads the messages that wait for their delivery, once for all groups.
    async fn read_schedule(&self) {
        let to = (self.asking.cluster.clock)();
        let reading = self.schedule().await;
        for group in &self.request.groups {
            self.add(&group.group, (SCHEDULE_TOPIC, to), reading.clone());
        }
    }

    async fn schedule(&self) -> Reading {
        let topic = match self.topic(SCHEDULE_TOPIC, &None).await {
            Ok(Some(topic)) => topic,
            Ok(None) => return Reading::default(),
            Err(why) => return Reading::incomplete(why),
        };
        let mut reading = Reading::default();
        reading.note(self.gone());
        let remoting = &self.asking.cluster.remoting;
        let mut delivered = HashMap::new();
        let mut unknown = BTreeSet::new();
        for broker in &topic.brokers {
            if self.document.unreachable.contains_key(broker) {
                continue; // its queues are named as not read below
            }
            let call = |address: Arc<str>| async move { remoting.delay_offsets(&address).await };
            match self.asking.ask(broker, call).await {
                Ok(offsets) => {
                    let levels = offsets.by_level.into_iter();
                    delivered.extend(levels.filter_map(|(level, offset)| {
                        Some(((broker.clone(), level.checked_sub(1)?), offset))
                    }));
                }
                Err(why) => {
                    unknown.insert(broker.clone());
                    reading.note(Some(why.to_string()));
                }
            }
        }
        let (groups, topics) = (self.groups(), self.document.topics.iter());
        let topics = topics.map(|topic| topic.topic.clone()).collect();
        // A level that was never used may be missing in the answer, or its first message may have just arrived.
        let mut queues: BTreeSet<_> = queues_of(&topic).into_iter().collect();
        queues.extend(delivered.keys().cloned());
        queues.retain(|(broker, _)| !unknown.contains(broker));
        let messages = self.request.groups.iter().map(|group| group.messages).sum();
        let target = ReadTarget {
            topic: &topic,
            queues: queues.into_iter().collect(),
            reader: self.copies(Place::Schedule {
                delivered: &delivered,
                groups: &groups,
                topics: &topics,
            }),
            messages: u64::min(messages, self.request.keys.len() as u64),
            starts: Some(&delivered),
            keys: &|| self.keys_of_all(),
        };
        let read = self.read(&target).await;
        reading.note(read.incomplete);
        reading
    }

    /// Reads the retry topics of a group.
    async fn read_retries(&self, plan: &GroupPlan, settings: &RetryQueues) {
        let GroupTopics { group, retries, .. } = &plan.topics;
        let entry = self.entries.get(&**group).copied();
        let to = (self.asking.cluster.clock)();
        let mut reading = match &plan.retries {
            Ok(Some(topic)) => self.read_retry_topic(plan, topic).await,
            Ok(None) => Reading::default(),
            Err(why) => Reading::incomplete(why.clone()),
        };
        // Brokers make a retry topic for every group, but only push consumers read it and commit an offset there.
        // The table of all offsets (43) tells; asked for one offset (14), brokers of 4.9 return 0 if there is none.
        let has_read = entry.is_some_and(|entry| {
            let mut offsets = entry.offsets.iter();
            offsets.any(|offset| offset.topic == *retries)
        });
        // This reason says more than why something could not be read.
        if let Some(why) = why_retries_prove_nothing(group, entry, has_read, settings) {
            reading.incomplete = Some(why);
        }
        self.add(group, (retries, to), reading);
        for (name, topic) in &plan.pop_retries {
            let to = (self.asking.cluster.clock)();
            let reading = match topic {
                Ok(topic) => self.read_retry_topic(plan, topic).await,
                Err(why) => Reading::incomplete(why.clone()),
            };
            self.add(group, (name, to), reading);
        }
    }

    async fn read_retry_topic(&self, plan: &GroupPlan, retries: &RetryTopic) -> Reading {
        let group = &plan.topics.group;
        let target = ReadTarget {
            topic: &retries.topic,
            queues: queues_of(&retries.topic),
            reader: self.copies(Place::Retries {
                group,
                pop_topic: retries.pop_topic.as_ref(),
                committed: &retries.committed,
                is_read: plan.topics.reads_retries,
            }),
            messages: plan.messages,
            starts: None,
            keys: &|| self.keys_of(group),
        };
        self.read_whole(&target).await
    }

    /// Reads the dead-letter topic of a group.
    async fn read_dead_letters(&self, plan: &GroupPlan, names: &TopicNames) {
        let GroupTopics {
            group,
            dead_letters,
            ..
        } = &plan.topics;
        let to = (self.asking.cluster.clock)();
        let reading = match self.topic(dead_letters, names).await {
            Ok(None) => Reading::default(),
            Err(why) => Reading::incomplete(why),
            Ok(Some(topic)) => {
                let target = ReadTarget {
                    topic: &topic,
                    queues: queues_of(&topic),
                    reader: self.copies(Place::DeadLetters { group }),
                    messages: plan.messages,
                    starts: None,
                    keys: &|| self.keys_of(group),
                };
                self.read_whole(&target).await
            }
        };
        self.add(group, (dead_letters, to), reading);
    }

    /// Reads a topic; a broker that has stopped may have copies, too.
    async fn read_whole(&self, target: &ReadTarget<'_, impl Read>) -> Reading {
        let mut reading = self.read(target).await;
        reading.note(self.gone());
        reading
    }

    const fn copies<'p>(&'p self, place: Place<'p>) -> Copies<'p> {
        Copies {
            place,
            keys: self.request.keys,
            proofs: &self.proofs,
        }
    }

    /// Notes that a topic was examined for a group.
    fn add(&self, group: &Arc<str>, (topic, to): (&str, Timestamp), reading: Reading) {
        self.topics.borrow_mut().push(ExaminedTopic {
            group: group.clone(),
            instance_id: None,
            topic: topic.into(),
            from: reading.from,
            to,
            incomplete: reading.incomplete.map(Into::into),
        });
    }

    /// Returns the keys of a group's messages.
    fn keys_of(&self, group: &Arc<str>) -> Keys {
        let mut known = self.keys.borrow_mut();
        let keys = known.entry(group.clone()).or_insert_with(|| {
            let keys = (self.request.keys_of)(group);
            keys.map(Into::into)
                .map_err(|error| format!("its messages can't be listed: {error:#}"))
        });
        keys.clone()
    }

    /// Returns the keys of the messages of all groups.
    fn keys_of_all(&self) -> Keys {
        let mut all = BTreeSet::new();
        for group in &self.request.groups {
            all.extend(self.keys_of(&group.group)?.iter().cloned());
        }
        Ok(all.into_iter().collect())
    }
}
