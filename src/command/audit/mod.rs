//! `audit`: ask, judge, report.
//!
//! Everything that can be refused is refused before the first call: settings, input, report paths, credentials.
//! Then the one loop runs, and the results file that it leaves is rendered like any other.

mod draft;
mod examine;
mod infer;
mod job;
mod judge_stage;
mod lookup_stage;
mod order;
mod preflight;
mod query_run;
mod refusals;
mod run_sink;
mod start_mode;
mod stream;

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::Env;
use super::flags::{
    DeadlineFlags, ExamineFlags, ExpectFlags, InputFlags, PaceFlags, RemovedBrokerFlags,
    ReportFlags, ReservedPaths, RunMonitor, SettingsFlags, SourceFlags, StderrFlags,
    TelemetryFlags,
};
use super::outcome::{ConcludeOptions, Conclusion, conclude};
use super::signals::exit_on_signal;
use crate::exit::{Failed, Status};
use crate::file;
use crate::report::CsvDialect;
use crate::report::locale::Locale;
use crate::results::ResultsFile;
use crate::settings::Settings;

pub(super) use draft::Draft;
pub(super) use infer::{InferInput, InferPlan, InferSettings};
pub(super) use job::{INSTANCES_ASKED, header};
pub(super) use judge_stage::{read_offsets, resume_hint};
pub(super) use lookup_stage::LookupStage;
pub(super) use preflight::{ForecastTerms, Preflight};
pub(super) use query_run::QueryRun;
pub(super) use refusals::{announce_notes, reached, refuse_too_many_rejects};
pub(super) use start_mode::{ResumeFlags, StartMode};

use job::Job;
use start_mode::StartFlags;
use stream::StreamOrder;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputFlags,
    /// Read standard input once and write the line of each row as soon as it is answered
    ///
    /// The lines are those of an NDJSON report. With ordered they stand in the order of the rows. Rows that need not all be
    /// there yet: each is asked when it arrives. A slow reader slows the asking.
    ///
    /// Example: tail -n +1 -f orders.csv | ons-audit audit - --stream --source ons://cn-hangzhou -o -
    #[arg(
        long,
        value_name = "ORDER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "unordered",
        help_heading = "Input"
    )]
    stream: Option<StreamOrder>,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    removed: RemovedBrokerFlags,
    #[command(flatten)]
    expect: ExpectFlags,
    #[command(flatten)]
    examine: ExamineFlags,
    #[command(flatten)]
    pace: PaceFlags,
    #[command(flatten)]
    deadline: DeadlineFlags,
    #[command(flatten)]
    pub(super) start: StartFlags,
    #[command(flatten)]
    pub(super) reports: ReportFlags,
    /// The results file: every answer once; reports can be made from it again [default: beside the first report]
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    results: Option<PathBuf>,
    /// Time zone of the producers, used to decode born times from IDs [default: +08:00]
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Reports"
    )]
    producer_zone: Option<String>,
    /// Exit with 0 instead of 1 when there is something to look at; 2 and 3 stay
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
    #[command(flatten)]
    telemetry: TelemetryFlags,
    #[command(flatten)]
    stderr: StderrFlags,
    #[command(flatten)]
    pub(super) settings: SettingsFlags,
}

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let settings = args.merged_settings(env)?;
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    // Before the input is opened, since a workbook and its scratch files need some.
    let _ = file::raise_open_files();
    // A refused run writes its metrics, too. So the paths are checked first: the metrics must not replace a file.
    let reserved = args.reserved_paths(&settings)?;
    let monitor = RunMonitor::start(&args.results_path(), &settings, env)?;
    if let Some(order) = args.stream {
        let ended = stream::audit(&args, order, (&settings, &reserved), &monitor, env);
        return monitor.end(ended);
    }
    let ended = audit(args, (&settings, &reserved), &monitor, env);
    monitor.end(ended)
}

fn audit(
    args: Args,
    (settings, reserved): (&Settings, &ReservedPaths),
    monitor: &RunMonitor,
    env: &Env,
) -> Result<Conclusion, Failed> {
    let exit_zero = args.exit_zero;
    let numbers = args.reports.numbers();
    let report_flags = ReportFlags::repeated(settings);
    let mut job = Job::new(args, (settings, reserved), env)?;
    let results = job.results.clone();
    let options = ConcludeOptions {
        numbers,
        exit_zero,
        quiet: job.stderr.quiet,
        csv: CsvDialect::of(settings)?,
        bundle: job.bundle.take(),
        report_flags: Some(report_flags),
        locale: Locale::of(settings)?,
    };
    // The seal of a file that this process has just written need not be checked.
    let checks_seal = job.is_already_complete();
    let targets = job.run(&monitor.call_counts, env)?;
    exit_on_signal(format!(
        "the results file is whole: `ons-audit report {}` makes the reports",
        results.display()
    ));
    let results_file = ResultsFile::open(&results)?;
    let expectations = results_file.header().expectations.clone();
    conclude(&[results_file], expectations, targets, options, checks_seal)
}

impl Args {
    /// Refuses `--stream` where all rows are read before the first is asked.
    fn refuse_stream(&self) -> Result<(), Failed> {
        if self.stream.is_none() {
            return Ok(());
        }
        let error = anyhow!("--stream can't be used here: all rows are read first");
        Err(Failed::refused(error, "leave it out".to_owned()))
    }

    /// Returns the reports and the results file, without those that name an input: such a run is refused.
    pub(super) fn outputs(&self) -> Vec<PathBuf> {
        let reports = self.reports.paths().map(Path::to_owned);
        let outputs = reports.chain([self.results_path()]);
        let is_input = |path: &PathBuf| self.input.paths().contains(path);
        outputs.filter(|path| !is_input(path)).collect()
    }

    pub(super) fn merged_settings(&self, env: &Env) -> Result<Settings, Failed> {
        let mut settings = self.settings.merged_settings(env)?;
        self.source.apply_to(&mut settings);
        self.expect.apply_to(&mut settings);
        self.examine.apply_to(&mut settings);
        self.input.apply_to(&mut settings);
        self.pace.apply_to(&mut settings);
        self.deadline.apply_to(&mut settings);
        self.start.apply_to(&mut settings);
        self.reports.apply_to(&mut settings);
        self.telemetry.apply_to(&mut settings);
        self.stderr.apply_to(&mut settings);
        settings.flag("producer_zone", self.producer_zone.as_ref());
        Ok(settings)
    }

    /// Returns the paths that the audit reads and keeps. A report must not replace any of them.
    pub(super) fn reserved_paths(&self, settings: &Settings) -> Result<ReservedPaths, Failed> {
        let inputs = self.input.paths().iter().map(PathBuf::as_path);
        let reserved = ReservedPaths::default()
            .read("an input", inputs)
            .settings(settings)?
            .results_file(&self.results_path())?
            // It may have the name of the new results file; it is then renamed.
            .read("the earlier results file", self.start.previous());
        for path in self.reports.paths() {
            reserved.refuse(path)?;
        }
        Ok(reserved)
    }

    /// Returns the path of `--results`, or else the path beside the first report, or else a path in the current folder named after the first input.
    pub(super) fn results_path(&self) -> PathBuf {
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
        let path = self
            .results
            .clone()
            .unwrap_or_else(|| beside().with_extension("results.ndjson"));
        // The partial file belongs beside the file that a link names.
        let target = path.is_symlink().then(|| file::followed(&path).ok());
        target.flatten().unwrap_or(path)
    }
}
