//! An audit, settled: nothing is left to be refused but by the source. Then it runs.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use data_encoding::HEXLOWER;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Args;
use super::begin::{Begin, left};
use super::desk::Desk;
use super::refusals::{announce, refuse_if_all_are_bad, refuse_if_empty, refuse_to_replace};
use crate::clock;
use crate::command::World;
use crate::command::flags::{Named, Pace, Talk};
use crate::engine::{Ended, Engine, Forecast, RETENTION, Stop};
use crate::exit::Failed;
use crate::input::Inputs;
use crate::message::BornClock;
use crate::record::{Durability, Header, RecordError, SCHEMA};
use crate::report::Target;
use crate::settings::{Layers, MaxRejects, Zone};
use crate::source::{Source, TraceSource};
use crate::ui::Progress;
use crate::verdict::Expectations;

/// SIGXFSZ, on every system with a number for it that we know of.
const FILE_TOO_LARGE: i32 = 25;

/// Everything an audit needs.
pub(super) struct Job {
    source: Source,
    inputs: Inputs,
    targets: Vec<Target>,
    pub(super) results: PathBuf,
    header: Header,
    begin: Begin,
    pace: Pace,
    durability: Durability,
    /// By which answers are judged as they come; too fast to be read where nothing paces them.
    live_verdicts: Option<Expectations>,
    pub(super) talk: Talk,
}

impl Job {
    /// Refuses everything that can be refused without a call.
    pub(super) fn settle(args: Args, layers: &Layers, world: &World) -> Result<Self, Failed> {
        let talk = args.talk.start(layers)?;
        let named = Named::of(layers)?;
        let repeatable = named.is_repeatable();
        let pace = Pace::of(layers, repeatable, world.clock)?;
        let expectations = args.expect.settle(layers)?;
        let zone: Zone = layers.get("producer_zone")?;
        let results = args.results_path();
        let source_text = named.text();
        let mut taken = args.input.paths().to_vec();
        taken.push(results.clone());
        taken.extend(named.file().map(Path::to_owned));
        let inputs = args.input.open()?;
        refuse_to_replace(&results)?;
        let targets = args.reports.open(&taken)?;
        let source = named.connect(layers, world)?;
        let started = (world.clock)();
        refuse_if_empty(&inputs)?;
        let header = Header {
            schema: SCHEMA.to_owned(),
            run_id: run_id()?,
            tool: concat!("ons-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
            source: source_text,
            inputs: inputs.surveys().to_vec(),
            started_at: clock::rfc3339(started),
            as_of: source.as_of().map(clock::rfc3339),
            expectations: expectations.clone(),
            producer_zone: zone.name,
            options: inputs.told().clone(),
        };
        let begin = args.begin.settle(&results, &header)?;
        let max_rejects: MaxRejects = layers.get("max_rejects")?;
        if repeatable && matches!(max_rejects, MaxRejects::Percent(share) if share >= 100.0) {
            refuse_if_all_are_bad(&inputs)?;
        } else if !matches!(begin, Begin::Whole) {
            let born = BornClock::new(started, &zone.zone);
            let rows = left(inputs.rows(), begin.done());
            let forecast = Forecast::of(rows, pace.rate, started, RETENTION, |id| born.born(id))?;
            // What is left of a run was not refused when it began.
            let max_rejects = begin.done().is_none().then_some(max_rejects);
            announce(&forecast, max_rejects)?;
        }
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
            begin,
            pace,
            durability,
            live_verdicts,
            talk,
        })
    }

    /// Runs the loop to its end and leaves a whole record, or says why there is none.
    pub(super) fn ask(self, world: &World) -> Result<Vec<Target>, Failed> {
        if matches!(self.begin, Begin::Whole) {
            let whole = self.results.display();
            tracing::info!("{whole} is whole and every message in it answered: nothing is asked");
            return Ok(self.targets);
        }
        let rows = self.header.rows();
        let (recorder, done) = self
            .begin
            .record(&self.results, &self.header, self.durability)?;
        let mut progress =
            Progress::new(self.talk.mode, &self.talk.screen, rows, self.live_verdicts);
        progress.resume(done.len());
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
                ended = engine.run(left(self.inputs.rows(), Some(&done)), &mut desk) => ended,
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
                // Its threads may know better why it can't be written.
                Ok(error) => Err(desk.recorder.abandon().err().unwrap_or(error).into()),
                Err(error) => Err(desk.stopped(error, rows)),
            },
        }
    }
}

/// Turns each signal into a request to stop; ends only if signals can't be heard.
async fn listen(stop: &Stop) -> std::io::Error {
    let is_hang_up_ignored = is_ignored(SignalKind::hangup()); // by nohup
    let [mut interrupt, mut terminate, mut hang_up] = match heard() {
        Ok(heard) => heard,
        Err(error) => return error,
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv(), if !is_hang_up_ignored => {}
        }
        if !stop.is_requested() {
            tracing::warn!(
                "stopping: waiting up to 5 s for the answers in flight; once more ends at once"
            );
        }
        stop.request();
    }
}

/// Was this process started to ignore a signal? Only Linux tells.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// The signals that end a run. A file that outgrows its limit is not one of them: once that signal is heard of, the
/// write fails instead of the process.
fn heard() -> std::io::Result<[Signal; 3]> {
    let _heard_of = signal(SignalKind::from_raw(FILE_TOO_LARGE))?;
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ])
}

fn run_id() -> Result<String, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failed::refused(anyhow!("the system gives no random bytes: {error}"), None)
    })?;
    Ok(HEXLOWER.encode(&bytes))
}
