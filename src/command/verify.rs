//! `verify`: does the seal hold, do the totals tie out?

use std::path::PathBuf;

use anyhow::anyhow;

use crate::exit::{Failed, Status, print};
use crate::record::Record;
use crate::report::{Context, CsvDialect, render};
use crate::words::count;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results file that `audit` wrote
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Status, Failed> {
    let record = [Record::open(&args.results)?];
    let context = Context {
        groups: Vec::new(),
        columns: Vec::new(),
        expectations: record[0].header().expectations.clone(),
        csv: CsvDialect::default(),
    };
    // Rendering into no report at all reads every line, counts it, and compares seal and totals.
    let summary = render(&record, &context, Vec::new(), true)?;
    let totals = &summary.tally.totals;
    if !totals.tie() {
        let error = anyhow!(
            "{}: the totals do not tie: {totals:?}",
            args.results.display()
        );
        return Err(Failed::refused(
            error,
            Some("don't rely on this file".to_owned()),
        ));
    }
    let [rows, distinct, duplicates, rejected] = [
        totals.rows,
        totals.distinct,
        totals.duplicates,
        totals.rejected,
    ]
    .map(count);
    let [answered, not_found, unanswered] =
        [totals.answered, totals.not_found, totals.unanswered].map(count);
    print(&format!(
        "{}: the seal holds (sha256 {})\n\
         {rows} rows = {distinct} distinct + {duplicates} duplicates + {rejected} rejected\n\
         {distinct} distinct = {answered} answered + {not_found} not found + {unanswered} unanswered\n",
        args.results.display(),
        record[0].trailer().sha256,
    ))?;
    Ok(Status::Clean)
}
