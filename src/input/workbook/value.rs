//! The text of a cell that is not text.

use calamine::ExcelDateTime;
use jiff::SignedDuration;

/// From here on, integers are written in scientific notation. Spreadsheets keep 15 digits, so a longer integer may have
/// lost digits, and the check of IDs rejects this notation with that reason.
const SCIENTIFIC: f64 = 1e15;
/// Below this, fractions are written in scientific notation, since their decimals may be hundreds of zeros.
const TINY: f64 = 1e-7;
/// Number of the day after 9999-12-31, the last day of a spreadsheet.
const END_OF_DAYS: f64 = 2_958_466.0;

/// Returns a number as its shortest text that gives the same number again: `17`, `0.1`, `1.23456789012345E+31`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= SCIENTIFIC && value.is_finite() {
        format!("{value:E}").replacen('E', "E+", 1)
    } else if size < TINY && size > 0.0 {
        format!("{value:E}")
    } else {
        // Adding zero makes a negative zero positive.
        (value + 0.0).to_string()
    }
}

/// Returns a date, a time of day or both as ISO 8601 without a zone. `has_time` says whether the format of the cell shows
/// the time, which decides at midnight. A number before the first day is a time of day. A number that is no date at all
/// remains a number.
pub(super) fn date_time(value: ExcelDateTime, has_time: bool) -> String {
    let days = value.as_f64();
    if !(0.0..END_OF_DAYS).contains(&days) {
        return number(days);
    }
    let (year, month, day, hour, minute, second, milli) = value.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = match milli {
        0 => format!("{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    };
    let is_midnight = (hour, minute, second, milli) == (0, 0, 0, 0);
    match days {
        days if days < 1.0 => time,
        _ if is_midnight && !has_time => date,
        _ => format!("{date}T{time}"),
    }
}

/// Returns a duration of days as ISO 8601 with hours as the largest unit: `PT36H30M`.
pub(super) fn duration(days: f64) -> String {
    let millis = (days * 86_400_000.0).round();
    if millis.abs() >= SCIENTIFIC || millis.is_nan() {
        return number(days);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is integral and below 1e15"
    )]
    let millis = millis as i64;
    SignedDuration::from_millis(millis).to_string()
}

/// Returns whether a number format shows hours or seconds: `yyyy-mm-dd hh:mm`. Colours, locales and quoted text do not
/// count.
pub(super) fn shows_time(format: &str) -> bool {
    let (mut in_quotes, mut in_brackets) = (false, false);
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' if !in_brackets => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '\\' | '_' | '*' => {
                characters.next();
            }
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            'h' | 'H' | 's' | 'S' if !in_brackets => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;
    use proptest::prelude::*;

    use super::*;
    use crate::message::{BadId, MessageId};

    #[test]
    fn numbers_are_as_short_as_possible() {
        for (value, text) in [
            (17.0, "17"),
            (-17.0, "-17"),
            (0.0, "0"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-6, "0.000001"),
            (1e-300, "1E-300"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1E+15"),
            (-1e15, "-1E+15"),
            (1.234_567_890_123_45E31, "1.23456789012345E+31"),
            (f64::MAX, "1.7976931348623157E+308"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn an_id_that_became_a_number_is_rejected_as_such() {
        for id in [
            "12345678901234567890123456789012",
            "10000000000000000000000000000000",
        ] {
            let text = number(id.parse().unwrap());
            assert_eq!(MessageId::check(&text), Err(BadId::Spreadsheet), "{text}");
        }
        let id = "00000000000000000000000000000017";
        let text = number(id.parse().unwrap());
        assert_eq!(MessageId::check(&text), Err(BadId::Number { found: 2 }));
    }

    #[test]
    fn dates_are_iso_8601() {
        let days = |days| ExcelDateTime::new(days, ExcelDateTimeType::DateTime, false);
        for (value, has_time, text) in [
            (46_346.0, false, "2026-11-20"),
            (46_346.0, true, "2026-11-20T00:00:00"),
            (46_346.583_333_333_336, false, "2026-11-20T14:00:00"),
            (46_346.583_333_333_33, true, "2026-11-20T14:00:00"),
            (46_346.583_334_756_94, true, "2026-11-20T14:00:00.123"),
            (46_346.999_999_999_99, true, "2026-11-21T00:00:00"),
            (0.5, false, "12:00:00"),
            (0.0, true, "00:00:00"),
            (-1.5, true, "-1.5"),
            (2_958_466.0, true, "2958466"),
        ] {
            assert_eq!(date_time(days(value), has_time), text, "{value}");
        }
        let of_mac = ExcelDateTime::new(0.0 + 44_884.0, ExcelDateTimeType::DateTime, true);
        assert_eq!(date_time(of_mac, false), "2026-11-20");
    }

    #[test]
    fn durations_are_iso_8601() {
        for (days, text) in [
            (1.520_833_333_333_333_3, "PT36H30M"),
            (0.0, "PT0S"),
            (1.0, "PT24H"),
            (-0.5, "-PT12H"),
            (1.5 / 86_400.0, "PT1.5S"),
            (61.0 / 86_400.0, "PT1M1S"),
            (1e300, "1E+300"),
        ] {
            assert_eq!(duration(days), text);
        }
    }

    #[test]
    fn formats_with_a_time_are_known() {
        for (format, expected) in [
            ("yyyy-mm-dd", false),
            ("yyyy-mm-dd hh:mm", true),
            ("m/d/yy H:mm", true),
            ("mm:ss", true),
            ("General", false),
            ("[$-804]yyyy\"h\"\\s_hmm", false),
            ("[White]yyyy", false),
        ] {
            assert_eq!(shows_time(format), expected, "{format}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let again: f64 = number(value).parse().unwrap();
            prop_assert_eq!((again + 0.0).to_bits(), (value + 0.0).to_bits());
        }

        #[test]
        fn no_number_panics_as_a_date(bits: u64, has_time: bool, is_1904: bool, format: String) {
            let value = f64::from_bits(bits);
            date_time(ExcelDateTime::new(value, ExcelDateTimeType::DateTime, is_1904), has_time);
            duration(value);
            shows_time(&format);
        }
    }
}
