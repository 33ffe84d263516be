//! Collects the rows of the tables and assembles the workbook.

use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::PathBuf;

use rust_xlsxwriter::XlsxError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::cells::range;
use super::frame;
use super::rows::{MAX_ROWS, SheetRows};
use super::table::{RowPart, TableSheets, XlsxTable, next_part};
use crate::file::Output;
use crate::report::Summary;
use crate::report::row::ReportContext;
use crate::report::sink::{ReportSink, WrittenFile};

/// From this size on, an entry needs the archive's long form.
const LARGE: u64 = 0xF000_0000;

/// Collects the rows of the tables and assembles the workbook at the end.
pub(in crate::report) struct XlsxSink {
    path: PathBuf,
    output: Output,
    context: ReportContext,
    /// The rows of each table's sheets, in the order of [`XlsxTable::ALL`].
    tables: [Vec<SheetRows>; XlsxTable::ALL.len()],
    lengths: Vec<u8>,
    /// The most rows of a sheet, including the heading.
    most_rows: u32,
    scratch: Vec<u8>,
}

impl XlsxSink {
    pub(in crate::report) fn new(
        path: PathBuf,
        output: Output,
        context: &ReportContext,
    ) -> io::Result<Self> {
        let rows = || Ok::<_, io::Error>(vec![SheetRows::new(&path)?]);
        Ok(Self {
            tables: [rows()?, rows()?, rows()?, rows()?],
            path,
            output,
            context: context.clone(),
            lengths: vec![0; context.columns.len()],
            most_rows: MAX_ROWS,
            scratch: Vec::new(),
        })
    }

    fn row(&mut self, table: XlsxTable, cells: &[u8]) -> io::Result<()> {
        let sheets = &mut self.tables[table as usize];
        if sheets
            .last()
            .is_none_or(|rows| rows.count == self.most_rows)
        {
            sheets.push(SheetRows::new(&self.path)?);
        }
        match sheets.last_mut() {
            Some(rows) => rows.push(cells, &mut self.scratch),
            None => Ok(()),
        }
    }

    /// Puts the rows between the beginning and the end of their sheets.
    fn assemble(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let sheets: Vec<_> = XlsxTable::ALL
            .into_iter()
            .zip(&self.tables)
            .map(|(table, parts)| TableSheets {
                table,
                rows: parts.iter().map(SheetRows::data).collect(),
            })
            .collect();
        let frame = frame::workbook(summary, &self.context, &sheets, &self.lengths).map_err(own)?;
        let mut frame = ZipArchive::new(Cursor::new(frame))?;
        let mut archive = ZipWriter::new_stream(&mut self.output);
        let tables = XlsxTable::ALL.into_iter().zip(&mut self.tables);
        let mut tables =
            tables.flat_map(|(table, sheets)| sheets.drain(..).map(move |rows| (table, rows)));
        let last = sheets.iter().map(|sheets| sheets.rows.len()).sum::<usize>() + 1;
        for nth in 0..frame.len() {
            let mut entry = frame.by_index(nth)?;
            let name = entry.name()?.into_owned();
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .compression_level(Some(4))
                .last_modified_time(zip::DateTime::default())
                .unix_permissions(0o600);
            let rows = match sheet_number(&name) {
                Some(number) if (2..=last).contains(&number) => tables.next(),
                _ => None,
            };
            let large = rows.as_ref().is_some_and(|(_, rows)| rows.size > LARGE);
            archive.start_file(name, options.large_file(large))?;
            match rows {
                None => drop(io::copy(&mut entry, &mut archive)?),
                Some((table, rows)) => {
                    let width = table.width(&self.context);
                    splice(&mut entry, rows, width, &mut archive)?;
                }
            }
        }
        archive.finish()?;
        Ok(())
    }
}

impl ReportSink for XlsxSink {
    fn take(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while let Some(part) = next_part(&mut piece) {
            match part {
                RowPart::Cells(table, cells) => self.row(table, cells)?,
                RowPart::Lengths(lengths) => {
                    for (most, length) in self.lengths.iter_mut().zip(lengths) {
                        *most = (*most).max(*length);
                    }
                }
            }
        }
        Ok(())
    }

    fn summarise(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        self.assemble(summary)
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<WrittenFile>> {
        self.output.commit()?;
        Ok(vec![WrittenFile {
            path: self.path,
            rows: None,
        }])
    }
}

/// Returns the `2` of `xl/worksheets/sheet2.xml`.
fn sheet_number(name: &str) -> Option<usize> {
    name.strip_prefix("xl/worksheets/sheet")?
        .strip_suffix(".xml")?
        .parse()
        .ok()
}

/// Writes a sheet with all its rows. `sheet` has only the heading.
fn splice(
    sheet: &mut impl Read,
    rows: SheetRows,
    columns: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut xml = String::new();
    sheet.read_to_string(&mut xml)?;
    let bad = || io::Error::other("the library writes sheets in a way that is not known here");
    let (head, foot) = xml.split_once("</sheetData>").ok_or_else(bad)?;
    let (before, sized) = head.split_once("<dimension ref=\"").ok_or_else(bad)?;
    let (_, behind) = sized.split_once('"').ok_or_else(bad)?;
    let dimension = range(columns, rows.data() + 1);
    write!(out, "{before}<dimension ref=\"{dimension}\"{behind}")?;
    io::copy(&mut BufReader::new(rows.read()?), out)?;
    write!(out, "</sheetData>{foot}")
}

/// Converts an error of the library. The library writes to memory here, so an I/O error is one of our own reads.
fn own(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::input::InputNotes;
    use crate::report::CsvDialect;
    use crate::report::locale::Locale;
    use crate::report::xlsx::cells::CellWriter;
    use crate::report::xlsx::table::push_part;
    use crate::results::SpreadsheetDamage;
    use crate::verdict::{Coverage, Expectations, Tally};
    use calamine::{Data, Reader as _, Xlsx, open_workbook};

    #[test]
    fn a_table_continues_in_the_next_sheet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let context = ReportContext {
            groups: Vec::new(),
            sheet_groups: None,
            columns: Vec::new(),
            file_column: None,
            number_columns: BTreeSet::new(),
            marks: false,
            examined: false,
            evidence: false,
            expectations: Expectations::default(),
            csv: CsvDialect::PLAIN,
            locale: Locale::default(),
        };
        let mut book =
            XlsxSink::new(path.clone(), Output::create(&path).unwrap(), &context).unwrap();
        book.most_rows = 4;
        for number in 1..=7 {
            let mut piece = Vec::new();
            push_part(&mut piece, b'M', |out| {
                CellWriter::at(out, 0).number(Some(number));
            });
            book.take(&piece).unwrap();
        }
        let summary = Summary {
            results_files: &[],
            tally: Tally::default(),
            expectations: Expectations::default(),
            coverage: Coverage::default(),
            damage: SpreadsheetDamage::default(),
            input_notes: InputNotes::default(),
            locale: Locale::default(),
        };
        book.summarise(&summary).unwrap();
        Box::new(book).commit().unwrap();

        let mut book: Xlsx<_> = open_workbook(&path).unwrap();
        let names = [
            "Summary",
            "Breaks",
            "Without verdict",
            "Matrix 1",
            "Matrix 2",
            "Matrix 3",
            "Detail",
            "Method",
        ];
        assert_eq!(book.sheet_names(), names);
        let numbers = ["Matrix 1", "Matrix 2", "Matrix 3"].map(|name| {
            let range = book.worksheet_range(name).unwrap();
            assert_eq!(range.get((0, 0)), Some(&Data::String("row".to_owned())));
            let rows = range.rows().skip(1);
            rows.map(|row| row[0].to_string())
                .collect::<Vec<_>>()
                .join(",")
        });
        assert_eq!(numbers, ["1,2,3", "4,5,6", "7"]);
        let summary = book.worksheet_range("Summary").unwrap();
        let counted = summary.rows().find(|row| row[0] == "Matrix 2");
        assert_eq!(counted.unwrap()[1], Data::Float(3.0));
    }
}
