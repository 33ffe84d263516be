//! An audit, settled: nothing is left to be refused but by the source. Then it runs.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::anyhow;
use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::Args;
use super::lookup_stage::LookupStage;
use super::order::{Ages, left, unknown};
use super::query_run::{QueryRun, RunContext};
use super::refusals::{
    announce, announce_carried, announce_damage, announce_deadline, refuse_if_all_are_bad,
    refuse_if_empty, refuse_to_replace, refuse_too_many_rejects,
};
use super::start_mode::{StartFlags, StartMode};
use crate::clock;
use crate::command::Env;
use crate::command::evidence::BundleTarget;
use crate::command::flags::{Kind, Pace, ReservedPaths, SourceSpec};
use crate::engine::{Forecast, RETENTION, Rate};
use crate::exit::Failed;
use crate::input::Inputs;
use crate::message::{BornClock, Zone};
use crate::offsets::Rules;
use crate::report::Targets;
use crate::results::{Durability, Header, Previous, SCHEMA, SpreadsheetDamage};
use crate::settings::{MaxRejects, Settings};
use crate::source::{Snapshot, Source, TraceSource};
use crate::telemetry::CallCounts;
use crate::ui::LiveJudge;
use crate::verdict::Expectations;

/// Everything an audit needs.
pub(super) struct Job {
    source: Rc<Source>,
    pub(super) query_run: QueryRun,
    targets: Targets,
    /// Packed in the end.
    pub(super) bundle: Option<BundleTarget>,
    pub(super) results: PathBuf,
    pub(super) header: Header,
    /// Where messages that were looked up wait for their judgement; only a cluster needs it.
    located: Option<LookupStage>,
    /// Dates IDs.
    pub(super) born: BornClock,
}

impl Job {
    /// Refuses everything that can be refused without a call.
    pub(super) fn settle(
        args: Args,
        (settings, reserved): (&Settings, &ReservedPaths),
        env: &Env,
    ) -> Result<Self, Failed> {
        let talk = args.talk.start(settings, env)?;
        let named = SourceSpec::of(settings)?;
        let (kind, repeatable) = (named.kind(), named.is_repeatable());
        let pace = Pace::of(settings, kind, env.clock)?;
        let zone: Zone = settings.get("producer_zone")?;
        let expectations = args.expect.settle(settings, &zone.zone)?;
        let results = args.results_path();
        let source_text = named.text();
        let started = (env.clock)();
        let ages = Ages::settle(settings, &zone, started)?;
        let inputs = args.input.open()?;
        refuse_to_replace(&results)?;
        let bundle = args.reports.open_bundle(reserved, settings, env)?;
        let targets = args.reports.open(reserved, settings)?;
        let source = named.connect(settings, env)?;
        let pacer = pace.pacer()?;
        refuse_if_empty(&inputs)?;
        let header = Header {
            source: source_text,
            as_of: source.as_of().map(clock::rfc3339),
            rules: source
                .snapshot()
                .map_or_else(Rules::default, Snapshot::rules),
            expectations: expectations.clone(),
            producer_zone: zone.name,
            born_column: settings.optional("born_column")?,
            rate: (!repeatable).then(|| pace.rate.to_string()),
            ..header(&inputs, clock::rfc3339(started))?
        };
        // A cluster's answers are judged only when all are there.
        let live_verdicts = (kind == Kind::Api).then(|| LiveJudge::of(&header, expectations));
        let query_run = QueryRun {
            durability: if repeatable {
                Durability::Relaxed
            } else {
                Durability::EverySecond
            },
            live_verdicts,
            deadline: ages.deadline.clone(),
            ..QueryRun::new(inputs, pace, pacer, talk)
        };
        let mut job = Self {
            located: matches!(source, Source::Cluster(_)).then(|| LookupStage::beside(&results)),
            source: Rc::new(source),
            born: ages.clock,
            query_run,
            targets,
            bundle,
            results,
            header,
        };
        job.look_back(&args.start, settings)?;
        job.look_ahead(settings, &ages, started)?;
        Ok(job)
    }

    /// What is known already, by an earlier results file or by an earlier part of this run.
    fn look_back(&mut self, flags: &StartFlags, settings: &Settings) -> Result<(), Failed> {
        let previous = flags.open_previous(settings, &mut self.header)?;
        self.query_run.start = match &mut self.located {
            Some(located) => located.settle(flags.resume, &self.results, &self.header)?,
            None => flags.resume.settle(&self.results, &self.header)?,
        };
        if let Source::Cluster(cluster) = &*self.source {
            // A broker that is down now was there when the messages were first looked for.
            let before = self.query_run.start.header().into_iter();
            let before = before.chain(previous.as_ref().map(Previous::header));
            cluster.expect(before.flat_map(Header::brokers));
            self.header.brokers = cluster.seen().iter().map(ToString::to_string).collect();
        }
        let run_id = self.query_run.start.run_id().unwrap_or(&self.header.run_id);
        self.query_run.previous = previous.map(|previous| previous.picking_for(run_id));
        Ok(())
    }

    /// What will be asked, in which order.
    fn look_ahead(
        &mut self,
        settings: &Settings,
        ages: &Ages,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let max_rejects: MaxRejects = settings.get("max_rejects")?;
        let is_repeatable = self.query_run.durability == Durability::Relaxed;
        if self.is_whole() {
            return Ok(());
        }
        if let Some(located) = &mut self.located {
            located.survey(self.query_run.inputs.rows())?;
            if located.is_done() {
                return Ok(());
            }
        }
        let done = self.query_run.start.done();
        if is_repeatable && matches!(max_rejects, MaxRejects::Percent(share) if share >= 100.0) {
            refuse_if_all_are_bad(&self.query_run.inputs)?;
        } else {
            let carried = Cell::new(0);
            let rows = unknown(
                left(self.query_run.inputs.rows(), done),
                self.query_run.previous.as_ref(),
                &carried,
            );
            let born = |id: &str| ages.clock.born(id);
            let rate = match &self.located {
                Some(located) if located.is_placed() => Rate::Max, // nobody is asked where messages are
                _ => self.query_run.pace.rate,
            };
            let mut damage = SpreadsheetDamage::default();
            let rows = rows.inspect(|row| row.iter().for_each(|row| damage.meet_row(row)));
            let retention = (!is_repeatable).then_some(RETENTION); // a snapshot keeps what it has
            let mut forecast = Forecast::of(rows, rate, now, retention, born)?;
            announce_damage(&damage);
            forecast.rows += carried.get();
            // What is left of a run was not refused when it began.
            if done.is_none() {
                refuse_too_many_rejects(&forecast, max_rejects, &self.query_run.inputs)?;
            }
            announce(&forecast);
            announce_carried(carried.get());
            if let Some(deadline) = &ages.deadline {
                announce_deadline(&forecast, deadline, now);
            }
            self.query_run.messages =
                Some(forecast.distinct + carried.get() + self.query_run.start.distinct());
        }
        self.query_run.order = ages.oldest_first(&self.query_run.inputs, done, &self.results)?;
        Ok(())
    }

    /// Is the results file there already, with an answer for every message?
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.query_run.start, StartMode::AlreadyComplete)
    }

    /// Asks everything and leaves a whole results file, or says why there is none.
    pub(super) fn ask(
        mut self,
        call_counts: &Cell<CallCounts>,
        env: &Env,
    ) -> Result<Targets, Failed> {
        if self.is_whole() {
            let whole = self.results.display();
            tracing::info!("{whole} is whole and every message in it answered: nothing is asked");
            return Ok(self.targets);
        }
        // Connections to a cluster live as long as this.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failed::refused(e, None))?;
        let source = self.source.clone();
        let context = RunContext {
            runtime: &runtime,
            call_counts,
            env,
        };
        match (&*source, self.located.take()) {
            (Source::Cluster(cluster), Some(located)) => {
                self.look_up_and_judge(cluster, &located, context)?;
            }
            (source, _) => {
                let (results, header) = (self.results.clone(), self.header.clone());
                self.query_run.run(source, (&results, &header), context)?;
            }
        }
        Ok(self.targets)
    }
}

/// What is known of a run before anything else: its inputs.
pub(in crate::command) fn header(inputs: &Inputs, started_at: String) -> Result<Header, Failed> {
    Ok(Header {
        schema: SCHEMA.to_owned(),
        run_id: run_id()?,
        tool: concat!("ons-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: String::new(),
        inputs: inputs.surveys().to_vec(),
        started_at,
        as_of: None,
        rules: Rules::default(),
        brokers: BTreeSet::new(),
        expectations: Expectations::default(),
        producer_zone: String::new(),
        born_column: None,
        rate: None,
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
