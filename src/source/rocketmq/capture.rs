//! Who consumes some topics, and how far: everything that ages, asked once and last.
//!
//! All brokers are asked for groups, since each knows only who is connected to it, and offsets come last, so that they are
//! of one moment: one call brings all of a broker's. The calls are a few for each group and broker and do not depend on
//! the number of messages (`facts/rocketmq.md` §2.1).
//!
//! A broker that can't be asked is named in what is captured; nothing is said of what it holds.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::Cluster;
use super::brokers::Brokers;
use super::cluster::{AskedTopic, Topic, nowhere};
use super::failure::failure;
use super::remoting::body::{ConsumerConnection, GroupOffsets, Subscription as SubscriptionData};
use super::remoting::{CallError, Cause, QueueOf, namespace::retry_topic};
use super::system::{is_system_group, is_system_topic};
use crate::offsets::Rules;
use crate::offsets::snapshot::{
    self, Document, Group, Moment, Offset, Queue, Schema, Subscription,
};
use crate::source::{Failure, FailureKind};

/// Calls at once; each broker has its own limit beside.
const AT_ONCE: usize = 64;

/// How often one call is tried, and the first wait between.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

impl Cluster {
    /// Captures what is known of topics; those that don't exist are left out.
    pub async fn capture(&self, topics: &BTreeSet<AskedTopic>) -> Result<Document, Failure> {
        self.forget_routes().await;
        // Where the name servers are silent now, what they said before will do.
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
            let is_new =
                |topic: &Arc<Topic>| captured.topics.iter().all(|known| known.wire != topic.wire);
            let topic = topic.filter(is_new);
            captured.topics.extend(topic);
        }
        let names = captured.topics.iter().flat_map(|topic| &topic.brokers);
        captured.brokers = names.cloned().collect();
        let gone = self.gone().into_iter().map(|name| {
            let why = "the name servers don't know it any more";
            (name, why.into())
        });
        captured.unreachable = gone.collect();
        // Names of topics tell of retries and POP. Where the name server keeps them to itself, nobody knows.
        let names = self.remoting.topics().await.ok();
        captured.find_groups().await?;
        captured.see_connections().await?;
        captured.measure_queues().await?;
        let captured_at = (self.clock)();
        captured.read_offsets().await?;
        captured.see_connections().await?; // of groups that have come to light by their offsets
        Ok(Document {
            schema: Schema,
            cluster: brokers.cluster.as_str().into(),
            captured_at: Moment(captured_at),
            instance_id: None,
            rules: Rules::Offsets,
            masters: captured.masters(&brokers),
            brokers: self.seen().into_iter().collect(),
            groups: captured.groups(names.as_deref()),
            topics: captured.topics(),
            unreachable: captured.unreachable,
            ..Document::default()
        })
    }
}

/// What is known so far.
struct Captured<'c> {
    cluster: &'c Cluster,
    topics: Vec<Arc<Topic>>,
    /// Those of all topics.
    brokers: BTreeSet<Arc<str>>,
    /// The brokers that don't answer, and why.
    unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// The groups of the topics; with what their clients say, once that was asked.
    groups: BTreeMap<Arc<str>, Option<ConsumerConnection>>,
    /// By topic.
    queues: BTreeMap<Arc<str>, Vec<Queue>>,
    /// By group.
    offsets: BTreeMap<Arc<str>, Vec<Offset>>,
}

impl Captured<'_> {
    /// Groups that are subscribed to a topic or have committed an offset for it (300).
    async fn find_groups(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let asked = self.at_each_broker(|topic| [topic.wire.clone()]);
        let answers = self
            .ask(asked, |address, topic| async move {
                cluster.remoting.groups_of_topic(&address, &topic).await
            })
            .await?;
        for (_, topic, groups) in answers {
            for group in groups {
                self.meet(&topic, &group);
            }
        }
        Ok(())
    }

    /// A group of a topic; those of the system only where the topic is the system's, too.
    fn meet(&mut self, topic: &str, group: &str) {
        if is_system_group(group) && !is_system_topic(topic) {
            return;
        }
        if !self.groups.contains_key(group) {
            self.groups.insert(group.into(), None);
        }
    }

    /// Who is connected for each group that was not asked about yet (203).
    async fn see_connections(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let new = self.groups.iter().filter(|(_, seen)| seen.is_none());
        let new: Vec<_> = new.map(|(group, _)| group.clone()).collect();
        let pairs = self.brokers.iter().flat_map(|broker| {
            let pair = |group: &Arc<str>| (broker.clone(), group.clone());
            new.iter().map(pair).collect::<Vec<_>>()
        });
        let answers = self
            .ask(pairs.collect(), |address, group| async move {
                cluster.remoting.consumer_connection(&address, &group).await
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

    /// From where to where each queue holds messages (31, 30).
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
                    // A queue of a static topic that has moved away, or was never made here.
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
            if let Some((min, max)) = held {
                self.queues.entry(topic).or_default().push(Queue {
                    broker,
                    queue_id,
                    min_offset: number(min),
                    max_offset: number(max).max(number(min)),
                });
            }
        }
        for queues in self.queues.values_mut() {
            queues.sort_by(|a, b| (&a.broker, a.queue_id).cmp(&(&b.broker, b.queue_id)));
        }
        Ok(())
    }

    /// How far everybody is: all of a broker's offsets in one call (43), or one by one (14) where that is not allowed.
    async fn read_offsets(&mut self) -> Result<(), Failure> {
        let cluster = self.cluster;
        let brokers = self.brokers.iter().map(|broker| (broker.clone(), ()));
        let answers = self
            .ask(brokers.collect(), |address, ()| async move {
                match cluster.remoting.all_consumer_offsets(&address).await {
                    Err(error) if matches!(error.cause, Cause::Denied(_) | Cause::Refused(_)) => {
                        Ok(None)
                    }
                    answer => answer.map(Some),
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
        let mut asked = Vec::new();
        for (topic, queues) in &self.queues {
            for queue in queues
                .iter()
                .filter(|queue| brokers.contains(&queue.broker))
            {
                asked.extend(self.groups.keys().map(|group| {
                    let of = (group.clone(), topic.clone(), queue.queue_id);
                    (queue.broker.clone(), of)
                }));
            }
        }
        let answers = self
            .ask(asked, |address, (group, topic, queue_id)| async move {
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

    /// Offsets of our topics, and those of a group's own retries: that there are any tells what `mqadmin` makes of it.
    fn take(&mut self, broker: &Arc<str>, of_group: GroupOffsets) {
        let GroupOffsets {
            topic,
            group,
            queues,
        } = of_group;
        if self.topics.iter().any(|ours| *ours.wire == *topic) {
            self.meet(&topic, &group);
        } else if topic != retry_topic(&group) {
            return;
        }
        let Some((group, _)) = self.groups.get_key_value(&*group) else {
            return;
        };
        let topic: Arc<str> = topic.into();
        let offsets = queues.into_iter().filter_map(|(queue_id, offset)| {
            Some(Offset {
                topic: topic.clone(),
                broker: broker.clone(),
                queue_id,
                offset: u64::try_from(offset).ok()?, // -1: none
            })
        });
        let group = group.clone();
        self.offsets.entry(group).or_default().extend(offsets);
    }

    /// Something of each topic, for each of its brokers.
    fn at_each_broker<I, L: IntoIterator<Item = I>>(
        &self,
        items: impl Fn(&Topic) -> L,
    ) -> Vec<(Arc<str>, I)> {
        let mut pairs = Vec::new();
        for topic in &self.topics {
            for broker in &topic.brokers {
                pairs.extend(items(topic).into_iter().map(|item| (broker.clone(), item)));
            }
        }
        pairs
    }

    /// Asks each broker about its item. One that can't be asked is noted, and not asked again; what would be refused
    /// everywhere is a failure.
    async fn ask<I, T, F>(
        &mut self,
        items: Vec<(Arc<str>, I)>,
        ask: impl Fn(Arc<str>, I) -> F,
    ) -> Result<Vec<(Arc<str>, I, T)>, Failure>
    where
        I: Clone,
        F: Future<Output = Result<T, CallError>>,
    {
        let (cluster, ask) = (self.cluster, &ask);
        let reachable = items
            .into_iter()
            .filter(|(broker, _)| !self.unreachable.contains_key(broker));
        let answers: Vec<_> = stream::iter(reachable)
            .map(|(broker, item)| async move {
                let answer = cluster
                    .at_master(&broker, |address| ask(address, item.clone()))
                    .await;
                (broker, item, answer)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut all = Vec::with_capacity(answers.len());
        for (broker, item, answer) in answers {
            match answer {
                Ok(answer) => all.push((broker, item, answer)),
                Err(error) => {
                    let failure = failure(&error);
                    if failure.kind == FailureKind::Fatal {
                        return Err(failure);
                    }
                    if let Entry::Vacant(new) = self.unreachable.entry(broker) {
                        tracing::warn!("nothing can be said of what {} holds: {error}", new.key());
                        new.insert(error.to_string().into());
                    }
                }
            }
        }
        Ok(all)
    }
}

impl Cluster {
    /// Asks a broker at its master, where its state is of now; tries again, since it may be about to move.
    async fn at_master<T, F>(
        &self,
        broker: &str,
        ask: impl Fn(Arc<str>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once_at_master(broker, &ask).await {
                Err(error) if error.is_retryable() => {
                    tokio::time::sleep(pause).await;
                    self.refresh().await?;
                    pause *= 4;
                }
                answer => return answer,
            }
        }
        self.once_at_master(broker, &ask).await
    }

    async fn once_at_master<T, F>(
        &self,
        broker: &str,
        ask: &impl Fn(Arc<str>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let brokers = self.brokers().await?;
        match brokers
            .by_name
            .get(broker)
            .and_then(|broker| broker.serving.clone())
        {
            Some(address) => ask(address).await,
            None => Err(nowhere(broker)),
        }
    }
}

/// What was captured, in the words of a snapshot.
impl Captured<'_> {
    fn masters(&self, brokers: &Brokers) -> BTreeMap<Arc<str>, Box<str>> {
        let master = |name: &Arc<str>| {
            let master = brokers.by_name.get(name)?.master.as_deref()?;
            Some((name.clone(), master.into()))
        };
        self.brokers.iter().filter_map(master).collect()
    }

    fn topics(&mut self) -> Vec<snapshot::Topic> {
        let queues = &mut self.queues;
        let topic = |topic: &Arc<Topic>| snapshot::Topic {
            topic: topic.wire.clone(),
            is_static: topic.route.is_static(),
            read_queue_nums: topic
                .route
                .queues
                .iter()
                .map(|queues| (queues.broker_name.as_str().into(), queues.read_queue_nums))
                .collect(),
            queues: queues.remove(&topic.wire).unwrap_or_default(),
        };
        self.topics.iter().map(topic).collect()
    }

    /// `names`: every topic of the cluster, if known.
    fn groups(&mut self, names: Option<&[String]>) -> Vec<Group> {
        let names = names.map(|names| names.iter().map(|name| &**name).collect::<BTreeSet<_>>());
        let groups = std::mem::take(&mut self.groups);
        let known: BTreeSet<_> = groups.keys().cloned().collect();
        let group = |(group, connection): (Arc<str>, Option<ConsumerConnection>)| {
            let connection = connection.filter(|connection| !connection.clients.is_empty());
            let pops = |topic: &Arc<str>| {
                let is_named =
                    |name: String| names.as_ref().is_some_and(|names| names.contains(&*name));
                // The first kind may be the retries of a group that is named so.
                let first = format!("{group}_{topic}");
                (!known.contains(&*first) && is_named(retry_topic(&first)))
                    || is_named(retry_topic(&format!("{group}+{topic}")))
            };
            let topics = self.topics.iter().map(|topic| &topic.wire);
            let word = |word: &str| Some(word.into());
            Group {
                online: connection.is_some(),
                consume_type: connection
                    .as_ref()
                    .and_then(|with| match &*with.consume_type {
                        "CONSUME_PASSIVELY" => word("push"),
                        "CONSUME_ACTIVELY" => word("pull"),
                        "CONSUME_POP" => word("pop"),
                        other => word(other),
                    }),
                message_model: connection
                    .as_ref()
                    .and_then(|with| word(&with.message_model.to_lowercase())),
                retry_topic: names
                    .as_ref()
                    .map(|names| names.contains(&*retry_topic(&group))),
                pop_topics: topics.filter(|topic| pops(topic)).cloned().collect(),
                subscriptions: connection.map_or_else(Vec::new, subscriptions),
                offsets: self.offsets.remove(&group).map_or_else(Vec::new, in_order),
                group,
            }
        };
        groups.into_iter().map(group).collect()
    }
}

fn in_order(mut offsets: Vec<Offset>) -> Vec<Offset> {
    let place = |offset: &Offset| (offset.topic.clone(), offset.broker.clone(), offset.queue_id);
    offsets.sort_by_key(place);
    offsets.dedup_by(|a, b| place(a) == place(b));
    offsets
}

fn subscriptions(connection: ConsumerConnection) -> Vec<Subscription> {
    let subscription = |(topic, data): (String, SubscriptionData)| Subscription {
        topic: topic.into(),
        expression: Some(data.expression.into()),
        expression_type: match &*data.expression_type {
            _ if data.class_filter_mode => Some("CLASS".into()),
            "" => None,
            other => Some(other.into()),
        },
    };
    connection
        .subscriptions
        .into_iter()
        .map(subscription)
        .collect()
}

/// What clients say at one more broker. Each has sent its subscriptions to all of them; the newest counts.
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
