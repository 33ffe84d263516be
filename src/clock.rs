//! The current time as an argument: signer, results file and reports take a [`Clock`], so that tests can set the time.

use jiff::Timestamp;

/// Returns the current time. A plain function, so that tests can pass a constant one.
pub type Clock = fn() -> Timestamp;

/// Returns the time of the system clock.
#[must_use]
pub fn system() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    Timestamp::now()
}

/// Formats a time as all files have it: RFC 3339, UTC, milliseconds (`2026-11-22T12:00:00.123Z`).
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Formats times as [`rfc3339`] does. Consecutive times are often in the same second, which is formatted only once: to
/// format a time costs more than to judge a message.
#[derive(Debug, Default)]
pub(crate) struct TimeText {
    last: Option<(i64, i32)>,
    text: String,
}

impl TimeText {
    /// Formats a time as RFC 3339, UTC, milliseconds.
    pub(crate) fn of(&mut self, time: Timestamp) -> &str {
        let nanosecond = time.subsec_nanosecond();
        let before_it = i64::from(nanosecond < 0); // both are negative before 1970
        let second = time.as_second() - before_it;
        let millisecond = nanosecond.rem_euclid(1_000_000_000) / 1_000_000;
        match self.last {
            Some(last) if last == (second, millisecond) => return &self.text,
            Some((last, _)) if last == second => {
                self.text.truncate(self.text.len() - "000Z".len());
                for unit in [100, 10, 1] {
                    let digit = u32::try_from(millisecond / unit % 10).unwrap_or_default();
                    self.text.extend(char::from_digit(digit, 10));
                }
                self.text.push('Z');
            }
            _ => self.text = rfc3339(time),
        }
        self.last = Some((second, millisecond));
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        let time: Timestamp = "2026-11-22T20:00:00.1239+08:00".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-22T12:00:00.123Z");
        assert_eq!(rfc3339(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn times_one_after_the_other_are_written_as_each_alone(
            start in -2_i64..2_000_000_000,
            steps in prop::collection::vec(-1_500_000_000_i64..1_500_000_000, 1..20),
        ) {
            let mut text = TimeText::default();
            let mut time = Timestamp::from_second(start).unwrap();
            for step in steps {
                time = time.checked_add(jiff::SignedDuration::from_nanos(step)).unwrap();
                prop_assert_eq!(text.of(time), rfc3339(time));
            }
        }
    }
}
