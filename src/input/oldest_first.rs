//! Returns all rows with the oldest messages first, because they expire first.
//!
//! The rows are written to a scratch file. Memory holds 8 bytes for each: the second in which its message was born, and
//! its number. The duplicate check is complete by then, so memory stays below 48 bytes per distinct message (`dedupe`).
//! The file needs as much disk space as the input's rows. Rows without a query come first, messages of unknown age
//! last.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use jiff::Timestamp;

use super::{Entry, InputError, Row};

/// The offset of one in this many lines of the scratch file is kept; the others are found from there.
const STRIDE: u32 = 64;

/// The age of a message without a born time, which makes it the youngest.
const UNKNOWN: u32 = u32::MAX;

/// Rows ordered by the age of their messages.
#[derive(Debug)]
pub struct OldestFirst {
    /// Born time and line of each row.
    keys: std::vec::IntoIter<(u32, u32)>,
    lines: BufReader<File>,
    /// The line that would be read next.
    at: u32,
    places: Vec<u64>,
    line: Vec<u8>,
    /// The columns of the previous row. Rows of one file share them.
    columns: Option<Arc<[Box<str>]>>,
}

impl OldestFirst {
    /// Reads all `rows`, of which there are at most `count`. `born` returns the born time of a row.
    ///
    /// # Errors
    ///
    /// If a row cannot be read, or the scratch file cannot be written.
    pub fn new(
        rows: impl Iterator<Item = Result<Row, InputError>>,
        count: u64,
        scratch: File,
        mut born: impl FnMut(&Row) -> Option<Timestamp>,
    ) -> Result<Self, InputError> {
        let mut keys = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        let mut places = Vec::new();
        let mut at = 0;
        let mut writer = BufWriter::new(scratch);
        let mut line = Vec::new();
        for (nth, row) in (0..).zip(rows) {
            let row = row?;
            let key = match row.entry {
                Entry::Query(_) => born(&row).map_or(UNKNOWN, seconds),
                Entry::Duplicate { .. } | Entry::Rejected(_) => 0,
            };
            keys.push((key, nth));
            if nth % STRIDE == 0 {
                places.push(at);
            }
            line.clear();
            serde_json::to_writer(&mut line, &row)
                .map_err(|error| InputError::Scratch(error.into()))?;
            line.push(b'\n');
            writer.write_all(&line).map_err(InputError::Scratch)?;
            at += line.len() as u64;
        }
        let file = writer
            .into_inner()
            .map_err(|error| InputError::Scratch(error.into_error()))?;
        keys.sort_unstable();
        Ok(Self {
            keys: keys.into_iter(),
            lines: BufReader::with_capacity(16 * 1024, file),
            at: UNKNOWN,
            places,
            line,
            columns: None,
        })
    }

    fn read(&mut self, nth: u32) -> io::Result<Row> {
        // Inputs are mostly in the order of time, so the next line is often the one that is needed.
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

impl Iterator for OldestFirst {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, nth) = self.keys.next()?;
        Some(self.read(nth).map_err(InputError::Scratch))
    }
}

/// Returns seconds since 1970, limited to what fits.
fn seconds(born: Timestamp) -> u32 {
    u32::try_from(born.as_second().max(1))
        .unwrap_or(UNKNOWN - 1)
        .min(UNKNOWN - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{InputOptions, Inputs};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn inputs(ages: &[Option<u32>]) -> Inputs {
        let mut csv = "msg_id,topic,age,note\n".to_owned();
        for (nth, age) in ages.iter().enumerate() {
            let age = age.map_or(String::new(), |age| age.to_string());
            let id = nth / 2 * 2;
            writeln!(csv, "{id:032X},orders,{age},\"a \"\"{nth}\"\"\"").unwrap();
        }
        Inputs::from_bytes("in.csv", csv.as_bytes(), InputOptions::default()).unwrap()
    }

    proptest! {
        #[test]
        fn every_row_comes_once_as_it_was_and_the_oldest_first(
            ages in prop::collection::vec(prop::option::of(1..50_u32), 0..300),
        ) {
            let inputs = inputs(&ages);
            let age = |row: &Row| ages[usize::try_from(row.row).unwrap() - 1];
            let born = |row: &Row| Timestamp::from_second(age(row)?.into()).ok();
            let ordered = OldestFirst::new(inputs.rows(), 300, tempfile::tempfile().unwrap(), born).unwrap();
            let ordered: Vec<Row> = ordered.map(Result::unwrap).collect();
            let mut plain: Vec<Row> = inputs.rows().map(Result::unwrap).collect();
            plain.sort_by_key(|row| match row.entry {
                Entry::Query(_) => age(row).unwrap_or(UNKNOWN),
                _ => 0,
            });
            prop_assert_eq!(format!("{ordered:?}"), format!("{plain:?}"));
            // Rows of one file share their columns, as they do when they are read.
            prop_assert!(ordered.windows(2).all(|two| Arc::ptr_eq(&two[0].kept.columns, &two[1].kept.columns)));
        }
    }
}
