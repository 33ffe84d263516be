//! `audit`: ask, judge, report.
//!
//! Everything that can be refused is refused before the first call: settings, input, report paths, credentials.
//! Then the one loop runs, and the results file that it leaves is rendered like any other.

mod ending;
mod job;
mod judge_stage;
mod lookup_stage;
mod order;
mod query_run;
mod refusals;
mod run_sink;
mod start_mode;

use std::path::{Path, PathBuf};

use super::Env;
use super::flags::{
    DeadlineFlags, ExpectFlags, InputFlags, PaceFlags, ReportFlags, ReservedPaths, SettingsFlags,
    SourceFlags, TalkFlags, TelemetryFlags, Watch,
};
use super::interrupt::end_at_once;
use super::outcome::{ConcludeOptions, conclude};
use crate::exit::{Failed, Status};
use crate::report::CsvDialect;
use crate::report::locale::Locale;
use crate::results::ResultsFile;
use crate::settings::Settings;
use crate::telemetry::ReportTotals;

pub(super) use job::header;
pub(super) use judge_stage::{captured, kept};
pub(super) use lookup_stage::LookupStage;
pub(super) use query_run::{QueryRun, RunContext};
pub(super) use start_mode::ResumeFlags;

use job::Job;
use start_mode::StartFlags;

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
    start: StartFlags,
    #[command(flatten)]
    reports: ReportFlags,
    /// The results file: every answer once; reports can be made from it again [default: beside the first report]
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

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let settings = args.merged_settings(env)?;
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    // The metrics are written also where the run is refused: before that it must be sure that they replace nothing.
    let reserved = args.reserved(&settings)?;
    let watch = Watch::begin(&args.results_path(), &settings, env)?;
    let ended = audit(args, (&settings, &reserved), &watch, env);
    watch.end(ended)
}

fn audit(
    args: Args,
    (settings, reserved): (&Settings, &ReservedPaths),
    watch: &Watch,
    env: &Env,
) -> Result<(Status, ReportTotals), Failed> {
    let exit_zero = args.exit_zero;
    let mut job = Job::settle(args, (settings, reserved), env)?;
    let results = job.results.clone();
    let ending = ConcludeOptions {
        exit_zero,
        quiet: job.query_run.talk.quiet,
        csv: CsvDialect::of(settings)?,
        bundle: job.bundle.take(),
        locale: Locale::of(settings)?,
    };
    let is_whole = job.is_whole();
    let targets = job.ask(&watch.call_counts, env)?;
    end_at_once(format!(
        "the results file is whole: `ons-audit report {}` makes the reports",
        results.display()
    ));
    let results_file = ResultsFile::open(&results)?;
    let expectations = results_file.header().expectations.clone();
    // A seal that was made a moment ago by this very process need not be checked.
    conclude(&[results_file], expectations, targets, ending, is_whole)
}

impl Args {
    fn merged_settings(&self, env: &Env) -> Result<Settings, Failed> {
        let mut settings = self.settings.merged_settings(env)?;
        self.source.apply_to(&mut settings);
        self.expect.apply_to(&mut settings);
        self.input.apply_to(&mut settings);
        self.pace.apply_to(&mut settings);
        self.deadline.apply_to(&mut settings);
        self.start.apply_to(&mut settings);
        self.reports.apply_to(&mut settings);
        self.telemetry.apply_to(&mut settings);
        self.talk.apply_to(&mut settings);
        settings.flag("producer_zone", self.producer_zone.as_ref());
        Ok(settings)
    }

    /// What it reads and keeps, so that no report takes the place of it.
    fn reserved(&self, settings: &Settings) -> Result<ReservedPaths, Failed> {
        let inputs = self.input.paths().iter().map(PathBuf::as_path);
        let reserved = ReservedPaths::default()
            .read("an input", inputs)
            .settings(settings)?
            .results_file(&self.results_path())?
            // It may be the results file before this one with the same name, which is renamed.
            .read("the earlier results file", self.start.previous());
        for path in self.reports.paths() {
            reserved.refuse(path)?;
        }
        Ok(reserved)
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
