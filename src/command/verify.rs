//! `verify`: checks the seal and the totals of a results file, everything in a bundle, or the parts of a split report.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::evidence;
use super::rendering::checked;
use crate::bundle::is_bundle;
use crate::exit::{Failed, Status, print};
use crate::file::PartsList;
use crate::humanize::counted;
use crate::results::ResultsFile;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results file that `audit` wrote, bundle that `--bundle` wrote, or list that `--split` wrote (….parts.json)
    ///
    /// Works offline. It proves that nothing was changed since, not that the source told the truth.
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Status, Failed> {
    if is_bundle(&args.results).unwrap_or(false) {
        return evidence::verify(&args.results);
    }
    if PartsList::is_named(&args.results) {
        return verify_parts(&args.results);
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

/// Checks that the parts of a report are those of its list.
fn verify_parts(path: &Path) -> Result<Status, Failed> {
    let refused = |problem: String| {
        let hint = "make the report again with `ons-audit report RESULTS -o FILE.csv --split ROWS`";
        Failed::refused(anyhow!(problem), Some(hint.to_owned()))
    };
    let list = PartsList::read(path);
    let list = list.map_err(|error| refused(format!("can't read {}: {error}", path.display())))?;
    let list = list.ok_or_else(|| {
        let error = anyhow!("{} is no list of parts, or a damaged one", path.display());
        let hint = "remove it, then make the report again with `ons-audit report RESULTS -o FILE.csv --split ROWS`";
        Failed::refused(error, hint.to_owned())
    })?;
    for part in &list.parts {
        let place = path.with_file_name(&part.file);
        let found = evidence::hash_of(&place)
            .map_err(|error| refused(format!("can't read {}: {error}", place.display())))?;
        if found != part.sha256 {
            return Err(refused(format!(
                "{} was changed: its sha256 is {found}, the list says {}",
                place.display(),
                part.sha256
            )));
        }
    }
    let rows = list.parts.iter().map(|part| part.rows).sum();
    print(&format!(
        "{}: {} with {}, each with the sha256 that the list names\n",
        path.display(),
        counted(list.parts.len() as u64, "part", "parts"),
        counted(rows, "row", "rows"),
    ))?;
    Ok(Status::Clean)
}
