//! Why expectations cannot be read, from flags or from a file.

use std::path::PathBuf;

use crate::exit::Advice;
use crate::message::BadName;

/// Why expectations cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationsError {
    /// A value of `--expect` contains no group.
    #[error("--expect `{found}`: expected GROUP,… or TOPIC=GROUP,…")]
    NoGroup {
        /// The value as typed.
        found: String,
    },
    /// A name in `--expect` cannot be the name of a topic or a group.
    #[error("--expect `{found}`: the {what} `{name}` {problem}")]
    BadName {
        /// The value as typed.
        found: String,
        /// `topic` or `group`.
        what: &'static str,
        /// The refused name.
        name: String,
        /// Why the name is refused.
        problem: BadName,
    },
    /// The file cannot be opened or decompressed.
    #[error("can't read expectations from {}", path.display())]
    Unreadable {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is not CSV with one group per line.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What was found and what was expected.
        problem: &'static str,
    },
    /// A line cannot be read as cells below the header.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The line number, from 1.
        line: u64,
        /// What was found and what was expected.
        problem: String,
    },
    /// The file lacks a column.
    #[error("{}: no `{missing}` column; the header has: {}", path.display(), found.join(", "))]
    Column {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// `topic` or `group`.
        missing: &'static str,
        /// The column names of the header.
        found: Vec<String>,
    },
    /// A column name resembles one of ours.
    #[error("{}: found the column `{found}`, expected it to be tags, valid_from or valid_to", path.display())]
    Misnamed {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The name in the header.
        found: String,
    },
    /// Two columns have the same meaning.
    #[error("{}: the columns `{first}` and `{second}` could both be {meaning}, expected one of them", path.display())]
    Ambiguous {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// Our name of the column that both could be.
        meaning: &'static str,
        /// The first name in the header.
        first: String,
        /// The second name in the header.
        second: String,
    },
    /// A cell cannot be read.
    #[error("{}:{line}, column {column}: {problem}", path.display())]
    Cell {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The line number, from 1.
        line: u64,
        /// Our name of the column.
        column: &'static str,
        /// What was found and what was expected.
        problem: String,
    },
}

impl Advice for ExpectationsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoGroup { .. } | Self::BadName { .. } => {
                "for example --expect orders=GID_billing,GID_shipping; say --expect once for each topic".to_owned()
            }
            Self::Unreadable { .. } => "give --expect-file a CSV file that can be read, plain or compressed".to_owned(),
            _ => "an expectations file is CSV with the header `topic,group` or `topic,group,tags,valid_from,valid_to`, one \
                  expected group a line; leave `topic` empty for a group that every topic should have"
                .to_owned(),
        })
    }
}
