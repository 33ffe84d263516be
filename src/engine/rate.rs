//! A rate such as `10/s`, `600/m` or `max`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// A number of calls per time, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// At most `calls` in each `per`, evenly spread.
    Limited {
        /// Number of calls.
        calls: NonZeroU32,
        /// The length of time.
        per: Duration,
    },
    /// No limit: as fast as the source answers.
    Max,
}

/// An error for a text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a rate; expected calls per second, minute or hour such as 10/s, 600/m, 3000/h, or max"
)]
pub struct BadRate(String);

impl Rate {
    /// Makes a rate of `calls` per second.
    #[must_use]
    pub const fn per_second(calls: NonZeroU32) -> Self {
        Self::Limited {
            calls,
            per: Duration::from_secs(1),
        }
    }

    /// Returns the time from the beginning of one call to the next. `None` if there is no limit.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        match self {
            Self::Limited { calls, per } => Some(per / calls.get()),
            Self::Max => None,
        }
    }

    /// Returns the number of calls in the unit of time that the rate names; one if there is no limit.
    #[must_use]
    pub const fn calls(self) -> NonZeroU32 {
        match self {
            Self::Limited { calls, .. } => calls,
            Self::Max => NonZeroU32::MIN,
        }
    }

    /// Returns how long `calls` calls take, from the first to the last. `None` if there is no limit.
    #[must_use]
    pub fn time_for(self, calls: u64) -> Option<Duration> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "2^53 calls take millions of years"
        )]
        self.interval()
            .map(|interval| interval.mul_f64(calls.saturating_sub(1) as f64))
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let bad = || BadRate(text.to_owned());
        let (calls, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(bad()),
        };
        let calls = calls.trim().parse().map_err(|_| bad())?;
        Ok(Self::Limited {
            calls,
            per: Duration::from_secs(seconds),
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Limited { calls, per } => {
                let unit = match per.as_secs() {
                    3600 => "h",
                    60 => "m",
                    _ => "s",
                };
                write!(f, "{calls}/{unit}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_read_and_written_back() {
        for (text, interval) in [
            ("10/s", Some(100)),
            ("600/m", Some(100)),
            ("3600/h", Some(1000)),
            ("max", None),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(
                rate.interval(),
                interval.map(Duration::from_millis),
                "{text}"
            );
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!("8".parse::<Rate>().unwrap().to_string(), "8/s");
        for text in [
            "",
            "0/s",
            "-1/s",
            "10/d",
            "ten",
            "10/",
            "1.5/s",
            "4294967296/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_last_call_begins_one_interval_short_of_the_count() {
        let rate: Rate = "10/s".parse().unwrap();
        assert_eq!(rate.time_for(101), Some(Duration::from_secs(10)));
        assert_eq!(rate.time_for(0), Some(Duration::ZERO));
        assert_eq!(Rate::Max.time_for(101), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_rate_that_is_written_back_or_refused(text in ".{0,8}|[0-9]{1,11} ?/? ?[smhd]?") {
            if let Ok(rate) = text.parse::<Rate>() {
                prop_assert_eq!(rate.to_string().parse(), Ok(rate));
                prop_assert!(rate.time_for(u32::MAX.into()) >= rate.time_for(1));
            }
        }
    }
}
