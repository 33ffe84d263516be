//! When may the next call begin?
//!
//! governor's cell-rate arithmetic, with tokio's clock so that tests can pause it, behind a fair mutex so that turns
//! come first-come-first-served (governor's own `until_ready` wakes a herd and keeps no order). A throttled answer
//! puts everyone on hold: whoever is waiting for a turn waits until the hold is over, and no call begins inside it.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, sleep_until};

use super::Rate;

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Moment>>;

/// Hands out turns, at most so many in so long, whoever asks.
#[derive(Debug)]
pub struct Pacer {
    limiter: Option<Limiter>,
    turnstile: tokio::sync::Mutex<()>,
    hold: Mutex<Option<Instant>>,
}

impl Pacer {
    /// `burst` calls may begin at once after a pause; 1 spreads them evenly.
    #[must_use]
    pub fn new(rate: Rate, burst: NonZeroU32) -> Self {
        let quota = rate.interval().and_then(|interval| {
            let burst = burst.min(largest_burst(interval)?);
            Some(Quota::with_period(interval)?.allow_burst(burst))
        });
        Self {
            limiter: quota.map(|quota| Limiter::direct_with_clock(quota, TokioClock)),
            turnstile: tokio::sync::Mutex::default(),
            hold: Mutex::default(),
        }
    }

    /// Returns when the caller may begin its call.
    pub async fn turn(&self) {
        if self.limiter.is_none() && self.held_until().is_none() {
            return; // nothing to wait for, so nobody waits
        }
        let _first_in_line = self.turnstile.lock().await;
        loop {
            let hold = *self.held_until();
            if let Some(hold) = hold {
                sleep_until(hold).await;
                self.release(hold);
                continue; // it may have grown meanwhile
            }
            match self.limiter.as_ref().map(Limiter::check) {
                None | Some(Ok(())) => return,
                Some(Err(early)) => sleep_until(early.earliest_possible().0).await,
            }
        }
    }

    /// Lets no call begin before `pause` is over. Holds do not add up: the longest one counts.
    pub fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut hold = self.held_until();
        *hold = (*hold).max(Some(until));
    }

    /// Forgets a hold that is over, unless a longer one has taken its place.
    fn release(&self, over: Instant) {
        let mut hold = self.held_until();
        if *hold == Some(over) {
            *hold = None;
        }
    }

    fn held_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.hold
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What governor can count with: it multiplies both, in 64 bits of nanoseconds, and they would overflow.
fn largest_burst(interval: Duration) -> Option<NonZeroU32> {
    let most = u128::from(u64::MAX).checked_div(interval.as_nanos())?;
    NonZeroU32::new(u32::try_from(most).unwrap_or(u32::MAX))
}

/// Tokio's clock in governor's terms: what `#[tokio::test(start_paused = true)]` moves.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Instant);

impl Clock for TokioClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(Instant::now())
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl std::ops::Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0 + Duration::from(duration))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use futures::future::join_all;
    use std::cell::RefCell;

    fn pacer(rate: &str, burst: u32) -> Pacer {
        Pacer::new(rate.parse().unwrap(), NonZeroU32::new(burst).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn ten_a_second_means_ten_a_second() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        for _ in 0..101 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_the_rate() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        let mut begun = Vec::new();
        for nth in 0..200_u64 {
            tokio::time::sleep(Duration::from_millis(nth * 37 % 260)).await;
            pacer.turn().await;
            begun.push(start.elapsed());
        }
        for window in begun.windows(11) {
            assert!(
                window[10] >= window[0] + Duration::from_secs(1),
                "{window:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_what_may_begin_at_once_after_a_pause() {
        let (pacer, start) = (pacer("10/s", 3), Instant::now());
        for _ in 0..3 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pacer.turn().await;
        assert_eq!(start.elapsed(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_centuries_is_no_limit() {
        let (pacer, start) = (pacer("1/h", u32::MAX), Instant::now());
        for _ in 0..1000 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_first_come_first_served() {
        let (pacer, order) = (pacer("50/s", 1), RefCell::new(Vec::new()));
        join_all((0..64).map(|nth| {
            let (pacer, order) = (&pacer, &order);
            async move {
                pacer.turn().await;
                order.borrow_mut().push(nth);
            }
        }))
        .await;
        assert_eq!(*order.borrow(), (0..64).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_begins_inside_a_hold_even_of_those_already_waiting() {
        let (pacer, start) = (pacer("10/s", 1), Instant::now());
        let begun = RefCell::new(Vec::new());
        let callers = join_all((0..8).map(|_| async {
            pacer.turn().await;
            begun.borrow_mut().push(start.elapsed());
        }));
        let throttled = async {
            tokio::time::sleep(Duration::from_millis(250)).await;
            pacer.hold(Duration::from_secs(30));
            pacer.hold(Duration::from_secs(5)); // a shorter one shortens nothing
        };
        futures::future::join(callers, throttled).await;
        let (before, after): (Vec<_>, Vec<_>) = begun
            .into_inner()
            .into_iter()
            .partition(|at| *at <= Duration::from_millis(250));
        assert_eq!(before.len(), 3);
        assert!(
            after.iter().all(|at| *at >= Duration::from_millis(30_250)),
            "{after:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_only_holds_count() {
        let (pacer, start) = (pacer("max", 1), Instant::now());
        for _ in 0..1000 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        pacer.hold(Duration::from_secs(2));
        pacer.turn().await;
        assert_eq!(start.elapsed(), Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn no_rate_and_no_burst_is_too_much(calls in "[1-9][0-9]{0,8}", unit in "[smh]", burst in 1_u32..) {
            let rate = format!("{calls}/{unit}");
            prop_assert!(pacer(&rate, burst).limiter.is_some());
        }
    }
}
