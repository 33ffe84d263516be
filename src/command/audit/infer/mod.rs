//! `--infer`: what follows from other answers by the order of the queues is not asked.
//!
//! The stage hands the loop the messages that [`Inference`] asks for, one after the other. When all answers follow, it hands
//! over the rows that are left, those that follow with their inferred answers.
//!
//! - `plan`: how many calls a run would make
//! - `sink`: receives the settled rows
//! - `topic_types`: the message types of topics

mod plan;
mod sink;
mod topic_types;

pub(in crate::command) use plan::InferPlan;
pub(super) use sink::InferSink;

use topic_types::TopicTypes;

use std::cell::{Cell, RefCell};
use std::num::NonZeroU64;
use std::path::Path;
use std::task::Poll;

use anyhow::anyhow;
use futures::{Stream, stream};

use super::start_mode::StartFlags;
use crate::command::Env;
use crate::engine::{CandidateSet, Inference, InstanceTopic, MessageAnswer, Pacer};
use crate::exit::Failed;
use crate::file;
use crate::humanize::counted;
use crate::input::{Entry, InputError, Inputs, Row, ScratchRows, ScratchWriter};
use crate::message::{Position, Query, Tag};
use crate::offsets::TrackType;
use crate::results::{InferenceSection, KnownAnswer, Line, Outcome, Previous, Unfinished};
use crate::settings::{Origin, Settings, SettingsError, Share};
use crate::source::{FailureKind, Ons, Trace, Track};
use crate::telemetry::CallCounts;

/// The share of the messages whose answers follow that is asked nevertheless, if it is not given.
const RECHECK: (&str, Share) = ("2%", Share(0.02));

/// The settings of `--infer`.
#[derive(Debug, Clone)]
pub(in crate::command) struct InferSettings {
    /// The share of the messages whose answers follow that is asked nevertheless.
    pub(in crate::command) recheck: f64,
    /// The same as it was given.
    pub(in crate::command) recheck_text: String,
    /// Whether every message with a place was sent, whatever the row says about it.
    pub(in crate::command) trusts_input: bool,
}

impl InferSettings {
    /// Returns the settings of the flags. `None` if nothing is inferred. Without `--recheck`, 2 % are asked nevertheless.
    pub(in crate::command) fn of(
        flags: &StartFlags,
        settings: &Settings,
    ) -> Result<Option<Self>, SettingsError> {
        if !flags.infers() {
            return Ok(None);
        }
        let (text, Share(share)) = match settings.text("recheck") {
            (_, Origin::Default) => RECHECK,
            (text, _) => (text, settings.get("recheck")?),
        };
        Ok(Some(Self {
            recheck: share,
            recheck_text: text.to_owned(),
            trusts_input: flags.trusts_input(),
        }))
    }
}

/// What the stage is prepared from.
pub(in crate::command) struct InferInput<'a> {
    pub(in crate::command) inputs: &'a Inputs,
    pub(in crate::command) previous: Option<&'a Previous>,
    pub(in crate::command) unfinished: Option<&'a Unfinished>,
    pub(in crate::command) results: &'a Path,
    pub(in crate::command) run_id: &'a str,
}

/// The state of `--infer` in a run.
pub(in crate::command) struct InferStage {
    inference: RefCell<Inference>,
    rows: RefCell<ScratchRows>,
    /// Number of rows in the scratch file.
    lines: u64,
    /// Number of rows that are no candidates and are being settled.
    others: Cell<u64>,
    /// Number of messages with an inferred answer.
    inferred: Cell<u64>,
    /// Number of those with an inferred `CONSUMED` whose tag is unknown.
    untagged: Cell<u64>,
    section: InferenceSection,
}

impl InferStage {
    /// Finds the messages whose answers may follow, asks for the types of their topics, and takes the answers that an earlier
    /// part of the run has got.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, the scratch file cannot be written, or a signal stops it.
    pub(super) fn prepare(
        settings: &InferSettings,
        input: &InferInput<'_>,
        (ons, pacer): (&Ons, &Pacer),
        (call_counts, env): (&Cell<CallCounts>, &Env),
    ) -> Result<Self, Failed> {
        let scratch = file::scratch(input.results).map_err(InputError::Scratch)?;
        let mut writer = ScratchWriter::new(scratch);
        let mut candidates = CandidateSet::with_capacity(input.inputs.row_count());
        let counts = each_placed(settings, input, |row, topic, place| {
            let line = writer.push(row)?;
            candidates.add(topic, place, (row.row, line));
            Ok(())
        })?;
        counts.announce();
        let types = TopicTypes::ask(candidates.topics(), (ons, pacer), env)?;
        CallCounts::add_calls(call_counts, types.calls);
        let is_unsuitable = |topic: &InstanceTopic| types.unsuitable.contains(topic);
        let recheck = (settings.recheck, input.run_id);
        let mut inference = Inference::new(candidates, &is_unsuitable, recheck);
        if let Some(unfinished) = input.unfinished {
            let take = |line: &Line<'_>| take_earlier(&mut inference, line);
            unfinished
                .each_line(take)
                .map_err(|error| unreadable(&error))?;
        }
        Ok(Self {
            inference: RefCell::new(inference),
            rows: RefCell::new(writer.finish()?),
            lines: counts.placed,
            others: Cell::new(0),
            inferred: Cell::new(0),
            untagged: Cell::new(0),
            section: InferenceSection {
                recheck: settings.recheck_text.clone(),
                unknown_types: types.unknown,
                calls: types.calls,
                ..InferenceSection::default()
            },
        })
    }

    /// Returns the rows in the order in which they are to be settled: messages that others follow from, then those of `rest`
    /// (all rows that are left) about which nothing can follow. When all of them are answered, the answers about the others
    /// follow.
    pub(super) fn rows<'r>(
        &'r self,
        mut rest: impl Iterator<Item = anyhow::Result<(Row, KnownAnswer)>> + 'r,
        previous: Option<&'r Previous>,
    ) -> impl Stream<Item = anyhow::Result<(Row, KnownAnswer)>> + 'r {
        let mut lines = 0..u32::try_from(self.lines).unwrap_or(u32::MAX);
        let mut is_read = false;
        stream::poll_fn(move |_| {
            let ask = self.inference.borrow_mut().next_ask();
            if let Some(ask) = ask {
                return Poll::Ready(Some(self.scratch_row(ask.line, previous)));
            }
            // The loop polls again when the answer that is awaited has been settled.
            if self.inference.borrow().is_waiting() {
                return Poll::Pending;
            }
            if !is_read {
                let other = |row: &anyhow::Result<(Row, KnownAnswer)>| {
                    !row.as_ref().is_ok_and(|(row, _)| self.is_candidate(row))
                };
                if let Some(row) = rest.find(other) {
                    self.others.set(self.others.get() + 1);
                    return Poll::Ready(Some(row));
                }
                is_read = true;
            }
            if self.others.get() > 0 {
                return Poll::Pending;
            }
            let next = lines.find_map(|line| self.unasked_row(line, previous).transpose());
            Poll::Ready(next.map(|row| row.map(|row| self.with_inferred(row))))
        })
    }

    /// Returns what the trailer of the results file says about the inference.
    pub(super) fn section(&self) -> InferenceSection {
        InferenceSection {
            messages: self.inferred.get(),
            untagged: self.untagged.get(),
            recheck: self.section.recheck.clone(),
            unknown_types: self.section.unknown_types.clone(),
            calls: self.section.calls,
            ..self.inference.borrow().section()
        }
    }

    /// Returns a row of the scratch file with what an earlier run knows about it.
    fn scratch_row(
        &self,
        line: u32,
        previous: Option<&Previous>,
    ) -> anyhow::Result<(Row, KnownAnswer)> {
        let row = self.rows.borrow_mut().read(line)?;
        let known = previous.map_or(KnownAnswer::Unknown, |previous| previous.known_answer(&row));
        Ok((row, known))
    }

    /// Returns a row of the scratch file if it is a candidate that was not asked.
    fn unasked_row(
        &self,
        line: u32,
        previous: Option<&Previous>,
    ) -> anyhow::Result<Option<(Row, KnownAnswer)>> {
        let (row, known) = self.scratch_row(line, previous)?;
        Ok((self.is_candidate(&row) && !self.was_asked(&row)).then_some((row, known)))
    }

    fn was_asked(&self, row: &Row) -> bool {
        let row = NonZeroU64::new(row.row);
        row.is_some_and(|row| self.inference.borrow().was_asked(row))
    }

    fn is_candidate(&self, row: &Row) -> bool {
        let row = NonZeroU64::new(row.row);
        row.is_some_and(|row| self.inference.borrow().is_candidate(row))
    }

    /// Learns from the outcome of a row that is no candidate.
    fn learn(&self, row: &Row, outcome: Option<&Outcome>) {
        if self.is_candidate(row) {
            return;
        }
        self.others.set(self.others.get().saturating_sub(1));
        let answer = outcome.and_then(|outcome| outcome.answer.as_ref().ok());
        if let (Entry::Query(query), Some(trace)) = (&row.entry, answer) {
            let topic = (query.instance_id.clone(), query.topic.clone());
            self.inference.borrow_mut().learn(&topic, &trace.tracks);
        }
    }

    /// Adds the answer that follows for a row, if one does.
    fn with_inferred(&self, (row, known): (Row, KnownAnswer)) -> (Row, KnownAnswer) {
        let previously = match known {
            KnownAnswer::Settled(_) => return (row, known),
            KnownAnswer::Passed(previously) => Some(previously),
            KnownAnswer::Unknown => None,
        };
        let number = NonZeroU64::new(row.row);
        let answer = number.and_then(|row| self.inference.borrow().inferred(row));
        let known = match (answer, previously) {
            (Some(answer), previously) => {
                self.inferred.set(self.inferred.get() + 1);
                let passed = |track: &Track| track.track_type == TrackType::CONSUMED;
                let has_unknown_tag =
                    number.is_some_and(|row| self.inference.borrow().has_unknown_tag(row));
                if has_unknown_tag && answer.tracks.iter().any(passed) {
                    self.untagged.set(self.untagged.get() + 1);
                }
                let trace = Ok(Trace::new(answer.tracks));
                KnownAnswer::Settled(Box::new(Outcome {
                    previously,
                    ..Outcome::new(trace, answer.observed_at)
                }))
            }
            (None, Some(previously)) => KnownAnswer::Passed(previously),
            (None, None) => KnownAnswer::Unknown,
        };
        (row, known)
    }
}

/// Numbers of messages that are left to settle.
#[derive(Debug, Default)]
struct PlacedCounts {
    /// Those that are known to have been stored at a place.
    placed: u64,
    /// Those among them whose tag is unknown.
    untagged: u64,
    /// Those with a place that are not known to have been stored.
    unproved: u64,
    /// Those without a place.
    unplaced: u64,
}

/// Calls `each` for every row that is left and whose message is known to have been stored at a place.
fn each_placed(
    settings: &InferSettings,
    input: &InferInput<'_>,
    mut each: impl FnMut(&Row, &InstanceTopic, &Position) -> Result<(), InputError>,
) -> Result<PlacedCounts, InputError> {
    let mut counts = PlacedCounts::default();
    for row in input.inputs.rows() {
        let row = row?;
        let Entry::Query(query) = &row.entry else {
            continue;
        };
        let known = input.previous.map(|previous| previous.known_answer(&row));
        if matches!(known, Some(KnownAnswer::Settled(_))) {
            continue;
        }
        let is_ok = query.send_result.as_ref().is_some_and(|sent| sent.is_ok);
        match place_of(query) {
            Some(place) if is_ok || settings.trusts_input => {
                let topic = (query.instance_id.clone(), query.topic.clone());
                each(&row, &topic, place)?;
                counts.placed += 1;
                counts.untagged += u64::from(place.tag == Tag::Unknown);
            }
            Some(_) => counts.unproved += 1,
            None => counts.unplaced += 1,
        }
    }
    Ok(counts)
}

/// Returns the place that a row names.
fn place_of(query: &Query) -> Option<&Position> {
    let sent = query.send_result.as_ref();
    sent.map_or(query.position.as_ref(), |sent| Some(&sent.place))
}

impl PlacedCounts {
    fn announce(&self) {
        let Self {
            untagged,
            unproved,
            unplaced,
            ..
        } = *self;
        let are = |number| if number == 1 { "is" } else { "are" };
        if unproved > 0 {
            tracing::warn!(
                "--infer: {} a place, but not the send status SEND_OK, and {} asked; if all of them were sent successfully, \
                 --trust-input infers them, too",
                counted(unproved, "message has", "messages have"),
                are(unproved),
            );
        }
        if unplaced > 0 {
            tracing::info!(
                "--infer: {} no place and {} asked",
                counted(unplaced, "message has", "messages have"),
                are(unplaced),
            );
        }
        if untagged > 0 {
            tracing::warn!(
                "--infer: the tags of {} are unknown: if a group filters by tags, it may have filtered some that count as \
                 passed, and once it is seen to filter, all that it has passed are asked; a column `tag` avoids both",
                counted(untagged, "message", "messages"),
            );
        }
    }
}

/// Returns what an outcome tells about other messages.
fn message_answer(outcome: &Outcome) -> MessageAnswer<'_> {
    match &outcome.answer {
        Ok(trace) => MessageAnswer::Tracks(&trace.tracks),
        Err(failure) if failure.kind == FailureKind::NotFound => MessageAnswer::NotFound,
        Err(_) => MessageAnswer::None,
    }
}

fn take_earlier(inference: &mut Inference, line: &Line<'_>) {
    let (Some(row), Some(outcome)) = (NonZeroU64::new(line.row), Outcome::of(line)) else {
        return;
    };
    // An answer of --previous is older than those that it would be compared with. A line with an inferred answer does not
    // settle its row.
    if outcome.carried_from.is_none() {
        inference.take_earlier(row, message_answer(&outcome), outcome.observed_at);
    }
}

fn unreadable(error: &std::io::Error) -> Failed {
    let error = anyhow!("the answers of the earlier run can't be read: {error}");
    Failed::refused(error, None)
}
