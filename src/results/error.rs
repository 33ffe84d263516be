//! Errors of writing and of reading a results file, with their hints.

use std::io;
use std::path::PathBuf;

use super::header::OTHER_GROUPS;
use super::{EXAMINED, SCHEMA, partial_path};
use crate::exit::{Advice, Status};

/// A results file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// An earlier run did not finish, or another one is writing.
    #[error("{} holds the answers of an unfinished run", path.display())]
    Unfinished {
        /// The partial file.
        path: PathBuf,
        /// Whether its rows came from a stream.
        is_streamed: bool,
    },
    /// Another run holds the lock.
    #[error("another run is writing {}", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// The earlier run had another input, source or option.
    #[error("{} holds the answers of another run: {}", path.display(), differences.join("; "))]
    Differs {
        /// The partial file or the results file.
        path: PathBuf,
        /// The differences, one text for each.
        differences: Vec<String>,
        /// Whether it is a complete results file, which is never discarded.
        whole: bool,
    },
    /// The rows came from a stream.
    #[error("{} holds the answers about a stream (--stream), which can't be read again", path.display())]
    Streamed {
        /// The partial file or the results file.
        path: PathBuf,
    },
    /// The partial file was not written by this program.
    #[error(transparent)]
    Foreign(ReadError),
    /// A call of the operating system failed.
    #[error("can't {doing} {}", path.display())]
    Io {
        /// The operation that failed, such as `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
        /// Whether there is a partial file with answers.
        begun: bool,
    },
}

impl Advice for ResultsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unfinished { is_streamed, .. } if *is_streamed => {
                "throw them away with --restart, or name another results file with --results: a stream can't be resumed".to_owned()
            }
            Self::Unfinished { .. } => {
                "continue with --resume, or throw them away with --restart; they may not be had again".to_owned()
            }
            Self::Differs {
                whole: true,
                path,
                differences,
            } if *differences == [OTHER_GROUPS] => {
                format!(
                    "`ons-audit report {}` with the same --expect or --expect-file judges its answers anew and asks nothing; \
                     without --resume everything is asked again, and this results file is kept under another name",
                    path.display()
                )
            }
            Self::Differs { whole: true, .. } => {
                "name another results file with --results; without --resume everything is asked anew, and this results file is kept under \
                 another name"
                    .to_owned()
            }
            Self::Differs { .. } => {
                "ask as that run did to go on with it by --resume; else throw it away by --restart, or name another results file \
                 with --results"
                    .to_owned()
            }
            Self::Streamed { .. } => {
                "leave --resume out: begin anew with --restart, or name another results file with --results".to_owned()
            }
            // Such a file looks like a results file, so a look at its answers may be worthwhile.
            Self::Foreign(
                error @ (ReadError::Seal { .. } | ReadError::Totals { .. } | ReadError::Line { .. }),
            ) => return error.hint(),
            Self::Foreign(_) => {
                "name another results file with --results, or throw this file away by --restart".to_owned()
            }
            Self::Busy { .. } => "wait for it, or name another results file with --results".to_owned(),
            Self::Io {
                begun: true,
                path,
                source,
                ..
            } => match partial_path(path) {
                partial if partial.exists() => format!(
                    "the answers so far are in {}; {}, then run the same command with --resume to continue",
                    partial.display(),
                    match source.kind() {
                        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem =>
                            "make its folder writable",
                        _ => "make room",
                    }
                ),
                _ => "the partial file is gone: begin again in a folder that stays".to_owned(),
            },
            Self::Io { .. } => {
                "name a results file in a folder you may write to with --results".to_owned()
            }
        })
    }

    fn status(&self) -> Status {
        if matches!(self, Self::Io { begun: true, .. }) {
            Status::Incomplete
        } else {
            Status::Refused
        }
    }
}

/// A file cannot be read as a results file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A call of the operating system failed.
    #[error("can't read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The first line is not a header of this program.
    #[error("{}:1: found {found}, expected the header of a results file (schema `{SCHEMA}` or `{EXAMINED}`)", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The fault of the first line.
        found: String,
    },
    /// The last line is not a trailer.
    #[error("{} has no trailer: the run that wrote it did not finish, or the file was cut", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// A line between header and trailer cannot be read.
    #[error("{}, row {row}: the line can't be read", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The row that was expected there.
        row: u64,
        /// The fault of the line.
        source: serde_json::Error,
    },
    /// A line about what was examined, behind the rows, cannot be read.
    #[error("{}: line {nth} behind its rows can't be read", path.display())]
    Evidence {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        nth: u64,
        /// The fault of the line.
        source: serde_json::Error,
    },
    /// The bytes do not have the hash in the seal.
    #[error("{} was changed after it was sealed: its SHA-256 is {found}, the trailer says {sealed}", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// The hash of the bytes as they are now.
        found: String,
        /// The hash in the trailer.
        sealed: String,
    },
    /// The lines do not add up to the totals of the trailer.
    #[error("{}: the lines add up to {found}, the trailer says {sealed}", path.display())]
    Totals {
        /// The file.
        path: PathBuf,
        /// The totals of the lines.
        found: String,
        /// The totals in the trailer.
        sealed: String,
    },
    /// The header or the trailer states something that differs from the lines.
    #[error("{}: {what} are {found}, the {place} says {stated}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs: the groups, the columns or the number of lines.
        what: &'static str,
        /// The value found in the lines.
        found: String,
        /// Header or trailer.
        place: &'static str,
        /// The value stated there.
        stated: String,
    },
    /// The end time in the trailer is not a time.
    #[error("{}: the trailer says that the run ended at `{found}`, expected a time such as 2026-11-22T12:00:00Z", path.display())]
    Ended {
        /// The file.
        path: PathBuf,
        /// The text in the trailer.
        found: String,
    },
}

impl Advice for ReadError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "name a file that `audit` wrote with --results (or beside its first report)",
                Self::Header { .. } => "this needs a results file (.ndjson), not a report or an input; `verify` also checks bundles (.zip) and lists of \
                     parts (.parts.json)",
                Self::Unfinished { .. } => {
                    "only a finished run can be reported: its results file has no `.partial` in its name"
                }
                Self::Line { .. }
                | Self::Evidence { .. }
                | Self::Seal { .. }
                | Self::Totals { .. }
                | Self::Mismatch { .. }
                | Self::Ended { .. } => {
                    "don't rely on this file: fetch an unchanged copy, or ask again while the messages are kept"
                }
            }
            .to_owned(),
        )
    }
}
