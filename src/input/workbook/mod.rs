//! Reads one sheet of a workbook (`.xlsx`, `.ods`) as CSV.
//!
//! The sheet is converted into a private temporary file, and the CSV reader reads that. Record N of the file is row N
//! of the sheet: a row without cells becomes an empty line, so the place of a record names the row that a person sees.
//! The delimiter is a comma and the text is UTF-8.
//!
//! | cell | text (`value`) |
//! |---|---|
//! | text | verbatim, without its formatting |
//! | number | its shortest decimal; from 1e15 on `1.23456789012345E+31` |
//! | date | ISO 8601 without a zone: `2026-11-20T14:00:00`, `2026-11-20`, `14:00:00` |
//! | duration | ISO 8601: `PT36H30M` |
//! | formula | the stored result; nothing is calculated |
//! | truth value, error | `TRUE`, `FALSE`, `#N/A` |
//!
//! Memory and disk are bounded, whatever the archive declares (`archive`, `row`): rows are read one by one. The table
//! of shared strings of an `.xlsx` is the only part that is held whole.

mod archive;
mod error;
mod ods;
mod ods_text;
mod ods_xml;
mod ole;
mod row;
mod sheet_csv_writer;
mod value;
mod xlsx;
mod xml_limits;

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

pub use error::WorkbookError;
pub(super) use ole::is_ole;

use archive::Kind;
use ods::OdsWorkbook;
use sheet_csv_writer::SheetCsvWriter;
use xlsx::XlsxWorkbook;

/// Number of rows with cells in which a header with an ID column is looked for.
const HEADER_ROWS: usize = 20;

/// A sheet as `--sheet` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SheetRef {
    /// Its name, exactly as the workbook has it.
    Name(String),
    /// Its place among the sheets, from 1. A sheet that has this number as its name takes precedence.
    Number(NonZeroUsize),
}

impl fmt::Display for SheetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl From<&str> for SheetRef {
    fn from(text: &str) -> Self {
        match text.parse::<NonZeroUsize>() {
            Ok(number) if number.to_string() == text => Self::Number(number),
            _ => Self::Name(text.to_owned()),
        }
    }
}

/// One sheet, converted.
#[derive(Debug)]
pub(super) struct Sheet {
    pub name: String,
    /// A temporary file without a name, rewound.
    pub csv: File,
    pub length: u64,
}

/// Decides by the cells of a row whether it is a header with an ID column.
type HasIdColumn<'a> = dyn Fn(&[String]) -> bool + 'a;

/// Receives the rows with cells in order, with their numbers from 1.
type Visit<'a> = dyn FnMut(u32, &[String]) -> Result<ControlFlow<()>, WorkbookError> + 'a;

/// Returns whether decompressed bytes begin like a zip archive.
pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Reads one sheet. If none is wanted, it is the only one of which a row among the first has an ID column, or the only
/// one at all.
///
/// # Errors
///
/// If the file is no workbook that can be read, or if the sheet is not determined.
pub(super) fn read_sheet(
    file: &mut (impl Read + Seek),
    wanted: Option<&SheetRef>,
    has_id_column: &dyn Fn(&[String]) -> bool,
) -> Result<Sheet, WorkbookError> {
    match archive::check(file)? {
        Kind::Xlsx => convert(&mut XlsxWorkbook::open(file)?, wanted, has_id_column),
        Kind::Ods => convert(&mut OdsWorkbook::open(file)?, wanted, has_id_column),
    }
}

/// A workbook of either format.
trait Workbook {
    /// Returns the names of the sheets in order.
    fn names(&mut self) -> Result<Vec<String>, WorkbookError>;

    /// Returns for each sheet whether one of its first rows has an ID column.
    fn search(&mut self, has_id_column: &HasIdColumn<'_>) -> Result<Vec<bool>, WorkbookError>;

    /// Visits the rows of the sheet at `place` in `names` until the visitor breaks.
    fn visit(&mut self, place: usize, visit: &mut Visit<'_>) -> Result<(), WorkbookError>;
}

fn convert(
    book: &mut impl Workbook,
    wanted: Option<&SheetRef>,
    has_id_column: &HasIdColumn<'_>,
) -> Result<Sheet, WorkbookError> {
    let mut names = book.names()?;
    if names.is_empty() {
        return Err(WorkbookError::NoWorkbook);
    }
    let place = match wanted {
        Some(wanted) => find(&names, wanted)?,
        None if names.len() == 1 => 0,
        None => only(&names, &book.search(has_id_column)?)?,
    };
    let mut writer = SheetCsvWriter::create(archive::LIMIT)?;
    book.visit(place, &mut |row, cells| {
        writer.write(row, cells).map(ControlFlow::Continue)
    })?;
    let (csv, length) = writer.finish()?;
    let name = names.swap_remove(place);
    tracing::debug!(name, length, "converted a sheet");
    Ok(Sheet { name, csv, length })
}

fn find(names: &[String], wanted: &SheetRef) -> Result<usize, WorkbookError> {
    let (text, place) = match wanted {
        SheetRef::Name(name) => (name.clone(), None),
        SheetRef::Number(number) => (number.to_string(), Some(number.get() - 1)),
    };
    let called = names.iter().position(|name| *name == text);
    called
        .or(place.filter(|&place| place < names.len()))
        .ok_or_else(|| WorkbookError::NoSheet {
            wanted: text,
            sheets: names.to_vec(),
        })
}

/// Returns the place of the only sheet that has an ID column.
fn only(names: &[String], have_ids: &[bool]) -> Result<usize, WorkbookError> {
    let with_ids: Vec<usize> = (0..names.len()).filter(|&place| have_ids[place]).collect();
    match with_ids[..] {
        [place] => Ok(place),
        [] => Err(WorkbookError::NoIdColumn {
            sheets: names.to_vec(),
        }),
        _ => Err(WorkbookError::Ambiguous {
            sheets: with_ids.iter().map(|&at| names[at].clone()).collect(),
        }),
    }
}

/// Searches the first rows of a sheet for one that has an ID column.
#[derive(Debug, Default)]
struct HeaderSearch {
    seen: usize,
    found: bool,
}

impl HeaderSearch {
    fn visit(&mut self, cells: &[String], has_id_column: &HasIdColumn<'_>) {
        if !self.is_over() {
            self.seen += 1;
            self.found = has_id_column(cells);
        }
    }

    const fn is_over(&self) -> bool {
        self.found || self.seen == HEADER_ROWS
    }
}

#[cfg(test)]
mod tests;
