//! `cluster.json`: the offsets at the end of the story and what was examined then, one entry on each line.

use jiff::Timestamp;

use super::examination;
use super::story::{CAPTURED, GROUPS, Group, INSTANCE, millis};
use super::traffic::{BROKERS, Message, QUEUES, Role, TOPICS};

pub(super) fn json(traffic: &[Message]) -> String {
    let topics = TOPICS.map(|(topic, first, kept)| {
        let queues = each_queue(|broker, queue_id| {
            let (min, max) = (first - kept, end(traffic, (topic, broker, queue_id), CAPTURED));
            format!(r#"{{"broker":"{broker}","queue_id":{queue_id},"min_offset":{min},"max_offset":{max}}}"#)
        });
        format!(r#"{{"topic":"{topic}","queues":[{}]}}"#, lines(queues, 3))
    });
    let groups = GROUPS.iter().map(|group| group_json(group, traffic));
    let messages = traffic.iter().map(message_json);
    format!(
        r#"{{
 "schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"{}",
 "instance_id":"{INSTANCE}",
 "brokers":["broker-a","broker-b"],
 "topics":[{}],
 "groups":[{}],
 "messages":[{}],
{}
}}
"#,
        utc(millis(CAPTURED)),
        lines(topics, 2),
        lines(groups, 2),
        lines(messages, 2),
        examination::json(traffic),
    )
}

fn group_json(group: &Group, traffic: &[Message]) -> String {
    let Group {
        name,
        online,
        consume_type,
        message_model,
        ..
    } = group;
    let subscriptions = group.subscriptions.iter().map(|(topic, expression)| {
        format!(r#"{{"topic":"{topic}","expression":"{expression}","expression_type":"TAG"}}"#)
    });
    let offsets = group.offsets.iter().flat_map(|(topic, stopped)| {
        each_queue(|broker, queue_id| {
            let stopped = stopped[usize::from(broker == BROKERS[1])];
            let offset = end(traffic, (topic, broker, queue_id), stopped);
            format!(r#"{{"topic":"{topic}","broker":"{broker}","queue_id":{queue_id},"offset":{offset}}}"#)
        })
    });
    format!(
        r#"{{"group":"{name}","online":{online},"consume_type":"{consume_type}","message_model":"{message_model}",
   "subscriptions":[{}],
   "offsets":[{}]}}"#,
        subscriptions.collect::<Vec<_>>().join(","),
        lines(offsets, 4),
    )
}

fn message_json(message: &Message) -> String {
    let Message {
        msg_id,
        topic,
        broker,
        queue_id,
        queue_offset,
        ..
    } = message;
    let tag = message
        .tag
        .map(|tag| format!(r#""tag":"{tag}","#))
        .unwrap_or_default();
    let stored_at = utc(message.stored_at);
    format!(
        r#"{{"msg_id":"{msg_id}","topic":"{topic}","broker":"{broker}","queue_id":{queue_id},"queue_offset":{queue_offset},{tag}"stored_at":"{stored_at}"}}"#
    )
}

/// Returns the offset after the last message that the queue held at a moment.
fn end(traffic: &[Message], queue: (&str, &str, u64), moment: &str) -> u64 {
    let first = TOPICS
        .iter()
        .find(|(topic, ..)| *topic == queue.0)
        .unwrap()
        .1;
    let stored = traffic.iter().filter(|message| {
        message.role != Role::Expired
            && (message.topic, message.broker, message.queue_id) == queue
            && message.stored_at < millis(moment)
    });
    first + stored.count() as u64
}

fn each_queue(entry: impl Fn(&str, u64) -> String) -> Vec<String> {
    let queues = BROKERS
        .iter()
        .flat_map(|broker| (0..QUEUES).map(move |queue_id| (broker, queue_id)));
    queues
        .map(|(broker, queue_id)| entry(broker, queue_id))
        .collect()
}

/// Formats one entry on each line, indented.
pub(super) fn lines(entries: impl IntoIterator<Item = String>, indent: usize) -> String {
    let margin = format!("\n{:indent$}", "");
    let entries: Vec<_> = entries
        .into_iter()
        .map(|entry| format!("{margin}{entry}"))
        .collect();
    entries.join(",")
}

pub(super) fn utc(millis: i64) -> String {
    format!("{:.3}", Timestamp::from_millisecond(millis).unwrap())
}
