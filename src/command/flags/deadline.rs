//! Flags for the end of a run.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use anyhow::anyhow;

use crate::exit::Failed;
use crate::settings::{Deadline, FinishBy, Settings, Span};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Time")]
pub(in crate::command) struct DeadlineFlags {
    /// Start no call after this time: 06:00 (the next one on this machine's clock) or 2026-11-23T06:00+08:00
    ///
    /// The oldest messages are asked first, because they expire first. The same command with --resume asks the rest.
    ///
    /// Example, every night until everything is answered: ons-audit audit incident.csv --source ons://cn-hangzhou -o
    /// report.csv --finish-by 06:00 --resume
    #[arg(long, value_name = "TIME", conflicts_with = "max_time")]
    finish_by: Option<String>,
    /// Start no call after this much time: 2h, 90m; the oldest messages are asked first
    #[arg(long, value_name = "DURATION")]
    max_time: Option<String>,
    /// Column that says when a message was born, where its ID does not; the oldest messages are asked first
    ///
    /// RFC 3339, `2026-11-22 03:00:00` on the producers' clock, or seconds or milliseconds since 1970. It must be one of
    /// the columns that --keep keeps.
    #[arg(long, value_name = "COLUMN")]
    born_column: Option<String>,
}

impl DeadlineFlags {
    pub(in crate::command) fn apply_to(&self, settings: &mut Settings) {
        settings.flag("finish_by", self.finish_by.as_ref());
        settings.flag("max_time", self.max_time.as_ref());
        settings.flag("born_column", self.born_column.as_ref());
    }
}

/// Returns the earlier one of the deadlines that are set.
pub(in crate::command) fn deadline(
    settings: &Settings,
    now: Timestamp,
) -> Result<Option<Deadline>, Failed> {
    let given_by = |flag, key| format!("{flag} {}", settings.text(key).0);
    let mut deadline: Option<Deadline> = None;
    if let Some(finish_by) = settings.optional::<FinishBy>("finish_by")? {
        deadline = finish_by
            .moment(now, &TimeZone::system())
            .map(|at| Deadline {
                at,
                given_by: given_by("--finish-by", "finish_by"),
            });
    }
    if let Some(Span(most)) = settings.optional::<Span>("max_time")? {
        let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
        let at = now.checked_add(most).unwrap_or(Timestamp::MAX);
        if deadline.as_ref().is_none_or(|other| at < other.at) {
            deadline = Some(Deadline {
                at,
                given_by: given_by("--max-time", "max_time"),
            });
        }
    }
    match deadline {
        Some(over) if over.at <= now => Err(Failed::refused(
            anyhow!(
                "{} is over: it was {}",
                over.given_by,
                crate::clock::rfc3339(over.at)
            ),
            Some("--finish-by 06:00 means the next time that clocks show it".to_owned()),
        )),
        settled => Ok(settled),
    }
}
