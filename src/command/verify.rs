//! `verify`: does the seal hold, do the totals tie out? Of a results file, or of everything in a bundle.

use std::path::PathBuf;

use anyhow::anyhow;

use super::evidence;
use crate::bundle::is_bundle;
use crate::exit::{Failed, Status, print};
use crate::report::lang::Voice;
use crate::report::{Context, CsvDialect, Summary, Targets, render};
use crate::results::ResultsFile;
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results file that `audit` wrote, or a bundle that `--bundle` wrote
    ///
    /// Asks nobody. It proves that nothing was changed since, not that the source told the truth.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Status, Failed> {
    if is_bundle(&args.results).unwrap_or(false) {
        return evidence::verify(&args.results);
    }
    let results_file = ResultsFile::open(&args.results)?;
    let expectations = results_file.header().expectations.clone();
    let summary = checked(&results_file, expectations)?;
    let [rows, distinct] = summary.told().totals();
    print(&format!(
        "{}: the seal holds (sha256 {})\n{rows}\n{distinct}\n",
        args.results.display(),
        results_file.trailer().sha256,
    ))?;
    Ok(Status::Clean)
}

/// Reads the whole results file: do its seal and its totals hold? Gives what it adds up to by `expectations`.
pub(super) fn checked(
    results_file: &ResultsFile,
    expectations: Expectations,
) -> Result<Summary<'_>, Failed> {
    let context = Context {
        groups: Vec::new(),
        columns: Vec::new(),
        marks: false,
        expectations,
        csv: CsvDialect::default(),
        voice: Voice::default(),
    };
    // Rendering into no report at all reads every line, counts it, and compares seal and totals.
    let (summary, _) = render(
        std::slice::from_ref(results_file),
        &context,
        Targets::default(),
        true,
    )?;
    let totals = &summary.tally.totals;
    if totals.tie() {
        return Ok(summary);
    }
    let path = results_file.path().display();
    let error = anyhow!("{path}: the totals do not tie: {totals:?}");
    Err(Failed::refused(
        error,
        Some("don't rely on this file".to_owned()),
    ))
}
