//! A summary for the ticket or the chat: the headline, the table per group, what it rests on. Never more than
//! twenty lines, so that it can be read where it is pasted.

use std::io::{self, Write};

use super::lang::phrases;
use super::story::Story;
use super::{Summary, SummaryFormat};
use crate::humanize::count;
use crate::verdict::{GroupTally, MessageVerdict, Verdict};

/// More groups than these would not leave room for the rest.
const GROUPS_SHOWN: usize = 7;

/// At most twenty lines of Markdown.
#[derive(Debug)]
pub(super) struct Markdown;

impl SummaryFormat for Markdown {
    fn render(&self, summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
        let story = summary.told();
        writeln!(out, "**{}**\n", escaped(&story.headline()))?;
        table(&story, out)?;
        writeln!(out)?;
        for line in findings(&story).into_iter().chain(basis(&story)) {
            writeln!(out, "- {line}")?;
        }
        Ok(())
    }
}

/// The groups in name order; of very many, those that missed most and how many are not shown.
fn table(story: &Story<'_>, out: &mut dyn Write) -> io::Result<()> {
    let voice = story.voice;
    let verdicts = Verdict::ALL.map(|verdict| voice.say(phrases::verdict(verdict)));
    let group = voice.say(phrases::GROUP);
    writeln!(out, "| {group} | {} |", verdicts.join(" | "))?;
    writeln!(out, "|:--{}|", "|--:".repeat(verdicts.len()))?;
    let (shown, left_out) = chosen(story.summary);
    for (name, group) in shown {
        let counts = Verdict::ALL.map(|verdict| count(group.count(verdict)));
        writeln!(out, "| {} | {} |", escaped(name), counts.join(" | "))?;
    }
    if left_out > 0 {
        writeln!(
            out,
            "| {} |{}",
            story.more_groups(left_out),
            " |".repeat(verdicts.len())
        )?;
    }
    Ok(())
}

fn chosen<'s>(summary: &'s Summary<'_>) -> (Vec<(&'s str, &'s GroupTally)>, usize) {
    let groups = summary.tally.groups.iter();
    let mut groups: Vec<_> = groups.map(|(name, group)| (name.as_str(), group)).collect();
    if groups.len() <= GROUPS_SHOWN {
        return (groups, 0);
    }
    groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.missed));
    let left_out = groups.split_off(GROUPS_SHOWN - 1).len();
    groups.sort_by_key(|(name, _)| *name);
    (groups, left_out)
}

/// What was found, besides the table.
fn findings(story: &Story<'_>) -> Vec<String> {
    let (voice, tally) = (story.voice, &story.summary.tally);
    let messages: Vec<_> = MessageVerdict::ALL
        .iter()
        .filter(|&&verdict| tally.messages(verdict) > 0)
        .map(|&verdict| {
            let name = voice.say(phrases::message_verdict(verdict));
            format!("{name} {}", count(tally.messages(verdict)))
        })
        .collect();
    let mut lines = vec![
        labelled(story, voice.say(phrases::MESSAGES), &messages.join(" · ")),
        labelled(
            story,
            voice.say(phrases::TOTALS),
            &story.totals().join(voice.say(phrases::SEMICOLON)),
        ),
    ];
    let contract = story.contract();
    if !contract.is_empty() {
        let label = voice.say(phrases::CONTRACT);
        let contract = contract.join(voice.say(phrases::SEMICOLON));
        lines.push(labelled(story, label, &escaped(&contract)));
    }
    let damaged = story.damaged();
    if !damaged.is_empty() {
        lines.push(escaped(&damaged.join(voice.say(phrases::SEMICOLON))));
    }
    lines.extend(
        story
            .carried()
            .map(|carried| labelled(story, voice.say(phrases::CARRIED), &carried)),
    );
    let resets = story.resets();
    if !resets.is_empty() {
        let label = format!("**{}**", voice.say(phrases::LIKELY_RESET));
        lines.push(labelled(
            story,
            &label,
            &escaped(&resets.join(voice.say(phrases::SEMICOLON))),
        ));
    }
    lines
}

/// What it rests on, and what it does not prove.
fn basis(story: &Story<'_>) -> [String; 2] {
    let complete = if story.summary.is_complete() {
        phrases::COMPLETE
    } else {
        phrases::INCOMPLETE
    };
    let results_files = story.summary.results_files.iter();
    let results_files: Vec<_> = results_files
        .map(|results_file| {
            format!(
                "`{}` sha256 `{}`",
                results_file.header().run_id,
                results_file.trailer().sha256
            )
        })
        .collect();
    let complete = story.voice.say(complete);
    let results_file = story.voice.say(phrases::RECORD);
    let semicolon = story.voice.say(phrases::SEMICOLON);
    [
        format!(
            "{complete}{semicolon}{}{semicolon}{results_file} {}",
            escaped(&story.provenance()),
            results_files.join(", ")
        ),
        format!("_{}_", story.caveats_in_short().join(" · ")),
    ]
}

fn labelled(story: &Story<'_>, label: &str, text: &str) -> String {
    format!("{label}{}{text}", story.voice.say(phrases::COLON))
}

/// Text in which nothing ends a table cell or begins markup.
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
