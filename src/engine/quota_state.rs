//! The state of a quota: until when no call may begin, when the last call began, and how far the rate is lowered. It is
//! kept in memory for one run, in a file for several on a machine (`quota_file.rs`), and on a Redis server for several
//! machines (`redis_quota/`).
//!
//! Every [`QuotaChange`] is one step, wherever the state is kept. `redis_quota/quota.lua` makes the same changes on the server;
//! a test compares both.
//!
//! Times count from an origin that all runs of the quota share.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::adaptive_rate::{AdaptiveRate, Throttled};

/// The longest hold, whatever the source asks for.
pub(super) const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// Most turns that are reserved ahead. A turn further ahead than this is stale: the file is from before a restart.
const AHEAD: u32 = 64;

/// A change of the state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum QuotaChange {
    /// Reserve the next free turn.
    Reserve,
    /// Begin the call whose turn has come.
    Take,
    /// The call of this number was answered and not throttled.
    Answered(u64),
    /// The call was throttled.
    Throttled {
        /// The number of the call.
        call: u64,
        /// How long no call may begin.
        hold: Duration,
    },
    /// The source was overloaded: hold all calls for this time, unless they are held already.
    Pause(Duration),
}

/// The result of a [`QuotaChange`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum QuotaOutcome {
    /// The call of this number has begun.
    Begun(u64),
    /// The reserved turn, or the time before which the call may not begin.
    At(Duration),
    /// Whether the rate was lowered.
    Lowered(bool),
}

/// The state of a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct QuotaState {
    /// No call begins before this time.
    pub(super) hold: Duration,
    /// The next turn that is free.
    pub(super) free: Duration,
    /// When the last call began.
    pub(super) last: Option<Duration>,
    /// Number of calls that have begun.
    pub(super) begun: u64,
    #[serde(rename = "tempo")] // kept for existing quota files
    pub(super) adaptive_rate: AdaptiveRate,
}

impl QuotaState {
    /// Makes a change. `full` is the full rate in calls per second.
    pub(super) fn apply(&mut self, change: QuotaChange, now: Duration, full: f64) -> QuotaOutcome {
        match change {
            QuotaChange::Reserve => QuotaOutcome::At(self.reserve(now, full)),
            QuotaChange::Take => self
                .take(now, full)
                .map_or_else(QuotaOutcome::At, QuotaOutcome::Begun),
            QuotaChange::Answered(call) => {
                self.adaptive_rate.answered(call, now);
                QuotaOutcome::Lowered(false)
            }
            QuotaChange::Throttled { call, hold } => {
                QuotaOutcome::Lowered(self.throttled(call, now, hold, full))
            }
            QuotaChange::Pause(pause) => {
                self.pause(now, pause);
                QuotaOutcome::Lowered(false)
            }
        }
    }

    /// Returns when the next call may begin because of a hold or a lowered rate. `None` if it may begin at once.
    pub(super) fn earliest(&self, now: Duration) -> Option<Duration> {
        let slow = self
            .adaptive_rate
            .pace(now)
            .and_then(|pace| Some(self.last? + interval(pace)));
        let earliest = slow.map_or(self.hold, |slow| slow.max(self.hold));
        (earliest > now).then_some(earliest)
    }

    /// Returns whether no call was throttled, or the effects are over.
    pub(super) fn is_untroubled(&self) -> bool {
        self.hold.is_zero() && self.adaptive_rate == AdaptiveRate::default()
    }

    /// Begins a call. Returns its number.
    pub(super) fn begin(&mut self, now: Duration) -> u64 {
        let call = self.count_call();
        if self.hold <= now {
            self.hold = Duration::ZERO;
        }
        self.last = Some(now);
        call
    }

    /// Counts a call that begins where nothing limits the rate. Returns its number.
    pub(super) fn count_call(&mut self) -> u64 {
        self.begun += 1;
        self.begun - 1
    }

    /// Reserves the next free turn at the rate `full` or at the lowered rate. Returns its time.
    pub(super) fn reserve(&mut self, now: Duration, full: f64) -> Duration {
        let turn = self.free.max(self.earliest(now).unwrap_or(now)).max(now);
        self.free = turn + interval(self.adaptive_rate.pace(now).unwrap_or(full));
        turn
    }

    /// Begins the call whose turn has come.
    ///
    /// # Errors
    ///
    /// The time at which the call may begin, if an earlier call began later than its turn.
    pub(super) fn take(&mut self, now: Duration, full: f64) -> Result<u64, Duration> {
        let spaced = self
            .last
            .map_or(Duration::ZERO, |last| last + interval(full));
        let earliest = spaced.max(self.earliest(now).unwrap_or_default());
        if earliest > now {
            return Err(earliest);
        }
        Ok(self.begin(now))
    }

    /// Records a throttled answer: holds all calls and lowers the rate. Returns whether it lowered the rate.
    pub(super) fn throttled(
        &mut self,
        call: u64,
        now: Duration,
        hold: Duration,
        full: f64,
    ) -> bool {
        let hold = hold.min(LONGEST_HOLD);
        self.hold = self.hold.max(now + hold);
        self.adaptive_rate.throttled(Throttled {
            call,
            begun: self.begun,
            now,
            hold,
            full,
        })
    }

    /// Holds all calls for `pause`, unless they are held already.
    pub(super) fn pause(&mut self, now: Duration, pause: Duration) {
        if self.hold <= now {
            self.hold = now + pause;
        }
    }

    /// Corrects times that are too far in the future: the machine, and its clock with it, was restarted.
    pub(super) fn distrust(&mut self, now: Duration, full: f64) {
        let latest = now + LONGEST_HOLD;
        if self.hold > latest {
            self.hold = now;
        }
        if self.last.is_some_and(|last| last > now) {
            self.last = Some(now);
        }
        self.adaptive_rate.distrust(latest);
        let slowest = self.adaptive_rate.pace(now).unwrap_or(full);
        if self.free > latest + interval(slowest) * AHEAD {
            self.free = now;
        }
    }
}

/// Returns the time from one call to the next at `pace` calls per second.
pub(super) fn interval(pace: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / pace).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn turns_are_given_in_order_and_taken_no_closer_than_the_rate() {
        let mut state = QuotaState::default();
        let turns: Vec<_> = (0..4).map(|_| state.reserve(at(1000), 10.0)).collect();
        assert_eq!(turns, [at(1000), at(1100), at(1200), at(1300)]);
        assert_eq!(state.take(at(1000), 10.0), Ok(0));
        assert_eq!(state.take(at(1130), 10.0), Ok(1), "late");
        assert_eq!(
            state.take(at(1200), 10.0),
            Err(at(1230)),
            "the one before was late"
        );
        assert_eq!(state.take(at(1230), 10.0), Ok(2));
    }

    #[test]
    fn a_hold_and_a_slower_pace_hold_for_every_turn() {
        let mut state = QuotaState::default();
        assert_eq!(state.take(at(1000), 10.0), Ok(0));
        assert!(state.throttled(0, at(1010), at(500), 10.0));
        assert_eq!(state.reserve(at(1020), 10.0), at(1510));
        assert_eq!(state.take(at(1400), 10.0), Err(at(1510)));
        assert_eq!(state.take(at(1510), 10.0), Ok(1));
        let slower = state.take(at(1610), 10.0).unwrap_err();
        assert!(slower > at(1680) && slower < at(1710), "{slower:?}");
    }

    #[test]
    fn what_lies_too_far_ahead_was_written_before_the_machine_started_anew() {
        let now = at(1000);
        let mut state = QuotaState {
            hold: Duration::from_hours(5),
            free: Duration::from_hours(5),
            last: Some(Duration::from_hours(5)),
            ..QuotaState::default()
        };
        state.throttled(0, Duration::from_hours(5), at(0), 10.0);
        state.distrust(now, 10.0);
        assert_eq!(state.reserve(now, 10.0), now);
        assert_eq!(state.take(now, 10.0), Err(at(1100)), "one turn's caution");
        assert_eq!(state.take(at(1100), 10.0), Ok(0));
        let before = state;
        state.distrust(at(1100), 10.0);
        assert_eq!(state, before, "what can be true stays");
    }
}
