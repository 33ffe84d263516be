//! Makes rows of IDs, one on each line. There are no columns to keep. A line that begins with `#` is a comment.

use super::query_builder::{QueryBuilder, RawFields, RowError};
use super::row::{KeptCells, ParsedRow};
use crate::delimited::Record;

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct IdRows {
    builder: QueryBuilder,
}

impl IdRows {
    pub(super) const fn new(builder: QueryBuilder) -> Self {
        Self { builder }
    }

    pub(super) const fn builder(&mut self) -> &mut QueryBuilder {
        &mut self.builder
    }

    /// Returns whether a line is a comment.
    pub(super) fn is_comment(line: &[u8]) -> bool {
        line.trim_ascii_start().starts_with(b"#")
    }

    /// Returns the row of a line, unless it is a comment.
    pub(super) fn parse(&mut self, record: Record<'_>) -> Option<ParsedRow> {
        // Bytes that are not UTF-8 are replaced by a character that is not a hex digit, so the ID is rejected.
        let text = record.text();
        if Self::is_comment(record.bytes) {
            self.builder.note_skipped(record.line, text.trim());
            return None;
        }
        let fields = RawFields {
            msg_id: &text,
            ..RawFields::default()
        };
        let query = self.builder.ask(&fields).map_err(|fault| {
            let bad = RowError {
                column: "1".into(),
                found: fault.found,
                reason: fault.reason,
            };
            self.builder.reject(record.line, bad, &fields)
        });
        Some(ParsedRow {
            kept: KeptCells::nothing(),
            query,
        })
    }
}
