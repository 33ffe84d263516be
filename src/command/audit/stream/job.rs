//! One audit of a stream, from its settings to its totals.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;

use anyhow::anyhow;
use futures::{Stream, stream};

use super::super::Args;
use super::super::draft::unasked_brokers;
use super::super::job::header_of;
use super::super::query_run::stop_at_loss;
use super::super::refusals::refuse_to_replace;
use super::super::start_mode::StartMode;
use super::StreamOrder;
use super::ending::Ending;
use super::output::{LineOutput, RowWindow};
use super::refusals::{refuse, refuse_source};
use super::sink::{LineOrder, RejectLimit, StreamSink};
use crate::clock::{Clock, rfc3339};
use crate::command::Env;
use crate::command::flags::{Pace, ReservedPaths, RunMonitor, SourceSpec, StderrOptions};
use crate::command::outcome::Conclusion;
use crate::command::signals::stop_on_signal;
use crate::engine::{Engine, Pacer, RunOutcome, Stop};
use crate::exit::Failed;
use crate::input::{Entry, InputError, InputOptions, Row, StreamedRows, Survey};
use crate::message::Zone;
use crate::offsets::Rules;
use crate::report::StreamedReport;
use crate::report::locale::Locale;
use crate::results::{
    AnswerStore, Durability, EarlierAccess, Header, KnownAnswer, LineWriter, Outcome, ResultsWriter,
};
use crate::settings::{MaxRejects, Settings};
use crate::source::ons::Endpoint;
use crate::source::{Failure, FailureKind, Source, TraceSource};
use crate::telemetry::CallCounts;

/// The name of standard input.
const STDIN: &str = "-";

/// Asks about the rows of standard input as they arrive.
///
/// # Errors
///
/// If an option, the source or the input does not allow the audit, or if it ends early.
pub(in crate::command::audit) fn audit(
    args: &Args,
    order: StreamOrder,
    (settings, reserved): (&Settings, &ReservedPaths),
    monitor: &RunMonitor,
    env: &Env,
) -> Result<Conclusion, Failed> {
    let mut job = StreamJob::new(args, (settings, reserved), env)?;
    let (stop, window) = (Stop::new(), RowWindow::of(job.pace.policy.concurrency));
    let mut rows = args.input.stream(job.options.clone())?;
    StreamJob::begun(&mut rows, &stop, env)?;
    let mut sink = job.sink(order, (&window, &stop), &monitor.call_counts)?;
    sink.results = job.open_results()?;
    let ended = job.run(&mut rows, (&window, &stop), &mut sink, env);
    let ending = Ending {
        results: job.results.as_ref().map(|(path, _)| &**path),
        exit_zero: job.exit_zero,
        quiet: job.stderr.quiet,
        clock: env.clock,
    };
    ending.conclude(ended, rows.into_end(), sink)
}

/// What is decided before the first row is read.
struct StreamJob {
    stderr: StderrOptions,
    source: Source,
    /// The address of a service, which some instances do not fit.
    endpoint: Option<Endpoint>,
    pace: Pace,
    pacer: Pacer,
    options: InputOptions,
    max_rejects: MaxRejects,
    exit_zero: bool,
    header: Header,
    /// The results file and how it begins, with `--results`.
    results: Option<(PathBuf, StartMode)>,
    durability: Durability,
    locale: Locale,
}

impl StreamJob {
    /// Refuses what can be refused without asking about a message and without reading a row.
    fn new(
        args: &Args,
        (settings, reserved): (&Settings, &ReservedPaths),
        env: &Env,
    ) -> Result<Self, Failed> {
        let stderr = args.stderr.start(settings, env)?;
        refuse(args, settings)?;
        let spec = SourceSpec::of(settings)?;
        refuse_source(spec.kind())?;
        let mut pace = Pace::of(settings, spec.kind(), env)?;
        let started = (env.clock)();
        let options = args.input.options(spec.instance_of_rows());
        args.reports.check(false, reserved, settings)?;
        spec.check(settings)?;
        args.removed.check(&spec)?;
        args.examine.check(spec.kind())?;
        pace.check_quota_file()?;
        let mut header = header(args, (settings, &spec, &pace), &options, rfc3339(started))?;
        let results = results(args, &header)?;
        pace.fit_open_files(spec.kind());
        let source = spec.connect(settings, env)?;
        args.removed.declare(&source)?;
        complete(&mut header, &source);
        Ok(Self {
            stderr,
            source,
            endpoint: spec.endpoint().cloned(),
            pacer: pace.pacer(env)?,
            pace,
            options,
            max_rejects: settings.get("max_rejects")?,
            exit_zero: args.exit_zero,
            header,
            results,
            durability: if spec.is_repeatable() {
                Durability::Relaxed
            } else {
                Durability::EverySecond
            },
            locale: Locale::of(settings)?,
        })
    }

    /// Waits until the first lines have decided what the input is.
    fn begun(rows: &mut StreamedRows, stop: &Stop, env: &Env) -> Result<(), Failed> {
        env.runtime()?.block_on(async {
            tokio::select! {
                begun = rows.begun() => Ok(begun?),
                error = stop_on_signal(stop) => Err(Failed::incomplete(error, None)),
                () = stop.draining() => Err(Failed::incomplete(anyhow!("stopped as asked"), None)),
            }
        })
    }

    fn sink<'r>(
        &self,
        order: StreamOrder,
        (window, stop): (&RowWindow, &'r Stop),
        call_counts: &'r Cell<CallCounts>,
    ) -> Result<StreamSink<'r>, Failed> {
        let output = LineOutput::start(window.clone());
        let answers = AnswerStore::new().map_err(|error| {
            let error = anyhow::Error::new(error).context("can't keep answers for duplicates");
            Failed::refused(error, "TMPDIR names a folder with room".to_owned())
        });
        Ok(StreamSink {
            report: StreamedReport::new(&self.header, self.locale.clone()),
            line_writer: LineWriter::of(&self.header),
            answers: answers?,
            waiting: HashMap::new(),
            order: LineOrder::of(order),
            output: output.map_err(|error| Failed::unwritable(STDIN.as_ref(), error))?,
            results: None,
            call_counts,
            rejects: RejectLimit {
                most: self.max_rejects,
                stop,
                first: None,
                count: 0,
            },
        })
    }

    /// Begins the results file, if there is one.
    fn open_results(&mut self) -> Result<Option<ResultsWriter>, Failed> {
        let Some((path, start)) = &mut self.results else {
            return Ok(None);
        };
        let start = std::mem::replace(start, StartMode::AlreadyComplete);
        let (writer, _) = start.open(path, &self.header, self.durability)?;
        Ok(Some(writer))
    }

    /// Asks about the rows until they end, or until something ends the run.
    fn run(
        &self,
        rows: &mut StreamedRows,
        (window, stop): (&RowWindow, &Stop),
        sink: &mut StreamSink<'_>,
        env: &Env,
    ) -> anyhow::Result<RunOutcome> {
        let rows = arriving(rows, window, self.endpoint.as_ref(), env.clock);
        let broken = sink.output.broken();
        let runtime = env.runtime().map_err(|failed| failed.error)?;
        let ended = runtime.block_on(async {
            let engine = Engine {
                source: &self.source,
                pacer: &self.pacer,
                policy: &self.pace.policy,
                stop,
                access_confirmed: false,
            };
            let stop_if_broken = async {
                broken.cancelled().await;
                stop.request();
                std::future::pending::<Infallible>().await
            };
            tokio::select! {
                ended = engine.run_stream(rows, sink) => ended,
                error = stop_on_signal(stop) => Err(error.into()),
                never = stop_if_broken => match never {},
                never = stop_at_loss(&self.pacer, stop) => match never {},
            }
        });
        match (ended, self.pacer.why_lost()) {
            (Ok(RunOutcome::Stopped), Some(lost)) => Err(lost.clone().into()),
            (ended, _) => ended,
        }
    }
}

/// Checks the results file, if there is to be one, and decides how it begins.
fn results(args: &Args, header: &Header) -> Result<Option<(PathBuf, StartMode)>, Failed> {
    if args.results.is_none() {
        return Ok(None);
    }
    let path = args.results_path();
    refuse_to_replace(&path)?;
    ResultsWriter::refuse_unwritable(&path)?;
    let flags = args.start.resume;
    let start = flags.start(&path, header, EarlierAccess::Continue)?;
    Ok(Some((path, start)))
}

/// Makes the header of the results file. It names standard input without hash and count, which the trailer adds.
fn header(
    args: &Args,
    (settings, spec, pace): (&Settings, &SourceSpec, &Pace),
    options: &InputOptions,
    started_at: String,
) -> Result<Header, Failed> {
    let zone: Zone = settings.get("producer_zone")?;
    let inputs = vec![Survey::of_stream(STDIN)];
    Ok(Header {
        source: spec.text(),
        expectations: args.expect.settle(settings, &zone.zone)?,
        producer_zone: zone.name.clone(),
        rate: (!spec.is_repeatable()).then(|| pace.rate.to_string()),
        ..header_of(inputs, options.given_flags(), started_at)?
    })
}

/// Adds to the header what the source says about itself. Offsets of a cluster are read again and again, so they have no
/// time in common.
fn complete(header: &mut Header, source: &Source) {
    match source {
        Source::Snapshot(snapshot) => {
            header.as_of = snapshot.as_of().map(rfc3339);
            header.rules = snapshot.rules();
            header.unasked_brokers = unasked_brokers(snapshot);
        }
        Source::Cluster(cluster) => {
            header.rules = Rules::Offsets;
            header.brokers = cluster.seen().iter().map(ToString::to_string).collect();
        }
        Source::Ons(_) | Source::Rmq(_) => {}
    }
}

/// Returns the rows as they arrive, each when there is room for its line. A row whose instance does not fit the source is
/// not asked.
fn arriving<'r>(
    rows: &'r mut StreamedRows,
    window: &'r RowWindow,
    endpoint: Option<&'r Endpoint>,
    clock: Clock,
) -> impl Stream<Item = Result<(Row, KnownAnswer), InputError>> + 'r {
    stream::try_unfold(rows, move |rows| async move {
        window.enter().await;
        let row = rows.next().await?;
        Ok(row.map(|row| {
            let unfit = endpoint.and_then(|endpoint| unfit(&row, endpoint));
            let known = unfit.map_or(KnownAnswer::Unknown, |failure| {
                KnownAnswer::Settled(Box::new(Outcome::new(Err(failure), clock())))
            });
            ((row, known), rows)
        }))
    })
}

/// Returns the failure of a row whose instance belongs to another service.
fn unfit(row: &Row, endpoint: &Endpoint) -> Option<Failure> {
    let Entry::Query(query) = &row.entry else {
        return None;
    };
    let instance = query.instance_id.as_ref()?;
    let source = endpoint.source_for(instance)?;
    let message = format!("the instance {instance} belongs to another service: --source {source}");
    Some(Failure::new(FailureKind::Refused, None, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::KeptCells;
    use crate::message::Query;

    #[test]
    fn a_row_of_another_service_is_not_asked() {
        let endpoint = Endpoint::parse("ons://cn-hangzhou", false).unwrap();
        let row = |instance: Option<&str>| Row {
            row: 1,
            kept: KeptCells::nothing(),
            entry: Entry::Query(Query {
                instance_id: instance.map(Into::into),
                topic: "orders".into(),
                msg_id: "AA".into(),
                position: None,
                born_after: None,
                send_result: None,
            }),
        };
        for (instance, is_unfit) in [
            (None, false),
            (Some("MQ_INST_1234567890123456_BXdemo"), false),
            (Some("rmq-cn-abc123"), true),
        ] {
            let failure = unfit(&row(instance), &endpoint);
            assert_eq!(failure.is_some(), is_unfit, "{instance:?}");
        }
    }
}
