//! Worklists: for each group the messages that it has not passed, for whoever sends them again. Nothing is ever sent
//! from here.
//!
//! What a redrive tool must not do by accident decides what is in a file. A file is of one group and one verdict, so that
//! a tool given `GROUP.open.csv` never meets a message of which nobody can tell whether it was consumed; a message
//! stands in it once, however many rows of the input name it; a group of which nothing was expected has no file. The
//! set appears whole or not at all, with `worklist.json` saying what belongs to it and whether the run was complete.
//!
//! | file | what is in it | what to do first |
//! |---|---|---|
//! | `GROUP.open` | the offset has not reached the message | ask again: a group that is only behind will still get it |
//! | `GROUP.absent` | no answer names the group | start it, or mend its name |
//! | `GROUP.filtered` | filtered where that is not accepted | mend the subscription |
//! | `GROUP.undetermined` | nobody can tell: it may have been consumed | look at the group's own log |

mod names;
mod sink;

pub(super) use sink::WorklistSink;
pub use sink::{ForeignFolder, refuse_foreign};

use serde::Serialize;

use super::csv::{kept_fields, write_header};
use super::csv_record::RecordWriter;
use super::ndjson::KeptColumns;
use super::row::{ReportContext, RowFormat, RowView};
use crate::verdict::{GroupVerdict, Verdict};

/// The rows of all files, each with the file that it belongs to.
#[derive(Debug)]
pub(super) struct WorklistRows;

/// What may be in a file.
fn is_listed(seen: &GroupVerdict<'_>) -> bool {
    seen.breaks || (seen.expected && seen.verdict == Verdict::Undetermined)
}

/// A line of the NDJSON files.
#[derive(Serialize)]
struct WorklistLine<'a> {
    msg_id: &'a str,
    topic: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instance_id: &'a str,
    missed: MissedGroup<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<KeptColumns<'a>>,
}

/// By which group and how; in an object of its own, so that no column of a next report is called so twice.
#[derive(Serialize)]
struct MissedGroup<'a> {
    group: &'a str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    track_type: &'a str,
    row: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    born_at: Option<String>,
    observed_at: &'a str,
}

impl RowFormat for WorklistRows {
    /// Of each CSV: what an input has, so that a worklist can be asked about again.
    fn head(&self, context: &ReportContext, out: &mut Vec<u8>) {
        write_header(out, context, ["msg_id", "topic", "instance_id"], &[]);
    }

    fn row(&self, context: &ReportContext, view: &RowView<'_>, out: &mut Vec<u8>) {
        if view.same_as.is_some() {
            return;
        }
        for seen in view.judged.groups.iter().filter(|seen| is_listed(seen)) {
            let Ok(group) = context
                .groups
                .binary_search_by(|name| (**name).cmp(seen.group))
            else {
                continue;
            };
            push_entry(out, group, seen.verdict, |csv, ndjson| {
                push_csv(csv, context, view);
                push_ndjson(ndjson, view, seen);
            });
        }
    }
}

fn push_csv(out: &mut Vec<u8>, context: &ReportContext, view: &RowView<'_>) {
    let mut record = RecordWriter::new(out, context.csv);
    for text in [&view.line.msg_id, &view.line.topic, &view.line.instance_id] {
        record.text(text);
    }
    kept_fields(&mut record, context, view);
    record.end();
}

fn push_ndjson(out: &mut Vec<u8>, view: &RowView<'_>, seen: &GroupVerdict<'_>) {
    let line = WorklistLine {
        msg_id: &view.line.msg_id,
        topic: &view.line.topic,
        instance_id: &view.line.instance_id,
        missed: MissedGroup {
            group: seen.group,
            verdict: seen.verdict.as_str(),
            track_type: seen.track_type,
            row: view.row,
            born_at: view.born_at.map(str::to_owned),
            observed_at: &view.line.observed_at,
        },
        extra: KeptColumns::of(view),
    };
    serde_json::to_writer(&mut *out, &line).expect("memory takes all bytes");
    out.push(b'\n');
}

/// A line of a CSV and the same of an NDJSON file.
#[derive(Debug, PartialEq, Eq)]
struct WorklistEntry<'p> {
    /// By its place among the groups of the report.
    group: usize,
    verdict: Verdict,
    csv: &'p [u8],
    ndjson: &'p [u8],
}

fn push_entry(
    out: &mut Vec<u8>,
    group: usize,
    verdict: Verdict,
    write: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>),
) {
    let (mut csv, mut ndjson) = (Vec::new(), Vec::new());
    write(&mut csv, &mut ndjson);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a row is no 4 GB long");
    let group = u32::try_from(group).expect("no four billion groups");
    out.push(verdict as u8);
    for number in [group, length(&csv), length(&ndjson)] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&csv);
    out.extend_from_slice(&ndjson);
}

/// Takes the first entry off a piece.
fn next_entry<'p>(piece: &mut &'p [u8]) -> Option<WorklistEntry<'p>> {
    let (&verdict, mut rest) = piece.split_first()?;
    let mut number = || {
        let (number, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        Some(u32::from_le_bytes(*number) as usize)
    };
    let (group, csv, ndjson) = (number()?, number()?, number()?);
    let (csv, rest) = rest.split_at_checked(csv)?;
    let (ndjson, rest) = rest.split_at_checked(ndjson)?;
    *piece = rest;
    let verdict = Verdict::ALL
        .into_iter()
        .find(|known| *known as u8 == verdict)?;
    Some(WorklistEntry {
        group,
        verdict,
        csv,
        ndjson,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_taken_off_in_order() {
        let mut piece = Vec::new();
        for (group, verdict) in [(7, Verdict::Open), (0, Verdict::Undetermined)] {
            push_entry(&mut piece, group, verdict, |csv, ndjson| {
                csv.extend_from_slice(b"a,b\n");
                ndjson.extend_from_slice(b"{}\n");
            });
        }
        let mut rest = &piece[..];
        let entry = |group, verdict| WorklistEntry {
            group,
            verdict,
            csv: b"a,b\n",
            ndjson: b"{}\n",
        };
        assert_eq!(next_entry(&mut rest), Some(entry(7, Verdict::Open)));
        assert_eq!(next_entry(&mut rest), Some(entry(0, Verdict::Undetermined)));
        assert_eq!(next_entry(&mut rest), None);
    }
}
