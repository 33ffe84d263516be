//! A run of the loop: it begins anew or goes on, is ended by signals and time, and leaves a results file.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use anyhow::anyhow;
use tokio::runtime::Runtime;

use super::ending::{listen, time_is_up};
use super::order::left;
use super::run_sink::RunSink;
use super::start_mode::StartMode;
use crate::command::Env;
use crate::command::flags::{Pace, Talk};
use crate::engine::{Ended, Engine, Pacer, Stop};
use crate::exit::Failed;
use crate::input::{self, Ahead, Inputs, OldestFirst, Row};
use crate::results::{Durability, Header, Previous, ResultsError, RowSet};
use crate::settings::Deadline;
use crate::source::TraceSource;
use crate::telemetry::CallCounts;
use crate::ui::{LiveJudge, Progress};

/// What a run is done in.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct RunContext<'a> {
    /// Connections live as long as this.
    pub(in crate::command) runtime: &'a Runtime,
    /// Counts what it cost.
    pub(in crate::command) call_counts: &'a Cell<CallCounts>,
    pub(in crate::command) env: &'a Env,
}

/// What is asked about, and how.
pub(in crate::command) struct QueryRun {
    pub(in crate::command) inputs: Inputs,
    pub(in crate::command) start: StartMode,
    pub(super) previous: Option<Previous>,
    /// The rows in another order than that of the input.
    pub(super) order: Option<OldestFirst>,
    pub(super) deadline: Option<Deadline>,
    /// Distinct messages, settled ones included, where they were counted.
    pub(super) messages: Option<u64>,
    pub(super) pace: Pace,
    pub(in crate::command) pacer: Rc<Pacer>,
    pub(super) durability: Durability,
    /// By which answers are judged as they come; too fast to be read where nothing paces them.
    pub(super) live_verdicts: Option<LiveJudge>,
    pub(super) talk: Talk,
}

impl QueryRun {
    /// Everything, in the input's order, of a source whose answers can't be had again.
    pub(in crate::command) fn new(inputs: Inputs, pace: Pace, pacer: Pacer, talk: Talk) -> Self {
        Self {
            inputs,
            start: StartMode::New,
            previous: None,
            order: None,
            deadline: None,
            messages: None,
            pace,
            pacer: Rc::new(pacer),
            durability: Durability::EverySecond,
            live_verdicts: None,
            talk,
        }
    }

    /// Runs the loop to its end and leaves a whole results file of `header` at `path`.
    pub(in crate::command) fn run(
        &mut self,
        source: &impl TraceSource,
        (path, header): (&Path, &Header),
        context: RunContext<'_>,
    ) -> Result<(), Failed> {
        let rows = header.rows();
        let start = std::mem::replace(&mut self.start, StartMode::New);
        start.compare(path, &self.inputs)?;
        let (recorder, done) = start.results_file(path, header, self.durability)?;
        let live_verdicts = self.live_verdicts.take();
        let mut progress = Progress::new(self.talk.mode, &self.talk.screen, rows, live_verdicts);
        progress.resume(done.len());
        let known = recorder.totals();
        let is_proved = known.answered + known.not_found > known.carried;
        let mut sink = RunSink {
            recorder,
            progress,
            call_counts: context.call_counts,
            rows,
            messages: self.messages,
        };
        let rows = rows_to_ask(&self.inputs, self.order.take(), self.durability, &done)?;
        let (stop, is_late) = (Stop::new(), Cell::new(false));
        let env = context.env;
        let ended = context.runtime.block_on(async {
            let policy = &self.pace.policy;
            let engine = Engine {
                source,
                pacer: &self.pacer,
                policy,
                stop: &stop,
                previous: self.previous.as_ref(),
                is_proved,
            };
            let deadline = self.deadline.as_ref();
            tokio::select! {
                ended = engine.run(rows, &mut sink) => ended,
                error = listen(&stop) => Err(error.into()),
                never = time_is_up(deadline, env.clock, &stop, &is_late) => match never {},
            }
        });
        sink.progress.finish();
        match ended {
            Ok(Ended::Complete) => {
                sink.recorder.finish((env.clock)())?;
                Ok(())
            }
            Ok(Ended::Stopped) => Err(sink.stopped(match &self.deadline {
                Some(deadline) if is_late.get() => anyhow!("the time is up ({})", deadline.told),
                _ => anyhow!("stopped as asked"),
            })),
            Ok(Ended::Fatal(failure)) => Err(sink.refused(&failure)),
            Err(error) => match error.downcast::<ResultsError>() {
                // Its threads may know better why it can't be written.
                Ok(error) => Err(sink.recorder.abandon().err().unwrap_or(error).into()),
                Err(error) => Err(sink.stopped(error)),
            },
        }
    }
}

/// The rows that are not settled, in the order in which they are asked. A snapshot answers as fast as rows can be read, so
/// they are read on a thread of their own; where the pace is the clock, none is read before its turn.
fn rows_to_ask<'d>(
    inputs: &Inputs,
    order: Option<OldestFirst>,
    durability: Durability,
    done: &'d RowSet,
) -> Result<Box<dyn Iterator<Item = Result<Row, input::Error>> + 'd>, Failed> {
    Ok(match order {
        Some(order) => Box::new(order),
        None if durability == Durability::Relaxed => {
            let ahead = Ahead::of(inputs.rows()).map_err(|e| Failed::refused(e, None))?;
            Box::new(left(ahead, Some(done)))
        }
        None => Box::new(left(inputs.rows(), Some(done))),
    })
}
