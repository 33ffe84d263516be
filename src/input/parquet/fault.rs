//! Errors of Parquet files.

use std::io;

use crate::exit::Advice;
use crate::humanize::printable;

/// The largest number of bytes that a page may unpack to.
pub(in crate::input) const PAGE_LIMIT: usize = 512 << 20;

/// The deepest nesting of columns that is read.
pub(in crate::input) const MAX_DEPTH: usize = 64;

/// A Parquet file cannot be read. The message continues "FILE …".
#[derive(Debug, thiserror::Error)]
pub enum ParquetFault {
    /// The program was built without the Cargo feature.
    #[error("is a Parquet file, and this build of ons-audit lacks the Cargo feature `parquet`")]
    NoFeature,
    /// `--input-format parquet` is given for another file.
    #[error("is no Parquet file: it does not begin with `PAR1`")]
    NotParquet,
    /// The file ends before its footer.
    #[error("is a truncated Parquet file: it does not end with `PAR1`")]
    Truncated,
    /// Its footer or its columns are encrypted.
    #[error("is an encrypted Parquet file")]
    Encrypted,
    /// It describes columns of other files.
    #[error("is a summary of other Parquet files: column `{}` is in the file `{}`", printable(.column), printable(.file))]
    Summary {
        /// A column that is elsewhere.
        column: String,
        /// The file that has it.
        file: String,
    },
    /// A column is compressed in a way that is not read.
    #[error("has a column `{}` compressed with {codec}, expected none, snappy, gzip or zstd", printable(.column))]
    Codec {
        /// The column.
        column: String,
        /// The compression.
        codec: String,
    },
    /// A page is too large to be held in memory.
    #[error("has a page of column `{}` that unpacks to {} MiB, expected at most {} MiB", printable(.column), found >> 20, PAGE_LIMIT >> 20)]
    LargePage {
        /// The column.
        column: String,
        /// The size of the page in bytes.
        found: u64,
    },
    /// Columns are nested too deeply.
    #[error("has columns that are nested deeper than {MAX_DEPTH} levels")]
    Deep,
    /// A text has bytes that are not UTF-8.
    #[error("has a text that is not UTF-8 in column `{}`, row {row}", printable(.column))]
    NotText {
        /// The column.
        column: String,
        /// The row, from 1.
        row: u64,
    },
    /// The bytes contradict the format.
    #[error("is a damaged Parquet file: {0}")]
    Damaged(String),
    /// Reading failed.
    #[error("can't be read to its end")]
    Read(#[source] io::Error),
}

impl ParquetFault {
    /// Makes the fault of a column that contradicts the format.
    #[cfg(feature = "parquet")]
    pub(super) fn in_column(column: &str, problem: &str) -> Self {
        Self::Damaged(format!("column `{}`: {problem}", printable(column)))
    }
}

impl Advice for ParquetFault {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoFeature => {
                "build ons-audit with `--features parquet`, or give the list as CSV or NDJSON"
            }
            Self::NotParquet => "leave --input-format out: the format is detected",
            Self::Truncated | Self::Damaged(_) | Self::Read(_) => {
                "fetch or write the file again, it may be incomplete"
            }
            Self::Encrypted => "decrypt it, and give the list as a plain Parquet file or as CSV",
            Self::Summary { .. } => "name the files with the rows instead",
            Self::Codec { .. } => "write it again with snappy or zstd",
            Self::LargePage { .. } => "write it again with pages of about 1 MiB",
            Self::Deep => "write it again with the columns that are needed",
            Self::NotText { .. } => {
                "write the column as binary, which is then shown in hexadecimal digits, or leave it out with --keep"
            }
        };
        Some(hint.to_owned())
    }
}
