//! Compares two results files.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use super::change::{Change, GroupStatus, remark};
use super::finding::{Finding, SideState};
use super::index::{AnswerTable, Baseline, BaselineEntry, GroupAnswer, StoredAnswer, paired};
use super::side::{Side, SideMessage};
use super::tally::{AnswerCensus, DiffTally};
use crate::results::ReadError;
use crate::verdict::MessageVerdict;

/// Compares two results files. Calls `on_finding` for each finding, in NEW's row order and then in OLD's.
pub(crate) fn compare(
    old: &Side<'_>,
    new: &Side<'_>,
    mut on_finding: impl FnMut(&Finding<'_>),
) -> Result<DiffTally, ReadError> {
    let (mut answers, mut census) = (AnswerTable::default(), AnswerCensus::default());
    let mut comparator = Comparator {
        tally: DiffTally::default(),
        on_finding: &mut on_finding,
        end: new.end(),
        records_deliveries: new.records_deliveries(),
    };
    let mut baseline = read_baseline(old, &mut answers, &mut census)?;
    new.each(&mut answers, |message, answers| {
        let topic = answers.names.number(&message.line.topic);
        census.count(topic, message.answer, 1);
        let found = baseline.find(message.fingerprint).map(|entry| {
            entry.met = true;
            *entry
        });
        comparator.of_new(message, found.as_ref(), answers);
    })?;
    let left = baseline.left().count();
    comparator.tally.messages.only_old = u64::try_from(left).unwrap_or(u64::MAX);
    let was_broken =
        |entry: &BaselineEntry| answers.get(entry.answer).verdict == MessageVerdict::Break;
    if baseline.left().any(was_broken) {
        // Messages that only OLD has are read from OLD once more.
        old.each(&mut answers, |message, answers| {
            match baseline.find(message.fingerprint) {
                Some(entry) if !entry.met => comparator.of_old(message, answers),
                _ => {}
            }
        })?;
    }
    let mut tally = comparator.tally;
    tally.groups = census.changes(&answers);
    tally.at_fault = census.at_fault(&answers);
    Ok(tally)
}

/// Reads OLD, whose totals were checked before; they say how many messages there are.
fn read_baseline(
    old: &Side<'_>,
    answers: &mut AnswerTable,
    census: &mut AnswerCensus,
) -> Result<Baseline, ReadError> {
    let messages = old.results_file.trailer().totals.distinct;
    let mut entries = Vec::with_capacity(usize::try_from(messages).unwrap_or(0));
    old.each(answers, |message, answers| {
        let topic = answers.names.number(&message.line.topic);
        census.count(topic, message.answer, 0);
        let (row, observed) = (message.line.row, message.observed);
        entries.push(BaselineEntry::new(
            message.fingerprint,
            row,
            message.answer,
            observed,
        ));
    })?;
    Ok(Baseline::new(entries))
}

/// Finds, counts and passes on the changes.
struct Comparator<'f> {
    tally: DiffTally,
    on_finding: &'f mut dyn FnMut(&Finding<'_>),
    /// The last moment that NEW covers.
    end: Option<Timestamp>,
    /// Whether NEW has deliveries in place of offsets.
    records_deliveries: bool,
}

/// A message in one results file.
struct SideAnswer {
    row: Option<u64>,
    answer: Option<Rc<StoredAnswer>>,
    observed: Option<Timestamp>,
}

impl SideAnswer {
    const NOTHING: Self = Self {
        row: None,
        answer: None,
        observed: None,
    };

    fn of(message: &SideMessage<'_>, answers: &AnswerTable) -> Self {
        Self {
            row: Some(message.line.row),
            answer: Some(answers.get(message.answer).clone()),
            observed: message.observed,
        }
    }

    fn of_entry(entry: &BaselineEntry, answers: &AnswerTable) -> Self {
        Self {
            row: Some(entry.row.into()),
            answer: Some(answers.get(entry.answer).clone()),
            observed: entry.observed(),
        }
    }

    fn is_break(&self) -> bool {
        let verdict = self.answer.as_ref().map(|answer| answer.verdict);
        verdict == Some(MessageVerdict::Break)
    }

    fn parts(&self) -> &[GroupAnswer] {
        self.answer.as_ref().map_or(&[], |answer| &answer.parts)
    }

    fn side_state<'a>(
        &self,
        part: Option<&GroupAnswer>,
        answers: &'a AnswerTable,
    ) -> SideState<'a> {
        let status_of_unnamed_group = || {
            let answer = self.answer.as_ref();
            answer.map_or(GroupStatus::NotAsked, |answer| {
                answer.status_of_unnamed_group()
            })
        };
        SideState {
            row: self.row,
            status: part.map_or_else(status_of_unnamed_group, GroupAnswer::status),
            word: part.map_or("", |part| answers.names.text(part.word)),
            observed: self.observed,
        }
    }
}

impl Comparator<'_> {
    fn of_new(
        &mut self,
        message: &SideMessage<'_>,
        entry: Option<&BaselineEntry>,
        answers: &AnswerTable,
    ) {
        let new = SideAnswer::of(message, answers);
        let Some(entry) = entry else {
            self.tally.messages.only_new += 1;
            self.findings(message, &SideAnswer::NOTHING, &new, answers);
            return;
        };
        let old = SideAnswer::of_entry(entry, answers);
        self.tally.messages.both += 1;
        let verdicts = [&old, &new].map(|side| side.answer.as_ref().map(|answer| answer.verdict));
        if let [Some(old), Some(new)] = verdicts {
            *self.tally.verdict_changes.entry((old, new)).or_default() += 1;
        }
        self.findings(message, &old, &new, answers);
    }

    fn of_old(&mut self, message: &SideMessage<'_>, answers: &AnswerTable) {
        let old = SideAnswer::of(message, answers);
        self.findings(message, &old, &SideAnswer::NOTHING, answers);
    }

    fn findings(
        &mut self,
        message: &SideMessage<'_>,
        old: &SideAnswer,
        new: &SideAnswer,
        answers: &AnswerTable,
    ) {
        let stale = match (old.observed, new.observed) {
            (Some(old), Some(new)) => new < old,
            _ => false,
        };
        self.tally.messages.stale += u64::from(stale);
        if !old.is_break() && !new.is_break() {
            return; // the usual case
        }
        for (group, of_old, of_new) in paired(old.parts(), new.parts()) {
            let (old, new) = (
                old.side_state(of_old, answers),
                new.side_state(of_new, answers),
            );
            let Some(change) = Change::of(old.status, new.status, stale) else {
                continue;
            };
            let first_seen = first_seen(&old, &new);
            let finding = Finding {
                change,
                group: answers.names.text(group),
                line: message.line,
                old,
                new,
                first_seen,
                age: self.age(change, &new, first_seen),
                born: message.born,
                remark: remark(
                    change,
                    old.status,
                    new.status,
                    stale,
                    self.records_deliveries,
                ),
            };
            self.tally.add(&finding);
            (self.on_finding)(&finding);
        }
    }

    /// Returns the age of a fault that may still exist. If NEW has no answer, the age ends with NEW's run.
    fn age(
        &self,
        change: Change,
        new: &SideState<'_>,
        first_seen: Option<Timestamp>,
    ) -> Option<SignedDuration> {
        let looked = new.observed.or(self.end)?;
        let age = looked.duration_since(first_seen?);
        match change {
            Change::StillOpen | Change::Unconfirmed => Some(age.max(SignedDuration::ZERO)),
            _ => None,
        }
    }
}

/// Returns the earlier of the moments at which the results files observed the fault.
fn first_seen(old: &SideState<'_>, new: &SideState<'_>) -> Option<Timestamp> {
    let at_fault = [old, new]
        .into_iter()
        .filter(|side_state| side_state.status.is_at_fault());
    at_fault.filter_map(|side_state| side_state.observed).min()
}
