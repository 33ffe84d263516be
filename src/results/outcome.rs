//! The end of a query: its answer or its error.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Line, Previously};
use crate::offsets::{Marks, TrackType};
use crate::source::{Failure, FailureKind, Trace, Track};
use crate::verdict::TrackView;

/// The outcome of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer or the error.
    pub answer: Result<Trace, Failure>,
    /// When the answer was observed. Every answer has a time of its own, since a run takes hours (`docs/facts/users.md`
    /// §3b, trap 6).
    pub observed_at: Timestamp,
    /// Number of attempts to get it: calls, but for those that one attempt took besides the first.
    pub attempts: u32,
    /// Number of calls that the attempts took besides the first of each.
    pub more_calls: u32,
    /// Number of calls that were throttled.
    pub throttled: u32,
    /// The earlier run that got the answer, if this run did not ask.
    pub carried_from: Option<Arc<str>>,
    /// The answer of an earlier run in which some groups had passed the message.
    pub previously: Option<Box<Previously>>,
}

impl Outcome {
    /// Makes an outcome without calls and without an earlier answer.
    #[must_use]
    pub const fn new(answer: Result<Trace, Failure>, observed_at: Timestamp) -> Self {
        Self {
            answer,
            observed_at,
            attempts: 0,
            more_calls: 0,
            throttled: 0,
            carried_from: None,
            previously: None,
        }
    }

    /// Returns when the producer made the message, if the source has its record.
    #[must_use]
    pub fn born_at(&self) -> Option<Timestamp> {
        match &self.answer {
            Ok(trace) => trace.born_at,
            Err(failure) => failure.born_at.as_deref().copied(),
        }
    }

    /// Returns the outcome in a line. `None` if the line has no query or no time.
    #[must_use]
    pub fn of(line: &Line<'_>) -> Option<Self> {
        let born_at = line.born_at.parse().ok();
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let answer = match (&line.tracks, &line.error) {
            (Some(tracks), _) => Ok(Trace {
                request_id: text(&line.request_id),
                born_at,
                unique_key: line.unique_key.as_deref().map(Into::into),
                available_at: line.available_at.parse().ok(),
                unavailable: text(&line.unavailable).map(Into::into),
                unlisted: text(&line.unlisted).map(Into::into),
                ..Trace::new(tracks.iter().map(track).collect())
            }),
            (None, Some(error)) => Err(Failure {
                request_id: text(&line.request_id).map(Into::into),
                born_at: born_at.map(Box::new),
                ..Failure::new(
                    FailureKind::named(&error.kind).unwrap_or(FailureKind::Server),
                    text(&error.code),
                    &*error.message,
                )
            }),
            (None, None) => return None,
        };
        Some(Self {
            attempts: line.attempts.unwrap_or_default(),
            more_calls: line.more_calls,
            throttled: line.throttled,
            carried_from: text(&line.carried_from).map(Into::into),
            previously: line.previously.as_ref().map(|view| {
                Box::new(Previously {
                    run_id: (*view.run_id).into(),
                    observed_at: view.observed_at.to_string(),
                    passed: view.passed.iter().map(|group| group.to_string()).collect(),
                })
            }),
            ..Self::new(answer, line.observed_at.parse().ok()?)
        })
    }
}

fn track(view: &TrackView<'_>) -> Track {
    let theirs = Some(&*view.mqadmin_track_type).filter(|word| !word.is_empty());
    Track {
        marks: Marks::named(&view.mark),
        mqadmin: theirs.map(TrackType::from),
        deliveries: view.deliveries.clone(),
        inferred_from: view.inferred_from,
        ..Track::new(&*view.group, TrackType::from(&*view.track_type))
    }
}
