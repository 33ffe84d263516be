//! Makes rows of IDs, one on each line. There are no columns to keep.

use super::query_builder::{QueryBuilder, RawFields, RowError};
use super::row::{KeptCells, ParsedRow};
use crate::delimited::Record;

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct IdRows {
    builder: QueryBuilder,
}

impl IdRows {
    pub(super) fn new(builder: QueryBuilder) -> Self {
        Self { builder }
    }

    pub(super) fn parse(&mut self, record: Record<'_>) -> ParsedRow {
        // Bytes that are not UTF-8 are replaced by a character that is not a hex digit, so the ID is rejected.
        let text = record.text();
        let fields = RawFields {
            msg_id: &text,
            ..RawFields::default()
        };
        let fields = self.builder.ask(&fields).map_err(|fault| {
            let bad = RowError {
                column: "1".into(),
                found: fault.found,
                reason: fault.reason,
            };
            self.builder.reject(record.line, bad, &fields)
        });
        ParsedRow {
            kept: KeptCells::nothing(),
            query: fields,
        }
    }
}
