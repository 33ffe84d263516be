//! The three CSV reports: long (one row per message and group), matrix (one row per message), and rejects (the bad rows).

use std::ops::Range;

use super::csv_record::{RecordWriter, write_record};
use super::headings::headings;
use super::row::{CsvDialect, ReportContext, RowFormat, RowView};
use crate::clock::rfc3339;
use crate::verdict::{Evidence, GroupFinding, GroupVerdict, Verdict};

/// The columns of the long CSV before the kept ones.
const LONG_COLUMNS: [&str; 15] = [
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

/// Further columns where the source judges by offsets: a mark beside the track type, and the track type that `mqadmin`
/// would print if it differs. Both are empty in most rows.
const MARK_COLUMNS: [&str; 2] = ["mark", "mqadmin_track_type"];

/// Further columns where more than the offsets was examined.
const EVIDENCE_COLUMNS: [&str; 5] = [
    "evidence",
    "attempts_seen",
    "evidence_at",
    "evidence_host",
    "evidence_note",
];

/// The columns of the matrix before the kept ones.
pub(super) const MATRIX_COLUMNS: [&str; 5] =
    ["row", "msg_id", "topic", "instance_id", "message_verdict"];

const REJECT_COLUMNS: [&str; 6] = ["row", "file", "line", "column", "found", "reason"];

/// `row,msg_id,topic,instance_id,group,…`. A message without groups has one row with an empty group.
#[derive(Debug)]
pub(super) struct LongCsv;

impl RowFormat for LongCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        write_header(out, context, long_columns(context), &[]);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        long_row(context.csv, context, view, out);
    }
}

/// Returns the columns of the long CSV before the kept ones.
pub(super) fn long_columns(context: &ReportContext) -> impl Iterator<Item = &str> {
    let marks = MARK_COLUMNS.into_iter().filter(|_| context.marks);
    let evidence = EVIDENCE_COLUMNS.into_iter().filter(|_| context.evidence);
    LONG_COLUMNS.into_iter().chain(marks).chain(evidence)
}

/// Writes the records of one row of the long CSV.
pub(super) fn long_row(
    dialect: CsvDialect,
    context: &ReportContext,
    view: &RowView<'_>,
    out: &mut Vec<u8>,
) {
    let mut record = RecordWriter::new(out, dialect);
    let message = record.span(|record| message_fields(record, view));
    if view.judged.groups.is_empty() {
        (0..4).for_each(|_| record.word(""));
        answer_fields(&mut record, view);
        let marks = MARK_COLUMNS.iter().filter(|_| context.marks);
        let evidence = EVIDENCE_COLUMNS.iter().filter(|_| context.evidence);
        marks.chain(evidence).for_each(|_| record.word(""));
        kept_fields(&mut record, context, view);
        record.end();
        return;
    }
    let (mut answer, mut kept) = (0..0, 0..0);
    // Groups with the same verdict mostly have the same track type.
    let mut verdicts: [Option<(&GroupVerdict<'_>, Range<usize>)>; Verdict::ALL.len()] =
        [const { None }; _];
    for (nth, group) in view.judged.groups.iter().enumerate() {
        if nth > 0 {
            record.repeat(message.clone());
        }
        record.text(group.group);
        let slot = &mut verdicts[group.verdict() as usize];
        match slot {
            Some((earlier, fields)) if has_same_fields(earlier, group) => {
                record.repeat(fields.clone());
            }
            _ => {
                let fields = record.span(|record| verdict_fields(record, group));
                *slot = Some((group, fields));
            }
        }
        if nth == 0 {
            answer = record.span(|record| answer_fields(record, view));
        } else {
            record.repeat(answer.clone());
        }
        if context.marks {
            record.text(group.mark);
            record.text(group.mqadmin_track_type);
        }
        if context.evidence {
            evidence_fields(&mut record, &group.finding);
        }
        if nth == 0 {
            kept = record.span(|record| kept_fields(record, context, view));
        } else {
            record.repeat(kept.clone());
        }
        record.end();
    }
}

/// `row,msg_id,topic,instance_id,message_verdict,` + kept columns + one column per group in name order. A group's cell
/// holds its verdict; it is empty where the group has nothing to do with the message.
#[derive(Debug)]
pub(super) struct MatrixCsv;

impl RowFormat for MatrixCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        write_header(out, context, MATRIX_COLUMNS, &context.groups);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        matrix_row(context.csv, context, view, out);
    }
}

/// Writes the record of one row of the matrix.
pub(super) fn matrix_row(
    dialect: CsvDialect,
    context: &ReportContext,
    view: &RowView<'_>,
    out: &mut Vec<u8>,
) {
    let mut record = RecordWriter::new(out, dialect);
    message_fields(&mut record, view);
    record.word(view.verdict().as_str());
    kept_fields(&mut record, context, view);
    for verdicts in view.verdicts_in(&context.groups) {
        record.word(&verdicts);
    }
    record.end();
}

/// `row,file,line,column,found,reason,` + kept columns; rejected rows only (`--rejects`).
#[derive(Debug)]
pub(super) struct RejectsCsv;

impl RowFormat for RejectsCsv {
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        write_header(out, context, REJECT_COLUMNS, &[]);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        let Some(reject) = &view.line.rejected else {
            return;
        };
        let mut record = RecordWriter::new(out, context.csv);
        record.number(Some(view.row));
        record.text(&reject.file);
        record.number(reject.line);
        for text in [&reject.column, &reject.found, &reject.reason] {
            record.text(text);
        }
        kept_fields(&mut record, context, view);
        record.end();
    }
}

/// Writes the header, with a byte order mark if the dialect asks for one.
pub(super) fn write_header<'n>(
    out: &mut Vec<u8>,
    context: &'n ReportContext,
    ours: impl IntoIterator<Item = &'n str>,
    groups: &'n [String],
) {
    if context.csv.bom {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
    write_record(out, &headings(ours, &context.columns, groups), context.csv);
}

/// Writes `row,msg_id,topic,instance_id`.
fn message_fields(record: &mut RecordWriter<'_>, view: &RowView<'_>) {
    record.number(Some(view.row));
    for text in [&view.line.msg_id, &view.line.topic, &view.line.instance_id] {
        record.text(text);
    }
}

/// Writes `track_type,verdict,expected`.
fn verdict_fields(record: &mut RecordWriter<'_>, group: &GroupVerdict<'_>) {
    record.text(group.track_type);
    record.word(group.verdict().as_str());
    record.word(group.expectation());
}

/// Writes [`EVIDENCE_COLUMNS`].
fn evidence_fields(record: &mut RecordWriter<'_>, finding: &GroupFinding<'_>) {
    record.word(finding.evidence.map_or("", Evidence::as_str));
    record.number(Some(u64::from(finding.attempts)).filter(|attempts| *attempts > 0));
    record.word(&finding.at.map(rfc3339).unwrap_or_default());
    record.text(finding.host);
    if finding.note.is_nothing() {
        record.word("");
    } else {
        record.text(&finding.note.to_string());
    }
}

/// Returns whether [`verdict_fields`] writes the same for two groups with the same verdict.
fn has_same_fields(one: &GroupVerdict<'_>, other: &GroupVerdict<'_>) -> bool {
    one.track_type == other.track_type && one.expectation() == other.expectation()
}

/// Writes the fields behind `expected` that are the same for every group, up to the marks.
fn answer_fields(record: &mut RecordWriter<'_>, view: &RowView<'_>) {
    record.word(view.verdict().as_str());
    record.word(view.born_at.unwrap_or_default());
    record.text(&view.line.observed_at);
    record.number(view.line.attempts.map(u64::from));
    let (code, message) = view.error();
    for text in [&*view.line.request_id, &*code, &*message] {
        record.text(text);
    }
}

/// Writes the kept columns.
pub(super) fn kept_fields(
    record: &mut RecordWriter<'_>,
    context: &ReportContext,
    view: &RowView<'_>,
) {
    for text in view.kept_in(&context.columns) {
        record.text(&text);
    }
}
