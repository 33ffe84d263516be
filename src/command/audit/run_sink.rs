//! Where the loop's results land, and how a run that did not come to its end is left.

use std::cell::Cell;

use anyhow::anyhow;

use crate::engine::Sink;
use crate::exit::Failed;
use crate::humanize;
use crate::input::Row;
use crate::results::{Outcome, ResultsWriter};
use crate::source::Failure;
use crate::telemetry::CallCounts;
use crate::ui::Progress;
use crate::verdict::Totals;

/// Takes what the loop brings: into the results file, then onto the screen.
pub(super) struct RunSink<'e> {
    pub(super) recorder: ResultsWriter,
    pub(super) progress: Progress,
    pub(super) call_counts: &'e Cell<CallCounts>,
    pub(super) rows: u64,
    /// Distinct messages, where they were counted.
    pub(super) messages: Option<u64>,
}

impl Sink for RunSink<'_> {
    fn settled(&mut self, row: &Row, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        self.recorder.push(row, outcome)?;
        if let Some(outcome) = outcome {
            CallCounts::add(self.call_counts, outcome);
        }
        self.progress.settled(row, outcome);
        Ok(())
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        Ok(self.recorder.flush()?)
    }

    fn tick(&mut self, slowed_to: Option<f64>) {
        self.progress.tick(slowed_to);
    }
}

impl RunSink<'_> {
    /// The run ended before its last row.
    pub(super) fn stopped(self, why: anyhow::Error) -> Failed {
        self.leave(why, None, Failed::incomplete)
    }

    /// The source said what ends a run: a refusal if nothing has been answered yet. Of a key that may not ask about the
    /// first topic nobody knows whether it may about others, so nothing is said of them.
    pub(super) fn refused(self, failure: &Failure) -> Failed {
        let code = failure.code.as_deref().unwrap_or("no code");
        let status = failure
            .http_status
            .map(|status| format!(", HTTP {status}"))
            .unwrap_or_default();
        let nothing_yet = self.recorder.totals().distinct == 0;
        let ends = if nothing_yet {
            "the source refuses to answer"
        } else {
            "the source answers no more"
        };
        let why = anyhow!("{ends}: {} ({code}{status})", failure.message);
        let with: fn(anyhow::Error, Option<String>) -> Failed = if nothing_yet {
            Failed::refused
        } else {
            Failed::incomplete
        };
        self.leave(why, failure.hint.clone(), with)
    }

    /// Closes the partial results file. It is kept for its answers; without any it would only stand in the way.
    fn leave(
        self,
        why: anyhow::Error,
        hint: Option<String>,
        with: fn(anyhow::Error, Option<String>) -> Failed,
    ) -> Failed {
        let (rows, messages) = (self.rows, self.messages);
        let partial = self.recorder.partial();
        let totals = match self.recorder.abandon() {
            Ok(totals) => totals,
            Err(error) => return error.into(),
        };
        if totals.distinct == 0 && std::fs::remove_file(&partial).is_ok() {
            return with(why, hint);
        }
        let Totals {
            rows: settled,
            answered,
            not_found,
            ..
        } = totals;
        let share = messages.map_or_else(String::new, |messages| {
            let share = humanize::percent(answered + not_found, messages);
            format!(", {share} of the messages")
        });
        let kept = format!(
            "{} of {} rows are done ({} answered{share}) and kept in {}; run the same command with --resume to continue",
            humanize::count(settled),
            humanize::count(rows),
            humanize::count(answered + not_found),
            partial.display()
        );
        with(why, hint).and_hint(kept)
    }
}
