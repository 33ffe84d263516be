//! The index of OLD: 32 bytes per message. Equal answers are stored once; a million messages have a few dozen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use jiff::Timestamp;

use super::change::GroupStatus;
use crate::input::Fingerprint;
use crate::verdict::{GroupVerdict, Judged, MessageVerdict, Verdict};

/// Texts by number: groups, topics and track types.
#[derive(Debug, Default)]
pub(super) struct TextTable {
    numbers: HashMap<Rc<str>, u32>,
    texts: Vec<Rc<str>>,
}

impl TextTable {
    /// Returns the number of a text. A new text gets a new number.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number =
            u32::try_from(self.texts.len()).expect("there are fewer than four billion texts");
        let text: Rc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    /// Returns the text of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

/// One group in an answer.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is independent of the others"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupAnswer {
    pub(super) group: u32,
    /// The track type; an empty text if the group is absent.
    pub(super) word: u32,
    verdict: Verdict,
    /// Whether it is `passed` and nothing but the offset was examined.
    by_offset: bool,
    is_answered: bool,
    expected: bool,
    breaks: bool,
}

impl GroupAnswer {
    pub(super) const fn status(&self) -> GroupStatus {
        GroupStatus::Named {
            verdict: self.verdict,
            expected: self.expected,
            breaks: self.breaks,
            by_offset: self.by_offset,
        }
    }

    /// Returns whether the answer itself names the group.
    pub(super) const fn is_in_answer(&self) -> bool {
        self.is_answered
    }
}

/// The judged answer about a message, without the message.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoredAnswer {
    pub(super) verdict: MessageVerdict,
    /// The groups by number, each once.
    pub(super) parts: Vec<GroupAnswer>,
}

impl StoredAnswer {
    /// Returns the status of a group that the answer does not contain.
    pub(super) const fn status_of_unnamed_group(&self) -> GroupStatus {
        match self.verdict {
            MessageVerdict::NotFound => GroupStatus::NotFound,
            MessageVerdict::Unanswered | MessageVerdict::Rejected => GroupStatus::Unanswered,
            _ => GroupStatus::NotNamed,
        }
    }

    /// Returns whether the answer says something about groups.
    pub(super) fn answers_about_groups(&self) -> bool {
        self.status_of_unnamed_group() == GroupStatus::NotNamed
    }
}

/// The answers of both results files by number, and their texts.
#[derive(Debug, Default)]
pub(super) struct AnswerTable {
    pub(super) names: TextTable,
    numbers: BTreeMap<Rc<StoredAnswer>, u32>,
    list: Vec<Rc<StoredAnswer>>,
}

impl AnswerTable {
    /// Returns the number of an answer. A new answer gets a new number.
    pub(super) fn number(&mut self, judged: &Judged<'_>) -> u32 {
        let mut parts: Vec<GroupAnswer> =
            judged.groups.iter().map(|seen| self.part(seen)).collect();
        // A source may name a group twice with different track types. The worse one counts.
        parts.sort_by_key(|part| {
            let undetermined = part.verdict == Verdict::Undetermined;
            let worst = (part.breaks, undetermined, part.verdict);
            (part.group, Reverse(worst), part.word)
        });
        parts.dedup_by_key(|part| part.group);
        let answer = StoredAnswer {
            verdict: judged.verdict,
            parts,
        };
        if let Some(number) = self.numbers.get(&answer) {
            return *number;
        }
        let number = u32::try_from(self.list.len())
            .expect("a results file has fewer than four billion rows");
        let answer = Rc::new(answer);
        self.list.push(answer.clone());
        self.numbers.insert(answer, number);
        number
    }

    fn part(&mut self, seen: &GroupVerdict<'_>) -> GroupAnswer {
        GroupAnswer {
            group: self.names.number(seen.group),
            word: self.names.number(seen.track_type),
            verdict: seen.verdict(),
            by_offset: seen.finding.is_by_offset(),
            is_answered: seen.is_answered(),
            expected: seen.expected,
            breaks: seen.breaks,
        }
    }

    /// Returns the answer of a number.
    pub(super) fn get(&self, number: u32) -> &Rc<StoredAnswer> {
        &self.list[number as usize]
    }
}

/// Returns every group of either answer with its part in both, by number.
pub(super) fn paired<'a>(
    old: &'a [GroupAnswer],
    new: &'a [GroupAnswer],
) -> impl Iterator<Item = (u32, Option<&'a GroupAnswer>, Option<&'a GroupAnswer>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || {
        let headings = [old.peek(), new.peek()];
        let group = headings
            .into_iter()
            .flatten()
            .map(|part| part.group)
            .min()?;
        Some((
            group,
            old.next_if(|part| part.group == group),
            new.next_if(|part| part.group == group),
        ))
    })
}

/// One message of OLD.
#[derive(Debug, Clone, Copy)]
pub(super) struct BaselineEntry {
    message: Fingerprint,
    /// The message's first row.
    pub(super) row: u32,
    /// The number of the answer.
    pub(super) answer: u32,
    /// Whether NEW has the message.
    pub(super) met: bool,
    /// Milliseconds; `i64::MIN` if the results file has no time.
    observed: i64,
}

impl BaselineEntry {
    /// Packs a message that OLD has and NEW has not reached yet.
    pub(super) fn new(
        message: Fingerprint,
        row: u64,
        answer: u32,
        observed: Option<Timestamp>,
    ) -> Self {
        Self {
            message,
            row: u32::try_from(row).unwrap_or(u32::MAX),
            answer,
            met: false,
            observed: observed.map_or(i64::MIN, Timestamp::as_millisecond),
        }
    }

    /// Returns when the answer was observed.
    pub(super) fn observed(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.observed).ok()
    }
}

/// The messages of OLD, found by fingerprint. Two of a million messages collide with a probability under 10⁻¹⁶.
#[derive(Debug)]
pub(super) struct Baseline(Vec<BaselineEntry>);

impl Baseline {
    /// Orders the messages so that they are found.
    pub(super) fn new(mut entries: Vec<BaselineEntry>) -> Self {
        entries.sort_unstable_by_key(|entry| (entry.message, entry.row));
        Self(entries)
    }

    /// Finds the message of a fingerprint. Several entries may have the same one, if rows place one ID differently.
    /// Both results files have them in input order, so the first that NEW did not reach is the right one.
    pub(super) fn find(&mut self, message: Fingerprint) -> Option<&mut BaselineEntry> {
        let first = self.0.partition_point(|entry| entry.message < message);
        let alike = self.0[first..]
            .iter()
            .take_while(|entry| entry.message == message);
        let count = alike.clone().count();
        let nth = alike.take_while(|entry| entry.met).count();
        let nth = nth.min(count.checked_sub(1)?);
        Some(&mut self.0[first + nth])
    }

    /// Returns the messages that NEW does not have.
    pub(super) fn left(&self) -> impl Iterator<Item = &BaselineEntry> {
        self.0.iter().filter(|entry| !entry.met)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{AnswerView, Expectations, MessageContext, RowEvidence, TrackView, judge};

    fn number(
        answers: &mut AnswerTable,
        tracks: &[(&'static str, &'static str)],
        expect: &str,
    ) -> u32 {
        let mut expectations = Expectations::default();
        if !expect.is_empty() {
            expectations.add(expect).unwrap();
        }
        let tracks: Vec<_> = tracks
            .iter()
            .map(|&(group, word)| TrackView::new(group, word))
            .collect();
        let orders = MessageContext::of_topic("orders");
        answers.number(&judge(
            AnswerView::Tracks(&tracks),
            &orders,
            &expectations,
            RowEvidence::default(),
        ))
    }

    #[test]
    fn equal_answers_are_stored_once() {
        let mut answers = AnswerTable::default();
        let both = [("a", "CONSUMED"), ("b", "NOT_CONSUME_YET")];
        let first = number(&mut answers, &both, "");
        assert_eq!(number(&mut answers, &both, ""), first);
        assert_ne!(number(&mut answers, &both, "a"), first, "b is not expected");
        assert_ne!(number(&mut answers, &both[..1], ""), first);
        assert_eq!(answers.list.len(), 3);
    }

    #[test]
    fn the_worse_track_type_of_a_repeated_group_counts() {
        for (words, verdict) in [
            (["CONSUMED", "NOT_CONSUME_YET"], Verdict::Open),
            (["NOT_CONSUME_YET", "CONSUMED"], Verdict::Open),
            (["NOT_CONSUME_YET", "PULL"], Verdict::Open),
            (["CONSUMED", "PULL"], Verdict::Undetermined),
            (["CONSUMED", "CONSUMED_BUT_FILTERED"], Verdict::Filtered),
        ] {
            let mut answers = AnswerTable::default();
            let number = number(&mut answers, &words.map(|word| ("a", word)), "");
            let [part] = &*answers.get(number).parts else {
                panic!("one part")
            };
            assert_eq!(part.verdict, verdict, "{words:?}");
        }
    }

    #[test]
    fn groups_are_paired_by_number() {
        let mut answers = AnswerTable::default();
        let old = number(&mut answers, &[("b", "CONSUMED"), ("c", "CONSUMED")], "");
        let new = number(&mut answers, &[("a", "PULL"), ("c", "PULL")], "");
        let (old, new) = (answers.get(old), answers.get(new));
        let pairs: Vec<_> = paired(&old.parts, &new.parts)
            .map(|(group, old, new)| (answers.names.text(group), old.is_some(), new.is_some()))
            .collect();
        assert_eq!(
            pairs,
            [("b", true, false), ("c", true, true), ("a", false, true)]
        );
    }

    #[test]
    fn a_message_takes_32_bytes() {
        assert_eq!(size_of::<BaselineEntry>(), 32);
    }
}
