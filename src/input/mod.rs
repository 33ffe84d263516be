//! Reads input files: CSV, TSV, NDJSON or lists of IDs, plain or compressed, in a detected or a given format.
//!
//! [`Inputs::open`] checks what can be known before the first query: the format of each file (`format`), the roles of
//! its columns (`columns`), its number of rows and its checksum (`survey`). [`Inputs::rows`] then reads the rows, as
//! often as needed and always in the same way:
//!
//! ```text
//! bytes → decompressed → records → cells / an object / an ID → query or reject → first of its kind, or a duplicate
//! ```
//!
//! Every data record becomes one [`Row`]. A row that cannot be asked becomes [`Entry::Rejected`] with its place and
//! reason; values are never guessed. An [`InputError`] means that an input cannot be read at all. Memory does not grow
//! with the input except for the duplicate check, at most 48 bytes per distinct message (`dedupe`).

mod born_column;
mod bytes;
mod columns;
mod csv_rows;
mod dedupe;
mod error;
mod format;
mod header;
mod id_rows;
mod input_file;
mod inputs;
mod kept_cells;
#[cfg_attr(not(test), expect(dead_code, reason = "called by the log reader"))]
mod log_line;
mod ndjson_rows;
mod nested;
mod object;
mod oldest_first;
mod options;
mod query_builder;
mod read_ahead;
mod recent;
mod row;
mod rows;
mod survey;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "the inputs do not read workbooks yet"
    )
)]
mod workbook;

pub use born_column::{BornCells, BornColumn, Unread};
pub(crate) use dedupe::DedupIndex;
pub use dedupe::Fingerprint;
pub use error::InputError;
pub use format::Unreadable;
pub(crate) use header::column_of;
pub use header::{Role, Unmapped};
pub use inputs::Inputs;
pub use oldest_first::OldestFirst;
pub use options::{ColumnRef, InputFormat, InputOptions, UnknownFormat};
pub use read_ahead::ReadAhead;
pub use row::{Entry, KeptCells, Reject, Row};
pub use rows::Rows;
pub use survey::Survey;
pub use workbook::{SheetRef, WorkbookError};

#[cfg(test)]
mod tests;
