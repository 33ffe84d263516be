//! Offsets of lines, so that the answer of a duplicate is found with little reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::sync::{PoisonError, RwLock};

use super::{ResultsFile, order};

/// One line is noted for about this many bytes.
const STRIDE: usize = 16 * 1024;

/// The noted lines, in row order.
#[derive(Debug, Default)]
pub(super) struct Index(RwLock<Vec<LineOffset>>);

/// The offset of a line.
#[derive(Debug, Clone, Copy)]
struct LineOffset {
    row: u64,
    offset: u64,
}

impl Index {
    /// Notes some of the lines that begin at `offsets`, the first of them with row `row`. Returns the row behind them.
    pub(super) fn note(&self, mut row: u64, offsets: impl Iterator<Item = u64>) -> u64 {
        let mut noted = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = noted.last().map_or(0, |line| line.offset + STRIDE as u64);
        for offset in offsets {
            if offset >= next {
                noted.push(LineOffset { row, offset });
                next = offset + STRIDE as u64;
            }
            row += 1;
        }
        row
    }

    fn at_or_before(&self, row: u64) -> Option<LineOffset> {
        let noted = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let after = noted.partition_point(|line| line.row <= row);
        noted[..after].last().copied()
    }
}

impl ResultsFile {
    /// Returns the line of an earlier row. Works once a block behind it was read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or does not have the row.
    pub fn line_of(&self, row: u64) -> io::Result<String> {
        let noted = self.index.at_or_before(row).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("row {row} is not in the file"),
            )
        })?;
        let mut reader = BufReader::with_capacity(
            STRIDE,
            At {
                file: &self.file,
                offset: noted.offset,
            },
        );
        let mut line = String::new();
        for _ in noted.row..=row {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                break; // a changed file may state any row
            }
        }
        if order::row_of(line.as_bytes())? == row {
            Ok(line)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("row {row} is not where it should be"),
            ))
        }
    }
}

/// A reader with a position of its own in a shared file.
struct At<'f> {
    file: &'f File,
    offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
