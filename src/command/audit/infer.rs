//! `--infer`: what follows from other answers by the order of the queues is not asked.
//!
//! The stage hands the loop the messages that [`Inference`] asks for, one after the other. When all answers follow, it hands
//! over the rows that are left, those that follow with their inferred answers.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;
use std::path::Path;
use std::task::Poll;
use std::time::Duration;

use anyhow::anyhow;
use futures::{Stream, stream};
use serde::Serialize;

use super::start_mode::StartFlags;
use crate::command::Env;
use crate::command::signals::stop_on_signal;
use crate::engine::{
    Ask, CandidateSet, Disposition, Inference, InstanceTopic, Pacer, Rate, Sink, Stop,
};
use crate::exit::Failed;
use crate::file;
use crate::humanize::{self, count, counted};
use crate::input::{Entry, InputError, Inputs, Row, ScratchRows, ScratchWriter};
use crate::message::{Position, Query};
use crate::results::{
    InferenceSection, KnownAnswer, Line, Outcome, Previous, RowSet, Unfinished, UnknownType,
};
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
        let mut candidates = CandidateSet::default();
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
            unfinished.each_line(take).map_err(unreadable)?;
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
            let ask = self.inference.borrow_mut().next();
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

/// Takes the answers about messages that others follow from, and hands all rows on to the sink of the run.
pub(super) struct InferSink<'s, S> {
    pub(super) stage: &'s InferStage,
    pub(super) sink: &'s mut S,
    /// Rows whose answers are kept back until other messages are asked again because of them: the calls for these are theirs.
    held: HashMap<NonZeroU64, (Row, Outcome)>,
}

impl<'s, S: Sink> InferSink<'s, S> {
    pub(super) fn new(stage: &'s InferStage, sink: &'s mut S) -> Self {
        Self {
            stage,
            sink,
            held: HashMap::new(),
        }
    }

    /// Hands on the rows that are kept back. To be called at the end of the run, however it ends.
    ///
    /// # Errors
    ///
    /// If a row cannot be kept.
    pub(super) fn release(&mut self) -> anyhow::Result<()> {
        for (row, outcome) in std::mem::take(&mut self.held).into_values() {
            self.sink.settled(&row, Some(&outcome))?;
        }
        Ok(())
    }

    /// Adds the calls of a message that was asked again to the row because of which it was.
    fn add_calls(
        &mut self,
        because: NonZeroU64,
        again: &Outcome,
        is_last: bool,
    ) -> anyhow::Result<()> {
        if let Some((_, outcome)) = self.held.get_mut(&because) {
            outcome.more_calls += again.attempts + again.more_calls;
            outcome.throttled += again.throttled;
        }
        if is_last && let Some((row, outcome)) = self.held.remove(&because) {
            self.sink.settled(&row, Some(&outcome))?;
        }
        Ok(())
    }
}

impl<S: Sink> Sink for InferSink<'_, S> {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        let number = NonZeroU64::new(row.row);
        let (Some(number), Some(outcome), true) = (number, outcome, self.stage.was_asked(row))
        else {
            return self.sink.settled(row, outcome);
        };
        let tracks = outcome.answer.as_ref().ok().map(|trace| &trace.tracks[..]);
        let mut inference = self.stage.inference.borrow_mut();
        let disposition = inference.answered(number, tracks, outcome.observed_at);
        drop(inference);
        match disposition {
            Disposition::Keep => self.sink.settled(row, Some(outcome)),
            Disposition::KeepAfterChecks => {
                self.held.insert(number, (row.clone(), outcome.clone()));
                Ok(())
            }
            Disposition::Check(because, is_last) => self.add_calls(because, outcome, is_last),
        }
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.sink.idle()
    }

    fn tick(&mut self, slowed_to: Option<f64>) {
        self.sink.tick(slowed_to);
    }
}

/// The calls that a run with `--infer` would make.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(in crate::command) struct InferPlan {
    /// Messages whose answers may follow from others.
    placed: u64,
    /// Their queues.
    queues: u64,
    /// Number of groups that may be behind, as assumed for the most calls.
    groups: u64,
    /// Calls if every group has passed the highest message of each queue.
    fewest_calls: u64,
    /// Calls if every group is behind in every queue, with no filter and no repeated call.
    most_calls: u64,
    /// How long these take. `None` without a limit of the rate.
    fewest_seconds: Option<f64>,
    most_seconds: Option<f64>,
}

impl InferPlan {
    /// Plans the calls. `groups` may be behind, `messages` are to be asked about.
    ///
    /// # Errors
    ///
    /// If a row cannot be read.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub(in crate::command) fn of(
        settings: &InferSettings,
        input: &InferInput<'_>,
        (groups, messages, rate): (u64, u64, Rate),
    ) -> Result<Self, Failed> {
        let earlier = inferred_before(input.unfinished)?;
        let mut candidates = CandidateSet::default();
        each_placed(settings, input, &earlier, |row, topic, place| {
            candidates.add(topic, place, (row.row, 0));
            Ok(())
        })?;
        let topics = candidates.topics().count() as u64;
        let sizes = candidates.queue_sizes();
        let placed: u64 = sizes.iter().sum();
        let queues = sizes.len() as u64;
        let others = messages.saturating_sub(placed) + topics;
        let with_sample = |asked: u64| {
            others + asked + ((placed - asked) as f64 * settings.recheck).ceil() as u64
        };
        let halving = |size: u64| u64::from(u64::BITS - (size - 1).leading_zeros());
        let most = sizes
            .iter()
            .map(|size| (1 + groups * halving(*size)).min(*size));
        let (fewest_calls, most_calls) = (with_sample(queues), with_sample(most.sum()));
        let seconds = |calls| rate.time_for(calls).map(|time| time.as_secs_f64());
        Ok(Self {
            placed,
            queues,
            groups,
            fewest_seconds: seconds(fewest_calls),
            most_seconds: seconds(most_calls),
            fewest_calls,
            most_calls,
        })
    }

    /// Returns `440 to 1,040 calls instead of 20,000, …`. `messages` are to be asked about.
    pub(in crate::command) fn text(&self, messages: u64) -> String {
        let time = |seconds: f64| humanize::duration(Duration::from_secs_f64(seconds));
        let time = self
            .fewest_seconds
            .zip(self.most_seconds)
            .map_or_else(String::new, |(fewest, most)| {
                format!(", {} to {}", time(fewest), time(most))
            });
        format!(
            "{} to {} calls instead of {}{time}: {} in {}; the most if {} are behind in each queue, more if they filter or the \
             offsets move",
            count(self.fewest_calls),
            count(self.most_calls),
            count(messages),
            counted(self.placed, "message has a place", "messages have places"),
            counted(self.queues, "queue", "queues"),
            counted(self.groups, "group", "groups"),
        )
    }
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
        unfinished.each_line(note).map_err(unreadable)?;
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

fn unreadable(error: std::io::Error) -> Failed {
    let error = anyhow!("the answers of the earlier run can't be read: {error}");
    Failed::refused(error, None)
}

/// What is known of the message types of topics.
#[derive(Default)]
struct TopicTypes {
    /// Topics whose messages are not where their send results say.
    unsuitable: HashSet<InstanceTopic>,
    unknown: Vec<UnknownType>,
    calls: u64,
}

impl TopicTypes {
    /// Asks for the type of each topic. Those that cannot be read are taken for normal ones.
    fn ask<'t>(
        topics: impl Iterator<Item = &'t InstanceTopic>,
        (ons, pacer): (&Ons, &Pacer),
        env: &Env,
    ) -> Result<Self, Failed> {
        let mut types = Self::default();
        let mut topics: Vec<_> = topics.cloned().collect();
        topics.sort();
        let stop = Stop::new();
        env.runtime()?.block_on(async {
            tokio::select! {
                () = types.ask_all(topics, (ons, pacer)) => Ok(()),
                error = stop_on_signal(&stop) => Err(Failed::incomplete(error, None)),
                () = stop.draining() => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
            }
        })?;
        if let Some(first) = types.unknown.first() {
            tracing::warn!(
                "--infer: the message type of {} is unknown ({}: {}): they are taken for topics of normal messages; \
                 if one is of delayed or transactional messages, leave out --infer",
                counted(types.unknown.len() as u64, "topic", "topics"),
                first.topic,
                first.reason,
            );
        }
        Ok(types)
    }

    async fn ask_all(&mut self, topics: Vec<InstanceTopic>, (ons, pacer): (&Ons, &Pacer)) {
        for topic in topics {
            let name = (topic.0.as_deref(), &*topic.1);
            let (found, calls) = ons.message_type(name, pacer).await;
            self.calls += calls;
            match found {
                Ok(kind) if kind.has_own_place() => {}
                Ok(kind) => {
                    tracing::info!(
                        "--infer: topic {} has {} messages, whose send results name other places: all of them are asked",
                        topic.1,
                        kind.adjective()
                    );
                    self.unsuitable.insert(topic);
                }
                Err(reason) => self.unknown.push(UnknownType {
                    instance_id: topic.0.as_deref().unwrap_or_default().to_owned(),
                    topic: topic.1.to_string(),
                    reason,
                }),
            }
        }
    }
}
