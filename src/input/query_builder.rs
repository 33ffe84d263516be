//! Makes the query of a row from its cells. All formats accept or reject rows here.

use std::str::FromStr;
use std::sync::Arc;

use crate::humanize::shortened;
use crate::message::{MessageId, Position, Query, SendResult, Tag, check_instance, check_topic};

use super::InputError;
use super::cleaning::{Cleaned, clean_id, trim};
use super::header::Role;
use super::notes::InputNotes;
use super::options::InputOptions;
use super::recent::Recent;
use super::row::Reject;

/// Number of characters of a bad text that a reject shows.
const SHOWN: usize = 200;

/// The cells of one row that make its query. An empty text counts as missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawFields<'a> {
    pub msg_id: &'a str,
    pub topic: &'a str,
    pub instance: &'a str,
    pub broker: &'a str,
    pub queue_id: &'a str,
    pub queue_offset: &'a str,
    /// `None` if the input has no such column.
    pub tag: Option<&'a str>,
    pub send_status: &'a str,
}

/// A fault of a cell that makes a row unusable.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FieldError<'a> {
    /// The role of the column at fault.
    pub role: Role,
    /// The text found there.
    pub found: &'a str,
    /// What is wrong with it, as a continuation of "the column …".
    pub reason: String,
}

/// A fault of a row, with the file's own name of the column.
#[derive(Debug)]
pub(super) struct RowError<'a> {
    /// The file's own name of the column.
    pub column: Arc<str>,
    /// The text found there.
    pub found: &'a str,
    /// What is wrong with it, as a continuation of "the column …".
    pub reason: String,
}

/// Makes queries. Rows share the texts of their topics, instances, brokers and tags.
#[derive(Debug)]
pub(super) struct QueryBuilder {
    file: Arc<str>,
    /// What was noticed so far.
    pub(super) notes: InputNotes,
    topic: Option<Arc<str>>,
    instance: Option<Arc<str>>,
    topics: Recent<Arc<str>>,
    instances: Recent<Arc<str>>,
    brokers: Recent<Arc<str>>,
    tags: Recent<Arc<str>>,
}

impl QueryBuilder {
    /// Makes a builder for the rows of one file.
    pub(super) fn new(file: Arc<str>, options: &InputOptions) -> Self {
        let instance = options.instance.as_ref();
        let instance = instance.or(options.source_instance.as_ref());
        Self {
            file,
            notes: InputNotes::default(),
            topic: options.topic.as_deref().map(Into::into),
            instance: instance.map(|instance| instance.as_str().into()),
            topics: Recent::default(),
            instances: Recent::default(),
            brokers: Recent::default(),
            tags: Recent::default(),
        }
    }

    /// Makes the query of a row. Blanks around ID, topic, instance and status are removed, and quotes around the ID.
    pub(super) fn ask<'a>(&mut self, fields: &RawFields<'a>) -> Result<Query, FieldError<'a>> {
        let (msg_id, mut cleaned) = clean_id(fields.msg_id);
        let (topic, instance) = (trim(fields.topic), trim(fields.instance));
        cleaned.blanks |=
            topic.len() < fields.topic.len() || instance.len() < fields.instance.len();
        MessageId::check(msg_id).map_err(fault(Role::MsgId, fields.msg_id))?;
        let position = self.position(fields)?;
        let query = Query {
            topic: self.topic(topic)?,
            instance_id: self.instance(instance)?,
            send_result: send_result(position.as_ref(), fields.send_status),
            position,
            born_after: None,
            msg_id: msg_id.into(),
        };
        if cleaned != Cleaned::default() {
            self.notes.add_cleaned(cleaned);
        }
        Ok(query)
    }

    fn topic<'a>(&mut self, topic: &'a str) -> Result<Arc<str>, FieldError<'a>> {
        match &self.topic {
            Some(given) if topic.is_empty() => Ok(given.clone()),
            None if topic.is_empty() => Err(fault(Role::Topic, topic)(
                "is empty, and no --topic is given",
            )),
            _ => shared(&mut self.topics, topic, check_topic).map_err(fault(Role::Topic, topic)),
        }
    }

    fn instance<'a>(&mut self, instance: &'a str) -> Result<Option<Arc<str>>, FieldError<'a>> {
        if instance.is_empty() {
            return Ok(self.instance.clone());
        }
        let shared = shared(&mut self.instances, instance, check_instance);
        shared.map(Some).map_err(fault(Role::Instance, instance))
    }

    /// Returns the position if all three cells are filled, and `None` if all are empty. Anything between is a fault.
    fn position<'a>(&mut self, fields: &RawFields<'a>) -> Result<Option<Position>, FieldError<'a>> {
        let RawFields {
            broker,
            queue_id,
            queue_offset,
            tag,
            ..
        } = *fields;
        if broker.is_empty() && queue_id.is_empty() && queue_offset.is_empty() {
            return Ok(None);
        }
        if broker.is_empty() {
            return Err(fault(Role::Broker, broker)(
                "is empty, although the row has a queue",
            ));
        }
        // A tag is compared character by character: with a blank beside it, a message would count as filtered.
        let bare = |text: &str| match text.trim().len() {
            length if length == text.len() => Ok(()),
            _ => Err("begins or ends with a blank, expected none"),
        };
        let share =
            |names: &mut _, role, text| shared(names, text, bare).map_err(fault(role, text));
        Ok(Some(Position {
            queue_id: whole_number(Role::QueueId, queue_id)?,
            queue_offset: whole_number(Role::QueueOffset, queue_offset)?,
            broker: share(&mut self.brokers, Role::Broker, broker)?,
            tag: match tag {
                None => Tag::Unknown,
                Some("") => Tag::None,
                Some(tag) => Tag::Named(share(&mut self.tags, Role::Tag, tag)?),
            },
            store: None,
        }))
    }

    /// Notes a row that contains a replacement character.
    pub(super) fn note_replaced(&mut self, line: u64) {
        self.notes.replaced_characters.add(&self.file, line, "");
    }

    /// Notes a quoted cell of several lines that contains a message ID.
    pub(super) fn note_id_in_cell(&mut self, line: u64) {
        self.notes.cells_with_ids.add(&self.file, line, "");
    }

    /// Notes a log line that does not say that a message was sent.
    pub(super) const fn note_no_message(&mut self) {
        self.notes.lines_without_message += 1;
    }

    /// Notes a log line with a message ID that is not that of a sent message.
    pub(super) fn note_other_id(&mut self, line: u64) {
        self.notes.lines_with_ids.add(&self.file, line, "");
    }

    /// Notes a line that is a comment.
    pub(super) fn note_skipped(&mut self, line: u64, text: &str) {
        self.notes.skipped_lines.add(&self.file, line, text);
    }

    /// Returns the name of the file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Makes the reject of a row. `fields` has the cells that could be read.
    pub(super) fn reject(
        &self,
        line: u64,
        bad: RowError<'_>,
        fields: &RawFields<'_>,
    ) -> Box<Reject> {
        let shown = |text: &str| (!text.is_empty()).then(|| shortened(text, SHOWN));
        Box::new(Reject {
            file: self.file.clone(),
            line,
            column: bad.column,
            found: shortened(bad.found, SHOWN),
            reason: bad.reason,
            msg_id: shown(fields.msg_id),
            topic: shown(fields.topic).or_else(|| self.topic.as_deref().map(ToOwned::to_owned)),
        })
    }
}

/// The status of a message that was sent and stored.
pub(super) const SEND_OK: &str = "SEND_OK";

/// Returns what the producer was told about a message at this position. `None` without a position or a status.
fn send_result(position: Option<&Position>, status: &str) -> Option<Box<SendResult>> {
    let status = trim(status);
    let place = position.filter(|_| !status.is_empty())?.clone();
    let is_ok = status == SEND_OK;
    Some(Box::new(SendResult { place, is_ok }))
}

fn fault<'a, R: ToString>(role: Role, found: &'a str) -> impl FnOnce(R) -> FieldError<'a> {
    move |reason| FieldError {
        role,
        found,
        reason: reason.to_string(),
    }
}

/// Returns the one shared copy of a text. A remembered text was checked before.
fn shared<E>(
    recent: &mut Recent<Arc<str>>,
    text: &str,
    check: impl FnOnce(&str) -> Result<(), E>,
) -> Result<Arc<str>, E> {
    let make = || check(text).map(|()| Arc::from(text));
    recent.get(|known| **known == *text, make).cloned()
}

fn whole_number<N: FromStr>(role: Role, found: &str) -> Result<N, FieldError<'_>> {
    found
        .parse()
        .map_err(|_| fault(role, found)("is no whole number from 0"))
}

/// Checks that `--topic` and `--instance` are names that `RocketMQ` accepts.
pub(super) fn check_given(options: &InputOptions) -> Result<(), InputError> {
    let given = [
        ("--topic", &options.topic, check_topic as fn(&str) -> _),
        ("--instance", &options.instance, check_instance),
    ];
    for (flag, name, check) in given {
        if let Some(found) = name {
            check(found).map_err(|reason| InputError::Name {
                flag,
                found: found.clone(),
                reason,
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

    fn builder(topic: Option<&str>, instance: Option<&str>) -> QueryBuilder {
        let options = InputOptions {
            topic: topic.map(ToOwned::to_owned),
            instance: instance.map(ToOwned::to_owned),
            ..InputOptions::default()
        };
        QueryBuilder::new("in.csv".into(), &options)
    }

    #[test]
    fn what_the_row_lacks_the_person_gives() {
        let mut builder = builder(Some("orders"), Some("MQ_INST_1"));
        let bare = builder
            .ask(&RawFields {
                msg_id: ID,
                ..RawFields::default()
            })
            .unwrap();
        assert_eq!(
            (&*bare.topic, bare.instance_id.as_deref()),
            ("orders", Some("MQ_INST_1"))
        );
        let full = RawFields {
            msg_id: ID,
            topic: "paid",
            instance: "MQ_INST_2",
            ..RawFields::default()
        };
        let full = builder.ask(&full).unwrap();
        assert_eq!(
            (&*full.topic, full.instance_id.as_deref()),
            ("paid", Some("MQ_INST_2"))
        );
    }

    #[test]
    fn the_instance_of_the_source_comes_last() {
        let of_source = |instance: Option<&str>, row| {
            let options = InputOptions {
                topic: Some("orders".to_owned()),
                instance: instance.map(ToOwned::to_owned),
                source_instance: Some("rmq-cn-source".to_owned()),
                ..InputOptions::default()
            };
            assert!(
                !options
                    .given_flags()
                    .values()
                    .any(|value| value == "rmq-cn-source")
            );
            let fields = RawFields {
                msg_id: ID,
                instance: row,
                ..RawFields::default()
            };
            let query = QueryBuilder::new("in.csv".into(), &options).ask(&fields);
            query.unwrap().instance_id.unwrap().to_string()
        };
        assert_eq!(of_source(None, ""), "rmq-cn-source");
        assert_eq!(of_source(None, "rmq-cn-row"), "rmq-cn-row");
        assert_eq!(of_source(Some("rmq-cn-flag"), ""), "rmq-cn-flag");
        assert_eq!(of_source(Some("rmq-cn-flag"), "rmq-cn-row"), "rmq-cn-row");
    }

    #[test]
    fn a_position_is_whole_or_absent() {
        let mut builder = builder(Some("t"), None);
        let mut ask = |broker, queue_id, queue_offset| {
            let fields = RawFields {
                msg_id: ID,
                broker,
                queue_id,
                queue_offset,
                tag: Some("paid"),
                ..RawFields::default()
            };
            builder
                .ask(&fields)
                .map(|query| query.position)
                .map_err(|fault| (fault.role, fault.reason))
        };
        assert_eq!(ask("", "", ""), Ok(None));
        let position = ask("broker-a", "3", "17").unwrap().unwrap();
        assert_eq!((position.queue_id, position.queue_offset), (3, 17));
        assert_eq!(position.tag, Tag::Named("paid".into()));
        let number = "is no whole number from 0".to_owned();
        assert_eq!(
            ask("broker-a", "", "17"),
            Err((Role::QueueId, number.clone()))
        );
        assert_eq!(
            ask("broker-a", "3", "-1"),
            Err((Role::QueueOffset, number.clone()))
        );
        assert_eq!(
            ask("broker-a", "4294967296", "1"),
            Err((Role::QueueId, number))
        );
        assert!(ask("", "3", "17").is_err());
        let blank = "begins or ends with a blank, expected none".to_owned();
        assert_eq!(
            ask("broker-a ", "3", "17"),
            Err((Role::Broker, blank.clone()))
        );
        let fields = RawFields {
            msg_id: ID,
            broker: "broker-a",
            queue_id: "3",
            queue_offset: "17",
            tag: Some("\tpaid"),
            ..RawFields::default()
        };
        let fault = builder.ask(&fields).unwrap_err();
        assert_eq!((fault.role, fault.reason), (Role::Tag, blank));
    }

    #[test]
    fn blanks_around_a_status_do_not_count() {
        for (send_status, expected) in [
            ("SEND_OK", Some(true)),
            (" SEND_OK\t", Some(true)),
            ("FLUSH_DISK_TIMEOUT ", Some(false)),
            ("SEND OK", Some(false)),
            ("", None),
            (" ", None),
        ] {
            let fields = RawFields {
                msg_id: ID,
                broker: "broker-a",
                queue_id: "3",
                queue_offset: "17",
                send_status,
                ..RawFields::default()
            };
            let query = builder(Some("orders"), None).ask(&fields).unwrap();
            let found = query.send_result.map(|result| result.is_ok);
            assert_eq!(found, expected, "{send_status:?}");
        }
    }

    #[test]
    fn faults_name_their_column() {
        let mut builder = builder(None, None);
        for (msg_id, topic, instance, role, reason) in [
            (
                "1E05",
                "t",
                "",
                Role::MsgId,
                "has 4 hex digits, expected 32, 34 or 56",
            ),
            (ID, "", "", Role::Topic, "is empty, and no --topic is given"),
            (
                ID,
                "a b",
                "",
                Role::Topic,
                "has ' ' as character 2, expected letters, digits, `_`, `-`, `%` and `|` only",
            ),
            (
                ID,
                "t",
                "?",
                Role::Instance,
                "has '?' as character 1, expected letters, digits, `_`, `-`, `%` and `|` only",
            ),
        ] {
            let fault = builder
                .ask(&RawFields {
                    msg_id,
                    topic,
                    instance,
                    ..RawFields::default()
                })
                .unwrap_err();
            assert_eq!((fault.role, fault.reason.as_str()), (role, reason));
        }
    }

    #[test]
    fn a_reject_shows_no_more_than_200_characters() {
        let long = "é".repeat(300);
        let fields = RawFields {
            msg_id: &long,
            ..RawFields::default()
        };
        let bad = RowError {
            column: "id".into(),
            found: &long,
            reason: "is no ID".to_owned(),
        };
        let reject = builder(Some("t"), None).reject(7, bad, &fields);
        assert_eq!(reject.found, "é".repeat(200) + "…");
        assert_eq!(
            (reject.line, &*reject.column, reject.topic.as_deref()),
            (7, "id", Some("t"))
        );
    }
}
