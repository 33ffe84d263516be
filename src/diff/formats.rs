//! The CSV and the Markdown of a comparison, and the table per group that all summaries share.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::change::Change;
use super::finding::Finding;
use super::text::{Differences, GroupChanges};
use crate::clock;
use crate::humanize::{count, duration};
use crate::report::csv_record::{RecordWriter, write_record};
use crate::report::headings::headings;
use crate::report::{CsvDialect, escaped, kept_in};

/// The columns of the CSV before the kept ones.
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

/// The CSV: one row per change of a message × group.
#[derive(Debug)]
pub(super) struct DiffCsv {
    /// The names of the kept columns.
    pub(super) columns: Vec<String>,
    pub(super) dialect: CsvDialect,
}

impl DiffCsv {
    pub(super) fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.dialect.bom {
            out.extend_from_slice("\u{feff}".as_bytes());
        }
        write_record(
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
        let mut record = RecordWriter::new(&mut out, self.dialect);
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
            record.text(text);
        }
        record.number(old.row);
        record.number(new.row);
        for text in kept_in(&line.extra.0, &self.columns) {
            record.text(&text);
        }
        record.end();
        drop(record);
        out
    }
}

/// Returns an age in hours with one decimal, so that a spreadsheet can sort by it.
fn hours(age: SignedDuration) -> String {
    format!("{:.1}", age.as_secs_f64() / 3600.0)
}

/// Writes about twenty lines of Markdown.
pub(super) fn markdown(differences: &Differences<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "**{}**\n", differences.headline())?;
    if !differences.tally.kinds.is_empty() {
        writeln!(out, "| group | {} |", HEADINGS.join(" | "))?;
        writeln!(out, "|:--|--:|--:|--:|--:|--:|:--|")?;
        for (name, cells) in group_rows(differences) {
            writeln!(out, "| {} | {} |", escaped(name), cells.join(" | "))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "- messages: {}", differences.messages_text())?;
    let verdict_changes = differences.verdict_changes_text();
    if !verdict_changes.is_empty() {
        writeln!(
            out,
            "- verdicts of messages: {}",
            escaped(&verdict_changes.join(" · "))
        )?;
    }
    writeln!(out, "- totals: {}", differences.totals_text().join("; "))?;
    for line in differences.evidence() {
        writeln!(out, "- {}", escaped(&line))?;
    }
    for side in [&differences.old, &differences.new] {
        let (header, trailer) = (side.results_file.header(), side.results_file.trailer());
        writeln!(
            out,
            "- results file `{}`, sha256 `{}`",
            header.run_id, trailer.sha256
        )?;
    }
    let again = [differences.resets_text(), differences.in_delivery_text()].concat();
    let failures = differences.failures_text();
    let groups = differences.groups_text();
    for line in again.iter().chain(&failures).chain(&groups) {
        writeln!(out, "- {}", escaped(line))?;
    }
    for line in differences.warnings() {
        writeln!(out, "- **warning:** {}", escaped(&line))?;
    }
    for note in differences.notes() {
        writeln!(out, "- _{}_", escaped(&note))?;
    }
    Ok(())
}

/// The headings of the table per group, without the first.
pub(super) const HEADINGS: [&str; 6] = [
    "regressed",
    "new",
    "still open",
    "unconfirmed",
    "resolved",
    "longest open",
];

/// Returns each group with its cells.
pub(super) fn group_rows<'a>(
    differences: &'a Differences<'_>,
) -> impl Iterator<Item = (&'a str, [String; 6])> {
    differences.by_group().into_iter().map(|(name, group)| {
        let [regressed, new, open, unconfirmed, resolved] =
            Change::ALL.map(|change| count(group.count(change)));
        let longest = longest(&group);
        (name, [regressed, new, open, unconfirmed, resolved, longest])
    })
}

/// Returns the age of the oldest fault that is not known to be resolved: `23 h 15 min, since 2026-11-21T02:15:00.000Z`.
fn longest(group: &GroupChanges) -> String {
    let age = group.open.age.and_then(|age| age.try_into().ok());
    match (age, group.open.first_seen) {
        (Some(age), Some(first)) => format!("{}, since {}", duration(age), clock::rfc3339(first)),
        _ => String::new(),
    }
}
