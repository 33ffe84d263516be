//! Checks a parsed snapshot and arranges it by topic for queries.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::error::Contradiction;
use super::schema::{GroupEntry, GroupSubscription, SnapshotDocument, TopicEntry};
use super::{ByQueue, ClusterState, MessageIndex, TopicState};
use crate::evidence::{Examination, ExaminedTopic, Proof};
use crate::offsets::{ConsumeType, GroupState, GroupTraces, MessageModel, Subscribed, TagFilter};

/// Arranges a document by topic. Fails if it contradicts itself.
pub(super) fn lay_out(
    document: SnapshotDocument,
) -> Result<(ClusterState, Oddities), Contradiction> {
    let mut oddities = Oddities::default();
    let brokers: BTreeSet<_> = document.brokers.into_iter().collect();
    let mut topics = HashMap::with_capacity(document.topics.len());
    for topic in document.topics {
        let (name, state) = topic_state(topic, &brokers, &mut oddities)?;
        if topics.insert(Arc::clone(&name), state).is_some() {
            return Err(Contradiction::Topic(name.to_string()));
        }
    }
    let mut groups = document.groups;
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    if let Some(pair) = groups
        .windows(2)
        .find(|pair| pair[0].group == pair[1].group)
    {
        return Err(Contradiction::Group(pair[0].group.to_string()));
    }
    for group in groups {
        let name = Arc::clone(&group.group);
        for GroupSubscription {
            topic, expression, ..
        } in &group.subscriptions
        {
            if let Some(topic) = topics.get_mut(topic) {
                let expression = expression.as_deref().unwrap_or("*").into();
                topic.expressions.insert(Arc::clone(&name), expression);
            }
        }
        for (topic, state) in group_states(&group, &topics, &mut oddities)? {
            // Retry topics are not listed and never queried.
            if let Some(topic) = topics.get_mut(&topic) {
                topic.groups.push((Arc::clone(&name), state));
            }
        }
    }
    note_odd_messages(&document.messages, &topics, &mut oddities);
    let mut missing = HashMap::<Box<str>, Vec<_>>::new();
    for message in document.missing {
        missing
            .entry(message.msg_id.as_ref().into())
            .or_default()
            .push(message);
    }
    let state = ClusterState {
        cluster: document.cluster,
        captured_at: document.captured_at.0,
        instance_id: document.instance_id,
        topics,
        rules: document.rules,
        brokers,
        masters: document.masters,
        unreachable: document.unreachable,
        messages: document.messages,
        missing,
        examination: document
            .examined
            .map(|topics| examination(topics, document.proofs)),
    };
    Ok((state, oddities))
}

fn examination(topics: Vec<ExaminedTopic>, proofs: Vec<Proof>) -> Examination {
    Examination {
        topics,
        proofs,
        calls: 0, // none when the file is read
    }
}

fn topic_state(
    topic: TopicEntry,
    brokers: &BTreeSet<Arc<str>>,
    oddities: &mut Oddities,
) -> Result<(Arc<str>, TopicState), Contradiction> {
    let mut queues = ByQueue::default();
    for queue in topic.queues {
        let queue_name = || queue_name(&topic.topic, &queue.broker, queue.queue_id);
        if queue.min_offset > queue.max_offset {
            return Err(Contradiction::Range {
                queue: queue_name(),
                min: queue.min_offset,
                max: queue.max_offset,
            });
        }
        if queues.get(&queue.broker, queue.queue_id).is_some() {
            return Err(Contradiction::Queue(queue_name()));
        }
        if !brokers.is_empty() && !brokers.contains(&queue.broker) {
            oddities.note("queues on a broker that `brokers` doesn't list", queue_name);
        }
        let held = queue.min_offset..queue.max_offset;
        queues.insert(Arc::clone(&queue.broker), queue.queue_id, held);
    }
    let state = TopicState {
        queues,
        is_static: topic.is_static,
        read_queues: topic.read_queue_nums,
        ..TopicState::default()
    };
    Ok((topic.topic, state))
}

/// Returns whether a connected client of the group subscribes to a topic.
fn is_subscribed(group: &GroupEntry, topic: &Arc<str>) -> Subscribed {
    let mut subscriptions = group.subscriptions.iter();
    match group.online {
        true if subscriptions.any(|to| to.topic == *topic) => Subscribed::Yes,
        true if !group.subscriptions.is_empty() => Subscribed::Elsewhere,
        _ => Subscribed::Unknown,
    }
}

/// Returns the state of a group without any subscription or offset.
fn blank_state(group: &GroupEntry, topic: &Arc<str>) -> GroupState {
    GroupState {
        online: group.online,
        consume_type: ConsumeType::named(group.consume_type.as_deref().unwrap_or_default()),
        message_model: MessageModel::named(group.message_model.as_deref().unwrap_or_default()),
        filter: TagFilter::all(),
        subscribed: is_subscribed(group, topic),
        offsets: ByQueue::default(),
        past_end: ByQueue::default(),
        traces: GroupTraces {
            retry_topic: group.retry_topic,
            pops: group.pop_topics.contains(topic),
            // A broker that is asked for all offsets leaves the others out.
            commits: group
                .offsets
                .iter()
                .any(|offset| is_subscribed(group, &offset.topic) != Subscribed::Elsewhere),
        },
    }
}

/// Returns the group's state for each topic that it subscribes to or has an offset for.
fn group_states(
    group: &GroupEntry,
    topics: &HashMap<Arc<str>, TopicState>,
    oddities: &mut Oddities,
) -> Result<BTreeMap<Arc<str>, GroupState>, Contradiction> {
    let blank = |topic: &Arc<str>| blank_state(group, topic);
    let any = blank(&Arc::default());
    if any.online
        && (any.consume_type == ConsumeType::Other || any.message_model == MessageModel::Other)
    {
        oddities.note(
            "online groups that consume in a way not known here: their answers are UNKNOWN",
            || group.group.to_string(),
        );
    }
    let mut states = BTreeMap::new();
    for GroupSubscription {
        topic,
        expression,
        expression_type,
    } in &group.subscriptions
    {
        let filter = TagFilter::parse(expression.as_deref(), expression_type.as_deref());
        let state = GroupState {
            filter,
            ..blank(topic)
        };
        if states.insert(Arc::clone(topic), state).is_some() {
            return Err(Contradiction::Subscription {
                group: group.group.to_string(),
                topic: topic.to_string(),
            });
        }
    }
    for offset in &group.offsets {
        let queue_name = queue_name(&offset.topic, &offset.broker, offset.queue_id);
        if topics
            .get(&offset.topic)
            .is_some_and(|topic| !topic.may_have(&offset.broker, offset.queue_id))
        {
            oddities.note("offsets for a queue that its topic doesn't list", || {
                format!("{}, {queue_name}", group.group)
            });
        }
        let state = states
            .entry(Arc::clone(&offset.topic))
            .or_insert_with(|| blank(&offset.topic));
        let broker = Arc::clone(&offset.broker);
        if offset.past_end {
            state
                .past_end
                .insert(Arc::clone(&broker), offset.queue_id, ());
        }
        let before = state.offsets.insert(broker, offset.queue_id, offset.offset);
        if before.is_some() {
            return Err(Contradiction::Offset {
                group: group.group.to_string(),
                queue: queue_name,
            });
        }
    }
    Ok(states)
}

fn note_odd_messages(
    messages: &MessageIndex,
    topics: &HashMap<Arc<str>, TopicState>,
    oddities: &mut Oddities,
) {
    let mut last = None;
    for stored in messages.iter() {
        let example = || stored.msg_id().to_owned();
        let this = Some((stored.msg_id(), stored.topic()));
        if last == this {
            oddities.note(
                "message IDs stored more than once: the oldest copy is judged",
                example,
            );
        }
        last = this;
        match topics.get(stored.topic()) {
            None => oddities.note("messages of a topic that is not listed", example),
            Some(topic) if !topic.may_have(stored.broker(), stored.queue_id()) => {
                oddities.note("messages on a queue that their topic doesn't list", example);
            }
            Some(_) => {}
        }
    }
}

fn queue_name(topic: &str, broker: &str, queue_id: u32) -> String {
    format!("queue {queue_id} of topic {topic} on {broker}")
}

/// Oddities that do not prevent use, counted by kind. The smallest example is kept, because the first one
/// differs between runs.
#[derive(Debug, Default)]
pub(super) struct Oddities(BTreeMap<&'static str, (u64, String)>);

impl Oddities {
    fn note(&mut self, kind: &'static str, example: impl FnOnce() -> String) {
        let example = example();
        let (count, smallest) = self.0.entry(kind).or_insert_with(|| (0, example.clone()));
        *count += 1;
        if example < *smallest {
            *smallest = example;
        }
    }

    /// Logs one warning per kind.
    pub(super) fn warn(&self, file: &str) {
        for (kind, (count, example)) in &self.0 {
            tracing::warn!(file, count, example, "snapshot has {kind}");
        }
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        self.0
            .iter()
            .map(|(kind, (count, _))| (*kind, *count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_smallest_one_whatever_comes_first() {
        let mut oddities = Oddities::default();
        for id in ["B", "A", "C"] {
            oddities.note("kind", || id.to_owned());
        }
        assert_eq!(oddities.0["kind"], (3, "A".to_owned()));
    }
}
