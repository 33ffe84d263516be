//! What is checked of all records before anything is asked.

use serde::de::IgnoredAny;

use super::InputError;
use super::encoding::guess;
use super::object::fault;
use crate::delimited::RecordError;

/// Number of bytes of records by which the encoding is guessed.
const SAMPLE: usize = 64 << 10;

/// Records that are not UTF-8.
#[derive(Debug, Default)]
pub(super) struct OtherBytes {
    records: u64,
    first_line: u64,
    sample: Vec<u8>,
}

impl OtherBytes {
    /// Notes a record if it is not UTF-8.
    pub(super) fn check(&mut self, line: u64, record: &[u8]) {
        if record.is_ascii() || str::from_utf8(record).is_ok() {
            return;
        }
        if self.records == 0 {
            self.first_line = line;
        }
        self.records += 1;
        let room = SAMPLE.saturating_sub(self.sample.len());
        self.sample.extend(record.iter().take(room));
    }

    /// Returns the error of these records, if there are any.
    pub(super) fn error(self, path: &str) -> Option<InputError> {
        (self.records > 0).then(|| InputError::NotUtf8 {
            path: path.to_owned(),
            rows: self.records,
            line: self.first_line,
            guess: guess(&self.sample),
        })
    }
}

/// Checks one JSON value, which begins at `line` and `column`.
pub(super) fn check_json(value: &[u8], line: u64, column: u64) -> Result<(), RecordError> {
    serde_json::from_slice::<IgnoredAny>(value).map_or_else(
        |error| {
            let (down, right) = (error.line() as u64, error.column() as u64);
            Err(RecordError::Json {
                line: line + down.saturating_sub(1),
                column: match down {
                    0 | 1 => (column + right).saturating_sub(1),
                    _ => right,
                },
                problem: fault(&error),
            })
        },
        |_| Ok(()),
    )
}
