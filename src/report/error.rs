//! The error of a report that could not be made. The other reports of the run are made all the same.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::exit::{Advice, NO_READER, Status};
use crate::humanize;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The report has more columns than a sheet can hold.
    #[error("{}: the report has {} columns, a sheet holds 16,384", path.display(), humanize::count(*columns as u64))]
    Wide {
        /// The report's path.
        path: PathBuf,
        /// How many columns the report would have.
        columns: usize,
    },
    /// The report cannot be written.
    #[error("can't write {}", humanize::output(path))]
    Write {
        /// The report's path.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl ReportError {
    /// Returns the report's path as given on the command line.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Wide { path, .. } | Self::Write { path, .. } => path,
        }
    }

    /// Returns what has to be done before the report can be made.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Wide { .. } => "make a .csv of it, or keep fewer columns (audit --keep)",
            Self::Write { source, .. } => match source.kind() {
                ErrorKind::BrokenPipe => NO_READER,
                ErrorKind::NotFound => "make its folder again, or name another",
                ErrorKind::StorageFull | ErrorKind::FileTooLarge | ErrorKind::QuotaExceeded => {
                    "make room, or name a file elsewhere"
                }
                _ => "remove the cause, or name a file elsewhere",
            },
        }
    }
}

impl Advice for ReportError {
    fn hint(&self) -> Option<String> {
        Some(self.remedy().to_owned())
    }

    fn status(&self) -> Status {
        Status::Incomplete
    }
}
