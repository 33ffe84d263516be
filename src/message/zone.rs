//! The time zone of producers. Message IDs of 4.x clients depend on it.

use std::str::FromStr;

use jiff::tz::TimeZone;

/// A time zone: `+08:00`, `Asia/Shanghai`, `UTC` or `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The text it was parsed from.
    pub name: String,
    /// The zone that the text names.
    pub zone: TimeZone,
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{text}` is not a time zone; expected for example +08:00, Asia/Shanghai or UTC"
            )
        };
        let zone = if text == "local" {
            TimeZone::system()
        } else {
            fixed(text)
                .or_else(|| TimeZone::get(text).ok())
                .ok_or_else(bad)?
        };
        Ok(Self {
            name: text.to_owned(),
            zone,
        })
    }
}

/// Parses an offset from UTC: `+08:00`, `-0330`, `+8`.
fn fixed(text: &str) -> Option<TimeZone> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let part = |text: &str, most: i32| {
        text.parse::<u8>()
            .ok()
            .map(i32::from)
            .filter(|part| *part <= most)
    };
    let seconds = part(hours, 15)? * 3600 + part(minutes, 59)? * 60;
    Some(TimeZone::fixed(
        jiff::tz::Offset::from_seconds(sign * seconds).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zones_are_offsets_or_names() {
        let seconds = |text: &str| {
            text.parse::<Zone>()
                .unwrap()
                .zone
                .to_offset(jiff::Timestamp::UNIX_EPOCH)
                .seconds()
        };
        assert_eq!(seconds("+08:00"), 28_800);
        assert_eq!(seconds("-0330"), -12_600);
        assert_eq!(seconds("+8"), 28_800);
        assert_eq!(seconds("Asia/Shanghai"), 28_800);
        assert_eq!(seconds("UTC"), 0);
        for bad in ["", "+", "+99:00", "+08:60", "Mars/Olympus", "+é", "+0é0"] {
            assert!(bad.parse::<Zone>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,12}|[+-]?[0-9é:]{0,6}") {
            if let Ok(zone) = text.parse::<Zone>() {
                prop_assert_eq!(&zone.name, &text);
                prop_assert!(zone.zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds().abs() < 24 * 3600);
            }
        }
    }
}
