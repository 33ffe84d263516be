//! What can go wrong with a results file, written or read, and what to do then.

use std::io;
use std::path::PathBuf;

use super::header::OTHER_GROUPS;
use super::{SCHEMA, partial_path};
use crate::exit::{Advice, Status};

/// Why a results file can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// An earlier run did not finish, or another one is writing.
    #[error("{} holds the answers of an unfinished run", path.display())]
    Unfinished {
        /// The partial file.
        path: PathBuf,
    },
    /// Another run holds the lock.
    #[error("another run is writing {}", path.display())]
    Busy {
        /// The partial file.
        path: PathBuf,
    },
    /// The earlier run was about something else.
    #[error("{} holds the answers of another run: {}", path.display(), differences.join("; "))]
    Differs {
        /// The partial file, or the results file.
        path: PathBuf,
        /// What is not the same.
        differences: Vec<String>,
        /// Is it a results file, which nothing throws away?
        whole: bool,
    },
    /// No partial file of ours.
    #[error(transparent)]
    Foreign(ReadError),
    /// The system refused.
    #[error("can't {doing} {}", path.display())]
    Io {
        /// What we were at.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// Is there a partial file with answers?
        begun: bool,
    },
}

impl Advice for ResultsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
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
            // Such a results file looks like one, and its answers are worth a look.
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

/// Why a file is no results file to report from.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("can't read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The first line is none of ours.
    #[error("{}:1: found {found}, expected the header of a results file (schema `{SCHEMA}`)", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The last line is no trailer.
    #[error("{} has no trailer: the run that wrote it did not finish, or the file was cut", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// A line between the two can't be read.
    #[error("{}, row {row}: the line can't be read", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The row that was expected there.
        row: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The bytes are not those that were sealed.
    #[error("{} was changed after it was sealed: its SHA-256 is {found}, the trailer says {sealed}", path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// Of its bytes now.
        found: String,
        /// In the trailer.
        sealed: String,
    },
    /// The lines don't add up to the trailer's totals.
    #[error("{}: the lines add up to {found}, the trailer says {sealed}", path.display())]
    Totals {
        /// The file.
        path: PathBuf,
        /// Counted.
        found: String,
        /// In the trailer.
        sealed: String,
    },
    /// The lines don't hold what header or trailer say of them.
    #[error("{}: {what} are {found}, the {place} says {told}", path.display())]
    Untold {
        /// The file.
        path: PathBuf,
        /// Of the lines: their groups, their columns, their number.
        what: &'static str,
        /// In the lines.
        found: String,
        /// Header or trailer.
        place: &'static str,
        /// There.
        told: String,
    },
    /// The trailer names no time.
    #[error("{}: the trailer says that the run ended at `{found}`, expected a time such as 2026-11-22T12:00:00Z", path.display())]
    Ended {
        /// The file.
        path: PathBuf,
        /// In the trailer.
        found: String,
    },
}

impl Advice for ReadError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "name a file that `audit` wrote with --results (or beside its first report)",
                Self::Header { .. } => "report and verify read results files (.ndjson), not reports or inputs",
                Self::Unfinished { .. } => {
                    "only a finished run can be reported: its results file has no `.partial` in its name"
                }
                Self::Line { .. }
                | Self::Seal { .. }
                | Self::Totals { .. }
                | Self::Untold { .. }
                | Self::Ended { .. } => {
                    "don't rely on this file: fetch an unchanged copy, or ask again while the messages are kept"
                }
            }
            .to_owned(),
        )
    }
}
