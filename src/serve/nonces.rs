//! Nonces that were used.
//!
//! A nonce is remembered as long as its date is accepted. Only requests with a valid signature get here, so strangers can
//! neither fill the memory nor use up a nonce of others. When the memory is full, new requests are throttled; nothing is
//! forgotten early.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::ApiError;

/// How far a request's date may be from now (`docs/facts/ons-api.md` §3.2).
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Some 70 MB: enough for 4,600 requests a second.
const MAX_NONCES: usize = 4 << 20;

/// Used nonces as 64-bit keyed hashes, by the minute in which they may be forgotten.
#[derive(Debug)]
pub struct Nonces {
    by_minute: BTreeMap<i64, HashSet<u64>>,
    count: usize,
    most: usize,
    hasher: RandomState,
}

impl Default for Nonces {
    fn default() -> Self {
        Self::with_capacity(MAX_NONCES)
    }
}

impl Nonces {
    fn with_capacity(most: usize) -> Self {
        Self {
            by_minute: BTreeMap::new(),
            count: 0,
            most,
            hasher: RandomState::new(),
        }
    }

    /// Uses up the nonce of a request dated `date`, which is within the [`WINDOW`] of `now`.
    ///
    /// # Errors
    ///
    /// [`ApiError::NonceUsed`] or [`ApiError::TooManyNonces`].
    pub fn claim(
        &mut self,
        key_id: &str,
        nonce: &str,
        date: Timestamp,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.forget_expired(now);
        let hash = self.hasher.hash_one((key_id, nonce));
        if self.by_minute.values().any(|seen| seen.contains(&hash)) {
            return Err(ApiError::NonceUsed);
        }
        if self.count >= self.most {
            return Err(ApiError::TooManyNonces(self.time_until_room(now)));
        }
        let forgotten_at = minute(date.saturating_add(WINDOW).unwrap_or(date)) + 1;
        self.by_minute.entry(forgotten_at).or_default().insert(hash);
        self.count += 1;
        Ok(())
    }

    fn forget_expired(&mut self, now: Timestamp) {
        let now = minute(now);
        while let Some(oldest) = self.by_minute.first_entry() {
            if *oldest.key() > now {
                break;
            }
            self.count -= oldest.remove().len();
        }
    }

    /// Returns how long it is until the oldest nonces are forgotten.
    fn time_until_room(&self, now: Timestamp) -> Duration {
        let oldest = self.by_minute.keys().next().copied().unwrap_or_default();
        Duration::from_secs(u64::try_from(oldest * 60 - now.as_second()).unwrap_or(1))
    }
}

fn minute(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_nonce_is_good_once_for_each_key() {
        let mut nonces = Nonces::default();
        let now = at("12:00:30");
        assert_eq!(nonces.claim("a", "1", now, now), Ok(()));
        assert_eq!(nonces.claim("a", "1", now, now), Err(ApiError::NonceUsed));
        assert_eq!(nonces.claim("b", "1", now, now), Ok(()));
        assert_eq!(nonces.claim("a", "2", now, now), Ok(()));
    }

    #[test]
    fn a_nonce_is_remembered_while_its_date_is_accepted() {
        for (date, remembered, forgotten) in [
            ("12:00:30", "12:15:30", "12:16:00"),
            ("12:15:30", "12:30:30", "12:31:00"), // a clock that is ahead
            ("11:45:30", "12:00:30", "12:01:00"),
        ] {
            let mut nonces = Nonces::default();
            let date = at(date);
            assert_eq!(nonces.claim("a", "1", date, at("12:00:30")), Ok(()));
            let again = nonces.claim("a", "1", date, at(remembered));
            assert_eq!(again, Err(ApiError::NonceUsed), "{date}");
            let another_date = nonces.claim("a", "1", at(remembered), at(remembered));
            assert_eq!(another_date, Err(ApiError::NonceUsed), "{date}");
            assert_eq!(nonces.claim("a", "1", at(forgotten), at(forgotten)), Ok(()));
            assert_eq!(nonces.count, 1);
        }
    }

    #[test]
    fn a_full_memory_throttles_new_requests() {
        let mut nonces = Nonces::with_capacity(2);
        let now = at("12:00:30");
        for nonce in ["1", "2"] {
            assert_eq!(nonces.claim("a", nonce, now, now), Ok(()));
        }
        let wait = Duration::from_secs(15 * 60 + 30);
        assert_eq!(
            nonces.claim("a", "3", now, now),
            Err(ApiError::TooManyNonces(wait))
        );
        assert_eq!(nonces.claim("a", "1", now, now), Err(ApiError::NonceUsed));
        let later = at("12:16:00");
        assert_eq!(nonces.claim("a", "3", later, later), Ok(()));
    }
}
