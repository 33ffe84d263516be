//! Response headers that matter for retries: how long to wait, and how far the clocks differ. No documentation
//! says which wait header ONS sends, so all known ones are read and the longest wait wins
//! (`docs/facts/ons-api.md` §4.4).

use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Upper limit for any wait that a gateway asks for.
pub const CAP: Duration = Duration::from_mins(1);

/// Returns the longest wait that any header asks for, at most [`CAP`].
#[must_use]
pub fn longest_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let time_left = values(headers, "x-ratelimit-user-api")
        .chain(values(headers, "x-ratelimit-user"))
        .filter_map(time_left);
    time_left.chain(stated_wait(headers, now)).max()
}

/// Returns the wait of `x-acs-retry-after` or `Retry-After`, at most [`CAP`]. A wait that is not positive or cannot be
/// read counts as none, as in the official SDKs.
#[must_use]
pub fn stated_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let milliseconds = values(headers, "x-acs-retry-after").filter_map(|text| seconds(text, 1e-3));
    let standard = values(headers, RETRY_AFTER.as_str())
        .filter_map(|text| seconds(text, 1.0).or_else(|| until(text, now)));
    milliseconds.chain(standard).max()
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.filter_map(|value| value.to_str().ok())
}

/// Parses a positive number in units of `unit` seconds.
fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok()? * unit;
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(CAP.as_secs_f64())))
}

/// Parses `Limit:1,Remain:0,TimeLeft:2000,Reset:1234`: the milliseconds after `TimeLeft`.
fn time_left(text: &str) -> Option<Duration> {
    text.split(',')
        .filter_map(|pair| pair.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("TimeLeft"))
        .and_then(|(_, value)| seconds(value, 1e-3))
}

/// Returns the time until an HTTP date that lies in the future.
fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let date = http_date(text)?;
    Duration::try_from(date.duration_since(now))
        .ok()
        .filter(|wait| !wait.is_zero())
        .map(|wait| wait.min(CAP))
}

/// Parses an HTTP date, for example `Sun, 22 Nov 2026 12:00:00 GMT`.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()
}

/// Smaller clock differences are ignored: the gateway accepts 15 minutes (`docs/facts/ons-api.md` §4.2).
const NOTICED: SignedDuration = SignedDuration::from_secs(60);

/// Returns a hint about this machine's clock if the `Date` header shows a difference. For responses that reject
/// the request's time stamp.
pub(super) fn clock_hint(headers: &HeaderMap, now: Timestamp) -> Option<String> {
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?;
    let ahead = now.duration_since(date);
    if ahead.abs() < NOTICED {
        return None;
    }
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let offset = SignedDuration::from_secs(ahead.abs().as_secs());
    Some(format!(
        "set this machine's clock: it is {offset:#} {direction} the gateway's, and 15 minutes are accepted"
    ))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_wait_wins_and_is_capped() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (headers, milliseconds) in [
            (&[][..], None),
            (&[("x-acs-retry-after", "400")], Some(400)),
            (&[("x-acs-retry-after", "0")], None),
            (&[("x-acs-retry-after", "-5")], None),
            (&[("x-acs-retry-after", "NaN")], None),
            (
                &[("x-acs-retry-after", "99999999999999999999")],
                Some(60_000),
            ),
            (&[("retry-after", "2")], Some(2000)),
            (
                &[("retry-after", "Sun, 22 Nov 2026 12:00:07 GMT")],
                Some(7000),
            ),
            (&[("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT")], None),
            (
                &[("retry-after", "Mon, 23 Nov 2026 12:00:00 GMT")],
                Some(60_000),
            ),
            (&[("retry-after", "soon")], None),
            (
                &[(
                    "x-ratelimit-user",
                    "Limit:1,Remain:0,TimeLeft:2000,Reset:1234",
                )],
                Some(2000),
            ),
            (&[("x-ratelimit-user", "Limit:1,TimeLeft:x")], None),
            (
                &[
                    ("x-ratelimit-user-api", "timeleft: 1500"),
                    ("x-ratelimit-user", "TimeLeft:900"),
                    ("x-acs-retry-after", "1400"),
                    ("retry-after", "1"),
                ],
                Some(1500),
            ),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
                .collect();
            assert_eq!(
                longest_wait(&headers, now),
                milliseconds.map(Duration::from_millis),
                "{headers:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_us_wait_longer_than_the_cap(
            name in "retry-after|x-acs-retry-after|x-ratelimit-user(-api)?|date",
            value in "[ -~]{0,20}|-?[0-9.e+-]{0,12}|(TimeLeft:)?[0-9]{0,25}|inf|NaN|[SM][a-z]{2}, [0-9]{1,2} Nov [0-9]{2,6} [0-9:]{5,8} (GMT|UT|[+-][0-9]{4})",
            now in -377_705_023_201_i64..=253_402_207_200,
        ) {
            let now = Timestamp::from_second(now).unwrap();
            let headers = HeaderMap::from_iter([(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            )]);
            prop_assert!(longest_wait(&headers, now).is_none_or(|wait| wait <= CAP));
        }
    }

    #[test]
    fn the_offset_and_its_direction_are_shown() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (date, expected) in [
            ("Sun, 22 Nov 2026 12:16:03 GMT", Some("it is 16m 3s behind")),
            ("Sun, 22 Nov 2026 10:00:00 GMT", Some("it is 2h ahead of")),
            ("Sun, 22 Nov 2026 12:00:30 GMT", None),
            ("yesterday", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            let hint = clock_hint(&headers, now);
            match expected {
                Some(expected) => assert!(hint.unwrap().contains(expected)),
                None => assert_eq!(hint, None),
            }
        }
        assert_eq!(clock_hint(&HeaderMap::new(), now), None);
    }

    proptest! {
        #[test]
        fn no_date_is_too_far_away(
            date in "[ -~]{0,20}|Sun, 2[29] Nov [0-9]{2,6} 12:00:0[0-9] (GMT|[+-][0-9]{4})",
            now in -377_705_023_201_i64..=253_402_207_200,
        ) {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            let expected = clock_hint(&headers, Timestamp::from_second(now).unwrap());
            prop_assert!(expected.is_none_or(|expected| expected.contains("behind") || expected.contains("ahead of")));
        }
    }
}
