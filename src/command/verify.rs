//! `verify`: checks the seal and the totals of a results file, or everything in a bundle.

use std::path::PathBuf;

use super::evidence;
use super::rendering::checked;
use crate::bundle::is_bundle;
use crate::exit::{Failed, Status, print};
use crate::results::ResultsFile;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results file that `audit` wrote, or a bundle that `--bundle` wrote
    ///
    /// Works offline. It proves that nothing was changed since, not that the source told the truth.
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
    let [rows, distinct] = summary.text().totals();
    print(&format!(
        "{}: the seal holds (sha256 {})\n{rows}\n{distinct}\n",
        args.results.display(),
        results_file.trailer().sha256,
    ))?;
    Ok(Status::Clean)
}
