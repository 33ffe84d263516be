//! An audit whose settings are decided. Making it refuses everything that can be refused without asking about a
//! message; running it leaves a complete results file.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use data_encoding::HEXLOWER;
use futures::future::join_all;
use jiff::Timestamp;

use super::Args;
use super::draft::{Draft, unasked_brokers};
use super::examine::{ClusterExaminer, ExamineSource, ExamineStage, RmqExaminer, ServiceExaminer};
use super::infer::{InferInput, InferSettings, InferStage};
use super::judge_stage::{LocatedMessages, read_offsets, resume_hint, snapshot_of};
use super::lookup_stage::LookupStage;
use super::order::MessageAges;
use super::preflight::{ForecastTerms, Preflight};
use super::query_run::QueryRun;
use super::refusals::{
    announce, announce_carried, announce_damage, announce_deadline, announce_notes,
    refuse_if_all_are_bad, refuse_too_many_rejects,
};
use super::start_mode::StartMode;
use crate::clock;
use crate::command::Env;
use crate::command::evidence::BundleTarget;
use crate::command::flags::{ExamineSettings, Pace, ReservedPaths, SourceSpec, StderrOptions};
use crate::command::signals::stop_on_signal;
use crate::engine::{Forecast, Pacer, Policy, RETENTION, Rate, Stop};
use crate::exit::Failed;
use crate::humanize;
use crate::input::{InputError, Inputs, OldestFirst, Survey};
use crate::offsets::Rules;
use crate::report::Targets;
use crate::results::{
    Durability, EarlierAccess, Header, Previous, ResultsFile, SCHEMA, Unfinished,
};
use crate::settings::{Deadline, MaxRejects, Settings};
use crate::source::ons::LastCall;
use crate::source::rocketmq::{Cluster, QueriedTopic};
use crate::source::{Snapshot, Source};
use crate::telemetry::CallCounts;
use crate::ui::LiveJudge;
use crate::verdict::{Expectations, Totals};

/// The most instances that are asked how long they keep messages.
pub(in crate::command) const INSTANCES_ASKED: usize = 20;

/// How long they may take to answer, together.
const RETENTION_WAIT: Duration = Duration::from_secs(10);

/// Everything an audit needs.
pub(super) struct Job {
    source: Source,
    inputs: Inputs,
    pub(super) stderr: StderrOptions,
    pace: Pace,
    pacer: Pacer,
    /// Whether the source gives the same answers at any time.
    is_repeatable: bool,
    start: StartMode,
    previous: Option<Previous>,
    /// The rows in another order than that of the input.
    order: Option<OldestFirst>,
    deadline: Option<Deadline>,
    /// Number of distinct messages, settled ones included, if they were counted.
    message_count: Option<u64>,
    targets: Targets,
    /// The bundle that is packed at the end.
    pub(super) bundle: Option<BundleTarget>,
    pub(super) results: PathBuf,
    header: Header,
    /// The first stage of a cluster audit.
    lookup: Option<LookupStage>,
    /// What the pass before the first call found, if there was one.
    preflight: Preflight,
    /// Whether all rows were read and the warnings about them logged before the first call.
    is_input_announced: bool,
    /// How born times are found.
    ages: MessageAges,
    examine: ExamineSettings,
    infer: Option<InferSettings>,
}

impl Job {
    /// Decides everything and refuses what can be refused without asking about a message. For a cluster, the name servers
    /// are asked.
    ///
    /// # Errors
    ///
    /// If a setting, the input, the credentials or a file of an earlier run does not allow the audit.
    pub(super) fn new(
        args: Args,
        (settings, reserved): (&Settings, &ReservedPaths),
        env: &Env,
    ) -> Result<Self, Failed> {
        let mut draft = Draft::new(&args, (settings, reserved), env)?;
        draft.pace.fit_open_files(draft.source.kind());
        let bundle = args.reports.open_bundle(reserved, settings, env)?;
        let targets = args.reports.open(false, reserved, settings)?;
        let source = match draft.snapshot.take() {
            Some(snapshot) => Source::Snapshot(Box::new(snapshot)),
            None => draft.source.connect(settings, env)?,
        };
        args.removed.declare(&source)?;
        let pacer = draft.pace.pacer(env)?;
        let mut lookup = draft.lookup();
        let flags = args.start.resume;
        let infer = InferSettings::of(&args.start, settings)?;
        let start = draft.start(flags, lookup.as_mut(), EarlierAccess::Continue)?;
        let mut job = Self {
            lookup,
            is_repeatable: draft.source.is_repeatable(),
            source,
            inputs: draft.inputs,
            stderr: draft.stderr,
            pace: draft.pace,
            pacer,
            start,
            previous: draft.previous,
            order: None,
            deadline: draft.ages.deadline.clone(),
            message_count: None,
            targets,
            bundle,
            results: draft.results,
            header: draft.header,
            preflight: Preflight::default(),
            is_input_announced: false,
            ages: draft.ages,
            examine: ExamineSettings::of(settings)?,
            infer,
        };
        job.note_earlier_run();
        if !job.is_already_complete() {
            job.read_ahead(settings, &draft.source, (draft.started, env))?;
        }
        Ok(job)
    }

    /// Takes over what the earlier results files say about brokers, the choice of messages, and whether they are examined.
    fn note_earlier_run(&mut self) {
        let begun = self.start.unfinished().map(Unfinished::header);
        if let Source::Cluster(cluster) = &self.source {
            // A broker that is down now was up when the messages were first looked up.
            let before = begun.into_iter();
            let before = before.chain(self.previous.as_ref().map(Previous::header));
            cluster.expect(before.flat_map(Header::brokers));
            self.header.brokers = cluster.seen().iter().map(ToString::to_string).collect();
        }
        if let (Some(begun), None) = (begun, &self.lookup)
            && begun.schema != self.header.schema
        {
            let examines = if begun.is_examined() {
                "failures"
            } else {
                "none"
            };
            tracing::warn!(
                "the run that is continued began with --examine {examines}: so it goes on"
            );
            self.header.schema.clone_from(&begun.schema);
        }
        let run_id = begun.map_or(&self.header.run_id, |header| &header.run_id);
        self.previous = self
            .previous
            .take()
            .map(|previous| previous.picking_for(run_id));
    }

    /// Reads the input once before the first call and says what will be asked, in which order.
    fn read_ahead(
        &mut self,
        settings: &Settings,
        source: &SourceSpec,
        (now, env): (Timestamp, &Env),
    ) -> Result<(), Failed> {
        let max_rejects: MaxRejects = settings.get("max_rejects")?;
        let (done, ages) = (self.start.done(), &self.ages);
        if self.lookup.as_ref().is_some_and(LookupStage::is_complete) {
            self.preflight = Preflight::read(&self.inputs, done)?;
            announce_notes(&self.inputs.notes());
            self.is_input_announced = true;
            return Ok(());
        }
        let accepts_all = matches!(max_rejects, MaxRejects::Percent(share) if share >= 100.0);
        if self.is_repeatable && accepts_all {
            refuse_if_all_are_bad(&self.inputs)?;
            if done.is_some() {
                self.preflight = Preflight::read(&self.inputs, done)?;
                announce_notes(&self.inputs.notes());
                self.is_input_announced = true;
            }
        } else {
            let born = ages.born_times(self.source.snapshot());
            let mut terms = ForecastTerms {
                rate: self.pace.rate,
                needs_no_call_where_placed: self.lookup.is_some(),
                start: now,
                retention: (!self.is_repeatable).then_some(RETENTION), // a snapshot keeps its messages
                born: &born,
                endpoint: source.endpoint(),
            };
            let known = (done, self.previous.as_ref());
            let (preflight, mut forecast, carried) =
                Preflight::read_with_forecast(&self.inputs, known, &terms)?;
            announce_damage(&preflight.damage);
            announce_notes(&self.inputs.notes());
            self.is_input_announced = true;
            // The rows of a resumed run were accepted when it began.
            if done.is_none() {
                let all = Forecast {
                    rows: forecast.rows + carried,
                    ..forecast.clone()
                };
                refuse_too_many_rejects(&all, max_rejects, &self.inputs)?;
            }
            if let Some(kept) = self.retention(&preflight, env)? {
                terms.retention = Some(kept);
                forecast = Preflight::read_with_forecast(&self.inputs, known, &terms)?.1;
            }
            forecast.rows += carried;
            announce(&forecast, terms.retention);
            announce_carried(carried);
            if let Some(deadline) = &self.deadline {
                announce_deadline(&forecast, deadline, now);
            }
            let settled = self.start.unfinished();
            let settled = settled.map_or(0, |unfinished| unfinished.totals().distinct);
            self.message_count = Some(forecast.distinct + carried + settled);
            self.preflight = preflight;
        }
        self.start
            .compare(self.preflight.digest, self.continued())?;
        let snapshot = self.source.snapshot();
        self.order = ages.oldest_first(&self.inputs, done, &self.results, snapshot)?;
        Ok(())
    }

    /// Returns the results file of the first stage, which `--resume` continues.
    fn continued(&self) -> &Path {
        let lookup = self.lookup.as_ref();
        lookup.map_or(&*self.results, LookupStage::path)
    }

    /// Asks the instances how long they keep messages, if the source can say so. Of several, the shortest time counts. `None`
    /// if nothing is known about it, or nothing is asked. It only serves the forecast, so it takes little time.
    ///
    /// # Errors
    ///
    /// If a signal stops it, or the shared quota is lost.
    fn retention(&self, preflight: &Preflight, env: &Env) -> Result<Option<Duration>, Failed> {
        let Source::Rmq(rmq) = &self.source else {
            return Ok(None);
        };
        let topics = preflight.topics.iter();
        let instances: BTreeSet<_> = topics.map(|(instance, _)| instance.as_ref()).collect();
        let shortest = Cell::new(None);
        let unknown = RefCell::new(BTreeSet::new());
        let asking = instances.into_iter().take(INSTANCES_ASKED).map(|instance| {
            let (shortest, unknown) = (&shortest, &unknown);
            async move {
                let name = instance.map_or("of the source", |instance| &**instance);
                match rmq.retention(instance, &self.pacer).await {
                    Ok(kept) => {
                        tracing::info!(
                            "the instance {name} keeps messages for {}",
                            humanize::days(kept)
                        );
                        let known = shortest.get();
                        let least = known.map_or(kept, |known: Duration| known.min(kept));
                        shortest.set(Some(least));
                    }
                    Err(why) => drop(unknown.borrow_mut().insert(why)),
                }
            }
        });
        let stop = Stop::new();
        let left = self
            .deadline
            .as_ref()
            .map(|deadline| deadline.left((env.clock)()));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        let wait = left.map_or(RETENTION_WAIT, |left| left.min(RETENTION_WAIT));
        env.runtime()?.block_on(async {
            tokio::select! {
                _ = tokio::time::timeout(wait, join_all(asking)) => Ok(()),
                lost = self.pacer.lost() => Err(lost.into()),
                error = stop_on_signal(&stop) => Err(Failed::incomplete(error, None)),
                () = stop.draining() => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
            }
        })?;
        for why in unknown.into_inner() {
            tracing::info!(
                "how long an instance keeps messages is unknown, {} are assumed: {why}",
                humanize::days(RETENTION)
            );
        }
        Ok(shortest.get())
    }

    /// Returns whether the results file is complete already, with an answer for every message.
    pub(super) const fn is_already_complete(&self) -> bool {
        matches!(self.start, StartMode::AlreadyComplete)
    }

    /// Prepares `--infer`. `None` if everything is asked.
    fn infer_stage(
        &self,
        call_counts: &Cell<CallCounts>,
        env: &Env,
    ) -> Result<Option<InferStage>, Failed> {
        let (Source::Ons(ons), Some(settings)) = (&self.source, &self.infer) else {
            return Ok(None);
        };
        let unfinished = self.start.unfinished();
        let begun = unfinished.map(Unfinished::header);
        let input = InferInput {
            inputs: &self.inputs,
            previous: self.previous.as_ref(),
            unfinished,
            results: &self.results,
            run_id: &begun.unwrap_or(&self.header).run_id,
        };
        let context = (call_counts, env);
        InferStage::prepare(settings, &input, (ons, &self.pacer), context).map(Some)
    }

    const fn durability(&self) -> Durability {
        if self.is_repeatable {
            Durability::Relaxed
        } else {
            Durability::EverySecond
        }
    }

    /// Asks everything and leaves a complete results file. Returns the report targets.
    ///
    /// # Errors
    ///
    /// If the run ends early. The partial file then keeps the answers.
    pub(super) fn run(self, call_counts: &Cell<CallCounts>, env: &Env) -> Result<Targets, Failed> {
        if self.is_already_complete() {
            let whole = self.results.display();
            tracing::info!("{whole} is whole and every message in it answered: nothing is asked");
            return Ok(self.targets);
        }
        let durability = self.durability();
        let infer = self.infer_stage(call_counts, env)?;
        let run = QueryRun {
            infer: infer.as_ref(),
            start: self.start,
            previous: self.previous.as_ref(),
            order: self.order,
            deadline: self.deadline.as_ref(),
            row_count: row_count(&self.inputs)?,
            message_count: self.message_count,
            durability,
            call_counts: Some(call_counts),
            ..QueryRun::new(
                (env, &self.inputs),
                &self.stderr,
                (self.pace.policy, &self.pacer),
            )
        };
        let stage = Stage {
            env,
            call_counts,
            inputs: &self.inputs,
            stderr: &self.stderr,
            pace: &self.pace,
            header: &self.header,
            previous: self.previous.as_ref(),
            deadline: self.deadline.as_ref(),
            examine: &self.examine,
            results: &self.results,
        };
        match (&self.source, &self.lookup) {
            (Source::Cluster(cluster), Some(lookup)) => {
                let located = if self.preflight.is_placed() {
                    None
                } else {
                    let of_run = (&self.header, self.ages.clock);
                    Some(lookup.look_up(run, cluster, of_run)?)
                };
                let topics = &self.preflight.topics;
                let totals = stage.judge(cluster, topics, (located.as_ref(), &self.pacer))?;
                if located.is_some() {
                    lookup.clear(totals.unanswered);
                }
            }
            (source, _) => stage.ask(source, run)?,
        }
        if !self.is_input_announced {
            announce_notes(&self.inputs.notes());
        }
        Ok(self.targets)
    }
}

/// What the stages of an audit share.
struct Stage<'a> {
    env: &'a Env,
    call_counts: &'a Cell<CallCounts>,
    inputs: &'a Inputs,
    stderr: &'a StderrOptions,
    pace: &'a Pace,
    header: &'a Header,
    previous: Option<&'a Previous>,
    deadline: Option<&'a Deadline>,
    examine: &'a ExamineSettings,
    results: &'a Path,
}

impl Stage<'_> {
    /// Returns the stage that examines more than the offsets. `None` if only the offsets are wanted.
    fn examination<'e>(&'e self, source: ExamineSource<'e>) -> Option<ExamineStage<'e>> {
        self.header.is_examined().then_some(ExamineStage {
            source,
            previous: self.previous,
            call_counts: self.call_counts,
            deadline: self.deadline,
        })
    }

    /// Reads the offsets of a cluster once, and judges all messages by them.
    fn judge(
        &self,
        cluster: &Cluster,
        topics: &BTreeSet<QueriedTopic>,
        (located, pacer): (Option<&ResultsFile>, &Pacer),
    ) -> Result<Totals, Failed> {
        let document = read_offsets(cluster, topics, located);
        let document = self.env.runtime()?.block_on(document)?;
        let offsets = document.topics_and_groups();
        let snapshot = snapshot_of(document)?;
        let header = judged_header(self.header, &snapshot);
        let without_calls = Pacer::new(Rate::Max, NonZeroU32::MIN);
        let examiner = ClusterExaminer {
            cluster,
            document: &offsets,
            snapshot: &snapshot,
            pacer,
            limit: self.examine.limit,
            trace_topic: self.examine.trace_topic.clone(),
        };
        let judge = QueryRun {
            row_count: row_count(self.inputs)?,
            examine: self.examination(ExamineSource::Cluster(&examiner)),
            ..judge_run(
                (self.env, self.inputs),
                self.stderr,
                (self.pace.policy, &without_calls),
                (&snapshot, located),
            )
        };
        judge.run(&snapshot, (self.results, &header))
    }

    /// Asks a service or a snapshot about all messages.
    fn ask(&self, source: &Source, run: QueryRun<'_>) -> Result<(), Failed> {
        let last_call = LastCall {
            deadline: self.deadline,
            clock: self.env.clock,
        };
        let service = match source {
            Source::Ons(ons) if self.header.is_examined() => Some(ServiceExaminer {
                ons,
                limit: self.examine.limit,
                trace_sample: self.examine.trace_sample,
                dead_letters: self.pace.dead_letter_pacer(self.env)?,
                traces: match self.examine.trace_sample {
                    0 => Pacer::new(self.pace.trace_rate(), NonZeroU32::MIN),
                    _ => self.pace.trace_pacer(self.env)?,
                },
                last_call,
            }),
            Source::Ons(_) | Source::Rmq(_) | Source::Cluster(_) | Source::Snapshot(_) => None,
        };
        let rmq = match source {
            Source::Rmq(rmq) => Some(RmqExaminer {
                rmq,
                pacer: run.pacer,
                rate: self.pace.rate,
                limit: self.examine.limit,
                clock: self.env.clock,
            }),
            Source::Ons(_) | Source::Cluster(_) | Source::Snapshot(_) => None,
        };
        let examined = source.snapshot().map(ExamineSource::Snapshot);
        let examined = examined
            .or(service.as_ref().map(ExamineSource::Service))
            .or(rmq.as_ref().map(ExamineSource::Rmq));
        let live_judge = matches!(source, Source::Ons(_) | Source::Rmq(_));
        let expectations = self.header.expectations.clone();
        let run = QueryRun {
            examine: examined.and_then(|source| self.examination(source)),
            live_judge: live_judge.then(|| LiveJudge::of(self.header, expectations)),
            dates_queries: matches!(source, Source::Rmq(_)),
            ..run
        };
        run.run(source, (self.results, self.header)).map(drop)
    }
}

/// Returns the number of rows of the shard, if the run is about one.
fn row_count(inputs: &Inputs) -> Result<Option<u64>, InputError> {
    let count = || {
        inputs
            .rows()
            .try_fold(0, |count, row| row.map(|_| count + 1))
    };
    inputs.shard().map(|_| count()).transpose()
}

/// Returns the header of the judge stage, whose answers are those of the snapshot.
fn judged_header(header: &Header, snapshot: &Snapshot) -> Header {
    Header {
        as_of: Some(clock::rfc3339(snapshot.captured_at())),
        rules: snapshot.rules(),
        brokers: snapshot
            .state()
            .brokers
            .iter()
            .map(ToString::to_string)
            .collect(),
        unasked_brokers: unasked_brokers(snapshot),
        ..header.clone()
    }
}

/// Makes the run of the judge stage. It makes no calls, and it starts anew whenever it was interrupted.
fn judge_run<'a>(
    context: (&'a Env, &'a Inputs),
    stderr: &'a StderrOptions,
    (policy, pacer): (Policy, &'a Pacer),
    (snapshot, located): (&'a Snapshot, Option<&'a ResultsFile>),
) -> QueryRun<'a> {
    let policy = Policy {
        concurrency: 1,
        ..policy
    };
    QueryRun {
        start: StartMode::Restart,
        located: located.map(|file| LocatedMessages { file, snapshot }),
        durability: Durability::Relaxed,
        resume_hint: Some(resume_hint(located)),
        ..QueryRun::new(context, stderr, (policy, pacer))
    }
}

/// Makes the header of a run of which only the inputs are known.
pub(in crate::command) fn header(inputs: &Inputs, started_at: String) -> Result<Header, Failed> {
    header_of(
        inputs.surveys().to_vec(),
        inputs.given_flags().clone(),
        started_at,
    )
}

/// Makes the header of a run of which only the inputs and the flags for reading them are known.
pub(super) fn header_of(
    inputs: Vec<Survey>,
    options: BTreeMap<String, String>,
    started_at: String,
) -> Result<Header, Failed> {
    Ok(Header {
        schema: SCHEMA.to_owned(),
        run_id: run_id()?,
        tool: concat!("ons-audit ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: String::new(),
        inputs,
        started_at,
        as_of: None,
        rules: Rules::default(),
        brokers: BTreeSet::new(),
        unasked_brokers: BTreeMap::new(),
        expectations: Expectations::default(),
        producer_zone: String::new(),
        born_column: None,
        rate: None,
        options,
    })
}

fn run_id() -> Result<String, Failed> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failed::refused(anyhow!("the system gives no random bytes: {error}"), None)
    })?;
    Ok(HEXLOWER.encode(&bytes))
}
