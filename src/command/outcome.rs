//! The end that `audit` and `report` have in common: render the results files, sum up, decide how it ended.

use std::path::PathBuf;

use super::evidence::Packing;
use super::rendering::context;
use crate::exit::{self, Failed, Status};
use crate::report::lang::Voice;
use crate::report::{CsvDialect, Format, Made, SummaryFormat, Targets, Terminal, render};
use crate::results::ResultsFile;
use crate::telemetry::ReportTotals;
use crate::ui;
use crate::verdict::{Expectations, Tally};

/// What the person said about it.
#[derive(Debug)]
pub(super) struct Ending {
    /// 0 instead of 1.
    pub(super) exit_zero: bool,
    pub(super) csv: CsvDialect,
    pub(super) voice: Voice,
    /// No summary.
    pub(super) quiet: bool,
    /// The bundle to pack in the end.
    pub(super) bundle: Option<Packing>,
}

/// Renders `results files` to `targets`, packs them if that was asked for, and shows the summary on stderr.
pub(super) fn conclude(
    results_files: &[ResultsFile],
    expectations: Expectations,
    targets: Targets,
    ending: Ending,
    check: bool,
) -> Result<(Status, ReportTotals), Failed> {
    let context = context(results_files, expectations, ending.csv, ending.voice);
    let files = targets.files.iter();
    let wanted: Vec<_> = files
        .map(|target| (target.path.clone(), target.format))
        .collect();
    let (summary, made) = render(results_files, &context, targets, check)?;
    if let Some(packing) = ending.bundle {
        packing.pack(
            results_files,
            context.expectations.clone(),
            &reports(&made, &wanted),
        )?;
    }
    if !ending.quiet {
        let mut text = Vec::new();
        let width = ui::width();
        Terminal { made, width }
            .render(&summary, &mut text)
            .map_err(|error| Failed::incomplete(error, None))?;
        exit::say(&String::from_utf8_lossy(&text));
    }
    let status = status(&summary.tally, ending.exit_zero);
    Ok((status, ReportTotals::of(summary)))
}

/// The reports that are files, each with its format if it is a whole one.
fn reports(made: &[Made], wanted: &[(PathBuf, Format)]) -> Vec<(PathBuf, Option<Format>)> {
    let files = made.iter().filter(|made| made.path.is_file());
    let with_format = files.map(|made| {
        let is_whole = |path: &PathBuf| made.rows.is_none() && *path == made.path;
        let whole = wanted.iter().find(|(path, _)| is_whole(path));
        (made.path.clone(), whole.map(|(_, format)| *format))
    });
    with_format.collect()
}

fn status(tally: &Tally, exit_zero: bool) -> Status {
    if tally.totals.unanswered > 0 {
        Status::Incomplete
    } else if tally.is_clean() || exit_zero {
        Status::Clean
    } else {
        Status::Findings
    }
}
