//! Converts a capture into a snapshot document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Captured;
use crate::offsets::snapshot::{self, GroupEntry, GroupSubscription, OffsetEntry};
use crate::source::rocketmq::brokers::Brokers;
use crate::source::rocketmq::cluster::RoutedTopic;
use crate::source::rocketmq::remoting::body::{
    ConsumerClient, ConsumerConnection, SubscriptionData,
};
use crate::source::rocketmq::remoting::namespace::{group_of_retry_topic, retry_topic};

impl Captured<'_> {
    pub(super) fn masters(&self, brokers: &Brokers) -> BTreeMap<Arc<str>, Box<str>> {
        let master = |name: &Arc<str>| {
            let master = brokers.by_name.get(name)?.master.as_deref()?;
            Some((name.clone(), master.into()))
        };
        self.brokers.iter().filter_map(master).collect()
    }

    pub(super) fn topics(&mut self) -> Vec<snapshot::TopicEntry> {
        let queues = &mut self.queues;
        let topic = |topic: &Arc<RoutedTopic>| snapshot::TopicEntry {
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

    /// Returns the retry topics of the groups, with those of POP. `None` if the name server refuses to list topics.
    pub(super) async fn retry_topics(&self) -> Option<BTreeSet<String>> {
        let topics: BTreeSet<_> = self.topics.iter().map(|topic| &*topic.wire).collect();
        let kept = |name: &str| {
            let of = group_of_retry_topic(name)?;
            let is_of_pop =
                |at: usize| self.groups.contains_key(&of[..at]) && topics.contains(&of[at + 1..]);
            let mut ends = of.match_indices(['_', '+']);
            let is_ours = self.groups.contains_key(of) || ends.any(|(at, _)| is_of_pop(at));
            is_ours.then(|| name.to_owned())
        };
        let names = self.cluster.remoting.topics(kept).await.ok()?;
        Some(names.into_iter().collect())
    }

    /// Returns the groups; `names` are the retry topics of the cluster, if known.
    pub(super) fn groups(&mut self, names: Option<&BTreeSet<String>>) -> Vec<GroupEntry> {
        let groups = std::mem::take(&mut self.groups);
        let known: BTreeSet<_> = groups.keys().cloned().collect();
        let group = |(group, connection): (Arc<str>, Option<ConsumerConnection>)| {
            let connection = connection.filter(|connection| !connection.clients.is_empty());
            let by_grpc = connection
                .as_ref()
                .is_some_and(|connection| connection.clients.iter().any(ConsumerClient::is_grpc));
            let pops = |topic: &Arc<str>| {
                let is_named =
                    |name: String| names.as_ref().is_some_and(|names| names.contains(&*name));
                // A name of the first form may also be the retry topic of a group with that name.
                let first = format!("{group}_{topic}");
                by_grpc
                    || (!known.contains(&*first) && is_named(retry_topic(&first)))
                    || is_named(retry_topic(&format!("{group}+{topic}")))
            };
            let topics = self.topics.iter().map(|topic| &topic.wire);
            let word = |word: &str| Some(word.into());
            GroupEntry {
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

fn in_order(mut offsets: Vec<OffsetEntry>) -> Vec<OffsetEntry> {
    let queue =
        |offset: &OffsetEntry| (offset.topic.clone(), offset.broker.clone(), offset.queue_id);
    offsets.sort_by_key(queue);
    offsets.dedup_by(|a, b| queue(a) == queue(b));
    offsets
}

fn subscriptions(connection: ConsumerConnection) -> Vec<GroupSubscription> {
    let subscription = |(topic, data): (String, SubscriptionData)| GroupSubscription {
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
