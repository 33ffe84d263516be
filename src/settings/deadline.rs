//! The end of a run: a time of day, a moment, or a length of time.

use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// `06:00`, the next one on this machine's clock, or a moment such as `2026-11-23T06:00+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishBy {
    /// The next moment at which clocks show this time.
    TimeOfDay(Time),
    /// A moment, independent of clocks.
    Moment(Timestamp),
}

impl FromStr for FinishBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A whole date could be read as a time of day, too.
        let is_time = text.len() <= "06:00:00".len() && text.contains(':');
        let time = is_time.then(|| text.parse().ok()).flatten();
        time.map(Self::TimeOfDay)
            .or_else(|| text.parse().ok().map(Self::Moment))
            .ok_or_else(|| {
                format!(
                    "`{text}` is not a time; expected for example 06:00 or 2026-11-23T06:00+08:00"
                )
            })
    }
}

impl FinishBy {
    /// Returns the moment for a run that starts at `now`. A time of day is read in `zone`.
    #[must_use]
    pub fn moment(self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let time = match self {
            Self::Moment(moment) => return Some(moment),
            Self::TimeOfDay(time) => time,
        };
        let today = now.to_zoned(zone.clone()).date();
        let on = |day: jiff::civil::Date| {
            let moment = day
                .to_datetime(time)
                .to_zoned(zone.clone())
                .ok()?
                .timestamp();
            (moment > now).then_some(moment)
        };
        // When clocks are set back, a time occurs twice. Its first occurrence may be over while the date is still
        // today.
        on(today).or_else(|| on(today.checked_add(1.day()).ok()?))
    }
}

/// The end of a run, and the flag that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// No call starts after this moment.
    pub at: Timestamp,
    /// The flag for messages: `--finish-by 06:00`.
    pub given_by: String,
}

impl Deadline {
    /// Returns the time left at `now`.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> SignedDuration {
        self.at.duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_next_one_on_the_clock() {
        for (text, zone, now, expected) in [
            (
                "06:00",
                "Asia/Shanghai",
                "2026-11-22T21:59:00Z",
                "2026-11-22T22:00:00Z",
            ),
            (
                "06:00",
                "Asia/Shanghai",
                "2026-11-22T22:00:00Z",
                "2026-11-23T22:00:00Z",
            ),
            (
                "23:30:15",
                "UTC",
                "2026-12-31T23:31:00Z",
                "2027-01-01T23:30:15Z",
            ),
            // The clock jumps over it: the moment after the gap.
            (
                "02:30",
                "Europe/Berlin",
                "2026-03-28T23:30:00Z",
                "2026-03-29T01:30:00Z",
            ),
            // The clock shows it twice: the first of them, and that is over.
            (
                "02:30",
                "Europe/Berlin",
                "2026-10-25T00:45:00Z",
                "2026-10-26T01:30:00Z",
            ),
            (
                "2026-11-23T06:00+08:00",
                "UTC",
                "2026-11-22T12:00:00Z",
                "2026-11-22T22:00:00Z",
            ),
            (
                "2026-11-23T06:00:30Z",
                "UTC",
                "2027-01-01T00:00:00Z",
                "2026-11-23T06:00:30Z",
            ),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            let moment = text
                .parse::<FinishBy>()
                .unwrap()
                .moment(now.parse().unwrap(), &zone);
            assert_eq!(moment, Some(expected.parse().unwrap()), "{text} at {now}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "6",
            "25:00",
            "06:61",
            "tomorrow",
            "2026-11-23",
            "2026-11-23T06:00",
        ] {
            assert!(text.parse::<FinishBy>().is_err(), "{text:?}");
        }
    }
}
