//! Errors of workbooks.

use std::io;

use crate::exit::Advice;

use super::archive::LIMIT;
use crate::input::error::listed;

/// A workbook cannot be read. The message continues "FILE …".
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// A zip archive of something else.
    #[error("is a zip archive, but no workbook")]
    NoWorkbook,
    /// A workbook with a password.
    #[error("is an encrypted workbook")]
    Encrypted,
    /// An OLE file that is not an encrypted workbook.
    #[error("is a file of an old Office version, such as .xls, expected .xlsx or .ods")]
    Old,
    /// A workbook whose sheets are not XML.
    #[error("is a binary workbook (.xlsb), expected .xlsx or .ods")]
    Binary,
    /// The archive or the converted sheet exceeds the limit.
    #[error("unpacks to more than {} GiB", LIMIT >> 30)]
    TooLarge,
    /// A part that is held in memory exceeds its limit.
    #[error("has a part `{name}` that unpacks to more than {} MiB", limit >> 20)]
    PartTooLarge {
        /// The name of the part in the archive.
        name: String,
        /// The largest number of bytes.
        limit: u64,
    },
    /// The archive, its XML or its cells contradict the format.
    #[error("is a damaged workbook: {0}")]
    Damaged(String),
    /// `--sheet` names a sheet that is not there.
    #[error("has no sheet `{wanted}`; its sheets are {}", listed(.sheets.iter()))]
    NoSheet {
        /// The name or number.
        wanted: String,
        /// The sheets of the workbook.
        sheets: Vec<String>,
    },
    /// Several sheets may be meant.
    #[error("has {} sheets with a message-ID column: {}", .sheets.len(), listed(.sheets.iter()))]
    Ambiguous {
        /// The sheets that have an ID column.
        sheets: Vec<String>,
    },
    /// No sheet has an ID column, and there are several.
    #[error("has no sheet with a message-ID column; its sheets are {}", listed(.sheets.iter()))]
    NoIdColumn {
        /// The sheets of the workbook.
        sheets: Vec<String>,
    },
    /// The temporary file cannot be written.
    #[error("can't be converted in the folder for temporary files")]
    Temporary(#[source] io::Error),
}

impl WorkbookError {
    /// Makes the error of a part that cannot be read.
    #[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
    pub(super) fn damaged(reason: impl ToString) -> Self {
        Self::Damaged(reason.to_string())
    }
}

impl Advice for WorkbookError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoWorkbook => {
                "unpack it, and name the lists inside; of a document, save its table as CSV"
            }
            Self::Encrypted => "open it, remove its password, and save it as .xlsx",
            Self::Old | Self::Binary => "open it, and save it as .xlsx",
            Self::TooLarge | Self::PartTooLarge { .. } => {
                "save the sheet as CSV, with the ID column as text"
            }
            Self::Damaged(_) => {
                "open it in a spreadsheet program and save it again, or save the sheet as CSV"
            }
            Self::NoSheet { .. } => "--sheet NAME, or its number from 1",
            Self::Ambiguous { .. } => "--sheet NAME",
            Self::NoIdColumn { .. } => {
                "name the sheet with --sheet NAME, and its column with --msg-id-column NAME"
            }
            Self::Temporary(_) => "make room there, or name another folder with TMPDIR",
        };
        Some(hint.to_owned())
    }
}
