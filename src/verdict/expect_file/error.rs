//! Why expectations can't be understood, from flags and from a file.

use std::path::PathBuf;

use crate::exit::Advice;
use crate::message::BadName;

/// Why expectations can't be understood.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationsError {
    /// A value of `--expect` without any group in it.
    #[error("--expect `{found}`: expected GROUP,… or TOPIC=GROUP,…")]
    NoGroup {
        /// What was typed.
        found: String,
    },
    /// A name in `--expect` that no topic or group has.
    #[error("--expect `{found}`: the {what} `{name}` {problem}")]
    BadName {
        /// What was typed.
        found: String,
        /// `topic` or `group`.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: BadName,
    },
    /// The file can't be opened, or can't be decompressed.
    #[error("can't read expectations from {}", path.display())]
    Unreadable {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no CSV with one group a line.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// What was found and what was expected.
        problem: &'static str,
    },
    /// A line can't be read as cells below the header.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// Line, from 1.
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
        /// The names that are there.
        found: Vec<String>,
    },
    /// A column that looks like one of ours and is none.
    #[error("{}: found the column `{found}`, expected it to be tags, valid_from or valid_to", path.display())]
    Misnamed {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The name in the header.
        found: String,
    },
    /// Two columns of one meaning.
    #[error("{}: the columns `{first}` and `{second}` could both be {meaning}, expected one of them", path.display())]
    Ambiguous {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// The meaning, by our name for it.
        meaning: &'static str,
        /// One of them.
        first: String,
        /// Another.
        second: String,
    },
    /// A cell can't be understood.
    #[error("{}:{line}, column {column}: {problem}", path.display())]
    Cell {
        /// The file of `--expect-file`.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The column's name in our spelling.
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
