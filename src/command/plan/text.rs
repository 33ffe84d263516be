//! The plan in words.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{DeadlineView, ExaminationPlan, Outlook, PlanView, PlannedFile};
use crate::command::audit::Draft;
use crate::engine::{Forecast, Rate};
use crate::humanize::{self, count, counted};
use crate::input::InputNotes;
use crate::report::InputNotesText;
use crate::report::locale::Language;
use crate::results::SpreadsheetDamage;

/// A plan and what its text needs.
pub(super) struct Plan<'a> {
    pub(super) view: &'a PlanView<'a>,
    pub(super) draft: &'a Draft,
    pub(super) outlook: &'a Outlook,
    /// The file of `--previous`.
    pub(super) previous: Option<&'a Path>,
    /// The results file that `--resume` continues.
    pub(super) unfinished: Option<&'a Path>,
}

impl Plan<'_> {
    /// Returns the whole plan; `notes` is what was noticed about the inputs.
    pub(super) fn text(&self, notes: &InputNotes) -> String {
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
            line("time", self.time(Duration::from_secs_f64(seconds)));
        }
        if let Some(infer) = &self.view.infer {
            line("infer", infer.text(forecast.distinct));
        }
        if let Some(examination) = &self.view.examination {
            line("examine", examination.text());
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
        let quota = match self.view.quota {
            Some(_) => "; the quota of rmq:// is not published",
            None => "",
        };
        match self.draft.pace.rate {
            Rate::Max => format!("{distinct} without retries, no rate limit{quota}"),
            rate @ Rate::Limited { .. } => format!("{distinct} without retries, at {rate}{quota}"),
        }
    }

    /// Returns how long the messages take. Of what follows them for 5.x, only the most calls are known.
    fn time(&self, messages: Duration) -> String {
        let time = humanize::duration(messages);
        match self.view.examination {
            Some(ExaminationPlan::Rmq(_)) => format!(
                "{time} for the messages; lags and retry policies afterwards, at most one call for each group and topic and \
                 one for each group, are not included"
            ),
            Some(ExaminationPlan::Ons(_)) | None => time,
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
            humanize::days(self.outlook.retention?),
            count(expiring)
        );
        let others = match distinct - dated {
            0 => String::new(),
            1 => "; 1 message has no born time".to_owned(),
            others => format!("; {} messages have no born time", count(others)),
        };
        let assumed = if self.outlook.retention_is_assumed {
            "; the run asks the instance how long it keeps messages"
        } else {
            ""
        };
        Some(words + &others + assumed)
    }
}

/// Returns a line for each file that the audit would write.
pub(super) fn written(files: &[PlannedFile]) -> String {
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
