//! The one loop.

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::time::Interval;

use super::gate::Gate;
use super::rights::Rights;
use super::{Pacer, Policy, Stop};
use crate::input::{Entry, Row};
use crate::message::Query;
use crate::results::{Known, Outcome, Previous, Previously};
use crate::source::{Failure, TraceSource};

/// How often a sink's `tick` is called while answers are awaited.
const TICK: Duration = Duration::from_millis(200);

/// After this many rows a busy loop yields to the runtime, so that signals are handled.
const ROWS_PER_BREATH: u64 = 1024;

/// Takes what the loop brings. Any error ends the run; nothing that was taken before is lost.
pub trait Sink {
    /// A row that is settled; duplicates and bad rows have no outcome.
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()>;
    /// The loop is about to wait: whatever is buffered goes out now.
    fn idle(&mut self) -> anyhow::Result<()>;
    /// Time has passed; the pace in calls a second, if throttled answers have taken it back.
    fn tick(&mut self, slowed_to: Option<f64>);
}

/// Why the loop ended without an error of ours.
#[derive(Debug)]
pub enum Ended {
    /// Every row is settled.
    Complete,
    /// It was asked to stop.
    Stopped,
    /// An error that every query would get: a bad key, a wrong clock.
    Fatal(Box<Failure>),
}

/// Everything a run needs besides its rows.
#[derive(Debug)]
pub struct Engine<'a, S> {
    /// Who is asked.
    pub source: &'a S,
    /// How fast.
    pub pacer: &'a Pacer,
    /// How often, and how many at once.
    pub policy: &'a Policy,
    /// Ends the run early.
    pub stop: &'a Stop,
    /// Knows which messages need not be asked.
    pub previous: Option<&'a Previous>,
    /// Was something answered in an earlier part of this run? Then the key may ask, if not about everything.
    pub is_proved: bool,
}

/// A settled row; `Ok(None)` where the run stopped before the row was settled.
type Settled<E> = Result<Option<(Row, Option<Outcome>)>, E>;

impl<S: TraceSource> Engine<'_, S> {
    /// Asks every query of `rows` and brings each settled row to `sink`. At most `policy.concurrency` calls are in
    /// flight, and a row is read only when one of their places is free.
    pub async fn run<E: Into<anyhow::Error>>(
        &self,
        rows: impl Iterator<Item = Result<Row, E>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<Ended> {
        let mut rows = self.source.prefetch(rows);
        let (pulled, exhausted) = (Cell::new(0_u64), Cell::new(false));
        let counted = std::iter::from_fn(|| {
            let row = rows.next();
            if row.is_none() {
                exhausted.set(true);
            } else if self.stop.is_requested() {
                return None;
            } else {
                pulled.set(pulled.get() + 1);
            }
            row
        });
        let gate = Gate::new(
            self.source.may_refuse_everyone(),
            Rights::new(self.is_proved),
        );
        let gate = &gate;
        let End { count, fatal } = if self.policy.concurrency == 1 {
            self.one_by_one(counted, gate, sink).await?
        } else {
            let settled = stream::iter(counted)
                .map(|row| self.settle(row, gate))
                .buffer_unordered(self.policy.concurrency);
            self.as_they_come(std::pin::pin!(settled), sink).await?
        };
        Ok(match fatal {
            Some(failure) => Ended::Fatal(failure),
            // Asked to stop with nothing left to do: that is an end like any other.
            None if exhausted.get() && count == pulled.get() => Ended::Complete,
            None => Ended::Stopped,
        })
    }

    /// Settles one row after the other. Where the answer is at hand, there is nothing to wait for and no call in flight to hold:
    /// a million rows of a snapshot take a second or two.
    async fn one_by_one<E: Into<anyhow::Error>>(
        &self,
        rows: impl Iterator<Item = Result<Row, E>>,
        gate: &Gate,
        sink: &mut impl Sink,
    ) -> anyhow::Result<End> {
        let mut end = End::default();
        let mut wait = Wait::new(self);
        let mut dropping = std::pin::pin!(self.stop.dropping());
        for row in rows {
            let row = row.map_err(E::into)?;
            let outcome = match &row.entry {
                Entry::Query(query) => match self.look_up(query) {
                    Ok(outcome) => Some(outcome),
                    Err(previously) => {
                        let asked = self.ask_beside(query, previously, gate);
                        match wait.until(asked, dropping.as_mut(), sink).await? {
                            Some(Some(outcome)) => Some(outcome),
                            Some(None) => continue,
                            None => break,
                        }
                    }
                },
                Entry::Duplicate { .. } | Entry::Rejected(_) => None,
            };
            self.take(&row, outcome, &mut end, sink).await?;
        }
        sink.idle()?;
        Ok(end)
    }

    /// Takes rows as they are settled, in whatever order their answers come.
    async fn as_they_come<E: Into<anyhow::Error>>(
        &self,
        mut settled: Pin<&mut impl Stream<Item = Settled<E>>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<End> {
        let mut end = End::default();
        let mut wait = Wait::new(self);
        let mut dropping = std::pin::pin!(self.stop.dropping());
        while let Some(Some(next)) = wait.until(settled.next(), dropping.as_mut(), sink).await? {
            if let Some((row, outcome)) = next.map_err(E::into)? {
                self.take(&row, outcome, &mut end, sink).await?;
            }
        }
        sink.idle()?;
        Ok(end)
    }

    /// Hands a settled row on; the failure that ends a run is no row's outcome.
    async fn take(
        &self,
        row: &Row,
        outcome: Option<Outcome>,
        end: &mut End,
        sink: &mut impl Sink,
    ) -> anyhow::Result<()> {
        match outcome {
            Some(Outcome {
                answer: Err(failure),
                ..
            }) if failure.kind.ends_run() => {
                self.stop.begin();
                end.fatal.get_or_insert_with(|| Box::new(failure));
            }
            outcome => {
                sink.settled(row, outcome.as_ref())?;
                end.count += 1;
            }
        }
        if end.count.is_multiple_of(ROWS_PER_BREATH) {
            sink.tick(self.pacer.slowed_to());
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn settle<E>(&self, row: Result<Row, E>, gate: &Gate) -> Settled<E> {
        let row = row?;
        let outcome = match &row.entry {
            Entry::Query(query) => match self.answer(query, gate).await {
                Some(outcome) => Some(outcome),
                None => return Ok(None),
            },
            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
        };
        Ok(Some((row, outcome)))
    }

    /// What is known already, or else the source's answer.
    async fn answer(&self, query: &Query, gate: &Gate) -> Option<Outcome> {
        match self.look_up(query) {
            Ok(outcome) => Some(outcome),
            Err(previously) => self.ask_beside(query, previously, gate).await,
        }
    }

    /// What is known already, by an earlier run or by the source itself; or else what an earlier run was answered, to
    /// be kept beside the new answer.
    fn look_up(&self, query: &Query) -> Result<Outcome, Option<Box<Previously>>> {
        let known = self
            .previous
            .map_or(Known::Nothing, |previous| previous.know(query));
        let previously = match known {
            Known::Carried(outcome) => return Ok(outcome),
            Known::Nothing => None,
            Known::Passed(previously) => Some(Box::new(previously)),
        };
        match self.source.answer_locally(query, self.pacer.has_limit()) {
            Some(answer) => Ok(Outcome {
                previously,
                ..self.outcome(answer, 1, 0)
            }),
            None => Err(previously),
        }
    }

    async fn ask_beside(
        &self,
        query: &Query,
        previously: Option<Box<Previously>>,
        gate: &Gate,
    ) -> Option<Outcome> {
        let outcome = self.ask(query, gate).await?;
        Some(Outcome {
            previously,
            ..outcome
        })
    }
}

/// What a run has come to.
#[derive(Debug, Default)]
struct End {
    /// Rows that were settled.
    count: u64,
    /// What every query would be answered.
    fatal: Option<Box<Failure>>,
}

/// Waits for answers.
struct Wait<'a> {
    pacer: &'a Pacer,
    ticks: Interval,
}

impl<'a> Wait<'a> {
    fn new<S>(engine: &Engine<'a, S>) -> Self {
        Self {
            pacer: engine.pacer,
            ticks: tokio::time::interval(TICK),
        }
    }

    /// What comes of `next`, or nothing if it is no longer awaited. Only if it is not ready, what is buffered goes out
    /// before the wait.
    async fn until<F: Future>(
        &mut self,
        next: F,
        mut dropping: Pin<&mut impl Future<Output = ()>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<Option<F::Output>> {
        let mut next = std::pin::pin!(next);
        if let Some(ready) = next.as_mut().now_or_never() {
            return Ok(Some(ready));
        }
        loop {
            sink.idle()?;
            tokio::select! {
                biased;
                next = &mut next => return Ok(Some(next)),
                () = &mut dropping => return Ok(None),
                _ = self.ticks.tick() => sink.tick(self.pacer.slowed_to()),
            }
        }
    }
}
