//! When may the next call begin?
//!
//! A [`Limiter`] behind a fair mutex so that turns
//! come first-come-first-served (governor's own `until_ready` wakes a herd and keeps no order). A throttled answer
//! puts everyone on hold: whoever is waiting for a turn waits until the hold is over, and no call begins inside it.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Limiter, Rate};

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
        Self {
            limiter: Limiter::new(rate, burst),
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
                Some(Err(earliest)) => sleep_until(earliest).await,
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
