//! The terminal summary for the operator: what happened, which groups are affected, and what to do next.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use comfy_table::{CellAlignment, Table};

use super::locale::{RangePrecision, phrases};
use super::text::{StepPlaces, SummaryText};
use super::{ReportFormat, Summary, SummaryFormat, TerminalWriter, WrittenFile, plain_table};
use crate::humanize::{count, counted, printable, shell_word, shortened};
use crate::verdict::{GroupTally, MessageVerdict};

/// The most kinds of break that are listed. Further ones are in the report.
const KINDS_SHOWN: usize = 5;

/// The most characters of a group's name in the table. Brokers accept names of 255 characters at most.
const NAME_SHOWN: usize = 255;

/// The most part files that are listed.
const FILES_SHOWN: usize = 20;

/// Writes plain text, as wide as its content or as the terminal.
#[derive(Debug)]
pub struct TerminalSummary {
    /// The files that were written. Part files are listed.
    pub made: Vec<WrittenFile>,
    /// The reports with their formats, `-` for standard output. The next steps name them.
    pub reports: Vec<(PathBuf, ReportFormat)>,
    /// The width of the terminal in columns, or `None` if the output is not a terminal.
    pub width: Option<u16>,
}

impl SummaryFormat for TerminalSummary {
    fn render(&self, summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
        let tally = &summary.tally;
        let locale = summary.locale.in_english();
        let text = summary.text_in(&locale);
        let mut out = TerminalWriter::new(out, self.width);
        out.paragraph(&text.headline())?;
        if !tally.groups.is_empty() {
            out.table(&table(&text, RangePrecision::Exact), || {
                table(&text, RangePrecision::Around)
            })?;
        }
        let messages: Vec<_> = MessageVerdict::ALL
            .iter()
            .filter(|&&verdict| tally.messages(verdict) > 0)
            .map(|&verdict| format!("{} {verdict}", count(tally.messages(verdict))))
            .collect();
        out.labelled("messages", [messages.join(", ")])?;
        out.labelled("totals", text.totals())?;
        // A stream without a results file can't be reported again.
        let is_kept = !summary.results_files.is_empty();
        out.labelled("evidence", is_kept.then(|| text.provenance()))?;
        out.labelled("calls", text.calls().filter(|_| is_kept))?;
        out.labelled("brokers", text.unasked_brokers())?;
        out.labelled("inferred", text.inference_notes())?;
        out.labelled("examined", text.examination_notes())?;
        out.labelled("carried", text.carried())?;
        out.labelled("expectations", text.expectation_notes())?;
        out.labelled("born", text.born_decoded().filter(|_| is_kept))?;
        let label = if summary.is_by_deliveries() {
            "delivered"
        } else {
            "resets"
        };
        out.labelled(label, text.resets())?;
        if !tally.errors.is_empty() {
            let codes: Vec<_> = tally
                .errors
                .iter()
                .map(|(code, times)| format!("{code} {}", count(*times)))
                .collect();
            out.labelled("errors", [codes.join(", ")])?;
        }
        out.labelled("breaks", breaks(summary))?;
        out.labelled("input", text.input_notes())?;
        out.labelled("columns", text.damaged())?;
        out.labelled("files", self.files())?;
        let next = is_kept.then(|| self.next(&text));
        out.labelled("next", next.unwrap_or_default())
    }
}

impl TerminalSummary {
    /// Returns a line for each part file, with its number of rows.
    fn files(&self) -> Vec<String> {
        let parts = || {
            let rows = |made: &WrittenFile| {
                made.rows
                    .map(|rows| (made.path.display().to_string(), rows))
            };
            self.made.iter().filter_map(rows)
        };
        let shown = parts().take(FILES_SHOWN);
        let mut lines: Vec<_> = shown
            .map(|(path, rows)| format!("{path}: {}", counted(rows, "row", "rows")))
            .collect();
        let others = parts().count().saturating_sub(FILES_SHOWN);
        if others > 0 {
            lines.push(format!("and {others} more"));
        }
        lines
    }

    /// Returns the file of a report in one of these formats, or `None` if there is none in a file. For a report in
    /// parts, this is the first part.
    fn report_in(&self, formats: &[ReportFormat]) -> Option<(&Path, ReportFormat)> {
        let mut reports = self.reports.iter();
        let (path, format) =
            reports.find(|(path, format)| path != Path::new("-") && formats.contains(format))?;
        let part_prefix = path.with_extension("part-");
        let is_part = |made: &&WrittenFile| {
            let name = made.path.as_os_str().as_encoded_bytes();
            made.rows.is_some() && name.starts_with(part_prefix.as_os_str().as_encoded_bytes())
        };
        let part = self.made.iter().find(is_part);
        Some((part.map_or(path, |part| &part.path), *format))
    }

    /// Returns whether the file is one of several parts of a report.
    fn is_part(&self, path: &Path) -> bool {
        !self.reports.iter().any(|(report, _)| report == path)
    }

    /// Returns where the breaks are listed, or the command that lists them.
    fn list_of_breaks(&self, summary: &Summary<'_>, report: &str) -> String {
        use ReportFormat::{Csv, Html, Matrix, Ndjson, Xlsx};
        match self.report_in(&[Xlsx, Html, Csv, Ndjson, Matrix]) {
            Some((path, Xlsx)) => {
                let sheet = summary.locale.text(phrases::BREAKS);
                format!("open {}, sheet {sheet}", path.display())
            }
            Some((path, Html)) => {
                let list = summary.locale.text(phrases::MISSED_LIST);
                format!("open {}, {list}", path.display())
            }
            Some((path, Ndjson)) => format!("filter verdict = break in {}", path.display()),
            Some((path, _)) if self.is_part(path) => format!(
                "open {} and the other parts, filter message_verdict = break",
                path.display()
            ),
            Some((path, _)) => format!("open {}, filter message_verdict = break", path.display()),
            None => format!("list them with `{report} -o breaks.xlsx`"),
        }
    }

    /// Returns the next steps. They name files that exist, and commands that make further ones.
    fn next(&self, text: &SummaryText<'_>) -> Vec<String> {
        use ReportFormat::{Csv, Matrix, Ndjson, Rejects, Xlsx};
        let summary = text.summary;
        let results_files = summary.results_files.iter();
        let results_files: Vec<_> = results_files
            .map(|results_file| shell_word(results_file.path()))
            .collect();
        let report = format!("ons-audit report {}", results_files.join(" "));
        let coded = self.report_in(&[Csv, Ndjson, Xlsx, Matrix]);
        text.steps(&StepPlaces {
            unanswered: coded.map(|(path, _)| format!("see error_code in {}", path.display())),
            breaks: self.list_of_breaks(summary, &report),
            rejected: match self.report_in(&[Rejects]) {
                Some((path, _)) => path.display().to_string(),
                None => format!("`{report} --rejects rejected.csv`"),
            },
        })
    }
}

/// Returns the table per group. On a narrow terminal, times are rounded outwards and the heading is short.
fn table(text: &SummaryText<'_>, precision: RangePrecision) -> Table {
    let heading = match precision {
        RangePrecision::Exact => phrases::MISSED_PRODUCED.en,
        RangePrecision::Around => "missed, produced",
    };
    let produced = format!("{heading} ({})", text.locale.time_format.label());
    let verdicts = text.summary.group_verdicts();
    let mut table = plain_table();
    table.set_header(
        ["group"]
            .into_iter()
            .chain(verdicts.iter().map(|verdict| verdict.as_str()))
            .chain([produced.as_str()]),
    );
    for column in 1..=verdicts.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (name, group) in &text.summary.tally.groups {
        let counts = verdicts.iter().map(|verdict| count(group.count(*verdict)));
        table.add_row(
            std::iter::once(shortened(&printable(name), NAME_SHOWN))
                .chain(counts)
                .chain([missed(text, group, precision)]),
        );
    }
    table
}

/// Returns the most frequent kinds of break, each with an example.
fn breaks(summary: &Summary<'_>) -> Vec<String> {
    let mut kinds: Vec<_> = summary.tally.breaks.iter().collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    let shown = kinds.iter().take(KINDS_SHOWN).map(|kind| {
        let groups: Vec<_> = kind
            .groups
            .iter()
            .map(|(group, verdict)| format!("{group} {verdict}"))
            .collect();
        let (number, row) = (count(kind.count), kind.first_row);
        let file = kind.first_file.as_ref();
        format!(
            "{number} in {}: {}; first row {row}{}, {}",
            kind.topic,
            groups.join(", "),
            file.map(|file| format!(" of {file}")).unwrap_or_default(),
            kind.first_msg_id
        )
    });
    let mut lines: Vec<_> = shown.collect();
    let named: u64 = kinds.iter().take(KINDS_SHOWN).map(|kind| kind.count).sum();
    let others = summary.tally.messages(MessageVerdict::Break) - named;
    if others > 0 {
        lines.push(format!("{} of other kinds", count(others)));
    }
    lines
}

/// Returns when the messages that the group missed were born, if known.
fn missed(text: &SummaryText<'_>, group: &GroupTally, precision: RangePrecision) -> String {
    match group {
        GroupTally {
            expected: 0,
            unexpected: 0,
            ..
        } => return phrases::NOT_EXPECTED.en.to_owned(),
        GroupTally { expected: 0, .. } => return phrases::UNEXPECTED.en.to_owned(),
        _ => {}
    }
    let produced = |born| text.locale.time_range(born, precision);
    group.missed_born.map_or_else(String::new, produced)
}
