//! NDJSON lines → rows. An object's keys are its columns; what travels, travels as the JSON it was.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use super::columns::Columns;
use super::header::{Role, Unmapped};
use super::object::{self, Object};
use super::options::Options;
use super::question::{Asked, Bad, Fault, Questions};
use super::recent::Recent;
use super::row::Kept;
use super::rows::Parsed;
use crate::delimited::Record;

/// The column of a reject where the line is at fault as a whole.
const LINE: &str = "line";

/// Reads the lines of one file.
#[derive(Debug)]
pub(super) struct NdjsonRows {
    options: Arc<Options>,
    questions: Questions,
    shapes: Recent<Shape>,
    scratch: String,
}

/// The keys of an object and what they are. Most lines of a file have the same.
#[derive(Debug)]
struct Shape {
    keys: Vec<Box<str>>,
    columns: Result<Columns, Unmapped>,
}

impl NdjsonRows {
    pub(super) fn new(options: Arc<Options>, questions: Questions) -> Self {
        Self {
            options,
            questions,
            shapes: Recent::default(),
            scratch: String::new(),
        }
    }

    pub(super) fn parse(&mut self, record: Record<'_>) -> Parsed {
        let text = record.text();
        let object = match &text {
            Cow::Borrowed(text) => Object::read(text),
            Cow::Owned(_) => Err("is not valid UTF-8; save the file as UTF-8".to_owned()),
        };
        match object {
            Ok(object) => self.row(record.line, &object),
            Err(reason) => {
                let bad = Bad {
                    column: LINE.into(),
                    found: &text,
                    reason,
                };
                rejected(&self.questions, record.line, bad)
            }
        }
    }

    fn row(&mut self, line: u64, object: &Object<'_>) -> Parsed {
        let fits = |shape: &Shape| shape.keys.iter().map(|key| &**key).eq(object.keys());
        let make = || Ok::<_, Infallible>(Shape::of(object, &self.options));
        let Ok(shape) = self.shapes.get(fits, make);
        let columns = match &shape.columns {
            Ok(columns) => columns,
            Err(unmapped) => {
                let bad = Bad {
                    column: LINE.into(),
                    found: "",
                    reason: format!("is ambiguous: {unmapped}"),
                };
                return rejected(&self.questions, line, bad);
            }
        };
        if let Some(bad) = columns
            .kept
            .columns()
            .find_map(|column| untransportable(columns, object, column))
        {
            return rejected(&self.questions, line, bad);
        }
        let kept = columns.kept.write(&mut self.scratch, |json, column| {
            json.push_str(object.raw(column));
        });
        let (texts, fault) = texts(columns, object);
        let [msg_id, topic, instance, broker, queue_id, queue_offset, tag] = &texts;
        let asked = Asked {
            msg_id,
            topic,
            instance,
            broker,
            queue_id,
            queue_offset,
            tag: columns
                .position
                .and_then(|position| position.tag)
                .map(|_| &**tag),
        };
        let asks = match fault {
            Some(fault) => Err(fault),
            None => self.questions.ask(&asked),
        };
        let asked =
            asks.map_err(|fault| self.questions.reject(line, placed(columns, fault), &asked));
        Parsed { kept, asked }
    }
}

/// A line of which nothing else is known.
fn rejected(questions: &Questions, line: u64, bad: Bad<'_>) -> Parsed {
    let reject = questions.reject(line, bad, &Asked::default());
    Parsed {
        kept: Kept::nothing(),
        asked: Err(reject),
    }
}

impl Shape {
    fn of(object: &Object<'_>, options: &Options) -> Self {
        let keys: Vec<&str> = object.keys().collect();
        Self {
            columns: Columns::named(&keys, options),
            keys: keys.into_iter().map(Into::into).collect(),
        }
    }
}

/// A fault with the object's own name for the column.
fn placed<'a>(columns: &Columns, fault: Fault<'a>) -> Bad<'a> {
    let Fault {
        role,
        found,
        reason,
    } = fault;
    let is_missing = role == Role::MsgId && columns.msg_id.is_none();
    Bad {
        column: columns.name(role),
        found,
        reason: if is_missing {
            "is missing".to_owned()
        } else {
            reason
        },
    }
}

/// A kept value that its readers could not take apart again: half a surrogate pair, a number beyond all bounds.
fn untransportable<'a>(columns: &Columns, object: &Object<'a>, column: usize) -> Option<Bad<'a>> {
    let found = object.raw(column);
    let is_plain = found.starts_with('"') && !found.contains('\\');
    if is_plain {
        return None;
    }
    let error = serde_json::from_str::<serde_json::Value>(found).err()?;
    Some(Bad {
        column: columns.shown(column),
        found,
        reason: format!("is JSON that can't be passed on: {}", object::fault(&error)),
    })
}

/// The texts of the roles' values, taken out of their JSON, and the first that is none.
fn texts<'a>(
    columns: &Columns,
    object: &Object<'a>,
) -> ([Cow<'a, str>; Role::ALL.len()], Option<Fault<'a>>) {
    let mut fault = None;
    let texts = Role::ALL.map(|role| {
        let found = columns
            .index(role)
            .map_or("null", |column| object.raw(column));
        text(role, found).unwrap_or_else(|reason| {
            fault.get_or_insert(Fault {
                role,
                found,
                reason,
            });
            Cow::Borrowed("")
        })
    });
    (texts, fault)
}

/// A string's text. `null` is an empty cell, and a queue may be numbered by a number.
fn text(role: Role, raw: &str) -> Result<Cow<'_, str>, String> {
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
