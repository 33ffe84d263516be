//! The Markdown report, for a ticket or a chat: the headline, the table per group, the sources and caveats. It has at
//! most twenty lines, so that it stays readable where it is pasted.

use std::io::{self, Write};

use super::locale::phrases;
use super::text::SummaryText;
use super::{Summary, SummaryFormat};
use crate::humanize::{count, printable};
use crate::verdict::{GroupTally, MessageVerdict};

/// The most groups in the table. More would leave no room for the rest.
const GROUPS_SHOWN: usize = 7;

/// Writes at most twenty lines of Markdown.
#[derive(Debug)]
pub(super) struct Markdown;

impl SummaryFormat for Markdown {
    fn render(&self, summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
        let text = summary.text();
        writeln!(out, "**{}**\n", escaped(&text.headline()))?;
        table(&text, out)?;
        writeln!(out)?;
        for line in findings(&text).into_iter().chain(basis(&text)) {
            writeln!(out, "- {line}")?;
        }
        Ok(())
    }
}

/// Writes the table in name order. If there are too many groups, it shows those that missed most.
fn table(text: &SummaryText<'_>, out: &mut dyn Write) -> io::Result<()> {
    let locale = text.locale;
    let verdicts = text.summary.group_verdicts();
    let names = verdicts
        .iter()
        .map(|verdict| locale.text(phrases::verdict(*verdict)));
    let names: Vec<_> = names.collect();
    let group = locale.text(phrases::GROUP);
    writeln!(out, "| {group} | {} |", names.join(" | "))?;
    writeln!(out, "|:--{}|", "|--:".repeat(verdicts.len()))?;
    let (shown, left_out) = chosen(text.summary);
    for (name, group) in shown {
        let counts = verdicts.iter().map(|verdict| count(group.count(*verdict)));
        let counts: Vec<_> = counts.collect();
        writeln!(out, "| {} | {} |", escaped(name), counts.join(" | "))?;
    }
    if left_out > 0 {
        writeln!(
            out,
            "| {} |{}",
            text.more_groups(left_out),
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

/// Returns the findings besides the table.
fn findings(text: &SummaryText<'_>) -> Vec<String> {
    let (locale, tally) = (text.locale, &text.summary.tally);
    let messages: Vec<_> = MessageVerdict::ALL
        .iter()
        .filter(|&&verdict| tally.messages(verdict) > 0)
        .map(|&verdict| {
            let name = locale.text(phrases::message_verdict(verdict));
            let number = match verdict {
                MessageVerdict::Rejected => text.rows(tally.messages(verdict)),
                _ => text.messages(tally.messages(verdict)),
            };
            format!("{name} {number}")
        })
        .collect();
    let mut lines = vec![
        labelled(text, locale.text(phrases::MESSAGES), &messages.join(" · ")),
        labelled(
            text,
            locale.text(phrases::TOTALS),
            &text.totals().join(locale.text(phrases::SEMICOLON)),
        ),
    ];
    let inferred = text.inference_notes();
    lines.extend(inferred.iter().map(|note| escaped(note)));
    let examined = text.examination_notes();
    if !examined.is_empty() {
        lines.push(escaped(&examined.join(locale.text(phrases::SEMICOLON))));
    }
    let expectations = text.expectation_notes();
    if !expectations.is_empty() {
        let label = locale.text(phrases::EXPECTATIONS);
        let expectations = expectations.join(locale.text(phrases::SEMICOLON));
        lines.push(labelled(text, label, &escaped(&expectations)));
    }
    let input = text
        .unasked_brokers()
        .into_iter()
        .chain(text.input_notes())
        .chain(text.born_decoded())
        .chain(text.damaged());
    let input: Vec<_> = input.collect();
    if !input.is_empty() {
        lines.push(escaped(&input.join(locale.text(phrases::SEMICOLON))));
    }
    lines.extend(
        text.carried()
            .map(|carried| labelled(text, locale.text(phrases::CARRIED), &carried)),
    );
    let resets = text.resets();
    if !resets.is_empty() {
        let label = format!("**{}**", locale.text(text.resets_label()));
        lines.push(labelled(
            text,
            &label,
            &escaped(&resets.join(locale.text(phrases::SEMICOLON))),
        ));
    }
    lines
}

/// Returns the line about the sources and the line of caveats.
fn basis(text: &SummaryText<'_>) -> [String; 2] {
    let complete = if text.summary.is_complete() {
        phrases::COMPLETE
    } else {
        phrases::INCOMPLETE
    };
    let results_files = text.summary.results_files.iter();
    let results_files: Vec<_> = results_files
        .map(|results_file| {
            format!(
                "`{}` sha256 `{}`",
                results_file.header().run_id,
                results_file.trailer().sha256
            )
        })
        .collect();
    let complete = text.locale.text(complete);
    let results_file = text.locale.text(phrases::RESULTS_FILE);
    let semicolon = text.locale.text(phrases::SEMICOLON);
    let in_short = text.break_in_short().into_iter();
    let in_short: Vec<_> = in_short
        .chain(text.caveats_in_short().into_iter().map(str::to_owned))
        .collect();
    [
        format!(
            "{complete}{semicolon}{}{semicolon}{results_file} {}",
            escaped(&text.provenance()),
            results_files.join(", ")
        ),
        format!("_{}_", in_short.join(" · ")),
    ]
}

fn labelled(text: &SummaryText<'_>, label: &str, value: &str) -> String {
    format!("{label}{}{value}", text.locale.text(phrases::COLON))
}

/// Escapes a text so that it neither ends a table cell nor begins mark-up, a link or a mention, also at the start of a
/// line. An underscore inside a word begins nothing.
///
/// Sites look for mentions after they have read the Markdown, so no backslash helps: their `@` becomes full-width.
pub(crate) fn escaped(text: &str) -> String {
    let shown = printable(text);
    let mut text = String::with_capacity(shown.len());
    for (at, char) in shown.char_indices() {
        let behind = &shown[at + char.len_utf8()..];
        match char {
            '@' => text.push('＠'),
            ' ' if shown[..at].trim_start().is_empty() => text.push_str("&#32;"),
            char => {
                if is_markup(&shown[..at], char, behind) {
                    text.push('\\');
                }
                text.push(char);
            }
        }
    }
    text
}

fn is_markup(before: &str, char: char, behind: &str) -> bool {
    match char {
        '|' | '*' | '`' | '<' | '[' | '\\' | '~' | '&' | '$' => true,
        '_' => {
            !(before.ends_with(char::is_alphanumeric) && behind.starts_with(char::is_alphanumeric))
        }
        // Addresses become links.
        ':' => behind.starts_with("//"),
        '.' if before.ends_with("www") || before.ends_with("WWW") => true,
        // A heading, a quotation or a list.
        '#' | '>' | '-' | '+' => before.is_empty(),
        '.' | ')' => !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn only_what_would_be_markup_gets_a_backslash() {
        for (name, text) in [
            ("GID_orders_billing", "GID_orders_billing"),
            ("_private_ a__b", r"\_private\_ a\_\_b"),
            ("a|b*c`d<e[f", r"a\|b\*c\`d\<e\[f"),
            ("\u{1b}[31m\u{202e}", r"\\u{1b}\[31m\\u{202e}"),
            ("订单_已付", "订单_已付"),
            ("a&lt; ~b~ $c$", r"a\&lt; \~b\~ \$c\$"),
            ("@all a@b.c (@d)", "＠all a＠b.c (＠d)"),
            ("http://a.b www.a.b", r"http\://a.b www\.a.b"),
            ("# a-b", r"\# a-b"),
            ("- a > b", r"\- a > b"),
            ("12. a 1. b", r"12\. a 1. b"),
            ("  a", "&#32;&#32;a"),
        ] {
            assert_eq!(escaped(name), text);
        }
    }
}
