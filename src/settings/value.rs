//! The types of settings.

use std::str::FromStr;
use std::time::Duration;

/// A value, or `auto`: the default of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auto<T> {
    /// The default of the source.
    Auto,
    /// A given value.
    Given(T),
}

impl<T: FromStr> FromStr for Auto<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        if text == "auto" {
            Ok(Self::Auto)
        } else {
            text.parse().map(Self::Given)
        }
    }
}

impl<T> Auto<T> {
    /// Returns the given value, or else `fitting`.
    pub fn or(self, fitting: T) -> T {
        match self {
            Self::Auto => fitting,
            Self::Given(value) => value,
        }
    }
}

/// Limit of rejected rows above which a run does not start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxRejects {
    /// More than this number.
    Rows(u64),
    /// More than this share of the rows. 100 % refuses only if all rows are rejected.
    Percent(f64),
}

impl MaxRejects {
    /// Returns whether `rejected` of `rows` exceed the limit.
    #[must_use]
    pub fn exceeded(self, rejected: u64, rows: u64) -> bool {
        match self {
            Self::Rows(most) => rejected > most,
            Self::Percent(share) if share >= 100.0 => rows > 0 && rejected == rows,
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share of rows needs no 53 bits"
            )]
            Self::Percent(share) => rejected as f64 > rows as f64 * share / 100.0,
        }
    }
}

impl FromStr for MaxRejects {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is neither a number of rows (20) nor a share (5%)");
        match text.strip_suffix('%') {
            None => text.parse().map(Self::Rows).map_err(|_| bad()),
            Some(share) => match share.trim().parse::<f64>() {
                Ok(share) if (0.0..=100.0).contains(&share) => Ok(Self::Percent(share)),
                _ => Err(bad()),
            },
        }
    }
}

/// A positive length of time such as `10s`, `500ms`, `2h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| Duration::try_from(span).ok());
        match span {
            Some(span) if !span.is_zero() => Ok(Self(span)),
            _ => Err(format!(
                "`{text}` is not a length of time; expected for example 10s, 500ms or 2h"
            )),
        }
    }
}

/// A share: `0%` to `100%`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(
    /// From 0 to 1.
    pub f64,
);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|share| share.parse().ok());
        match percent {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err(format!(
                "`{text}` is not a share; expected for example 20%, from 0% to 100%"
            )),
        }
    }
}

/// Deviations from the expectation that do not count as a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept {
    /// The subscription of an expected group filters the message.
    pub filtered: bool,
    /// A copy of the message is in the dead-letter topic of an expected group.
    pub dead_lettered: bool,
}

impl FromStr for Accept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut accept = Self::default();
        for word in text.split(',') {
            match word.trim() {
                "filtered" => accept.filtered = true,
                "dead_lettered" => accept.dead_lettered = true,
                other => {
                    return Err(format!(
                        "`{other}` can't be accepted; expected filtered or dead_lettered"
                    ));
                }
            }
        }
        Ok(accept)
    }
}

/// What is examined beyond the offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examine {
    /// Nothing.
    None,
    /// Copies that failed deliveries leave: retries and dead letters.
    Failures,
    /// These copies, and what clients have reported about their deliveries.
    FailuresAndTraces,
}

impl FromStr for Examine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "failures" => Ok(Self::Failures),
            "failures,traces" => Ok(Self::FailuresAndTraces),
            _ => Err(format!(
                "`{text}` can't be examined; expected none, failures or failures,traces"
            )),
        }
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object on each line, for programs.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!(
                "`{text}` is not a log format; expected text or json"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares() {
        assert_eq!("20%".parse(), Ok(Share(0.2)));
        assert_eq!("100%".parse(), Ok(Share(1.0)));
        for text in ["", "20", "-1%", "100.1%", "NaN%", "% "] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn too_many_rejects() {
        for (most, rejected, rows, too_many) in [
            ("0", 0, 10, false),
            ("0", 1, 10, true),
            ("5%", 5, 100, false),
            ("5%", 6, 100, true),
            ("100%", 9, 10, false),
            ("100%", 10, 10, true),
            ("100%", 0, 0, false),
        ] {
            assert_eq!(
                most.parse::<MaxRejects>().unwrap().exceeded(rejected, rows),
                too_many,
                "{most} {rejected}/{rows}"
            );
        }
        for bad in ["", "%", "-1", "101%", "many"] {
            assert!(bad.parse::<MaxRejects>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn spans_have_a_unit_and_some_length() {
        assert_eq!("10s".parse::<Span>().unwrap().0, Duration::from_secs(10));
        assert_eq!(
            "500ms".parse::<Span>().unwrap().0,
            Duration::from_millis(500)
        );
        for bad in ["", "10", "0s", "-1s", "soon"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused(
            text in ".{0,12}|[+-]?[0-9é:]{0,6}|[0-9.]{0,30}%?|P?T?[0-9]{1,25}(ns|ms|s|m|h|d|H|S)?",
        ) {
            if let Ok(Span(span)) = text.parse() {
                prop_assert!(span > Duration::ZERO);
            }
            if let Ok(most) = text.parse::<MaxRejects>() {
                prop_assert!(!most.exceeded(0, u64::MAX) && !most.exceeded(0, 0));
                prop_assert!(!most.exceeded(1, u64::MAX) || most.exceeded(2, u64::MAX));
            }
            let words = (text.parse::<Accept>(), text.parse::<LogFormat>());
            prop_assert!(words.0.is_err() && words.1.is_err());
        }
    }
}
