//! The input of row formats.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::str::FromStr;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::Summary;
use super::locale::Locale;
use crate::results::Line;
use crate::settings::{Settings, SettingsError};
use crate::verdict::{Expectations, Judged, MessageVerdict, Verdict};

/// What is the same for all rows of a report.
#[derive(Debug, Clone)]
pub struct ReportContext {
    /// Every group that answered or is expected, in name order.
    pub groups: Vec<String>,
    /// The groups in the matrix of a workbook, most findings first, if a sheet has too few columns for all groups.
    pub sheet_groups: Option<Vec<String>>,
    /// The names of the kept columns, of which the first is [`file_column`](Self::file_column) if there is one.
    pub columns: Vec<String>,
    /// The column that names a row's results file. `None` for a report of one results file, whose row numbers are unique.
    pub file_column: Option<String>,
    /// The positions in `columns` of those whose plain numbers are numbers in the workbook (`--numbers`).
    pub number_columns: BTreeSet<usize>,
    /// Whether tracks have marks and the track types of `mqadmin`.
    pub marks: bool,
    /// Whether more than the offsets was examined.
    pub examined: bool,
    /// Whether it is said what verdicts rest on: more than the offsets was examined, or answers were inferred.
    pub evidence: bool,
    /// The expectations that rows are judged by.
    pub expectations: Expectations,
    /// The form of CSV files.
    pub csv: CsvDialect,
    /// The language and the time zone of formats for people.
    pub locale: Locale,
}

impl ReportContext {
    /// Returns the context of a report without columns for groups and for kept cells.
    #[must_use]
    pub fn without_groups(expectations: Expectations) -> Self {
        Self {
            groups: Vec::new(),
            sheet_groups: None,
            columns: Vec::new(),
            file_column: None,
            number_columns: BTreeSet::new(),
            marks: false,
            examined: false,
            evidence: false,
            expectations,
            csv: CsvDialect::default(),
            locale: Locale::default(),
        }
    }

    /// Returns the verdicts about groups that can occur.
    pub(crate) const fn group_verdicts(&self) -> &'static [Verdict] {
        Verdict::where_examined(self.examined)
    }
}

/// The form of CSV files.
#[derive(Debug, Clone, Copy)]
pub struct CsvDialect {
    /// Whether cells that a spreadsheet would run as formulas are left unchanged.
    pub raw: bool,
    /// Whether files begin with a byte order mark, so that Excel recognises UTF-8.
    pub bom: bool,
    /// The byte between two cells.
    pub delimiter: u8,
    /// The most rows in one file, without the header. Further rows go into further files.
    pub split: Option<NonZeroU64>,
}

/// The allowed delimiters: none occurs in a number, a time or a verdict.
pub(crate) const DELIMITERS: [u8; 6] = *b",;\t|^~";

impl CsvDialect {
    /// RFC 4180, with guarded formulas, in one file.
    pub const PLAIN: Self = Self {
        raw: false,
        bom: false,
        delimiter: b',',
        split: None,
    };

    /// Returns the dialect of the settings.
    ///
    /// # Errors
    ///
    /// A setting has an invalid value.
    pub fn of(settings: &Settings) -> Result<Self, SettingsError> {
        let OutputDelimiter(delimiter) = settings.get("output_delimiter")?;
        Ok(Self {
            raw: settings.get("raw_csv")?,
            bom: settings.get("bom")?,
            delimiter,
            split: settings.optional("split")?.map(|SplitRows(rows)| rows),
        })
    }
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self::PLAIN
    }
}

/// The most rows in one file.
struct SplitRows(NonZeroU64);

impl FromStr for SplitRows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rows = text.parse().map(Self);
        rows.map_err(|_| format!("`{text}` is no number of rows; expected a whole number from 1"))
    }
}

/// One of [`DELIMITERS`]. A tab may be written as `\t`.
struct OutputDelimiter(u8);

impl FromStr for OutputDelimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let delimiter = match text.as_bytes() {
            [byte] => Some(*byte),
            b"\\t" => Some(b'\t'),
            _ => None,
        };
        delimiter
            .filter(|byte| DELIMITERS.contains(byte))
            .map(Self)
            .ok_or_else(|| {
                format!("`{text}` can't stand between cells; expected one of , ; | ^ ~ or \\t")
            })
    }
}

/// One judged row. For a duplicate, `line` is the line of the row that was queried; all other fields are the
/// duplicate's own.
#[derive(Debug)]
pub struct RowView<'a> {
    /// The input row.
    pub row: u64,
    /// For a duplicate, the earlier row with the same query.
    pub same_as: Option<u64>,
    /// The line of the results file.
    pub line: &'a Line<'a>,
    /// The verdicts.
    pub judged: &'a Judged<'a>,
    /// The born time, as given in a column or by the source, or decoded from the ID. It is a hint (`docs/facts/ons-api.md` §8.1).
    pub born: Option<Timestamp>,
    /// The born time in RFC 3339, UTC, milliseconds.
    pub born_at: Option<&'a str>,
    /// The row's own kept columns; the first names the results file if the report has several.
    pub kept: &'a [(Cow<'a, str>, &'a RawValue)],
}

impl RowView<'_> {
    /// Returns code and message of the error that stands in place of the answer, or of the rejection.
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

    /// Returns the verdict about the row.
    #[must_use]
    pub const fn verdict(&self) -> MessageVerdict {
        self.judged.verdict
    }

    /// Returns the verdicts for a matrix: one per group, empty if the group has nothing to do with the message.
    pub fn verdicts_in<'c>(
        &'c self,
        groups: &'c [String],
    ) -> impl Iterator<Item = Cow<'static, str>> {
        let judged = &self.judged.groups;
        groups.iter().map(move |group| {
            // The verdicts are in the order of the groups' names.
            let first = judged.partition_point(|own| own.group < group.as_str());
            let mut cell = Cow::Borrowed("");
            for own in judged[first..].iter().take_while(|own| own.group == group) {
                let verdict = own.verdict().as_str();
                // A source may name a group twice with different track types; the cell shows both verdicts.
                cell = if cell.is_empty() {
                    verdict.into()
                } else {
                    format!("{cell}|{verdict}").into()
                };
            }
            cell
        })
    }

    /// Returns the kept values in the order of the report's columns; empty where the row has none.
    pub fn kept_in<'c>(&'c self, columns: &'c [String]) -> impl Iterator<Item = Cow<'c, str>> {
        kept_in(self.kept, columns)
    }
}

/// Returns the kept values of a row in the order of `columns`; empty where the row has none.
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

/// Returns a kept value as a cell shows it: the text of a string, nothing for null, JSON for all else.
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

/// A format with something for every row. Rows are rendered on several threads, so formats have no state.
pub trait RowFormat: Sync {
    /// Appends the text before the first row.
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>);
    /// Appends one row.
    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>);
    /// Appends the text behind the last row.
    fn foot(&self, _summary: &Summary<'_>, _out: &mut Vec<u8>) {}
}
