//! Makes rows of CSV and TSV records.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use memchr::memchr;

use super::cleaning::clean_id;
use super::columns::Columns;
use super::encoding::Decoding;
use super::kept_cells::{KeptCellsWriter, push_string};
use super::log_rows::{LogCell, SENT_COLUMNS};
use super::options::InputOptions;
use super::query_builder::{FieldError, QueryBuilder, RawFields, RowError};
use super::recent::Recent;
use super::row::{KeptCells, ParsedRow};
use crate::delimited::{QuoteFault, Record, RecordCells};
use crate::message::{MessageId, contains_id};

/// Largest number of cells that a row may have beyond those of the first row, if there is no header. With more of them
/// the file is not a table.
const SURPLUS: usize = 1000;

/// How the records of a table are read.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Arc<Columns>,
    pub(super) delimiter: u8,
    pub(super) has_header: bool,
    /// The name of the sheet, if it is one.
    pub(super) sheet: Option<Arc<str>>,
    /// Whether the records are converted rows, so that rows are counted instead of lines and no quote is stray.
    pub(super) counts_rows: bool,
    pub(super) decoding: Decoding,
}

/// Reads the records of one file.
#[derive(Debug)]
pub(super) struct CsvRows {
    table: Table,
    builder: QueryBuilder,
    cells: RecordCells,
    scratch: String,
    wider: Recent<(usize, KeptCellsWriter)>,
    /// The kept columns with those of a log line, if the cells of the message-ID column are log lines.
    log: Option<KeptCellsWriter>,
    trusts_coordinates: bool,
}

impl CsvRows {
    pub(super) fn new(table: Table, options: &InputOptions, builder: QueryBuilder) -> Self {
        let log = options.log_column.as_ref();
        Self {
            builder,
            cells: RecordCells::new(table.delimiter),
            scratch: String::new(),
            wider: Recent::default(),
            log: log.map(|_| table.columns.kept_with(&SENT_COLUMNS)),
            trusts_coordinates: options.trust_coordinates,
            table,
        }
    }

    pub(super) const fn builder(&mut self) -> &mut QueryBuilder {
        &mut self.builder
    }

    /// Returns the row of a record. The messages of a log line are added to `messages` instead.
    #[inline]
    pub(super) fn parse(
        &mut self,
        record: Record<'_>,
        messages: &mut VecDeque<ParsedRow>,
    ) -> Option<ParsedRow> {
        let text = record.text();
        let is_utf8 = matches!(text, Cow::Borrowed(_));
        self.cells.split(&record, &text);
        if !is_utf8 || memchr(REPLACEMENT[0], record.bytes).is_some() {
            self.note_replaced(record.line, &text);
        }
        if record.has_lines && !self.table.counts_rows {
            self.note_ids_in_cells(record.line);
        }
        let fields = fields(&self.table.columns, &self.cells);
        let query = match self.table.fault(&record, &self.cells, is_utf8) {
            None if self.log.is_some() => {
                self.push_messages(record.line, &text, messages);
                return None;
            }
            None => (self.builder.ask(&fields))
                .map_err(|fault| self.table.placed(&self.cells, fault, record.line)),
            Some(bad) => Err(bad),
        };
        let query = query.map_err(|bad| self.builder.reject(record.line, bad, &fields));
        let kept = kept(&self.table, &self.cells, &mut self.wider, &mut self.scratch);
        Some(ParsedRow { kept, query })
    }

    /// Adds a row for each message of the log line in this row.
    fn push_messages(&mut self, line: u64, record: &str, messages: &mut VecDeque<ParsedRow>) {
        let Some(kept) = &self.log else { return };
        let fields = fields(&self.table.columns, &self.cells);
        let column = self.table.columns.msg_id;
        let cell = LogCell {
            text: fields.msg_id,
            record,
            line,
            column: column
                .map(|column| self.table.place(column, line))
                .unwrap_or_default(),
            trusts_coordinates: self.trusts_coordinates,
            row: &fields,
        };
        let (cells, scratch) = (&self.cells, &mut self.scratch);
        let width = self.table.columns.names.len();
        cell.push_rows(&mut self.builder, messages, |sent| {
            kept.write(scratch, |json, column| {
                let cell = match column.checked_sub(width) {
                    Some(column) => sent.get(column).copied(),
                    None => cells.get(column),
                };
                push_string(json, cell.unwrap_or_default());
            })
        });
    }

    #[cold]
    fn note_replaced(&mut self, line: u64, text: &str) {
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.builder.note_replaced(line);
        }
    }

    /// Notes a message ID in a cell of several lines: a stray quote may have swallowed its row. The ID that is asked may
    /// have line ends around it.
    #[cold]
    fn note_ids_in_cells(&mut self, line: u64) {
        let asked = self.table.columns.msg_id;
        // Other IDs in log lines are noticed where the lines are read.
        let is_asked = |column, cell| {
            asked == Some(column)
                && (self.log.is_some() || MessageId::check(clean_id(cell).0).is_ok())
        };
        let mut cells = self.cells.iter().enumerate();
        let has_id = cells.any(|(column, cell)| {
            cell.contains(['\n', '\r']) && contains_id(cell.as_bytes()) && !is_asked(column, cell)
        });
        if has_id {
            self.builder.note_id_in_cell(line);
        }
    }
}

/// The UTF-8 bytes of the replacement character.
const REPLACEMENT: [u8; 3] = *b"\xef\xbf\xbd";

/// Returns the kept columns. Without a header, they include the cells beyond the first row's width.
fn kept(
    table: &Table,
    cells: &RecordCells,
    wider: &mut Recent<(usize, KeptCellsWriter)>,
    scratch: &mut String,
) -> KeptCells {
    let columns = &table.columns;
    let value =
        |json: &mut String, column| push_string(json, cells.get(column).unwrap_or_default());
    let is_wider = cells.len() > columns.names.len() && !table.has_header && columns.keeps_all;
    let width = if is_wider {
        cells.used_width().min(columns.names.len() + SURPLUS)
    } else {
        0
    };
    if width <= columns.names.len() {
        return columns.kept.write(scratch, value);
    }
    let make = || Ok::<_, Infallible>((width, columns.widened(width)));
    let Ok((_, wider)) = wider.get(|(known, _)| *known == width, make);
    wider.write(scratch, value)
}

/// Returns the cells that make the query. A cell that the row lacks is empty.
#[inline]
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
        fields.send_status = cell(position.send_status);
    }
    fields
}

impl Table {
    /// Returns the fault that makes a record unusable, independent of its query.
    #[inline]
    fn fault<'a>(
        &self,
        record: &Record<'_>,
        cells: &'a RecordCells,
        is_utf8: bool,
    ) -> Option<RowError<'a>> {
        if is_utf8 && record.fault.is_none() && cells.len() <= self.columns.names.len() {
            return None;
        }
        let fault = record
            .fault
            .map(|fault| self.in_quotes(record, cells, fault));
        let fault = fault.or_else(|| self.surplus(cells, record.line));
        fault.or_else(|| (!is_utf8).then(|| self.invalid(cells, record.line))?)
    }

    fn in_quotes<'a>(
        &self,
        record: &Record<'_>,
        cells: &'a RecordCells,
        fault: QuoteFault,
    ) -> RowError<'a> {
        let reason = if fault.line == record.line {
            fault.reason()
        } else {
            format!("in line {} {}", fault.line, fault.reason())
        };
        RowError {
            column: self.place(fault.cell, record.line),
            found: cells.get(fault.cell).unwrap_or_default(),
            reason,
        }
    }

    /// Returns the fault of a row with more cells than the header.
    fn surplus<'a>(&self, cells: &'a RecordCells, line: u64) -> Option<RowError<'a>> {
        let header = self.columns.names.len();
        let most = header + if self.has_header { 0 } else { SURPLUS };
        let found = cells.used_width();
        if found <= most {
            return None;
        }
        let is_filled = |column: &usize| {
            cells
                .get(*column)
                .is_some_and(|cell| !cell.trim().is_empty())
        };
        let column = (header..found).find(is_filled).unwrap_or(header);
        Some(RowError {
            column: self.place(column, line),
            found: cells.get(column).unwrap_or_default(),
            reason: format!(
                "is beyond the last column: the row has {found} cells, expected at most {most}"
            ),
        })
    }

    /// Returns the first cell with bytes that its encoding does not have. Where the encoding is lossy, cells that are not
    /// read do not matter; otherwise another encoding than the named one is likely wrong everywhere.
    fn invalid<'a>(&self, cells: &'a RecordCells, line: u64) -> Option<RowError<'a>> {
        let is_broken = |column: &usize| {
            let cell = cells.get(*column);
            cell.is_some_and(|cell| cell.contains(char::REPLACEMENT_CHARACTER))
                && (self.decoding != Decoding::Lossy || self.columns.is_read(*column))
        };
        let column = (0..cells.len()).find(is_broken)?;
        Some(RowError {
            column: self.place(column, line),
            found: cells.get(column).unwrap_or_default(),
            reason: format!("is not valid {}", self.decoding.name()),
        })
    }

    /// Adds the file's own name of the column to a fault.
    fn placed<'a>(&self, cells: &RecordCells, fault: FieldError<'a>, line: u64) -> RowError<'a> {
        let FieldError {
            role,
            found,
            reason,
        } = fault;
        let is_missing = (self.columns.index(role)).is_some_and(|column| column >= cells.len());
        let lack = || {
            format!(
                "is missing: the row has {} of {} cells",
                cells.len(),
                self.columns.names.len()
            )
        };
        RowError {
            column: match self.columns.index(role) {
                Some(column) => self.place(column, line),
                None => self.columns.name(role),
            },
            found,
            reason: if is_missing { lack() } else { reason },
        }
    }

    /// Returns the name of a column, and the cell if it is one of a sheet: `msg_id (Sheet1!B17)`.
    fn place(&self, column: usize, row: u64) -> Arc<str> {
        let name = self.columns.shown(column);
        match &self.sheet {
            Some(sheet) => format!("{name} ({sheet}!{}{row})", letters(column)).into(),
            None => name,
        }
    }
}

/// Returns the letters by which spreadsheets name the column at `index` from 0: A to Z, AA and so on.
fn letters(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or_default());
    match index / 26 {
        0 => letter.to_string(),
        before => letters(before - 1) + &letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::letters;

    #[test]
    fn columns_have_the_letters_of_spreadsheets() {
        for (index, expected) in [
            (0, "A"),
            (25, "Z"),
            (26, "AA"),
            (701, "ZZ"),
            (702, "AAA"),
            (16_383, "XFD"),
        ] {
            assert_eq!(letters(index), expected);
        }
    }
}
