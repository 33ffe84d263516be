//! Born times of messages in a column of the input.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Row;
use super::header::{fold, is_folded};

/// A number of eleven digits is in milliseconds: in seconds it would be the year 2286 or later.
const MILLIS_FROM: i64 = 10_000_000_000;

/// Seconds of the Unix epoch that can be a born time: 2012 (`RocketMQ` is not older) to 2099. A spreadsheet's day
/// (`46346`) or a date in digits (`20261120`) would be a moment in 1970.
const PLAUSIBLE: Range<i64> = 1_325_376_000..4_102_444_800;

/// Forms that exports have besides ISO 8601, in the producers' time zone.
const FORMS: [&str; 3] = ["%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"];

/// A kept column with born times.
#[derive(Debug, Clone)]
pub struct BornCells {
    folded: String,
    zone: TimeZone,
}

impl BornCells {
    /// Makes a reader of the column `name`. `zone` is the producers' time zone, for times without one.
    #[must_use]
    pub fn new(name: &str, zone: TimeZone) -> Self {
        Self {
            folded: fold(name),
            zone,
        }
    }

    /// Returns whether the column has this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        is_folded(name, &self.folded)
    }

    /// Returns the time in a cell. `None` if it cannot be read.
    #[must_use]
    pub fn read(&self, cell: &Value) -> Option<Timestamp> {
        match cell {
            Value::String(text) => self.read_text(text.trim()),
            Value::Number(number) => self.read_text(&number.to_string()),
            _ => None,
        }
    }

    fn read_text(&self, text: &str) -> Option<Timestamp> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && text.len() != "yyyymmddhhmmss".len() {
            return from_epoch(text.parse().ok()?);
        }
        text.parse::<Timestamp>().ok().or_else(|| {
            let by_form = |form: &&str| DateTime::strptime(form, text).ok();
            let civil = match text.parse() {
                Ok(civil) if !is_number => Some(civil),
                _ => FORMS.iter().find_map(by_form),
            };
            Some(civil?.to_zoned(self.zone.clone()).ok()?.timestamp())
        })
    }
}

/// Reads born times from a kept column of rows, and counts the cells that are not times.
#[derive(Debug)]
pub struct BornColumn {
    cells: BornCells,
    present: Cell<bool>,
    read: Cell<u64>,
    unread: RefCell<Unread>,
}

/// The cells of a born column that are neither empty nor a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// Number of these cells.
    pub cells: u64,
    /// Row and text of the first one.
    pub first: Option<(u64, String)>,
}

impl BornColumn {
    /// Makes a reader of the column `name`. `zone` is the producers' time zone, for times without one.
    #[must_use]
    pub fn new(name: &str, zone: TimeZone) -> Self {
        Self {
            cells: BornCells::new(name, zone),
            present: Cell::new(false),
            read: Cell::new(0),
            unread: RefCell::default(),
        }
    }

    /// Returns whether any row so far has the column.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.present.get()
    }

    /// Returns the number of cells that hold a time.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.read.get()
    }

    /// Returns the cells that are neither empty nor a time.
    #[must_use]
    pub fn unread(&self) -> Unread {
        self.unread.borrow().clone()
    }

    /// Returns the time in a row's column. `None` if there is none that can be read.
    #[must_use]
    pub fn born(&self, row: &Row) -> Option<Timestamp> {
        let columns = row.kept.columns.iter();
        let mut columns = columns.filter(|name| self.cells.is_called(name));
        let name = columns.next().filter(|_| columns.next().is_none())?;
        self.present.set(true);
        let kept: Value = serde_json::from_str(row.kept.json.as_deref()?).ok()?;
        let cell = &kept[&**name];
        let born = self.cells.read(cell);
        self.count(row.row, cell, born.is_some());
        born
    }

    fn count(&self, row: u64, cell: &Value, is_read: bool) {
        let is_empty = cell.is_null() || cell.as_str().is_some_and(|text| text.trim().is_empty());
        if is_read {
            self.read.set(self.read.get() + 1);
        } else if !is_empty {
            let mut unread = self.unread.borrow_mut();
            unread.cells += 1;
            unread.first.get_or_insert_with(|| {
                let text = cell
                    .as_str()
                    .map_or_else(|| cell.to_string(), str::to_owned);
                (row, text.chars().take(40).collect())
            });
        }
    }
}

fn from_epoch(number: i64) -> Option<Timestamp> {
    let born = if number < MILLIS_FROM {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    };
    born.filter(|born| PLAUSIBLE.contains(&born.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{InputOptions, Inputs};

    #[test]
    fn times_in_the_forms_that_exports_have() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        for (cell, born) in [
            ("2026-11-22T03:00:00Z", Some("2026-11-22T03:00:00Z")),
            (
                "2026-11-22T03:00:00.5+08:00",
                Some("2026-11-21T19:00:00.5Z"),
            ),
            ("2026-11-22 03:00:00", Some("2026-11-21T19:00:00Z")),
            ("1795402800", Some("2026-11-23T03:00:00Z")),
            ("1795402800000", Some("2026-11-23T03:00:00Z")),
            ("20261122030000", Some("2026-11-21T19:00:00Z")),
            ("2026/11/22 03:00:00", Some("2026-11-21T19:00:00Z")),
            ("2026/1/2 3:04", Some("2026-01-01T19:04:00Z")),
            ("20261122", None), // as seconds it would be in 1970
            ("46346", None),
            ("1795402800000000", None),
            ("20.11.2026 05:00", None),
            ("soon", None),
            ("", None),
        ] {
            let csv = format!("msg_id,topic,Born At\n{},orders,{cell}\n", "0".repeat(32));
            let inputs =
                Inputs::from_bytes("in.csv", csv.as_bytes(), InputOptions::default()).unwrap();
            let row = inputs.rows().next().unwrap().unwrap();
            let column = BornColumn::new("born_at", zone.clone());
            let expected = born.map(|born| born.parse().unwrap());
            assert_eq!(column.born(&row), expected, "{cell}");
            assert!(column.is_present());
            let unread = (born.is_none() && !cell.is_empty()).then(|| (1, cell.to_owned()));
            assert_eq!(column.unread().first, unread, "{cell}");
            assert_eq!(column.read(), u64::from(born.is_some()));
            let other = BornColumn::new("sent", zone.clone());
            assert!(other.born(&row).is_none() && !other.is_present());
        }
    }
}
