//! An audit, settled: nothing is left to be refused but by the source. Then it runs.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::Args;
use super::begin::{Begin, BeginFlags};
use super::desk::Desk;
use super::ending::{listen, time_is_up};
use super::order::{Ages, left, unknown};
use super::refusals::{
    announce, announce_carried, announce_damage, announce_deadline, refuse_if_all_are_bad,
    refuse_if_empty, refuse_to_replace,
};
use crate::clock;
use crate::command::World;
use crate::command::flags::{Named, Pace, Talk};
use crate::engine::{Ended, Engine, Forecast, Pacer, RETENTION, Stop};
use crate::exit::Failed;
use crate::input::{Inputs, OldestFirst};
use crate::record::{Damage, Durability, Header, Previous, RecordError, SCHEMA};
use crate::report::Targets;
use crate::settings::{Deadline, Layers, MaxRejects, Zone};
use crate::source::{Source, TraceSource};
use crate::telemetry::Effort;
use crate::ui::{Judge, Progress};
use crate::verdict::Expectations;

/// Everything an audit needs.
pub(super) struct Job {
    source: Source,
    inputs: Inputs,
    targets: Targets,
    pub(super) results: PathBuf,
    header: Header,
    begin: Begin,
    previous: Option<Previous>,
    /// The rows in another order than that of the input.
    order: Option<OldestFirst>,
    deadline: Option<Deadline>,
    /// Distinct messages, settled ones included, where they were counted.
    messages: Option<u64>,
    pace: Pace,
    pacer: Pacer,
    durability: Durability,
    /// By which answers are judged as they come; too fast to be read where nothing paces them.
    live_verdicts: Option<Judge>,
    pub(super) talk: Talk,
}

impl Job {
    /// Refuses everything that can be refused without a call.
    pub(super) fn settle(args: Args, layers: &Layers, world: &World) -> Result<Self, Failed> {
        let talk = args.talk.start(layers)?;
        let named = Named::of(layers)?;
        let repeatable = named.is_repeatable();
        let pace = Pace::of(layers, repeatable, world.clock)?;
        let zone: Zone = layers.get("producer_zone")?;
        let expectations = args.expect.settle(layers, &zone.zone)?;
        let results = args.results_path();
        let source_text = named.text();
        let mut taken = args.input.paths().to_vec();
        taken.push(results.clone());
        taken.extend(named.file().map(Path::to_owned));
        taken.extend(args.begin.previous().map(Path::to_owned));
        let started = (world.clock)();
        let ages = Ages::settle(layers, &zone, started)?;
        let inputs = args.input.open()?;
        refuse_to_replace(&results)?;
        let targets = args.reports.open(&taken, layers)?;
        let source = named.connect(layers, world)?;
        let pacer = pace.pacer()?;
        refuse_if_empty(&inputs)?;
        let header = Header {
            source: source_text,
            as_of: source.as_of().map(clock::rfc3339),
            expectations: expectations.clone(),
            producer_zone: zone.name,
            born_column: layers.optional("born_column")?,
            ..header(&inputs, clock::rfc3339(started))?
        };
        let live_verdicts = (!repeatable).then(|| Judge::of(&header, expectations));
        let mut job = Self {
            source,
            inputs,
            targets,
            results,
            header,
            begin: Begin::New,
            previous: None,
            order: None,
            deadline: ages.deadline.clone(),
            messages: None,
            pace,
            pacer,
            durability: if repeatable {
                Durability::Relaxed
            } else {
                Durability::EverySecond
            },
            live_verdicts,
            talk,
        };
        job.look_back(&args.begin, layers)?;
        job.look_ahead(layers, &ages, started)?;
        Ok(job)
    }

    /// What is known already, by an earlier record or by an earlier part of this run.
    fn look_back(&mut self, flags: &BeginFlags, layers: &Layers) -> Result<(), Failed> {
        let previous = flags.open_previous(layers, &mut self.header)?;
        self.begin = flags.settle(&self.results, &self.header)?;
        let run_id = self.begin.run_id().unwrap_or(&self.header.run_id);
        self.previous = previous.map(|previous| previous.picking_for(run_id));
        Ok(())
    }

    /// What will be asked, in which order.
    fn look_ahead(&mut self, layers: &Layers, ages: &Ages, now: Timestamp) -> Result<(), Failed> {
        let max_rejects: MaxRejects = layers.get("max_rejects")?;
        let is_repeatable = self.durability == Durability::Relaxed;
        if matches!(self.begin, Begin::Whole) {
            return Ok(());
        }
        let done = self.begin.done();
        if is_repeatable && matches!(max_rejects, MaxRejects::Percent(share) if share >= 100.0) {
            refuse_if_all_are_bad(&self.inputs)?;
        } else {
            let carried = Cell::new(0);
            let rows = unknown(
                left(self.inputs.rows(), done),
                self.previous.as_ref(),
                &carried,
            );
            let born = |id: &str| ages.clock.born(id);
            let mut damage = Damage::default();
            let rows = rows.inspect(|row| row.iter().for_each(|row| damage.meet_row(row)));
            let mut forecast = Forecast::of(rows, self.pace.rate, now, RETENTION, born)?;
            announce_damage(&damage);
            forecast.rows += carried.get();
            // What is left of a run was not refused when it began.
            announce(&forecast, done.is_none().then_some(max_rejects))?;
            announce_carried(carried.get());
            if let Some(deadline) = &ages.deadline {
                announce_deadline(&forecast, deadline, now);
            }
            self.messages = Some(forecast.distinct + carried.get() + self.begin.distinct());
        }
        self.order = ages.oldest_first(&self.inputs, done, &self.results)?;
        Ok(())
    }

    /// Runs the loop to its end and leaves a whole record, or says why there is none.
    pub(super) fn ask(self, effort: &Cell<Effort>, world: &World) -> Result<Targets, Failed> {
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
        let mut desk = Desk {
            recorder,
            progress,
            effort,
            rows,
            messages: self.messages,
        };
        let rows: Box<dyn Iterator<Item = _>> = match self.order {
            Some(order) => Box::new(order),
            None => Box::new(left(self.inputs.rows(), Some(&done))),
        };
        let (stop, is_late) = (Stop::new(), Cell::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failed::refused(e, None))?;
        let ended = runtime.block_on(async {
            let policy = &self.pace.policy;
            let engine = Engine {
                source: &self.source,
                pacer: &self.pacer,
                policy,
                stop: &stop,
                previous: self.previous.as_ref(),
            };
            let deadline = self.deadline.as_ref();
            tokio::select! {
                ended = engine.run(rows, &mut desk) => ended,
                error = listen(&stop) => Err(error.into()),
                never = time_is_up(deadline, world.clock, &stop, &is_late) => match never {},
            }
        });
        desk.progress.finish();
        match ended {
            Ok(Ended::Complete) => {
                desk.recorder.finish((world.clock)())?;
                Ok(self.targets)
            }
            Ok(Ended::Stopped) => Err(desk.stopped(match self.deadline {
                Some(deadline) if is_late.get() => anyhow!("the time is up ({})", deadline.told),
                _ => anyhow!("stopped as asked"),
            })),
            Ok(Ended::Fatal(failure)) => Err(desk.refused(&failure)),
            Err(error) => match error.downcast::<RecordError>() {
                // Its threads may know better why it can't be written.
                Ok(error) => Err(desk.recorder.abandon().err().unwrap_or(error).into()),
                Err(error) => Err(desk.stopped(error)),
            },
        }
    }
}

/// What is known of a run before anything else: its inputs.
fn header(inputs: &Inputs, started_at: String) -> Result<Header, Failed> {
    Ok(Header {
        schema: SCHEMA.to_owned(),
        run_id: run_id()?,
        tool: concat!("ons-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: String::new(),
        inputs: inputs.surveys().to_vec(),
        started_at,
        as_of: None,
        expectations: Expectations::default(),
        producer_zone: String::new(),
        born_column: None,
        options: inputs.told().clone(),
    })
}

fn run_id() -> Result<String, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failed::refused(anyhow!("the system gives no random bytes: {error}"), None)
    })?;
    Ok(HEXLOWER.encode(&bytes))
}
