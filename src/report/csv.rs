//! The long CSV: one row per message and group.

use super::cell::{push, push_head, push_number};
use super::headings::headings;
use super::row::{CsvDialect, ReportContext, RowFormat, RowView};

/// The columns before the kept ones, in order (`DESIGN.md` §7).
const COLUMNS: [&str; 15] = [
    "row",
    "msg_id",
    "topic",
    "instance_id",
    "group",
    "track_type",
    "verdict",
    "expected",
    "message_verdict",
    "born_at",
    "observed_at",
    "attempts",
    "request_id",
    "error_code",
    "error_message",
];

/// Behind them, where the source judges by offsets: what has to be known beside the track type, and what `mqadmin` would
/// say where that is something else. Empty in most rows.
const MARK_COLUMNS: [&str; 2] = ["mark", "mqadmin_track_type"];

/// `row,msg_id,topic,instance_id,group,…`; a message without groups has one row with an empty group.
#[derive(Debug)]
pub(super) struct LongCsv;

impl RowFormat for LongCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        begin(context, out);
        let marks = MARK_COLUMNS.into_iter().filter(|_| context.marks);
        let ours = COLUMNS.into_iter().chain(marks);
        push_head(out, &headings(ours, &context.columns, &[]), context.csv);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        push_message(out, view, context.csv);
        let message = start..out.len();
        if view.judged.groups.is_empty() {
            out.extend_from_slice(&[context.csv.delimiter; 4]);
            push_facts(out, context, view);
            if context.marks {
                out.extend_from_slice(&[context.csv.delimiter; 2]);
            }
            push_kept(out, context, view);
            out.push(b'\n');
            return;
        }
        let (mut facts, mut kept) = (0..0, 0..0);
        for (nth, seen) in view.judged.groups.iter().enumerate() {
            if nth > 0 {
                out.extend_from_within(message.clone());
            }
            out.push(context.csv.delimiter);
            push(out, seen.group, context.csv);
            out.push(context.csv.delimiter);
            push(out, seen.track_type, context.csv);
            out.push(context.csv.delimiter);
            out.extend_from_slice(seen.verdict.as_str().as_bytes());
            out.push(context.csv.delimiter);
            out.extend_from_slice(seen.expectation().as_bytes());
            if nth == 0 {
                let start = out.len();
                push_facts(out, context, view);
                facts = start..out.len();
            } else {
                out.extend_from_within(facts.clone());
            }
            if context.marks {
                for text in [seen.mark, seen.mqadmin_track_type] {
                    out.push(context.csv.delimiter);
                    push(out, text, context.csv);
                }
            }
            if nth == 0 {
                let start = out.len();
                push_kept(out, context, view);
                out.push(b'\n');
                kept = start..out.len();
            } else {
                out.extend_from_within(kept.clone());
            }
        }
    }
}

/// The byte order mark, if it was asked for.
pub(super) fn begin(context: &ReportContext, out: &mut Vec<u8>) {
    if context.csv.bom {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
}

/// `row,msg_id,topic,instance_id`.
pub(super) fn push_message(out: &mut Vec<u8>, view: &RowView<'_>, dialect: CsvDialect) {
    push_number(out, view.row);
    for text in [&view.line.msg_id, &view.line.topic, &view.line.instance_id] {
        out.push(dialect.delimiter);
        push(out, text, dialect);
    }
}

/// All behind `expected` that is the same for every group, up to the kept columns.
fn push_facts(out: &mut Vec<u8>, context: &ReportContext, view: &RowView<'_>) {
    out.push(context.csv.delimiter);
    out.extend_from_slice(view.verdict().as_str().as_bytes());
    out.push(context.csv.delimiter);
    out.extend_from_slice(view.born_at.unwrap_or_default().as_bytes());
    out.push(context.csv.delimiter);
    push(out, &view.line.observed_at, context.csv);
    out.push(context.csv.delimiter);
    if let Some(attempts) = view.line.attempts {
        push_number(out, attempts.into());
    }
    let (code, message) = view.error();
    for text in [&*view.line.request_id, &*code, &*message] {
        out.push(context.csv.delimiter);
        push(out, text, context.csv);
    }
}

/// The kept columns, each with its separator.
pub(super) fn push_kept(out: &mut Vec<u8>, context: &ReportContext, view: &RowView<'_>) {
    for text in view.kept_in(&context.columns) {
        out.push(context.csv.delimiter);
        push(out, &text, context.csv);
    }
}
