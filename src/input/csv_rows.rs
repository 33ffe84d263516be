//! Makes rows of CSV and TSV records.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use super::columns::Columns;
use super::kept_cells::{KeptCellsWriter, push_string};
use super::query_builder::{FieldError, QueryBuilder, RawFields, RowError};
use super::recent::Recent;
use super::row::{KeptCells, ParsedRow};
use crate::delimited::{Record, RecordCells};

/// Largest number of cells that a row may have beyond the header's. With more of them the file is not a table.
const SURPLUS: usize = 1000;

/// Reads the records of one file.
#[derive(Debug)]
pub(super) struct CsvRows {
    columns: Arc<Columns>,
    delimiter: u8,
    builder: QueryBuilder,
    cells: RecordCells,
    scratch: String,
    wider: Recent<(usize, KeptCellsWriter)>,
}

impl CsvRows {
    pub(super) fn new(columns: Arc<Columns>, delimiter: u8, builder: QueryBuilder) -> Self {
        Self {
            columns,
            delimiter,
            builder,
            cells: RecordCells::default(),
            scratch: String::new(),
            wider: Recent::default(),
        }
    }

    pub(super) fn parse(&mut self, record: Record<'_>) -> ParsedRow {
        let text = record.text();
        let is_utf8 = matches!(text, Cow::Borrowed(_));
        self.cells.split(&text, self.delimiter);

        let kept = self.kept();
        let fields = fields(&self.columns, &self.cells);
        let asks = match unusable(&self.columns, &self.cells, is_utf8) {
            Some(bad) => Err(bad),
            None => (self.builder.ask(&fields))
                .map_err(|fault| placed(&self.columns, &self.cells, fault)),
        };
        let fields = asks.map_err(|bad| self.builder.reject(record.line, bad, &fields));
        ParsedRow {
            kept,
            query: fields,
        }
    }

    /// Returns the kept columns, with the cells beyond the header if one of them is not empty.
    fn kept(&mut self) -> KeptCells {
        let (columns, cells) = (&self.columns, &self.cells);
        let value =
            |json: &mut String, column| push_string(json, cells.get(column).unwrap_or_default());
        let most = columns.names.len() + SURPLUS;
        let width = match cells.len() {
            len if len > columns.names.len() => cells.used_width().min(most),
            len => len,
        };
        if width <= columns.names.len() || !columns.keeps_all {
            return columns.kept.write(&mut self.scratch, value);
        }
        let make = || Ok::<_, Infallible>((width, columns.widened(width)));
        let Ok((_, wider)) = self.wider.get(|(known, _)| *known == width, make);
        wider.write(&mut self.scratch, value)
    }
}

/// Returns the cells that make the query. A cell that the row lacks is empty.
fn fields<'a>(columns: &Columns, cells: &'a RecordCells) -> RawFields<'a> {
    let cell = |column: Option<usize>| {
        column
            .and_then(|column| cells.get(column))
            .unwrap_or_default()
    };
    let mut fields = RawFields {
        msg_id: cell(columns.msg_id),
        topic: cell(columns.topic),
        instance: cell(columns.instance),
        ..RawFields::default()
    };
    if let Some(position) = columns.position {
        fields.broker = cell(Some(position.broker));
        fields.queue_id = cell(Some(position.queue_id));
        fields.queue_offset = cell(Some(position.queue_offset));
        fields.tag = position.tag.map(|column| cell(Some(column)));
    }
    fields
}

/// Returns the fault that makes a record unusable, independent of its query.
fn unusable<'a>(columns: &Columns, cells: &'a RecordCells, is_utf8: bool) -> Option<RowError<'a>> {
    let (column, reason) = if cells.has_open_quote() {
        let reason = "begins with a quote that is not closed before the file ends, so it takes the rows behind with it";
        (cells.len() - 1, reason.to_owned())
    } else if cells.len() > columns.names.len() + SURPLUS {
        let (found, expected) = (cells.len(), columns.names.len());
        (
            expected,
            format!(
                "stands behind the last column: the row has {found} cells, expected {expected}"
            ),
        )
    } else if is_utf8 {
        return None;
    } else {
        let is_broken = |column: &usize| {
            cells
                .get(*column)
                .is_some_and(|cell| cell.contains(char::REPLACEMENT_CHARACTER))
        };
        let is_read = |column: &usize| columns.is_read(*column);
        (
            (0..cells.len()).filter(is_broken).find(is_read)?,
            "is not valid UTF-8; save the file as UTF-8".to_owned(),
        )
    };
    Some(RowError {
        column: columns.shown(column),
        found: cells.get(column).unwrap_or_default(),
        reason,
    })
}

/// Adds the file's own name of the column to a fault.
fn placed<'a>(columns: &Columns, cells: &RecordCells, fault: FieldError<'a>) -> RowError<'a> {
    let FieldError {
        role,
        found,
        reason,
    } = fault;
    let is_missing = (columns.index(role)).is_some_and(|column| column >= cells.len());
    let lack = || {
        format!(
            "is missing: the row has {} of {} cells",
            cells.len(),
            columns.names.len()
        )
    };
    RowError {
        column: columns.name(role),
        found,
        reason: if is_missing { lack() } else { reason },
    }
}
