//! `plan`: what `audit` would ask and write with the same arguments, how long it takes, and what expires first. It refuses
//! what `audit` refuses, except credentials. It asks nothing, and it creates, locks and changes no file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Env;
use super::audit::{
    self, Draft, ForecastTerms, LookupStage, Preflight, StartMode, reached, refuse_too_many_rejects,
};
use super::flags::{RunMonitor, SourceKind};
use crate::clock;
use crate::engine::{Forecast, RETENTION, Rate};
use crate::exit::{Failed, Status, print};
use crate::humanize::{self, count, counted};
use crate::input::{InputNotes, Reject};
use crate::report::locale::Language;
use crate::report::{InputNotesText, ReportFormat};
use crate::results::{EarlierAccess, RowSet, SpreadsheetDamage, Unfinished};
use crate::settings::{Deadline, Settings, Span};

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
    let view = PlanView {
        forecast: &outlook.forecast,
        carried: outlook.carried,
        settled: outlook.settled,
        deadline: deadline
            .map(|deadline| DeadlineView::of(deadline, &outlook.forecast, draft.started)),
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
            damage: preflight.damage,
            is_located,
            retention,
        })
    }
}

/// Prints that nothing is left to ask.
fn print_complete(draft: &Draft, writes: Vec<PlannedFile>, is_json: bool) -> Result<(), Failed> {
    let rows = draft
        .inputs
        .surveys()
        .iter()
        .map(|survey| survey.rows)
        .sum();
    let forecast = Forecast {
        rows,
        ..Forecast::default()
    };
    let view = PlanView {
        forecast: &forecast,
        carried: 0,
        settled: rows,
        deadline: None,
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
    files.extend(draft.pace.quota_file().map(|path| file("quota file", path)));
    Ok(files)
}

/// Returns a line for each file that the audit would write.
fn written(files: &[PlannedFile]) -> String {
    let mut text = String::new();
    for (nth, file) in files.iter().enumerate() {
        let label = if nth == 0 { "writes" } else { "" };
        let path = humanize::output(&file.path);
        let _ = writeln!(text, "{label:<10}{path} ({})", file.what); // a String takes everything
    }
    text
}

/// Returns what was noticed about the inputs and which columns a spreadsheet has damaged.
fn remarks(notes: &InputNotes, damage: &SpreadsheetDamage) -> String {
    let notes = InputNotesText {
        notes,
        language: Language::English,
    };
    let mut text = String::new();
    for note in notes.all() {
        let _ = writeln!(text, "{:<10}{note}", "input"); // a String takes everything
    }
    for column in damage.columns() {
        let _ = writeln!(text, "{column}");
    }
    text
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

/// A plan and what its text needs.
struct Plan<'a> {
    view: &'a PlanView<'a>,
    draft: &'a Draft,
    outlook: &'a Outlook,
    /// The file of `--previous`.
    previous: Option<&'a Path>,
    /// The results file that `--resume` continues.
    unfinished: Option<&'a Path>,
}

impl Plan<'_> {
    fn text(&self, notes: &InputNotes) -> String {
        let forecast = &self.outlook.forecast;
        let mut text = self.totals();
        let mut line = |label: &str, words: String| {
            writeln!(text, "{label:<10}{words}").expect("memory takes all text");
        };
        line("source", self.draft.source.text());
        if let Some(path) = self.previous {
            line("previous", self.saved(path));
        }
        if let Some(path) = self.unfinished {
            let settled = counted(self.view.settled, "row is", "rows are");
            let path = path.display();
            let words =
                format!("{settled} settled by an earlier run of {path}; only the others are asked");
            line("resume", words);
        }
        line("calls", self.calls());
        if let Some(seconds) = forecast.seconds {
            line("time", humanize::duration(Duration::from_secs_f64(seconds)));
        }
        if let Some(deadline) = &self.view.deadline {
            line("deadline", self.reach(deadline));
        }
        line("oldest", self.oldest());
        if let Some(expiry) = self.expiry().filter(|_| forecast.oldest.is_some()) {
            line("expiry", expiry);
        }
        for reject in &self.outlook.rejects {
            line("rejected", reject.to_string());
        }
        let more = forecast.rejected - self.outlook.rejects.len() as u64;
        if more > 0 {
            line("", format!("and {} more", count(more)));
        }
        text + &remarks(notes, &self.outlook.damage) + &written(&self.view.writes)
    }

    /// Returns `1,000 rows = 280 distinct messages + 8 duplicates + 6 rejected + 706 carried` and a line end.
    fn totals(&self) -> String {
        let forecast = &self.outlook.forecast;
        let mut text = format!(
            "{} = {} + {} + {} rejected",
            counted(forecast.rows, "row", "rows"),
            counted(forecast.distinct, "distinct message", "distinct messages"),
            counted(forecast.duplicates, "duplicate", "duplicates"),
            count(forecast.rejected)
        );
        let known = [
            (self.view.carried, "carried"),
            (self.view.settled, "settled"),
        ];
        for (rows, word) in known.into_iter().filter(|(rows, _)| *rows > 0) {
            let _ = write!(text, " + {} {word}", count(rows)); // a String takes everything
        }
        text + "\n"
    }

    fn oldest(&self) -> String {
        let Some(oldest) = &self.outlook.forecast.oldest else {
            return "no born time is known".to_owned();
        };
        let local = oldest.born_at.to_zoned(self.draft.zone.zone.clone());
        let age = self.draft.started.duration_since(oldest.born_at);
        format!(
            "row {}, {}: born {}, {} ago",
            oldest.row,
            oldest.msg_id,
            local.strftime("%F %T %:z"),
            humanize::duration(Duration::try_from(age).unwrap_or_default())
        )
    }

    /// Returns `706 answers are carried from yesterday.results.ndjson, which saves as many calls`.
    fn saved(&self, path: &Path) -> String {
        let answers = counted(self.view.carried, "answer is", "answers are");
        let path = path.display();
        format!("{answers} carried from {path}, which saves as many calls")
    }

    /// Returns `--finish-by 06:00 (2026-11-23T06:00:00Z): time for about 480 of 986 messages, …`.
    fn reach(&self, deadline: &DeadlineView<'_>) -> String {
        let DeadlineView {
            given_by,
            at,
            reached,
        } = deadline;
        let distinct = self.outlook.forecast.distinct;
        let words = match *reached {
            None => {
                "how many messages are asked until then is not known, as no rate limits the calls"
                    .to_owned()
            }
            Some(reached) if reached < distinct => format!(
                "time for about {} of {}; the oldest are asked first, --resume goes on with the others",
                count(reached),
                counted(distinct, "message", "messages")
            ),
            Some(_) => "time for all messages".to_owned(),
        };
        format!("{given_by} ({at}): {words}")
    }

    fn calls(&self) -> String {
        if self.outlook.is_located {
            return "none for messages, which are all looked up; a few for each group and broker"
                .to_owned();
        }
        if self.outlook.placed {
            return "none for messages, whose places are given; a few for each group and broker"
                .to_owned();
        }
        let distinct = count(self.outlook.forecast.distinct);
        match self.draft.pace.rate {
            Rate::Max => format!("{distinct} without retries, no rate limit"),
            rate @ Rate::Limited { .. } => format!("{distinct} without retries, at {rate}"),
        }
    }

    /// Returns `986 are already older than 3 days; 0 more will be by the time they are asked`.
    fn expiry(&self) -> Option<String> {
        let Forecast {
            expired: Some(expired),
            expiring: Some(expiring),
            dated,
            distinct,
            ..
        } = self.outlook.forecast
        else {
            return None;
        };
        let words = format!(
            "{} {} already older than {}; {} more will be by the time they are asked",
            count(expired),
            if expired == 1 { "is" } else { "are" },
            days(self.outlook.retention?),
            count(expiring)
        );
        let others = match distinct - dated {
            0 => String::new(),
            1 => "; 1 message has no born time".to_owned(),
            others => format!("; {} messages have no born time", count(others)),
        };
        Some(words + &others)
    }
}

/// Formats a length of time as `3 days`, or as elsewhere if it is not a whole number of days.
fn days(length: Duration) -> String {
    match (length.as_secs() / 86_400, length.as_secs() % 86_400) {
        (0, _) | (_, 1..) => humanize::duration(length),
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{} days", count(days)),
    }
}
