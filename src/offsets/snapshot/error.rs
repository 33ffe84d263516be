//! Why a snapshot can't be used.

use std::io;

use crate::exit::Advice;

/// Why a snapshot can't be used; names the file and the place in it.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file can't be opened, read or decompressed.
    #[error("can't read snapshot {file}")]
    Unreadable {
        /// The file as the person named it.
        file: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The text is not JSON, or not a snapshot.
    #[error("snapshot {file}, line {line}, column {column}: {what}")]
    Malformed {
        /// The file as the person named it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found and what was expected.
        what: String,
    },
    /// The snapshot says two different things.
    #[error("snapshot {file}: {what}")]
    Contradicts {
        /// The file as the person named it.
        file: String,
        /// The two things.
        what: Contradiction,
    },
}

/// Two statements of one snapshot that can't both hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// A topic has two entries.
    #[error("topic {0} is listed twice, expected one entry with all its queues")]
    Topic(String),
    /// A group has two entries.
    #[error("group {0} is listed twice, expected one entry with all its subscriptions and offsets")]
    Group(String),
    /// A queue has two entries.
    #[error("{0} is listed twice")]
    Queue(String),
    /// A queue ends before it begins.
    #[error("{queue} has min_offset {min} above max_offset {max}")]
    Range {
        /// Topic, broker and queue.
        queue: String,
        /// Its `min_offset`.
        min: u64,
        /// Its `max_offset`.
        max: u64,
    },
    /// A group has two subscriptions to a topic.
    #[error(
        "group {group} has two subscriptions to topic {topic}, expected one (tags join with `||`)"
    )]
    Subscription {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
    },
    /// A group has two offsets for a queue.
    #[error("group {group} has two offsets for {queue}")]
    Offset {
        /// The group.
        group: String,
        /// Topic, broker and queue.
        queue: String,
    },
}

impl SnapshotError {
    pub(crate) fn unreadable(file: &str, cause: io::Error) -> Self {
        Self::Unreadable {
            file: file.to_owned(),
            cause,
        }
    }

    /// What the JSON parser found; a stream that broke under it is the file's fault, not the text's.
    pub(super) fn malformed(file: &str, cause: serde_json::Error) -> Self {
        if cause.is_io() {
            return Self::unreadable(file, cause.into());
        }
        let (line, column) = (cause.line(), cause.column());
        let said = cause.to_string();
        let place = format!(" at line {line} column {column}");
        Self::Malformed {
            file: file.to_owned(),
            line,
            column,
            what: said.strip_suffix(&place).unwrap_or(&said).to_owned(),
        }
    }

    pub(super) fn contradicts(file: &str, what: Contradiction) -> Self {
        Self::Contradicts {
            file: file.to_owned(),
            what,
        }
    }
}

impl Advice for SnapshotError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
                "check the path; a cluster is named by its scheme, as in `--source ons://cn-hangzhou`"
            }
            Self::Unreadable { .. } => {
                "the file must be readable and whole; a `.gz` or `.zst` may have been cut short: copy it again"
            }
            Self::Malformed { .. } => {
                "`--source` takes a snapshot in JSON, plain, gzip or zstd; samples/cluster.json shows every field"
            }
            Self::Contradicts { .. } => {
                "capture the snapshot again, or take out the entry that is wrong; nothing was guessed"
            }
        };
        Some(hint.to_owned())
    }
}
