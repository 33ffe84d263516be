//! The common end of `audit` and `report`: render the results files, print the summary, return the exit status.

use std::path::PathBuf;

use serde_json::json;

use super::evidence::BundleTarget;
use super::rendering::context;
use crate::exit::{self, Failed, Status};
use crate::report::locale::Locale;
use crate::report::{
    CsvDialect, ReportFormat, Summary, SummaryFormat, Targets, TerminalSummary, WrittenFile,
    render, summary_value,
};
use crate::results::ResultsFile;
use crate::telemetry::ReportTotals;
use crate::ui;
use crate::verdict::Expectations;

/// What the flags ask for at the end of a run.
#[derive(Debug)]
pub(super) struct ConcludeOptions {
    /// Whether to end with 0 instead of 1.
    pub(super) exit_zero: bool,
    pub(super) csv: CsvDialect,
    pub(super) locale: Locale,
    /// Whether to print no summary.
    pub(super) quiet: bool,
    /// The kept columns whose plain numbers are numbers in the workbook.
    pub(super) numbers: Vec<String>,
    /// The bundle to pack.
    pub(super) bundle: Option<BundleTarget>,
}

/// Renders results files to `targets`, packs a bundle if asked for, and prints the summary on stderr.
pub(super) fn conclude(
    results_files: &[ResultsFile],
    expectations: Expectations,
    targets: Targets,
    ending: ConcludeOptions,
    check: bool,
) -> Result<(Status, ReportTotals), Failed> {
    let mut context = context(results_files, expectations, ending.csv, ending.locale);
    for name in &ending.numbers {
        let column = context.columns.iter().position(|column| column == name);
        context.number_columns.extend(column);
    }
    let files = targets.files.iter();
    let wanted: Vec<_> = files
        .map(|target| (target.path.clone(), target.format))
        .collect();
    let (summary, made) = render(results_files, &context, targets, check)?;
    if let Some(target) = ending.bundle {
        target.pack(
            results_files,
            context.expectations.clone(),
            &reports(&made, &wanted),
        )?;
    }
    if !ending.quiet && exit::is_json() {
        let value = summary_value(&summary).map_err(|error| Failed::incomplete(error, None))?;
        let headline = value["headline"].as_str().unwrap_or_default();
        exit::say_json("INFO", headline, &json!({"summary": value}));
    } else if !ending.quiet {
        let mut text = Vec::new();
        let width = ui::width();
        let reports = wanted;
        TerminalSummary {
            made,
            reports,
            width,
        }
        .render(&summary, &mut text)
        .map_err(|error| Failed::incomplete(error, None))?;
        exit::say(&String::from_utf8_lossy(&text));
    }
    let status = status(&summary, ending.exit_zero);
    Ok((status, ReportTotals::of(summary)))
}

/// Returns the reports that are files, each with its format if the file is the whole report.
fn reports(
    made: &[WrittenFile],
    wanted: &[(PathBuf, ReportFormat)],
) -> Vec<(PathBuf, Option<ReportFormat>)> {
    let files = made.iter().filter(|made| made.path.is_file());
    let with_format = files.map(|made| {
        let is_whole = |path: &PathBuf| made.rows.is_none() && *path == made.path;
        let whole = wanted.iter().find(|(path, _)| is_whole(path));
        (made.path.clone(), whole.map(|(_, format)| *format))
    });
    with_format.collect()
}

fn status(summary: &Summary<'_>, exit_zero: bool) -> Status {
    if !summary.is_complete() {
        Status::Incomplete
    } else if summary.is_clean() || exit_zero {
        Status::Clean
    } else {
        Status::Findings
    }
}
