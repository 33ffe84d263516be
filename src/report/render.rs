//! One walk over the records feeds every format.
//!
//! A reading thread cuts the record into blocks of whole lines and checks the seal; workers parse, judge, count and
//! render them; this thread puts the pieces out in order. Blocks go round the workers in turn, so order needs no
//! sorting, and the channels are short, so memory stays at a few blocks.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::row::{Context, RowFormat, RowView};
use super::{Format, Summary, Writer};
use crate::exit::{Advice, Status};
use crate::file::Output;
use crate::record::{Block, Line, ReadError, Record, Subjects};
use crate::verdict::{Facts, Tally, judge};

/// More threads than this only wait for the one that writes.
const MOST_WORKERS: usize = 4;

/// A report to be made.
#[derive(Debug)]
pub struct Target {
    /// What it looks like.
    pub format: Format,
    /// As the person named it.
    pub path: PathBuf,
    /// Opened before anything was asked, so that a bad path costs no call.
    pub output: Output,
}

/// Why reports could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// A report.
    #[error("can't write {}", path.display())]
    Write {
        /// The report.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Advice for RenderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Record(error) => error.hint(),
            Self::Write { .. } => Some(
                "the record is whole: make room, then `ons-audit report RESULTS -o FILE`"
                    .to_owned(),
            ),
        }
    }

    fn status(&self) -> Status {
        if matches!(self, Self::Write { .. }) {
            Status::Incomplete
        } else {
            Status::Refused
        }
    }
}

/// Renders `records` to all targets and returns what they add up to. `check` computes the seals on the way.
/// Reports appear when everything has been read without an error, or not at all.
pub fn render<'r>(
    records: &'r [Record],
    context: &Context,
    mut targets: Vec<Target>,
    check: bool,
) -> Result<Summary<'r>, RenderError> {
    let formats: Vec<&dyn RowFormat> = targets
        .iter()
        .filter_map(|target| rows_of(target.format))
        .collect();
    write_each(&mut targets, |format, out| format.head(context, out))?;
    let mut tally = Tally::default();
    for record in records {
        let desk = Desk {
            record,
            context,
            subjects: Subjects::of(record.header(), &context.expectations),
            formats: &formats,
        };
        let of_record = walk(&desk, &mut targets, check)?;
        if of_record.totals != record.trailer().totals {
            return Err(totals_differ(record, &of_record).into());
        }
        tally.append(of_record);
    }
    let summary = Summary { records, tally };
    write_each(&mut targets, |format, out| format.foot(&summary, out))?;
    for target in targets {
        let Target {
            format,
            path,
            mut output,
        } = target;
        let written = match format.writer() {
            Writer::Rows(_) => Ok(()),
            Writer::Summary(format) => format.render(&summary, &mut output),
        };
        written
            .and_then(|()| output.commit())
            .map_err(|source| RenderError::Write { path, source })?;
    }
    Ok(summary)
}

const fn rows_of(format: Format) -> Option<&'static dyn RowFormat> {
    match format.writer() {
        Writer::Rows(rows) => Some(rows),
        Writer::Summary(_) => None,
    }
}

fn totals_differ(record: &Record, found: &Tally) -> ReadError {
    ReadError::Totals {
        path: record.path().to_owned(),
        found: format!("{:?}", found.totals),
        sealed: format!("{:?}", record.trailer().totals),
    }
}

fn write_each(
    targets: &mut [Target],
    part: impl Fn(&dyn RowFormat, &mut Vec<u8>),
) -> Result<(), RenderError> {
    for target in targets {
        if let Some(format) = rows_of(target.format) {
            let mut out = Vec::new();
            part(format, &mut out);
            target
                .output
                .write_all(&out)
                .map_err(|source| RenderError::Write {
                    path: target.path.clone(),
                    source,
                })?;
        }
    }
    Ok(())
}

/// A block, rendered: one piece for each row format, in their order.
struct Rendered {
    pieces: Vec<Vec<u8>>,
    tally: Tally,
}

/// Reads, renders and writes one record.
fn walk(desk: &Desk<'_>, targets: &mut [Target], check: bool) -> Result<Tally, RenderError> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MOST_WORKERS);
    thread::scope(|scope| {
        let mut inboxes = Vec::new();
        let mut outboxes = Vec::new();
        for _ in 0..workers {
            let (to_worker, inbox) = sync_channel(2);
            let (outbox, from_worker) = sync_channel(2);
            scope.spawn(move || work(desk, &inbox, &outbox));
            inboxes.push(to_worker);
            outboxes.push(from_worker);
        }
        let reader = scope.spawn(move || read(desk.record, check, &inboxes));
        let mut tally = Tally::default();
        // The first worker without a next block has had the last one: all are through.
        for rendered in outboxes
            .iter()
            .cycle()
            .map_while(|outbox| outbox.recv().ok())
        {
            let rendered = rendered?;
            tally.append(rendered.tally);
            let row_targets = targets
                .iter_mut()
                .filter(|target| rows_of(target.format).is_some());
            for (target, piece) in row_targets.zip(rendered.pieces) {
                let failed = |source| RenderError::Write {
                    path: target.path.clone(),
                    source,
                };
                target.output.write_all(&piece).map_err(failed)?;
            }
        }
        match reader.join() {
            Ok(read) => read.map(|()| tally).map_err(RenderError::from),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Hands the blocks round. A worker that went away has sent its error already.
fn read(record: &Record, check: bool, inboxes: &[SyncSender<Block>]) -> Result<(), ReadError> {
    let mut blocks = record.blocks(check);
    for inbox in inboxes.iter().cycle() {
        let Some(block) = blocks.next_block()? else {
            break;
        };
        if inbox.send(block).is_err() {
            break;
        }
    }
    Ok(())
}

fn work(
    desk: &Desk<'_>,
    inbox: &Receiver<Block>,
    outbox: &SyncSender<Result<Rendered, ReadError>>,
) {
    for block in inbox {
        let rendered = desk.render(&block);
        let failed = rendered.is_err();
        if outbox.send(rendered).is_err() || failed {
            break;
        }
    }
}

/// Everything a worker needs.
struct Desk<'a> {
    record: &'a Record,
    context: &'a Context,
    subjects: Subjects,
    formats: &'a [&'a dyn RowFormat],
}

impl Desk<'_> {
    fn render(&self, block: &Block) -> Result<Rendered, ReadError> {
        let room = block.text.len() * 3;
        let mut rendered = Rendered {
            pieces: vec![Vec::with_capacity(room); self.formats.len()],
            tally: Tally::default(),
        };
        for (row, text) in block.lines() {
            let line = Block::parse(row, text).map_err(|error| self.record.bad_line(row, error))?;
            match line.same_as {
                None => self.row(&line, &line, &mut rendered)?,
                Some(of) => {
                    let asked = self
                        .record
                        .line_of(of)
                        .map_err(|error| self.record.failed(error))?;
                    let asked = Block::parse(of, &asked)
                        .map_err(|error| self.record.bad_line(of, error))?;
                    self.row(&line, &asked, &mut rendered)?;
                }
            }
        }
        Ok(rendered)
    }

    /// Judges and renders one row: `line` is its own, `asked` the one that holds its answer.
    fn row(
        &self,
        line: &Line<'_>,
        asked: &Line<'_>,
        rendered: &mut Rendered,
    ) -> Result<(), ReadError> {
        let bad = |error| self.record.bad_line(line.row, error);
        let missing = || bad(serde::de::Error::custom("its answer is a duplicate itself"));
        let subject = self.subjects.of_line(asked);
        let judged = judge(
            asked.answer().ok_or_else(missing)?,
            &subject,
            &self.context.expectations,
        );
        let born = subject.born;
        if line.same_as.is_some() {
            rendered.tally.add_duplicate();
        } else {
            rendered.tally.add(facts(asked, born), &judged);
        }
        let view = RowView {
            row: line.row,
            same_as: line.same_as,
            line: asked,
            judged: &judged,
            born,
            kept: &line.extra.0,
        };
        for (format, piece) in self.formats.iter().zip(&mut rendered.pieces) {
            format.row(self.context, &view, piece);
        }
        Ok(())
    }
}

fn facts<'a>(line: &'a Line<'_>, born: Option<jiff::Timestamp>) -> Facts<'a> {
    Facts {
        row: line.row,
        msg_id: &line.msg_id,
        topic: &line.topic,
        born,
        observed_at: &line.observed_at,
        error: line.error.as_ref().map(|error| {
            if error.code.is_empty() {
                &*error.kind
            } else {
                &*error.code
            }
        }),
        is_carried: !line.carried_from.is_empty(),
        passed: line.previously.as_ref().map(|earlier| &*earlier.passed),
    }
}
