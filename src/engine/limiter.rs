//! Decides whether a call may begin now: governor's cell-rate arithmetic on tokio's clock, which tests can pause.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::Rate;

/// Limits the number of calls per time.
#[derive(Debug)]
pub struct Limiter(RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<PacedInstant>>);

impl Limiter {
    /// Makes a limiter that allows `burst` calls at once after a pause. Returns `None` if there is no limit.
    #[must_use]
    pub fn new(rate: Rate, burst: NonZeroU32) -> Option<Self> {
        let interval = rate.interval()?;
        let burst = burst.min(largest_burst(interval)?);
        let quota = Quota::with_period(interval)?.allow_burst(burst);
        Some(Self(RateLimiter::direct_with_clock(quota, TokioClock)))
    }

    /// Counts a call.
    ///
    /// # Errors
    ///
    /// The earliest time at which a call may begin, if none may begin now.
    pub fn check(&self) -> Result<(), Instant> {
        self.0.check().map_err(|early| early.earliest_possible().0)
    }
}

/// Returns the largest burst that governor can count with: it multiplies both in 64 bits of nanoseconds.
fn largest_burst(interval: Duration) -> Option<NonZeroU32> {
    let most = u128::from(u64::MAX).checked_div(interval.as_nanos())?;
    NonZeroU32::new(u32::try_from(most).unwrap_or(u32::MAX))
}

/// Tokio's clock as governor needs it. `#[tokio::test(start_paused = true)]` pauses it.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PacedInstant(Instant);

impl Clock for TokioClock {
    type Instant = PacedInstant;

    fn now(&self) -> PacedInstant {
        PacedInstant(Instant::now())
    }
}

impl Reference for PacedInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl std::ops::Add<Nanos> for PacedInstant {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0 + Duration::from(duration))
    }
}
