//! Errors of reading a snapshot.

use std::io;

use crate::exit::Advice;

/// The reason why a snapshot cannot be used. The messages name the file and the place in it.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the message of each variant explains its fields"
)]
pub enum SnapshotError {
    /// The file cannot be opened, read or decompressed.
    #[error("can't read snapshot {file}")]
    Unreadable {
        file: String,
        #[source]
        cause: io::Error,
    },
    /// The text is not JSON, or not a snapshot.
    #[error("snapshot {file}, line {line}, column {column}: {what}")]
    Malformed {
        file: String,
        line: usize,
        column: usize,
        what: String,
    },
    /// The snapshot contradicts itself.
    #[error("snapshot {file}: {what}")]
    Contradicts { file: String, what: Contradiction },
}

/// Two statements of one snapshot that contradict each other.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the message of each variant explains its fields"
)]
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
    Range { queue: String, min: u64, max: u64 },
    /// A group has two subscriptions to a topic.
    #[error(
        "group {group} has two subscriptions to topic {topic}, expected one (tags join with `||`)"
    )]
    Subscription { group: String, topic: String },
    /// A group has two offsets for a queue.
    #[error("group {group} has two offsets for {queue}")]
    Offset { group: String, queue: String },
}

impl SnapshotError {
    pub(crate) fn unreadable(file: &str, cause: io::Error) -> Self {
        Self::Unreadable {
            file: file.to_owned(),
            cause,
        }
    }

    /// Converts an error of the JSON parser. A failed read is reported as an unreadable file, not as malformed
    /// text.
    pub(super) fn malformed(file: &str, cause: serde_json::Error) -> Self {
        if cause.is_io() {
            return Self::unreadable(file, cause.into());
        }
        let (line, column) = (cause.line(), cause.column());
        let message = cause.to_string();
        let position = format!(" at line {line} column {column}");
        Self::Malformed {
            file: file.to_owned(),
            line,
            column,
            what: message
                .strip_suffix(&position)
                .unwrap_or(&message)
                .to_owned(),
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
