//! Reports. Every format is made from the same results file, by the same judgement and the same tally, so a number
//! never differs between two formats.
//!
//! [`render`] walks through the results files once. Formats with a line per row ([`RowFormat`]) receive every
//! [`RowView`]; formats that only sum up ([`SummaryFormat`]) receive the [`Summary`] at the end. `audit` and `report`
//! call the same function, so a report that is rendered again has the same bytes.

mod csv;
pub(crate) mod csv_record;
mod error;
pub(crate) mod headings;
mod html;
mod json;
pub mod locale;
mod markdown;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
mod render;
mod rendered_row;
mod row;
mod sink;
mod streamed;
mod summary;
mod targets;
mod terminal;
mod terminal_writer;
mod text;
mod worklist;
mod xlsx;

pub use error::ReportError;
pub(crate) use json::summary_value;
pub(crate) use markdown::escaped;
pub use render::{Rendered, render};
pub(crate) use row::kept_in;
pub use row::{CsvDialect, ReportContext, RowFormat, RowView};
pub use sink::WrittenFile;
pub use streamed::StreamedReport;
pub use summary::{Summary, SummaryFormat};
pub(crate) use targets::OpenReport;
pub use targets::{Target, Targets};
pub use terminal::TerminalSummary;
pub(crate) use terminal_writer::{TerminalWriter, plain_table};
pub(crate) use text::InputNotesText;
pub use text::{SummaryText, sampled_failures};
pub use worklist::{ForeignFolder, refuse_foreign};

use std::path::Path;

/// A report format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// CSV with one row per message and group.
    Csv,
    /// CSV with one row per message and one column per group.
    Matrix,
    /// The lines of the results file with verdicts.
    Ndjson,
    /// CSV with the bad rows.
    Rejects,
    /// The summary as data.
    Json,
    /// The summary as text for a ticket.
    Markdown,
    /// A workbook.
    Xlsx,
    /// A web page.
    Html,
    /// Parquet with the rows of [`Csv`](Self::Csv).
    #[cfg(feature = "parquet")]
    Parquet,
    /// Parquet with the rows of [`Matrix`](Self::Matrix).
    #[cfg(feature = "parquet")]
    ParquetMatrix,
}

impl ReportFormat {
    /// The formats that the ending of a file name selects.
    pub const BY_ENDING: &[Self] = &[
        Self::Csv,
        Self::Xlsx,
        Self::Html,
        Self::Ndjson,
        Self::Json,
        Self::Markdown,
        #[cfg(feature = "parquet")]
        Self::Parquet,
    ];

    /// Returns the format that the ending of a file name selects.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "json" => Some(Self::Json),
            "md" | "markdown" => Some(Self::Markdown),
            "xlsx" => Some(Self::Xlsx),
            "html" | "htm" => Some(Self::Html),
            #[cfg(feature = "parquet")]
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// Returns the ending that selects the format. Formats with a flag of their own have none.
    #[must_use]
    pub const fn ending(self) -> Option<&'static str> {
        match self {
            Self::Csv => Some(".csv"),
            Self::Ndjson => Some(".ndjson"),
            Self::Json => Some(".json"),
            Self::Markdown => Some(".md"),
            Self::Xlsx => Some(".xlsx"),
            Self::Html => Some(".html"),
            #[cfg(feature = "parquet")]
            Self::Parquet | Self::ParquetMatrix => Some(".parquet"),
            Self::Matrix | Self::Rejects => None,
        }
    }

    /// Returns whether `--split` applies to the format.
    #[must_use]
    pub const fn is_csv(self) -> bool {
        matches!(self, Self::Csv | Self::Matrix | Self::Rejects)
    }

    /// Returns the implementation: a writer of rows or of a summary.
    const fn writer(self) -> FormatWriter {
        match self {
            Self::Csv => FormatWriter::Rows(&csv::LongCsv),
            Self::Matrix => FormatWriter::Rows(&csv::MatrixCsv),
            Self::Ndjson => FormatWriter::Rows(&ndjson::Ndjson),
            Self::Rejects => FormatWriter::Rows(&csv::RejectsCsv),
            Self::Json => FormatWriter::Summary(&json::Json),
            Self::Markdown => FormatWriter::Summary(&markdown::Markdown),
            Self::Xlsx => FormatWriter::Rows(&xlsx::XlsxRows),
            Self::Html => FormatWriter::Rows(&html::HtmlRows),
            #[cfg(feature = "parquet")]
            Self::Parquet => FormatWriter::Rows(&parquet::LongParquet),
            #[cfg(feature = "parquet")]
            Self::ParquetMatrix => FormatWriter::Rows(&parquet::MatrixParquet),
        }
    }
}

#[derive(Clone, Copy)]
enum FormatWriter {
    Rows(&'static dyn RowFormat),
    Summary(&'static dyn SummaryFormat),
}
