//! Counts the changes. Every format shows these numbers and no others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, GroupStatus, is_open_again};
use super::finding::Finding;
use super::index::AnswerTable;
use crate::verdict::MessageVerdict;

/// A kind of change: the same change of one group for one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChangeKind {
    pub(crate) change: Change,
    pub(crate) group: String,
    pub(crate) topic: String,
    /// The group's status in OLD.
    pub(crate) old: GroupStatus,
    /// The group's status in NEW.
    pub(crate) new: GroupStatus,
}

impl ChangeKind {
    /// Returns whether the group had passed the messages, which are open now.
    #[must_use]
    pub(crate) fn is_open_again(&self) -> bool {
        is_open_again(self.change, self.new)
    }
}

/// The changes of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ChangeGroup {
    /// The number of messages.
    pub(crate) count: u64,
    /// The message ID of the first one.
    pub(crate) first_msg_id: String,
    /// The first and the last born time, if known.
    pub(crate) born: Option<(Timestamp, Timestamp)>,
    /// The earliest moment at which one of the faults was observed.
    pub(crate) first_seen: Option<Timestamp>,
    /// The highest age of a fault that may still exist.
    pub(crate) age: Option<SignedDuration>,
    /// The last moment at which OLD observed one of the messages.
    pub(crate) old_last: Option<Timestamp>,
    /// The first moment at which NEW observed one of the messages.
    pub(crate) new_first: Option<Timestamp>,
}

impl ChangeGroup {
    fn add(&mut self, finding: &Finding<'_>) {
        self.count += 1;
        if self.count == 1 {
            (*finding.line.msg_id).clone_into(&mut self.first_msg_id);
        }
        self.absorb(&Self {
            born: finding.born.map(|born| (born, born)),
            first_seen: finding.first_seen,
            age: finding.age,
            old_last: finding.old.observed,
            new_first: finding.new.observed,
            ..Self::default()
        });
    }

    /// Widens the times by those of another.
    pub(super) fn absorb(&mut self, other: &Self) {
        self.born = match (self.born, other.born) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (one, other) => one.or(other),
        };
        self.first_seen = either(self.first_seen, other.first_seen, Ord::min);
        self.age = either(self.age, other.age, Ord::max);
        self.old_last = either(self.old_last, other.old_last, Ord::max);
        self.new_first = either(self.new_first, other.new_first, Ord::min);
    }
}

fn either<T>(a: Option<T>, b: Option<T>, choose: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (one, None) | (None, one) => one,
    }
}

/// How many distinct messages each results file has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MessageCounts {
    pub(crate) both: u64,
    pub(crate) only_old: u64,
    pub(crate) only_new: u64,
    /// Messages in both whose answer in NEW is the older one.
    pub(crate) stale: u64,
}

/// A group that only one results file's answers about a topic name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupChange {
    /// Whether NEW names the group, and not OLD.
    pub(crate) appeared: bool,
    pub(crate) group: String,
    /// The topic. Both results files have answers about it.
    pub(crate) topic: String,
    /// Messages whose answers name the group.
    pub(crate) messages: u64,
}

/// All counts of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DiffTally {
    pub(crate) kinds: BTreeMap<ChangeKind, ChangeGroup>,
    pub(crate) messages: MessageCounts,
    /// Verdicts of the messages in both results files: OLD's, NEW's.
    pub(crate) verdict_changes: BTreeMap<(MessageVerdict, MessageVerdict), u64>,
    /// Groups that appeared or are gone.
    pub(crate) groups: BTreeSet<GroupChange>,
    /// Message × groups at fault in OLD and in NEW. They are counted apart from the changes, as a cross-check.
    pub(crate) at_fault: [u64; 2],
}

impl DiffTally {
    /// Returns the number of message × groups with this change.
    #[must_use]
    pub(crate) fn count(&self, change: Change) -> u64 {
        let alike = self.kinds.iter().filter(|(kind, _)| kind.change == change);
        alike.map(|(_, changes)| changes.count).sum()
    }

    /// Returns whether every fault of either results file is in exactly one change: `OLD = still open + unconfirmed +
    /// resolved` and `NEW = regressed + new + still open`.
    #[must_use]
    pub(crate) fn ties(&self) -> bool {
        use Change::{New, Regressed, Resolved, StillOpen, Unconfirmed};
        let sum = |changes: [Change; 3]| -> u64 { changes.map(|one| self.count(one)).iter().sum() };
        self.at_fault
            == [
                sum([StillOpen, Unconfirmed, Resolved]),
                sum([Regressed, New, StillOpen]),
            ]
    }

    pub(super) fn add(&mut self, finding: &Finding<'_>) {
        let kind = ChangeKind {
            change: finding.change,
            group: finding.group.to_owned(),
            topic: (*finding.line.topic).to_owned(),
            old: finding.old.status,
            new: finding.new.status,
        };
        self.kinds.entry(kind).or_default().add(finding);
    }
}

/// How often each answer was given about each topic, in OLD and in NEW.
#[derive(Debug, Default)]
pub(super) struct AnswerCensus(HashMap<(u32, u32), [u64; 2]>);

impl AnswerCensus {
    /// Counts an answer about a topic. Side 0 is OLD, side 1 is NEW.
    pub(super) fn count(&mut self, topic: u32, answer: u32, side: usize) {
        self.0.entry((topic, answer)).or_default()[side] += 1;
    }

    /// Returns the message × groups at fault in OLD and in NEW.
    pub(super) fn at_fault(&self, answers: &AnswerTable) -> [u64; 2] {
        let mut sums = [0; 2];
        for (&(_, answer), counts) in &self.0 {
            let parts = answers.get(answer).parts.iter();
            let faults = parts.filter(|part| part.status().is_at_fault()).count();
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count * u64::try_from(faults).unwrap_or(u64::MAX);
            }
        }
        sums
    }

    /// Returns the groups that appeared or are gone. Topics with answers in only one results file are left out.
    pub(super) fn changes(&self, answers: &AnswerTable) -> BTreeSet<GroupChange> {
        let (mut answered, mut named) = (HashMap::new(), HashMap::new());
        let sum = |total: &mut [u64; 2], counts: [u64; 2]| {
            total[0] += counts[0];
            total[1] += counts[1];
        };
        for (&(topic, answer), &counts) in &self.0 {
            let answer = answers.get(answer);
            if answer.answers_about_groups() {
                sum(answered.entry(topic).or_default(), counts);
            }
            for part in answer.parts.iter().filter(|part| part.is_in_answer()) {
                sum(named.entry((topic, part.group)).or_default(), counts);
            }
        }
        let change = |(&(topic, group), &[old, new]): (&(u32, u32), &[u64; 2])| {
            let in_both = answered
                .get(&topic)
                .is_some_and(|sides| !sides.contains(&0));
            (in_both && (old == 0) != (new == 0)).then(|| GroupChange {
                appeared: old == 0,
                group: answers.names.text(group).to_owned(),
                topic: answers.names.text(topic).to_owned(),
                messages: old + new,
            })
        };
        named.iter().filter_map(change).collect()
    }
}
