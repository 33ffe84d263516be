//! Nonces that were used.
//!
//! A nonce is remembered as long as its date is accepted. Only requests with a valid signature get here, so strangers can
//! neither fill the memory nor use up a nonce of others. When the memory is full, new requests are throttled; nothing is
//! forgotten early.
//!
//! Nonces age by the monotonic clock, so a system clock that is set forward does not make them forgotten, and one that is
//! set back does not fill the memory. Requests whose nonce may have been used before are refused by their date: those from
//! before the server started, and those that are not younger than a nonce that was forgotten. The latter only matters
//! after the system clock was set back.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::ApiError;

/// How far a request's date may be from now (`docs/facts/ons-api.md` §3.2).
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Some 70 MB: enough for 4,600 requests a second.
const MAX_NONCES: usize = 4 << 20;

/// The time of a request by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The system clock, which may be set.
    pub wall: Timestamp,
    /// The monotonic clock.
    pub monotonic: Instant,
}

/// Used nonces as 64-bit keyed hashes, by the minute since the start in which they may be forgotten.
#[derive(Debug)]
pub struct Nonces {
    by_minute: BTreeMap<u64, Used>,
    count: usize,
    most: usize,
    hasher: RandomState,
    started: Instant,
    /// The first date that is accepted, in seconds of the Unix epoch.
    first_second: i64,
}

#[derive(Debug, Default)]
struct Used {
    hashes: HashSet<u64>,
    /// The last date, in seconds of the Unix epoch.
    last_second: i64,
}

impl Nonces {
    /// Creates the memory of a server that starts now.
    #[must_use]
    pub fn new(start: Now) -> Self {
        Self::with_capacity(MAX_NONCES, start)
    }

    fn with_capacity(most: usize, start: Now) -> Self {
        Self {
            by_minute: BTreeMap::new(),
            count: 0,
            most,
            hasher: RandomState::new(),
            started: start.monotonic,
            first_second: start.wall.as_second(),
        }
    }

    /// Checks that a nonce of this date is remembered if it was used.
    ///
    /// # Errors
    ///
    /// [`ApiError::TimestampExpired`].
    pub fn check_date(&self, date: Timestamp) -> Result<(), ApiError> {
        if date.as_second() < self.first_second {
            return Err(ApiError::TimestampExpired);
        }
        Ok(())
    }

    /// Uses up the nonce of a request dated `date`, which is within the [`WINDOW`] of `now`.
    ///
    /// # Errors
    ///
    /// [`ApiError::NonceUsed`], [`ApiError::TimestampExpired`] or [`ApiError::TooManyNonces`].
    pub fn claim(
        &mut self,
        key_id: &str,
        nonce: &str,
        date: Timestamp,
        now: Now,
    ) -> Result<(), ApiError> {
        self.forget_expired(now.monotonic);
        let hash = self.hasher.hash_one((key_id, nonce));
        if self
            .by_minute
            .values()
            .any(|used| used.hashes.contains(&hash))
        {
            return Err(ApiError::NonceUsed);
        }
        self.check_date(date)?;
        if self.count >= self.most {
            return Err(ApiError::TooManyNonces(self.time_until_room(now.monotonic)));
        }
        let accepted_for = WINDOW - now.wall.duration_since(date);
        let accepted_for = Duration::try_from(accepted_for).unwrap_or_default();
        let forgotten_at = self.minute(now.monotonic + accepted_for) + 1;
        let used = self.by_minute.entry(forgotten_at).or_default();
        used.last_second = used.last_second.max(date.as_second());
        used.hashes.insert(hash);
        self.count += 1;
        Ok(())
    }

    fn forget_expired(&mut self, now: Instant) {
        let now = self.minute(now);
        while let Some(oldest) = self.by_minute.first_entry() {
            if *oldest.key() > now {
                break;
            }
            let forgotten = oldest.remove();
            self.count -= forgotten.hashes.len();
            self.first_second = self.first_second.max(forgotten.last_second + 1);
        }
    }

    /// Returns how long it is until the oldest nonces are forgotten.
    fn time_until_room(&self, now: Instant) -> Duration {
        let oldest = self.by_minute.keys().next().copied().unwrap_or_default();
        Duration::from_secs(oldest * 60).saturating_sub(now - self.started)
    }

    /// Returns the whole minutes since the start.
    fn minute(&self, time: Instant) -> u64 {
        (time - self.started).as_secs() / 60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that started at 12:00:00, and its two clocks.
    struct Clocks {
        started: Now,
    }

    impl Clocks {
        fn new() -> Self {
            let wall = at("12:00:00");
            let monotonic = Instant::now();
            Self {
                started: Now { wall, monotonic },
            }
        }

        /// Returns the time when the system clock shows `text`, this many seconds after the start.
        fn showing(&self, text: &str, after: u64) -> Now {
            Now {
                wall: at(text),
                monotonic: self.started.monotonic + Duration::from_secs(after),
            }
        }

        /// Returns the time when the system clock, which was never set, shows `text`.
        fn regular(&self, text: &str) -> Now {
            let after = at(text).duration_since(self.started.wall).as_secs();
            self.showing(text, after.try_into().unwrap())
        }
    }

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_nonce_is_good_once_for_each_key() {
        let clocks = Clocks::new();
        let mut nonces = Nonces::new(clocks.started);
        let now = clocks.regular("12:00:30");
        let mut claim = |key, nonce| nonces.claim(key, nonce, now.wall, now);
        assert_eq!(claim("a", "1"), Ok(()));
        assert_eq!(claim("a", "1"), Err(ApiError::NonceUsed));
        assert_eq!(claim("b", "1"), Ok(()));
        assert_eq!(claim("a", "2"), Ok(()));
    }

    #[test]
    fn a_nonce_is_remembered_while_its_date_is_accepted() {
        for (date, remembered, forgotten) in [
            ("12:20:30", "12:35:30", "12:36:00"),
            ("12:35:30", "12:50:30", "12:51:00"), // a clock that is ahead
            ("12:05:30", "12:20:30", "12:21:00"),
        ] {
            let clocks = Clocks::new();
            let mut nonces = Nonces::new(clocks.started);
            let claimed = nonces.claim("a", "1", at(date), clocks.regular("12:20:30"));
            assert_eq!(claimed, Ok(()));
            for again in [date, remembered] {
                let again = nonces.claim("a", "1", at(again), clocks.regular(remembered));
                assert_eq!(again, Err(ApiError::NonceUsed), "{date}");
            }
            let now = clocks.regular(forgotten);
            assert_eq!(nonces.claim("a", "1", now.wall, now), Ok(()));
            assert_eq!(nonces.count, 1);
        }
    }

    #[test]
    fn dates_before_the_second_of_the_start_are_refused() {
        let mut clocks = Clocks::new();
        clocks.started.wall = at("12:00:00.900");
        let mut nonces = Nonces::new(clocks.started);
        let now = clocks.showing("12:00:01", 0);
        let before = nonces.claim("a", "1", at("11:59:59"), now);
        assert_eq!(before, Err(ApiError::TimestampExpired));
        assert_eq!(nonces.claim("a", "1", at("12:00:00"), now), Ok(()));
    }

    #[test]
    fn a_clock_set_forward_and_back_makes_no_nonce_forgotten() {
        let clocks = Clocks::new();
        let mut nonces = Nonces::new(clocks.started);
        let mut claim = |nonce, now: Now| nonces.claim("a", nonce, now.wall, now);
        assert_eq!(claim("1", clocks.showing("12:01:00", 60)), Ok(()));
        assert_eq!(claim("2", clocks.showing("18:00:00", 61)), Ok(()));
        let back = clocks.showing("12:01:02", 62);
        assert_eq!(claim("1", back), Err(ApiError::NonceUsed));
        assert_eq!(claim("3", back), Ok(()));
    }

    #[test]
    fn a_clock_set_back_admits_no_replay_and_other_requests() {
        let clocks = Clocks::new();
        let mut nonces = Nonces::new(clocks.started);
        let mut claim = |nonce, date, now| nonces.claim("a", nonce, at(date), now);
        let first = clocks.showing("12:01:00", 60);
        assert_eq!(claim("1", "12:01:00", first), Ok(()));
        // The nonce is forgotten after an hour. Then the clock is set back by an hour.
        let back = clocks.showing("12:01:30", 3_690);
        assert_eq!(claim("2", "12:01:30", back), Ok(()));
        let replay = claim("1", "12:01:00", back);
        assert_eq!(replay, Err(ApiError::TimestampExpired));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_the_memory_full() {
        let clocks = Clocks::new();
        let mut nonces = Nonces::with_capacity(1, clocks.started);
        let mut claim = |nonce, now: Now| nonces.claim("a", nonce, now.wall, now);
        assert_eq!(claim("1", clocks.showing("13:00:00", 3_600)), Ok(()));
        let full = claim("2", clocks.showing("12:00:00", 3_601));
        assert!(matches!(full, Err(ApiError::TooManyNonces(_))), "{full:?}");
        // The nonce is forgotten in time, and requests that are younger are accepted.
        let later = clocks.showing("13:00:01", 3_600 + 16 * 60);
        assert_eq!(claim("2", later), Ok(()));
    }

    #[test]
    fn a_full_memory_throttles_new_requests() {
        let clocks = Clocks::new();
        let mut nonces = Nonces::with_capacity(2, clocks.started);
        let now = clocks.regular("12:00:30");
        let mut claim = |nonce, now: Now| nonces.claim("a", nonce, now.wall, now);
        for nonce in ["1", "2"] {
            assert_eq!(claim(nonce, now), Ok(()));
        }
        let wait = Duration::from_secs(15 * 60 + 30);
        assert_eq!(claim("3", now), Err(ApiError::TooManyNonces(wait)));
        assert_eq!(claim("1", now), Err(ApiError::NonceUsed));
        assert_eq!(claim("3", clocks.regular("12:16:00")), Ok(()));
    }
}
