//! A summary for the ticket or the chat: the headline, the table per group, what it rests on.

use std::io::{self, Write};

use super::table;
use super::text::Differences;
use crate::report::escaped;

/// About twenty lines of Markdown.
pub(super) fn render(differences: &Differences<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "**{}**\n", differences.headline())?;
    if !differences.tally.kinds.is_empty() {
        writeln!(out, "| group | {} |", table::HEADINGS.join(" | "))?;
        writeln!(out, "|:--|--:|--:|--:|--:|--:|:--|")?;
        for (name, cells) in table::rows(differences) {
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
    let resets = differences.resets_text();
    let groups = differences.groups_text();
    for line in resets.iter().chain(&groups) {
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
