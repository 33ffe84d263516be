//! Headers by which a gateway asks us to wait, one a line: never longer than a minute, never nothing.
#![no_main]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use ons_audit::source::ons::headers::{CAP, http_date, longest_wait};

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|&byte| byte == b'\n');
    let headers: HeaderMap = lines.clone().filter_map(header).collect();
    for now in [
        Timestamp::MIN,
        Timestamp::constant(1_795_348_800, 0),
        Timestamp::MAX,
    ] {
        let wait = longest_wait(&headers, now);
        assert!(wait.is_none_or(|wait| wait <= CAP), "{wait:?}");
        assert!(wait.is_none() || !headers.is_empty());
    }
    for line in lines {
        if let Some(date) = str::from_utf8(line).ok().and_then(http_date) {
            let wait = HeaderMap::from_iter(
                [(http::header::RETRY_AFTER, HeaderValue::from_bytes(line))]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value.ok()?))),
            );
            if let Ok(before) = date.checked_sub(SignedDuration::from_secs(7)) {
                let wait = longest_wait(&wait, before);
                assert!(
                    wait.is_none_or(|wait| wait == Duration::from_secs(7)),
                    "{wait:?}"
                );
            }
        }
    }
});

/// `NAME:VALUE`
fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    Some((
        HeaderName::from_bytes(name).ok()?,
        HeaderValue::from_bytes(value.trim_ascii()).ok()?,
    ))
}
