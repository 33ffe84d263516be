//! What a worker tells of a break.

use serde::{Deserialize, Serialize};

use crate::message::MessageId;
use crate::report::row::{Context, RowFormat, RowView};
use crate::verdict::MessageVerdict;

/// A line of JSON for each message that is a break; other rows are in the totals.
#[derive(Debug)]
pub(in crate::report) struct Html;

/// A message that some expected group has not consumed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Break {
    pub(super) row: u64,
    pub(super) msg_id: String,
    pub(super) topic: String,
    /// Milliseconds since 1970.
    pub(super) born: Option<i64>,
    /// Address and process, as the ID tells.
    pub(super) producer: Option<String>,
    /// The groups at fault, each with its verdict.
    pub(super) groups: Vec<(String, String)>,
    /// The kept columns, in the report's order.
    pub(super) kept: Vec<String>,
}

impl RowFormat for Html {
    fn head(&self, _context: &Context, _out: &mut Vec<u8>) {}

    fn row(&self, context: &Context, view: &RowView<'_>, out: &mut Vec<u8>) {
        if view.verdict() != MessageVerdict::Break || view.same_as.is_some() {
            return;
        }
        let at_fault = view.judged.groups.iter().filter(|seen| seen.breaks);
        let line = Break {
            row: view.row,
            msg_id: view.line.msg_id.to_string(),
            topic: view.line.topic.to_string(),
            born: view.born.map(jiff::Timestamp::as_millisecond),
            producer: producer(&view.line.msg_id),
            groups: at_fault
                .map(|seen| (seen.group.to_owned(), seen.verdict.to_string()))
                .collect(),
            kept: view
                .kept_in(&context.columns)
                .map(std::borrow::Cow::into_owned)
                .collect(),
        };
        if serde_json::to_writer(&mut *out, &line).is_ok() {
            out.push(b'\n');
        }
    }
}

/// Who made the message: only IDs that clients make tell (`facts/ons-api.md` §8).
fn producer(msg_id: &str) -> Option<String> {
    match MessageId::parse(msg_id).ok()? {
        MessageId::UniqKey(key) => Some(format!("{}, process {}", key.producer, key.pid)),
        MessageId::V1(id) => Some(format!("{}, process {}", id.mac, id.pid)),
        MessageId::OffsetId(_) => None,
    }
}
