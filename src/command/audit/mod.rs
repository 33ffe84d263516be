//! `audit`: ask, judge, report.
//!
//! Everything that can be refused is refused before the first call: settings, input, report paths, credentials.
//! Then the one loop runs, and the record that it leaves is rendered like any other.

mod asking;
mod begin;
mod captured;
mod desk;
mod ending;
mod job;
mod located;
mod order;
mod refusals;

use std::path::{Path, PathBuf};

use super::World;
use super::flags::{
    DeadlineFlags, ExpectFlags, InputFlags, PaceFlags, ReportFlags, SettingsFlags, SourceFlags,
    Taken, TalkFlags, TelemetryFlags, Watch,
};
use super::interrupt::end_at_once;
use super::outcome::{Ending, conclude};
use crate::exit::{Failed, Status};
use crate::record::Record;
use crate::report::CsvDialect;
use crate::report::lang::Voice;
use crate::settings::Layers;
use crate::telemetry::Figures;

pub(super) use asking::{Around, Asking};
pub(super) use begin::ResumeFlags;
pub(super) use captured::{captured, kept};
pub(super) use job::header;
pub(super) use located::Located;

use begin::BeginFlags;
use job::Job;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputFlags,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    deadline: DeadlineFlags,
    #[command(flatten)]
    begin: BeginFlags,
    #[command(flatten)]
    reports: ReportFlags,
    /// The record: every answer once; reports can be made from it again [default: beside the first report]
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    results: Option<PathBuf>,
    /// Time zone of the producers, used to decode born times from IDs [default: +08:00]
    #[arg(long, value_name = "ZONE", help_heading = "Reports")]
    producer_zone: Option<String>,
    /// Exit with 0 instead of 1 when there is something to look at; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    telemetry: TelemetryFlags,
    #[command(flatten)]
    talk: TalkFlags,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: Args, world: &World) -> Result<Status, Failed> {
    let layers = args.layers(world)?;
    if let Some(shown) = args.settings.show(&layers) {
        return shown;
    }
    // The metrics are written also where the run is refused: before that it must be sure that they replace nothing.
    let taken = args.taken(&layers)?;
    let watch = Watch::begin(&args.results_path(), &layers, world)?;
    let ended = audit(args, (&layers, &taken), &watch, world);
    watch.end(ended)
}

fn audit(
    args: Args,
    (layers, taken): (&Layers, &Taken),
    watch: &Watch,
    world: &World,
) -> Result<(Status, Figures), Failed> {
    let exit_zero = args.exit_zero;
    let mut job = Job::settle(args, (layers, taken), world)?;
    let results = job.results.clone();
    let ending = Ending {
        exit_zero,
        quiet: job.asking.talk.quiet,
        csv: CsvDialect::of(layers)?,
        bundle: job.bundle.take(),
        voice: Voice::of(layers)?,
    };
    let is_whole = job.is_whole();
    let targets = job.ask(&watch.effort, world)?;
    end_at_once(format!(
        "the record is whole: `ons-audit report {}` makes the reports",
        results.display()
    ));
    let record = Record::open(&results)?;
    let expectations = record.header().expectations.clone();
    // A seal that was made a moment ago by this very process need not be checked.
    conclude(&[record], expectations, targets, ending, is_whole)
}

impl Args {
    fn layers(&self, world: &World) -> Result<Layers, Failed> {
        let mut layers = self.settings.layers(world)?;
        self.source.lay(&mut layers);
        self.expect.lay(&mut layers);
        self.input.lay(&mut layers);
        self.pace.lay(&mut layers);
        self.deadline.lay(&mut layers);
        self.begin.lay(&mut layers);
        self.reports.lay(&mut layers);
        self.telemetry.lay(&mut layers);
        self.talk.lay(&mut layers);
        layers.flag("producer_zone", self.producer_zone.as_ref());
        Ok(layers)
    }

    /// What it reads and keeps, so that no report takes the place of it.
    fn taken(&self, layers: &Layers) -> Result<Taken, Failed> {
        let inputs = self.input.paths().iter().map(PathBuf::as_path);
        let taken = Taken::default()
            .read("an input", inputs)
            .settings(layers)?
            .record(&self.results_path())?
            // It may be the record before this one with the same name, which is renamed.
            .read("the earlier record", self.begin.previous());
        for path in self.reports.paths() {
            taken.refuse(path)?;
        }
        Ok(taken)
    }

    /// Beside the first report; else here, named after the first input.
    fn results_path(&self) -> PathBuf {
        let beside = || {
            let first = self
                .input
                .paths()
                .first()
                .and_then(|path| path.file_name())
                .filter(|name| *name != "-");
            self.reports.first_file().map_or_else(
                || PathBuf::from(first.unwrap_or("audit".as_ref())),
                Path::to_owned,
            )
        };
        self.results
            .clone()
            .unwrap_or_else(|| beside().with_extension("results.ndjson"))
    }
}
