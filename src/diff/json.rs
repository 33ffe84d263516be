//! The JSON of a comparison: everything that the other formats say in words, as data.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::change::Change;
use super::side::Side;
use super::tally::{ChangeGroup, ChangeKind};
use super::text::{Differences, FailureChanges, GroupChanges, OpenAgain};
use crate::clock;

/// Writes one JSON object, pretty-printed.
pub(super) fn json(differences: &Differences<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &DiffView::of(differences))?;
    out.write_all(b"\n")
}

/// Returns the JSON report as a value.
///
/// # Errors
///
/// The differences cannot be serialized.
pub(crate) fn value(differences: &Differences<'_>) -> serde_json::Result<serde_json::Value> {
    serde_json::to_value(DiffView::of(differences))
}

#[derive(Serialize)]
struct DiffView<'a> {
    schema: &'static str,
    headline: String,
    changes: ChangeCounts,
    at_fault_in_old: u64,
    at_fault_in_new: u64,
    totals_tie: bool,
    groups: BTreeMap<&'a str, GroupChangesView>,
    kinds: Vec<KindView<'a>>,
    likely_resets: Vec<ResetView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    in_delivery: Vec<ResetView<'a>>,
    /// Messages that are newly dead-lettered, and messages that recovered, by group.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    failures: BTreeMap<&'a str, FailureChanges>,
    groups_appeared: Vec<GroupTopicView<'a>>,
    groups_gone: Vec<GroupTopicView<'a>>,
    messages: MessagesView,
    verdicts: Vec<VerdictChangeView>,
    old: DiffSideView<'a>,
    new: DiffSideView<'a>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

type ChangeCounts = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
struct GroupChangesView {
    #[serde(flatten)]
    changes: ChangeCounts,
    first_seen: Option<String>,
    longest_open_seconds: Option<i64>,
}

#[derive(Serialize)]
struct KindView<'a> {
    change: &'static str,
    group: &'a str,
    topic: &'a str,
    old_verdict: &'static str,
    new_verdict: &'static str,
    count: u64,
    first_msg_id: &'a str,
    #[serde(flatten)]
    times: TimesView,
}

#[derive(Serialize)]
struct TimesView {
    first_seen: Option<String>,
    longest_open_seconds: Option<i64>,
    born_from: Option<String>,
    born_to: Option<String>,
}

#[derive(Serialize)]
struct ResetView<'a> {
    group: &'a str,
    topics: Vec<&'a str>,
    count: u64,
    passed_until: Option<String>,
    open_from: Option<String>,
    born_from: Option<String>,
    born_to: Option<String>,
}

#[derive(Serialize)]
struct GroupTopicView<'a> {
    group: &'a str,
    topic: &'a str,
    messages: u64,
}

#[derive(Serialize)]
struct MessagesView {
    both: u64,
    only_old: u64,
    only_new: u64,
    new_answer_is_older: u64,
}

#[derive(Serialize)]
struct VerdictChangeView {
    old: &'static str,
    new: &'static str,
    messages: u64,
}

#[derive(Serialize)]
struct DiffSideView<'a> {
    path: String,
    run_id: &'a str,
    source: &'a str,
    started_at: &'a str,
    finished_at: &'a str,
    observed_from: Option<&'a str>,
    observed_to: Option<&'a str>,
    unanswered: u64,
    not_found: u64,
    rejected: u64,
    sha256: &'a str,
}

impl<'a> DiffView<'a> {
    fn of(differences: &'a Differences<'_>) -> Self {
        let tally = &differences.tally;
        let messages = &tally.messages;
        let named = |appeared| {
            let alike = tally
                .groups
                .iter()
                .filter(|group| group.appeared == appeared);
            let view = alike.map(|change| GroupTopicView {
                group: &change.group,
                topic: &change.topic,
                messages: change.messages,
            });
            view.collect()
        };
        let verdict_changes =
            tally
                .verdict_changes
                .iter()
                .map(|((old, new), number)| VerdictChangeView {
                    old: old.as_str(),
                    new: new.as_str(),
                    messages: *number,
                });
        Self {
            schema: "ons-audit-diff/1",
            headline: differences.headline(),
            changes: counts(|change| tally.count(change)),
            at_fault_in_old: tally.at_fault[0],
            at_fault_in_new: tally.at_fault[1],
            totals_tie: tally.ties(),
            groups: differences
                .by_group()
                .into_iter()
                .map(|(name, group)| (name, GroupChangesView::of(&group)))
                .collect(),
            kinds: tally.kinds.iter().map(KindView::of).collect(),
            likely_resets: ResetView::all(differences.resets()),
            in_delivery: ResetView::all(differences.in_delivery()),
            failures: differences.failures(),
            groups_appeared: named(true),
            groups_gone: named(false),
            messages: MessagesView {
                both: messages.both,
                only_old: messages.only_old,
                only_new: messages.only_new,
                new_answer_is_older: messages.stale,
            },
            verdicts: verdict_changes.collect(),
            old: DiffSideView::of(&differences.old),
            new: DiffSideView::of(&differences.new),
            warnings: differences.warnings(),
            notes: differences.notes(),
        }
    }
}

fn counts(of: impl Fn(Change) -> u64) -> ChangeCounts {
    Change::ALL
        .into_iter()
        .map(|change| (change.as_str(), of(change)))
        .collect()
}

fn text(time: Option<Timestamp>) -> Option<String> {
    time.map(clock::rfc3339)
}

impl GroupChangesView {
    fn of(group: &GroupChanges) -> Self {
        Self {
            changes: counts(|change| group.count(change)),
            first_seen: text(group.open.first_seen),
            longest_open_seconds: group.open.age.map(|age| age.as_secs()),
        }
    }
}

impl<'a> KindView<'a> {
    fn of((kind, changes): (&'a ChangeKind, &'a ChangeGroup)) -> Self {
        Self {
            change: kind.change.as_str(),
            group: &kind.group,
            topic: &kind.topic,
            old_verdict: kind.old.as_str(),
            new_verdict: kind.new.as_str(),
            count: changes.count,
            first_msg_id: &changes.first_msg_id,
            times: TimesView {
                first_seen: text(changes.first_seen),
                longest_open_seconds: changes.age.map(|age| age.as_secs()),
                born_from: text(changes.born.map(|(first, _)| first)),
                born_to: text(changes.born.map(|(_, last)| last)),
            },
        }
    }
}

impl<'a> ResetView<'a> {
    fn all(groups: Vec<OpenAgain<'a>>) -> Vec<Self> {
        groups.into_iter().map(Self::of).collect()
    }

    fn of(reset: OpenAgain<'a>) -> Self {
        Self {
            group: reset.group,
            topics: reset.topics,
            count: reset.count,
            passed_until: text(reset.all.old_last),
            open_from: text(reset.all.new_first),
            born_from: text(reset.all.born.map(|(first, _)| first)),
            born_to: text(reset.all.born.map(|(_, last)| last)),
        }
    }
}

impl<'a> DiffSideView<'a> {
    fn of(side: &'a Side<'_>) -> Self {
        let (header, trailer) = (side.results_file.header(), side.results_file.trailer());
        let observed = side.summary.tally.observed.as_ref();
        Self {
            path: side.results_file.path().display().to_string(),
            run_id: &header.run_id,
            source: &header.source,
            started_at: &header.started_at,
            finished_at: &trailer.finished_at,
            observed_from: observed.map(|(first, _)| first.as_str()),
            observed_to: observed.map(|(_, last)| last.as_str()),
            unanswered: trailer.totals.unanswered,
            not_found: trailer.totals.not_found,
            rejected: trailer.totals.rejected,
            sha256: &trailer.sha256,
        }
    }
}
