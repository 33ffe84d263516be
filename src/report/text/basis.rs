//! Sentences about the sources and the caveats.

use super::SummaryText;
use crate::offsets::Rules;
use crate::report::locale::{Phrase, phrases};
use crate::results::ResultsFile;
use crate::verdict::{MessageVerdict, Verdict};

impl SummaryText<'_> {
    /// Returns the caveats that apply, in full sentences (`docs/facts/users.md` §3b).
    #[must_use]
    pub fn caveats(&self) -> Vec<&'static str> {
        let caveats = self.applying().into_iter();
        caveats.map(|(whole, _)| self.locale.text(whole)).collect()
    }

    /// Returns the caveats that apply, in a few words each.
    #[must_use]
    pub fn caveats_in_short(&self) -> Vec<&'static str> {
        let caveats = self.applying().into_iter();
        caveats.map(|(_, short)| self.locale.text(short)).collect()
    }

    /// Returns what a break is, or `None` if there is none.
    #[must_use]
    pub fn break_in_short(&self) -> Option<String> {
        let is_broken = self.summary.tally.messages(MessageVerdict::Break) > 0;
        is_broken.then(|| {
            self.locale.message_verdict(MessageVerdict::Break)
                + self.locale.text(phrases::COLON)
                + self
                    .locale
                    .text(self.message_meaning(MessageVerdict::Break))
        })
    }

    fn applying(&self) -> Vec<(Phrase, Phrase)> {
        let tally = &self.summary.tally;
        let any = |verdict| tally.groups.values().any(|group| group.count(verdict) > 0);
        let by_offsets = |results_file: &ResultsFile| results_file.header().rules == Rules::Offsets;
        let is_examined = self.summary.is_examined();
        let all = [
            (
                any(Verdict::Passed) && !is_examined,
                phrases::PASSED_CAVEAT,
                phrases::PASSED_IN_SHORT,
            ),
            (
                any(Verdict::Passed) && is_examined,
                phrases::EXAMINED_CAVEAT,
                phrases::EXAMINED_IN_SHORT,
            ),
            (
                any(Verdict::DeadLettered),
                phrases::DEAD_LETTERED_CAVEAT,
                phrases::DEAD_LETTERED_IN_SHORT,
            ),
            (
                any(Verdict::Retrying),
                phrases::RETRYING_CAVEAT,
                phrases::RETRYING_IN_SHORT,
            ),
            (
                any(Verdict::Failed),
                phrases::FAILED_CAVEAT,
                phrases::FAILED_IN_SHORT,
            ),
            (
                self.summary.results_files.iter().any(by_offsets),
                phrases::BY_OFFSETS_CAVEAT,
                phrases::BY_OFFSETS_IN_SHORT,
            ),
            (
                any(Verdict::Filtered),
                phrases::FILTERED_CAVEAT,
                phrases::FILTERED_IN_SHORT,
            ),
            (
                any(Verdict::Open),
                phrases::OPEN_CAVEAT,
                phrases::OPEN_IN_SHORT,
            ),
            (
                any(Verdict::Undetermined),
                phrases::UNDETERMINED_CAVEAT,
                phrases::UNDETERMINED_IN_SHORT,
            ),
            (
                any(Verdict::Absent),
                phrases::ABSENT_CAVEAT,
                phrases::ABSENT_IN_SHORT,
            ),
            (
                tally.totals.not_found > 0,
                phrases::NOT_FOUND_CAVEAT,
                phrases::NOT_FOUND_IN_SHORT,
            ),
            (
                tally.totals.carried > 0,
                phrases::CARRIED_CAVEAT,
                phrases::CARRIED_IN_SHORT,
            ),
            (
                true,
                phrases::NO_SNAPSHOT_CAVEAT,
                phrases::NO_SNAPSHOT_IN_SHORT,
            ),
        ];
        let applying = all.into_iter().filter(|(applies, ..)| *applies);
        applying.map(|(_, whole, short)| (whole, short)).collect()
    }

    /// Returns the sources as given on the command lines of the runs.
    #[must_use]
    pub fn sources(&self) -> String {
        let results_files = self.summary.results_files.iter();
        let mut sources: Vec<_> = results_files
            .map(|results_file| results_file.header().source.clone())
            .collect();
        sources.dedup();
        self.locale.listed(&sources)
    }

    /// Returns when the answers were observed, with the zone, or `None` if there are no answers.
    #[must_use]
    pub fn observed(&self) -> Option<String> {
        let (first, last) = self.summary.tally.observed.as_ref()?;
        let zone = self.locale.time_format.name();
        let [first_text, last_text] = [first, last].map(|time| self.locale.recorded(time));
        Some(match (self.is_chinese(), first == last) {
            (true, true) => format!("数据时刻 {first_text} {zone}"),
            (false, true) => format!("as of {first_text} {zone}"),
            (true, false) => format!("查询时间 {first_text} 至 {last_text} {zone}"),
            (false, false) => format!("observed {first_text} to {last_text} {zone}"),
        })
    }

    /// Returns the sources and when the answers were observed.
    #[must_use]
    pub fn provenance(&self) -> String {
        let (sources, observed) = (self.sources(), self.observed());
        let observed = observed.map(|observed| {
            let comma = if self.is_chinese() { "，" } else { ", " };
            format!("{comma}{observed}")
        });
        let observed = observed.unwrap_or_default();
        if self.is_chinese() {
            format!("数据源 {sources}{observed}")
        } else {
            format!("source {sources}{observed}")
        }
    }
}
