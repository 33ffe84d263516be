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
use crate::engine::{Ask, CandidateSet, Inference, InstanceTopic, Pacer};
use crate::exit::Failed;
use crate::file;
use crate::humanize::{count, counted};
use crate::input::{Entry, InputError, Inputs, Row, ScratchRows, ScratchWriter};
use crate::message::{Position, Query};
use crate::results::{InferenceSection, KnownAnswer, Line, Outcome, Previous, RowSet, Unfinished};
use crate::settings::{Origin, Settings, SettingsError, Share};
use crate::source::{Ons, Trace};
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
    /// Number of messages with an inferred answer, those of an earlier part of the run included.
    inferred: Cell<u64>,
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
        let earlier = inferred_before(input.unfinished)?;
        let scratch = file::scratch(input.results).map_err(InputError::Scratch)?;
        let mut writer = ScratchWriter::new(scratch);
        let mut candidates = CandidateSet::with_capacity(rows(input.inputs));
        let (placed, messages) = each_placed(settings, input, &earlier, |row, topic, place| {
            let line = writer.push(row)?;
            candidates.add(topic, place, (row.row, line));
            Ok(())
        })?;
        announce(placed, messages);
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
            inferred: Cell::new(earlier.len()),
            section: InferenceSection {
                recheck: settings.recheck_text.clone(),
                unknown_types: types.unknown,
                calls: types.calls,
                ..InferenceSection::default()
            },
        })
    }

    /// Returns the rows in the order in which they are to be settled: messages that others follow from, then `rest`, which
    /// are all rows that are left.
    pub(super) fn rows<'r>(
        &'r self,
        mut rest: impl Iterator<Item = anyhow::Result<(Row, KnownAnswer)>> + 'r,
        previous: Option<&'r Previous>,
    ) -> impl Stream<Item = anyhow::Result<(Row, KnownAnswer)>> + 'r {
        stream::poll_fn(move |_| {
            let ask = self.inference.borrow_mut().next_ask();
            if let Some(ask) = ask {
                return Poll::Ready(Some(self.asked_row(ask, previous)));
            }
            // The loop polls again when the answer that is awaited has been settled.
            if self.inference.borrow().is_waiting() {
                return Poll::Pending;
            }
            let next = rest.find(|row| !row.as_ref().is_ok_and(|(row, _)| self.was_asked(row)));
            Poll::Ready(next.map(|row| row.map(|row| self.with_inferred(row))))
        })
    }

    /// Returns what the trailer of the results file says about the inference.
    pub(super) fn section(&self) -> InferenceSection {
        InferenceSection {
            messages: self.inferred.get(),
            recheck: self.section.recheck.clone(),
            unknown_types: self.section.unknown_types.clone(),
            calls: self.section.calls,
            ..self.inference.borrow().section()
        }
    }

    fn asked_row(
        &self,
        ask: Ask,
        previous: Option<&Previous>,
    ) -> anyhow::Result<(Row, KnownAnswer)> {
        let row = self.rows.borrow_mut().read(ask.line)?;
        let known = previous.map_or(KnownAnswer::Unknown, |previous| previous.known_answer(&row));
        Ok((row, known))
    }

    fn was_asked(&self, row: &Row) -> bool {
        let row = NonZeroU64::new(row.row);
        row.is_some_and(|row| self.inference.borrow().was_asked(row))
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

/// Returns the number of rows of all inputs.
fn rows(inputs: &Inputs) -> u64 {
    let surveys = inputs.surveys().iter();
    surveys.map(|survey| survey.rows).sum()
}

/// Calls `each` for every row that is left and whose message is known to have been stored at a place. Returns the number
/// of these rows, and that of all messages that are left.
fn each_placed(
    settings: &InferSettings,
    input: &InferInput<'_>,
    earlier: &RowSet,
    mut each: impl FnMut(&Row, &InstanceTopic, &Position) -> Result<(), InputError>,
) -> Result<(u64, u64), InputError> {
    let (mut placed, mut messages) = (0, 0);
    for row in input.inputs.rows() {
        let row = row?;
        let Entry::Query(query) = &row.entry else {
            continue;
        };
        let known = input.previous.map(|previous| previous.known_answer(&row));
        if earlier.contains(row.row) || matches!(known, Some(KnownAnswer::Settled(_))) {
            continue;
        }
        messages += 1;
        if let Some(place) = place(query, settings.trusts_input) {
            let topic = (query.instance_id.clone(), query.topic.clone());
            each(&row, &topic, place)?;
            placed += 1;
        }
    }
    Ok((placed, messages))
}

/// Returns the place of a message if it is known to have been stored there.
fn place(query: &Query, trusts_input: bool) -> Option<&Position> {
    let sent = query.send_result.as_deref();
    match sent {
        Some(sent) if sent.is_ok || trusts_input => Some(&sent.place),
        Some(_) => None,
        None => query.position.as_ref().filter(|_| trusts_input),
    }
}

fn announce(placed: u64, messages: u64) {
    if placed < messages {
        tracing::info!(
            "--infer: {} of {} have a place and were sent successfully; the others are asked",
            count(placed),
            counted(messages, "message", "messages"),
        );
    }
}

/// Returns the rows that an earlier part of the run has inferred.
fn inferred_before(unfinished: Option<&Unfinished>) -> Result<RowSet, Failed> {
    let mut rows = RowSet::default();
    let note = |line: &Line<'_>| {
        if is_inferred(line) {
            rows.insert(line.row);
        }
    };
    if let Some(unfinished) = unfinished {
        unfinished
            .each_line(note)
            .map_err(|error| unreadable(&error))?;
    }
    Ok(rows)
}

fn is_inferred(line: &Line<'_>) -> bool {
    let tracks = line.tracks.as_deref().unwrap_or_default();
    tracks.iter().any(|track| track.inferred_from.is_some())
}

fn take_earlier(inference: &mut Inference, line: &Line<'_>) {
    let (Some(row), Some(outcome)) = (NonZeroU64::new(line.row), Outcome::of(line)) else {
        return;
    };
    // An answer of --previous is older than those that it would be compared with.
    if !is_inferred(line) && outcome.carried_from.is_none() {
        let tracks = outcome.answer.as_ref().ok().map(|trace| &trace.tracks[..]);
        inference.take_earlier(row, tracks, outcome.observed_at);
    }
}

fn unreadable(error: &std::io::Error) -> Failed {
    let error = anyhow!("the answers of the earlier run can't be read: {error}");
    Failed::refused(error, None)
}
