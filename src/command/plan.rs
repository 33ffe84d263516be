//! `plan`: what `audit` would ask, how long it takes, and what expires first. Asks nothing and needs no credentials.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Env;
use super::audit::{ForecastTerms, MessageAges, Preflight};
use super::flags::{
    InputFlags, Pace, PaceFlags, SettingsFlags, SourceFlags, SourceKind, SourceSpec,
};
use crate::engine::{Forecast, RETENTION, Rate};
use crate::exit::{Failed, Status, print};
use crate::humanize::{self, count, counted};
use crate::input::{InputNotes, Reject};
use crate::message::Zone;
use crate::report::InputNotesText;
use crate::report::locale::Language;
use crate::results::SpreadsheetDamage;
use crate::settings::Span;

/// Number of rejected rows that are shown.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    input: InputFlags,
    #[command(flatten)]
    source: SourceFlags,
    #[command(flatten)]
    pace: PaceFlags,
    /// Time zone of the producers, used to decode born times from IDs [default: +08:00]
    #[arg(
        long,
        value_name = "ZONE",
        allow_hyphen_values = true,
        help_heading = "Forecast"
    )]
    producer_zone: Option<String>,
    /// How long the source keeps messages [default: 72h]
    #[arg(long, value_name = "DURATION", help_heading = "Forecast")]
    retention: Option<Span>,
    /// text or json
    #[arg(long, value_name = "FORMAT", help_heading = "Forecast", default_value = "text", value_parser = ["text", "json"])]
    format: String,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: Args, env: &Env) -> Result<Status, Failed> {
    let mut settings = args.settings.merged_settings(env)?;
    args.input.apply_to(&mut settings);
    args.source.apply_to(&mut settings);
    args.pace.apply_to(&mut settings);
    settings.flag("producer_zone", args.producer_zone.as_ref());
    if let Some(shown) = args.settings.show(&settings) {
        return shown;
    }
    let spec = SourceSpec::of(&settings)?;
    let pace = Pace::of(&settings, spec.kind(), env.clock)?;
    let zone: Zone = settings.get("producer_zone")?;
    let inputs = args.input.open()?;
    let now = (env.clock)();
    // A snapshot keeps its messages.
    let retention =
        (!spec.is_repeatable()).then(|| args.retention.map_or(RETENTION, |span| span.0));
    let ages = MessageAges::of(&settings, &zone, now)?;
    let snapshot = spec.open_snapshot()?;
    let born = ages.born_times(snapshot.as_ref());
    let terms = ForecastTerms {
        rate: pace.rate,
        needs_no_call_where_placed: spec.kind() == SourceKind::Cluster,
        start: now,
        retention,
        born: &born,
    };
    let (preflight, forecast, _) = Preflight::read_with_forecast(&inputs, (None, None), &terms)?;
    let placed = spec.kind() == SourceKind::Cluster && preflight.is_placed();
    let rate = if placed { Rate::Max } else { pace.rate };
    let notes = inputs.notes();
    let text = if args.format == "json" {
        let plan = PlanView {
            forecast: &forecast,
            input: Some(&notes).filter(|notes| !notes.is_nothing()),
        };
        serde_json::to_string_pretty(&plan).map_err(|error| Failed::refused(error, None))? + "\n"
    } else {
        let plan = Plan {
            forecast: &forecast,
            source: spec.text(),
            placed,
            rate,
            now,
            retention,
            zone: &zone,
        };
        plan.text(&inputs.first_rejects(SHOWN)?) + &remarks(&notes, &preflight.damage)
    };
    print(&text)?;
    Ok(if forecast.rejected > 0 || notes.needs_attention() {
        Status::Findings
    } else {
        Status::Clean
    })
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
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a InputNotes>,
}

/// A forecast and what its text needs.
struct Plan<'a> {
    forecast: &'a Forecast,
    source: String,
    /// Whether the input gives the position of every message.
    placed: bool,
    rate: Rate,
    now: Timestamp,
    /// How long the source keeps messages. `None` if it keeps them for good.
    retention: Option<Duration>,
    zone: &'a Zone,
}

impl Plan<'_> {
    fn text(&self, rejects: &[Reject]) -> String {
        let forecast = self.forecast;
        let mut text = format!(
            "{} = {} + {} + {} rejected\n",
            counted(forecast.rows, "row", "rows"),
            counted(forecast.distinct, "distinct message", "distinct messages"),
            counted(forecast.duplicates, "duplicate", "duplicates"),
            count(forecast.rejected)
        );
        let mut line = |label: &str, words: String| {
            writeln!(text, "{label:<10}{words}").expect("memory takes all text");
        };
        line("source", self.source.clone());
        line("calls", self.calls());
        if let Some(seconds) = forecast.seconds {
            line("time", humanize::duration(Duration::from_secs_f64(seconds)));
        }
        match &forecast.oldest {
            Some(oldest) => {
                let local = oldest.born_at.to_zoned(self.zone.zone.clone());
                let age =
                    Duration::try_from(self.now.duration_since(oldest.born_at)).unwrap_or_default();
                line(
                    "oldest",
                    format!(
                        "row {}, {}: born {}, {} ago",
                        oldest.row,
                        oldest.msg_id,
                        local.strftime("%F %T %:z"),
                        humanize::duration(age)
                    ),
                );
                if let Some(expiry) = self.expiry() {
                    line("expiry", expiry);
                }
            }
            None => line("oldest", "no born time is known".to_owned()),
        }
        for reject in rejects {
            line("rejected", reject.to_string());
        }
        let more = forecast.rejected - rejects.len() as u64;
        if more > 0 {
            line("", format!("and {} more", count(more)));
        }
        text
    }

    fn calls(&self) -> String {
        if self.placed {
            return "none for messages, whose places are given; a few for each group and broker"
                .to_owned();
        }
        let distinct = count(self.forecast.distinct);
        match self.rate {
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
        } = *self.forecast
        else {
            return None;
        };
        let words = format!(
            "{} {} already older than {}; {} more will be by the time they are asked",
            count(expired),
            if expired == 1 { "is" } else { "are" },
            days(self.retention?),
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
