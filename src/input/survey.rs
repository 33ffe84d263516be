//! The first pass over an input: counts its rows and hashes its bytes before any query.

use std::io::{self, Read};
use std::panic;
use std::thread;

use super::InputError;
use super::bytes::Bytes;
use crate::file::Sha256;

/// Number of bytes that are hashed at once.
const CHUNK: usize = 256 << 10;

/// What the results file states about an input. A resumed run compares it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "SurveyFields", into = "SurveyFields")]
pub struct Survey {
    /// The path as it was given (`-` is standard input).
    pub path: String,
    /// SHA-256 of the bytes as they are stored, compressed or not: 64 hex digits, lower case. Empty for a stream that is
    /// not read yet.
    pub sha256: String,
    /// Number of data rows, rejected ones included.
    pub rows: u64,
}

/// The fields as they are written. The header of a stream's results file has the path alone.
#[derive(serde::Serialize, serde::Deserialize)]
struct SurveyFields {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
}

impl Survey {
    /// Returns what is known of a stream before it is read.
    #[must_use]
    pub fn of_stream(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            sha256: String::new(),
            rows: 0,
        }
    }

    /// Returns whether this is a stream that was not read when it was written down.
    #[must_use]
    pub const fn is_unread(&self) -> bool {
        self.sha256.is_empty()
    }
}

impl From<SurveyFields> for Survey {
    fn from(fields: SurveyFields) -> Self {
        Self {
            path: fields.path,
            sha256: fields.sha256.unwrap_or_default(),
            rows: fields.rows.unwrap_or_default(),
        }
    }
}

impl From<Survey> for SurveyFields {
    fn from(survey: Survey) -> Self {
        let is_read = !survey.is_unread();
        Self {
            path: survey.path,
            sha256: is_read.then_some(survey.sha256),
            rows: is_read.then_some(survey.rows),
        }
    }
}

/// Hashes the bytes while `count` counts the rows.
pub(super) fn survey(
    path: &str,
    bytes: &Bytes,
    count: impl FnOnce() -> Result<u64, InputError>,
) -> Result<Survey, InputError> {
    let (sha256, rows) = thread::scope(|scope| {
        let digest = scope.spawn(|| sha256(bytes.raw()));
        let rows = count();
        (
            digest
                .join()
                .unwrap_or_else(|panicked| panic::resume_unwind(panicked)),
            rows,
        )
    });
    Ok(Survey {
        path: path.to_owned(),
        sha256: sha256.map_err(InputError::unread(path))?,
        rows: rows?,
    })
}

/// Returns the SHA-256 of all bytes.
pub(super) fn sha256(mut bytes: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match bytes.read(&mut buffer)? {
            0 => return Ok(digest.hex()),
            read => digest.update(&buffer[..read]),
        }
    }
}
