//! The XLSX report: a workbook with five sheets.
//!
//! Summary says what happened, Breaks is the list to act on, Matrix and Detail are the two CSVs, and Method explains the
//! verdicts. A table with more rows than a sheet can hold continues in a next sheet.
//!
//! The workers render the rows of the three tables ([`cells`]), which are kept compressed on disk ([`rows`]), so memory does
//! not grow with them. At the end the library makes the workbook without these rows ([`frame`]: headings, filters, widths,
//! colours; [`summary`], [`method`]), and [`sink`] puts the rows in between.
//!
//! The library's constant-memory mode cannot replace this. Tested with `rust_xlsxwriter` 0.102.0, the newest version in
//! November 2026: if the disk with its temporary files is full, `write_string` panics (`worksheet.rs:19707`, "Couldn't
//! write to xml file"). It also keeps the text uncompressed.

mod cells;
mod formats;
mod frame;
mod method;
mod rows;
mod sheet_writer;
mod sink;
mod summary;
mod table;

pub(super) use sink::XlsxSink;
pub(super) use table::{MAX_COLUMNS, XlsxRows, groups_of_sheet, widest};
