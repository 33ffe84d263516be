//! Renders reports: one walk through the results files feeds every format.
//!
//! A reading thread cuts a results file into blocks of whole lines and checks the seal. Worker threads parse, judge,
//! count and render the blocks, and the calling thread writes the pieces in order. Blocks are dealt to the workers in
//! turn, so no sorting is needed. The channels are short, so memory stays at a few blocks.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde_json::value::RawValue;

use super::Summary;
use super::error::ReportError;
use super::rendered_row::{RenderedRows, RowRenderer, WalkTotals};
use super::row::{ReportContext, RowFormat};
use super::sink::WrittenFile;
use super::targets::{Report, Targets};
use super::xlsx::{MAX_COLUMNS, groups_of_sheet, widest};
use crate::input::InputNotes;
use crate::results::{Block, Line, MessageContexts, ReadError, ResultsFile, SpreadsheetDamage};
use crate::verdict::Tally;

/// The most worker threads. More would only wait for the writing thread.
const MAX_WORKERS: usize = 4;

/// What [`render`] did.
#[derive(Debug)]
pub struct Rendered<'r> {
    /// The summary of all rows.
    pub summary: Summary<'r>,
    /// The files that were written.
    pub made: Vec<WrittenFile>,
    /// The reports that could not be made.
    pub failures: Vec<ReportError>,
}

/// Renders results files to all targets.
///
/// `check` verifies the seals. Reports become visible after everything was read without an error. A report that cannot
/// be written does not appear, and the others are made all the same. Output to a stream cannot be taken back, so the
/// seals are checked by a separate walk before it.
///
/// # Errors
///
/// A results file cannot be read or does not hold. No report appears then.
pub fn render<'r>(
    results_files: &'r [ResultsFile],
    context: &ReportContext,
    targets: Targets,
    check: bool,
) -> Result<Rendered<'r>, ReadError> {
    // The groups of a matrix that is too wide for a sheet are chosen by their findings, which must be counted before.
    let is_too_wide = targets.has_workbook() && widest(context) > MAX_COLUMNS;
    let is_read_before = is_too_wide || (check && targets.has_stream());
    let mut context = Cow::Borrowed(context);
    if is_read_before {
        let (tally, _) = walk_all(results_files, &context, &mut [], check)?;
        if is_too_wide {
            let groups = groups_of_sheet(&context, &tally);
            context.to_mut().sheet_groups = Some(groups);
        }
    }
    let context = &*context;
    let mut reports = targets.begin(context);
    let check = check && !is_read_before;
    let (tally, damage) = walk_all(results_files, context, &mut reports, check)?;
    let summary = Summary {
        results_files,
        expectations: context.expectations.clone(),
        coverage: context.expectations.coverage(&tally.topics),
        tally,
        damage,
        input_notes: input_notes(results_files),
        locale: context.locale.clone(),
    };
    for report in &mut reports {
        report.close(&summary);
    }
    // All bytes are written. Only renames can fail now.
    let (mut made, mut failures) = (Vec::new(), Vec::new());
    for report in reports {
        match report.commit() {
            Ok(files) => made.extend(files),
            Err(error) => failures.push(error),
        }
    }
    Ok(Rendered {
        summary,
        made,
        failures,
    })
}

fn input_notes(results_files: &[ResultsFile]) -> InputNotes {
    let mut notes = InputNotes::default();
    for results_file in results_files {
        notes.append(results_file.trailer().input.clone());
    }
    notes
}

/// Reads, renders and writes all results files.
fn walk_all(
    results_files: &[ResultsFile],
    context: &ReportContext,
    reports: &mut [Report],
    check: bool,
) -> Result<(Tally, SpreadsheetDamage), ReadError> {
    let formats: Vec<&dyn RowFormat> = reports.iter().filter_map(Report::rows).collect();
    let (mut tally, mut damage) = (Tally::default(), SpreadsheetDamage::default());
    for results_file in results_files {
        let contexts = MessageContexts::of(results_file.header(), &context.expectations);
        let renderer = BlockRenderer {
            results_file,
            rows: RowRenderer {
                context,
                contexts: &contexts,
                file_value: file_value(results_file),
                formats: &formats,
            },
        };
        let mut totals = walk(&renderer, reports, check)?;
        results_file.check(&totals.tally, &totals.columns)?;
        if context.file_column.is_some() {
            for kind in &mut totals.tally.breaks {
                kind.first_file = Some(results_file.path().display().to_string());
            }
        }
        tally.append(totals.tally);
        damage.append(totals.damage);
    }
    Ok((tally, damage))
}

/// Reads, renders and writes one results file.
fn walk(
    renderer: &BlockRenderer<'_>,
    reports: &mut [Report],
    check: bool,
) -> Result<WalkTotals, ReadError> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MAX_WORKERS);
    thread::scope(|scope| {
        let mut inboxes = Vec::new();
        let mut outboxes = Vec::new();
        for _ in 0..workers {
            let (to_worker, inbox) = sync_channel(2);
            let (outbox, from_worker) = sync_channel(2);
            scope.spawn(move || work(renderer, &inbox, &outbox));
            inboxes.push(to_worker);
            outboxes.push(from_worker);
        }
        let reader = scope.spawn(move || read(renderer.results_file, check, &inboxes));
        let mut totals = WalkTotals::default();
        // Blocks are dealt in turn, so the first closed channel means that no worker has another block.
        for rendered in outboxes
            .iter()
            .cycle()
            .map_while(|outbox| outbox.recv().ok())
        {
            let block = rendered?;
            totals.append(block.totals);
            let with_rows = reports.iter_mut().filter(|report| report.rows().is_some());
            for (report, piece) in with_rows.zip(block.pieces) {
                report.take(&piece);
            }
        }
        match reader.join() {
            Ok(read) => read.map(|()| totals),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Deals the blocks to the workers. A worker that stopped has already sent its error.
fn read(
    results_file: &ResultsFile,
    check: bool,
    inboxes: &[SyncSender<Block>],
) -> Result<(), ReadError> {
    let mut blocks = results_file.blocks(check);
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
    renderer: &BlockRenderer<'_>,
    inbox: &Receiver<Block>,
    outbox: &SyncSender<Result<RenderedRows, ReadError>>,
) {
    for block in inbox {
        let result = renderer.render(&block);
        let failed = result.is_err();
        if outbox.send(result).is_err() || failed {
            break;
        }
    }
}

/// Renders the blocks of one results file. The workers share it.
struct BlockRenderer<'a> {
    results_file: &'a ResultsFile,
    rows: RowRenderer<'a>,
}

impl BlockRenderer<'_> {
    fn render(&self, block: &Block) -> Result<RenderedRows, ReadError> {
        let room = block.text.len() * 3;
        let mut rendered = RenderedRows::new(self.rows.formats.len(), room);
        for line in self.results_file.parsed(block) {
            let line = line?;
            match line.same_as {
                None => self.row(&line, &line, &mut rendered)?,
                Some(of) => {
                    let asked = self
                        .results_file
                        .line_of(of)
                        .map_err(|error| self.results_file.failed(error))?;
                    let asked = Block::parse(of, &asked)
                        .map_err(|error| self.results_file.bad_line(of, error))?;
                    self.row(&line, &asked, &mut rendered)?;
                }
            }
        }
        Ok(rendered)
    }

    /// Judges and renders one row. `line` is its own line, and `asked` is the line with the answer.
    fn row(
        &self,
        line: &Line<'_>,
        asked: &Line<'_>,
        rendered: &mut RenderedRows,
    ) -> Result<(), ReadError> {
        let evidence = self.results_file.evidence_of(asked);
        let row = self.rows.row((line, asked), evidence, rendered);
        row.map_err(|reason| {
            let error = serde::de::Error::custom(reason);
            self.results_file.bad_line(line.row, error)
        })
    }
}

/// Returns the path of a results file as a JSON text.
fn file_value(results_file: &ResultsFile) -> Box<RawValue> {
    let path = results_file.path().display().to_string();
    serde_json::value::to_raw_value(&path).expect("a text is JSON")
}
