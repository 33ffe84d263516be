//! Errors of rendering.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::exit::{Advice, NO_READER, Status};
use crate::humanize;
use crate::results::ReadError;

/// Why reports could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A results file cannot be read or does not hold.
    #[error(transparent)]
    ResultsFile(#[from] ReadError),
    /// The report has more columns than a sheet can hold.
    #[error("{}: the report has {columns} columns, a sheet holds 16,384", path.display())]
    Wide {
        /// The report's path.
        path: PathBuf,
        /// How many columns the report would have.
        columns: usize,
    },
    /// A report cannot be written.
    #[error("can't write {}", humanize::output(path))]
    Write {
        /// The report's path.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl Advice for RenderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::ResultsFile(error) => error.hint(),
            Self::Wide { .. } => {
                Some("make a .csv of it, or keep fewer columns (audit --keep)".to_owned())
            }
            Self::Write { source, .. } if source.kind() == ErrorKind::BrokenPipe => Some(format!(
                "{NO_READER}; the results file is whole: `ons-audit report RESULTS` writes the report again"
            )),
            Self::Write { .. } => Some(
                "the results file is whole: make room, then `ons-audit report RESULTS -o FILE`"
                    .to_owned(),
            ),
        }
    }

    fn status(&self) -> Status {
        if matches!(self, Self::Write { .. }) {
            Status::Incomplete
        } else {
            Status::Refused
        }
    }
}
