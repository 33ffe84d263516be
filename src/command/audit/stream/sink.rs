//! Receives the settled rows of a stream: judges them, makes their lines, and writes these in the wanted order.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use super::StreamOrder;
use super::output::{LineOutput, Lines};
use crate::engine::{Sink, Stop};
use crate::input::{Entry, Reject, Row};
use crate::report::StreamedReport;
use crate::results::{AnswerStore, Block, LineWriter, Outcome, ResultsWriter};
use crate::settings::MaxRejects;
use crate::telemetry::CallCounts;

/// So many bytes of lines are handed to the output before the loop waits.
const BLOCK: usize = 64 << 10;

/// Makes the lines of a stream.
pub(super) struct StreamSink<'r> {
    pub(super) report: StreamedReport,
    pub(super) line_writer: LineWriter,
    pub(super) answers: AnswerStore,
    /// Duplicates whose first row has no answer yet, by that row.
    pub(super) waiting: HashMap<u64, Vec<(u64, String)>>,
    pub(super) order: LineOrder,
    pub(super) output: LineOutput,
    /// The results file, with `--results`.
    pub(super) results: Option<ResultsWriter>,
    pub(super) call_counts: &'r Cell<CallCounts>,
    pub(super) rejects: RejectLimit<'r>,
}

/// Ends the run when it has more rejected rows than `--max-rejects` allows.
pub(super) struct RejectLimit<'r> {
    pub(super) most: MaxRejects,
    pub(super) stop: &'r Stop,
    /// The first rejected row.
    pub(super) first: Option<Reject>,
    /// Number of rejected rows.
    pub(super) count: u64,
}

/// The lines that wait to be written.
#[derive(Debug)]
pub(super) enum LineOrder {
    /// As the answers come.
    Unordered(Lines),
    /// In the order of the rows.
    Ordered {
        lines: Lines,
        next: u64,
        waiting: BTreeMap<u64, Vec<u8>>,
    },
}

impl LineOrder {
    pub(super) fn of(order: StreamOrder) -> Self {
        match order {
            StreamOrder::Unordered => Self::Unordered(Lines::default()),
            StreamOrder::Ordered => Self::Ordered {
                lines: Lines::default(),
                next: 1,
                waiting: BTreeMap::new(),
            },
        }
    }

    fn push(&mut self, row: u64, mut line: Vec<u8>) {
        match self {
            Self::Unordered(lines) => {
                lines.text.append(&mut line);
                lines.rows += 1;
            }
            Self::Ordered {
                lines,
                next,
                waiting,
            } => {
                waiting.insert(row, line);
                while let Some(mut line) = waiting.remove(next) {
                    lines.text.append(&mut line);
                    lines.rows += 1;
                    *next += 1;
                }
            }
        }
    }

    /// Lets lines pass whose earlier rows will not be answered any more.
    fn end(&mut self) {
        if let Self::Ordered { lines, waiting, .. } = self {
            for (_, mut line) in std::mem::take(waiting) {
                lines.text.append(&mut line);
                lines.rows += 1;
            }
        }
    }

    const fn lines(&mut self) -> &mut Lines {
        match self {
            Self::Unordered(lines) | Self::Ordered { lines, .. } => lines,
        }
    }
}

impl Sink for StreamSink<'_> {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        if let Some(results) = &mut self.results {
            results.push(row, outcome)?;
        }
        if let Some(outcome) = outcome {
            CallCounts::add(self.call_counts, outcome);
        }
        let mut text = Vec::new();
        self.line_writer.write(&mut text, row, outcome);
        text.pop(); // the line end
        let text = String::from_utf8(text)?;
        match &row.entry {
            Entry::Query(_) => {
                self.answers.put(row.row, &text)?;
                self.push((row.row, &text), (row.row, &text))?;
                for (duplicate, own) in self.waiting.remove(&row.row).unwrap_or_default() {
                    self.push((duplicate, &own), (row.row, &text))?;
                }
            }
            Entry::Duplicate { of } => match self.answers.get(*of)? {
                Some(asked) => self.push((row.row, &text), (*of, &asked))?,
                None => self.waiting.entry(*of).or_default().push((row.row, text)),
            },
            Entry::Rejected(reject) => {
                self.push((row.row, &text), (row.row, &text))?;
                self.rejects.add(reject);
            }
        }
        if self.order.lines().text.len() >= BLOCK {
            self.hand_over();
        }
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.hand_over();
        if let Some(results) = &mut self.results {
            results.flush()?;
        }
        Ok(())
    }

    fn tick(&mut self, _slowed_to: Option<f64>) {}
}

impl StreamSink<'_> {
    /// Judges a row and adds its line. `own` is its own line of a results file, and `asked` is the one with the answer.
    fn push(&mut self, own: (u64, &str), asked: (u64, &str)) -> anyhow::Result<()> {
        let line = Block::parse(own.0, own.1)?;
        let mut text = Vec::new();
        if own.0 == asked.0 {
            self.report.row((&line, &line), &mut text)?;
        } else {
            let asked = Block::parse(asked.0, asked.1)?;
            self.report.row((&line, &asked), &mut text)?;
        }
        self.order.push(own.0, text);
        Ok(())
    }

    /// Hands the lines to the output.
    fn hand_over(&mut self) {
        let lines = self.order.lines();
        if lines.rows > 0 {
            self.output.send(std::mem::take(lines));
        }
    }

    /// Hands over all lines: no more rows are settled.
    pub(super) fn end_of_rows(&mut self) {
        self.order.end();
        self.hand_over();
    }
}

impl RejectLimit<'_> {
    /// Counts a rejected row. Of a share it is known only at the end whether it is exceeded.
    fn add(&mut self, reject: &Reject) {
        self.count += 1;
        self.first.get_or_insert_with(|| reject.clone());
        if matches!(self.most, MaxRejects::Rows(_)) && self.most.exceeded(self.count, self.count) {
            self.stop.request();
        }
    }
}
