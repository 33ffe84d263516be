//! What a row format gets to see.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Summary;
use super::locale::Locale;
use crate::results::Line;
use crate::settings::{Settings, SettingsError};
use crate::verdict::{Expectations, Judged, MessageVerdict};

/// What is the same for all rows of a report.
#[derive(Debug, Clone)]
pub struct ReportContext {
    /// Every group that was answered or expected, in name order.
    pub groups: Vec<String>,
    /// The kept columns.
    pub columns: Vec<String>,
    /// Do the tracks have marks, and the words of `mqadmin` beside ours?
    pub marks: bool,
    /// By which the rows are judged.
    pub expectations: Expectations,
    /// How CSV files are written.
    pub csv: CsvDialect,
    /// How the formats for people speak.
    pub locale: Locale,
}

/// How CSV files are written.
#[derive(Debug, Clone, Copy)]
pub struct CsvDialect {
    /// Leave cells that a spreadsheet would take for formulas as they are.
    pub raw: bool,
    /// Begin with a byte order mark, by which Excel knows UTF-8.
    pub bom: bool,
    /// Between cells.
    pub delimiter: u8,
    /// The most rows in one file, the header aside; more go into further files.
    pub split: Option<NonZeroU64>,
}

/// What may stand between cells: nothing that a number, a time or a verdict contains.
pub(crate) const DELIMITERS: [u8; 6] = *b",;\t|^~";

impl CsvDialect {
    /// As RFC 4180 has it, harmless, in one file.
    pub const PLAIN: Self = Self {
        raw: false,
        bom: false,
        delimiter: b',',
        split: None,
    };

    /// As the settings have it.
    pub fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let OutputDelimiter(delimiter) = settings.get("output_delimiter")?;
        Ok(Self {
            raw: settings.get("raw_csv")?,
            bom: settings.get("bom")?,
            delimiter,
            split: settings.optional("split")?,
        })
    }
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self::PLAIN
    }
}

/// One of [`DELIMITERS`]; a tab may be written `\t`.
struct OutputDelimiter(u8);

impl FromStr for OutputDelimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = match text.as_bytes() {
            [byte] => Some(*byte),
            b"\\t" => Some(b'\t'),
            _ => None,
        };
        told.filter(|byte| DELIMITERS.contains(byte))
            .map(Self)
            .ok_or_else(|| {
                format!("`{text}` can't stand between cells; expected one of , ; | ^ ~ or \\t")
            })
    }
}

/// One row, judged. For a duplicate, `line` is the line of the row that was asked, and all else is its own.
#[derive(Debug)]
pub struct RowView<'a> {
    /// Input row.
    pub row: u64,
    /// The earlier row that was asked in its place.
    pub same_as: Option<u64>,
    /// What the results file says.
    pub line: &'a Line<'a>,
    /// What we conclude.
    pub judged: &'a Judged<'a>,
    /// Born time, by the column that the run was given, or decoded from the ID: a hint (`facts/ons-api.md` §8.1).
    pub born: Option<Timestamp>,
    /// Born time as files have it: RFC 3339, UTC, milliseconds.
    pub born_at: Option<&'a str>,
    /// The row's own kept columns.
    pub kept: &'a [(Cow<'a, str>, &'a RawValue)],
}

impl RowView<'_> {
    /// Code and message of the error that stands in the answer's place, or of the rejection.
    #[must_use]
    pub fn error(&self) -> (Cow<'_, str>, Cow<'_, str>) {
        if let Some(reject) = &self.line.rejected {
            let line = reject.line.unwrap_or_default();
            let place = format!(
                "{}:{line}, column {}: {}",
                &*reject.file, &*reject.column, &*reject.reason
            );
            return ("rejected".into(), place.into());
        }
        self.line
            .error
            .as_ref()
            .map_or_else(Default::default, |error| {
                let code = if error.code.is_empty() {
                    &error.kind
                } else {
                    &error.code
                };
                (Cow::Borrowed(&**code), Cow::Borrowed(&*error.message))
            })
    }

    /// The row's verdict.
    #[must_use]
    pub const fn verdict(&self) -> MessageVerdict {
        self.judged.verdict
    }

    /// The verdicts of a matrix: one for each of `groups`, empty where the group has nothing to do with the message.
    pub fn verdicts_in<'c>(
        &'c self,
        groups: &'c [String],
    ) -> impl Iterator<Item = Cow<'static, str>> {
        // Both are in name order, so one walk over the verdicts fills the columns.
        let mut seen = self.judged.groups.iter().peekable();
        groups.iter().map(move |group| {
            let mut cell = Cow::Borrowed("");
            while let Some(own) = seen.next_if(|own| own.group == group) {
                let verdict = own.verdict.as_str();
                // A source that names a group twice with different words gets both shown.
                cell = if cell.is_empty() {
                    verdict.into()
                } else {
                    format!("{cell}|{verdict}").into()
                };
            }
            cell
        })
    }

    /// The kept values in the order of the report's columns; empty where the row has none.
    pub fn kept_in<'c>(&'c self, columns: &'c [String]) -> impl Iterator<Item = Cow<'c, str>> {
        kept_in(self.kept, columns)
    }
}

/// The kept values of a row in the order of `columns`; empty where it has none.
pub(crate) fn kept_in<'c>(
    kept: &'c [(Cow<'c, str>, &'c RawValue)],
    columns: &'c [String],
) -> impl Iterator<Item = Cow<'c, str>> {
    columns.iter().enumerate().map(|(nth, name)| {
        // Rows of one file have the same columns in the same places.
        let guess = kept.get(nth).filter(|(own, _)| own == name);
        let found = guess.or_else(|| kept.iter().find(|(own, _)| own == name));
        found.map_or(Cow::Borrowed(""), |(_, value)| text_of(value.get()))
    })
}

/// A kept value as a cell shows it: the text of a string, nothing for null, JSON for all else.
fn text_of(json: &str) -> Cow<'_, str> {
    match json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        Some(_) => serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned),
        None if json == "null" => Cow::Borrowed(""),
        None => Cow::Borrowed(json),
    }
}

/// A format with something for every row. Rows are rendered on several threads, so it keeps no state.
pub trait RowFormat: Sync {
    /// What stands before the first row.
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>);
    /// One row.
    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>);
    /// What stands behind the last row.
    fn foot(&self, _summary: &Summary<'_>, _out: &mut Vec<u8>) {}
}
