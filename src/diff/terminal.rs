//! The terminal summary of a comparison: what changed, for which groups, and what to do next.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table};

use super::change::Change;
use super::formats::{HEADINGS, group_rows};
use super::text::Differences;
use crate::humanize::count;
use crate::report::{TerminalWriter, plain_table};

/// The most kinds of change that are listed. Further ones are in the report.
const KINDS_SHOWN: usize = 5;

/// Writes plain text, as wide as its content or as the terminal.
#[derive(Debug)]
pub(crate) struct TerminalChanges {
    /// The report that the next steps name.
    pub(crate) report: Option<String>,
    /// The width of the terminal in columns, or `None` if the output is not a terminal.
    pub(crate) width: Option<u16>,
}

impl TerminalChanges {
    pub(crate) fn render(
        &self,
        differences: &Differences<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut out = TerminalWriter::new(out, self.width);
        out.paragraph(&differences.headline())?;
        if !differences.tally.kinds.is_empty() {
            out.table(&groups(differences, true), || groups(differences, false))?;
        }
        let messages = std::iter::once(differences.messages_text());
        let verdict_changes = differences.verdict_changes_text();
        let verdict_changes = (!verdict_changes.is_empty()).then(|| verdict_changes.join(", "));
        out.labelled("messages", messages.chain(verdict_changes))?;
        out.labelled("totals", differences.totals_text())?;
        out.labelled("evidence", differences.evidence())?;
        out.labelled("resets", differences.resets_text())?;
        out.labelled("delivered", differences.in_delivery_text())?;
        out.labelled("failures", differences.failures_text())?;
        out.labelled("groups", differences.groups_text())?;
        out.labelled("changes", kinds(differences))?;
        out.labelled("note", differences.notes())?;
        out.labelled("next", self.next(differences))
    }

    /// Returns the next steps, most urgent first.
    fn next(&self, differences: &Differences<'_>) -> Vec<String> {
        let place = self.report.as_deref().unwrap_or("the report");
        let any = |change| differences.tally.count(change) > 0;
        let mut steps = Vec::new();
        if !differences.resets().is_empty() {
            steps.push(
                "ask who reset the offset: what the group had passed may be consumed a second time"
                    .to_owned(),
            );
        }
        if any(Change::New) || any(Change::Regressed) {
            steps.push(format!(
                "open {place}, filter change = regressed or new; ask those again before acting on them"
            ));
        }
        if any(Change::StillOpen) {
            let kept = if differences.new.records_deliveries() {
                "as long as the instance keeps them"
            } else {
                "about 3 days"
            };
            steps.push(format!(
                "still open: sort {place} by first_seen and born_at; messages live {kept}"
            ));
        }
        if any(Change::Unconfirmed) {
            steps.push(
                "unconfirmed is not resolved: ask those again while the messages are kept"
                    .to_owned(),
            );
        }
        steps
    }
}

/// Returns the table per group. `since_when` adds when the oldest fault was first observed.
fn groups(differences: &Differences<'_>, since_when: bool) -> Table {
    let mut table = plain_table();
    table.set_header(["group"].into_iter().chain(HEADINGS));
    for column in 1..=Change::ALL.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (name, mut cells) in group_rows(differences) {
        if let Some(longest) = cells.last_mut()
            && !since_when
        {
            let length = longest.split(',').next();
            *longest = length.unwrap_or_default().to_owned();
        }
        table.add_row(std::iter::once(name.to_owned()).chain(cells));
    }
    table
}

/// Returns the most frequent kinds of the urgent changes, each with an example.
fn kinds(differences: &Differences<'_>) -> Vec<String> {
    let mut kinds: Vec<_> = differences
        .tally
        .kinds
        .iter()
        .filter(|(kind, _)| kind.change != Change::Resolved)
        .collect();
    kinds.sort_by_key(|(kind, changes)| (kind.change, std::cmp::Reverse(changes.count)));
    let shown = kinds.iter().take(KINDS_SHOWN).map(|(kind, changes)| {
        let (number, change) = (count(changes.count), kind.change.as_str());
        let (old, new) = (kind.old.as_str(), kind.new.as_str());
        let (group, topic, first) = (&kind.group, &kind.topic, &changes.first_msg_id);
        format!("{number} {change} in {topic}: {group} {old} → {new}; first {first}")
    });
    let mut lines: Vec<_> = shown.collect();
    let others = kinds.iter().skip(KINDS_SHOWN);
    let others: u64 = others.map(|(_, changes)| changes.count).sum();
    if others > 0 {
        lines.push(format!("{} of other kinds", count(others)));
    }
    lines
}
