//! The results file: the evidence that every report is made from (schemas `ons-audit/1` and `ons-audit/2`, `docs/reference/results-file.md`).
//!
//! A [`ResultsWriter`] appends every outcome to `RESULTS.partial` as it arrives. When all rows are accounted for it puts
//! the lines in input order, adds the trailer with totals and seal, and renames the file: a file with the final name
//! and without a trailer does not exist. [`EarlierRun`] is what an interrupted run has left, from which a resumed run
//! continues. A [`ResultsFile`] is a finished file, opened again; [`Line`] is one of its lines.

mod answer_store;
mod blocks;
mod close;
mod contents;
mod error;
mod evidence;
mod evidence_merge;
mod fast_line_parser;
mod header;
mod inference;
mod journal;
mod line;
mod message_contexts;
mod open;
mod order;
mod outcome;
mod previous;
mod query_digest;
mod results_file;
mod resume;
mod row_set;
mod shards;
mod spreadsheet_damage;
#[cfg(test)]
mod tests;
mod writer;
mod written_line;

pub use answer_store::AnswerStore;
pub use blocks::{Block, Blocks};
pub use contents::ColumnOrder;
pub use error::{ReadError, ResultsError};
pub use header::{EXAMINED, EvidenceSection, Header, LOCATED, SCHEMA, Trailer};
pub use inference::{InferenceSection, OrderContradiction, UnknownType};
pub use journal::Durability;
pub use line::{ErrorView, FoundView, KeptFields, Line, PreviouslyView, RejectView};
pub use message_contexts::MessageContexts;
pub use outcome::Outcome;
pub use previous::{KnownAnswer, Previous, PreviousError, Previously};
pub use query_digest::QueryDigest;
pub use results_file::ResultsFile;
pub use resume::{EarlierAccess, EarlierRun, Unfinished};
pub use row_set::RowSet;
pub use shards::{ShardsError, merge};
pub use spreadsheet_damage::{DamagedColumn, SpreadsheetDamage};
pub use writer::{ResultsWriter, SettledRows, partial_path};
pub use written_line::LineWriter;
