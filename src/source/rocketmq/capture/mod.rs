//! Captures the groups of some topics and their offsets: everything that changes with time, read once and last.
//!
//! All brokers are asked for groups, because each knows only its own clients. Offsets are read last and with
//! one call per broker, so that they are of one moment. The number of calls depends on groups and brokers, not
//! on messages (`docs/facts/rocketmq.md` §2.1).
//!
//! A broker that cannot be asked is listed in the capture (`ask`), and its messages are not judged. `document`
//! converts the capture into a snapshot.

mod ask;
mod document;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use self::ask::ONE;
use super::Cluster;
use super::cluster::{QueriedTopic, RoutedTopic};
use super::failure::failure;
use super::remoting::body::{ConsumerClient, ConsumerConnection, GroupOffsets};
use super::remoting::{
    CallError, Cause, QueueOf, RequestCode,
    namespace::{retry_topic, topic_of_pop_retries},
};
use super::system::{is_system_group, is_system_topic};
use crate::offsets::Rules;
use crate::offsets::snapshot::{OffsetEntry, QueueRange, Schema, SnapshotDocument, SnapshotTime};
use crate::source::Failure;

impl Cluster {
    /// Captures the state of topics; omits those that do not exist.
    ///
    /// # Errors
    ///
    /// If no name server answers, or a call fails for a reason that affects every broker.
    pub async fn capture(
        &self,
        topics: &BTreeSet<QueriedTopic>,
    ) -> Result<SnapshotDocument, Failure> {
        self.forget_routes().await;
        // If the name servers do not answer now, their last answer is used.
        let refreshed = self.refresh().await;
        let brokers = self.brokers().await;
        let brokers = brokers.map_err(|error| failure(&refreshed.err().unwrap_or(error)))?;
        let mut captured = Captured {
            cluster: self,
            topics: Vec::new(),
            brokers: BTreeSet::new(),
            unreachable: BTreeMap::new(),
            groups: BTreeMap::new(),
            queues: BTreeMap::new(),
            offsets: BTreeMap::new(),
        };
        for (instance, topic) in topics {
            let topic = self.topic_of(instance.as_deref(), topic).await?;
            let is_new = |topic: &Arc<RoutedTopic>| {
                captured.topics.iter().all(|known| known.wire != topic.wire)
            };
            let topic = topic.filter(is_new);
            captured.topics.extend(topic);
        }
        let names = captured.topics.iter().flat_map(|topic| &topic.brokers);
        captured.brokers = names.cloned().collect();
        let gone = self.gone().into_iter().map(|name| {
            let why = "the name servers know no address of it";
            (name, why.into())
        });
        captured.unreachable = gone.collect();
        captured.find_groups().await?;
        captured.read_connections().await?;
        captured.measure_queues().await?;
        let captured_at = (self.clock)();
        captured.read_offsets().await?;
        captured.check_ends().await?;
        captured.read_connections().await?; // for groups that were discovered by their offsets
        let names = captured.retry_topics().await;
        Ok(SnapshotDocument {
            schema: Schema,
            cluster: brokers.cluster.as_str().into(),
            captured_at: SnapshotTime(captured_at),
            instance_id: None,
            rules: Rules::Offsets,
            masters: captured.masters(&brokers),
            brokers: self.seen().into_iter().collect(),
            groups: captured.groups(names.as_ref()),
            topics: captured.topics(),
            unreachable: captured.unreachable,
            ..SnapshotDocument::default()
        })
    }
}

/// The state of a capture in progress.
struct Captured<'c> {
    cluster: &'c Cluster,
    topics: Vec<Arc<RoutedTopic>>,
    /// Brokers of all topics.
    brokers: BTreeSet<Arc<str>>,
    /// Brokers that do not answer, with the reason.
    unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// Groups of the topics, with the connections of their clients once these were requested.
    groups: BTreeMap<Arc<str>, Option<ConsumerConnection>>,
    /// Queues by topic.
    queues: BTreeMap<Arc<str>, Vec<QueueRange>>,
    /// Offsets by group.
    offsets: BTreeMap<Arc<str>, Vec<OffsetEntry>>,
}

impl Captured<'_> {
    /// Finds the groups that subscribe to a topic or have an offset for it (300).
    async fn find_groups(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let requests = self.at_each_broker(|topic| [topic.wire.clone()]);
        let answers = self
            .ask(requests, |address, topic| async move {
                cluster.remoting.groups_of_topic(&address, &topic).await
            })
            .await?;
        for (_, topic, groups) in answers {
            for group in groups {
                self.add_group(&topic, &group);
            }
        }
        Ok(())
    }

    /// Adds a group of a topic. System groups are added only for system topics.
    fn add_group(&mut self, topic: &str, group: &str) {
        if is_system_group(group) && !is_system_topic(topic) {
            return;
        }
        if !self.groups.contains_key(group) {
            self.groups.insert(group.into(), None);
        }
    }

    /// Requests the clients of each group that was not asked about yet (203).
    async fn read_connections(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let new = self.groups.iter().filter(|(_, seen)| seen.is_none());
        let new: Vec<_> = new.map(|(group, _)| group.clone()).collect();
        let pairs = self.brokers.iter().flat_map(|broker| {
            let pair = |group: &Arc<str>| (broker.clone(), group.clone());
            new.iter().map(pair).collect::<Vec<_>>()
        });
        let room = &AtomicUsize::new(MOST_SUBSCRIPTIONS);
        let answers = self
            .ask(pairs.collect(), |address, group| async move {
                let connection = cluster
                    .remoting
                    .consumer_connection(&address, &group)
                    .await?;
                let connection = connection.map(without_details);
                let length = connection.as_ref().map_or(0, length_of);
                let taken = room.fetch_update(Relaxed, Relaxed, |room| room.checked_sub(length));
                match taken {
                    Ok(_) => Ok(connection),
                    Err(_) => Err(CallError {
                        address,
                        call: RequestCode::GetConsumerConnectionList,
                        cause: Cause::Malformed(
                            "the subscriptions of all groups have more than 12 MiB".to_owned(),
                        ),
                    }),
                }
            })
            .await?;
        for group in new {
            self.groups
                .insert(group, Some(ConsumerConnection::default()));
        }
        for (_, group, connection) in answers {
            if let (Some(Some(all)), Some(connection)) = (self.groups.get_mut(&group), connection) {
                join(all, connection);
            }
        }
        Ok(())
    }

    /// Reads the offsets that each queue holds (31, 30).
    async fn measure_queues(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let topics = self.topics.iter().flat_map(|topic| {
            let queues = topic.route.queues.iter().flat_map(|queues| {
                let count = queues.read_queue_nums.max(queues.write_queue_nums);
                let broker: Arc<str> = queues.broker_name.as_str().into();
                (0..count).map(move |queue_id| (broker.clone(), (topic.wire.clone(), queue_id)))
            });
            queues.collect::<Vec<_>>()
        });
        let answers = self
            .ask(topics.collect(), |address, (topic, queue_id)| async move {
                let queue = QueueOf {
                    topic: &topic,
                    queue_id,
                };
                let min = cluster.remoting.min_offset(&address, queue).await;
                let max = cluster.remoting.max_offset(&address, queue).await;
                match (min, max) {
                    // A queue of a static topic that has moved away, or was never created here.
                    (Err(error), _) | (_, Err(error))
                        if matches!(error.cause, Cause::Refused(_)) =>
                    {
                        Ok(None)
                    }
                    (min, max) => Ok(Some((min?, max?))),
                }
            })
            .await?;
        for (broker, (topic, queue_id), held) in answers {
            let number = |offset: i64| u64::try_from(offset).unwrap_or_default();
            let Some((min, max)) = held.map(|(min, max)| (number(min), number(max))) else {
                continue;
            };
            if min > max {
                let why = format!(
                    "its offsets contradict each other: queue {queue_id} of topic {topic} begins at {min} and ends before \
                     {max}"
                );
                tracing::warn!("messages on {broker} cannot be judged: {why}");
                self.unreachable.entry(broker).or_insert_with(|| why.into());
                continue;
            }
            self.queues.entry(topic).or_default().push(QueueRange {
                broker,
                queue_id,
                min_offset: min,
                max_offset: max,
            });
        }
        for queues in self.queues.values_mut() {
            queues.sort_by(|a, b| (&a.broker, a.queue_id).cmp(&(&b.broker, b.queue_id)));
        }
        Ok(())
    }

    /// Reads all offsets of a broker in one call (43), or one by one (14) if that is not allowed.
    async fn read_offsets(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let brokers = self.brokers.iter().map(|broker| (broker.clone(), ()));
        let topics = self.topics.iter().map(|topic| topic.wire.clone());
        let topics: Arc<BTreeSet<_>> = Arc::new(topics.collect());
        let answers = self
            .ask_at_once(ONE, brokers.collect(), |address, ()| {
                let topics = topics.clone();
                async move {
                    let offsets = cluster
                        .remoting
                        .all_consumer_offsets(&address, Some(&topics));
                    match offsets.await {
                        Err(error)
                            if matches!(error.cause, Cause::Denied(_) | Cause::Refused(_)) =>
                        {
                            Ok(None)
                        }
                        answer => answer.map(Some),
                    }
                }
            })
            .await?;
        let mut one_by_one = Vec::new();
        for (broker, (), offsets) in answers {
            match offsets {
                Some(offsets) => {
                    for of_group in offsets.groups {
                        self.take(&broker, of_group);
                    }
                }
                None => one_by_one.push(broker),
            }
        }
        self.read_offsets_one_by_one(&one_by_one).await
    }

    async fn read_offsets_one_by_one(&mut self, brokers: &[Arc<str>]) -> Result<(), Failure> {
        let cluster = self.cluster;
        let mut requests = Vec::new();
        for (topic, queues) in &self.queues {
            for queue in queues
                .iter()
                .filter(|queue| brokers.contains(&queue.broker))
            {
                requests.extend(self.groups.keys().map(|group| {
                    let of = (group.clone(), topic.clone(), queue.queue_id);
                    (queue.broker.clone(), of)
                }));
            }
        }
        let answers = self
            .ask(requests, |address, (group, topic, queue_id)| async move {
                let queue = QueueOf {
                    topic: &topic,
                    queue_id,
                };
                cluster
                    .remoting
                    .consumer_offset(&address, &group, queue)
                    .await
            })
            .await?;
        for (broker, (group, topic, queue_id), offset) in answers {
            if let Some(offset) = offset {
                self.take(
                    &broker,
                    GroupOffsets {
                        topic: topic.to_string(),
                        group: group.to_string(),
                        queues: vec![(queue_id, offset)],
                    },
                );
            }
        }
        Ok(())
    }

    /// Marks committed offsets that are past the end of their queue: a broker that has lost messages, a topic that was
    /// made again, or a wrong answer. Messages may have been stored since the queues were measured, so the ends of these
    /// queues are read again.
    async fn check_ends(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let mut ends = HashMap::new();
        for (topic, queues) in &self.queues {
            for queue in queues {
                let key = (queue.broker.clone(), (topic.clone(), queue.queue_id));
                ends.insert(key, queue.max_offset);
            }
        }
        let key = |offset: &OffsetEntry| {
            let queue = (offset.topic.clone(), offset.queue_id);
            (offset.broker.clone(), queue)
        };
        let committed = self.offsets.values().flatten();
        let past = committed.filter(|offset| {
            ends.get(&key(offset))
                .is_some_and(|end| offset.offset > *end)
        });
        let queues: BTreeSet<_> = past.map(key).collect();
        let answers = self
            .ask(
                queues.into_iter().collect(),
                |address, (topic, queue_id)| async move {
                    let queue = QueueOf {
                        topic: &topic,
                        queue_id,
                    };
                    cluster.remoting.max_offset(&address, queue).await
                },
            )
            .await?;
        for (broker, queue, end) in answers {
            ends.insert((broker, queue), u64::try_from(end).unwrap_or_default());
        }
        for offset in self.offsets.values_mut().flatten() {
            offset.past_end = ends
                .get(&key(offset))
                .is_some_and(|end| offset.offset > *end);
        }
        Ok(())
    }

    /// Keeps the offsets of the captured topics, and of the groups' retry topics with those of POP: `mqadmin` behaves
    /// differently if a group has any, and they tell which retries wait.
    fn take(&mut self, broker: &Arc<str>, of_group: GroupOffsets) {
        let GroupOffsets {
            topic,
            group,
            queues,
        } = of_group;
        let is_ours = |topic: &str| self.topics.iter().any(|ours| *ours.wire == *topic);
        if is_ours(&topic) {
            self.add_group(&topic, &group);
        } else if topic != retry_topic(&group)
            && !topic_of_pop_retries(&topic, &group).is_some_and(is_ours)
        {
            return;
        }
        let Some((group, _)) = self.groups.get_key_value(&*group) else {
            return;
        };
        let topic: Arc<str> = topic.into();
        let offsets = queues.into_iter().filter_map(|(queue_id, offset)| {
            Some(OffsetEntry {
                topic: topic.clone(),
                broker: broker.clone(),
                queue_id,
                offset: u64::try_from(offset).ok()?, // -1: no offset
                past_end: false,
            })
        });
        let group = group.clone();
        self.offsets.entry(group).or_default().extend(offsets);
    }

    /// Pairs the items of each topic with each of its brokers.
    fn at_each_broker<I, L: IntoIterator<Item = I>>(
        &self,
        items: impl Fn(&RoutedTopic) -> L,
    ) -> Vec<(Arc<str>, I)> {
        let mut pairs = Vec::new();
        for topic in &self.topics {
            for broker in &topic.brokers {
                pairs.extend(items(topic).into_iter().map(|item| (broker.clone(), item)));
            }
        }
        pairs
    }
}

/// The most bytes of the subscriptions of all groups. Those of 10,000 groups with five topics each, and with names of 30
/// bytes, take 10.5 MB.
const MOST_SUBSCRIPTIONS: usize = 12 * 1024 * 1024;

/// Returns the number of bytes that the subscriptions of a group take.
fn length_of(connection: &ConsumerConnection) -> usize {
    let subscriptions = connection.subscriptions.iter();
    let lengths = subscriptions.map(|(topic, data)| {
        topic.len()
            + size_of_val(data)
            + data.topic.len()
            + data.expression.len()
            + data.expression_type.len()
    });
    lengths.sum()
}

/// Leaves out what a capture does not contain, which may be large: all clients but one, the codes and lists of tags.
fn without_details(mut connection: ConsumerConnection) -> ConsumerConnection {
    let clients = &mut connection.clients;
    let kept = clients.iter().position(ConsumerClient::is_grpc);
    clients.truncate(kept.map_or(1, |nth| nth + 1));
    clients.drain(..clients.len().saturating_sub(1));
    clients.shrink_to_fit();
    for subscription in connection.subscriptions.values_mut() {
        subscription.tags = Vec::new();
        subscription.codes = Vec::new();
    }
    connection
}

/// Merges the connections at another broker. Clients send their subscriptions to all brokers; the newest
/// counts.
fn join(all: &mut ConsumerConnection, one: ConsumerConnection) {
    if !one.clients.is_empty() {
        all.consume_type = one.consume_type;
        all.message_model = one.message_model;
    }
    all.clients.extend(one.clients);
    for (topic, subscription) in one.subscriptions {
        match all.subscriptions.get(&topic) {
            Some(known) if known.sub_version >= subscription.sub_version => {}
            _ => {
                all.subscriptions.insert(topic, subscription);
            }
        }
    }
}
