//! How far this machine's clock is from the gateway's: what a person needs to know when a time stamp is refused.

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};

use super::retry_after::http_date;

/// A smaller difference never made a gateway refuse: it accepts 15 minutes (`facts/ons-api.md` §4.2).
const NOTICED: SignedDuration = SignedDuration::from_secs(60);

/// What to do about a refused time stamp, from the answer's `Date`, where that shows a difference.
pub(super) fn hint(headers: &HeaderMap, now: Timestamp) -> Option<String> {
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_offset_and_its_direction_are_told() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (date, said) in [
            ("Sun, 22 Nov 2026 12:16:03 GMT", Some("it is 16m 3s behind")),
            ("Sun, 22 Nov 2026 10:00:00 GMT", Some("it is 2h ahead of")),
            ("Sun, 22 Nov 2026 12:00:30 GMT", None),
            ("yesterday", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            let hint = hint(&headers, now);
            match said {
                Some(said) => assert!(hint.unwrap().contains(said)),
                None => assert_eq!(hint, None),
            }
        }
        assert_eq!(hint(&HeaderMap::new(), now), None);
    }

    proptest! {
        #[test]
        fn no_date_is_too_far_away(
            date in "[ -~]{0,20}|Sun, 2[29] Nov [0-9]{2,6} 12:00:0[0-9] (GMT|[+-][0-9]{4})",
            now in -377_705_023_201_i64..=253_402_207_200,
        ) {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            let said = hint(&headers, Timestamp::from_second(now).unwrap());
            prop_assert!(said.is_none_or(|said| said.contains("behind") || said.contains("ahead of")));
        }
    }
}
