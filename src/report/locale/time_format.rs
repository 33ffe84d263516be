//! Times in one zone, which is named wherever a time stands (`docs/facts/users.md` J11).

use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Language, Locale};
use crate::message::Zone;

/// A zone's fixed offset is looked up from this moment on. Many zones changed their offset before.
const RECENT: Timestamp = Timestamp::constant(1_577_836_800, 0); // 2020-01-01

/// How times are shown: in one zone, with offsets if the zone has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat {
    zone: TimeZone,
    name: String,
    label: String,
    /// Whether the zone has summer time, so that each time needs its offset.
    shifts: bool,
}

impl Default for TimeFormat {
    /// Returns the format for UTC.
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            name: "UTC".to_owned(),
            label: "UTC".to_owned(),
            shifts: false,
        }
    }
}

impl TimeFormat {
    /// Returns the format for a zone of the settings.
    #[must_use]
    pub fn new(zone: &Zone) -> Self {
        let shifts = zone.zone.following(RECENT).next().is_some();
        let offset = RECENT
            .to_zoned(zone.zone.clone())
            .strftime("UTC%:z")
            .to_string();
        let name = match zone.zone.iana_name() {
            Some("Etc/UTC") => "UTC".to_owned(),
            Some(name) => name.to_owned(),
            None if zone.zone.to_offset(RECENT).is_zero() => "UTC".to_owned(),
            None => offset.clone(),
        };
        let label = if shifts || name == "UTC" || name == offset {
            name.clone()
        } else {
            format!("{name}, {offset}")
        };
        Self {
            zone: zone.zone.clone(),
            name,
            label,
            shifts,
        }
    }

    /// Returns the zone's name in a sentence: `UTC`, `UTC+08:00`, `Asia/Shanghai`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the zone's name above a column of times: `UTC`, `Asia/Shanghai, UTC+08:00`, `Europe/Berlin`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the local date and time of a moment.
    #[must_use]
    pub fn zoned(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.zone.clone())
    }

    /// Returns how far local time is ahead of UTC, in milliseconds.
    pub(in crate::report) fn ahead(&self, time: Timestamp) -> i64 {
        i64::from(self.zone.to_offset(time).seconds()) * 1000
    }

    /// Returns `2026-11-20 14:02:09`, with the offset if the zone has several. The zone must be named beside or above
    /// it.
    #[must_use]
    pub fn time(&self, time: Timestamp) -> String {
        let local = self.zoned(time);
        let offset = self.offset(&local);
        format!("{}{offset}", local.strftime("%F %T"))
    }

    /// Returns `2026-11-20 14:02:09 UTC`, for a time that stands alone.
    #[must_use]
    pub fn named(&self, time: Timestamp) -> String {
        format!("{} {}", self.time(time), self.name)
    }

    fn offset(&self, local: &Zoned) -> String {
        if self.shifts {
            local.strftime("%:z").to_string()
        } else {
            String::new()
        }
    }
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "local" {
            // A report is read and rendered again on other machines, and must come out the same.
            return Err(
                "`local` is another zone for each reader; name it, for example Asia/Shanghai"
                    .to_owned(),
            );
        }
        Ok(Self::new(&text.parse()?))
    }
}

/// The precision of a range of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangePrecision {
    /// The seconds of the first and the last time.
    Exact,
    /// Whole minutes, rounded outwards; seconds if the range is shorter than two minutes.
    Around,
}

impl Locale {
    /// Returns a range of times without the zone: `2026-11-20 14:02 to 14:19`.
    #[must_use]
    pub fn time_range(&self, (first, last): (Timestamp, Timestamp), how: RangePrecision) -> String {
        let (first, last) = match how {
            RangePrecision::Around if last.as_second() - first.as_second() >= 120 => {
                let minute = |second: i64| Timestamp::from_second(second * 60);
                let up = minute((last.as_second() + 59).div_euclid(60));
                let down = minute(first.as_second().div_euclid(60));
                (down.unwrap_or(first), up.unwrap_or(last))
            }
            _ => (first, last),
        };
        let [from, to] = [first, last].map(|time| self.time_format.zoned(time));
        let is_minutes = how == RangePrecision::Around
            && first.as_second() % 60 == 0
            && last.as_second() % 60 == 0;
        let time_format = if is_minutes { "%H:%M" } else { "%T" };
        let tail = |local: &Zoned| {
            format!(
                "{}{}",
                local.strftime(time_format),
                self.time_format.offset(local)
            )
        };
        let whole = |local: &Zoned| format!("{} {}", local.strftime("%F"), tail(local));
        if from == to {
            return whole(&from);
        }
        let until = if from.date() == to.date() {
            tail(&to)
        } else {
            whole(&to)
        };
        match self.language {
            Language::English => format!("{} to {until}", whole(&from)),
            Language::Chinese => format!("{} 至 {until}", whole(&from)),
        }
    }

    /// Returns a time of the results file in this format, or the text unchanged if it cannot be parsed.
    pub(crate) fn recorded(&self, rfc3339: &str) -> String {
        rfc3339
            .parse()
            .map_or_else(|_| rfc3339.to_owned(), |time| self.time_format.time(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(zone: &str, language: &str) -> Locale {
        Locale {
            language: language.parse().unwrap(),
            time_format: TimeFormat::new(&zone.parse().unwrap()),
        }
    }

    #[test]
    fn a_zone_with_a_fixed_offset_is_named_with_it() {
        for (zone, label) in [
            ("UTC", "UTC"),
            ("+00:00", "UTC"),
            ("+08:00", "UTC+08:00"),
            ("-03:30", "UTC-03:30"),
            ("Asia/Shanghai", "Asia/Shanghai, UTC+08:00"),
            ("Europe/Berlin", "Europe/Berlin"),
        ] {
            assert_eq!(TimeFormat::new(&zone.parse().unwrap()).label(), label);
        }
        assert_eq!(
            TimeFormat::default(),
            TimeFormat::new(&"UTC".parse().unwrap())
        );
    }

    #[test]
    fn times_are_local_and_show_ambiguous_offsets() {
        let time = "2026-10-25T00:30:09.591Z".parse().unwrap();
        for (zone, text) in [
            ("UTC", "2026-10-25 00:30:09"),
            ("Asia/Shanghai", "2026-10-25 08:30:09"),
            ("Europe/Berlin", "2026-10-25 02:30:09+02:00"),
        ] {
            assert_eq!(TimeFormat::new(&zone.parse().unwrap()).time(time), text);
        }
    }

    #[test]
    fn a_time_range_repeats_no_date_and_rounds_outwards() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let exact = |from, to, zone| {
            let time_range = (at(from), at(to));
            locale(zone, "en").time_range(time_range, RangePrecision::Exact)
        };
        let (from, to) = ("2026-11-20T06:02:09Z", "2026-11-20T06:18:54Z");
        assert_eq!(exact(from, to, "UTC"), "2026-11-20 06:02:09 to 06:18:54");
        assert_eq!(exact(from, from, "+08:00"), "2026-11-20 14:02:09");
        assert_eq!(
            exact(from, "2026-11-20T16:18:54Z", "+08:00"),
            "2026-11-20 14:02:09 to 2026-11-21 00:18:54"
        );
        let around = |from, to| {
            let time_range = (at(from), at(to));
            locale("+08:00", "zh").time_range(time_range, RangePrecision::Around)
        };
        assert_eq!(around(from, to), "2026-11-20 14:02 至 14:19");
        assert_eq!(
            around(from, "2026-11-20T06:02:11Z"),
            "2026-11-20 14:02:09 至 14:02:11",
            "a minute would say nothing"
        );
    }
}
