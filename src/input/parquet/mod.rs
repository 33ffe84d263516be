//! Reads Parquet files (`.parquet`) as CSV.
//!
//! A file is read as if it were the records of a CSV file without a header. The records are made while they are read, a
//! batch of rows at a time, and only of columns that are needed. So everything that holds for CSV holds for Parquet, and
//! memory grows neither with the file nor with its row groups.
//!
//! ```text
//! footer → columns as trees → pages (pages) → values of a batch (leaf) → cells (node, meaning) → CSV (text)
//! ```
//!
//! No bytes make the program panic or take memory without bound: sizes are checked before the crate `parquet` sees them,
//! and a panic of the crate becomes a [`ParquetFault`].

mod fault;
#[cfg(feature = "parquet")]
mod footer;
#[cfg(feature = "parquet")]
mod leaf;
#[cfg(feature = "parquet")]
mod meaning;
#[cfg(feature = "parquet")]
mod node;
#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod table;
#[cfg(feature = "parquet")]
mod text;
#[cfg(feature = "parquet")]
mod thrift;
#[cfg(not(feature = "parquet"))]
mod without;

pub use fault::ParquetFault;
#[cfg(feature = "parquet")]
pub(super) use table::ParquetTable;
#[cfg(not(feature = "parquet"))]
pub(super) use without::NoParquet as ParquetTable;

#[cfg(feature = "parquet")]
use parquet::errors::ParquetError;

/// The first bytes of a file.
const MAGIC: &[u8] = b"PAR1";

/// The first bytes of a file whose footer is encrypted.
const ENCRYPTED: &[u8] = b"PARE";

/// Returns whether decompressed bytes begin like a Parquet file.
pub(super) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.starts_with(ENCRYPTED)
}

/// Converts an error of the crate. Our own faults pass through it.
#[cfg(feature = "parquet")]
fn damaged(error: ParquetError) -> ParquetFault {
    match error {
        ParquetError::External(error) => match error.downcast::<ParquetFault>() {
            Ok(fault) => *fault,
            Err(error) => ParquetFault::Damaged(error.to_string()),
        },
        ParquetError::General(problem) | ParquetError::EOF(problem) => {
            ParquetFault::Damaged(problem)
        }
        error => ParquetFault::Damaged(error.to_string()),
    }
}

/// Converts an error of the crate about a column.
#[cfg(feature = "parquet")]
fn damaged_in(column: &str, error: ParquetError) -> ParquetFault {
    match damaged(error) {
        ParquetFault::Damaged(problem) if !problem.starts_with("column ") => {
            ParquetFault::in_column(column, &problem)
        }
        fault => fault,
    }
}

#[cfg(test)]
#[cfg(feature = "parquet")]
mod tests;
