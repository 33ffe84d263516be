//! Files in, rows out: CSV, TSV, NDJSON or bare IDs, plain or compressed, sniffed or told.
//!
//! [`Inputs::open`] makes sure of everything that can be known before the first question: what each file is written in
//! (`format`), which of its columns is what (`columns`), how many rows it has and their checksum (`survey`). Then
//! [`Inputs::rows`] reads, as often as asked, always the same way:
//!
//! ```text
//! bytes → decompressed → records → cells / an object / an ID → question or reject → first of its kind, or a duplicate
//! ```
//!
//! Every data record becomes one [`Row`]. A row that can't be asked is [`Entry::Rejected`] with its place and reason,
//! never guessed at; an [`InputError`] is for inputs that can't be read at all. Memory does not grow with the input but for
//! the duplicate check, at most 48 bytes per distinct message (`dedupe`).

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
mod ndjson_rows;
mod object;
mod oldest_first;
mod options;
mod query_builder;
mod read_ahead;
mod recent;
mod row;
mod rows;
mod survey;

pub use born_column::{BornCells, BornColumn, Unread};
pub(crate) use dedupe::DedupIndex;
pub use dedupe::Fingerprint;
pub use error::InputError;
pub use format::Unreadable;
pub(crate) use header::is_folded;
pub use header::{Role, Unmapped};
pub use inputs::Inputs;
pub use oldest_first::OldestFirst;
pub use options::{ColumnRef, InputFormat, InputOptions, UnknownFormat};
pub use read_ahead::ReadAhead;
pub use row::{Entry, KeptCells, Reject, Row};
pub use rows::Rows;
pub use survey::Survey;

#[cfg(test)]
mod tests;
