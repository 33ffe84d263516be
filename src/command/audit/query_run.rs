//! One run of the engine's loop over the input: it starts or resumes, is ended by signals and by the deadline, and leaves
//! a complete results file or a partial file.

use std::cell::Cell;
use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;

use super::examine::ExamineStage;
use super::infer::{InferSink, InferStage};
use super::judge_stage::{InputChanged, LocatedMessages, LocatedRows};
use super::order::remaining;
use super::run_sink::RunSink;
use super::start_mode::StartMode;
use crate::clock::Clock;
use crate::command::Env;
use crate::command::flags::StderrOptions;
use crate::command::signals::stop_on_signal;
use crate::engine::{Engine, Pacer, Policy, RunOutcome, Stop};
use crate::exit::Failed;
use crate::input::{Entry, Inputs, OldestFirst, ReadAhead, Row};
use crate::results::{
    Durability, Header, KnownAnswer, MessageContexts, Previous, ReadError, ResultsError, RowSet,
    Unfinished, partial_path,
};
use crate::settings::Deadline;
use crate::source::TraceSource;
use crate::telemetry::CallCounts;
use crate::ui::{LiveJudge, Progress};
use crate::verdict::Totals;

/// A system may sleep, and its clock may be set. The time left until the deadline is computed anew this often.
const CLOCK_CHECK: Duration = Duration::from_secs(30);

/// What the loop works on and how. [`new`](Self::new) makes a run without any of the optional parts.
pub(in crate::command) struct QueryRun<'a> {
    pub(in crate::command) env: &'a Env,
    pub(in crate::command) inputs: &'a Inputs,
    pub(in crate::command) stderr: &'a StderrOptions,
    pub(in crate::command) policy: Policy,
    pub(in crate::command) pacer: &'a Pacer,
    pub(in crate::command) start: StartMode,
    /// Answers of an earlier results file (`--previous`).
    pub(in crate::command) previous: Option<&'a Previous>,
    /// The located messages of the judge stage, which are judged instead of asked.
    pub(in crate::command) located: Option<LocatedMessages<'a>>,
    /// The remaining rows in another order than that of the input.
    pub(in crate::command) order: Option<OldestFirst>,
    pub(in crate::command) deadline: Option<&'a Deadline>,
    /// Number of rows of a shard. `None` if all rows are asked.
    pub(in crate::command) row_count: Option<u64>,
    /// Number of distinct messages, settled ones included, if they were counted.
    pub(in crate::command) message_count: Option<u64>,
    pub(in crate::command) durability: Durability,
    /// Judges answers as they come, for the progress line.
    pub(in crate::command) live_judge: Option<LiveJudge>,
    /// Counts the calls. `None` if the run makes none of its own.
    pub(in crate::command) call_counts: Option<&'a Cell<CallCounts>>,
    /// Replaces the `--resume` hint in the judge stage, which starts anew.
    pub(in crate::command) resume_hint: Option<String>,
    /// Whether the queries say since when their messages can exist, for a source that searches by time.
    pub(in crate::command) dates_queries: bool,
    /// Examines more than the offsets once all rows are settled.
    pub(in crate::command) examine: Option<ExamineStage<'a>>,
    /// Infers answers that follow from others.
    pub(in crate::command) infer: Option<&'a InferStage>,
}

impl<'a> QueryRun<'a> {
    /// Asks about everything in the order of the input; the answers cannot be had again.
    pub(in crate::command) const fn new(
        (env, inputs): (&'a Env, &'a Inputs),
        stderr: &'a StderrOptions,
        (policy, pacer): (Policy, &'a Pacer),
    ) -> Self {
        Self {
            env,
            inputs,
            stderr,
            policy,
            pacer,
            start: StartMode::New,
            previous: None,
            located: None,
            order: None,
            deadline: None,
            row_count: None,
            message_count: None,
            durability: Durability::EverySecond,
            live_judge: None,
            call_counts: None,
            resume_hint: None,
            dates_queries: false,
            examine: None,
            infer: None,
        }
    }

    /// Runs the loop and leaves a complete results file with `header` at `path`. Returns its totals.
    ///
    /// # Errors
    ///
    /// If the run ends early. The partial file then keeps the answers.
    #[expect(clippy::too_many_lines, reason = "the story of a run")]
    pub(in crate::command) fn run(
        self,
        source: &impl TraceSource,
        (path, header): (&Path, &Header),
    ) -> Result<Totals, Failed> {
        let row_count = self.row_count.unwrap_or_else(|| header.rows());
        let unfinished = self.live_judge.as_ref().and(self.start.unfinished());
        let verdicts = unfinished.map(Unfinished::verdicts);
        let (writer, done) = self.start.open(path, header, self.durability)?;
        let mut progress = Progress::new(
            self.stderr.mode,
            &self.stderr.screen,
            row_count,
            self.live_judge,
        );
        progress.resume(done.len(), verdicts.unwrap_or_default());
        if self.call_counts.is_none() {
            progress.without_calls();
        }
        let known = writer.totals();
        let access_confirmed = known.answered + known.not_found > known.carried;
        let mut sink = RunSink {
            writer,
            progress,
            call_counts: self.call_counts,
            row_count,
            message_count: self.message_count,
            resume_hint: self.resume_hint,
        };
        let rows = remaining_rows(self.inputs, self.order, self.durability, &done)?;
        let contexts = self
            .dates_queries
            .then(|| MessageContexts::of(header, &header.expectations));
        let rows = rows.map(|row| dated(row, contexts.as_ref()));
        let rows = with_known_answers(source.prefetch(rows), self.located, self.previous);
        let (stop, is_late) = (Stop::new(), Cell::new(false));
        let clock = self.env.clock;
        let ended = self.env.runtime()?.block_on(async {
            let engine = Engine {
                source,
                pacer: self.pacer,
                policy: &self.policy,
                stop: &stop,
                access_confirmed,
            };
            tokio::select! {
                ended = run_rows(&engine, rows, &mut sink, (self.infer, self.previous)) => ended,
                error = stop_on_signal(&stop) => Err(error.into()),
                never = stop_at_deadline(self.deadline, clock, &stop, &is_late) => match never {},
                never = stop_at_loss(self.pacer, &stop) => match never {},
            }
        });
        sink.progress.finish();
        match ended {
            Ok(RunOutcome::Complete) => {
                sink.writer.set_input_notes(self.inputs.notes()); // all rows are read now
                if let Some(stage) = self.infer {
                    sink.writer.set_inference(stage.section());
                }
                let rows = sink.writer.settle()?;
                let hint = sink.resume_hint.unwrap_or_else(|| examine_hint(path));
                let lines = match self.examine {
                    Some(stage) => stage.examine((&rows, header), self.env),
                    None => Ok((Vec::new(), 0)),
                };
                let (lines, calls) = lines.map_err(|failed| failed.and_hint(hint))?;
                Ok(rows.finish((&lines, calls), clock())?)
            }
            Ok(RunOutcome::Stopped) => Err(match (self.pacer.why_lost(), self.deadline) {
                (Some(lost), _) => sink.without_quota(lost),
                (None, Some(deadline)) if is_late.get() => {
                    sink.stopped(anyhow!("the time is up ({})", deadline.given_by))
                }
                _ => sink.stopped(anyhow!("stopped as asked")),
            }),
            Ok(RunOutcome::Fatal(failure)) => Err(sink.refused(&failure)),
            Err(error) => Err(sink.failed(error)),
        }
    }
}

impl RunSink<'_> {
    /// Ends a run that failed on this machine: the results file, the input or the located messages.
    fn failed(self, error: anyhow::Error) -> Failed {
        let error = match error.downcast::<ResultsError>() {
            // The threads of the writer may know the cause.
            Ok(error) => return self.writer.abandon().err().unwrap_or(error).into(),
            Err(error) => error,
        };
        let error = match error.downcast::<ReadError>() {
            Ok(error) => return error.into(),
            Err(error) => error,
        };
        match error.downcast::<InputChanged>() {
            Ok(error) => error.into(),
            Err(error) => self.stopped(error),
        }
    }
}

/// Settles the rows. With `infer`, those that others follow from come first.
async fn run_rows<S: TraceSource>(
    engine: &Engine<'_, S>,
    rows: impl Iterator<Item = anyhow::Result<(Row, KnownAnswer)>>,
    sink: &mut RunSink<'_>,
    (infer, previous): (Option<&InferStage>, Option<&Previous>),
) -> anyhow::Result<RunOutcome> {
    let Some(stage) = infer else {
        return engine.run(rows, sink).await;
    };
    let mut sink = InferSink::new(stage, sink);
    let ended = engine
        .run_stream(stage.rows(rows, previous), &mut sink)
        .await;
    sink.release()?;
    ended
}

/// Says how to continue if a run ends while it examines more than the offsets.
fn examine_hint(results: &Path) -> String {
    let partial = partial_path(results);
    format!(
        "all answers are kept in {}; run the same command with --resume to examine them",
        partial.display()
    )
}

/// Returns the rows that are not settled, in the order in which they are asked. A snapshot answers as fast as rows can be
/// read, so a thread reads them ahead. Where the run is paced, a row is read only when its turn has come.
fn remaining_rows<'d>(
    inputs: &Inputs,
    order: Option<OldestFirst>,
    durability: Durability,
    done: &'d RowSet,
) -> Result<Box<dyn Iterator<Item = anyhow::Result<Row>> + 'd>, Failed> {
    Ok(match order {
        Some(order) => Box::new(order.map(|row| Ok(row?))),
        None if durability == Durability::Relaxed => {
            let ahead = ReadAhead::of(inputs.rows()).map_err(|e| Failed::refused(e, None))?;
            Box::new(remaining(ahead, Some(done)).map(|row| Ok(row?)))
        }
        None => Box::new(remaining(inputs.rows(), Some(done)).map(|row| Ok(row?))),
    })
}

/// Adds to the query of a row since when its message can exist.
fn dated(row: anyhow::Result<Row>, contexts: Option<&MessageContexts>) -> anyhow::Result<Row> {
    let mut row = row?;
    if let (Some(contexts), Entry::Query(query)) = (contexts, &row.entry) {
        let born_after = contexts.of_row(&row, query).earliest_copy();
        if let Entry::Query(query) = &mut row.entry {
            query.born_after = born_after;
        }
    }
    Ok(row)
}

/// Adds to each row what is known about it before the source is asked.
fn with_known_answers<'r>(
    rows: impl Iterator<Item = anyhow::Result<Row>> + 'r,
    located: Option<LocatedMessages<'r>>,
    previous: Option<&'r Previous>,
) -> Box<dyn Iterator<Item = anyhow::Result<(Row, KnownAnswer)>> + 'r> {
    if let Some(located) = located {
        return Box::new(LocatedRows::new(rows, located));
    }
    Box::new(rows.map(move |row| {
        let row = row?;
        let known = previous.map_or(KnownAnswer::Unknown, |previous| previous.known_answer(&row));
        Ok((row, known))
    }))
}

/// Requests a stop when the deadline has come. Never returns.
pub(super) async fn stop_at_deadline(
    deadline: Option<&Deadline>,
    clock: Clock,
    stop: &Stop,
    is_late: &Cell<bool>,
) -> Infallible {
    if let Some(deadline) = deadline {
        while let Some(left) = time_left(deadline, clock) {
            tokio::time::sleep(left.min(CLOCK_CHECK)).await;
        }
        if !stop.is_requested() {
            tracing::warn!(
                "the time is up ({}): waiting up to 5 s for the answers in flight",
                deadline.given_by
            );
            is_late.set(true);
            stop.request();
        }
    }
    std::future::pending().await
}

/// Requests a stop when the shared quota is lost. Never returns.
pub(super) async fn stop_at_loss(pacer: &Pacer, stop: &Stop) -> Infallible {
    let lost = pacer.lost().await;
    if !stop.is_requested() {
        tracing::warn!("{lost}: waiting up to 5 s for the answers in flight");
        stop.request();
    }
    std::future::pending().await
}

fn time_left(deadline: &Deadline, clock: Clock) -> Option<Duration> {
    let left = Duration::try_from(deadline.left(clock())).ok()?;
    (!left.is_zero()).then_some(left)
}
