//! Delays and faults on purpose (`--latency`, `--fault-rate`), to test how clients cope with real ones.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ApiError;

/// Delays requests and makes some of them fail.
#[derive(Debug)]
pub struct FaultInjector {
    latency: Duration,
    /// From 0 to 1.
    fault_rate: f64,
    random: Mutex<fastrand::Rng>,
}

/// What a client gets instead of the answer. An error of the API that is not injected takes the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectedFault {
    /// An error of the API; injected ones may be retried.
    Error(ApiError),
    /// An HTML page, as from a proxy.
    BadGateway,
    /// The connection is closed without an answer.
    Dropped,
}

impl From<ApiError> for InjectedFault {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl fmt::Display for FaultInjector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ms of latency, {} % faults",
            self.latency.as_millis(),
            self.fault_rate * 100.0
        )
    }
}

impl FaultInjector {
    /// Delays every answer by `latency` and replaces the share `fault_rate` (0 to 1) of them by faults. The same seed
    /// gives the same faults in the same order.
    #[must_use]
    pub fn new(latency: Duration, fault_rate: f64, seed: u64) -> Self {
        Self {
            latency,
            fault_rate,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Returns whether nothing is delayed and nothing fails.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.latency.is_zero() && self.fault_rate <= 0.0
    }

    /// Waits for the latency; returns the fault of this request, if it has one.
    pub async fn inject(&self) -> Option<InjectedFault> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        self.draw()
    }

    fn draw(&self) -> Option<InjectedFault> {
        if self.fault_rate <= 0.0 {
            return None;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if random.f64() >= self.fault_rate {
            return None;
        }
        Some(match random.u32(0..5) {
            0 => InjectedFault::Error(ApiError::Unavailable),
            1 => InjectedFault::Error(ApiError::Internal),
            2 => InjectedFault::Error(ApiError::Throttled(Duration::from_millis(
                random.u64(100..=1000),
            ))),
            3 => InjectedFault::BadGateway,
            _ => InjectedFault::Dropped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rate: f64, seed: u64) -> Vec<Option<InjectedFault>> {
        let injector = FaultInjector::new(Duration::ZERO, rate, seed);
        (0..1000).map(|_| injector.draw()).collect()
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        assert_eq!(faults(0.3, 7), faults(0.3, 7));
        assert_ne!(faults(0.3, 7), faults(0.3, 8));
    }

    #[test]
    fn the_share_of_faults_and_their_kinds_are_as_set() {
        assert!(faults(0.0, 1).iter().all(Option::is_none));
        assert!(faults(1.0, 1).iter().all(Option::is_some));
        let some = faults(0.3, 1);
        let count = some.iter().flatten().count();
        assert!((250..350).contains(&count), "{count}");
        for fault in [
            InjectedFault::Error(ApiError::Unavailable),
            InjectedFault::Error(ApiError::Internal),
            InjectedFault::BadGateway,
            InjectedFault::Dropped,
        ] {
            assert!(some.contains(&Some(fault.clone())), "{fault:?}");
        }
        let throttled = |fault: &Option<InjectedFault>| {
            matches!(fault, Some(InjectedFault::Error(ApiError::Throttled(_))))
        };
        assert!(some.iter().any(throttled));
    }

    #[tokio::test(start_paused = true)]
    async fn every_answer_is_delayed() {
        let start = tokio::time::Instant::now();
        let injector = FaultInjector::new(Duration::from_millis(250), 0.0, 1);
        assert_eq!(injector.inject().await, None);
        assert_eq!(start.elapsed(), Duration::from_millis(250));
    }
}
