//! When a message was born, by a column of its row.

use std::cell::Cell;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::Row;
use super::header::{fold, is_folded};

/// Eleven digits are milliseconds: as seconds they would be the year 2286 or later.
const MILLIS_FROM: i64 = 10_000_000_000;

/// A kept column with born times.
#[derive(Debug, Clone)]
pub struct BornCells {
    folded: String,
    zone: TimeZone,
}

impl BornCells {
    /// `zone` is the producers', for times without one.
    #[must_use]
    pub fn new(name: &str, zone: TimeZone) -> Self {
        Self {
            folded: fold(name),
            zone,
        }
    }

    /// Is it the column of this name?
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        is_folded(name, &self.folded)
    }

    /// The time in one of its cells, if it can be read.
    #[must_use]
    pub fn read(&self, cell: &Value) -> Option<Timestamp> {
        match cell {
            Value::String(text) => self.read_text(text.trim()),
            Value::Number(number) => from_epoch(number.as_i64()?),
            _ => None,
        }
    }

    fn read_text(&self, text: &str) -> Option<Timestamp> {
        if let Ok(number) = text.parse() {
            return from_epoch(number);
        }
        text.parse::<Timestamp>().ok().or_else(|| {
            let civil: DateTime = text.parse().ok()?;
            Some(civil.to_zoned(self.zone.clone()).ok()?.timestamp())
        })
    }
}

/// Reads born times out of a kept column of rows, and knows whether any row had it.
#[derive(Debug)]
pub struct BornColumn {
    cells: BornCells,
    met: Cell<bool>,
}

impl BornColumn {
    /// `zone` is the producers', for times without one.
    #[must_use]
    pub fn new(name: &str, zone: TimeZone) -> Self {
        Self {
            cells: BornCells::new(name, zone),
            met: Cell::new(false),
        }
    }

    /// Has any row had the column?
    #[must_use]
    pub const fn is_met(&self) -> bool {
        self.met.get()
    }

    /// The time in a row's column, if there is one that can be read.
    #[must_use]
    pub fn born(&self, row: &Row) -> Option<Timestamp> {
        let mut columns = row.kept.columns.iter();
        let name = columns.find(|name| self.cells.is_called(name))?;
        self.met.set(true);
        let kept: Value = serde_json::from_str(row.kept.json.as_deref()?).ok()?;
        self.cells.read(&kept[&**name])
    }
}

fn from_epoch(number: i64) -> Option<Timestamp> {
    if number < MILLIS_FROM {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Inputs, Options};

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
            ("soon", None),
            ("", None),
        ] {
            let csv = format!("msg_id,topic,Born At\n{},orders,{cell}\n", "0".repeat(32));
            let inputs = Inputs::from_bytes("in.csv", csv.as_bytes(), Options::default()).unwrap();
            let row = inputs.rows().next().unwrap().unwrap();
            let column = BornColumn::new("born_at", zone.clone());
            let expected = born.map(|born| born.parse().unwrap());
            assert_eq!(column.born(&row), expected, "{cell}");
            assert!(column.is_met());
            let other = BornColumn::new("sent", zone.clone());
            assert!(other.born(&row).is_none() && !other.is_met());
        }
    }
}
