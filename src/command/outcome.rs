//! The end that `audit` and `report` have in common: render the records, sum up, decide how it ended.

use std::collections::BTreeSet;

use crate::exit::{self, Failed, Status};
use crate::offsets::Rules;
use crate::record::Record;
use crate::report::{Context, CsvDialect, SummaryFormat, Targets, Terminal, render};
use crate::telemetry::Figures;
use crate::verdict::{Expectations, Tally};

/// What the person said about it.
#[derive(Debug)]
pub(super) struct Ending {
    /// 0 instead of 1.
    pub(super) exit_zero: bool,
    pub(super) csv: CsvDialect,
    /// No summary.
    pub(super) quiet: bool,
}

/// Renders `records` to `targets` and shows the summary on stderr.
pub(super) fn conclude(
    records: &[Record],
    expectations: Expectations,
    targets: Targets,
    ending: &Ending,
    check: bool,
) -> Result<(Status, Figures), Failed> {
    let answered = records
        .iter()
        .flat_map(|record| record.trailer().groups.iter().map(String::as_str));
    let groups: BTreeSet<&str> = answered.chain(expectations.groups()).collect();
    let mut columns: Vec<String> = Vec::new();
    for name in records.iter().flat_map(|record| &record.trailer().columns) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let context = Context {
        groups: groups.into_iter().map(str::to_owned).collect(),
        columns,
        marks: records
            .iter()
            .any(|record| record.header().rules == Rules::Offsets),
        expectations,
        csv: ending.csv,
    };
    let (summary, made) = render(records, &context, targets, check)?;
    if !ending.quiet {
        let mut text = Vec::new();
        Terminal { made }
            .render(&summary, &mut text)
            .map_err(|error| Failed::incomplete(error, None))?;
        exit::say(&String::from_utf8_lossy(&text));
    }
    let status = status(&summary.tally, ending.exit_zero);
    Ok((status, Figures::of(summary)))
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
