//! One row of the input, independent of its format.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::humanize;
use crate::message::Query;

/// A row of the input. Every row becomes exactly one line of the results file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Row number, from 1 and continued through all inputs.
    pub row: u64,
    /// The kept columns, which are copied to the report unchanged.
    pub kept: KeptCells,
    /// The query of the row, or why it has none.
    pub entry: Entry,
}

/// The query of a row, or why it has none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// The first row with this `(instance, topic, msg_id)`.
    Query(Query),
    /// The query of an earlier row. It is asked once and reported for both rows.
    Duplicate {
        /// The earlier row.
        of: u64,
    },
    /// A row that cannot be asked.
    Rejected(Box<Reject>),
}

/// A rejected row: its place, the text found there, and why it cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The input as it was given (`-` is standard input).
    pub file: Arc<str>,
    /// Line of the file, from 1.
    pub line: u64,
    /// The name of the column, or its number from 1 if there is no header.
    pub column: Arc<str>,
    /// The text found there, cut to 200 characters.
    pub found: String,
    /// What is wrong with it and what was expected, as a lower-case fragment.
    pub reason: String,
    /// The message ID as found, if the row has one, so that a reader of the report recognises the row.
    pub msg_id: Option<String>,
    /// The topic as found.
    pub topic: Option<String>,
}

impl fmt::Display for Reject {
    /// Writes `orders.csv:17, column msg_id: found …, expected …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            found,
            reason,
            ..
        } = self;
        let file = humanize::input(Path::new(&**file));
        write!(f, "{file}:{line}, column {column}: ")?;
        if !found.is_empty() {
            write!(f, "`{}` ", humanize::printable(found))?;
        }
        f.write_str(reason)
    }
}

/// The kept columns of a row, in the form of the results file.
///
/// Rows of one file share `columns`, so a reader of many rows compares a pointer, not names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptCells {
    /// Names in input order, made unique.
    pub columns: Arc<[Box<str>]>,
    /// A JSON object of those columns in the same order, or `None` if nothing is kept.
    pub json: Option<Box<str>>,
}

/// The result of parsing one record.
#[derive(Debug)]
pub(super) struct ParsedRow {
    pub(super) kept: KeptCells,
    /// The query, or why the row has none.
    pub(super) query: Result<Query, Box<Reject>>,
}
