//! Worklists: for each group the messages that it has not passed, for the tool that sends them again. This program sends
//! nothing.
//!
//! A file holds messages of one group and one verdict, so a redrive tool that is given `GROUP.open.csv` never sees a message
//! that may have been consumed. A message stands in a file once, however many input rows name it. A group that was not
//! expected has no file. The set becomes visible as a whole, and `worklist.json` lists its files and says whether the run
//! was complete.
//!
//! | file | content | what to do first |
//! |---|---|---|
//! | `GROUP.open` | the offset has not reached the message | ask again: a group that is only behind will still get it |
//! | `GROUP.dead_lettered` | it failed, and was given up | find out why: sent again to the same consumer, it fails again |
//! | `GROUP.retrying` | it failed, and waits for its next delivery | ask again later |
//! | `GROUP.failed` | its client reported a failure | look at the group's own log |
//! | `GROUP.absent` | no answer names the group | start the group, or correct its name |
//! | `GROUP.filtered` | filtered where that is not accepted | correct the subscription |
//! | `GROUP.undetermined` | unknown: the message may have been consumed | look at the group's own log |

mod names;
mod sink;

pub(super) use sink::WorklistSink;
pub use sink::{ForeignFolder, refuse_foreign};

use serde::Serialize;

use super::csv::{kept_fields, write_header};
use super::csv_record::RecordWriter;
use super::ndjson::ExtraFields;
use super::row::{ReportContext, RowFormat, RowView};
use crate::verdict::{GroupVerdict, Verdict};

/// Writes the rows of all files, each with the file it belongs to.
#[derive(Debug)]
pub(super) struct WorklistRows;

/// Returns whether a worklist contains the group's verdict.
fn is_listed(seen: &GroupVerdict<'_>) -> bool {
    seen.breaks || (seen.expected && seen.verdict() == Verdict::Undetermined)
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
    extra: Option<ExtraFields<'a>>,
}

/// The group and its verdict. They form an object, so that no column of a later report gets the same name.
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
    /// Appends the header of the CSVs. It has the columns of an input, so that a worklist can be audited again.
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
            push_entry(out, group, seen.verdict(), |csv, ndjson| {
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
            verdict: seen.verdict().as_str(),
            track_type: seen.track_type,
            row: view.row,
            born_at: view.born_at.map(str::to_owned),
            observed_at: &view.line.observed_at,
        },
        extra: ExtraFields::of(view),
    };
    serde_json::to_writer(&mut *out, &line).expect("writing to memory cannot fail");
    out.push(b'\n');
}

/// A message in a worklist: its line of the CSV and of the NDJSON file.
#[derive(Debug, PartialEq, Eq)]
struct WorklistEntry<'p> {
    /// The index of the group in the report.
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
    fn entries_are_read_back_in_order() {
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
