//! The rows of a file as CSV.

use std::io::{self, Read};

use super::fault::ParquetFault;
use super::leaf::Leaf;
use super::table::{ParquetTable, RowGroup};

/// About how many bytes are made at once.
const CHUNK: usize = 256 << 10;

/// The records of all rows, made while they are read.
pub(super) struct ParquetText {
    table: ParquetTable,
    /// The row group that is next.
    next_group: usize,
    group: Option<RowGroup>,
    /// Rows of the batch that are not made yet.
    in_batch: usize,
    /// Number of rows that are made.
    row: u64,
    text: Vec<u8>,
    /// The part of the text that is read.
    at: usize,
    cell: String,
    scratch: String,
    fault: Option<ParquetFault>,
    ended: bool,
}

impl ParquetText {
    pub(super) const fn new(table: ParquetTable) -> Self {
        Self {
            table,
            next_group: 0,
            group: None,
            in_batch: 0,
            row: 0,
            text: Vec::new(),
            at: 0,
            cell: String::new(),
            scratch: String::new(),
            fault: None,
            ended: false,
        }
    }

    /// Makes some records. A fault is kept until the records before it are read.
    fn fill(&mut self) {
        self.text.clear();
        self.at = 0;
        while self.text.len() < CHUNK && !self.ended {
            let start = self.text.len();
            match self.make_record() {
                Ok(true) => {}
                Ok(false) => self.ended = true,
                Err(fault) => {
                    self.text.truncate(start);
                    self.ended = true;
                    self.fault = Some(fault);
                }
            }
        }
    }

    /// Makes the next record. Returns false after the last one.
    fn make_record(&mut self) -> Result<bool, ParquetFault> {
        if !self.read_batch()? {
            return Ok(false);
        }
        let Some(group) = &mut self.group else {
            return Ok(false);
        };
        self.in_batch -= 1;
        self.row += 1;
        for (nth, (column, is_read)) in self.table.columns().enumerate() {
            self.cell.clear();
            if is_read {
                let (leaves, scratch) = (&mut group.leaves, &mut self.scratch);
                column.push_cell(leaves, scratch, self.row, &mut self.cell)?;
            }
            if nth > 0 {
                self.text.push(b',');
            }
            push_csv(&mut self.text, &self.cell, nth == 0);
        }
        self.text.push(b'\n');
        Ok(true)
    }

    /// Reads the next batch if the last one is used up. Returns false after the last row.
    fn read_batch(&mut self) -> Result<bool, ParquetFault> {
        while self.in_batch == 0 {
            if let Some(group) = &mut self.group {
                let rows = group.rows.min(group.batch as u64);
                let leaves = group.leaves.iter_mut().flatten();
                if rows == 0 {
                    leaves.into_iter().try_for_each(Leaf::finish)?;
                    self.group = None;
                    continue;
                }
                group.rows -= rows;
                self.in_batch = usize::try_from(rows).unwrap_or_default();
                let rows = self.in_batch;
                leaves.into_iter().try_for_each(|leaf| leaf.read(rows))?;
                return Ok(true);
            }
            self.group = self.table.row_group(self.next_group)?;
            self.next_group += 1;
            if self.group.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Appends a cell. The first cell of a record is quoted if it is blank, since blank records are skipped, and if it begins
/// with a byte order mark, which would be removed.
fn push_csv(text: &mut Vec<u8>, cell: &str, is_first: bool) {
    let is_special = |byte: u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    let is_plain_start = || match cell.as_bytes().first() {
        None | Some(b' ' | b'\t' | 0xef) => false,
        Some(_) => true,
    };
    if cell.bytes().any(is_special) || (is_first && !is_plain_start()) {
        text.push(b'"');
        for part in cell.split_inclusive('"') {
            text.extend_from_slice(part.as_bytes());
            if part.ends_with('"') {
                text.push(b'"');
            }
        }
        text.push(b'"');
    } else {
        text.extend_from_slice(cell.as_bytes());
    }
}

impl Read for ParquetText {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            if !self.ended {
                self.fill();
            }
            if self.at == self.text.len() {
                let fault = self.fault.take();
                return fault.map_or(Ok(0), |fault| Err(io::Error::other(fault)));
            }
        }
        let read = (&self.text[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}
