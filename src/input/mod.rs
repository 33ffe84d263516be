//! Files in, rows out: CSV, TSV, NDJSON or bare IDs, plain or compressed, sniffed or told.

mod row;

pub use row::{Entry, Kept, Reject, Row};
