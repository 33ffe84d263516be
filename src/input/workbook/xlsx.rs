//! Reads `.xlsx` cell by cell with calamine, never as a range: a range is a rectangle in memory.

use std::borrow::Cow;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use calamine::{DataRef, Reader, SheetType, Xlsx, XlsxError};

use super::row::{MAX_ROWS, RowCells};
use super::value::{date_time, duration, number, shows_time};
use super::{HasIdColumn, HeaderSearch, Visit, Workbook, WorkbookError};

/// A workbook of which calamine holds the shared strings and the styles.
pub(super) struct XlsxWorkbook<R> {
    book: Xlsx<R>,
    /// Names of the worksheets. Sheets that are charts are left out.
    names: Vec<String>,
}

impl<R: Read + Seek> XlsxWorkbook<R> {
    pub(super) fn open(file: R) -> Result<Self, WorkbookError> {
        let book = Xlsx::new(file)?;
        let worksheets = (book.sheets_metadata().iter())
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .map(|sheet| sheet.name.clone());
        let names = worksheets.collect();
        Ok(Self { book, names })
    }
}

impl<R: Read + Seek> Workbook for XlsxWorkbook<R> {
    fn names(&mut self) -> Result<Vec<String>, WorkbookError> {
        Ok(self.names.clone())
    }

    fn search(&mut self, has_id_column: &HasIdColumn<'_>) -> Result<Vec<bool>, WorkbookError> {
        let mut found = Vec::with_capacity(self.names.len());
        for place in 0..self.names.len() {
            let mut search = HeaderSearch::default();
            self.visit(place, &mut |_, cells| {
                search.visit(cells, has_id_column);
                Ok(if search.is_over() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })?;
            found.push(search.found);
        }
        Ok(found)
    }

    fn visit(&mut self, place: usize, visit: &mut Visit<'_>) -> Result<(), WorkbookError> {
        let mut cells = self.book.worksheet_cells_reader(&self.names[place])?;
        let formats = (cells.styles().iter()).map(|style| {
            (style.number_format.as_ref()).is_some_and(|format| shows_time(&format.format_code))
        });
        let show_time: Vec<bool> = formats.collect();
        let mut row = RowCells::default();
        let mut number = 0;
        while let Some((cell, style)) = cells.next_cell_with_style_id()? {
            let (row_index, column) = cell.get_position();
            let cell_row = row_index.saturating_add(1);
            if cell_row != number {
                if !row.get().is_empty() && visit(number, row.get())?.is_break() {
                    return Ok(());
                }
                row.clear();
                check_order(number, cell_row)?;
                number = cell_row;
            }
            let has_time = show_time.get(style).copied().unwrap_or_default();
            row.put(column as usize, 1, &text(cell.get_value(), has_time))?;
        }
        if row.get().is_empty() {
            return Ok(());
        }
        visit(number, row.get()).map(drop)
    }
}

/// Checks that a row of the file comes after the one before it.
fn check_order(last: u32, next: u32) -> Result<(), WorkbookError> {
    if next > MAX_ROWS {
        let reason = format!("a sheet has more than {MAX_ROWS} rows");
        return Err(WorkbookError::Damaged(reason));
    }
    if next < last {
        let reason = format!("row {next} comes after row {last}");
        return Err(WorkbookError::Damaged(reason));
    }
    Ok(())
}

/// Returns the text of a cell.
fn text<'a>(value: &'a DataRef<'_>, has_time: bool) -> Cow<'a, str> {
    match value {
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.into()
        }
        DataRef::SharedString(text) => (*text).into(),
        DataRef::Int(value) => value.to_string().into(),
        DataRef::Float(value) => number(*value).into(),
        DataRef::Bool(true) => "TRUE".into(),
        DataRef::Bool(false) => "FALSE".into(),
        DataRef::DateTime(value) if value.is_duration() => duration(value.as_f64()).into(),
        DataRef::DateTime(value) => date_time(*value, has_time).into(),
        DataRef::Error(error) => error.to_string().into(),
        DataRef::Empty => "".into(),
    }
}

impl From<XlsxError> for WorkbookError {
    fn from(error: XlsxError) -> Self {
        match error {
            XlsxError::Password => Self::Encrypted,
            // The main part of other documents, such as .docx, does not end as a workbook's does.
            XlsxError::RelationshipNotFound | XlsxError::XmlEof("workbook") => Self::NoWorkbook,
            _ => Self::damaged(error),
        }
    }
}
