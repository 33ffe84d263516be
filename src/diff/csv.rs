//! The CSV: one row per change of a message × group.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use crate::clock;
use crate::report::cell::{push, push_head, push_number};
use crate::report::headings::headings;
use crate::report::{CsvDialect, kept_in};

/// The columns before the kept ones, in order.
const COLUMNS: [&str; 17] = [
    "change",
    "group",
    "old_verdict",
    "new_verdict",
    "msg_id",
    "topic",
    "instance_id",
    "first_seen",
    "age_hours",
    "born_at",
    "remark",
    "old_track_type",
    "new_track_type",
    "old_observed_at",
    "new_observed_at",
    "old_row",
    "new_row",
];

/// How the file is written, and its kept columns.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) columns: Vec<String>,
    pub(super) dialect: CsvDialect,
}

impl Layout {
    pub(super) fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.dialect.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        push_head(
            &mut out,
            &headings(COLUMNS, &self.columns, &[]),
            self.dialect,
        );
        out
    }

    pub(super) fn row(&self, finding: &Finding<'_>) -> Vec<u8> {
        let (mut out, line) = (Vec::new(), finding.line);
        let (old, new) = (&finding.old, &finding.new);
        let time = |time: Option<Timestamp>| time.map_or_else(String::new, clock::rfc3339);
        for text in [
            finding.change.as_str(),
            finding.group,
            old.status.as_str(),
            new.status.as_str(),
            &line.msg_id,
            &line.topic,
            &line.instance_id,
            &time(finding.first_seen),
            &finding.age.map_or_else(String::new, hours),
            &time(finding.born),
            finding.remark,
            old.word,
            new.word,
            &time(old.observed),
            &time(new.observed),
        ] {
            push(&mut out, text, self.dialect);
            out.push(self.dialect.delimiter);
        }
        for (nth, row) in [old.row, new.row].into_iter().enumerate() {
            if nth > 0 {
                out.push(self.dialect.delimiter);
            }
            if let Some(row) = row {
                push_number(&mut out, row);
            }
        }
        for text in kept_in(&line.extra.0, &self.columns) {
            out.push(self.dialect.delimiter);
            push(&mut out, &text, self.dialect);
        }
        out.push(b'\n');
        out
    }
}

/// An age that a spreadsheet can sort by: hours with one decimal.
fn hours(age: SignedDuration) -> String {
    format!("{:.1}", age.as_secs_f64() / 3600.0)
}
