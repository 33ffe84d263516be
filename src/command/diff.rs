//! `diff`: changes between two results files.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::json;

use super::Env;
use super::flags::{
    CsvFlags, ExpectFlags, ReservedPaths, SettingsFlags, StderrFlags, check, open, or_recorded,
    or_stdout, zone_of,
};
use super::rendering::checked;
use super::unwritten::unwritten;
use crate::diff::{Differences, FORMATS, Side, TerminalChanges, differences_value, render};
use crate::exit::{self, Failed, Status};
use crate::report::CsvDialect;
use crate::results::ResultsFile;
use crate::ui;
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The earlier results file, such as last night's
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later results file, such as tonight's; if messages in it have no answer, diff exits with 3 as the audit did
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Report; its ending sets its format: .csv, .json, .md; can be repeated [default: CSV on stdout]
    ///
    /// .csv has a row per message and group that is or was at fault: regressed, new, still_open, unconfirmed or resolved.
    /// .json has the counts for a program, .md is a summary for a ticket. `-` is CSV on stdout.
    ///
    /// Example: ons-audit diff yesterday.results.ndjson today.results.ndjson -o changes.csv -o ticket.md
    #[arg(short, long, value_name = "FILE", help_heading = "Reports")]
    output: Vec<PathBuf>,
    #[command(flatten)]
    csv: CsvFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    /// Exit with 0 instead of 1 when something regressed or opened; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    stderr: StderrFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

impl Args {
    /// Returns the reports.
    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        self.output.clone()
    }
}

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let mut settings = args.settings.merged_settings(env)?;
    args.csv.apply_to(&mut settings);
    args.expect.apply_to(&mut settings);
    args.stderr.apply_to(&mut settings);
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    let stderr = args.stderr.start(&settings, env)?;
    let results_files = [ResultsFile::open(&args.old)?, ResultsFile::open(&args.new)?];
    let given = args
        .expect
        .settle(&settings, &zone_of(results_files[1].header()))?;
    let reserved = ReservedPaths::default().read("a results file", [&*args.old, &*args.new]);
    let reserved = reserved.settings(&settings)?;
    let targets = open(check(or_stdout(args.output), &reserved, &FORMATS)?)?;
    let report = first_file(targets.iter().map(|target| target.path.as_path()));
    // Both files are read completely before the first report is written, so that no report is made from a damaged file.
    let [old, new] = &results_files;
    let [old, new] = [side(old, &given)?, side(new, &given)?];
    in_order(&old, &new)?;
    let (differences, failures) = render(old, new, targets, CsvDialect::of(&settings)?)?;
    for warning in differences.warnings() {
        tracing::warn!("{warning}");
    }
    if !stderr.quiet {
        say(&differences, report)?;
    }
    let next = "both results files are whole: compare them again";
    if let Some(failed) = unwritten(failures, None, next) {
        return Err(failed);
    }
    Ok(if differences.is_incomplete() {
        Status::Incomplete // as it ended the audit, whatever else was found
    } else if differences.is_alarming() && !args.exit_zero {
        Status::Findings
    } else {
        Status::Clean
    })
}

/// Returns one side. Each results file is judged by its own expectations, unless flags give others.
fn side<'r>(results_file: &'r ResultsFile, given: &Expectations) -> Result<Side<'r>, Failed> {
    let expectations = or_recorded(given, results_file.header().expectations.clone());
    Ok(Side {
        results_file,
        summary: checked(results_file, expectations.clone())?,
        expectations,
    })
}

/// Refuses swapped results files, which would turn every resolution into a regression.
fn in_order(old: &Side<'_>, new: &Side<'_>) -> Result<(), Failed> {
    match (old.moment(), new.moment()) {
        (Some(earlier), Some(later)) if earlier > later => {
            let [old, new] = [old, new].map(|side| side.results_file.path().display());
            let error = anyhow!(
                "{old} speaks of {earlier:.3}, {new} of {later:.3}; expected the earlier results file first"
            );
            let hint = format!("ons-audit diff {new} {old}");
            Err(Failed::refused(error, Some(hint)))
        }
        _ => Ok(()),
    }
}

fn first_file<'p>(mut paths: impl Iterator<Item = &'p Path>) -> Option<String> {
    let path = paths.find(|path| *path != Path::new("-"))?;
    Some(path.display().to_string())
}

fn say(differences: &Differences<'_>, report: Option<String>) -> Result<(), Failed> {
    if exit::is_json() {
        let value = differences_value(differences);
        let value = value.map_err(|error| Failed::incomplete(error, None))?;
        let headline = value["headline"].as_str().unwrap_or_default();
        exit::say_json("INFO", headline, &json!({"summary": value}));
        return Ok(());
    }
    let mut text = Vec::new();
    let width = ui::width();
    TerminalChanges { report, width }
        .render(differences, &mut text)
        .map_err(|error| Failed::incomplete(error, None))?;
    exit::say(&String::from_utf8_lossy(&text));
    Ok(())
}
