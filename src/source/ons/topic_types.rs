//! The message types of topics (`OnsTopicList`), which decide whether the places in send results are those of the messages.

use serde_json::Value;

use super::asker::{Asker, reason};
use super::examine::fields;
use super::request::Call;
use crate::source::operation::TOPIC_LIST;
use crate::source::{CallPacer, Ons};

/// The type of the messages of a topic. A topic has messages of one type (`docs/facts/ons-api.md`, `OnsTopicList`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// Normal, or ordered: a message is stored in the queue that its send result names.
    Plain,
    /// Transactional: the send result names the place of the half message.
    Transactional,
    /// Scheduled or delayed: the send result names a place in the schedule topic.
    Delayed,
}

impl MessageType {
    /// Returns the type for a number of the API.
    fn of(number: i64) -> Option<Self> {
        match number {
            0..=2 => Some(Self::Plain),
            4 => Some(Self::Transactional),
            5 => Some(Self::Delayed),
            _ => None,
        }
    }

    /// Returns the adjective for such messages.
    #[must_use]
    pub const fn adjective(self) -> &'static str {
        match self {
            Self::Plain => "normal",
            Self::Transactional => "transactional",
            Self::Delayed => "delayed",
        }
    }

    /// Returns whether send results name the place of the message itself.
    #[must_use]
    pub const fn has_own_place(self) -> bool {
        matches!(self, Self::Plain)
    }
}

impl Ons {
    /// Asks for the type of a topic. Also returns the number of calls.
    ///
    /// # Errors
    ///
    /// Why the type is unknown.
    pub async fn message_type<P: CallPacer>(
        &self,
        (instance, topic): (Option<&str>, &str),
        pace: &P,
    ) -> (Result<MessageType, String>, u64) {
        let mut asker = Asker {
            pace: Some(pace),
            calls: 0,
        };
        let call = Call::new(TOPIC_LIST, instance, vec![("Topic", topic)]);
        let attempt = || {
            let call = call.clone();
            self.api.attempt(call, |status, body, redactor| {
                super::answer::parse_field((TOPIC_LIST, "Data"), status, body, redactor)
            })
        };
        let answer = asker.ask(attempt).await;
        let found = match answer {
            Ok(data) => type_in(data.as_ref(), instance, topic),
            Err(failure) => Err(reason(&failure, TOPIC_LIST).to_string()),
        };
        (found, asker.calls)
    }
}

/// Returns the type of a topic in the list of topics.
fn type_in(
    data: Option<&Value>,
    instance: Option<&str>,
    topic: &str,
) -> Result<MessageType, String> {
    let name = TOPIC_LIST.name();
    let topics = fields::list(data, "PublishInfoDo");
    let topics = topics.ok_or_else(|| format!("the Data of {name} is no list of topics"))?;
    let is_it = |entry: &&&Value| {
        fields::text(entry, "Topic").is_some_and(|found| {
            found == topic || super::examine::plain_name(found, instance) == topic
        })
    };
    let entry = topics.iter().find(is_it);
    let entry = entry.ok_or_else(|| format!("{name} does not list the topic"))?;
    let number = fields::number(entry, "MessageType");
    let number = number.ok_or_else(|| format!("{name} states no MessageType"))?;
    MessageType::of(number).ok_or_else(|| format!("{name} states the unknown MessageType {number}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_type_is_that_of_the_topic_itself() {
        for (data, found) in [
            (
                json!({"PublishInfoDo": [{"Topic": "a", "MessageType": 5}, {"Topic": "t", "MessageType": 0}]}),
                "Plain",
            ),
            (
                json!({"PublishInfoDo": [{"Topic": "MQ_INST_1%t", "MessageType": "4"}]}),
                "Transactional",
            ),
            (
                json!({"PublishInfoDo": {"Topic": "t", "MessageType": "5"}}),
                "Delayed",
            ),
            (json!([{"Topic": "t", "MessageType": 2}]), "Plain"),
            (json!({"PublishInfoDo": []}), "does not list the topic"),
            (
                json!({"PublishInfoDo": [{"Topic": "t"}]}),
                "states no MessageType",
            ),
            (
                json!({"PublishInfoDo": [{"Topic": "t", "MessageType": 3}]}),
                "states the unknown MessageType 3",
            ),
            (json!("x"), "the Data of OnsTopicList is no list of topics"),
        ] {
            let read = type_in(Some(&data), Some("MQ_INST_1"), "t");
            let read = read.map_or_else(|why| why, |kind| format!("{kind:?}"));
            assert!(read.ends_with(found), "{data}: {read}");
        }
        assert!(type_in(None, None, "t").is_err());
        let own: Vec<_> = (0..6)
            .filter_map(MessageType::of)
            .map(MessageType::has_own_place)
            .collect();
        assert_eq!(own, [true, true, true, false, false]);
    }
}
