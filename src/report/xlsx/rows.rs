//! The rows of one sheet, compressed in an unnamed file until the workbook is assembled.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use memchr::memchr;

use super::cells::ROW_NUMBER;
use crate::file;

/// The most rows of a sheet, including the heading.
pub(super) const MAX_ROWS: u32 = 1_048_576;

const BUFFER: usize = 64 * 1024;

/// The rows of a sheet that is being written.
pub(super) struct SheetRows {
    file: DeflateEncoder<BufWriter<File>>,
    /// The number of rows, including the heading.
    pub(super) count: u32,
    /// The size of the XML in bytes.
    pub(super) size: u64,
}

impl SheetRows {
    /// Starts without rows. The file is in the folder of `beside`, since the system's folder for temporary files is
    /// often in memory.
    pub(super) fn new(beside: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(BUFFER, file::scratch(beside)?);
        Ok(Self {
            file: DeflateEncoder::new(file, Compression::fast()),
            count: 1,
            size: 0,
        })
    }

    /// Returns the number of rows without the heading.
    pub(super) const fn data(&self) -> u32 {
        self.count - 1
    }

    /// Adds a row whose cells have [`ROW_NUMBER`] in place of its number.
    pub(super) fn push(&mut self, cells: &[u8], scratch: &mut Vec<u8>) -> io::Result<()> {
        self.count += 1;
        let mut number = [0; 10];
        let mut left = &mut number[..];
        write!(left, "{}", self.count)?;
        let unused = left.len();
        let number = &number[..10 - unused];
        scratch.clear();
        scratch.extend_from_slice(b"<row r=\"");
        scratch.extend_from_slice(number);
        scratch.extend_from_slice(b"\">");
        let mut rest = cells;
        while let Some(at) = memchr(ROW_NUMBER, rest) {
            scratch.extend_from_slice(&rest[..at]);
            scratch.extend_from_slice(number);
            rest = &rest[at + 1..];
        }
        scratch.extend_from_slice(rest);
        scratch.extend_from_slice(b"</row>");
        self.size += scratch.len() as u64;
        self.file.write_all(scratch)
    }

    /// Returns a reader of all rows.
    pub(super) fn read(self) -> io::Result<impl Read> {
        let file = self.file.finish()?;
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(DeflateDecoder::new(BufReader::with_capacity(BUFFER, file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = SheetRows::new(&folder.path().join("x")).unwrap();
        let mut scratch = Vec::new();
        for _ in 0..2 {
            rows.push(b"<c r=\"A\0\"/><c r=\"B\0\"/>", &mut scratch)
                .unwrap();
        }
        let (data, size) = (rows.data(), rows.size);
        let mut text = String::new();
        rows.read().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(
            text,
            "<row r=\"2\"><c r=\"A2\"/><c r=\"B2\"/></row><row r=\"3\"><c r=\"A3\"/><c r=\"B3\"/></row>"
        );
        assert_eq!((data, size), (2, text.len() as u64));
    }
}
