//! Faults on purpose, so that whoever has to cope with the real ones can practise.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Refusal;

/// What goes wrong in a drill.
#[derive(Debug)]
pub struct Drill {
    latency: Duration,
    /// From 0 to 1.
    fault_rate: f64,
    dice: Mutex<fastrand::Rng>,
}

/// One fault, instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A refusal that may be tried again.
    Refusal(Refusal),
    /// A page of some proxy instead of an answer.
    BadGateway,
    /// The connection is closed without an answer.
    Dropped,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ms of latency, {} % faults",
            self.latency.as_millis(),
            self.fault_rate * 100.0
        )
    }
}

impl Drill {
    /// Every answer takes `latency` longer; a `fault_rate` of them (0 to 1) is a fault. The same seed brings the same
    /// faults in the same order.
    #[must_use]
    pub fn new(latency: Duration, fault_rate: f64, seed: u64) -> Self {
        Self {
            latency,
            fault_rate,
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// Is anything to go wrong at all?
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.latency.is_zero() && self.fault_rate <= 0.0
    }

    /// Lets the time pass, and says what goes wrong with this request.
    pub async fn before_answer(&self) -> Option<Fault> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        self.draw()
    }

    fn draw(&self) -> Option<Fault> {
        if self.fault_rate <= 0.0 {
            return None;
        }
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        if dice.f64() >= self.fault_rate {
            return None;
        }
        Some(match dice.u32(0..5) {
            0 => Fault::Refusal(Refusal::Unavailable),
            1 => Fault::Refusal(Refusal::Internal),
            2 => Fault::Refusal(Refusal::Throttled(Duration::from_millis(
                dice.u64(100..=1000),
            ))),
            3 => Fault::BadGateway,
            _ => Fault::Dropped,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rate: f64, seed: u64) -> Vec<Option<Fault>> {
        let drill = Drill::new(Duration::ZERO, rate, seed);
        (0..1000).map(|_| drill.draw()).collect()
    }

    #[test]
    fn a_seed_is_a_drill_that_can_be_repeated() {
        assert_eq!(faults(0.3, 7), faults(0.3, 7));
        assert_ne!(faults(0.3, 7), faults(0.3, 8));
    }

    #[test]
    fn about_as_many_go_wrong_as_were_asked_for_in_every_way_there_is() {
        assert!(faults(0.0, 1).iter().all(Option::is_none));
        assert!(faults(1.0, 1).iter().all(Option::is_some));
        let some = faults(0.3, 1);
        let count = some.iter().flatten().count();
        assert!((250..350).contains(&count), "{count}");
        for fault in [
            Fault::Refusal(Refusal::Unavailable),
            Fault::Refusal(Refusal::Internal),
            Fault::BadGateway,
            Fault::Dropped,
        ] {
            assert!(some.contains(&Some(fault.clone())), "{fault:?}");
        }
        let throttled =
            |fault: &Option<Fault>| matches!(fault, Some(Fault::Refusal(Refusal::Throttled(_))));
        assert!(some.iter().any(throttled));
    }

    #[tokio::test(start_paused = true)]
    async fn latency_is_added_to_every_answer() {
        let start = tokio::time::Instant::now();
        let drill = Drill::new(Duration::from_millis(250), 0.0, 1);
        assert_eq!(drill.before_answer().await, None);
        assert_eq!(start.elapsed(), Duration::from_millis(250));
    }
}
