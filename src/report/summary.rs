//! The numbers that all summaries are made from. [`SummaryText`] puts them into sentences.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::SummaryText;
use super::locale::Locale;
use crate::input::InputNotes;
use crate::offsets::Rules;
use crate::results::{Header, ResultsFile, SpreadsheetDamage};
use crate::source::FailureKind;
use crate::source::ons::errors;
use crate::verdict::{Coverage, Expectations, Tally, Verdict};

/// A format that only sums up.
pub trait SummaryFormat: Sync {
    /// Writes the whole report.
    ///
    /// # Errors
    ///
    /// The report cannot be written.
    fn render(&self, summary: &Summary<'_>, out: &mut dyn io::Write) -> io::Result<()>;
}

/// The numbers of a judged results file, or of several shards of one run.
#[derive(Debug)]
pub struct Summary<'a> {
    /// The results files.
    pub results_files: &'a [ResultsFile],
    /// The counts.
    pub tally: Tally,
    /// The expectations that the rows were judged by.
    pub expectations: Expectations,
    /// Where the expectations and the messages do not match.
    pub coverage: Coverage,
    /// Damage that a spreadsheet did to the kept columns.
    pub damage: SpreadsheetDamage,
    /// What was noticed while the inputs were read.
    pub input_notes: InputNotes,
    /// The language and the time zone of formats for people.
    pub locale: Locale,
}

impl Summary<'_> {
    /// Returns whether every query was answered.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.tally.totals.unanswered == 0
    }

    /// Returns whether more than the offsets was examined.
    #[must_use]
    pub fn is_examined(&self) -> bool {
        let mut results_files = self.results_files.iter();
        results_files.any(|results_file| results_file.header().is_examined())
    }

    /// Returns whether it is said what verdicts rest on: more than the offsets was examined, or answers were inferred.
    #[must_use]
    pub fn states_evidence(&self) -> bool {
        let mut results_files = self.results_files.iter();
        results_files.any(ResultsFile::states_evidence)
    }

    /// Returns whether all answers are of a source that records deliveries.
    #[must_use]
    pub fn is_by_deliveries(&self) -> bool {
        let mut headers = self.results_files.iter().map(ResultsFile::header);
        !self.results_files.is_empty() && headers.all(Header::records_deliveries)
    }

    /// Returns the verdicts about groups that a table shows. Those that only an examination finds are left out where
    /// nothing was examined.
    #[must_use]
    pub fn group_verdicts(&self) -> &'static [Verdict] {
        Verdict::where_examined(self.is_examined())
    }

    /// Returns whether there is nothing to look at: every row is reconciled, and the inputs do not need attention.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.tally.is_clean() && !self.input_notes.needs_attention()
    }

    /// Returns advice about the most frequent error of unanswered messages and of messages not found. There is advice
    /// for the HTTP API only, since the codes are its own.
    #[must_use]
    pub fn advice(&self) -> Vec<(&str, &'static str)> {
        let is_api = |results_file: &ResultsFile| {
            let header = results_file.header();
            header.as_of.is_none() && header.rules == Rules::Gateway
        };
        if !self.results_files.iter().all(is_api) {
            return Vec::new();
        }
        let commonest = |not_found: bool| {
            let is_such =
                |code: &str| (errors::classify(code).0 == FailureKind::NotFound) == not_found;
            let errors = self.tally.errors.iter();
            let advised = errors
                .filter(|(code, _)| is_such(code))
                .filter_map(|(code, times)| Some((times, code, errors::advice(code)?)));
            let (_, code, hint) = advised.min_by_key(|(times, ..)| Reverse(**times))?;
            Some((code.as_str(), hint))
        };
        [false, true].into_iter().filter_map(commonest).collect()
    }

    /// Returns the groups that answer although the expectations for the topic name them nowhere, each with its number
    /// of messages.
    #[must_use]
    pub fn unexpected(&self) -> Vec<(&str, u64)> {
        let groups = self.tally.groups.iter();
        groups
            .filter(|(_, group)| group.unexpected > 0)
            .map(|(name, group)| (name.as_str(), group.unexpected))
            .collect()
    }

    /// Returns the brokers that could not be asked, with the reasons.
    #[must_use]
    pub fn unasked_brokers(&self) -> BTreeMap<&str, &str> {
        let results_files = self.results_files.iter();
        let brokers = results_files.flat_map(|results_file| &results_file.header().unasked_brokers);
        brokers.map(|(name, why)| (&**name, &**why)).collect()
    }

    /// Returns the time zones by which born times are decoded from IDs, each once.
    #[must_use]
    pub fn producer_zones(&self) -> Vec<String> {
        let results_files = self.results_files.iter();
        let zones = results_files.map(|results_file| &results_file.header().producer_zone);
        let zones: BTreeSet<_> = zones.collect();
        zones.into_iter().cloned().collect()
    }

    /// Returns the groups for which something could not be examined, with the reasons, in name order.
    #[must_use]
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        let results_files = self.results_files.iter();
        let mut gaps: Vec<_> = results_files
            .flat_map(|file| file.evidence().gaps())
            .collect();
        gaps.sort_unstable();
        gaps.dedup();
        gaps
    }

    /// Returns the summary in sentences, in its own locale.
    #[must_use]
    pub const fn text(&self) -> SummaryText<'_> {
        self.text_in(&self.locale)
    }

    /// Returns the summary in sentences, in another locale.
    #[must_use]
    pub const fn text_in<'s>(&'s self, locale: &'s Locale) -> SummaryText<'s> {
        SummaryText {
            summary: self,
            locale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_advice_on_the_most_frequent_errors() {
        let mut tally = Tally::default();
        for (code, times) in [
            ("BIZ_NO_MESSAGE", 9),
            ("INSTANCE_NOT_FOUND", 40),
            ("NeverHeardOf", 80),
            ("NoPermission", 3),
            ("transport", 2),
        ] {
            tally.errors.insert(code.to_owned(), times);
        }
        let summary = Summary {
            results_files: &[],
            tally,
            expectations: Expectations::default(),
            coverage: Coverage::default(),
            damage: SpreadsheetDamage::default(),
            input_notes: InputNotes::default(),
            locale: Locale::default(),
        };
        let advised: Vec<_> = summary.advice().iter().map(|(code, _)| *code).collect();
        assert_eq!(advised, ["NoPermission", "INSTANCE_NOT_FOUND"]);
    }
}
