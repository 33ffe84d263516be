//! Reads from each line what decides which groups are expected to consume its message. A report that is rendered again
//! therefore judges as the run did.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::Value;

use super::{Header, Line};
use crate::input::{BornCells, Role, Row, column_of};
use crate::message::{BornClock, Query, Tag, Zone};
use crate::verdict::{Expectations, MessageContext};

/// Reads topic, tag and born time of the messages of one results file.
#[derive(Debug, Clone)]
pub struct MessageContexts {
    /// Decodes born times from IDs. `None` if this system does not know the time zone of the results file.
    clock: Option<BornClock>,
    /// The column with born times, which takes precedence over the source and the IDs.
    column: Option<BornCells>,
    /// Whether an expectation depends on tags. To look for them in every row takes time.
    with_tags: bool,
}

impl MessageContexts {
    /// Makes a reader for the results file with this header. The time of the run, or of the snapshot, completes the
    /// times in IDs.
    #[must_use]
    pub fn of(header: &Header, expectations: &Expectations) -> Self {
        let zone: Option<Zone> = header.producer_zone.parse().ok();
        let moment = header.as_of.as_ref().unwrap_or(&header.started_at);
        let clock = zone.as_ref().and_then(|zone| {
            let moment = moment.parse().ok()?;
            Some(BornClock::new(moment, &zone.zone))
        });
        let column = header.born_column.as_deref().zip(zone);
        Self {
            clock,
            column: column.map(|(name, zone)| BornCells::new(name, zone.zone)),
            with_tags: expectations.depend_on_tags(),
        }
    }

    /// Returns the born time of a message that its row's column or the source has.
    fn recorded(&self, line: &Line<'_>) -> Option<Timestamp> {
        let cells = self.column.as_ref();
        let given = cells.and_then(|cells| {
            let value = line.extra.find_only(|name| cells.is_called(name))?;
            cells.read(&serde_json::from_str(value).ok()?)
        });
        given.or_else(|| line.born_at.parse().ok())
    }

    /// Returns the message of a line that holds its answer.
    #[must_use]
    pub fn of_line<'l>(&self, line: &'l Line<'l>) -> MessageContext<'l> {
        self.with_born(
            MessageContext {
                tag: self.tag(line),
                ..MessageContext::of_topic(&line.topic)
            },
            self.recorded(line),
            &line.msg_id,
        )
    }

    /// Returns the message of a row that was just asked.
    #[must_use]
    pub fn of_row<'r>(&self, row: &Row, query: &'r Query) -> MessageContext<'r> {
        let cell = |name: &str| {
            let kept: Value = serde_json::from_str(row.kept.json.as_deref()?).ok()?;
            kept.get(name).cloned()
        };
        let known = query.position.as_ref().map(|position| &position.tag);
        let tag = match known {
            Some(Tag::Named(tag)) => Some(Cow::Borrowed(&**tag)),
            Some(Tag::None) => Some(Cow::Borrowed("")),
            _ if !self.with_tags => None,
            _ => tag_column(row.kept.columns.iter().map(|name| &**name))
                .and_then(|column| tag_in(&cell(&row.kept.columns[column])?)),
        };
        let given = self.column.as_ref().and_then(|cells| {
            let mut names = row.kept.columns.iter().filter(|name| cells.is_called(name));
            let name = names.next().filter(|_| names.next().is_none())?;
            cells.read(&cell(name)?)
        });
        self.with_born(
            MessageContext {
                tag,
                ..MessageContext::of_topic(&query.topic)
            },
            given,
            &query.msg_id,
        )
    }

    fn tag<'l>(&self, line: &'l Line<'l>) -> Option<Cow<'l, str>> {
        if !self.with_tags {
            return None;
        }
        let kept = &line.extra.0;
        let (_, json) = &kept[tag_column(kept.iter().map(|(name, _)| &**name))?];
        tag_in(&serde_json::from_str(json.get()).ok()?)
    }

    /// Adds the born time: the recorded one, or else that in the ID.
    fn with_born<'l>(
        &self,
        subject: MessageContext<'l>,
        recorded: Option<Timestamp>,
        msg_id: &str,
    ) -> MessageContext<'l> {
        let decoded = || self.clock.as_ref()?.born(msg_id);
        let born = recorded.or_else(decoded);
        MessageContext {
            born,
            is_born_decoded: recorded.is_none() && born.is_some(),
            ..subject
        }
    }
}

/// Returns the kept column with a message's tag. `None` if two columns match, because either could be meant.
fn tag_column<'n>(names: impl Iterator<Item = &'n str> + Clone) -> Option<usize> {
    column_of(names, Role::Tag).ok().flatten()
}

/// Returns the tag in a cell. An empty text is a message without a tag, as in snapshots; null is an unknown tag.
fn tag_in(cell: &Value) -> Option<Cow<'static, str>> {
    match cell {
        Value::String(text) => Some(Cow::Owned(text.trim().to_owned())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATED: &str = "0A15030B110F18B4AAC264BE6C450BA2";

    fn header(born_column: Option<&str>) -> Header {
        let json = r#"{"schema":"ons-audit/1","run_id":"r","tool":"t","source":"s","inputs":[],
                       "started_at":"2026-11-22T12:00:00.000Z"}"#;
        Header {
            born_column: born_column.map(str::to_owned),
            ..serde_json::from_str(json).unwrap()
        }
    }

    fn with_tags() -> Expectations {
        serde_json::from_str(r#"{"topics":{"orders":[{"group":"a","tags":["paid"]}]}}"#).unwrap()
    }

    #[test]
    fn tag_and_born_time_are_read_from_kept_columns() {
        let contexts = MessageContexts::of(&header(Some("Sent-At")), &with_tags());
        for (extra, tag, born) in [
            (
                r#"{"Tag":" paid ","sent_at":"2026-11-20T00:00:00Z"}"#,
                Some("paid"),
                "2026-11-20T00:00:00Z",
            ),
            (
                r#"{"tag":"","sent_at":1795402800}"#,
                Some(""),
                "2026-11-23T03:00:00Z",
            ),
            (
                r#"{"TAG":7,"sent_at":""}"#,
                Some("7"),
                "2026-11-20T05:30:01.157Z",
            ),
            (r#"{"tag":null}"#, None, "2026-11-20T05:30:01.157Z"),
            (
                r#"{"Tag":"paid","tag":"created"}"#, // which one is meant?
                None,
                "2026-11-20T05:30:01.157Z",
            ),
            (
                r#"{"标签":"paid"}"#,
                Some("paid"),
                "2026-11-20T05:30:01.157Z",
            ),
            (
                r#"{"tags":"paid","order":"1"}"#,
                None,
                "2026-11-20T05:30:01.157Z",
            ),
        ] {
            let json = format!(
                r#"{{"row":1,"msg_id":"{DATED}","topic":"orders","tracks":[],"extra":{extra}}}"#
            );
            let line: Line<'_> = serde_json::from_str(&json).unwrap();
            let subject = contexts.of_line(&line);
            assert_eq!(subject.tag.as_deref(), tag, "{extra}");
            assert_eq!(subject.born, born.parse().ok(), "{extra}");
        }
    }

    #[test]
    fn an_id_that_tells_nothing_leaves_the_born_time_open() {
        let contexts = MessageContexts::of(&header(None), &Expectations::default());
        let json = r#"{"row":1,"msg_id":"AC10323E00002A9F0000000000983278","topic":"orders","tracks":[],"extra":{"tag":"paid"}}"#;
        let line: Line<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(contexts.of_line(&line), MessageContext::of_topic("orders"));
    }
}
