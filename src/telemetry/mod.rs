//! Reports the end of a run to machines: to dashboards by a metrics file ([`metrics`]), to chats by a [`webhook`] in
//! each service's form ([`template`]), in which [`chat_text`] writes names from outside.
//!
//! Both are made from the same [`RunEnd`]: counts and times, never a message ID. If reporting fails, the run's exit
//! status stays the same, and a warning is logged.

mod chat_text;
pub(crate) mod metrics;
pub(crate) mod template;
pub(crate) mod webhook;

use std::cell::Cell;

use jiff::Timestamp;

use crate::exit::Status;
use crate::report::Summary;
use crate::report::locale::Locale;
use crate::results::Outcome;
use crate::verdict::Tally;

/// The end of a run in numbers.
#[derive(Debug)]
pub(crate) struct RunEnd {
    pub(crate) status: Status,
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    /// The calls of this run.
    pub(crate) call_counts: CallCounts,
    /// The locale of notices in chats. Formats for programs do not depend on it.
    pub(crate) locale: Locale,
    /// The results, if the run left a complete results file.
    pub(crate) report: Option<ReportTotals>,
}

impl RunEnd {
    /// Returns whether every message was answered, whatever the answers are, and every file was written.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        self.status <= Status::Findings
    }

    /// Returns whether every message was answered, whatever the answers are. A report may be missing.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        let report = self.report.as_ref();
        report.map_or(self.is_success(), |report| {
            report.tally().totals.unanswered == 0
        })
    }
}

/// The numbers of a complete results file.
#[derive(Debug)]
pub(crate) struct ReportTotals {
    summary: Summary<'static>,
}

impl ReportTotals {
    /// Returns the numbers of a summary, without its results files.
    #[must_use]
    pub(crate) fn of(summary: Summary<'_>) -> Self {
        Self {
            summary: Summary {
                results_files: &[],
                ..summary
            },
        }
    }

    const fn tally(&self) -> &Tally {
        &self.summary.tally
    }

    /// Returns the headline in English, for programs.
    fn headline(&self) -> String {
        self.summary.text_in(&Locale::default()).headline()
    }

    /// Returns the headline in the summary's locale, with the names of groups as `name` writes them.
    fn chat_headline(&self, name: &dyn Fn(&str) -> String) -> String {
        self.summary.text().headline_with(name)
    }
}

/// The calls of this run, without those of the runs it resumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CallCounts {
    /// All calls, retries included.
    pub(crate) calls: u64,
    /// Calls that repeated an earlier call.
    pub(crate) retries: u64,
    /// Calls that were throttled.
    pub(crate) throttles: u64,
}

impl CallCounts {
    /// Adds calls that were made for no single message.
    pub(crate) fn add_calls(total: &Cell<Self>, calls: u64) {
        let counts = total.get();
        total.set(Self {
            calls: counts.calls + calls,
            ..counts
        });
    }

    /// Adds the calls made for one message.
    pub(crate) fn add(total: &Cell<Self>, outcome: &Outcome) {
        let Self {
            calls,
            retries,
            throttles,
        } = total.get();
        total.set(Self {
            calls: calls + u64::from(outcome.attempts) + u64::from(outcome.more_calls),
            retries: retries + u64::from(outcome.attempts.saturating_sub(1)),
            throttles: throttles + u64::from(outcome.throttled),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::InputNotes;
    use crate::results::SpreadsheetDamage;
    use crate::verdict::{
        AnswerView, Coverage, Expectations, MessageContext, RowEvidence, RowFacts, TrackView, judge,
    };

    /// Returns the numbers of one message of `topic` that every group missed.
    pub(super) fn missed_by(groups: &[&str], topic: &str) -> ReportTotals {
        let (mut tally, expectations) = (Tally::default(), Expectations::default());
        let tracks = groups
            .iter()
            .map(|group| TrackView::new(*group, "NOT_CONSUME_YET"));
        let tracks: Vec<_> = tracks.collect();
        let facts = RowFacts {
            row: 1,
            msg_id: "0A15030B110F18B4AAC264DBD9370E4E",
            topic,
            born: None,
            is_born_decoded: false,
            observed_at: "",
            error: None,
            is_carried: false,
            passed: None,
            attempts: (1, 0),
            more_calls: 0,
        };
        let context = MessageContext::of_topic(topic);
        let judged = judge(
            AnswerView::Tracks(&tracks),
            &context,
            &expectations,
            RowEvidence::default(),
        );
        tally.add(facts, &judged);
        ReportTotals::of(Summary {
            results_files: &[],
            tally,
            expectations,
            coverage: Coverage::default(),
            damage: SpreadsheetDamage::default(),
            input_notes: InputNotes::default(),
            locale: Locale::default(),
        })
    }
}
