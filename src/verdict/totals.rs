//! The control totals.

use serde::{Deserialize, Serialize};

/// The control totals of a results file. If they do not tie, rows were lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Input rows. Each is one line of the results file.
    pub rows: u64,
    /// Distinct `(instance, topic, msg_id)`.
    pub distinct: u64,
    /// Rows that repeat the query of an earlier row.
    pub duplicates: u64,
    /// Bad rows.
    pub rejected: u64,
    /// Distinct messages with an answer.
    pub answered: u64,
    /// Distinct messages that the source does not have.
    pub not_found: u64,
    /// Distinct messages without an answer after all attempts.
    pub unanswered: u64,
    /// Tracks in all answers.
    pub tracks: u64,
    /// Answers taken from an earlier run.
    #[serde(default, skip_serializing_if = "is_none")]
    pub carried: u64,
}

/// What became of one input row, as the totals count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowResult {
    /// The row asks the same as an earlier row.
    Duplicate,
    /// The row was bad and was not asked.
    Rejected,
    /// The source answered, or an earlier run's answer was carried over.
    Answered {
        /// Number of consumer groups in the answer.
        tracks: u64,
        /// The answer comes from an earlier run.
        is_carried: bool,
    },
    /// The source does not know the message.
    NotFound,
    /// There was no answer after all attempts.
    Unanswered,
}

impl Totals {
    /// Counts one row.
    pub(crate) const fn add(&mut self, result: RowResult) {
        self.rows += 1;
        let counter = match result {
            RowResult::Duplicate => {
                self.duplicates += 1;
                return;
            }
            RowResult::Rejected => {
                self.rejected += 1;
                return;
            }
            RowResult::Answered { tracks, is_carried } => {
                self.tracks += tracks;
                self.carried += is_carried as u64;
                &mut self.answered
            }
            RowResult::NotFound => &mut self.not_found,
            RowResult::Unanswered => &mut self.unanswered,
        };
        *counter += 1;
        self.distinct += 1;
    }

    /// Returns whether `rows = distinct + duplicates + rejected` and `distinct = answered + not_found + unanswered`.
    #[must_use]
    pub const fn tie(&self) -> bool {
        self.rows == self.distinct + self.duplicates + self.rejected
            && self.distinct == self.answered + self.not_found + self.unanswered
    }

    /// Returns the sums of two results files.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            distinct: self.distinct + other.distinct,
            duplicates: self.duplicates + other.duplicates,
            rejected: self.rejected + other.rejected,
            answered: self.answered + other.answered,
            not_found: self.not_found + other.not_found,
            unanswered: self.unanswered + other.unanswered,
            tracks: self.tracks + other.tracks,
            carried: self.carried + other.carried,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_none(number: &u64) -> bool {
    *number == 0
}
