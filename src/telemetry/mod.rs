//! Reports the end of a run to machines: to dashboards by a metrics file ([`metrics`]), to chats by a [`webhook`] in
//! each service's form ([`template`]).
//!
//! Both are made from the same [`RunEnd`]: counts and times, never a message ID. If reporting fails, the run's exit
//! status stays the same, and a warning is logged.

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
    /// Returns whether every message was answered, whatever the answers are.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        self.status <= Status::Findings
    }
}

/// The numbers of a complete results file.
#[derive(Debug, Clone)]
pub(crate) struct ReportTotals {
    /// The headline in English, for programs.
    pub(crate) headline: String,
    /// The headline in the summary's locale, for chats.
    pub(crate) chat_headline: String,
    pub(crate) tally: Tally,
}

impl ReportTotals {
    /// Returns the numbers of a summary, without its results files.
    #[must_use]
    pub(crate) fn of(summary: Summary<'_>) -> Self {
        Self {
            headline: summary.text_in(&Locale::default()).headline(),
            chat_headline: summary.text().headline(),
            tally: summary.tally,
        }
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
    /// Adds the calls made for one message.
    pub(crate) fn add(total: &Cell<Self>, outcome: &Outcome) {
        let Self {
            calls,
            retries,
            throttles,
        } = total.get();
        total.set(Self {
            calls: calls + u64::from(outcome.attempts),
            retries: retries + u64::from(outcome.attempts.saturating_sub(1)),
            throttles: throttles + u64::from(outcome.throttled),
        });
    }
}
