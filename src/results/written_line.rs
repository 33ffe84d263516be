//! Writes the lines of a results file: [`WrittenLine`] defines their fields and the order of the fields.

use std::num::{NonZeroU32, NonZeroU64};

use serde::Serialize;
use serde_json::value::RawValue;

use super::line::FoundView;
use super::{Header, Outcome, Previously, SCHEMA};
use crate::clock::{TimeText, rfc3339};
use crate::evidence::Deliveries;
use crate::input::{Entry, Reject, Row};
use crate::offsets::{Marks, TrackType};
use crate::source::{Failure, Track};

/// One line as it is written. [`Line`](super::Line) reads it. A field without a value is left out.
///
/// The kept columns (`extra`) are the last field. They are JSON already, and [`LineWriter`] appends them as they are:
/// serde could embed them only after parsing them once more.
#[derive(Debug, Default, Serialize)]
struct WrittenLine<'a> {
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracks: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<WrittenError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<FoundView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    born_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlisted: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_calls: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled: Option<NonZeroU32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carried_from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previously: Option<&'a Previously>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<WrittenReject<'a>>,
}

#[derive(Debug, Serialize)]
struct WrittenError<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
}

#[derive(Debug, Serialize)]
struct WrittenReject<'a> {
    file: &'a str,
    line: u64,
    column: &'a str,
    found: &'a str,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct WrittenTrack<'a> {
    group: &'a str,
    track_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqadmin_track_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries: Option<&'a Deliveries>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inferred_from: Option<NonZeroU64>,
}

/// Writes lines one after the other. Reuses the text of the tracks and of the time where the next line has the same.
#[derive(Debug, Default)]
pub struct LineWriter {
    tracks: TracksText,
    time: TimeText,
    born: TimeText,
    /// Whether the lines say the unique keys of messages, which are needed to examine more than the offsets.
    keeps_keys: bool,
}

impl LineWriter {
    /// Returns a writer for a results file with this header.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        Self {
            keeps_keys: header.schema != SCHEMA,
            ..Self::default()
        }
    }

    /// Appends the line of `row` to `block`. Returns true if the tracks differ from those of the previous answer: only
    /// then can they name a new group.
    ///
    /// # Panics
    ///
    /// If `row` is a query and `outcome` is `None`.
    pub fn write(&mut self, block: &mut Vec<u8>, row: &Row, outcome: Option<&Outcome>) -> bool {
        let mut has_new_tracks = false;
        let mut line = WrittenLine {
            row: row.row,
            ..WrittenLine::default()
        };
        match &row.entry {
            Entry::Query(query) => {
                let outcome = outcome.expect("the engine settles a query with an outcome");
                line.msg_id = Some(&query.msg_id);
                line.topic = Some(&query.topic);
                line.instance_id = query.instance_id.as_deref();
                match &outcome.answer {
                    Ok(trace) => {
                        has_new_tracks = self.tracks.set(&trace.tracks);
                        line.tracks = self.tracks.json.as_deref();
                        line.unique_key = trace.unique_key.as_deref().filter(|_| self.keeps_keys);
                        line.found = trace.found.as_deref().map(FoundView::of);
                        line.request_id = trace.request_id.as_deref();
                        line.available_at = trace.available_at.map(rfc3339);
                        line.unavailable = trace.unavailable.as_deref();
                        line.unlisted = trace.unlisted.as_deref();
                    }
                    Err(failure) => {
                        line.error = Some(WrittenError::of(failure));
                        line.request_id = failure.request_id.as_deref();
                    }
                }
                line.born_at = outcome.born_at().map(|born_at| self.born.of(born_at));
                line.observed_at = Some(self.time.of(outcome.observed_at));
                line.attempts = Some(outcome.attempts);
                line.more_calls = NonZeroU32::new(outcome.more_calls);
                line.throttled = NonZeroU32::new(outcome.throttled);
                line.carried_from = outcome.carried_from.as_deref();
                line.previously = outcome.previously.as_deref();
            }
            Entry::Duplicate { of } => line.same_as = Some(*of),
            Entry::Rejected(reject) => {
                line.msg_id = reject.msg_id.as_deref();
                line.topic = reject.topic.as_deref();
                line.rejected = Some(WrittenReject::of(reject));
            }
        }
        push_json(block, &line);
        if let Some(extra) = &row.kept.json {
            block.pop(); // the closing brace
            block.extend_from_slice(b",\"extra\":");
            block.extend_from_slice(extra.as_bytes());
            block.push(b'}');
        }
        block.push(b'\n');
        has_new_tracks
    }
}

impl<'a> WrittenError<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self {
            kind: failure.kind.as_str(),
            code: failure.code.as_deref(),
            message: &failure.message,
            http_status: failure.http_status,
        }
    }
}

impl<'a> WrittenReject<'a> {
    fn of(reject: &'a Reject) -> Self {
        Self {
            file: &reject.file,
            line: reject.line,
            column: &reject.column,
            found: &reject.found,
            reason: &reject.reason,
        }
    }
}

impl<'a> WrittenTrack<'a> {
    fn of(track: &'a Track) -> Self {
        let words = |marks: &Marks| marks.words().collect::<Vec<_>>().join(" ");
        Self {
            group: &track.group,
            track_type: track.track_type.as_str(),
            mark: Some(words(&track.marks)).filter(|words| !words.is_empty()),
            mqadmin_track_type: track.mqadmin.as_ref().map(TrackType::as_str),
            deliveries: track.deliveries.as_deref(),
            inferred_from: track.inferred_from,
        }
    }
}

/// The tracks of the previous answer and their JSON text. Consecutive messages often have the same tracks, so the text
/// is reused.
#[derive(Debug, Default)]
struct TracksText {
    last: Vec<Track>,
    json: Option<Box<RawValue>>,
}

impl TracksText {
    /// Makes `json` the text of `tracks`, ordered by group so that a second run writes the same bytes. Returns false if
    /// it was so already.
    fn set(&mut self, tracks: &[Track]) -> bool {
        let is_same_as_last = tracks.len() == self.last.len()
            && tracks.iter().zip(&self.last).all(|(a, b)| is_same(a, b));
        if self.json.is_some() && is_same_as_last {
            return false;
        }
        tracks.clone_into(&mut self.last);
        let mut sorted: Vec<_> = tracks.iter().map(WrittenTrack::of).collect();
        sorted.sort_by_key(|track| (track.group, track.track_type));
        let json = serde_json::value::to_raw_value(&sorted);
        self.json = Some(json.expect("strings can be serialised"));
        true
    }
}

/// Compares pointers first: a snapshot shares the names of its groups between all its answers.
fn is_same(a: &Track, b: &Track) -> bool {
    std::sync::Arc::ptr_eq(&a.group, &b.group) && {
        let Track {
            group: _,
            track_type,
            marks,
            mqadmin,
            deliveries,
            inferred_from,
        } = a;
        *track_type == b.track_type
            && *marks == b.marks
            && *mqadmin == b.mqadmin
            && *deliveries == b.deliveries
            && *inferred_from == b.inferred_from
    } || a == b
}

/// Appends `value` as JSON.
pub(super) fn push_json<T: Serialize + ?Sized>(block: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(block, value)
        .expect("types of this crate serialise, and a Vec takes all bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_complete_and_ordered_whatever_came_before() {
        let names: [std::sync::Arc<str>; 3] = ["a", "b\"", "c"].map(Into::into);
        let track = |nth: usize, word: &str| Track::new(names[nth].clone(), word.into());
        let mut tracks = TracksText::default();
        let mut text = |answer: &[Track]| {
            tracks.set(answer);
            tracks.json.as_ref().unwrap().get().to_owned()
        };
        let both = r#"[{"group":"a","track_type":"X"},{"group":"b\"","track_type":"Y"}]"#;
        assert_eq!(text(&[track(1, "Y"), track(0, "X")]), both);
        assert_eq!(text(&[track(0, "X"), track(1, "Y")]), both);
        assert_eq!(
            text(&[track(2, "X")]),
            r#"[{"group":"c","track_type":"X"}]"#
        );
        assert_eq!(text(&[]), "[]");
        let twice = [track(0, "Y"), track(0, "X")];
        text(&twice);
        assert_eq!(
            text(&twice),
            r#"[{"group":"a","track_type":"X"},{"group":"a","track_type":"Y"}]"#
        );
    }
}
