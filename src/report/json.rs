//! The JSON report: everything that the other formats say in words, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use super::locale::Locale;
use super::{Summary, SummaryFormat};
use crate::clock;
use crate::input::InputNotes;
use crate::results::DamagedColumn;
use crate::results::InferenceSection;
use crate::verdict::{
    Evidence, Expectation, MessageVerdict, SampleResult, Totals, UndeterminedReason,
};

/// Writes one JSON object, pretty-printed.
#[derive(Debug)]
pub(super) struct Json;

impl SummaryFormat for Json {
    fn render(&self, summary: &Summary<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &SummaryView::of(summary))?;
        out.write_all(b"\n")
    }
}

/// Returns the JSON report as a value.
///
/// # Errors
///
/// The summary cannot be serialized.
pub(crate) fn summary_value(summary: &Summary<'_>) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(SummaryView::of(summary))
}

/// The summary as data. It is also the last line of an NDJSON report.
#[derive(Debug, Serialize)]
pub(super) struct SummaryView<'a> {
    schema: &'static str,
    headline: String,
    complete: bool,
    totals: Totals,
    totals_tie: bool,
    /// `null` if no group is expected. Then the groups that answered count as expected.
    expectations: Option<ExpectationsView<'a>>,
    messages: BTreeMap<&'static str, u64>,
    groups: BTreeMap<&'a str, GroupCountsView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rechecked: Option<u64>,
    /// Messages with a group that counts as expected because their tag or born time is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed: Option<u64>,
    /// Messages to which no expectation applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_expected: Option<u64>,
    /// Topics that the expectations name and no message has.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    topics_without_messages: &'a [String],
    /// Topics of messages without expectations, with their number of messages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    topics_without_contract: BTreeMap<&'a str, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged_columns: Vec<DamagedColumn<'a>>,
    /// What was noticed while the inputs were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a InputNotes>,
    /// Messages that were not found by a key in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_found_lower_case: Option<u64>,
    /// Brokers that could not be asked, with the reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unasked_brokers: BTreeMap<&'a str, &'a str>,
    /// Born times that are decoded from IDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    born_decoded: Option<BornDecodedView>,
    /// Groups for which something could not be examined, with the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_examined: Vec<GapView<'a>>,
    /// Topics whose groups are unknown, by the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unlisted_topics: &'a BTreeMap<String, BTreeSet<String>>,
    /// Undetermined pairs of a group and a message, by the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    undetermined_because: BTreeMap<&'static str, u64>,
    /// What the traces of a random sample say.
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<SampleView>,
    errors: &'a BTreeMap<String, u64>,
    observed_from: Option<&'a str>,
    observed_to: Option<&'a str>,
    runs: Vec<RunView<'a>>,
    caveats: Vec<&'static str>,
}

/// The expectations that the messages were judged by.
#[derive(Debug, Serialize)]
struct ExpectationsView<'a> {
    /// The expected groups by topic; `*` stands for every topic. A group without conditions is its bare name.
    topics: BTreeMap<&'a str, &'a BTreeSet<Expectation>>,
    /// The names of all expected groups.
    groups: BTreeSet<&'a str>,
    accept_filtered: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    accept_dead_lettered: bool,
}

/// A group for which something could not be examined.
#[derive(Debug, Serialize)]
struct GapView<'a> {
    group: &'a str,
    why: &'a str,
}

/// The random sample of messages whose traces were queried.
#[derive(Debug, Serialize)]
struct SampleView {
    /// Messages with a record of an expected group.
    traced: u64,
    failed: u64,
    no_records: u64,
    unanswered: u64,
}

impl SampleView {
    fn of(summary: &Summary<'_>) -> Option<Self> {
        let count = |result| summary.tally.sampled(result);
        let failed = count(SampleResult::Failed);
        let view = Self {
            traced: count(SampleResult::Succeeded) + failed,
            failed,
            no_records: count(SampleResult::NoRecords),
            unanswered: count(SampleResult::Unanswered),
        };
        (view.traced + view.no_records + view.unanswered > 0).then_some(view)
    }
}

#[derive(Debug, Serialize)]
struct BornDecodedView {
    messages: u64,
    /// The time zones that are assumed for IDs of 4.x clients.
    assumed_zones: Vec<String>,
    note: String,
}

#[derive(Debug, Serialize)]
struct GroupCountsView {
    #[serde(flatten)]
    counts: BTreeMap<&'static str, u64>,
    /// What `passed` rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<BTreeMap<&'static str, u64>>,
    /// Messages that the group should have consumed.
    expected: u64,
    /// Messages whose answer names the group although the expectations for their topic do not.
    unexpected: u64,
    missed_born_from: Option<String>,
    missed_born_to: Option<String>,
    /// Messages that the group had passed in an earlier run and that are open now: its offset was likely reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    regressed: Option<u64>,
    /// Dead letters of the group that were not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_kept: Option<u64>,
}

#[derive(Debug, Serialize)]
struct RunView<'a> {
    run_id: &'a str,
    tool: &'a str,
    source: &'a str,
    inputs: &'a [crate::input::Survey],
    started_at: &'a str,
    finished_at: &'a str,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference: Option<&'a InferenceSection>,
}

impl<'a> SummaryView<'a> {
    #[expect(clippy::too_many_lines, reason = "one line a field")]
    pub(super) fn of(summary: &'a Summary<'_>) -> Self {
        let tally = &summary.tally;
        let locale = Locale::default(); // machine formats do not depend on --lang and --tz
        let text = summary.text_in(&locale);
        let group = |group: &crate::verdict::GroupTally| GroupCountsView {
            counts: summary
                .group_verdicts()
                .iter()
                .map(|&verdict| (verdict.as_str(), group.count(verdict)))
                .collect(),
            evidence: summary.states_evidence().then(|| {
                let count = |evidence: Evidence| (evidence.as_str(), group.evidence(evidence));
                Evidence::ALL.map(count).into()
            }),
            expected: group.expected,
            unexpected: group.unexpected,
            missed_born_from: group.missed_born.map(|(first, _)| clock::rfc3339(first)),
            missed_born_to: group.missed_born.map(|(_, last)| clock::rfc3339(last)),
            regressed: (group.regressed > 0).then_some(group.regressed),
            not_kept: (group.not_kept > 0).then_some(group.not_kept),
        };
        let runs = summary.results_files.iter().map(|results_file| RunView {
            run_id: &results_file.header().run_id,
            tool: &results_file.header().tool,
            source: &results_file.header().source,
            inputs: &results_file.header().inputs,
            started_at: &results_file.header().started_at,
            finished_at: &results_file.trailer().finished_at,
            sha256: &results_file.trailer().sha256,
            inference: results_file.trailer().inference.as_ref(),
        });
        Self {
            schema: "ons-audit-summary/1",
            headline: text.headline(),
            complete: summary.is_complete(),
            totals: tally.totals,
            totals_tie: tally.totals.tie(),
            expectations: text.has_expectations().then(|| ExpectationsView {
                topics: summary.expectations.by_topic(),
                groups: summary.expectations.groups().collect(),
                accept_filtered: summary.expectations.accept_filtered,
                accept_dead_lettered: summary.expectations.accept_dead_lettered,
            }),
            messages: MessageVerdict::ALL
                .iter()
                .map(|&v| (v.as_str(), tally.messages(v)))
                .collect(),
            groups: tally
                .groups
                .iter()
                .map(|(name, tally)| (name.as_str(), group(tally)))
                .collect(),
            rechecked: (tally.rechecked > 0).then_some(tally.rechecked),
            assumed: (tally.assumed > 0).then_some(tally.assumed),
            nothing_expected: (tally.nothing_expected > 0).then_some(tally.nothing_expected),
            topics_without_messages: &summary.coverage.without_messages,
            topics_without_contract: summary
                .coverage
                .without_expectations
                .iter()
                .map(|(topic, messages)| (topic.as_str(), *messages))
                .collect(),
            damaged_columns: summary.damage.columns().collect(),
            input: Some(&summary.input_notes).filter(|notes| !notes.is_nothing()),
            not_found_lower_case: (tally.lower_case > 0).then_some(tally.lower_case),
            unasked_brokers: summary.unasked_brokers(),
            born_decoded: text.born_decoded().map(|note| BornDecodedView {
                messages: tally.born_decoded,
                assumed_zones: summary.producer_zones(),
                note,
            }),
            not_examined: summary
                .gaps()
                .into_iter()
                .map(|(group, why)| GapView { group, why })
                .collect(),
            unlisted_topics: &tally.unlisted,
            undetermined_because: UndeterminedReason::ALL
                .into_iter()
                .map(|reason| (reason.as_str(), tally.undetermined(reason)))
                .filter(|(_, number)| *number > 0)
                .collect(),
            sample: SampleView::of(summary),
            errors: &tally.errors,
            observed_from: tally.observed.as_ref().map(|(first, _)| first.as_str()),
            observed_to: tally.observed.as_ref().map(|(_, last)| last.as_str()),
            runs: runs.collect(),
            caveats: text.caveats(),
        }
    }
}
