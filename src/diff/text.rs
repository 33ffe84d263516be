//! The sentences of all summaries: headline, groups, resets, totals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::change::{Change, is_newly_dead_lettered, is_recovered};
use super::side::Side;
use super::tally::{ChangeGroup, DiffTally};
use crate::clock;
use crate::humanize::{count, counted};

/// Two compared results files.
#[derive(Debug)]
pub(crate) struct Differences<'r> {
    pub(crate) old: Side<'r>,
    pub(crate) new: Side<'r>,
    pub(crate) tally: DiffTally,
}

/// The changes of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GroupChanges {
    counts: [u64; 5],
    /// The faults that may still exist.
    pub(super) open: ChangeGroup,
}

impl GroupChanges {
    pub(super) const fn count(&self, change: Change) -> u64 {
        self.counts[change as usize]
    }
}

/// Messages of a group that failed anew, or that had failed and are passed now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct FailureChanges {
    pub(super) newly_dead_lettered: u64,
    pub(super) recovered: u64,
}

fn count_if(holds: bool, number: u64) -> u64 {
    if holds { number } else { 0 }
}

/// Messages that a group had passed and that are open again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OpenAgain<'a> {
    pub(super) group: &'a str,
    pub(super) topics: Vec<&'a str>,
    pub(super) count: u64,
    /// The messages that it had passed by its offset or its lag alone.
    pub(super) unrecorded: u64,
    pub(super) all: ChangeGroup,
}

impl OpenAgain<'_> {
    /// Returns `GID_a: 2 messages of orders, refunds that it had passed are`.
    fn subject(&self) -> String {
        let messages = counted(self.count, "message", "messages");
        let topics = self.topics.join(", ");
        let verb = if self.count == 1 { "is" } else { "are" };
        format!(
            "{}: {messages} of {topics} that it had passed {verb}",
            self.group
        )
    }

    fn earliest(&self) -> String {
        match self.all.born {
            Some((first, _)) if self.count == 1 => {
                format!("; it was born {}", clock::rfc3339(first))
            }
            Some((first, _)) => format!("; the earliest was born {}", clock::rfc3339(first)),
            None => String::new(),
        }
    }
}

impl Differences<'_> {
    /// Returns whether something opened or regressed.
    #[must_use]
    pub(crate) fn is_alarming(&self) -> bool {
        let mut kinds = self.tally.kinds.keys();
        kinds.any(|kind| kind.change.is_alarming())
    }

    /// Returns whether NEW has messages without an answer. Those may have opened.
    #[must_use]
    pub(crate) fn is_incomplete(&self) -> bool {
        self.new.summary.tally.totals.unanswered > 0
    }

    /// Returns the headline: the result in one sentence.
    #[must_use]
    pub(crate) fn headline(&self) -> String {
        let of = |change| count(self.tally.count(change));
        let totals = &self.new.summary.tally.totals;
        let incomplete = self.is_incomplete().then(|| {
            let missing = count(totals.unanswered);
            let whole = counted(totals.distinct, "message", "messages");
            format!("INCOMPLETE: NEW has no answer about {missing} of {whole}. ")
        });
        let apart = (self.tally.messages.both == 0)
            .then(|| "no message stands in both results files; ".to_owned());
        let alarm = if self.is_alarming() {
            let [regressed, new] = [Change::Regressed, Change::New].map(of);
            format!("{regressed} regressed, {new} new")
        } else {
            "nothing regressed, nothing new".to_owned()
        };
        let [open, unconfirmed, resolved] =
            [Change::StillOpen, Change::Unconfirmed, Change::Resolved].map(of);
        let rest = format!(
            "; {open} still open, {unconfirmed} unconfirmed, {resolved} resolved (messages × groups)"
        );
        [
            incomplete.unwrap_or_default(),
            apart.unwrap_or_default(),
            alarm,
            rest,
        ]
        .concat()
    }

    /// Returns the changes of each group, in name order.
    pub(super) fn by_group(&self) -> BTreeMap<&str, GroupChanges> {
        let mut groups: BTreeMap<_, GroupChanges> = BTreeMap::new();
        for (kind, changes) in &self.tally.kinds {
            let group = groups.entry(kind.group.as_str()).or_default();
            group.counts[kind.change as usize] += changes.count;
            if kind.new.is_at_fault() || kind.change == Change::Unconfirmed {
                group.open.absorb(changes);
            }
        }
        groups
    }

    /// Returns the groups whose offsets went back.
    pub(super) fn resets(&self) -> Vec<OpenAgain<'_>> {
        if self.new.records_deliveries() {
            return Vec::new();
        }
        self.open_again()
    }

    /// Returns the groups that had passed messages of which a client has a delivery now. They have no offsets.
    pub(super) fn in_delivery(&self) -> Vec<OpenAgain<'_>> {
        if self.new.records_deliveries() {
            return self.open_again();
        }
        Vec::new()
    }

    fn open_again(&self) -> Vec<OpenAgain<'_>> {
        let mut groups: BTreeMap<&str, OpenAgain<'_>> = BTreeMap::new();
        let kinds = self.tally.kinds.iter();
        for (kind, changes) in kinds.filter(|(kind, _)| kind.is_open_again()) {
            let again = groups.entry(&kind.group).or_default();
            again.group = &kind.group;
            again.count += changes.count;
            again.unrecorded += count_if(kind.old.is_by_offset(), changes.count);
            if !again.topics.contains(&kind.topic.as_str()) {
                again.topics.push(&kind.topic);
            }
            again.all.absorb(changes);
        }
        groups.into_values().collect()
    }

    /// Returns a sentence for each likely reset.
    pub(super) fn resets_text(&self) -> Vec<String> {
        let sentences = self.resets().into_iter().map(|reset| {
            // A single reset lies between every passed answer and every open one. Several resets need not.
            let between = match (reset.all.old_last, reset.all.new_first) {
                (Some(from), Some(to)) if from <= to => {
                    let [from, to] = [from, to].map(clock::rfc3339);
                    format!(" between {from} and {to}")
                }
                _ => String::new(),
            };
            format!(
                "{} open again: its offset was likely reset{between}{}",
                reset.subject(),
                reset.earliest()
            )
        });
        sentences.collect()
    }

    /// Returns a sentence for each group that had passed messages of which a client has a delivery now.
    pub(super) fn in_delivery_text(&self) -> Vec<String> {
        let sentences = self.in_delivery().into_iter().map(|again| {
            let first = match (again.unrecorded, again.count) {
                (0, _) => String::new(),
                (1, 1) => "; it had passed by its lag only, so this may be its first recorded delivery"
                    .to_owned(),
                (some, all) if some == all => {
                    "; they had passed by the group's lag only, so these may be their first recorded deliveries"
                        .to_owned()
                }
                (some, _) => format!(
                    "; {} of them had passed by the group's lag only, so this may be the first recorded delivery",
                    count(some)
                ),
            };
            format!("{} being delivered now{first}{}", again.subject(), again.earliest())
        });
        sentences.collect()
    }

    /// Returns the messages of each group that are newly among its dead letters, and those that have recovered.
    pub(super) fn failures(&self) -> BTreeMap<&str, FailureChanges> {
        let mut groups: BTreeMap<_, FailureChanges> = BTreeMap::new();
        for (kind, changes) in &self.tally.kinds {
            let failures = FailureChanges {
                newly_dead_lettered: count_if(
                    is_newly_dead_lettered(kind.old, kind.new),
                    changes.count,
                ),
                recovered: count_if(is_recovered(kind.change, kind.old, kind.new), changes.count),
            };
            if failures != FailureChanges::default() {
                let group = groups.entry(kind.group.as_str()).or_default();
                group.newly_dead_lettered += failures.newly_dead_lettered;
                group.recovered += failures.recovered;
            }
        }
        groups
    }

    /// Returns a sentence for each group with newly dead-lettered or recovered messages.
    pub(super) fn failures_text(&self) -> Vec<String> {
        let sentences = self.failures().into_iter().map(|(group, failures)| {
            let parts = [
                (failures.newly_dead_lettered, "newly dead-lettered"),
                (failures.recovered, "recovered"),
            ];
            let parts = parts.into_iter().filter(|(number, _)| *number > 0);
            let parts: Vec<_> = parts
                .map(|(number, what)| format!("{} {what}", counted(number, "message", "messages")))
                .collect();
            format!("{group}: {}", parts.join(", "))
        });
        sentences.collect()
    }

    /// Returns a sentence for each group that appeared or is gone.
    pub(super) fn groups_text(&self) -> Vec<String> {
        let sentences = self.tally.groups.iter().map(|change| {
            let number = counted(change.messages, "message", "messages");
            let (what, results_file) = if change.appeared {
                ("appeared", "NEW")
            } else {
                ("is gone", "OLD")
            };
            format!(
                "{} {what} in {}: only {results_file} names it, for {number}",
                change.group, change.topic
            )
        });
        sentences.collect()
    }

    /// Returns the two equations of the faults, and whether they hold.
    pub(super) fn totals_text(&self) -> [String; 2] {
        let of = |change| count(self.tally.count(change));
        let [old, new] = self.tally.at_fault.map(count);
        let tie = if self.tally.ties() {
            "they tie"
        } else {
            "THEY DO NOT TIE: don't rely on this report"
        };
        [
            format!(
                "{old} at fault in OLD = {} still open + {} unconfirmed + {} resolved",
                of(Change::StillOpen),
                of(Change::Unconfirmed),
                of(Change::Resolved)
            ),
            format!(
                "{new} at fault in NEW = {} regressed + {} new + {} still open ({tie})",
                of(Change::Regressed),
                of(Change::New),
                of(Change::StillOpen)
            ),
        ]
    }

    /// Returns how many messages each results file has.
    pub(super) fn messages_text(&self) -> String {
        let messages = &self.tally.messages;
        let [old, new] = [messages.only_old, messages.only_new].map(|only| messages.both + only);
        format!(
            "{} in OLD, {} in NEW: {} in both, {} only in OLD, {} only in NEW",
            count(old),
            count(new),
            count(messages.both),
            count(messages.only_old),
            count(messages.only_new)
        )
    }

    /// Returns the changed verdicts of messages in both results files, the most frequent first.
    pub(super) fn verdict_changes_text(&self) -> Vec<String> {
        let mut verdict_changes: Vec<_> = self.tally.verdict_changes.iter().collect();
        verdict_changes.retain(|((old, new), _)| old != new);
        verdict_changes.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        let sentences = verdict_changes
            .into_iter()
            .map(|((old, new), number)| format!("{} {old} → {new}", count(*number)));
        sentences.collect()
    }

    /// Returns a line about each results file: path, source, and observation times.
    pub(super) fn evidence(&self) -> [String; 2] {
        [("OLD", &self.old), ("NEW", &self.new)].map(|(name, side)| {
            format!(
                "{name} {}: {}",
                side.results_file.path().display(),
                side.summary.text().provenance()
            )
        })
    }
}
