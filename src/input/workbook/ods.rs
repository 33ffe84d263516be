//! Reads `.ods` row by row.
//!
//! calamine is not used: it makes a rectangle of each sheet in memory, repeats every cell as often as the file says,
//! and does not end if `content.xml` is cut off.

use std::io::{BufRead, BufReader, Read, Seek};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::ods_xml::{Step, Tables};
use super::row::{MAX_ROWS, RowCells};
use super::{HasIdColumn, HeaderSearch, Visit, Workbook, WorkbookError};

/// A workbook whose `content.xml` is read again for each question.
pub(super) struct OdsWorkbook<R> {
    zip: ZipArchive<R>,
}

impl<R: Read + Seek> OdsWorkbook<R> {
    pub(super) fn open(file: R) -> Result<Self, WorkbookError> {
        let zip = ZipArchive::new(file).map_err(WorkbookError::damaged)?;
        Ok(Self { zip })
    }

    fn tables(&mut self) -> Result<Tables<BufReader<ZipFile<'_, R>>>, WorkbookError> {
        let content = self.zip.by_name("content.xml");
        let content = content.map_err(WorkbookError::damaged)?;
        Ok(Tables::new(BufReader::with_capacity(64 << 10, content)))
    }
}

impl<R: Read + Seek> Workbook for OdsWorkbook<R> {
    fn names(&mut self) -> Result<Vec<String>, WorkbookError> {
        let mut tables = self.tables()?;
        let mut names = Vec::new();
        loop {
            match tables.next(None)? {
                Step::Sheet(name) => names.push(name),
                Step::Row { .. } => {}
                Step::End => return Ok(names),
            }
        }
    }

    fn search(&mut self, has_id_column: &HasIdColumn<'_>) -> Result<Vec<bool>, WorkbookError> {
        let mut tables = self.tables()?;
        let mut found: Vec<bool> = Vec::new();
        let mut search = HeaderSearch::default();
        let mut row = RowCells::default();
        loop {
            let wanted = (!search.is_over()).then_some(&mut row);
            let is_read = wanted.is_some();
            match tables.next(wanted)? {
                Step::Sheet(_) => {
                    search = HeaderSearch::default();
                    found.push(false);
                }
                Step::Row { repeats } => {
                    let cells = row.get();
                    if is_read && !cells.is_empty() {
                        for _ in 0..repeats.min(super::HEADER_ROWS as u64) {
                            search.visit(cells, has_id_column);
                        }
                        if let Some(last) = found.last_mut() {
                            *last = search.found;
                        }
                    }
                }
                Step::End => return Ok(found),
            }
        }
    }

    fn visit(&mut self, place: usize, visit: &mut Visit<'_>) -> Result<(), WorkbookError> {
        let mut tables = self.tables()?;
        let mut row = RowCells::default();
        let mut sheets = 0;
        while sheets <= place {
            match tables.next(None)? {
                Step::Sheet(_) => sheets += 1,
                Step::Row { .. } => {}
                Step::End => return Ok(()),
            }
        }
        visit_rows(&mut tables, &mut row, visit)
    }
}

/// Visits the rows of the sheet that has begun.
fn visit_rows<B: BufRead>(
    tables: &mut Tables<B>,
    row: &mut RowCells,
    visit: &mut Visit<'_>,
) -> Result<(), WorkbookError> {
    let mut before = 0_u64;
    while let Step::Row { repeats } = tables.next(Some(row))? {
        let end = before.saturating_add(repeats);
        if !row.get().is_empty() {
            if end > MAX_ROWS.into() {
                let reason = format!("a sheet has more than {MAX_ROWS} rows");
                return Err(WorkbookError::Damaged(reason));
            }
            for number in before..end {
                let number = u32::try_from(number + 1).unwrap_or(MAX_ROWS);
                if visit(number, row.get())?.is_break() {
                    return Ok(());
                }
            }
        }
        before = end;
    }
    Ok(())
}
