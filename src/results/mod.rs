//! The results file: the evidence that every report is made from (schema `ons-audit/1`, `DESIGN.md` §6).
//!
//! A [`ResultsWriter`] appends every outcome to `RESULTS.partial` as it arrives. When all rows are accounted for it puts
//! the lines in input order, adds the trailer with totals and seal, and renames the file: a file with the final name
//! and without a trailer does not exist. [`Found`] is what an interrupted run has left, from which a resumed run
//! continues. A [`ResultsFile`] is a finished file, opened again; [`Line`] is one of its lines.

mod blocks;
mod close;
mod columns;
mod damage;
mod error;
mod header;
mod index;
mod journal;
mod learnt;
mod line;
mod lock;
mod open;
mod order;
mod ordering;
mod outcome;
mod plain;
mod previous;
mod query_digest;
mod results_file;
mod resume;
mod row_set;
mod subjects;
#[cfg(test)]
mod tests;
mod text;
mod tracks;
mod write;

pub use blocks::{Block, Blocks};
pub use columns::Columns;
pub use damage::{Damage, Damaged};
pub use error::{ReadError, ResultsError};
pub use header::{Header, LOCATED, SCHEMA, Trailer};
pub use learnt::{GroupSeen, Learnt};
pub use line::{ErrorView, FoundView, Kept, Line, PreviouslyView, RejectView, Text};
pub use outcome::Outcome;
pub use previous::{Known, Previous, PreviousError, Previously};
pub use query_digest::Asked;
pub use results_file::ResultsFile;
pub use resume::{Found, Unfinished};
pub use row_set::RowSet;
pub use subjects::Subjects;
pub use write::{Durability, ResultsWriter, ordered_path, partial_path};
