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
pub struct Survey {
    /// The path as it was given (`-` is standard input).
    pub path: String,
    /// SHA-256 of the bytes as they are stored, compressed or not: 64 hex digits, lower case.
    pub sha256: String,
    /// Number of data rows, rejected ones included.
    pub rows: u64,
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
