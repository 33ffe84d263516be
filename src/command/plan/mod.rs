//! `plan`: what `audit` would ask and write with the same arguments, how long it takes, and what expires first. It refuses
//! what `audit` refuses, except credentials. It asks nothing, and it creates, locks and changes no file.

mod examination;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use examination::ExaminationPlan;
use text::{Plan, written};

use super::Env;
use super::audit::{
    self, Draft, ForecastTerms, INSTANCES_ASKED, InferInput, InferPlan, InferSettings, LookupStage,
    Preflight, StartMode, reached, refuse_too_many_rejects,
};
use super::flags::{DEAD_LETTERS, RunMonitor, SourceKind, TRACES_OF_MESSAGES};
use crate::clock;
use crate::engine::{Forecast, RETENTION};
use crate::exit::{Failed, Status, print};
use crate::humanize::{count, counted};
use crate::input::{InputNotes, Reject};
use crate::report::ReportFormat;
use crate::results::{EarlierAccess, Previous, RowSet, SpreadsheetDamage, Unfinished};
use crate::settings::{Deadline, Settings, Span};

const UNKNOWN_QUOTA: &str = "unknown";

/// Number of rejected rows that are shown.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
#[group(skip)] // the arguments of `audit` have a group of the same name
pub(super) struct Args {
    #[command(flatten)]
    audit: audit::Args,
    /// How long the source keeps messages [default: 72h]
    #[arg(long, value_name = "DURATION", help_heading = "Forecast")]
    retention: Option<Span>,
    /// text or json
    #[arg(long, value_name = "FORMAT", help_heading = "Forecast", default_value = "text", value_parser = ["text", "json"])]
    format: String,
}

pub(super) fn run(args: &Args, env: &Env) -> Result<Status, Failed> {
    let audit = &args.audit;
    let settings = audit.merged_settings(env)?;
    if let Some(shown) = audit.settings.show(&settings) {
        return shown;
    }
    let reserved = audit.reserved_paths(&settings)?;
    RunMonitor::start(&audit.results_path(), &settings, env)?;
    let mut draft = Draft::new(audit, (&settings, &reserved), env)?;
    let mut lookup = draft.lookup();
    let flags = audit.start.resume;
    let start = draft.start(flags, lookup.as_mut(), EarlierAccess::ReadOnly)?;
    let writes = outputs(audit, &draft, &settings)?;
    if matches!(start, StartMode::AlreadyComplete) {
        print_complete(&draft, writes, args.format == "json")?;
        return Ok(Status::Clean);
    }
    let outlook = Outlook::of(&mut draft, &start, lookup.as_ref(), (args, &settings))?;

    let notes = draft.inputs.notes();
    let deadline = draft.ages.deadline.as_ref();
    let messages = outlook.forecast.distinct + outlook.carried + outlook.settled;
    let examination = ExaminationPlan::of((&draft, &outlook), &settings, messages)?;
    let infer = infer_plan(args, (&draft, &outlook), &start, &settings)?;
    let is_rmq = draft.source.kind() == SourceKind::Rmq;
    let view = PlanView {
        forecast: &outlook.forecast,
        examination,
        infer,
        carried: outlook.carried,
        settled: outlook.settled,
        deadline: deadline
            .map(|deadline| DeadlineView::of(deadline, &outlook.forecast, draft.started)),
        quota: is_rmq.then_some(UNKNOWN_QUOTA),
        retention_is_assumed: outlook.retention_is_assumed,
        input: Some(&notes).filter(|notes| !notes.is_nothing()),
        writes,
    };
    if args.format == "json" {
        print_json(&view)?;
    } else {
        let plan = Plan {
            view: &view,
            draft: &draft,
            outlook: &outlook,
            previous: audit.start.previous(),
            unfinished: start.unfinished().map(|_| grows(&draft, lookup.as_ref())),
        };
        print(&plan.text(&notes))?;
    }
    // The plan names more of the bad rows than the refusal does.
    outlook.accepted.map(|()| Status::Clean)
}

/// The number of groups that may be behind, if none is expected.
const GROUPS: u64 = 5;

/// Returns the calls with `--infer`.
fn infer_plan(
    args: &Args,
    (draft, outlook): (&Draft, &Outlook),
    start: &StartMode,
    settings: &Settings,
) -> Result<Option<InferPlan>, Failed> {
    let Some(infer) = InferSettings::of(&args.audit.start, settings)? else {
        return Ok(None);
    };
    let input = InferInput {
        inputs: &draft.inputs,
        previous: outlook.previous.as_ref(),
        unfinished: start.unfinished(),
        results: &draft.results,
        run_id: &draft.header.run_id,
    };
    let groups: BTreeSet<_> = draft.header.expectations.groups().collect();
    let groups = match groups.len() as u64 {
        0 => GROUPS,
        groups => groups,
    };
    let messages = outlook.forecast.distinct;
    InferPlan::of(&infer, &input, (groups, messages, draft.pace.rate)).map(Some)
}

/// Returns the results file that the first stage of the audit writes. `lookup` is that stage if the source is a cluster.
fn grows<'a>(draft: &'a Draft, lookup: Option<&'a LookupStage>) -> &'a Path {
    lookup.map_or(&draft.results, LookupStage::path)
}

/// What the input and the earlier results files say about the run.
struct Outlook {
    forecast: Forecast,
    /// Messages whose answers are taken from `--previous`.
    carried: u64,
    /// Rows that the run which `--resume` continues has settled.
    settled: u64,
    /// The refusal of an input with too many bad rows.
    accepted: Result<(), Failed>,
    /// Bad rows to show.
    rejects: Vec<Reject>,
    damage: SpreadsheetDamage,
    /// Whether the source is a cluster and the input gives the position of every message.
    placed: bool,
    /// Whether an earlier run has looked up every message.
    is_located: bool,
    /// How long the source keeps messages. `None` if it keeps them for good.
    retention: Option<Duration>,
    /// Whether only the run can ask how long the source keeps messages.
    retention_is_assumed: bool,
    /// The file of `--previous`.
    previous: Option<Previous>,
    /// Number of topics that are asked about.
    topics: u64,
    /// Number of instances that are asked how long they keep messages.
    instances: u64,
}

impl Outlook {
    fn of(
        draft: &mut Draft,
        start: &StartMode,
        lookup: Option<&LookupStage>,
        (args, settings): (&Args, &Settings),
    ) -> Result<Self, Failed> {
        // A snapshot keeps its messages.
        let retention = (!draft.source.is_repeatable())
            .then(|| args.retention.map_or(RETENTION, |span| span.0));
        let begun = start.unfinished().map(Unfinished::header);
        let run_id = &begun.unwrap_or(&draft.header).run_id;
        let previous = draft.previous.take();
        let previous = previous.map(|previous| previous.picking_for(run_id));
        let is_cluster = draft.source.kind() == SourceKind::Cluster;
        let born = draft.ages.born_times(draft.snapshot.as_ref());
        let terms = ForecastTerms {
            rate: draft.pace.rate,
            needs_no_call_where_placed: is_cluster,
            start: draft.started,
            retention,
            born: &born,
            endpoint: draft.source.endpoint(),
        };
        let done = start.done();
        let known = (done, previous.as_ref());
        let (preflight, mut forecast, carried) =
            Preflight::read_with_forecast(&draft.inputs, known, &terms)?;
        forecast.rows += carried;
        let max_rejects = settings.get("max_rejects")?;
        // The rows of a resumed run were accepted when it began.
        let accepted = match done {
            None => refuse_too_many_rejects(&forecast, max_rejects, &draft.inputs),
            Some(_) => Ok(()),
        };
        let settled = done.map_or(0, RowSet::len);
        forecast.rows += settled;
        start.compare(preflight.digest, grows(draft, lookup))?;
        draft.ages.check_column(&born, forecast.distinct)?;
        let is_located = lookup.is_some_and(LookupStage::is_complete);
        if is_located {
            forecast = forecast.without_calls();
        }
        let is_settled = |row| done.is_some_and(|done| done.contains(row));
        Ok(Self {
            forecast,
            carried,
            settled,
            accepted,
            rejects: draft.inputs.first_rejects(SHOWN, is_settled)?,
            placed: is_cluster && preflight.is_placed(),
            is_located,
            retention,
            retention_is_assumed: draft.source.kind() == SourceKind::Rmq
                && args.retention.is_none(),
            previous,
            topics: preflight.topics.len() as u64,
            instances: preflight.instances().min(INSTANCES_ASKED) as u64,
            damage: preflight.damage,
        })
    }
}

/// Prints that nothing is left to ask.
fn print_complete(draft: &Draft, writes: Vec<PlannedFile>, is_json: bool) -> Result<(), Failed> {
    let rows = draft.inputs.row_count();
    let forecast = Forecast {
        rows,
        ..Forecast::default()
    };
    let view = PlanView {
        forecast: &forecast,
        examination: None,
        infer: None,
        carried: 0,
        settled: rows,
        deadline: None,
        quota: None,
        retention_is_assumed: false,
        input: None,
        writes,
    };
    if is_json {
        return print_json(&view);
    }
    let results = draft.results.display();
    let mut text = format!(
        "{} = 0 distinct messages + {} settled\n",
        counted(rows, "row", "rows"),
        count(rows)
    );
    let _ = writeln!(text, "{:<10}{}", "source", draft.source.text()); // a String takes everything
    let _ = writeln!(
        text,
        "{:<10}none: {results} is whole and every message in it answered",
        "calls"
    );
    print(&(text + &written(&view.writes)))
}

fn print_json(view: &PlanView<'_>) -> Result<(), Failed> {
    let text = serde_json::to_string_pretty(view).map_err(|error| Failed::refused(error, None))?;
    print(&(text + "\n"))
}

/// A file or folder that the audit would write.
#[derive(Debug, Serialize)]
struct PlannedFile {
    what: &'static str,
    path: PathBuf,
}

/// Returns the files and folders that the audit would write.
fn outputs(
    audit: &audit::Args,
    draft: &Draft,
    settings: &Settings,
) -> Result<Vec<PlannedFile>, Failed> {
    let file = |what, path: &Path| PlannedFile {
        what,
        path: path.to_owned(),
    };
    let mut files = vec![file("results file", &draft.results)];
    let is_split = settings.optional::<String>("split")?.is_some();
    files.extend(draft.reports.iter().map(|(format, path)| {
        let what = match format {
            ReportFormat::Rejects => "rejected rows",
            _ if is_split && format.is_csv() => "report in parts",
            _ => "report",
        };
        file(what, path)
    }));
    let reports = &audit.reports;
    files.extend(reports.worklist().map(|path| file("worklist", path)));
    files.extend(reports.bundle().map(|path| file("bundle", path)));
    let metrics = settings.optional::<PathBuf>("metrics")?;
    files.extend(metrics.map(|path| file("metrics", &path)));
    let mut own = Vec::new();
    if draft.source.kind() == SourceKind::Api && draft.header.is_examined() {
        let traces = settings.get::<usize>("trace_sample")? > 0;
        own.push(DEAD_LETTERS);
        own.extend(traces.then_some(TRACES_OF_MESSAGES));
    }
    let shared = draft.pace.shared_places(own);
    files.extend(shared.map(|(what, path)| PlannedFile { what, path }));
    Ok(files)
}

/// The plan that `--format json` prints.
#[derive(Debug, Serialize)]
struct PlanView<'a> {
    #[serde(flatten)]
    forecast: &'a Forecast,
    /// Messages whose answers are taken from `--previous`. Each saves a call.
    carried: u64,
    /// Rows that the run which `--resume` continues has settled.
    settled: u64,
    deadline: Option<DeadlineView<'a>>,
    /// The calls to a service besides one for each message.
    #[serde(skip_serializing_if = "Option::is_none")]
    examination: Option<ExaminationPlan>,
    /// The calls for messages with `--infer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    infer: Option<InferPlan>,
    /// `unknown` if the quota of the source is not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<&'static str>,
    /// Whether the retention is a guess that the run replaces by what the source says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retention_is_assumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a InputNotes>,
    /// What the audit would write.
    writes: Vec<PlannedFile>,
}

/// How far the audit comes before its deadline.
#[derive(Debug, Serialize)]
struct DeadlineView<'a> {
    given_by: &'a str,
    at: String,
    /// Number of messages that are asked until then. `None` if nothing limits the rate.
    reached: Option<u64>,
}

impl<'a> DeadlineView<'a> {
    fn of(deadline: &'a Deadline, forecast: &Forecast, now: Timestamp) -> Self {
        Self {
            given_by: &deadline.given_by,
            at: clock::rfc3339(deadline.at),
            reached: reached(forecast, deadline, now),
        }
    }
}
