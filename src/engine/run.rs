//! The one loop: takes rows, asks the source about those whose answer is not known, and hands each settled row to a
//! [`Sink`].

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::time::Interval;

use super::gate::Gate;
use super::topic_permissions::TopicPermissions;
use super::{Pacer, Policy, Stop};
use crate::input::{Entry, Row};
use crate::results::{KnownAnswer, Outcome};
use crate::source::{Failure, TraceSource};

/// How often a sink's `tick` is called while answers are awaited.
const TICK: Duration = Duration::from_millis(200);

/// After this many rows a busy loop yields to the runtime, so that signals are handled.
const ROWS_PER_YIELD: u64 = 1024;

/// Receives the settled rows. An error of a sink ends the run; rows that it received before are not lost.
pub trait Sink {
    /// Receives a settled row. Duplicates and rejected rows have no outcome.
    ///
    /// # Errors
    ///
    /// If the row cannot be kept. The run then ends.
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()>;

    /// Writes out whatever is buffered: the loop is about to wait.
    ///
    /// # Errors
    ///
    /// If the buffered rows cannot be written. The run then ends.
    fn idle(&mut self) -> anyhow::Result<()>;

    /// Called regularly while time passes. `slowed_to` is the pace in calls per second if throttled answers have
    /// reduced it.
    fn tick(&mut self, slowed_to: Option<f64>);
}

/// Why the loop ended without an error of its own.
#[derive(Debug)]
pub enum RunOutcome {
    /// Every row is settled.
    Complete,
    /// A stop was requested before every row was settled.
    Stopped,
    /// The source reported an error that every query would get, such as a wrong key or clock.
    Fatal(Box<Failure>),
}

/// Everything a run needs besides its rows.
#[derive(Debug)]
pub struct Engine<'a, S> {
    /// The source of the answers.
    pub source: &'a S,
    /// Limits the rate of the calls.
    pub pacer: &'a Pacer,
    /// Number of attempts and of calls in flight.
    pub policy: &'a Policy,
    /// Ends the run early.
    pub stop: &'a Stop,
    /// Whether an earlier part of this run was answered: then the key is known to be allowed for some topic.
    pub access_confirmed: bool,
}

/// What became of a row that the loop has taken.
#[expect(
    clippy::large_enum_variant,
    reason = "almost every value is of the large variant, and a box would be an allocation for each row"
)]
enum Done {
    /// The row is settled. Duplicates and rejected rows have no outcome.
    Settled(Row, Option<Outcome>),
    /// The source reported an error that every query would get.
    Fatal(Box<Failure>),
    /// The run stopped before the row was settled.
    Stopped,
}

impl<S: TraceSource> Engine<'_, S> {
    /// Settles `rows`, each with what an earlier run knows about it, and hands them to `sink`. At most
    /// `policy.concurrency` calls are in flight, and a row is read only when one of their places is free.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or if `sink` fails.
    pub async fn run<E: Into<anyhow::Error>>(
        &self,
        rows: impl Iterator<Item = Result<(Row, KnownAnswer), E>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<RunOutcome> {
        self.run_stream(stream::iter(rows), sink).await
    }

    /// Settles rows as [`run`](Self::run) does, if they are not all there yet. While the next row has not arrived, the
    /// calls in flight go on, and a stop ends the waiting for it.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_stream<E: Into<anyhow::Error>>(
        &self,
        rows: impl Stream<Item = Result<(Row, KnownAnswer), E>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<RunOutcome> {
        let (pulled, exhausted) = (Cell::new(0_u64), Cell::new(false));
        let (mut rows, mut draining) = (pin!(rows), pin!(self.stop.draining()));
        let rows = stream::poll_fn(|context| match rows.as_mut().poll_next(context) {
            Poll::Ready(None) => {
                exhausted.set(true);
                Poll::Ready(None)
            }
            Poll::Ready(Some(_)) if self.stop.is_requested() => Poll::Ready(None),
            Poll::Ready(row) => {
                pulled.set(pulled.get() + 1);
                Poll::Ready(row)
            }
            Poll::Pending => draining.as_mut().poll(context).map(|()| None),
        });
        let gate = Gate::new(
            self.source.may_refuse_everyone(),
            TopicPermissions::new(self.access_confirmed),
        );
        let settle = |row| self.settle(row, &gate);
        let LoopState { settled, fatal } = if self.policy.concurrency == 1 {
            let settled = rows.then(settle);
            self.consume(pin!(settled), sink).await?
        } else {
            let settled = rows.map(settle).buffer_unordered(self.policy.concurrency);
            self.consume(pin!(settled), sink).await?
        };
        Ok(match fatal {
            Some(failure) => RunOutcome::Fatal(failure),
            // A stop that was requested when nothing was left to do changes nothing.
            None if exhausted.get() && settled == pulled.get() => RunOutcome::Complete,
            None => RunOutcome::Stopped,
        })
    }

    /// Takes rows as they are settled, in whatever order their answers come.
    async fn consume<E: Into<anyhow::Error>>(
        &self,
        mut settled: Pin<&mut impl Stream<Item = Result<Done, E>>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<LoopState> {
        let mut state = LoopState::default();
        let mut wait = Wait::new(self);
        let mut dropping = pin!(self.stop.dropping());
        while let Some(Some(next)) = wait.until(settled.next(), dropping.as_mut(), sink).await? {
            match next.map_err(E::into)? {
                Done::Settled(row, outcome) => {
                    sink.settled(&row, outcome.as_ref())?;
                    state.settled += 1;
                }
                Done::Fatal(failure) => {
                    self.stop.begin();
                    state.fatal.get_or_insert(failure);
                }
                Done::Stopped => {}
            }
            if state.settled.is_multiple_of(ROWS_PER_YIELD) {
                sink.tick(self.pacer.slowed_to());
                tokio::task::yield_now().await;
            }
        }
        sink.idle()?;
        Ok(state)
    }

    async fn settle<E>(&self, row: Result<(Row, KnownAnswer), E>, gate: &Gate) -> Result<Done, E> {
        let (row, known) = row?;
        let Entry::Query(query) = &row.entry else {
            return Ok(Done::Settled(row, None));
        };
        let previously = match known {
            KnownAnswer::Settled(outcome) => return Ok(Done::Settled(row, Some(*outcome))),
            KnownAnswer::Unknown => None,
            KnownAnswer::Passed(previously) => Some(previously),
        };
        let outcome = match self.source.answer_locally(query, self.pacer.has_limit()) {
            Some(answer) => self.outcome(query, answer, (1, 0)),
            // Boxed, so that a row that needs no call does not move the memory of one: a snapshot answers a million
            // rows in a second or two.
            None => match Box::pin(self.ask(query, gate)).await {
                Some(outcome) => outcome,
                None => return Ok(Done::Stopped),
            },
        };
        Ok(match outcome.answer {
            Err(failure) if failure.kind.ends_run() => Done::Fatal(Box::new(failure)),
            answer => Done::Settled(
                row,
                Some(Outcome {
                    answer,
                    previously,
                    ..outcome
                }),
            ),
        })
    }
}

/// What a run has come to so far.
#[derive(Debug, Default)]
struct LoopState {
    /// Number of rows that the sink has received.
    settled: u64,
    /// The failure that every query would get.
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

    /// Waits for `next`; returns `None` if `dropping` is ready first. Flushes `sink` only if `next` is not ready at once.
    async fn until<F: Future>(
        &mut self,
        next: F,
        mut dropping: Pin<&mut impl Future<Output = ()>>,
        sink: &mut impl Sink,
    ) -> anyhow::Result<Option<F::Output>> {
        let mut next = pin!(next);
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
