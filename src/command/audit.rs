//! `audit`: ask, judge, report.
//!
//! Everything that can be refused is refused before the first call: settings, input, report paths, credentials.
//! Then the one loop runs, and the record that it leaves is rendered like any other.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use data_encoding::HEXLOWER;

use super::World;
use super::flags::{
    ExpectFlags, InputFlags, Named, Pace, PaceFlags, ReportFlags, SettingsFlags, SourceFlags, Talk,
    TalkFlags,
};
use super::outcome::{Ending, conclude};
use crate::clock;
use crate::engine::{Ended, Engine, Forecast, RETENTION, Sink, Stop};
use crate::exit::{Failed, Status};
use crate::input::{Entry, Inputs, Row};
use crate::message::BornClock;
use crate::record::{
    Durability, Header, InputFile, Outcome, ReadError, Record, RecordError, Recorder, SCHEMA,
};
use crate::report::{CsvDialect, Target};
use crate::settings::{Layers, MaxRejects, Zone};
use crate::source::{Failure, Source, TraceSource};
use crate::ui::Progress;
use crate::verdict::{Expectations, Totals};
use crate::words;

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
    reports: ReportFlags,
    /// The record: every answer once, from which reports can be made again [default: beside the first report]
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    results: Option<PathBuf>,
    /// The producers' time zone, by which born times are decoded from IDs [default: +08:00]
    #[arg(long, value_name = "ZONE", help_heading = "Reports")]
    producer_zone: Option<String>,
    /// End with 0 instead of 1 when there is something to look at; never instead of 2 or 3
    #[arg(long, help_heading = "Messages")]
    exit_zero: bool,
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
    let exit_zero = args.exit_zero;
    let job = Job::settle(args, &layers, world)?;
    let results = job.results.clone();
    let ending = Ending {
        exit_zero,
        quiet: job.talk.quiet,
        csv: CsvDialect::of(&layers)?,
    };
    let targets = job.ask(world)?;
    let record = Record::open(&results)?;
    let expectations = record.header().expectations.clone();
    // The seal was made a moment ago by this very process; `verify` and `report` check it.
    conclude(&[record], expectations, targets, &ending, false)
}

impl Args {
    fn layers(&self, world: &World) -> Result<Layers, Failed> {
        let mut layers = self.settings.layers(world)?;
        self.source.lay(&mut layers);
        self.expect.lay(&mut layers);
        self.input.lay(&mut layers);
        self.pace.lay(&mut layers);
        self.reports.lay(&mut layers);
        self.talk.lay(&mut layers);
        layers.flag("producer_zone", self.producer_zone.as_ref());
        Ok(layers)
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

/// An audit, settled: nothing is left to be refused but by the source.
struct Job {
    source: Source,
    inputs: Inputs,
    targets: Vec<Target>,
    results: PathBuf,
    header: Header,
    pace: Pace,
    durability: Durability,
    /// By which answers are judged as they come; too fast to be read where nothing paces them.
    live_verdicts: Option<Expectations>,
    talk: Talk,
}

impl Job {
    fn settle(args: Args, layers: &Layers, world: &World) -> Result<Self, Failed> {
        let talk = args.talk.start(layers)?;
        let named = Named::of(layers)?;
        let repeatable = named.is_repeatable();
        let pace = Pace::of(layers, repeatable, world.clock)?;
        let expectations = args.expect.settle(layers)?;
        let zone: Zone = layers.get("producer_zone")?;
        let results = args.results_path();
        let source_text = named.text();
        let taken: Vec<_> = args
            .input
            .paths()
            .iter()
            .chain([&results])
            .cloned()
            .collect();
        let inputs = args.input.open()?;
        refuse_to_replace(&results)?;
        let targets = args.reports.open(&taken)?;
        let source = named.connect(layers, world)?;
        let started = (world.clock)();
        let max_rejects: MaxRejects = layers.get("max_rejects")?;
        if repeatable && matches!(max_rejects, MaxRejects::Percent(share) if share >= 100.0) {
            refuse_if_all_are_bad(&inputs)?;
        } else {
            let born = BornClock::new(started, &zone.zone);
            let forecast = Forecast::of(inputs.rows(), pace.rate, started, RETENTION, |id| {
                born.born(id)
            })?;
            announce(&forecast, max_rejects)?;
        }
        let header = Header {
            schema: SCHEMA.to_owned(),
            run_id: run_id()?,
            tool: concat!("ons-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
            source: source_text,
            inputs: inputs.surveys().iter().map(input_file).collect(),
            started_at: clock::rfc3339(started),
            as_of: source.as_of().map(clock::rfc3339),
            expectations: expectations.clone(),
            producer_zone: zone.name,
        };
        let durability = if repeatable {
            Durability::Relaxed
        } else {
            Durability::EverySecond
        };
        let live_verdicts = (!repeatable).then_some(expectations);
        Ok(Self {
            source,
            inputs,
            targets,
            results,
            header,
            pace,
            durability,
            live_verdicts,
            talk,
        })
    }

    /// Runs the loop to its end and leaves a whole record, or says why there is none.
    fn ask(self, world: &World) -> Result<Vec<Target>, Failed> {
        let recorder = Recorder::create(&self.results, &self.header, self.durability)?;
        let rows = self.header.inputs.iter().map(|input| input.rows).sum();
        let progress = Progress::new(self.talk.mode, &self.talk.screen, rows, self.live_verdicts);
        let mut desk = Desk { recorder, progress };
        let stop = Stop::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failed::refused(e, None))?;
        let ended = runtime.block_on(async {
            let pacer = self.pace.pacer();
            let policy = &self.pace.policy;
            let engine = Engine {
                source: &self.source,
                pacer: &pacer,
                policy,
                stop: &stop,
            };
            tokio::select! {
                ended = engine.run(self.inputs.rows(), &mut desk) => ended,
                error = listen(&stop) => Err(error.into()),
            }
        });
        desk.progress.finish();
        match ended {
            Ok(Ended::Complete) => {
                desk.recorder.finish((world.clock)())?;
                Ok(self.targets)
            }
            Ok(Ended::Stopped) => Err(desk.stopped(anyhow!("stopped as asked"), rows)),
            Ok(Ended::Fatal(failure)) => Err(desk.refused(&failure, rows)),
            Err(error) => match error.downcast::<RecordError>() {
                Ok(error) => Err(error.into()),
                Err(error) => Err(desk.stopped(error, rows)),
            },
        }
    }
}

/// Turns each signal into a request to stop; ends only if signals can't be heard.
async fn listen(stop: &Stop) -> std::io::Error {
    use tokio::signal::unix::{SignalKind, signal};
    let both = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match both {
        Ok(both) => both,
        Err(error) => return error,
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if !stop.is_requested() {
            tracing::warn!(
                "stopping: waiting up to 5 s for the answers in flight; once more ends at once"
            );
        }
        stop.request();
    }
}

/// Takes what the loop brings: into the record, then onto the screen.
struct Desk {
    recorder: Recorder,
    progress: Progress,
}

impl Sink for Desk {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        self.recorder.push(row, outcome)?;
        self.progress.settled(row, outcome);
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        Ok(self.recorder.flush()?)
    }

    fn tick(&mut self) {
        self.progress.tick();
    }
}

impl Desk {
    /// The run ended before its last row.
    fn stopped(self, why: anyhow::Error, rows: u64) -> Failed {
        self.leave(why, None, rows, Failed::incomplete)
    }

    /// The source said what it would say to every query: a refusal if nothing has been answered yet.
    fn refused(self, failure: &Failure, rows: u64) -> Failed {
        let code = failure.code.as_deref().unwrap_or("no code");
        let status = failure
            .http_status
            .map(|status| format!(", HTTP {status}"))
            .unwrap_or_default();
        let why = anyhow!(
            "the source refuses every query: {} ({code}{status})",
            failure.message
        );
        let nothing_yet = self.recorder.totals().distinct == 0;
        let with: fn(anyhow::Error, Option<String>) -> Failed = if nothing_yet {
            Failed::refused
        } else {
            Failed::incomplete
        };
        self.leave(why, failure.hint.clone(), rows, with)
    }

    /// Closes the partial record. It is kept for its answers; without any it would only stand in the way.
    fn leave(
        self,
        why: anyhow::Error,
        hint: Option<String>,
        rows: u64,
        with: fn(anyhow::Error, Option<String>) -> Failed,
    ) -> Failed {
        let partial = self.recorder.partial();
        let totals = match self.recorder.abandon() {
            Ok(totals) => totals,
            Err(error) => return error.into(),
        };
        if totals.distinct == 0 && std::fs::remove_file(&partial).is_ok() {
            return with(why, hint);
        }
        let Totals {
            rows: settled,
            answered,
            not_found,
            ..
        } = totals;
        let kept = format!(
            "{} of {} rows are settled, {} answered: they are kept in {}",
            words::count(settled),
            words::count(rows),
            words::count(answered + not_found),
            partial.display()
        );
        with(
            why,
            Some(hint.map_or_else(|| kept.clone(), |hint| format!("{hint}\nhint: {kept}"))),
        )
    }
}

fn input_file(survey: &crate::input::Survey) -> InputFile {
    InputFile {
        path: survey.path.clone(),
        sha256: survey.sha256.clone(),
        rows: survey.rows,
    }
}

/// An earlier record is kept under another name; any other file is not ours to replace.
fn refuse_to_replace(results: &Path) -> Result<(), Failed> {
    match Record::open(results) {
        Ok(_) => Ok(()),
        Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(())
        }
        Err(error) => Err(Failed::refused(
            anyhow::Error::new(error).context("the record would replace a file that is none"),
            Some("name another record with --results".to_owned()),
        )),
    }
}

fn run_id() -> Result<String, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failed::refused(anyhow!("the system gives no random bytes: {error}"), None)
    })?;
    Ok(HEXLOWER.encode(&bytes))
}

/// Says what will be asked, or refuses to.
fn announce(forecast: &Forecast, max_rejects: MaxRejects) -> Result<(), Failed> {
    if max_rejects.exceeded(forecast.rejected, forecast.rows) {
        return Err(too_many_rejects(forecast.rejected, forecast.rows));
    }
    let time = forecast
        .seconds
        .map(|seconds| words::duration(std::time::Duration::from_secs_f64(seconds)));
    tracing::info!(
        "asking about {} messages{} ({} rows, {} duplicates, {} rejected)",
        words::count(forecast.distinct),
        time.map(|time| format!(", about {time}"))
            .unwrap_or_default(),
        words::count(forecast.rows),
        words::count(forecast.duplicates),
        words::count(forecast.rejected),
    );
    if forecast.expired + forecast.expiring > 0 {
        tracing::warn!(
            "by their IDs, {} messages are older than 3 days and {} more will be before their turn: they may be gone",
            words::count(forecast.expired),
            words::count(forecast.expiring),
        );
    }
    Ok(())
}

/// The same for a snapshot, where nothing is spent: reading stops at the first good row.
fn refuse_if_all_are_bad(inputs: &Inputs) -> Result<(), Failed> {
    let mut rows = 0;
    for row in inputs.rows() {
        if !matches!(row?.entry, Entry::Rejected(_)) {
            return Ok(());
        }
        rows += 1;
    }
    if rows == 0 {
        Ok(())
    } else {
        Err(too_many_rejects(rows, rows))
    }
}

fn too_many_rejects(rejected: u64, rows: u64) -> Failed {
    let error = anyhow!(
        "{} of {} rows are bad, more than --max-rejects allows",
        words::count(rejected),
        words::count(rows)
    );
    Failed::refused(
        error,
        Some("`ons-audit plan` with the same input names the first of them".to_owned()),
    )
}
