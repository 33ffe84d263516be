//! `report`: render reports again from results files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::anyhow;

use super::World;
use super::flags::{ExpectFlags, ReportFlags, SettingsFlags, Taken, TalkFlags, zone_of};
use super::outcome::{Ending, conclude};
use crate::exit::{Failed, Status};
use crate::record::Record;
use crate::report::CsvDialect;
use crate::report::lang::Voice;
use crate::verdict::Expectations;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results files that `audit` wrote; several are shards of one run
    ///
    /// Shards that expect other groups need one --expect or --expect-file for all. Each message is counted once in a record:
    /// one that two shards ask about is counted twice.
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    #[command(flatten)]
    reports: ReportFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    /// Exit with 0 instead of 1 when there is something to look at; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    talk: TalkFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: Args, world: &World) -> Result<Status, Failed> {
    let mut layers = args.settings.layers(world)?;
    args.reports.lay(&mut layers);
    args.expect.lay(&mut layers);
    args.talk.lay(&mut layers);
    if let Some(shown) = args.settings.show(&layers) {
        return shown;
    }
    let talk = args.talk.start(&layers, world)?;
    let records = args
        .results
        .iter()
        .map(|path| Record::open(path))
        .collect::<Result<Vec<_>, _>>()?;
    let zone = records.first().map(|record| zone_of(record.header()));
    let told = args
        .expect
        .settle(&layers, &zone.unwrap_or(jiff::tz::TimeZone::UTC))?;
    refuse_twice(&records)?;
    // Judging by other expectations needs no new answers; without any, those of the run hold.
    let expectations = if told.is_empty() && !told.accept_filtered {
        in_common(&records)?
    } else {
        told
    };
    warn_of_sources(&records);
    let results = args.results.iter().map(PathBuf::as_path);
    let taken = Taken::default().read("the record", results);
    let taken = taken.settings(&layers)?;
    let bundle = args.reports.open_bundle(&taken, &layers, world)?;
    let targets = args.reports.open(&taken, &layers)?;
    let ending = Ending {
        exit_zero: args.exit_zero,
        quiet: talk.quiet,
        csv: CsvDialect::of(&layers)?,
        bundle,
        voice: Voice::of(&layers)?,
    };
    conclude(&records, expectations, targets, ending, true).map(|(status, _)| status)
}

/// What all shards expect.
fn in_common(records: &[Record]) -> Result<Expectations, Failed> {
    let expected = |record: &Record| record.header().expectations.clone();
    let first = records.first().map(expected).unwrap_or_default();
    match records.iter().find(|record| expected(record) != first) {
        None => Ok(first),
        Some(other) => {
            let [one, other] = [&records[0], other].map(|record| record.path().display());
            Err(Failed::refused(
                anyhow!("{one} and {other} expect other groups, and are no shards of one run"),
                "name the groups of all with --expect or --expect-file, or make a report of each"
                    .to_owned(),
            ))
        }
    }
}

/// The same answers would count twice. A run that was gone on with leaves an earlier record, which has its ID.
fn refuse_twice(records: &[Record]) -> Result<(), Failed> {
    for (nth, record) in records.iter().enumerate() {
        let is_same = |earlier: &&Record| {
            earlier.trailer().sha256 == record.trailer().sha256
                || earlier.header().run_id == record.header().run_id
        };
        if let Some(earlier) = records[..nth].iter().find(is_same) {
            let [one, other] = [earlier, record].map(|record| record.path().display());
            return Err(Failed::refused(
                anyhow!(
                    "{one} and {other} are records of the same run: its messages would count twice"
                ),
                "name one of them".to_owned(),
            ));
        }
    }
    Ok(())
}

fn warn_of_sources(records: &[Record]) {
    let sources: BTreeSet<_> = records
        .iter()
        .map(|record| &*record.header().source)
        .collect();
    if sources.len() > 1 {
        tracing::warn!(
            "these records were asked of different sources: {}",
            sources.into_iter().collect::<Vec<_>>().join(", ")
        );
    }
}
