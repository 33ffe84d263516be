//! Receives the settled rows of a run and says how a run that ended early can be continued.

use std::cell::Cell;

use anyhow::anyhow;

use crate::engine::{QuotaLost, Sink};
use crate::exit::{Advice as _, Failed, Status};
use crate::humanize;
use crate::input::Row;
use crate::results::{Outcome, ResultsWriter};
use crate::source::Failure;
use crate::telemetry::CallCounts;
use crate::ui::Progress;
use crate::verdict::Totals;

/// Writes settled rows to the results file, then shows the progress.
pub(super) struct RunSink<'r> {
    pub(super) writer: ResultsWriter,
    pub(super) progress: Progress,
    /// Counts the calls. `None` if the run makes none of its own.
    pub(super) call_counts: Option<&'r Cell<CallCounts>>,
    pub(super) row_count: u64,
    /// Number of distinct messages, if they were counted.
    pub(super) message_count: Option<u64>,
    /// Replaces the `--resume` hint in the judge stage, which starts anew.
    pub(super) resume_hint: Option<String>,
}

impl Sink for RunSink<'_> {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        self.writer.push(row, outcome)?;
        if let (Some(outcome), Some(counts)) = (outcome, self.call_counts) {
            CallCounts::add(counts, outcome);
        }
        self.progress.settled(row, outcome);
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        Ok(self.writer.flush()?)
    }

    fn tick(&mut self, slowed_to: Option<f64>) {
        self.progress.tick(slowed_to);
    }
}

impl RunSink<'_> {
    /// Ends a run that was stopped before its last row.
    pub(super) fn stopped(self, reason: anyhow::Error) -> Failed {
        self.leave(reason, None, Failed::incomplete)
    }

    /// Ends a run whose quota cannot be shared any more, so that no call may begin.
    pub(super) fn without_quota(self, lost: &QuotaLost) -> Failed {
        self.leave(anyhow!(lost.clone()), lost.hint(), Failed::incomplete)
    }

    /// Ends a run whose source reported an error that every query would get. It is a refusal if nothing was answered
    /// before. If the key is denied for the first topic, it is not known whether it is allowed for others, so the message
    /// does not mention them.
    pub(super) fn refused(self, failure: &Failure) -> Failed {
        let is_first = self.writer.totals().distinct == 0;
        let Failed {
            status,
            error,
            hints,
        } = refusal(failure, is_first);
        let with: fn(anyhow::Error, Option<String>) -> Failed = if status == Status::Refused {
            Failed::refused
        } else {
            Failed::incomplete
        };
        self.leave(error, hints.into_iter().next(), with)
    }

    /// Closes the partial file. It is kept if it has an answer; without one it would only be in the way of the next run.
    fn leave(
        self,
        reason: anyhow::Error,
        hint: Option<String>,
        with: fn(anyhow::Error, Option<String>) -> Failed,
    ) -> Failed {
        let (row_count, message_count) = (self.row_count, self.message_count);
        let partial = self.writer.partial();
        let totals = match self.writer.abandon() {
            Ok(totals) => totals,
            Err(error) => return error.into(),
        };
        if let Some(resume_hint) = self.resume_hint {
            return with(reason, hint).and_hint(resume_hint);
        }
        if totals.distinct == 0 && std::fs::remove_file(&partial).is_ok() {
            return with(reason, hint);
        }
        let Totals {
            rows: settled,
            answered,
            not_found,
            ..
        } = totals;
        let share = message_count.map_or_else(String::new, |messages| {
            let share = humanize::percent(answered + not_found, messages);
            format!(", {share} of the messages")
        });
        let kept = format!(
            "{} of {} rows are done ({} answered{share}) and kept in {}; run the same command with --resume to continue",
            humanize::count(settled),
            humanize::count(row_count),
            humanize::count(answered + not_found),
            partial.display()
        );
        with(reason, hint).and_hint(kept)
    }
}

/// Returns the error of a run whose source reported an error that every query would get. It is a refusal if nothing was
/// answered before.
pub(super) fn refusal(failure: &Failure, is_first: bool) -> Failed {
    let code = failure.code.as_deref().unwrap_or("no code");
    let status = failure
        .http_status
        .map(|status| format!(", HTTP {status}"))
        .unwrap_or_default();
    let ends = if is_first {
        "the source refuses to answer"
    } else {
        "the source answers no more"
    };
    let error = anyhow!("{ends}: {} ({code}{status})", failure.message);
    let hint = failure.hint.clone();
    if is_first {
        Failed::refused(error, hint)
    } else {
        Failed::incomplete(error, hint)
    }
}
