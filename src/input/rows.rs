//! All rows of all inputs, numbered consecutively and with duplicates marked.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::InputError;
use super::dedupe::{DedupIndex, Fingerprint, TooManyRows};
use super::input_file::Input;
use super::notes::InputNotes;
use super::reader::InputReader;
use super::row::{Entry, ParsedRow, Row};
use super::shard::Shard;

/// Number of rows that are read before they are looked up. The look-ups miss the processor's cache, and those of one
/// batch wait for memory at the same time.
const BATCH: usize = 64;

/// Iterates over the rows of all inputs in order. Ends after an error.
pub struct Rows {
    inputs: Arc<[Input]>,
    next_input: usize,
    file: Option<InputReader>,
    /// What was noticed so far, and where it goes after the last row.
    notes: InputNotes,
    all_notes: Arc<OnceLock<InputNotes>>,
    dedupe: DedupIndex,
    /// Rows of other shards are counted and passed over.
    shard: Option<Shard>,
    row: u64,
    ready: VecDeque<Row>,
    error: Option<InputError>,
    ended: bool,
}

impl Rows {
    pub(super) fn new(
        inputs: Arc<[Input]>,
        all_notes: Arc<OnceLock<InputNotes>>,
        shard: Option<Shard>,
    ) -> Self {
        Self {
            inputs,
            next_input: 0,
            file: None,
            notes: InputNotes::default(),
            all_notes,
            dedupe: DedupIndex::new(),
            shard,
            row: 0,
            ready: VecDeque::with_capacity(BATCH),
            error: None,
            ended: false,
        }
    }

    /// Reads some rows ahead. An error is kept until the rows before it are taken.
    fn read_ahead(&mut self) {
        while self.ready.len() < BATCH && !self.ended {
            match self.read() {
                Ok(Some(row)) => self.ready.push_back(row),
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
        }
        self.mark_duplicates();
    }

    fn read(&mut self) -> Result<Option<Row>, InputError> {
        loop {
            let Some(file) = &mut self.file else {
                let Some(input) = self.inputs.get(self.next_input) else {
                    // Every pass notices the same, so the first one that is complete counts.
                    self.all_notes
                        .get_or_init(|| std::mem::take(&mut self.notes));
                    return Ok(None);
                };
                self.file = Some(input.reader()?);
                self.next_input += 1;
                continue;
            };
            let input = &self.inputs[self.next_input - 1];
            let row = file.next().map_err(InputError::bad_record(&input.name))?;
            if let Some(ParsedRow { kept, query }) = row {
                self.row += 1;
                if self.shard.is_some_and(|shard| !shard.has(&query)) {
                    continue;
                }
                let entry = query.map_or_else(Entry::Rejected, Entry::Query);
                return Ok(Some(Row {
                    row: self.row,
                    kept,
                    entry,
                }));
            }
            input.check_unchanged(file.rows())?;
            self.notes.append(file.take_notes());
            self.file = None;
        }
    }

    /// Marks the rows of the batch that ask the same as an earlier row.
    fn mark_duplicates(&mut self) {
        let fingerprint = |row: &Row| match &row.entry {
            Entry::Query(query) => Some(Fingerprint::of_query(query)),
            Entry::Duplicate { .. } | Entry::Rejected(_) => None,
        };
        let fingerprints: Vec<_> = self.ready.iter().map(fingerprint).collect();
        let mut fields = self.ready.iter_mut().zip(fingerprints);
        let marked = fields.try_for_each(|(row, question)| {
            if let Some(question) = question
                && let Some(of) = self.dedupe.first(question, row.row)?
            {
                row.entry = Entry::Duplicate { of };
            }
            Ok(())
        });
        if let Err(TooManyRows) = marked {
            self.ready.clear();
            self.ended = true;
            self.error = Some(InputError::TooManyRows);
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && !self.ended {
            self.read_ahead();
        }
        self.ready
            .pop_front()
            .map(Ok)
            .or_else(|| self.error.take().map(Err))
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}
