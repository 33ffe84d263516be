//! Finds damage that a spreadsheet did to the kept columns.
//!
//! A list that was saved by a spreadsheet may have lost digits of its order numbers (`docs/facts/users.md` point 0.6).
//! They cannot be restored here and are never altered; the report names the columns to look at.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use super::KeptFields;
use crate::humanize::count;
use crate::input::Row;

/// Number of digits of a number that spreadsheets keep.
const DIGITS: usize = 15;

/// Fewest numbers without their last digits that count as damage: one in ten of 16 digits ends with a zero by chance.
const FEW: u64 = 3;

/// The damage to all columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpreadsheetDamage {
    columns: Vec<ColumnDamage>,
}

/// The counts of one column's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ColumnDamage {
    name: String,
    /// Texts that are not empty.
    values: u64,
    /// `1.23E+15`, `#NAME?`, `########`.
    mangled: u64,
    /// Numbers of more digits than spreadsheets keep.
    long: u64,
    /// Long numbers whose last digits are zeros.
    cut: u64,
    first_mangled: Option<(u64, String)>,
    first_cut: Option<(u64, String)>,
}

/// A column that looks damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct DamagedColumn<'d> {
    /// Its name.
    pub column: &'d str,
    /// Number of values that look damaged.
    pub damaged: u64,
    /// Number of values that are not empty.
    pub values: u64,
    /// Input row of the first damaged value.
    pub first_row: u64,
    /// The first damaged value.
    pub first: &'d str,
}

impl fmt::Display for DamagedColumn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "column {}: {} of {} values look damaged by a spreadsheet, the first is {} in row {}; they are kept as they are",
            self.column,
            count(self.damaged),
            count(self.values),
            self.first,
            self.first_row
        )
    }
}

/// The appearance of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Fine,
    Mangled,
    Long { is_cut: bool },
}

impl SpreadsheetDamage {
    /// Adds the kept values of a line of a results file.
    pub fn add_fields(&mut self, row: u64, kept: &[(Cow<'_, str>, &RawValue)]) {
        for (nth, (name, value)) in kept.iter().enumerate() {
            // A value that is not a text came from JSON, so no spreadsheet wrote it.
            let text = value
                .get()
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"'));
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.column(nth, name).add(row, text);
            }
        }
    }

    /// Adds the kept values of a row of the input.
    pub fn add_row(&mut self, row: &Row) {
        let json = row.kept.json.as_deref();
        let kept = json.and_then(|json| serde_json::from_str::<KeptFields<'_>>(json).ok());
        if let Some(kept) = kept {
            self.add_fields(row.row, &kept.0);
        }
    }

    /// Returns the counts of a column. Rows of one file have the same columns in the same places.
    fn column(&mut self, nth: usize, name: &str) -> &mut ColumnDamage {
        let is_it = |column: &ColumnDamage| column.name == name;
        let at = if self.columns.get(nth).is_some_and(is_it) {
            Some(nth)
        } else {
            self.columns.iter().position(is_it)
        };
        let at = at.unwrap_or_else(|| {
            self.columns.push(ColumnDamage {
                name: name.to_owned(),
                ..ColumnDamage::default()
            });
            self.columns.len() - 1
        });
        &mut self.columns[at]
    }

    /// Adds the counts of rows that follow these.
    pub fn append(&mut self, next: Self) {
        for (nth, theirs) in next.columns.into_iter().enumerate() {
            let mine = self.column(nth, &theirs.name);
            mine.values += theirs.values;
            mine.mangled += theirs.mangled;
            mine.long += theirs.long;
            mine.cut += theirs.cut;
            mine.first_mangled = mine.first_mangled.take().or(theirs.first_mangled);
            mine.first_cut = mine.first_cut.take().or(theirs.first_cut);
        }
    }

    /// Returns the columns that look damaged, in the order of their first row.
    pub fn columns(&self) -> impl Iterator<Item = DamagedColumn<'_>> {
        self.columns.iter().filter_map(ColumnDamage::damaged)
    }
}

impl ColumnDamage {
    fn add(&mut self, row: u64, text: &str) {
        self.values += 1;
        let first = || Some((row, text.chars().take(40).collect()));
        match look(text) {
            ValueKind::Fine => {}
            ValueKind::Mangled => {
                self.mangled += 1;
                self.first_mangled = self.first_mangled.take().or_else(first);
            }
            ValueKind::Long { is_cut } => {
                self.long += 1;
                self.cut += u64::from(is_cut);
                if is_cut {
                    self.first_cut = self.first_cut.take().or_else(first);
                }
            }
        }
    }

    fn damaged(&self) -> Option<DamagedColumn<'_>> {
        let is_cut = self.cut >= FEW && self.cut * 2 > self.long;
        let cut = if is_cut { self.cut } else { 0 };
        let firsts = [
            &self.first_mangled,
            if is_cut { &self.first_cut } else { &None },
        ];
        let (first_row, first) = firsts.into_iter().flatten().min()?;
        Some(DamagedColumn {
            column: &self.name,
            damaged: self.mangled + cut,
            values: self.values,
            first_row: *first_row,
            first,
        })
    }
}

fn look(text: &str) -> ValueKind {
    let bytes = text.as_bytes();
    match bytes.first() {
        Some(b'#') if is_error(text) => ValueKind::Mangled,
        Some(b'0'..=b'9') if is_rounded(bytes) => ValueKind::Mangled,
        Some(b'0'..=b'9') if bytes.len() > DIGITS && bytes.iter().all(u8::is_ascii_digit) => {
            let is_cut = bytes[DIGITS..].iter().all(|digit| *digit == b'0');
            ValueKind::Long { is_cut }
        }
        _ => ValueKind::Fine,
    }
}

/// Returns whether a cell shows an error or that its value does not fit.
fn is_error(text: &str) -> bool {
    const ERRORS: [&str; 7] = [
        "#NAME?", "#REF!", "#VALUE!", "#N/A", "#NUM!", "#NULL!", "#DIV/0!",
    ];
    ERRORS.contains(&text) || (text.len() >= 4 && text.bytes().all(|byte| byte == b'#'))
}

/// Returns whether a text looks like `1.23E+15`, `1,23E+15` or `1E+15`, as spreadsheets show numbers of more than
/// eleven digits.
fn is_rounded(bytes: &[u8]) -> bool {
    let Some(at) = bytes.windows(2).position(|pair| pair == b"E+") else {
        return false;
    };
    let (mantissa, exponent) = (&bytes[1..at], &bytes[at + 2..]);
    let fraction = mantissa.strip_prefix(b".").or(mantissa.strip_prefix(b","));
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    (mantissa.is_empty() || fraction.is_some_and(is_number))
        && exponent.len() <= 3
        && is_number(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_leaves_behind_is_known() {
        for text in [
            "1.23E+15", "1,23E+15", "2E+18", "#NAME?", "#N/A", "########",
        ] {
            assert_eq!(look(text), ValueKind::Mangled, "{text}");
        }
        for text in [
            "",
            "A-10001",
            "1.23",
            "E+15",
            "12.5E+15",
            "1.E+15",
            "1.23E+",
            "#1",
            "##",
            "1E05791C",
            "202611200001",
            "-389.52",
            "李娜",
        ] {
            assert_eq!(look(text), ValueKind::Fine, "{text}");
        }
        assert_eq!(
            look("2026112014020912345"),
            ValueKind::Long { is_cut: false }
        );
        assert_eq!(look("1234567890123450"), ValueKind::Long { is_cut: true });
        assert_eq!(look("1234567890123456"), ValueKind::Long { is_cut: false });
    }

    fn damage(values: &[&str]) -> SpreadsheetDamage {
        let mut parts = values.iter().enumerate().map(|(nth, value)| {
            let json = serde_json::to_string(value).unwrap();
            let raw = RawValue::from_string(json).unwrap();
            let mut damage = SpreadsheetDamage::default();
            damage.add_fields(nth as u64 + 1, &[("order_id".into(), &raw)]);
            damage
        });
        let mut whole = parts.next().unwrap();
        parts.for_each(|part| whole.append(part));
        whole
    }

    #[test]
    fn one_rounded_number_is_damage_and_a_few_zeros_are_not() {
        let fine = damage(&[
            "1234567890123450",
            "1234567890123456",
            "1234567890123457",
            "",
        ]);
        assert_eq!(fine.columns().count(), 0);
        let mangled = damage(&["A-1", "1.23E+15", "", "4.56E+15"]);
        assert_eq!(
            mangled.columns().collect::<Vec<_>>(),
            [DamagedColumn {
                column: "order_id",
                damaged: 2,
                values: 3,
                first_row: 2,
                first: "1.23E+15"
            }]
        );
        let cut = damage(&[
            "1234567890123456",
            "1234567890123400",
            "2234567890123000",
            "3234567890123000",
        ]);
        let found: Vec<_> = cut.columns().map(|d| (d.damaged, d.first_row)).collect();
        assert_eq!(found, [(3, 2)]);
    }
}
