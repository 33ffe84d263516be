//! The walk over both results files.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use super::answers::{Answer, Answers, Part, paired};
use super::baseline::{Baseline, Entry};
use super::change::{Change, Standing, remark};
use super::error::DiffError;
use super::finding::{Finding, Seat};
use super::side::{Message, Side};
use super::tally::{Census, Tally};
use crate::verdict::MessageVerdict;

/// Compares two results files and hands every finding on, in NEW's row order and then in OLD's.
pub fn compare(
    old: &Side<'_>,
    new: &Side<'_>,
    mut hand_on: impl FnMut(&Finding<'_>) -> Result<(), DiffError>,
) -> Result<Tally, DiffError> {
    let (mut answers, mut census) = (Answers::default(), Census::default());
    let mut desk = Desk {
        tally: Tally::default(),
        hand_on: &mut hand_on,
        end: new.end(),
    };
    let mut baseline = Baseline::read(old, &mut answers, &mut census)?;
    new.each(&mut answers, |message, answers| {
        let topic = answers.names.number(&message.line.topic);
        census.count(topic, message.answer, 1);
        let found = baseline.find(message.fingerprint).map(|entry| {
            entry.met = true;
            *entry
        });
        desk.of_new(message, found.as_ref(), answers)
    })?;
    let left = baseline.left().count();
    desk.tally.messages.only_old = u64::try_from(left).unwrap_or(u64::MAX);
    let was_broken = |entry: &Entry| answers.get(entry.answer).verdict == MessageVerdict::Break;
    if baseline.left().any(was_broken) {
        // What only OLD has is read from there once more.
        old.each(&mut answers, |message, answers| {
            match baseline.find(message.fingerprint) {
                Some(entry) if !entry.met => desk.of_old(message, answers),
                _ => Ok(()),
            }
        })?;
    }
    let mut tally = desk.tally;
    tally.groups = census.changes(&answers);
    tally.at_fault = census.at_fault(&answers);
    Ok(tally)
}

/// Where changes are found, counted and handed on.
struct Desk<'f> {
    tally: Tally,
    hand_on: &'f mut dyn FnMut(&Finding<'_>) -> Result<(), DiffError>,
    /// The last moment NEW knows of.
    end: Option<Timestamp>,
}

/// A message as one results file has it.
struct Told {
    row: Option<u64>,
    answer: Option<Rc<Answer>>,
    observed: Option<Timestamp>,
}

impl Told {
    const NOTHING: Self = Self {
        row: None,
        answer: None,
        observed: None,
    };

    fn of(message: &Message<'_>, answers: &Answers) -> Self {
        Self {
            row: Some(message.line.row),
            answer: Some(answers.get(message.answer).clone()),
            observed: message.observed,
        }
    }

    fn of_entry(entry: &Entry, answers: &Answers) -> Self {
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

    fn parts(&self) -> &[Part] {
        self.answer.as_ref().map_or(&[], |answer| &answer.parts)
    }

    fn seat<'a>(&self, part: Option<&Part>, answers: &'a Answers) -> Seat<'a> {
        let of_others = || {
            let answer = self.answer.as_ref();
            answer.map_or(Standing::NotAsked, |answer| answer.of_others())
        };
        Seat {
            row: self.row,
            standing: part.map_or_else(of_others, Part::standing),
            word: part.map_or("", |part| answers.names.text(part.word)),
            observed: self.observed,
        }
    }
}

impl Desk<'_> {
    fn of_new(
        &mut self,
        message: &Message<'_>,
        entry: Option<&Entry>,
        answers: &Answers,
    ) -> Result<(), DiffError> {
        let new = Told::of(message, answers);
        let Some(entry) = entry else {
            self.tally.messages.only_new += 1;
            return self.findings(message, &Told::NOTHING, &new, answers);
        };
        let old = Told::of_entry(entry, answers);
        self.tally.messages.both += 1;
        let verdicts = [&old, &new].map(|told| told.answer.as_ref().map(|answer| answer.verdict));
        if let [Some(old), Some(new)] = verdicts {
            *self.tally.turns.entry((old, new)).or_default() += 1;
        }
        self.findings(message, &old, &new, answers)
    }

    fn of_old(&mut self, message: &Message<'_>, answers: &Answers) -> Result<(), DiffError> {
        let old = Told::of(message, answers);
        self.findings(message, &old, &Told::NOTHING, answers)
    }

    fn findings(
        &mut self,
        message: &Message<'_>,
        old: &Told,
        new: &Told,
        answers: &Answers,
    ) -> Result<(), DiffError> {
        let stale = match (old.observed, new.observed) {
            (Some(old), Some(new)) => new < old,
            _ => false,
        };
        self.tally.messages.stale += u64::from(stale);
        if !old.is_break() && !new.is_break() {
            return Ok(()); // as nearly all messages
        }
        for (group, of_old, of_new) in paired(old.parts(), new.parts()) {
            let (old, new) = (old.seat(of_old, answers), new.seat(of_new, answers));
            let Some(change) = Change::of(old.standing, new.standing, stale) else {
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
                remark: remark(change, old.standing, new.standing, stale),
            };
            self.tally.add(&finding);
            (self.hand_on)(&finding)?;
        }
        Ok(())
    }

    /// Only what may still be at fault ages. Where NEW has no answer, the end of its run is what it was looked at.
    fn age(
        &self,
        change: Change,
        new: &Seat<'_>,
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

/// The earlier of the moments at which the results files saw the fault.
fn first_seen(old: &Seat<'_>, new: &Seat<'_>) -> Option<Timestamp> {
    let at_fault = [old, new]
        .into_iter()
        .filter(|seat| seat.standing.is_at_fault());
    at_fault.filter_map(|seat| seat.observed).min()
}
