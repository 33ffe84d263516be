//! Lowers the rate after a throttled answer and raises it again.
//!
//! The quota is shared with clients that the run cannot see, so the share that is left must be found by trying. A
//! throttled answer halves the rate; throttled answers to calls that began before do not halve it again. Then the rate
//! rises in three steps: fast to the *knee*, a little below the rate that was too high; nearly level for a minute or
//! 600 calls, where most calls are made; then faster and faster, in case other clients have left. The sooner the next
//! throttled answer, the lower the next knee. The rate never exceeds the one that was asked for. If it has fallen to
//! half and calls are still throttled as rarely as before, the rate is not the cause, and the full rate is restored.
//!
//! The constants were tuned by simulation; the figures are in `docs/facts/perf.md`, "The adaptive rate".

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// After this many answers the rate was nearly right.
const EASED: u32 = 40;
/// The knee as a share of the rate that was too high: after [`EASED`] answers, and after none.
const KNEE: (f64, f64) = (0.96, 0.81);
/// The fast step: least time in seconds, and least number of calls.
const QUICK: (f64, f64) = (1.0, 2.0);
/// The level step: longest time in seconds, most calls, and growth per second.
const LEVEL: (f64, f64, f64) = (60.0, 600.0, 0.001);
/// Growth per second after the level step.
const SEARCH: f64 = 0.2;
/// A rate that has lasted so many seconds, or to the end of its level step, is no longer falling.
const SETTLED: f64 = 20.0;
/// If the rate has fallen to the first share and at most the second share of the calls was throttled, the rate is not
/// the cause.
const BLAMELESS: (f64, f64) = (0.5, 0.2);
/// The lowest rate in calls per second, unless the full rate is lower.
const FLOOR: f64 = 0.1;

/// The lowered rate, or nothing while the rate is full. Times count from the origin of the quota state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AdaptiveRate {
    pub(super) slowed: Option<Slowed>,
}

/// A lowered rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Slowed {
    /// Number of calls that had begun when the rate was lowered. Answers to those say nothing about the new rate.
    pub(super) calls: u64,
    /// When the rate begins to rise.
    pub(super) since: Duration,
    /// The rate at that time, in calls per second.
    pub(super) from: f64,
    /// The rate to which it rises fast, in calls per second.
    pub(super) knee: f64,
    /// The full rate in calls per second.
    pub(super) full: f64,
    /// Number of answers at this rate.
    pub(super) answers: u32,
    #[serde(rename = "fall")] // kept for existing quota files
    pub(super) slowdown: Slowdown,
}

/// What happened since the rate began to fall.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Slowdown {
    /// The rate at that time, in calls per second.
    pub(super) top: f64,
    pub(super) answers: u32,
    pub(super) throttled: u32,
}

/// Returns the constants as definitions in Lua, for the script that changes the state on a Redis server.
#[cfg(feature = "redis")]
pub(super) fn lua_constants() -> String {
    let constants = [
        ("EASED", f64::from(EASED)),
        ("KNEE_EASED", KNEE.0),
        ("KNEE_AT_ONCE", KNEE.1),
        ("QUICK_SECONDS", QUICK.0),
        ("QUICK_CALLS", QUICK.1),
        ("LEVEL_SECONDS", LEVEL.0),
        ("LEVEL_CALLS", LEVEL.1),
        ("LEVEL_GROWTH", LEVEL.2),
        ("SEARCH", SEARCH),
        ("SETTLED", SETTLED),
        ("BLAMELESS_RATE", BLAMELESS.0),
        ("BLAMELESS_SHARE", BLAMELESS.1),
        ("FLOOR", FLOOR),
    ];
    let constants = constants.map(|(name, value)| format!("local {name} = {value}\n"));
    constants.concat()
}

/// A throttled answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throttled {
    /// The number of the throttled call.
    pub(super) call: u64,
    /// Number of calls that have begun by now.
    pub(super) begun: u64,
    /// When the answer came.
    pub(super) now: Duration,
    /// How long no call may begin.
    pub(super) hold: Duration,
    /// The full rate in calls per second: the one asked for, or the one observed.
    pub(super) full: f64,
}

impl AdaptiveRate {
    /// Returns the rate in calls per second if it is lower than the full rate.
    pub(super) fn pace(&self, now: Duration) -> Option<f64> {
        let slowed = self.slowed?;
        let pace = slowed.pace(now);
        (pace < slowed.full).then_some(pace)
    }

    /// Halves the rate, once for all calls that were in flight together. Returns whether it did.
    pub(super) fn throttled(&mut self, answer: Throttled) -> bool {
        let since = answer.now + answer.hold;
        let (pace, full, answers, mut decline, settled) = match &mut self.slowed {
            Some(slowed) if answer.call < slowed.calls => {
                slowed.since = slowed.since.max(since);
                slowed.slowdown.throttled = slowed.slowdown.throttled.saturating_add(1);
                return false;
            }
            Some(slowed) => {
                let pace = slowed.pace(answer.now).min(slowed.full);
                let settled = slowed.is_settled(answer.now);
                (pace, slowed.full, slowed.answers, slowed.slowdown, settled)
            }
            None => (
                answer.full,
                answer.full,
                EASED,
                Slowdown::from(answer.full),
                true,
            ),
        };
        if answers >= EASED && settled {
            decline = Slowdown::from(pace);
        }
        decline.throttled = decline.throttled.saturating_add(1);
        if decline.is_vain(pace) {
            self.slowed = None;
            return false;
        }
        let floor = FLOOR.min(full);
        let eased = f64::from(answers.min(EASED)) / f64::from(EASED);
        let knee = pace * (KNEE.1 + (KNEE.0 - KNEE.1) * eased);
        self.slowed = Some(Slowed {
            calls: answer.begun,
            since,
            from: (pace / 2.0).max(floor),
            knee: knee.max(floor),
            full,
            answers: 0,
            slowdown: decline,
        });
        true
    }

    /// Records an unthrottled answer. Clears the slowdown once the rate is back at the full rate.
    pub(super) fn answered(&mut self, call: u64, now: Duration) {
        if let Some(slowed) = &mut self.slowed
            && call >= slowed.calls
        {
            slowed.answers = slowed.answers.saturating_add(1);
            slowed.slowdown.answers = slowed.slowdown.answers.saturating_add(1);
            if slowed.pace(now) >= slowed.full {
                self.slowed = None;
            }
        }
    }

    /// Drops a state whose rise begins later than any hold allows: it was written before the machine was restarted.
    pub(super) fn distrust(&mut self, latest: Duration) {
        self.slowed = self.slowed.filter(|slowed| slowed.since <= latest);
    }
}

impl Slowdown {
    const fn from(top: f64) -> Self {
        Self {
            top,
            answers: 0,
            throttled: 0,
        }
    }

    /// Returns whether lowering the rate had no effect. Above a quota, most of the excess calls are throttled.
    fn is_vain(self, pace: f64) -> bool {
        let calls = f64::from(self.answers) + f64::from(self.throttled);
        pace < self.top * BLAMELESS.0 && f64::from(self.throttled) < calls * BLAMELESS.1
    }
}

impl Slowed {
    fn pace(&self, now: Duration) -> f64 {
        let climbed = now.saturating_sub(self.since).as_secs_f64();
        let (quick, level) = self.steps();
        if climbed < quick {
            return self.from + (self.knee - self.from) * climbed / quick;
        }
        let beyond = climbed - quick;
        let search = (beyond - level).max(0.0);
        self.knee * (LEVEL.2.mul_add(beyond, 1.0) + (SEARCH * search).exp_m1())
    }

    /// Returns the lengths of the fast step and of the level step, in seconds.
    fn steps(&self) -> (f64, f64) {
        let level = LEVEL.0.min(LEVEL.1 / self.knee);
        (QUICK.0.max(QUICK.1 / self.knee), level)
    }

    fn is_settled(&self, now: Duration) -> bool {
        let (quick, level) = self.steps();
        now.saturating_sub(self.since).as_secs_f64() >= SETTLED.min(quick + level)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOLD: Duration = Duration::from_secs(1);

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn throttled(call: u64, begun: u64, now: f64) -> Throttled {
        Throttled {
            call,
            begun,
            now: at(now),
            hold: HOLD,
            full: 8.0,
        }
    }

    #[test]
    fn it_halves_once_a_moment_and_climbs_in_three_steps() {
        let mut adaptive_rate = AdaptiveRate::default();
        assert_eq!(adaptive_rate.pace(at(9.0)), None);
        assert!(adaptive_rate.throttled(throttled(70, 73, 10.0)));
        assert!(
            !adaptive_rate.throttled(throttled(72, 73, 10.2)),
            "it had begun before"
        );
        let pace = |seconds| adaptive_rate.pace(at(seconds)).unwrap();
        assert_eq!(pace(11.2).to_string(), "4");
        assert!((pace(11.7) - 5.84).abs() < 0.001);
        assert!((pace(12.2) - 7.68).abs() < 0.001);
        assert!((pace(42.2) - 7.91).abs() < 0.01, "almost level");
        assert_eq!(
            adaptive_rate.pace(at(80.0)),
            None,
            "the full pace, and no more"
        );
    }

    #[test]
    fn the_sooner_it_happens_again_the_lower_the_knee() {
        let knees: Vec<_> = [0, 20, 40, 400]
            .into_iter()
            .map(|answers| {
                let mut adaptive_rate = AdaptiveRate::default();
                adaptive_rate.throttled(throttled(0, 10, 0.0));
                for _ in 0..answers {
                    adaptive_rate.answered(10, at(2.0));
                }
                adaptive_rate.throttled(throttled(10, 11, 4.0));
                (adaptive_rate.slowed.unwrap().knee * 100.0).round() / 100.0
            })
            .collect();
        assert_eq!(knees, [6.23, 6.81, 7.39, 7.39]);
    }

    #[test]
    fn throttling_that_has_nothing_to_do_with_the_pace_costs_no_more_than_some_of_it() {
        for every in [8, 12, 26, 50] {
            let (mut adaptive_rate, mut now) = (AdaptiveRate::default(), 0.0);
            for call in 0..3000 {
                let pace = adaptive_rate.pace(at(now)).unwrap_or(1000.0);
                now += 1.0 / pace;
                if call % every == 0 {
                    let answer = Throttled {
                        full: 1000.0,
                        hold: Duration::ZERO,
                        ..throttled(call, call + 1, now)
                    };
                    adaptive_rate.throttled(answer);
                } else {
                    adaptive_rate.answered(call, at(now));
                }
            }
            assert!(now < 20.0, "one in {every}: {now} s");
        }
    }

    #[test]
    fn once_at_full_pace_it_is_as_if_nothing_had_been() {
        let mut adaptive_rate = AdaptiveRate::default();
        adaptive_rate.throttled(throttled(0, 1, 0.0));
        adaptive_rate.answered(0, at(600.0));
        assert_ne!(
            adaptive_rate,
            AdaptiveRate::default(),
            "that call began before"
        );
        adaptive_rate.answered(1, at(600.0));
        assert_eq!(adaptive_rate, AdaptiveRate::default());
    }

    proptest! {
        #[test]
        fn it_stays_between_floor_and_full_pace(
            full in 0.0003..1e6_f64, steps in prop::collection::vec((0.0..200.0_f64, 0_u8..50), 1..40),
        ) {
            let (mut adaptive_rate, mut now) = (AdaptiveRate::default(), 0.0);
            for (call, (pause, answers)) in (0..).zip(steps) {
                now += pause;
                let before = adaptive_rate.pace(at(now)).unwrap_or(full);
                let answer = Throttled { full, hold: Duration::ZERO, ..throttled(call, call + 1, now) };
                let slower = adaptive_rate.throttled(answer);
                let after = adaptive_rate.pace(at(now)).unwrap_or(full);
                prop_assert!(after <= full && after >= 0.099_f64.min(full * 0.999));
                prop_assert!(!slower || after <= before * 1.000_001);
                for _ in 0..answers {
                    adaptive_rate.answered(call + 1, at(now));
                }
            }
        }
    }
}
