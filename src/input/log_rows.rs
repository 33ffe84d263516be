//! Makes rows of the lines in which producers say that they sent a message.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use super::encoding::Decoding;
use super::kept_cells::{KeptCellsWriter, push_string};
use super::log_line::{SentMessage, sent_messages};
use super::options::InputOptions;
use super::query_builder::{QueryBuilder, RawFields, RowError, SEND_OK};
use super::row::{KeptCells, ParsedRow};
use crate::delimited::Record;
use crate::message::{Position, Query, SendResult, Tag, first_id, upper_case_ids};

/// The kept columns that a log line yields. The names of the coordinates are not those of a position: a report that is
/// audited again must not take them for one.
pub(super) const SENT_COLUMNS: [&str; 5] = [
    "send_status",
    "sent_broker",
    "sent_queue_id",
    "sent_queue_offset",
    "offset_msg_id",
];

/// The kept column with the whole line.
const LINE: &str = "line";

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct LogRows {
    builder: QueryBuilder,
    kept: KeptCellsWriter,
    decoding: Decoding,
    trusts_coordinates: bool,
    scratch: String,
}

impl LogRows {
    pub(super) fn new(options: &InputOptions, decoding: Decoding, builder: QueryBuilder) -> Self {
        let is_kept = |name: &str| {
            options
                .keep
                .as_ref()
                .is_none_or(|keep| keep.iter().any(|kept| kept == name))
        };
        let kept = Self::columns()
            .enumerate()
            .filter(|(_, name)| is_kept(name));
        Self {
            builder,
            kept: KeptCellsWriter::new(kept.map(|(column, name)| (column, name.into()))),
            decoding,
            trusts_coordinates: options.trust_coordinates,
            scratch: String::new(),
        }
    }

    /// Returns the columns of a log.
    pub(super) fn columns() -> impl Iterator<Item = &'static str> {
        SENT_COLUMNS.into_iter().chain([LINE])
    }

    pub(super) const fn builder(&mut self) -> &mut QueryBuilder {
        &mut self.builder
    }

    /// Adds a row for each message of a line.
    pub(super) fn parse(&mut self, record: Record<'_>, rows: &mut VecDeque<ParsedRow>) {
        let line = record.text();
        if line.contains(char::REPLACEMENT_CHARACTER) {
            self.builder.note_replaced(record.line);
        }
        if matches!(line, Cow::Owned(_))
            && matches!(self.decoding, Decoding::Named(_))
            && !sent_messages(&line).is_empty()
        {
            rows.push_back(self.invalid(record.line, &line));
            return;
        }
        let (kept, scratch) = (&self.kept, &mut self.scratch);
        let messages = LogCell {
            text: &line,
            record: &line,
            line: record.line,
            column: LINE.into(),
            trusts_coordinates: self.trusts_coordinates,
            row: &RawFields::default(),
        };
        messages.push_rows(&mut self.builder, rows, |sent| {
            kept.write(scratch, |json, column| {
                push_string(json, sent.get(column).map_or(&line, |cell| cell));
            })
        });
    }
}

/// Returns the place at which a line says that the message was stored. `None` if a part of it is missing.
fn send_result(message: &SentMessage<'_>) -> Option<Box<SendResult>> {
    let place = Position {
        broker: message.broker?.into(),
        queue_id: message.queue_id?,
        queue_offset: message.queue_offset?,
        tag: Tag::Unknown,
        store: None,
    };
    let is_ok = message.send_status == Some(SEND_OK);
    Some(Box::new(SendResult { place, is_ok }))
}

impl LogRows {
    /// Makes the reject of a line that its encoding makes unreadable.
    fn invalid(&mut self, line: u64, text: &str) -> ParsedRow {
        let bad = RowError {
            column: LINE.into(),
            found: text,
            reason: format!("is not valid {}", self.decoding.name()),
        };
        let fields = RawFields {
            msg_id: first_id(text).unwrap_or_default(),
            ..RawFields::default()
        };
        let query = Err(self.builder.reject(line, bad, &fields));
        let kept = self.kept.write(&mut self.scratch, |json, column| {
            let is_line = column == SENT_COLUMNS.len();
            push_string(json, if is_line { text } else { "" });
        });
        ParsedRow { kept, query }
    }
}

/// A log line, alone or in a cell of a table.
#[derive(Debug)]
pub(super) struct LogCell<'a> {
    pub(super) text: &'a str,
    /// The whole record, in which other message IDs are noticed.
    pub(super) record: &'a str,
    /// The line of the file.
    pub(super) line: u64,
    /// The column, for a reject.
    pub(super) column: Arc<str>,
    /// Whether the message is where the line says that it was stored.
    pub(super) trusts_coordinates: bool,
    /// The other cells of the row: its topic and instance hold where the line names none.
    pub(super) row: &'a RawFields<'a>,
}

impl LogCell<'_> {
    /// Adds one row for each message of the line. `kept` makes the kept columns from the values of [`SENT_COLUMNS`].
    pub(super) fn push_rows(
        &self,
        builder: &mut QueryBuilder,
        rows: &mut VecDeque<ParsedRow>,
        mut kept: impl FnMut(&[&str; SENT_COLUMNS.len()]) -> KeptCells,
    ) {
        let messages = sent_messages(self.text);
        if messages.is_empty() {
            builder.note_no_message();
        }
        let is_known = |id: &str| {
            let mut messages = messages.iter();
            messages.any(|message| message.msg_id == id || message.offset_msg_id == Some(id))
        };
        if upper_case_ids(self.record).any(|id| !is_known(id)) {
            builder.note_other_id(self.line);
        }
        for message in messages {
            let queue_id = message
                .queue_id
                .map(|id| id.to_string())
                .unwrap_or_default();
            let queue_offset = message
                .queue_offset
                .map(|offset| offset.to_string())
                .unwrap_or_default();
            let status = message.send_status.unwrap_or_default();
            let broker = message.broker.unwrap_or_default();
            let offset_msg_id = message.offset_msg_id.unwrap_or_default();
            if !status.is_empty() && status != SEND_OK {
                builder.notes.add_send_status(status);
            }
            let mut fields = RawFields {
                msg_id: message.msg_id,
                topic: message.topic.unwrap_or(self.row.topic),
                instance: message.instance.unwrap_or(self.row.instance),
                ..RawFields::default()
            };
            let is_placed = ![broker, &queue_id, &queue_offset].contains(&"");
            if self.trusts_coordinates && is_placed {
                (fields.broker, fields.queue_id, fields.queue_offset) =
                    (broker, &queue_id, &queue_offset);
            }
            let query = builder.ask(&fields).map(|query| Query {
                send_result: send_result(&message),
                ..query
            });
            let query = query.map_err(|fault| {
                let bad = RowError {
                    column: self.column.clone(),
                    found: fault.found,
                    reason: format!("{} {}", fault.role.as_str(), fault.reason),
                };
                builder.reject(self.line, bad, &fields)
            });
            let kept = kept(&[status, broker, &queue_id, &queue_offset, offset_msg_id]);
            rows.push_back(ParsedRow { kept, query });
        }
    }
}
