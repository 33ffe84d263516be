//! Sentences about the sources and the caveats.

use super::SummaryText;
use crate::offsets::Rules;
use crate::report::locale::{Phrase, phrases};
use crate::results::{Header, ResultsFile};
use crate::verdict::{MessageVerdict, Verdict};

/// A caveat in full and in a few words.
type Caveat = (Phrase, Phrase);

const PASSED: Caveat = (phrases::PASSED_CAVEAT, phrases::PASSED_IN_SHORT);
const DEAD_LETTERED: Caveat = (
    phrases::DEAD_LETTERED_CAVEAT,
    phrases::DEAD_LETTERED_IN_SHORT,
);
const RETRYING: Caveat = (phrases::RETRYING_CAVEAT, phrases::RETRYING_IN_SHORT);
const FAILED: Caveat = (phrases::FAILED_CAVEAT, phrases::FAILED_IN_SHORT);
const BY_OFFSETS: Caveat = (phrases::BY_OFFSETS_CAVEAT, phrases::BY_OFFSETS_IN_SHORT);
const FILTERED: Caveat = (phrases::FILTERED_CAVEAT, phrases::FILTERED_IN_SHORT);
const OPEN: Caveat = (phrases::OPEN_CAVEAT, phrases::OPEN_IN_SHORT);
const UNDETERMINED: Caveat = (phrases::UNDETERMINED_CAVEAT, phrases::UNDETERMINED_IN_SHORT);
const ABSENT: Caveat = (phrases::ABSENT_CAVEAT, phrases::ABSENT_IN_SHORT);
const NOT_FOUND: Caveat = (phrases::NOT_FOUND_CAVEAT, phrases::NOT_FOUND_IN_SHORT);
const CARRIED: Caveat = (phrases::CARRIED_CAVEAT, phrases::CARRIED_IN_SHORT);
const NO_SNAPSHOT: Caveat = (phrases::NO_SNAPSHOT_CAVEAT, phrases::NO_SNAPSHOT_IN_SHORT);
const PASSED_EXAMINED: Caveat = (phrases::EXAMINED_CAVEAT, phrases::EXAMINED_IN_SHORT);

const GIVEN_UP: Caveat = (phrases::GIVEN_UP_CAVEAT, phrases::GIVEN_UP_IN_SHORT);
const NO_RETRY_LEFT: Caveat = (
    phrases::NO_RETRY_LEFT_CAVEAT,
    phrases::NO_RETRY_LEFT_IN_SHORT,
);
const PASSED_RECORDED: Caveat = (phrases::RECORDED_CAVEAT, phrases::RECORDED_IN_SHORT);
const IN_PROCESS: Caveat = (phrases::IN_PROCESS_CAVEAT, phrases::IN_PROCESS_IN_SHORT);
const UNRECORDED: Caveat = (phrases::UNRECORDED_CAVEAT, phrases::UNRECORDED_IN_SHORT);

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

    /// Returns what a verdict about a group means here.
    pub(in crate::report) fn group_meaning(&self, verdict: Verdict) -> Phrase {
        if self.summary.is_by_deliveries() {
            phrases::recorded_meaning(verdict)
        } else {
            phrases::meaning(verdict)
        }
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

    fn applying(&self) -> Vec<Caveat> {
        let tally = &self.summary.tally;
        let any = |verdict| tally.groups.values().any(|group| group.count(verdict) > 0);
        let by_offsets = |results_file: &ResultsFile| results_file.header().rules == Rules::Offsets;
        let is_examined = self.summary.is_examined();
        let mut headers = self.summary.results_files.iter().map(ResultsFile::header);
        let by_deliveries = headers.any(Header::records_deliveries);
        let by_offset = !self.summary.is_by_deliveries();
        let all = [
            (any(Verdict::Passed) && !is_examined, PASSED),
            (
                any(Verdict::Passed) && by_offset && is_examined,
                PASSED_EXAMINED,
            ),
            (any(Verdict::Passed) && by_deliveries, PASSED_RECORDED),
            (any(Verdict::DeadLettered) && by_offset, DEAD_LETTERED),
            (any(Verdict::DeadLettered) && by_deliveries, GIVEN_UP),
            (any(Verdict::Retrying), RETRYING),
            (any(Verdict::Failed) && by_offset, FAILED),
            (any(Verdict::Failed) && by_deliveries, NO_RETRY_LEFT),
            (
                self.summary.results_files.iter().any(by_offsets),
                BY_OFFSETS,
            ),
            (any(Verdict::Filtered), FILTERED),
            (any(Verdict::Open) && by_offset, OPEN),
            (any(Verdict::Open) && by_deliveries, IN_PROCESS),
            (any(Verdict::Undetermined) && by_offset, UNDETERMINED),
            (any(Verdict::Undetermined) && by_deliveries, UNRECORDED),
            (any(Verdict::Absent), ABSENT),
            (tally.totals.not_found > 0, NOT_FOUND),
            (tally.totals.carried > 0, CARRIED),
            (true, NO_SNAPSHOT),
        ];
        let applying = all.into_iter().filter(|(applies, _)| *applies);
        applying.map(|(_, caveat)| caveat).collect()
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
