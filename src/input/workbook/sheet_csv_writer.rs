//! Writes the rows of a sheet as CSV, one record for each row.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};

use csv::WriterBuilder;

use super::WorkbookError;

/// Writes a temporary file without a name.
#[derive(Debug)]
pub(super) struct SheetCsvWriter {
    out: BufWriter<File>,
    record: Vec<u8>,
    /// Number of records that are written.
    rows: u32,
    length: u64,
    limit: u64,
}

impl SheetCsvWriter {
    /// Creates the file, which may have at most `limit` bytes: a file can repeat rows and cells much more often than it
    /// has bytes.
    pub(super) fn create(limit: u64) -> Result<Self, WorkbookError> {
        let file = tempfile::tempfile().map_err(WorkbookError::Temporary)?;
        Ok(Self {
            out: BufWriter::with_capacity(256 << 10, file),
            record: Vec::new(),
            rows: 0,
            length: 0,
            limit,
        })
    }

    /// Writes row `row` after the rows before it that have no cells, each of which is an empty line.
    pub(super) fn write(&mut self, row: u32, cells: &[String]) -> Result<(), WorkbookError> {
        self.record.clear();
        let blank = row.saturating_sub(self.rows).saturating_sub(1);
        self.record.resize(blank as usize, b'\n');
        let written = WriterBuilder::new()
            .flexible(true)
            .from_writer(&mut self.record)
            .write_record(cells);
        written.map_err(|error| WorkbookError::Temporary(error.into()))?;
        self.rows = row;
        self.length += self.record.len() as u64;
        if self.length > self.limit {
            return Err(WorkbookError::TooLarge);
        }
        (self.out.write_all(&self.record)).map_err(WorkbookError::Temporary)
    }

    /// Returns the file, rewound, and its length.
    pub(super) fn finish(self) -> Result<(File, u64), WorkbookError> {
        let rewound = || -> io::Result<File> {
            let mut file = self.out.into_inner()?;
            file.rewind()?;
            Ok(file)
        };
        let file = rewound().map_err(WorkbookError::Temporary)?;
        Ok((file, self.length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_too_often_does_not_fill_the_disk() {
        let mut writer = SheetCsvWriter::create(10).unwrap();
        let cells = ["abc".to_owned()];
        writer.write(1, &cells).unwrap();
        writer.write(4, &cells).unwrap();
        let error = writer.write(5, &cells).unwrap_err();
        assert!(matches!(error, WorkbookError::TooLarge));
        assert_eq!(writer.finish().unwrap().0.metadata().unwrap().len(), 10);
    }
}
