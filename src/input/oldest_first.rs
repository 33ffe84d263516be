//! Returns all rows with the oldest messages first, because they expire first.
//!
//! The rows are written to a scratch file. Memory holds 8 bytes for each: the second in which its message was born, and
//! its number. The duplicate check is complete by then, so memory stays below 48 bytes per distinct message (`dedupe`).
//! The file needs as much disk space as the input's rows. Rows without a query come first, messages of unknown age
//! last.

use std::fs::File;

use jiff::Timestamp;

use super::{Entry, InputError, Row, ScratchRows, ScratchWriter};

/// The age of a message without a born time, which makes it the youngest.
const UNKNOWN: u32 = u32::MAX;

/// Rows ordered by the age of their messages.
#[derive(Debug)]
pub struct OldestFirst {
    /// Born time and line of each row.
    keys: std::vec::IntoIter<(u32, u32)>,
    rows: ScratchRows,
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
        let mut writer = ScratchWriter::new(scratch);
        for row in rows {
            let row = row?;
            let key = match row.entry {
                Entry::Query(_) => born(&row).map_or(UNKNOWN, seconds),
                Entry::Duplicate { .. } | Entry::Rejected(_) => 0,
            };
            keys.push((key, writer.push(&row)?));
        }
        keys.sort_unstable();
        Ok(Self {
            keys: keys.into_iter(),
            rows: writer.finish()?,
        })
    }
}

impl Iterator for OldestFirst {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, nth) = self.keys.next()?;
        Some(self.rows.read(nth))
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
    use std::sync::Arc;

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
