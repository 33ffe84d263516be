//! A summary for the ticket or the chat: the headline, the table per group, the totals.

use std::io::{self, Write};

use super::{Summary, SummaryFormat};
use crate::verdict::{MessageVerdict, Verdict};
use crate::words::count;

/// About twenty lines of Markdown.
#[derive(Debug)]
pub(super) struct Markdown;

impl SummaryFormat for Markdown {
    fn render(&self, summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
        let tally = &summary.tally;
        writeln!(out, "**{}**\n", summary.headline())?;
        writeln!(
            out,
            "| group | passed | filtered | open | undetermined | absent |\n|:--|--:|--:|--:|--:|--:|"
        )?;
        for (name, group) in &tally.groups {
            write!(out, "| {} |", escaped(name))?;
            for verdict in Verdict::ALL {
                write!(out, " {} |", count(group.count(verdict)))?;
            }
            writeln!(out)?;
        }
        let messages: Vec<_> = MessageVerdict::ALL
            .iter()
            .filter(|&&verdict| tally.messages(verdict) > 0)
            .map(|&verdict| format!("{verdict} {}", count(tally.messages(verdict))))
            .collect();
        let totals = &tally.totals;
        writeln!(out, "\n- messages: {}", messages.join(" · "))?;
        writeln!(
            out,
            "- totals: {} rows = {} distinct + {} duplicates + {} rejected; {1} distinct = {} answered + {} not found + {} unanswered ({})",
            count(totals.rows),
            count(totals.distinct),
            count(totals.duplicates),
            count(totals.rejected),
            count(totals.answered),
            count(totals.not_found),
            count(totals.unanswered),
            if totals.tie() {
                "they tie"
            } else {
                "THEY DO NOT TIE"
            },
        )?;
        writeln!(
            out,
            "- {}; {}",
            if summary.is_complete() {
                "complete"
            } else {
                "INCOMPLETE"
            },
            summary.provenance()
        )?;
        contract(summary, out)?;
        earlier(summary, out)?;
        for record in summary.records {
            writeln!(
                out,
                "- record `{}`, sha256 `{}`",
                record.header().run_id,
                record.trailer().sha256
            )?;
        }
        for caveat in summary.caveats() {
            writeln!(out, "- _{caveat}_")?;
        }
        Ok(())
    }
}

/// Where contract and answers do not fit together.
fn contract(summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
    let unexpected = summary.unexpected();
    let named: Vec<_> = unexpected
        .iter()
        .map(|(group, messages)| format!("{} {}", escaped(group), count(*messages)))
        .collect();
    if !named.is_empty() {
        writeln!(out, "- unexpected groups answer: {}", named.join(" · "))?;
    }
    for note in summary.contract_notes() {
        writeln!(out, "- contract: {note}")?;
    }
    Ok(())
}

/// What earlier answers were taken over, and which of them today's contradict.
fn earlier(summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
    if let Some(carried) = summary.carried() {
        writeln!(out, "- carried: {carried}")?;
    }
    for reset in summary.resets() {
        writeln!(out, "- **likely offset reset**: {}", escaped(&reset))?;
    }
    Ok(())
}

/// A name as a table cell: nothing in it may end the cell or begin markup.
pub(crate) fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for char in name.chars() {
        if matches!(char, '|' | '*' | '_' | '`' | '<' | '[' | '\\') {
            text.push('\\');
        }
        text.push(if char.is_control() { ' ' } else { char });
    }
    text
}
