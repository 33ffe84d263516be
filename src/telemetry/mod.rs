//! What machines are told of a run's end: dashboards by a file of metrics ([`metrics`]), chats by a [`webhook`] in the form
//! that each takes ([`template`]).
//!
//! Both are made from the same [`RunEnd`]: counts and times, never a message ID. Telling is not the run's business: if it
//! fails, the run ends as it would have ended, with a warning.

pub mod metrics;
pub mod template;
pub mod webhook;

use std::cell::Cell;

use jiff::Timestamp;

use crate::exit::Status;
use crate::report::Summary;
use crate::report::locale::Locale;
use crate::results::Outcome;
use crate::verdict::Tally;

/// How a run ended, in numbers.
#[derive(Debug)]
pub struct RunEnd {
    /// How the program ends.
    pub status: Status,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// What it took.
    pub call_counts: CallCounts,
    /// What it found; nothing where it left no whole results file.
    pub report: Option<ReportTotals>,
}

impl RunEnd {
    /// Is every message answered, whatever the answers are?
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.status <= Status::Findings
    }
}

/// What a whole results file adds up to.
#[derive(Debug, Clone)]
pub struct ReportTotals {
    /// The one sentence.
    pub headline: String,
    /// Everything counted.
    pub tally: Tally,
}

impl ReportTotals {
    /// Of a summary, without the results files it stands on.
    #[must_use]
    pub fn of(summary: Summary<'_>) -> Self {
        Self {
            headline: summary.text_in(&Locale::default()).headline(),
            tally: summary.tally,
        }
    }
}

/// What this run itself asked; not what it took over from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls made, retries included.
    pub calls: u64,
    /// Of them, those that asked again.
    pub retries: u64,
    /// Of them, those that were throttled.
    pub throttles: u64,
}

impl CallCounts {
    /// Counts the calls made for one message.
    pub fn add(total: &Cell<Self>, outcome: &Outcome) {
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
