//! The page: everything gathered, put into the template.

use std::io::{self, Write};
use std::path::PathBuf;

use askama::Template;

use super::gathered::Gathered;
use super::rows::Break;
use crate::clock;
use crate::file::Output;
use crate::report::Summary;
use crate::report::row::Context;
use crate::report::sink::{Made, Sink};
use crate::report::terminal::{contract, totals};
use crate::verdict::{GroupTally, MessageVerdict, Verdict};
use crate::words::count;

/// Producers that are named.
const PRODUCERS: usize = 20;

/// A page in the making.
pub(in crate::report) struct Page {
    path: PathBuf,
    output: Output,
    columns: Vec<String>,
    gathered: Gathered,
}

impl Page {
    pub(in crate::report) fn new(path: PathBuf, output: Output, context: &Context) -> Self {
        Self {
            path,
            output,
            columns: context.columns.clone(),
            gathered: Gathered::default(),
        }
    }
}

impl Sink for Page {
    fn begin(&mut self, _head: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let lines = piece
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty());
        for line in lines {
            self.gathered.add(serde_json::from_slice(line)?);
        }
        Ok(())
    }

    fn close(&mut self, _foot: &[u8], summary: &Summary<'_>) -> io::Result<()> {
        let view = View::of(summary, &self.gathered, &self.columns);
        view.write_into(&mut self.output)
            .map_err(io::Error::other)?;
        self.output.write_all(b"\n")
    }

    fn commit(self: Box<Self>) -> io::Result<Vec<Made>> {
        self.output.commit()?;
        Ok(vec![Made {
            path: self.path,
            rows: None,
        }])
    }
}

/// What the template shows.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/askama.toml")]
struct View<'v> {
    headline: String,
    produced: Option<String>,
    complete: bool,
    provenance: String,
    totals: [String; 2],
    notes: Vec<String>,
    groups: Vec<Bar<'v>>,
    messages: Vec<(&'static str, String)>,
    timeline: Option<String>,
    undated: String,
    topics: Vec<(&'v str, String)>,
    producers: Vec<(&'v str, String)>,
    other_producers: String,
    columns: &'v [String],
    rows: Vec<Row<'v>>,
    more: String,
    caveats: Vec<&'static str>,
    facts: Vec<(&'static str, String)>,
}

/// A group's share of each verdict.
struct Bar<'v> {
    name: &'v str,
    expected: String,
    parts: Vec<Part>,
    missed: String,
}

/// One verdict of a group.
struct Part {
    word: &'static str,
    count: String,
    /// Per mille of the bar.
    share: u64,
}

/// A break, as the table shows it.
struct Row<'v> {
    of: &'v Break,
    groups: String,
    born: String,
}

impl<'v> View<'v> {
    fn of(summary: &'v Summary<'_>, gathered: &'v Gathered, columns: &'v [String]) -> Self {
        let tally = &summary.tally;
        let messages = MessageVerdict::ALL
            .iter()
            .filter(|&&verdict| tally.messages(verdict) > 0);
        let (producers, others) = gathered.producers(PRODUCERS);
        let counted = |(name, number): (&'v str, u64)| (name, count(number));
        let topics = gathered
            .by_topic
            .iter()
            .map(|(name, number)| (name.as_str(), *number));
        Self {
            headline: summary.headline(),
            produced: produced(summary),
            complete: summary.is_complete(),
            provenance: summary.provenance(),
            totals: totals(summary),
            notes: notes(summary),
            groups: tally
                .groups
                .iter()
                .map(|(name, group)| Bar::of(name, group))
                .collect(),
            messages: messages
                .map(|verdict| (verdict.as_str(), count(tally.messages(*verdict))))
                .collect(),
            timeline: gathered.timeline.html(),
            undated: some(gathered.undated),
            topics: topics.map(counted).collect(),
            producers: producers.into_iter().map(counted).collect(),
            other_producers: some(others),
            columns,
            rows: gathered.rows.iter().map(Row::of).collect(),
            more: some(gathered.count - gathered.rows.len() as u64),
            caveats: summary.caveats(),
            facts: facts(summary),
        }
    }
}

/// Nothing for none.
fn some(number: u64) -> String {
    if number == 0 {
        String::new()
    } else {
        count(number)
    }
}

/// Between which moments the missed messages were made.
fn produced(summary: &Summary<'_>) -> Option<String> {
    let spans = || {
        summary
            .tally
            .groups
            .values()
            .filter_map(|group| group.missed_born)
    };
    let first = spans().map(|(first, _)| first).min()?;
    let last = spans().map(|(_, last)| last).max()?;
    Some(format!(
        "{} to {} UTC",
        first.strftime("%F %T"),
        last.strftime("%F %T")
    ))
}

fn notes(summary: &Summary<'_>) -> Vec<String> {
    let notes = summary.carried().into_iter().chain(summary.resets());
    notes
        .chain(contract(summary))
        .chain(summary.damaged())
        .collect()
}

fn facts(summary: &Summary<'_>) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    for record in summary.records {
        let (header, trailer) = (record.header(), record.trailer());
        facts.extend([
            ("source", header.source.clone()),
            ("began", header.started_at.clone()),
            ("ended", trailer.finished_at.clone()),
            ("record", record.path().display().to_string()),
            ("SHA-256 of the record", trailer.sha256.clone()),
            ("made by", header.tool.clone()),
            ("run", header.run_id.clone()),
        ]);
        let inputs = header.inputs.iter();
        facts.extend(inputs.map(|input| {
            let rows = count(input.rows);
            (
                "input",
                format!("{}, {rows} rows, SHA-256 {}", input.path, input.sha256),
            )
        }));
    }
    facts
}

impl<'v> Bar<'v> {
    fn of(name: &'v str, group: &GroupTally) -> Self {
        let whole = Verdict::ALL
            .iter()
            .map(|&verdict| group.count(verdict))
            .sum::<u64>()
            .max(1);
        let parts = Verdict::ALL.map(|verdict| Part {
            word: verdict.as_str(),
            count: count(group.count(verdict)),
            share: group.count(verdict) * 1000 / whole,
        });
        let missed = group.missed_born.map_or_else(String::new, |(first, last)| {
            format!("{} to {}", first.strftime("%F %T"), last.strftime("%T"))
        });
        Self {
            name,
            expected: match group.expected {
                0 => "not expected".to_owned(),
                1 => "expected of 1 message".to_owned(),
                expected => format!("expected of {} messages", count(expected)),
            },
            parts: parts.into(),
            missed,
        }
    }
}

impl<'v> Row<'v> {
    fn of(of: &'v Break) -> Self {
        let groups: Vec<_> = of
            .groups
            .iter()
            .map(|(group, verdict)| format!("{group} {verdict}"))
            .collect();
        let born = of
            .born
            .and_then(|born| jiff::Timestamp::from_millisecond(born).ok());
        Self {
            of,
            groups: groups.join(", "),
            born: born.map_or_else(String::new, |born| {
                clock::rfc3339(born).replace('T', " ").replace('Z', "")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    /// The page's colours by theme: text on what it stands on.
    const PAGE: &str = include_str!("page.html");

    fn colours(block: &str) -> std::collections::BTreeMap<&str, [f64; 3]> {
        let variables = block
            .split(';')
            .filter_map(|part| part.trim().strip_prefix("--")?.split_once(":#"));
        let channel = |hex: &str, at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        variables
            .map(|(name, hex)| (name, [0, 2, 4].map(|at| channel(hex, at))))
            .collect()
    }

    /// As WCAG 2 defines it.
    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let luminance = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_by_day_and_by_night() {
        let themes: Vec<_> = PAGE
            .split("/* theme */")
            .skip(1)
            .map(|rest| colours(&rest[..rest.find('}').unwrap()]))
            .collect();
        assert_eq!(themes.len(), 2);
        for theme in themes {
            for (name, least) in [
                ("text", 7.0),
                ("quiet", 4.5),
                ("link", 4.5),
                ("bad", 4.5),
                ("good", 4.5),
            ] {
                for ground in ["paper", "panel"] {
                    let found = contrast(theme[name], theme[ground]);
                    assert!(found >= least, "{name} on {ground}: {found:.2}");
                }
            }
            for part in ["passed", "filtered", "open", "undetermined", "absent"] {
                let found = contrast(theme[part], theme["panel"]);
                assert!(found >= 3.0, "{part}: {found:.2}");
            }
        }
    }

    #[test]
    fn the_page_asks_nobody_for_anything() {
        for word in ["http:", "https:", "//", "url(", "@import", "src=", "<link"] {
            assert!(!PAGE.contains(word), "{word}");
        }
        assert!(PAGE.contains("default-src 'none'"));
    }
}
