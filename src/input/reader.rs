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
    /// Returns the row of a record. The messages of a log line are added to `messages` instead.
    #[inline]
    fn parse(
        &mut self,
        record: Record<'_>,
        messages: &mut VecDeque<ParsedRow>,
    ) -> Option<ParsedRow> {
        match self {
            Self::Csv(csv) => csv.parse(record, messages),
            Self::Ndjson(ndjson) => ndjson.parse(record, messages),
            Self::Ids(ids) => ids.parse(record),
            Self::Log(log) => {
                log.parse(record, messages);
                None
            }
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
    /// The messages of the last log line that were not returned yet.
    messages: VecDeque<ParsedRow>,
    rows: u64,
}

impl InputReader {
    /// Makes a reader. `notes` has what was noticed before the first row.
    pub(super) fn new(records: Records, mut parser: Parser, notes: InputNotes) -> Self {
        parser.builder().notes = notes;
        Self {
            records,
            parser,
            messages: VecDeque::new(),
            rows: 0,
        }
    }

    /// Returns the next row.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<ParsedRow>, RecordError> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                self.rows += 1;
                return Ok(Some(message));
            }
            let Some(record) = self.records.next()? else {
                return Ok(None);
            };
            if let Some(row) = self.parser.parse(record, &mut self.messages) {
                self.rows += 1;
                return Ok(Some(row));
            }
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
