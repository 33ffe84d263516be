//! Keeps the lines with answers of a stream, so that a duplicate gets the answer of its first row long after that was
//! written.
//!
//! Both files are temporary and have no name: one has the lines, the other the place of each row's line at a position that
//! follows from the row. So memory does not grow with the rows. Lines are gathered into blocks, because a write for each
//! would take longer than the answer of a snapshot.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A block of this size, in bytes, is written.
const BLOCK: usize = 256 << 10;

/// Number of bytes of a place: offset and length.
const PLACE: usize = 16;

/// The lines of answered rows.
#[derive(Debug)]
pub struct AnswerStore {
    lines: File,
    places: File,
    /// Lines that are not written yet.
    block: Vec<u8>,
    /// Their rows, with the end of each line in `block`.
    rows: Vec<(u64, usize)>,
    /// Number of bytes of the lines that are written.
    written: u64,
}

impl AnswerStore {
    /// Makes an empty store in the system's folder for temporary files.
    ///
    /// # Errors
    ///
    /// If the files cannot be created.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            lines: tempfile::tempfile()?,
            places: tempfile::tempfile()?,
            block: Vec::new(),
            rows: Vec::new(),
            written: 0,
        })
    }

    /// Keeps the line of a row.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    pub fn put(&mut self, row: u64, line: &str) -> io::Result<()> {
        self.block.extend_from_slice(line.as_bytes());
        self.rows.push((row, self.block.len()));
        if self.block.len() < BLOCK {
            return Ok(());
        }
        self.flush()
    }

    /// Returns the line of a row. `None` if the row has none yet.
    ///
    /// # Errors
    ///
    /// If the files cannot be read.
    pub fn get(&self, row: u64) -> io::Result<Option<String>> {
        let waiting = self.rows.iter().position(|(waiting, _)| *waiting == row);
        if let Some(nth) = waiting {
            let start = nth.checked_sub(1).map_or(0, |before| self.rows[before].1);
            let line = self.block[start..self.rows[nth].1].to_vec();
            return text(line).map(Some);
        }
        let mut place = [0; PLACE];
        match self.places.read_exact_at(&mut place, place_of(row)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let (offset, length) = place.split_at(PLACE / 2);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let (offset, length) = (number(offset), number(length));
        if length == 0 {
            return Ok(None);
        }
        let mut line = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.lines.read_exact_at(&mut line, offset)?;
        text(line).map(Some)
    }

    /// Writes the block and the places of its lines. Rows are answered nearly in order, so the places are close together and
    /// are written at once.
    fn flush(&mut self) -> io::Result<()> {
        self.lines.write_all_at(&self.block, self.written)?;
        let rows = || self.rows.iter().map(|(row, _)| *row);
        let (Some(first), Some(last)) = (rows().min(), rows().max()) else {
            return Ok(());
        };
        let count = usize::try_from(last - first + 1).map_err(io::Error::other)?;
        let mut places = vec![0; count * PLACE];
        let known = self.places.read_at(&mut places, place_of(first))?;
        places[known..].fill(0);
        let mut start = 0;
        for (row, end) in &self.rows {
            let at = usize::try_from(row - first).map_err(io::Error::other)? * PLACE;
            let (offset, length) = (self.written + start as u64, (*end - start) as u64);
            places[at..at + PLACE / 2].copy_from_slice(&offset.to_le_bytes());
            places[at + PLACE / 2..at + PLACE].copy_from_slice(&length.to_le_bytes());
            start = *end;
        }
        self.places.write_all_at(&places, place_of(first))?;
        self.written += self.block.len() as u64;
        self.block.clear();
        self.rows.clear();
        Ok(())
    }
}

const fn place_of(row: u64) -> u64 {
    row * PLACE as u64
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_line_is_found_by_its_row(
            rows in Just((1..=300_u64).collect::<Vec<_>>()).prop_shuffle(),
            length in 1..4000_usize,
        ) {
            let mut store = AnswerStore::new().unwrap();
            let line = |row: u64| format!("{row}:{}\n", "x".repeat(length));
            for (nth, row) in rows.iter().enumerate() {
                store.put(*row, &line(*row)).unwrap();
                let asked = rows[nth / 2];
                prop_assert_eq!(store.get(asked).unwrap(), Some(line(asked)));
                let later = rows.get(nth + 1).copied().unwrap_or(301);
                prop_assert_eq!(store.get(later).unwrap(), None);
            }
        }
    }
}
