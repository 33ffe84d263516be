//! The common end of `audit` and `report`: render the results files, print the summary, return the exit status.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::evidence::BundleTarget;
use super::rendering::context;
use super::unwritten::unwritten;
use crate::exit::{self, Failed, Status};
use crate::humanize::{output, shell_quoted, shell_word};
use crate::report::locale::Locale;
use crate::report::{
    CsvDialect, Rendered, ReportError, ReportFormat, Summary, SummaryFormat, Targets,
    TerminalSummary, WrittenFile, render, summary_value,
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
    /// The flags with which `report` makes the same reports from the results file. `None` if the same command does.
    pub(super) report_flags: Option<Vec<String>>,
}

/// The end of a command whose results files were read.
#[derive(Debug)]
pub(super) struct Conclusion {
    /// The exit status if every file was written.
    pub(super) status: Status,
    pub(super) totals: ReportTotals,
    /// The error about reports that could not be written.
    pub(super) unwritten: Option<Failed>,
}

impl Conclusion {
    /// Returns the totals and the result of the command.
    pub(super) fn into_parts(self) -> (ReportTotals, Result<Status, Failed>) {
        (self.totals, self.unwritten.map_or(Ok(self.status), Err))
    }
}

/// Renders results files to `targets`, packs a bundle if asked for, and prints the summary on stderr.
pub(super) fn conclude(
    results_files: &[ResultsFile],
    expectations: Expectations,
    targets: Targets,
    ending: ConcludeOptions,
    check: bool,
) -> Result<Conclusion, Failed> {
    let mut context = context(results_files, expectations, ending.csv, ending.locale);
    for name in &ending.numbers {
        let column = context.columns.iter().position(|column| column == name);
        context.number_columns.extend(column);
    }
    let files = targets.files.iter();
    let mut wanted: Vec<_> = files
        .map(|target| (target.path.clone(), target.format))
        .collect();
    let mut commands = Commands::of(results_files, &targets, ending.report_flags);
    if !ending.numbers.is_empty() {
        commands.add_numbers(&ending.numbers.join(","));
    }
    let rendered = render(results_files, &context, targets, check)?;
    let Rendered {
        summary,
        made,
        mut failures,
    } = rendered;
    let mut unpacked = None;
    if let Some(target) = ending.bundle {
        let path = target.path.clone();
        commands.add("--bundle", &path);
        commands.bundle = Some(path.clone());
        if failures.is_empty() {
            let reports = reports(&made, &wanted);
            let packed = target.pack(results_files, context.expectations.clone(), &reports);
            failures.extend(packed.err());
        } else {
            unpacked = Some(path);
        }
    }
    wanted.retain(|(path, _)| !failures.iter().any(|failure| failure.path() == path));
    if !ending.quiet {
        let terminal = TerminalSummary {
            made,
            reports: wanted,
            width: ui::width(),
        };
        print_summary(&summary, &terminal)?;
    }
    Ok(Conclusion {
        status: status(&summary, ending.exit_zero),
        unwritten: commands.unwritten(failures, unpacked.as_deref()),
        totals: ReportTotals::of(summary),
    })
}

/// Prints the summary on stderr, as JSON if log lines are JSON.
pub(super) fn print_summary(
    summary: &Summary<'_>,
    terminal: &TerminalSummary,
) -> Result<(), Failed> {
    if exit::is_json() {
        let value = summary_value(summary).map_err(|error| Failed::incomplete(error, None))?;
        let headline = value["headline"].as_str().unwrap_or_default();
        exit::say_json("INFO", headline, &json!({"summary": value}));
        return Ok(());
    }
    let mut text = Vec::new();
    let rendered = terminal.render(summary, &mut text);
    rendered.map_err(|error| Failed::incomplete(error, None))?;
    exit::say(&String::from_utf8_lossy(&text));
    Ok(())
}

/// The command that makes reports again, in parts.
struct Commands {
    /// `ons-audit report RESULTS…`
    report: String,
    /// The paths of all reports with their flags.
    flags: Vec<(PathBuf, String)>,
    bundle: Option<PathBuf>,
    /// As in [`ConcludeOptions`].
    report_flags: Option<Vec<String>>,
}

impl Commands {
    fn of(
        results_files: &[ResultsFile],
        targets: &Targets,
        report_flags: Option<Vec<String>>,
    ) -> Self {
        let paths = results_files.iter().map(ResultsFile::path);
        let words: Vec<_> = paths.map(shell_word).collect();
        let mut commands = Self {
            report: format!("ons-audit report {}", words.join(" ")),
            flags: Vec::new(),
            bundle: None,
            report_flags,
        };
        for target in &targets.files {
            let flag = match target.format {
                #[cfg(feature = "parquet")]
                ReportFormat::ParquetMatrix => "--matrix",
                ReportFormat::Matrix => "--matrix",
                ReportFormat::Rejects => "--rejects",
                _ => "-o",
            };
            commands.add(flag, &target.path);
        }
        if let Some((path, _)) = &targets.worklist {
            commands.add("--worklist", path);
        }
        commands
    }

    fn add(&mut self, flag: &str, path: &Path) {
        let flag = format!("{flag} {}", shell_word(path));
        self.flags.push((path.to_owned(), flag));
    }

    /// Adds `--numbers` to the workbooks; it is refused without one.
    fn add_numbers(&mut self, columns: &str) {
        let numbers = format!(" --numbers={}", shell_quoted(columns));
        let is_workbook = |path: &Path| ReportFormat::of(path) == Some(ReportFormat::Xlsx);
        for (_, flag) in self.flags.iter_mut().filter(|(path, _)| is_workbook(path)) {
            flag.push_str(&numbers);
        }
    }

    /// Returns the error about the files that could not be written. `unpacked` is a bundle that was not written because
    /// a report would be missing in it.
    fn unwritten(&self, failures: Vec<ReportError>, unpacked: Option<&Path>) -> Option<Failed> {
        let is_missing = |path: &PathBuf| failures.iter().any(|failure| failure.path() == path);
        // A bundle is packed with the reports of the same command.
        let is_bundled = unpacked.is_some() || self.bundle.as_ref().is_some_and(is_missing);
        let flags = self.flags.iter();
        let flags = flags.filter(|(path, _)| is_bundled || is_missing(path));
        let flags = flags.map(|(_, flag)| flag.as_str());
        let next = match &self.report_flags {
            None => {
                "the results file is whole: the same command makes the reports again".to_owned()
            }
            Some(further) => {
                let words = std::iter::once(self.report.as_str()).chain(flags);
                let words = words.chain(further.iter().map(String::as_str));
                let command = words.collect::<Vec<_>>().join(" ");
                format!(
                    "the results file is whole: `{command}` makes what is missing and asks nothing again"
                )
            }
        };
        let names: Vec<_> = failures
            .iter()
            .map(|failure| output(failure.path()))
            .collect();
        let bundle = unpacked.map(|path| {
            let (path, missing) = (path.display(), names.join(", "));
            format!("{path} was not written, because it would lack {missing}")
        });
        unwritten(failures, bundle, &next)
    }
}

/// Returns the reports that are files, each with its format if the file is the whole report.
fn reports(
    made: &[WrittenFile],
    wanted: &[(PathBuf, ReportFormat)],
) -> Vec<(PathBuf, Option<ReportFormat>)> {
    let files = made.iter().filter(|made| made.path.is_file());
    let with_format = files.map(|made| {
        // A part has a name of its own.
        let whole = wanted.iter().find(|(path, _)| *path == made.path);
        (made.path.clone(), whole.map(|(_, format)| *format))
    });
    with_format.collect()
}

pub(super) fn status(summary: &Summary<'_>, exit_zero: bool) -> Status {
    if !summary.is_complete() {
        Status::Incomplete
    } else if summary.is_clean() || exit_zero {
        Status::Clean
    } else {
        Status::Findings
    }
}
