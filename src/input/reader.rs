//! Reads the rows of one input.

use std::collections::VecDeque;

use super::csv_rows::CsvRows;
use super::id_rows::IdRows;
use super::log_rows::LogRows;
use super::ndjson_rows::NdjsonRows;
use super::notes::InputNotes;
use super::query_builder::QueryBuilder;
use super::row::ParsedRow;
use crate::delimited::{Record, RecordError, Records};

/// Makes rows of the records of one file.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each open file")]
pub(super) enum Parser {
    Csv(CsvRows),
    Ndjson(NdjsonRows),
    Ids(IdRows),
    Log(LogRows),
}

impl Parser {
    /// Adds the rows of a record: one, or as many as a log line has messages.
    fn parse(&mut self, record: Record<'_>, rows: &mut VecDeque<ParsedRow>) {
        match self {
            Self::Csv(csv) => csv.parse(record, rows),
            Self::Ndjson(ndjson) => ndjson.parse(record, rows),
            Self::Ids(ids) => ids.parse(record, rows),
            Self::Log(log) => log.parse(record, rows),
        }
    }

    const fn builder(&mut self) -> &mut QueryBuilder {
        match self {
            Self::Csv(csv) => csv.builder(),
            Self::Ndjson(ndjson) => ndjson.builder(),
            Self::Ids(ids) => ids.builder(),
            Self::Log(log) => log.builder(),
        }
    }
}

/// The rows of one input, in order.
pub(super) struct InputReader {
    records: Records,
    parser: Parser,
    ready: VecDeque<ParsedRow>,
    rows: u64,
}

impl InputReader {
    /// Makes a reader. `notes` has what was noticed before the first row.
    pub(super) fn new(records: Records, mut parser: Parser, notes: InputNotes) -> Self {
        parser.builder().notes = notes;
        Self {
            records,
            parser,
            ready: VecDeque::new(),
            rows: 0,
        }
    }

    /// Returns the next row.
    pub(super) fn next(&mut self) -> Result<Option<ParsedRow>, RecordError> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                self.rows += 1;
                return Ok(Some(row));
            }
            let Some(record) = self.records.next()? else {
                return Ok(None);
            };
            self.parser.parse(record, &mut self.ready);
        }
    }

    /// Returns the number of rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes what was noticed, after the last row.
    pub(super) fn take_notes(&mut self) -> InputNotes {
        let mut notes = std::mem::take(&mut self.parser.builder().notes);
        if self.rows == 0 && matches!(self.parser, Parser::Log(_)) {
            let file = self.parser.builder().file().to_owned();
            notes.files_without_message.push(file);
        }
        notes
    }
}
