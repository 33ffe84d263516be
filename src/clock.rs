//! What time it is, as an argument: the signer, the record and the reports take a [`Clock`], so tests can say.

use jiff::Timestamp;

/// Tells the wall-clock time. A plain function, so that a test passes a closure-free constant.
pub type Clock = fn() -> Timestamp;

/// The machine's own clock.
#[must_use]
pub fn system() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    Timestamp::now()
}

/// A time as every file of ours writes it: RFC 3339, UTC, milliseconds (`2026-11-22T12:00:00.123Z`).
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        let time: Timestamp = "2026-11-22T20:00:00.1239+08:00".parse().unwrap();
        assert_eq!(rfc3339(time), "2026-11-22T12:00:00.123Z");
        assert_eq!(rfc3339(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
