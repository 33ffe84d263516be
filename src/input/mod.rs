//! Reads input files: CSV, TSV, JSON, logs of producers, workbooks or lists of IDs, plain or compressed, in a detected or a
//! given format and encoding.
//!
//! [`Inputs::open`] checks what can be known before the first query: the encoding (`encoding`) and the format of each
//! file (`format`, `table_start`), the roles of its columns (`columns`), its number of rows and its checksum (`survey`).
//! [`Inputs::rows`] then reads the rows, as often as needed and always in the same way:
//!
//! ```text
//! bytes → decompressed → decoded → records → cells / an object / a log line / an ID → query or reject
//!       → first of its kind, or a duplicate
//! ```
//!
//! No line is lost: every line is a part of a row, a blank line, or counted in the [`InputNotes`] as a title, a comment
//! or a log line without a message. A row that cannot be asked becomes [`Entry::Rejected`] with its place and reason;
//! values are never guessed. An [`InputError`] means that an input cannot be read at all. Memory does not grow with the
//! input except for the duplicate check, at most 48 bytes per distinct message (`dedupe`).

mod born_column;
mod bytes;
mod cleaning;
mod column_ref;
mod columns;
mod csv_rows;
mod dedupe;
mod encoding;
mod error;
mod format;
mod header;
mod id_rows;
mod input_file;
mod input_text;
mod inputs;
mod kept_cells;
mod layout;
mod log_line;
mod log_rows;
mod ndjson_rows;
mod nested;
mod notes;
mod object;
mod oldest_first;
mod options;
mod parquet;
mod query_builder;
mod read_ahead;
mod reader;
mod recent;
mod row;
mod rows;
mod scratch_rows;
mod shard;
mod streamed_head;
mod streamed_rows;
mod survey;
mod table_start;
mod unreadable;
mod validity;
mod workbook;

pub use born_column::{BornCells, BornColumn, Unread};
pub use column_ref::ColumnRef;
pub(crate) use dedupe::DedupIndex;
pub use dedupe::Fingerprint;
pub use encoding::{InputEncoding, UnknownEncoding};
pub use error::InputError;
pub(crate) use header::column_of;
pub use header::{Role, Unmapped};
pub use inputs::Inputs;
pub use notes::{InputNotes, Noticed};
pub use oldest_first::OldestFirst;
pub use options::{InputFormat, InputOptions, SHARD, UnknownFormat};
pub use parquet::ParquetFault;
pub use read_ahead::ReadAhead;
pub use row::{Entry, KeptCells, Reject, Row};
pub use rows::Rows;
pub use scratch_rows::{ScratchRows, ScratchWriter};
pub use shard::{BadShard, Shard};
pub use streamed_rows::StreamedRows;
pub use survey::Survey;
pub use unreadable::Unreadable;
pub use workbook::{SheetRef, WorkbookError};

#[cfg(test)]
mod tests;
