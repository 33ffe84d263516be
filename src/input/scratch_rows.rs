//! Rows in a scratch file, to be read again in any order.
//!
//! Memory holds 8 bytes for each 64 rows; the file needs as much disk space as the rows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::{InputError, Row};

/// The offset of one in this many lines of the file is kept; the others are found from there.
const STRIDE: u32 = 64;

/// Writes rows to a scratch file.
#[derive(Debug)]
pub struct ScratchWriter {
    file: BufWriter<File>,
    places: Vec<u64>,
    at: u64,
    lines: u32,
    line: Vec<u8>,
}

/// Rows that were written to a scratch file. They are numbered from 0.
#[derive(Debug)]
pub struct ScratchRows {
    lines: BufReader<File>,
    /// The line that would be read next.
    at: u32,
    places: Vec<u64>,
    line: Vec<u8>,
    /// The columns of the previous row. Rows of one file share them.
    columns: Option<Arc<[Box<str>]>>,
}

impl ScratchWriter {
    /// Begins to write to an empty file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self {
            file: BufWriter::new(file),
            places: Vec::new(),
            at: 0,
            lines: 0,
            line: Vec::new(),
        }
    }

    /// Appends a row and returns its number.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn push(&mut self, row: &Row) -> Result<u32, InputError> {
        let nth = self.lines;
        if nth.is_multiple_of(STRIDE) {
            self.places.push(self.at);
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, row)
            .map_err(|error| InputError::Scratch(error.into()))?;
        self.line.push(b'\n');
        self.file
            .write_all(&self.line)
            .map_err(InputError::Scratch)?;
        self.at += self.line.len() as u64;
        self.lines += 1;
        Ok(nth)
    }

    /// Ends the writing.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(self) -> Result<ScratchRows, InputError> {
        let file = self.file.into_inner();
        let file = file.map_err(|error| InputError::Scratch(error.into_error()))?;
        Ok(ScratchRows {
            lines: BufReader::with_capacity(16 * 1024, file),
            at: u32::MAX,
            places: self.places,
            line: self.line,
            columns: None,
        })
    }
}

impl ScratchRows {
    /// Reads the row with this number.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub fn read(&mut self, nth: u32) -> Result<Row, InputError> {
        self.read_line(nth).map_err(InputError::Scratch)
    }

    fn read_line(&mut self, nth: u32) -> io::Result<Row> {
        // Rows are mostly read in their order, so the next line is often the one that is needed.
        let from = nth - nth % STRIDE;
        if !(from..=nth).contains(&self.at) {
            self.lines
                .seek(SeekFrom::Start(self.places[(nth / STRIDE) as usize]))?;
            self.at = from;
        }
        while self.at <= nth {
            self.line.clear();
            self.lines.read_until(b'\n', &mut self.line)?;
            self.at += 1;
        }
        let mut row: Row = serde_json::from_slice(&self.line)?;
        match &self.columns {
            Some(columns) if *columns == row.kept.columns => row.kept.columns = columns.clone(),
            _ => self.columns = Some(row.kept.columns.clone()),
        }
        Ok(row)
    }
}
