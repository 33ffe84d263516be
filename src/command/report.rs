//! `report`: render reports again from results files.

use std::path::PathBuf;

use super::World;
use super::flags::{ExpectFlags, ReportFlags, SettingsFlags, Taken, TalkFlags, zone_of};
use super::outcome::{Ending, conclude};
use crate::exit::{Failed, Status};
use crate::record::Record;
use crate::report::CsvDialect;
use crate::report::lang::Voice;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Results files that `audit` wrote; several are shards of one run
    #[arg(required = true, value_name = "RESULTS")]
    results: Vec<PathBuf>,
    #[command(flatten)]
    reports: ReportFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    /// End with 0 instead of 1 when there is something to look at; never instead of 2 or 3
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
    let talk = args.talk.start(&layers)?;
    let records = args
        .results
        .iter()
        .map(|path| Record::open(path))
        .collect::<Result<Vec<_>, _>>()?;
    let zone = records.first().map(|record| zone_of(record.header()));
    let told = args
        .expect
        .settle(&layers, &zone.unwrap_or(jiff::tz::TimeZone::UTC))?;
    // Judging by other expectations needs no new answers; without any, those of the run hold.
    let expectations = match records.first() {
        Some(record) if told.is_empty() && !told.accept_filtered => {
            record.header().expectations.clone()
        }
        _ => told,
    };
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
