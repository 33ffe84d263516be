//! Born times. A 4.x ID contains the time since the start of a month in the producer's zone, but not the month.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::MessageId;

/// Dates message IDs relative to one moment. Created once for many IDs, because it computes the start of the
/// month.
#[derive(Debug, Clone, Copy)]
pub struct BornClock {
    now: Timestamp,
    /// Start of the month of `now`, and of the previous one.
    months: [Option<Timestamp>; 2],
}

impl BornClock {
    /// How far a born time in an ID may be wrong: an ID does not say the time zone of its producer, and this is the largest
    /// difference between two zones.
    pub const MOST_WRONG: SignedDuration = SignedDuration::from_hours(26);

    /// Creates a clock for producers in `zone` (`docs/facts/ons-api.md` §8.1).
    #[must_use]
    pub fn new(now: Timestamp, zone: &TimeZone) -> Self {
        let start = |day: &Zoned| Some(day.start_of_day().ok()?.timestamp());
        let this = now.to_zoned(zone.clone()).first_of_month().ok();
        let last = this
            .as_ref()
            .and_then(|day| day.checked_sub(1.month()).ok());
        Self {
            now,
            months: [this, last].map(|day| day.as_ref().and_then(start)),
        }
    }

    /// Returns when the message of this ID was born, if the ID contains a time.
    #[must_use]
    pub fn born(&self, msg_id: &str) -> Option<Timestamp> {
        MessageId::parse(msg_id).ok()?.born(self)
    }

    /// Adds to the start of the current month, or of the previous one if the result would be in the future.
    pub(super) fn since_month(&self, millis: u32) -> Option<Timestamp> {
        let since = SignedDuration::from_millis(millis.into());
        self.months.iter().flatten().find_map(|month| {
            month
                .checked_add(since)
                .ok()
                .filter(|born| *born <= self.now)
        })
    }
}
