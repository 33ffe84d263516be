//! Reads rows ahead on a thread of its own: where nothing paces the queries, to read a row takes as long as to answer
//! it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::{io, vec};

use super::{InputError, Row};

/// Number of rows that are passed at once: few enough to stay in the processor's cache, enough that passing them costs
/// little.
const BATCH: usize = 256;

/// Number of batches that wait.
const WAITING: usize = 6;

type RowBatch = Vec<Result<Row, InputError>>;

/// Returns the rows of an iterator in its order. Reads at most two thousand rows ahead of the consumer.
#[derive(Debug)]
pub struct ReadAhead {
    batch: vec::IntoIter<Result<Row, InputError>>,
    batches: Option<Receiver<RowBatch>>,
    reader: Option<JoinHandle<()>>,
}

impl ReadAhead {
    /// Starts to read.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread.
    pub fn of(
        rows: impl Iterator<Item = Result<Row, InputError>> + Send + 'static,
    ) -> io::Result<Self> {
        let (outbox, batches) = sync_channel(WAITING);
        let reader = thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || read(rows, &outbox))?;
        Ok(Self {
            batch: Vec::new().into_iter(),
            batches: Some(batches),
            reader: Some(reader),
        })
    }

    /// Ends the iteration. A panic of the reading thread is passed on, so that it does not look like the end of the
    /// rows.
    fn end(&mut self) {
        self.batches = None;
        if let Some(Err(panic)) = self.reader.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
    }
}

fn read(mut rows: impl Iterator<Item = Result<Row, InputError>>, outbox: &SyncSender<RowBatch>) {
    loop {
        let mut batch = RowBatch::with_capacity(BATCH);
        batch.extend(rows.by_ref().take(BATCH));
        if batch.is_empty() || outbox.send(batch).is_err() {
            break;
        }
    }
}

impl Iterator for ReadAhead {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.batch.next() {
                return Some(row);
            }
            if let Ok(batch) = self.batches.as_ref()?.recv() {
                self.batch = batch.into_iter();
            } else {
                self.end();
            }
        }
    }
}

impl Drop for ReadAhead {
    /// Waits only for the batch that is being read.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::input::Entry;

    fn row(row: u64) -> Row {
        Row {
            row,
            kept: crate::input::KeptCells::nothing(),
            entry: Entry::Duplicate { of: 1 },
        }
    }

    fn numbers(rows: impl Iterator<Item = Result<Row, InputError>>) -> Vec<u64> {
        rows.map(|row| row.map_or(0, |row| row.row)).collect()
    }

    #[test]
    fn all_rows_come_in_order_and_errors_where_they_stood() {
        for count in [0, 1, 255, 256, 257, 5_000] {
            let rows = (1..=count)
                .map(row)
                .map(Ok)
                .chain([Err(InputError::TooManyRows)]);
            let expected: Vec<_> = (1..=count).chain([0]).collect();
            assert_eq!(numbers(ReadAhead::of(rows).unwrap()), expected);
        }
    }

    #[test]
    fn little_is_read_that_nobody_takes() {
        let read = Arc::new(AtomicU64::new(0));
        let counter = read.clone();
        let rows = (1..=1_000_000)
            .map(row)
            .map(Ok)
            .inspect(move |_| _ = counter.fetch_add(1, Ordering::Relaxed));
        let mut ahead = ReadAhead::of(rows).unwrap();
        assert_eq!(ahead.next().unwrap().unwrap().row, 1);
        drop(ahead);
        let most = (BATCH * (WAITING + 2)) as u64;
        assert!(read.load(Ordering::Relaxed) <= most);
    }

    #[test]
    #[should_panic(expected = "the reader broke")]
    fn a_panic_is_no_end() {
        let rows = (1..=1_000).map(|number| {
            assert!(number < 300, "the reader broke");
            Ok(row(number))
        });
        numbers(ReadAhead::of(rows).unwrap());
    }
}
