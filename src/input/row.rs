//! One row of the input, as everything behind it sees it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::humanize;
use crate::message::Query;

/// A row of the input. Every row becomes exactly one line of the results file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// 1 for the first data row, counted on through all inputs.
    pub row: u64,
    /// The columns that travel to the report unchanged.
    pub kept: KeptCells,
    /// What the row asks.
    pub entry: Entry,
}

/// What a row asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    /// The first row with this `(instance, topic, msg_id)`.
    Query(Query),
    /// The same as an earlier row: asked once, reported for both.
    Duplicate {
        /// The row that is asked.
        of: u64,
    },
    /// Not a question that could be asked.
    Rejected(Box<Reject>),
}

/// A bad row: where it stands, what was found, and why it can't be asked. Never guessed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The input as the person named it (`-` is standard input).
    pub file: Arc<str>,
    /// Line of the file, from 1.
    pub line: u64,
    /// The column's name, or its number from 1 where there is no header.
    pub column: Arc<str>,
    /// The text found there, cut to 200 characters.
    pub found: String,
    /// What is wrong with it and what was expected, a lower-case fragment.
    pub reason: String,
    /// The message ID as found, where the row has one: the report shows it so that a person recognises the row.
    pub msg_id: Option<String>,
    /// The topic as found.
    pub topic: Option<String>,
}

impl fmt::Display for Reject {
    /// `orders.csv:17, column msg_id: found …, expected …`
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
        write!(f, "{file}:{line}, column {column}: `{found}` {reason}")
    }
}

/// The columns that travel to the report unchanged, ready for the results file.
///
/// Rows of one file share `columns`, so a reader of many rows compares a pointer, not names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptCells {
    /// Names in input order, without repeats.
    pub columns: Arc<[Box<str>]>,
    /// A JSON object of those columns in the same order, or `None` where nothing is kept.
    pub json: Option<Box<str>>,
}

/// What a parser makes of one record.
#[derive(Debug)]
pub(super) struct ParsedRow {
    pub(super) kept: KeptCells,
    /// The query, or why the row asks nothing.
    pub(super) query: Result<Query, Box<Reject>>,
}
