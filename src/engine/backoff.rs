//! The wait before a query is asked again.

use std::time::Duration;

/// Exponential backoff with full jitter: the nth wait is a random time up to `first` × 2ⁿ⁻¹, at most `cap`. Callers
/// that failed together therefore do not ask again together.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Upper bound of the first wait.
    pub first: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
    /// Draws from `[0, 1)`. Tests pass their own function.
    pub draw: fn() -> f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            draw: fastrand::f64,
        }
    }
}

impl Backoff {
    /// Returns the wait after the nth attempt failed; n counts from 1.
    #[must_use]
    pub fn after(&self, attempt: u32) -> Duration {
        let doubled = self.first.saturating_mul(
            1_u32
                .checked_shl(attempt.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        doubled.min(self.cap).mul_f64((self.draw)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_the_jitter_is_full() {
        let longest = Backoff {
            draw: || 1.0,
            ..Backoff::default()
        };
        let waits: Vec<_> = (1..=8)
            .map(|attempt| longest.after(attempt).as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(longest.after(u32::MAX), Duration::from_secs(30));
        assert_eq!(
            Backoff {
                draw: || 0.0,
                ..longest
            }
            .after(5),
            Duration::ZERO
        );
    }
}
