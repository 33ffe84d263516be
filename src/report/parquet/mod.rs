//! The Parquet reports: the rows of the long CSV and of the matrix, with typed columns.
//!
//! The workers render the same records as for CSV, and [`sink`] splits them into columns ([`columns`]). So a cell of a
//! Parquet report is the cell of the CSV report with `--raw-csv`, and the two cannot differ.

mod columns;
mod sink;

pub(super) use sink::ParquetSink;

use super::csv::{long_row, matrix_row};
use super::row::{CsvDialect, ReportContext, RowFormat, RowView};

/// The form of the records between the workers and the sink.
const DIALECT: CsvDialect = CsvDialect {
    raw: true,
    ..CsvDialect::PLAIN
};

/// One row per message and group.
#[derive(Debug)]
pub(super) struct LongParquet;

impl RowFormat for LongParquet {
    fn head(&self, _context: &ReportContext, _out: &mut Vec<u8>) {}

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        long_row(DIALECT, context, view, out);
    }
}

/// One row per message, one column per group.
#[derive(Debug)]
pub(super) struct MatrixParquet;

impl RowFormat for MatrixParquet {
    fn head(&self, _context: &ReportContext, _out: &mut Vec<u8>) {}

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        matrix_row(DIALECT, context, view, out);
    }
}
