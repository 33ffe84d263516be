//! Counts calls that a source makes in turns of its own.

use std::cell::Cell;
use std::time::Duration;

use super::{Pacer, Permit, Stop};
use crate::source::CallPacer;

/// The turns of calls that a source makes in addition to those requested by the engine, and their number.
#[derive(Debug)]
pub struct CountedCalls<'a> {
    pacer: &'a Pacer,
    stop: Option<&'a Stop>,
    begun: Cell<u64>,
}

impl<'a> CountedCalls<'a> {
    /// Takes turns of a pacer.
    #[must_use]
    pub const fn of(pacer: &'a Pacer) -> Self {
        Self {
            pacer,
            stop: None,
            begun: Cell::new(0),
        }
    }

    /// Gives no turn any more after a stop was requested, so that no call begins.
    pub(super) const fn until(self, stop: &'a Stop) -> Self {
        Self {
            stop: Some(stop),
            ..self
        }
    }

    /// Returns the number of calls that have begun.
    #[must_use]
    pub const fn begun(&self) -> u64 {
        self.begun.get()
    }
}

impl CallPacer for CountedCalls<'_> {
    type Permit = Permit;

    async fn turn(&self) -> Permit {
        let turn = self.pacer.turn().await;
        if self.stop.is_some_and(Stop::is_requested) {
            std::future::pending::<()>().await;
        }
        self.begun.set(self.begun.get() + 1);
        turn
    }

    async fn answered(&self, turn: Permit) {
        self.pacer.answered(turn).await;
    }

    async fn throttled(&self, turn: Permit, asked: Option<Duration>) {
        self.pacer.throttled(turn, asked).await;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use tokio::time::{Instant, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_the_rate_and_are_counted_until_a_stop() {
        let pacer = Pacer::new("10/s".parse().unwrap(), NonZeroU32::MIN);
        let (stop, start) = (Stop::new(), Instant::now());
        let calls = CountedCalls::of(&pacer).until(&stop);
        for _ in 0..11 {
            let turn = calls.turn().await;
            calls.answered(turn).await;
        }
        assert_eq!(
            (calls.begun(), start.elapsed()),
            (11, Duration::from_secs(1))
        );
        stop.request();
        let turn = timeout(Duration::from_hours(1), calls.turn()).await;
        assert!(turn.is_err(), "no call begins after a stop");
        assert_eq!(calls.begun(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_holds_the_whole_run_for_the_wait_that_was_asked_for() {
        let pacer = Pacer::new("10/s".parse().unwrap(), NonZeroU32::MIN);
        let calls = CountedCalls::of(&pacer);
        let turn = calls.turn().await;
        let start = Instant::now();
        calls.throttled(turn, Some(Duration::from_secs(30))).await;
        pacer.turn().await;
        assert!(start.elapsed() >= Duration::from_secs(30));
    }
}
