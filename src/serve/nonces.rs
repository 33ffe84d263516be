//! Which requests were seen before.
//!
//! A nonce is remembered for as long as its date would be accepted, and only those of requests whose signature
//! holds: a stranger can neither fill the memory nor burn another's nonce. A busy gateway's memory is bounded; when
//! it is full nothing is forgotten early, new requests are told to wait.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Refusal;

/// How far a request's date may be from now (`facts/ons-api.md` §3.2).
pub const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Some 70 MB when full: 4,600 requests a second, all the time.
const MOST: usize = 4 << 20;

/// The nonces of a quarter of an hour, as 64-bit keyed hashes, by the minute in which they may be forgotten.
#[derive(Debug)]
pub struct Nonces {
    by_minute: BTreeMap<i64, HashSet<u64>>,
    count: usize,
    most: usize,
    hasher: RandomState,
}

impl Default for Nonces {
    /// Remembers no more than fits into its bounds.
    fn default() -> Self {
        Self::with_room_for(MOST)
    }
}

impl Nonces {
    fn with_room_for(most: usize) -> Self {
        Self {
            by_minute: BTreeMap::new(),
            count: 0,
            most,
            hasher: RandomState::new(),
        }
    }

    /// Takes the nonce of a request dated `date`, which is within the [`WINDOW`] of `now`.
    pub fn take(
        &mut self,
        key_id: &str,
        nonce: &str,
        date: Timestamp,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.forget(now);
        let hash = self.hasher.hash_one((key_id, nonce));
        if self.by_minute.values().any(|seen| seen.contains(&hash)) {
            return Err(Refusal::NonceUsed);
        }
        if self.count >= self.most {
            return Err(Refusal::TooManyNonces(self.room_in(now)));
        }
        let forgotten_at = minute(date.saturating_add(WINDOW).unwrap_or(date)) + 1;
        self.by_minute.entry(forgotten_at).or_default().insert(hash);
        self.count += 1;
        Ok(())
    }

    fn forget(&mut self, now: Timestamp) {
        let now = minute(now);
        while let Some(oldest) = self.by_minute.first_entry() {
            if *oldest.key() > now {
                break;
            }
            self.count -= oldest.remove().len();
        }
    }

    /// How long until the oldest ones are forgotten.
    fn room_in(&self, now: Timestamp) -> Duration {
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
        assert_eq!(nonces.take("a", "1", now, now), Ok(()));
        assert_eq!(nonces.take("a", "1", now, now), Err(Refusal::NonceUsed));
        assert_eq!(nonces.take("b", "1", now, now), Ok(()));
        assert_eq!(nonces.take("a", "2", now, now), Ok(()));
    }

    #[test]
    fn it_is_remembered_while_its_date_is_accepted_and_not_much_longer() {
        for (date, remembered, forgotten) in [
            ("12:00:30", "12:15:30", "12:16:00"),
            ("12:15:30", "12:30:30", "12:31:00"), // a clock that is ahead
            ("11:45:30", "12:00:30", "12:01:00"),
        ] {
            let mut nonces = Nonces::default();
            let date = at(date);
            assert_eq!(nonces.take("a", "1", date, at("12:00:30")), Ok(()));
            let again = nonces.take("a", "1", date, at(remembered));
            assert_eq!(again, Err(Refusal::NonceUsed), "{date}");
            let another_date = nonces.take("a", "1", at(remembered), at(remembered));
            assert_eq!(another_date, Err(Refusal::NonceUsed), "{date}");
            assert_eq!(nonces.take("a", "1", at(forgotten), at(forgotten)), Ok(()));
            assert_eq!(nonces.count, 1);
        }
    }

    #[test]
    fn when_the_memory_is_full_requests_wait_until_the_oldest_are_forgotten() {
        let mut nonces = Nonces::with_room_for(2);
        let now = at("12:00:30");
        for nonce in ["1", "2"] {
            assert_eq!(nonces.take("a", nonce, now, now), Ok(()));
        }
        let wait = Duration::from_secs(15 * 60 + 30);
        assert_eq!(
            nonces.take("a", "3", now, now),
            Err(Refusal::TooManyNonces(wait))
        );
        assert_eq!(nonces.take("a", "1", now, now), Err(Refusal::NonceUsed));
        let later = at("12:16:00");
        assert_eq!(nonces.take("a", "3", later, later), Ok(()));
    }
}
