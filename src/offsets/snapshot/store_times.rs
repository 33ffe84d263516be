//! Store times of the oldest message, the newest message, and the newest consumed message.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{ClusterState, TopicState};
use crate::offsets::GroupState;

/// A position in a queue: topic, broker, queue, offset.
type QueuePosition = (Box<str>, Box<str>, u32, u64);

/// Store times of the first and last message of each queue, and of the last message that each group has passed,
/// if the snapshot contains these messages.
#[derive(Debug)]
pub struct StoreTimes(HashMap<QueuePosition, Option<Timestamp>>);

/// A span of store times. A field is `None` if the snapshot lacks one of the messages that decide it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeSpan {
    /// The oldest message that is still stored.
    pub earliest: Option<Timestamp>,
    /// The newest message.
    pub latest: Option<Timestamp>,
    /// The newest message that the group has passed.
    pub consumed: Option<Timestamp>,
}

impl StoreTimes {
    /// Collects the store times in one pass over all messages.
    #[must_use]
    pub fn new(state: &ClusterState) -> Self {
        let mut positions = HashMap::new();
        for (name, topic) in &state.topics {
            let groups = topic.groups.iter().flat_map(|(_, group)| went_past(group));
            for (broker, queue_id, offset) in bounds(topic).flatten().chain(groups) {
                positions.insert(
                    (name.as_ref().into(), broker.into(), queue_id, offset),
                    None,
                );
            }
        }
        for message in state.messages.iter() {
            let position = (
                message.topic().into(),
                message.broker().into(),
                message.queue_id(),
                message.queue_offset(),
            );
            if let Some(time) = positions.get_mut(&position) {
                *time = message.stored_at();
            }
        }
        Self(positions)
    }

    /// Returns the span for a group on a topic.
    #[must_use]
    pub fn span(&self, name: &str, topic: &TopicState, group: &GroupState) -> TimeSpan {
        let at = |(broker, queue_id, offset): (&str, u32, u64)| {
            let position = (name.into(), broker.into(), queue_id, offset);
            self.0.get(&position).copied().flatten()
        };
        let of = |which: usize| bounds(topic).map(move |ends| at(ends[which]));
        TimeSpan {
            earliest: all(of(0)).into_iter().min(),
            latest: all(of(1)).into_iter().max(),
            consumed: all(went_past(group).map(at)).into_iter().max(),
        }
    }
}

/// Returns all times, or nothing if one is missing: it might be the one that decides.
fn all(times: impl Iterator<Item = Option<Timestamp>>) -> Vec<Timestamp> {
    times.collect::<Option<_>>().unwrap_or_default()
}

/// Returns the first and the last position of every queue that is not empty.
fn bounds(topic: &TopicState) -> impl Iterator<Item = [(&str, u32, u64); 2]> {
    let queues = topic.queues.iter().filter(|(_, _, held)| !held.is_empty());
    queues.map(|(broker, queue_id, held)| {
        [held.start, held.end - 1].map(|offset| (&**broker, queue_id, offset))
    })
}

/// Returns the last position in each queue that a group has passed.
fn went_past(group: &GroupState) -> impl Iterator<Item = (&str, u32, u64)> {
    let offsets = group.offsets.iter().filter(|(_, _, offset)| **offset > 0);
    offsets.map(|(broker, queue_id, offset)| (&**broker, queue_id, offset - 1))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn span(offset: u64, missing: &str) -> TimeSpan {
        let messages = [
            ("a", 0, 10, "00"),
            ("a", 0, 12, "02"),
            ("a", 0, 19, "09"),
            ("b", 1, 5, "01"),
        ];
        let messages: Vec<_> = messages
            .iter()
            .filter(|(_, _, _, second)| *second != missing)
            .map(|(broker, queue, offset, second)| {
                format!(
                    r#"{{"msg_id":"0{second}","topic":"t","broker":"{broker}","queue_id":{queue},
                    "queue_offset":{offset},"stored_at":"2026-11-20T02:00:{second}Z"}}"#
                )
            })
            .collect();
        let text = format!(
            r#"{{"schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2026-11-20T03:00:00Z",
            "topics":[{{"topic":"t","queues":[
              {{"broker":"a","queue_id":0,"min_offset":10,"max_offset":20}},
              {{"broker":"b","queue_id":1,"min_offset":5,"max_offset":6}},
              {{"broker":"b","queue_id":2,"min_offset":7,"max_offset":7}}]}}],
            "groups":[{{"group":"g","online":true,"offsets":[
              {{"topic":"t","broker":"a","queue_id":0,"offset":{offset}}},
              {{"topic":"t","broker":"b","queue_id":1,"offset":0}}]}}],
            "messages":[{}]}}"#,
            messages.join(",")
        );
        let state = read("demo.json", text.as_bytes()).unwrap();
        let topic = &state.topics["t"];
        StoreTimes::new(&state).span("t", topic, &topic.groups[0].1)
    }

    fn at(second: &str) -> Option<Timestamp> {
        format!("2026-11-20T02:00:{second}Z").parse().ok()
    }

    #[test]
    fn the_ends_of_queues_and_the_offsets_bound_what_is_there() {
        let whole = TimeSpan {
            earliest: at("00"),
            latest: at("09"),
            consumed: at("02"),
        };
        assert_eq!(span(13, ""), whole);
        let nothing_yet = TimeSpan {
            consumed: None,
            ..whole
        };
        assert_eq!(span(0, ""), nothing_yet);
    }

    #[test]
    fn what_would_have_to_be_guessed_is_left_open() {
        let open = span(12, "00"); // neither offset 10 nor offset 11 is known
        assert_eq!((open.earliest, open.consumed), (None, None));
        assert_eq!(open.latest, at("09"));
        assert_eq!(
            span(13, "01"),
            TimeSpan {
                consumed: at("02"),
                ..TimeSpan::default()
            }
        );
    }
}
