//! Makes rows of NDJSON lines. The keys of an object are its columns, and kept values stay the JSON they are.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use super::column_ref::ColumnRef;
use memchr::{memchr, memchr_iter};

use super::columns::Columns;
use super::encoding::Decoding;
use super::error::listed;
use super::header::{Role, Unmapped, near_miss};
use super::kept_cells::{KeptCellsWriter, push_string};
use super::log_line::sent_messages;
use super::log_rows::{LogCell, SENT_COLUMNS};
use super::nested::{Nested, NestedField};
use super::object::{self, Object};
use super::options::InputOptions;
use super::query_builder::{FieldError, QueryBuilder, RawFields, RowError};
use super::recent::Recent;
use super::row::{KeptCells, ParsedRow};
use crate::delimited::Record;
use crate::humanize::printable;
use crate::message::first_id;

/// The column of a reject if the line as a whole is at fault.
const LINE: &str = "line";

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct NdjsonRows {
    options: Arc<InputOptions>,
    encoding: &'static str,
    builder: QueryBuilder,
    shapes: Recent<FieldLayout>,
    scratch: String,
}

/// The keys of an object and their roles. Most lines of a file have the same keys.
#[derive(Debug)]
struct FieldLayout {
    keys: Vec<Box<str>>,
    columns: Result<Columns, Unmapped>,
    /// Roles whose values are not at the top level.
    nested: Vec<NestedField>,
    /// The kept columns with those of a log line, if the message-ID column has log lines.
    log: Option<KeptCellsWriter>,
}

impl NdjsonRows {
    pub(super) fn new(
        options: Arc<InputOptions>,
        decoding: Decoding,
        builder: QueryBuilder,
    ) -> Self {
        Self {
            options,
            encoding: decoding.name(),
            builder,
            shapes: Recent::default(),
            scratch: String::new(),
        }
    }

    pub(super) const fn builder(&mut self) -> &mut QueryBuilder {
        &mut self.builder
    }

    /// Returns the row of a record. The messages of a log line are added to `messages` instead.
    pub(super) fn parse(
        &mut self,
        record: Record<'_>,
        messages: &mut VecDeque<ParsedRow>,
    ) -> Option<ParsedRow> {
        let text = record.text();
        if has_replacement(&text) {
            self.builder.note_replaced(record.line);
        }
        let object = match &text {
            Cow::Borrowed(text) => Object::read(text),
            Cow::Owned(_) => Err(format!("is not valid {}", self.encoding)),
        };
        match object {
            Ok(object) => self.row(&record, (&text, &object), messages),
            Err(reason) => {
                let bad = RowError {
                    column: LINE.into(),
                    found: &text,
                    reason,
                };
                Some(rejected(&self.builder, record.line, bad, &text))
            }
        }
    }

    fn row(
        &mut self,
        record: &Record<'_>,
        (text, object): (&str, &Object<'_>),
        messages: &mut VecDeque<ParsedRow>,
    ) -> Option<ParsedRow> {
        let fits = |shape: &FieldLayout| shape.keys.iter().map(|key| &**key).eq(object.keys());
        let make = || Ok::<_, Infallible>(FieldLayout::of(object, &self.options));
        let Ok(shape) = self.shapes.get(fits, make);
        let columns = match &shape.columns {
            Ok(columns) => columns,
            Err(unmapped) => {
                let bad = RowError {
                    column: LINE.into(),
                    found: "",
                    reason: format!("is ambiguous: {unmapped}"),
                };
                return Some(rejected(&self.builder, record.line, bad, text));
            }
        };
        let mut kept = columns.kept.columns();
        if let Some(bad) = kept.find_map(|column| untransportable(columns, object, column)) {
            return Some(rejected(&self.builder, record.line, bad, text));
        }
        let (texts, fault) = texts(columns, &shape.nested, object);
        let fields = fields(columns, &texts);
        let has_log = columns.msg_id.is_some() || !shape.nested.is_empty();
        if let (Some(kept), None, true) = (&shape.log, &fault, has_log) {
            let cell = LogCell {
                text: fields.msg_id,
                record: text,
                line: record.line,
                column: columns.name(Role::MsgId),
                trusts_coordinates: self.options.trust_coordinates,
                row: &fields,
            };
            let (scratch, width) = (&mut self.scratch, shape.keys.len());
            cell.push_rows(&mut self.builder, messages, |sent| {
                kept.write(scratch, |json, column| match column.checked_sub(width) {
                    Some(column) => {
                        push_string(json, sent.get(column).copied().unwrap_or_default());
                    }
                    None => object.push_raw(column, json),
                })
            });
            return None;
        }
        let query = match fault {
            Some(fault) => Err(fault),
            None => self.builder.ask(&fields),
        };
        let query = query.map_err(|fault| {
            let bad = placed(shape, columns, &self.options, fault, object);
            self.builder.reject(record.line, bad, &fields)
        });
        let kept = columns.kept.write(&mut self.scratch, |json, column| {
            object.push_raw(column, json);
        });
        Some(ParsedRow { kept, query })
    }
}

/// Returns the texts that make the query.
fn fields<'a>(columns: &Columns, texts: &'a [Cow<'_, str>; Role::ALL.len()]) -> RawFields<'a> {
    let [
        msg_id,
        topic,
        instance,
        broker,
        queue_id,
        queue_offset,
        tag,
        send_status,
    ] = texts;
    let has_tag = columns
        .position
        .is_some_and(|position| position.tag.is_some());
    RawFields {
        msg_id,
        topic,
        instance,
        broker,
        queue_id,
        queue_offset,
        tag: has_tag.then_some(&**tag),
        send_status,
    }
}

/// Returns whether a line contains a replacement character, as such or as an escape of JSON.
fn has_replacement(line: &str) -> bool {
    let bytes = line.as_bytes();
    let is_escaped = |from: usize| {
        let escape = bytes.get(from..from + 6);
        escape.is_some_and(|escape| escape.eq_ignore_ascii_case(b"\\ufffd"))
    };
    // The first byte of the character is rare in other text.
    (memchr(0xef, bytes).is_some() && line.contains(char::REPLACEMENT_CHARACTER))
        || memchr_iter(b'\\', bytes).any(is_escaped)
}

/// Makes the reject of a record that could not be read, with the first message ID in it.
fn rejected(builder: &QueryBuilder, line: u64, bad: RowError<'_>, text: &str) -> ParsedRow {
    let fields = RawFields {
        msg_id: first_id(text).unwrap_or_default(),
        ..RawFields::default()
    };
    let reject = builder.reject(line, bad, &fields);
    ParsedRow {
        kept: KeptCells::nothing(),
        query: Err(reject),
    }
}

/// Returns the roles of an object's fields, with the names of the fields. `None` if the line cannot be read.
pub(super) fn roles(line: &str, options: &InputOptions) -> Option<Vec<(Role, String)>> {
    let layout = FieldLayout::of(&Object::read(line).ok()?, options);
    let columns = layout.columns.ok()?;
    let taken = columns.taken().map(|(role, name)| (role, name.to_owned()));
    let nested = layout
        .nested
        .iter()
        .map(|field| (field.role, field.path.to_string()));
    Some(taken.chain(nested).collect())
}

impl FieldLayout {
    fn of(object: &Object<'_>, options: &InputOptions) -> Self {
        let keys: Vec<&str> = object.keys().collect();
        let mapped = Columns::named(&keys, options).and_then(|columns| {
            let nested = NestedField::all(&keys, &columns, options)?;
            Ok((columns, nested))
        });
        let (columns, nested) = match mapped {
            Ok((columns, nested)) => (Ok(columns), nested),
            Err(unmapped) => (Err(unmapped), Vec::new()),
        };
        let log = options.log_column.as_ref().and(columns.as_ref().ok());
        Self {
            log: log.map(|columns| columns.kept_with(&SENT_COLUMNS)),
            columns,
            nested,
            keys: keys.into_iter().map(Into::into).collect(),
        }
    }
}

/// Adds the object's own name of the column to a fault, and the names of the fields if it has no such column.
fn placed<'a>(
    shape: &FieldLayout,
    columns: &Columns,
    options: &InputOptions,
    fault: FieldError<'a>,
    object: &Object<'_>,
) -> RowError<'a> {
    let FieldError {
        role,
        found,
        reason,
    } = fault;
    let nested = shape.nested.iter().find(|field| field.role == role);
    let fields = match nested.map(|field| field.raw(object)) {
        Some(Nested::Missing(fields)) => Some(fields),
        None if shape.keys.is_empty() => Some("the object has no fields".to_owned()),
        None if columns.index(role).is_none() => {
            Some(format!("the fields are {}", listed(shape.keys.iter())))
        }
        _ => None,
    };
    RowError {
        column: match options.column(role) {
            Some(ColumnRef::Name(wanted)) if columns.index(role).is_none() => {
                wanted.as_str().into()
            }
            _ => columns.name(role),
        },
        found,
        reason: match (role, fields) {
            (Role::MsgId, Some(fields)) => {
                let log = log_field(object).map(|name| {
                    format!(
                        "; `{}` is a log line: --log-column {}",
                        printable(name),
                        printable(name)
                    )
                });
                let keys: Vec<_> = shape.keys.iter().map(ToString::to_string).collect();
                let near = near_miss(&keys, role).map(|name| {
                    format!(
                        "; is it `{}`? --msg-id-column {}",
                        printable(name),
                        printable(name)
                    )
                });
                let advice = log.or(near).unwrap_or_default();
                format!("is missing; {fields}{advice}")
            }
            (Role::Topic, Some(fields)) => {
                format!("is missing, and no --topic is given; {fields}")
            }
            _ => reason,
        },
    }
}

/// Returns the name of a field whose value is a log line of a producer.
fn log_field<'o>(object: &'o Object<'_>) -> Option<&'o str> {
    let mut fields = object.keys().enumerate();
    let is_log = |column: usize| {
        let text = serde_json::from_str::<String>(object.raw(column));
        text.is_ok_and(|text| !sent_messages(&text).is_empty())
    };
    fields.find_map(|(column, name)| is_log(column).then_some(name))
}

/// Finds a kept value that readers of the results file could not parse: half a surrogate pair.
fn untransportable<'a>(
    columns: &Columns,
    object: &Object<'a>,
    column: usize,
) -> Option<RowError<'a>> {
    let found = object.raw(column);
    let is_plain = found.starts_with('"') && !found.contains('\\');
    if is_plain || object::is_out_of_range(found) {
        return None;
    }
    let error = serde_json::from_str::<serde_json::Value>(found).err()?;
    Some(RowError {
        column: columns.shown(column),
        found,
        reason: format!("is JSON that can't be passed on: {}", object::fault(&error)),
    })
}

/// Returns the texts of the roles' values without their JSON quotes, and the first value that is not a text.
fn texts<'a>(
    columns: &Columns,
    nested: &[NestedField],
    object: &Object<'a>,
) -> ([Cow<'a, str>; Role::ALL.len()], Option<FieldError<'a>>) {
    let mut fault = None;
    let texts = Role::ALL.map(|role| {
        let nested = nested.iter().find(|field| field.role == role);
        let (found, text) = match (columns.index(role), nested.map(|field| field.raw(object))) {
            (Some(column), _) => (object.raw(column), None),
            (_, Some(Nested::Found(raw))) => (raw, None),
            (_, Some(Nested::Fault(found, reason))) => (found, Some(reason)),
            (None, Some(Nested::Missing(_)) | None) => ("null", None),
        };
        let text = text.map_or_else(|| text_of(role, found), Err);
        text.unwrap_or_else(|reason| {
            fault.get_or_insert(FieldError {
                role,
                found,
                reason,
            });
            Cow::Borrowed("")
        })
    });
    (texts, fault)
}

/// Returns the text of a value. `null` is an empty cell, and a queue may be a number.
fn text_of(role: Role, raw: &str) -> Result<Cow<'_, str>, String> {
    let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if let Some(plain) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
        return if plain.contains('\\') {
            serde_json::from_str(raw)
                .map(Cow::Owned)
                .map_err(|error| format!("is no text: {}", object::fault(&error)))
        } else {
            Ok(Cow::Borrowed(plain))
        };
    }
    match role {
        _ if raw == "null" => Ok(Cow::Borrowed("")),
        Role::QueueId | Role::QueueOffset if is_number => Ok(Cow::Borrowed(raw)),
        Role::MsgId if is_number => {
            Err("is a number, and numbers lose digits of an ID; write IDs as strings".to_owned())
        }
        _ => Err("is no string".to_owned()),
    }
}
