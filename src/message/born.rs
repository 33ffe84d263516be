//! Born times: a 4.x ID tells the time since its month began, in the producer's zone, and not which month that was.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::MessageId;

/// Dates IDs as they could be dated at one moment. Made once for many IDs: the month's beginning is looked up here.
#[derive(Debug, Clone, Copy)]
pub struct BornClock {
    now: Timestamp,
    /// Beginnings of the month of `now` and of the one before.
    months: [Option<Timestamp>; 2],
}

impl BornClock {
    /// `zone` is the producers' (`docs/facts/ons-api.md` §8.1).
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

    /// When the message of this ID was born, if the ID tells.
    #[must_use]
    pub fn born(&self, msg_id: &str) -> Option<Timestamp> {
        MessageId::parse(msg_id).ok()?.born(self)
    }

    /// This month if that is not in the future, else the month before.
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
