//! The lines in which the workers pass breaks to the page.

use serde::{Deserialize, Serialize};

use crate::humanize::shortened;
use crate::message::MessageId;
use crate::report::row::{ReportContext, RowFormat, RowView};
use crate::verdict::MessageVerdict;

/// The most columns of the table. A wider one is unreadable, and the CSV has all columns.
pub(super) const MAX_COLUMNS: usize = 8;

/// The longest text in the table, in characters.
const MAX_TEXT: usize = 120;

/// The longest reason, in characters.
const MAX_REASON: usize = 400;

/// Writes a line of JSON for each message that is a break or without a verdict. Other rows are in the totals.
#[derive(Debug)]
pub(in crate::report) struct HtmlRows;

/// What a worker passes to the page.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum PageLine {
    Break(BreakLine),
    Unjudged(UnjudgedLine),
}

/// A message that was not found, a message without an answer, or a bad row.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnjudgedLine {
    /// The message verdict.
    pub(super) verdict: String,
    pub(super) row: u64,
    /// Message ID and topic; for a bad row, file and line, and what was found.
    pub(super) subject: [String; 2],
    /// The error code; for a bad row, the column.
    pub(super) code: String,
    pub(super) reason: String,
}

impl UnjudgedLine {
    fn of(view: &RowView<'_>) -> Self {
        let (code, message) = view.error();
        let (subject, code, reason) = if let Some(reject) = &view.line.rejected {
            let place = format!("{}:{}", &*reject.file, reject.line.unwrap_or_default());
            let found = shortened(&reject.found, MAX_TEXT);
            (
                [place, found],
                reject.column.to_string(),
                reject.reason.to_string(),
            )
        } else {
            let subject = [&view.line.msg_id, &view.line.topic].map(|text| text.to_string());
            (subject, code.into_owned(), message.into_owned())
        };
        Self {
            verdict: view.verdict().to_string(),
            row: view.row,
            subject,
            code,
            reason: shortened(&reason, MAX_REASON),
        }
    }
}

/// A message that an expected group has not consumed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BreakLine {
    pub(super) row: u64,
    pub(super) msg_id: String,
    pub(super) topic: String,
    /// The born time in milliseconds since 1970.
    pub(super) born: Option<i64>,
    pub(super) producer: Option<Producer>,
    /// The groups at fault, each with its verdict.
    pub(super) groups: Vec<(String, String)>,
    /// The first kept columns, in the report's order.
    pub(super) kept: Vec<String>,
}

/// The producer of a message: address (IP, or MAC of a 5.x client) and process ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Producer {
    pub(super) address: String,
    pub(super) pid: u16,
}

impl RowFormat for HtmlRows {
    fn head(&self, _context: &ReportContext, _out: &mut Vec<u8>) {}

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        if view.same_as.is_some() {
            return;
        }
        let line = match view.verdict() {
            MessageVerdict::Break => PageLine::Break(break_line(context, view)),
            MessageVerdict::NotFound | MessageVerdict::Unanswered | MessageVerdict::Rejected => {
                PageLine::Unjudged(UnjudgedLine::of(view))
            }
            _ => return,
        };
        serde_json::to_writer(&mut *out, &line)
            .expect("our own types serialise, and writing to memory cannot fail");
        out.push(b'\n');
    }
}

fn break_line(context: &ReportContext, view: &RowView<'_>) -> BreakLine {
    let at_fault = view.judged.groups.iter().filter(|seen| seen.breaks);
    let kept = view.kept_in(&context.columns).take(MAX_COLUMNS);
    BreakLine {
        row: view.row,
        msg_id: view.line.msg_id.to_string(),
        topic: view.line.topic.to_string(),
        born: view.born.map(jiff::Timestamp::as_millisecond),
        producer: producer(&view.line.msg_id),
        groups: at_fault
            .map(|seen| (seen.group.to_owned(), seen.verdict().to_string()))
            .collect(),
        kept: kept.map(|text| shortened(&text, MAX_TEXT)).collect(),
    }
}

/// Returns the producer. Only IDs made by clients contain it (`docs/facts/ons-api.md` §8).
fn producer(msg_id: &str) -> Option<Producer> {
    let (address, pid) = match MessageId::parse(msg_id).ok()? {
        MessageId::UniqKey(key) => (key.producer.to_string(), key.pid),
        MessageId::V1(id) => (id.mac.to_string(), id.pid),
        MessageId::OffsetId(_) => return None,
    };
    Some(Producer { address, pid })
}
