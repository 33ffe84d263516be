//! The one loop.

use std::cell::Cell;
use std::pin::Pin;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, stream};

use super::gate::Gate;
use super::{Pacer, Policy, Stop};
use crate::input::{Entry, Row};
use crate::message::Query;
use crate::record::{Known, Outcome, Previous};
use crate::source::{Failure, TraceSource};

/// How often a sink hears of time passing while answers are awaited.
const TICK: Duration = Duration::from_millis(200);

/// A busy loop lets signals in after this many rows.
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
    /// The source said what it would say to every query.
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
}

/// A row that was settled, or `None` if the run ended first.
type Settled<E> = Result<Option<(Row, Option<Outcome>)>, E>;

impl<S: TraceSource> Engine<'_, S> {
    /// Asks every query of `rows` and brings each settled row to `sink`. At most `policy.concurrency` calls are in
    /// flight, and a row is read only when one of their places is free.
    pub async fn run<E: Into<anyhow::Error>>(
        &self,
        rows: impl Iterator<Item = Result<Row, E>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<Ended> {
        let mut rows = self.source.ahead(rows);
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
        let rows = stream::iter(counted);
        let gate = Gate::new(self.source.may_refuse_everyone());
        let gate = &gate;
        let settled = if self.policy.concurrency == 1 {
            rows.then(|row| self.settle(row, gate)).left_stream() // one after the other needs no pool of calls
        } else {
            rows.map(|row| self.settle(row, gate))
                .buffer_unordered(self.policy.concurrency)
                .right_stream()
        };
        let (count, fatal) = self.consume(std::pin::pin!(settled), sink).await?;
        Ok(match fatal {
            Some(failure) => Ended::Fatal(failure),
            // Asked to stop with nothing left to do: that is an end like any other.
            None if exhausted.get() && count == pulled.get() => Ended::Complete,
            None => Ended::Stopped,
        })
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
        match self
            .previous
            .map_or(Known::Nothing, |previous| previous.know(query))
        {
            Known::Carried(outcome) => Some(outcome),
            Known::Nothing => self.source_says(query, gate).await,
            Known::Passed(previously) => {
                self.source_says(query, gate).await.map(|outcome| Outcome {
                    previously: Some(Box::new(previously)),
                    ..outcome
                })
            }
        }
    }

    /// At once, where the source need not call anybody.
    async fn source_says(&self, query: &Query, gate: &Gate) -> Option<Outcome> {
        match self.source.known(query) {
            Some(trace) => Some(self.outcome(Ok(trace), 1, 0)),
            None => self.ask(query, gate).await,
        }
    }

    /// Takes what is settled, to the end; says how many rows that were, and what made the run end itself.
    async fn consume<E: Into<anyhow::Error>>(
        &self,
        mut settled: Pin<&mut impl Stream<Item = Settled<E>>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<(u64, Option<Box<Failure>>)> {
        let (mut count, mut fatal) = (0_u64, None);
        let mut ticks = tokio::time::interval(TICK);
        let mut dropping = std::pin::pin!(self.stop.dropping());
        loop {
            // Only if nothing is ready, what is buffered goes out before the wait.
            let next = match settled.next().now_or_never() {
                Some(next) => next,
                None => loop {
                    sink.idle()?;
                    tokio::select! {
                        biased;
                        next = settled.next() => break next,
                        () = &mut dropping => break None,
                        _ = ticks.tick() => sink.tick(self.pacer.slowed_to()),
                    }
                },
            };
            let Some(next) = next else { break };
            match next.map_err(E::into)? {
                Some((
                    _,
                    Some(Outcome {
                        answer: Err(failure),
                        ..
                    }),
                )) if failure.kind.ends_run() => {
                    self.stop.begin();
                    fatal.get_or_insert_with(|| Box::new(failure));
                }
                Some((row, outcome)) => {
                    sink.settled(&row, outcome.as_ref())?;
                    count += 1;
                }
                None => {}
            }
            if count.is_multiple_of(ROWS_PER_BREATH) {
                sink.tick(self.pacer.slowed_to());
                tokio::task::yield_now().await;
            }
        }
        sink.idle()?;
        Ok((count, fatal))
    }
}
