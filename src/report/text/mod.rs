//! The sentences of all summaries, in the language and the time format of a [`Locale`].

mod basis;
mod evidence;
mod headline;
mod inference;
mod input;
mod notes;
mod run;
mod sample;
mod steps;

pub(crate) use input::InputNotesText;
pub(super) use run::RunFact;
pub use sample::sampled_failures;
pub(super) use steps::StepPlaces;

use super::Summary;
use super::locale::{Language, Locale};
use crate::humanize::{count, counted};

/// The sentences of a summary.
#[derive(Debug, Clone, Copy)]
pub struct SummaryText<'s> {
    pub(in crate::report) summary: &'s Summary<'s>,
    /// The locale of the sentences.
    pub locale: &'s Locale,
}

impl SummaryText<'_> {
    const fn is_chinese(&self) -> bool {
        matches!(self.locale.language, Language::Chinese)
    }

    /// Returns whether any group is expected. Otherwise the groups that answered count as expected.
    pub(in crate::report) fn has_expectations(&self) -> bool {
        !self.summary.expectations.is_empty()
    }

    /// Returns `280 of 986 messages`.
    fn of_all(&self, number: u64) -> String {
        let whole = self.summary.tally.totals.distinct;
        let number = count(number);
        if self.is_chinese() {
            format!("{} 条消息中有 {number} 条", count(whole))
        } else {
            format!("{number} of {}", counted(whole, "message", "messages"))
        }
    }
}
