//! One line of a results file as it is read. It borrows from the bytes of the file where possible.

use std::borrow::Cow;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::rfc3339;
use crate::message::{CowText, Position, Tag};
use crate::source::LocatedMessage;
use crate::verdict::{AnswerFacts, AnswerView, RowEvidence, TrackView};

/// A line between header and trailer, for one input row. Which fields are present says what became of the row.
#[derive(Debug, Default, Deserialize)]
pub struct Line<'a> {
    /// Input row, from 1.
    pub row: u64,
    /// The message ID as in the input.
    #[serde(borrow, default)]
    pub msg_id: CowText<'a>,
    /// The topic as in the input.
    #[serde(borrow, default)]
    pub topic: CowText<'a>,
    /// The instance as in the input, or the one given for all rows.
    #[serde(borrow, default)]
    pub instance_id: CowText<'a>,
    /// The answer, ordered by group.
    #[serde(borrow)]
    pub tracks: Option<Rc<[TrackView<'a>]>>,
    /// The error, if there is no answer.
    #[serde(borrow)]
    pub error: Option<ErrorView<'a>>,
    /// The position of the message, if it was looked up to be judged later.
    #[serde(borrow)]
    pub found: Option<FoundView<'a>>,
    /// The message's unique key, if the row names it by another ID; empty if it is unknown.
    #[serde(borrow)]
    pub unique_key: Option<CowText<'a>>,
    /// When the producer made the message, RFC 3339 UTC, if the source has its record.
    #[serde(borrow, default)]
    pub born_at: CowText<'a>,
    /// Since when consumers can receive the message, RFC 3339 UTC, if groups are judged by their lag.
    #[serde(borrow, default)]
    pub available_at: CowText<'a>,
    /// Why that is unknown; empty if it is known, or if it does not matter.
    #[serde(borrow, default)]
    pub unavailable: CowText<'a>,
    /// Why the tracks may lack groups that subscribe to the topic; empty if they are complete.
    #[serde(borrow, default)]
    pub unlisted: CowText<'a>,
    /// The time of the answer, RFC 3339 UTC.
    #[serde(borrow, default)]
    pub observed_at: CowText<'a>,
    /// Number of attempts: calls, but for `more_calls`.
    pub attempts: Option<u32>,
    /// Number of calls that these took besides the first of each attempt.
    #[serde(default)]
    pub more_calls: u32,
    /// Number of calls that were throttled.
    #[serde(default)]
    pub throttled: u32,
    /// The gateway's request ID.
    #[serde(borrow, default)]
    pub request_id: CowText<'a>,
    /// The earlier run that got the answer, if this run did not ask.
    #[serde(borrow, default)]
    pub carried_from: CowText<'a>,
    /// The answer of an earlier run, if this run asked again.
    #[serde(borrow)]
    pub previously: Option<PreviouslyView<'a>>,
    /// The earlier row that asks about the same message.
    pub same_as: Option<u64>,
    /// The reason why the row was rejected.
    #[serde(borrow)]
    pub rejected: Option<RejectView<'a>>,
    /// The kept columns in their order. Values are as they were written.
    #[serde(borrow, default)]
    pub extra: KeptFields<'a>,
}

impl Line<'_> {
    /// Adds to what is known about the message what the answer says for all groups.
    #[must_use]
    pub fn with_answer<'e>(&'e self, evidence: RowEvidence<'e>) -> RowEvidence<'e> {
        let available_at = match &*self.available_at {
            "" => None,
            time => time.parse().ok(),
        };
        evidence.with_answer(AnswerFacts {
            available_at,
            unavailable: &self.unavailable,
            unlisted: Some(&*self.unlisted).filter(|why| !why.is_empty()),
        })
    }

    /// Returns what the verdict is based on. `None` for a duplicate, whose answer is in another line.
    #[must_use]
    pub fn answer(&self) -> Option<AnswerView<'_>> {
        if self.same_as.is_some() {
            return None;
        }
        Some(match (&self.tracks, &self.error) {
            (Some(tracks), _) => AnswerView::Tracks(tracks),
            (None, Some(error)) if error.kind.0 == "not_found" => AnswerView::NotFound,
            _ if self.rejected.is_some() => AnswerView::Rejected,
            _ => AnswerView::Unanswered,
        })
    }
}

/// The error of a query that has no answer.
#[derive(Debug, Deserialize)]
pub struct ErrorView<'a> {
    /// The word of [`FailureKind`](crate::source::FailureKind).
    #[serde(borrow)]
    pub kind: CowText<'a>,
    /// The error code of the source.
    #[serde(borrow, default)]
    pub code: CowText<'a>,
    /// The text of the error.
    #[serde(borrow, default)]
    pub message: CowText<'a>,
}

/// The position of a message.
#[derive(Debug, Deserialize, Serialize)]
pub struct FoundView<'a> {
    /// The topic as brokers name it.
    #[serde(borrow)]
    pub topic: CowText<'a>,
    /// Name of the broker.
    #[serde(borrow)]
    pub broker: CowText<'a>,
    /// Queue of the topic on that broker.
    pub queue_id: u32,
    /// Offset of the message in that queue.
    pub queue_offset: u64,
    /// Tag of the message, if it has one.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<CowText<'a>>,
    /// Address of the broker that stored it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub store_host: Option<CowText<'a>>,
    /// Store time, RFC 3339 UTC.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub stored_at: Option<CowText<'a>>,
}

impl<'a> FoundView<'a> {
    pub(super) fn of(found: &'a LocatedMessage) -> Self {
        let text = |text: &'a str| CowText(Cow::Borrowed(text));
        let Position {
            broker,
            queue_id,
            queue_offset,
            tag,
            store,
        } = &found.position;
        Self {
            topic: text(&found.topic),
            broker: text(broker),
            queue_id: *queue_id,
            queue_offset: *queue_offset,
            tag: match tag {
                Tag::Named(tag) => Some(text(tag)),
                Tag::None | Tag::Unknown => None,
            },
            store_host: store.as_deref().map(text),
            stored_at: found.stored_at.map(|time| CowText(rfc3339(time).into())),
        }
    }
}

/// The answer of an earlier run.
#[derive(Debug, Deserialize, Serialize)]
pub struct PreviouslyView<'a> {
    /// The ID of that run.
    #[serde(borrow)]
    pub run_id: CowText<'a>,
    /// The time of the answer, RFC 3339 UTC.
    #[serde(borrow)]
    pub observed_at: CowText<'a>,
    /// The groups that had passed the message.
    #[serde(borrow)]
    pub passed: Vec<CowText<'a>>,
}

/// The reason why a row was rejected.
#[derive(Debug, Deserialize)]
pub struct RejectView<'a> {
    /// The input file of the row.
    #[serde(borrow, default)]
    pub file: CowText<'a>,
    /// Line of that input, from 1.
    pub line: Option<u64>,
    /// The column at fault.
    #[serde(borrow, default)]
    pub column: CowText<'a>,
    /// The text found there.
    #[serde(borrow, default)]
    pub found: CowText<'a>,
    /// What is wrong and what was expected.
    #[serde(borrow, default)]
    pub reason: CowText<'a>,
}

/// A JSON object whose keys keep their order and whose values stay as they were written.
#[derive(Debug, Default)]
pub struct KeptFields<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> KeptFields<'a> {
    /// Returns the value of the only column whose name matches. `None` if two columns match, because either could be
    /// meant.
    #[must_use]
    pub fn find_only(&self, is_it: impl Fn(&str) -> bool) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(name, _)| is_it(name));
        let (_, value) = found.next()?;
        found.next().is_none().then(|| value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for KeptFields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> serde::de::Visitor<'de> for Visitor<'a> {
            type Value = KeptFields<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of kept columns")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some((name, value)) = map.next_entry::<CowText<'a>, &'a RawValue>()? {
                    kept.push((name.0, value));
                }
                Ok(KeptFields(kept))
            }
        }
        deserializer.deserialize_map(Visitor(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_escapes_is_borrowed() {
        let line: Line<'_> = serde_json::from_str(
            r#"{"row":1,"msg_id":"AA","topic":"a\"b","tracks":[{"group":"g","track_type":"CONSUMED"}],"extra":{"z":"1","a":{"n":[1]}}}"#,
        )
        .unwrap();
        assert!(matches!(line.msg_id.0, Cow::Borrowed("AA")));
        assert!(matches!(
            line.tracks.as_ref().unwrap()[0].group,
            Cow::Borrowed("g")
        ));
        assert_eq!(&*line.topic, "a\"b");
        let kept: Vec<_> = line
            .extra
            .0
            .into_iter()
            .map(|(name, value)| (name, value.get()))
            .collect();
        assert_eq!(kept, [("z".into(), "\"1\""), ("a".into(), "{\"n\":[1]}")]);
    }

    #[test]
    fn the_fields_of_a_line_say_what_became_of_the_row() {
        let answer = |json: &str| {
            format!(
                "{:?}",
                serde_json::from_str::<Line<'_>>(json).unwrap().answer()
            )
        };
        assert_eq!(answer(r#"{"row":1,"tracks":[]}"#), "Some(Tracks([]))");
        assert_eq!(
            answer(r#"{"row":1,"error":{"kind":"not_found"}}"#),
            "Some(NotFound)"
        );
        assert_eq!(
            answer(r#"{"row":1,"error":{"kind":"transport"}}"#),
            "Some(Unanswered)"
        );
        assert_eq!(
            answer(r#"{"row":1,"rejected":{"column":"msg_id"}}"#),
            "Some(Rejected)"
        );
        assert_eq!(answer(r#"{"row":2,"same_as":1}"#), "None");
    }
}
