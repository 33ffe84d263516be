//! XLSX: a workbook for those who own a spreadsheet.
//!
//! Five sheets: Summary says what happened, Breaks is the list to act on, Matrix and Detail are the two CSVs, Method
//! says what the words prove. Where a table has more rows than a sheet holds it goes on in a next one.
//!
//! A million messages must not need the memory of a million messages, and what fails must be an error: the rows of the
//! three tables are rendered by the workers ([`cells`]) and kept compressed on disk ([`rows`]). At the end the library
//! makes the workbook without them ([`frame`]: heads, filters, widths, colours; [`summary`], [`method`]), and [`book`]
//! puts the rows in between. (Its own mode of constant memory panics where the disk is full, and keeps text
//! uncompressed.)

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
pub(super) use table::{COLUMNS_MOST, XlsxRows, widest};
