//! Why a comparison could not be made.

use std::io;
use std::path::PathBuf;

use crate::exit::{Advice, NO_READER, Status};
use crate::humanize;
use crate::results::ReadError;

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// A results file.
    #[error(transparent)]
    ResultsFile(#[from] ReadError),
    /// A report.
    #[error("can't write {}", humanize::output(path))]
    Write {
        /// The report.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Advice for DiffError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ResultsFile(error) => error.hint(),
            Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Some(
                format!("{NO_READER}; both results files are whole: compare them again"),
            ),
            Self::Write { .. } => {
                Some("both results files are whole: make room, then compare them again".to_owned())
            }
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::ResultsFile(error) => error.status(),
            Self::Write { .. } => Status::Incomplete,
        }
    }
}
