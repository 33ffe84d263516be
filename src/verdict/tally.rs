//! Counts the judged rows. Every report shows these numbers and no others, so reports never differ.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::message::{CowText, is_lower_case_key};

use super::{
    Evidence, EvidenceNote, GroupVerdict, Judged, MessageVerdict, SampleResult, TopicCounts,
    Totals, UndeterminedReason, Verdict,
};

/// The most kinds of break that are counted separately. An incident has a handful.
const MAX_BREAK_KINDS: usize = 64;

/// The verdicts about one group over all distinct messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupTally {
    counts: [u64; Verdict::ALL.len()],
    /// Answers that name the group.
    answers: u64,
    /// Distinct messages that the group was expected to consume.
    pub expected: u64,
    /// Distinct messages whose answer names the group although the expectations for their topic do not.
    pub unexpected: u64,
    /// Distinct messages that the group made a break.
    pub missed: u64,
    /// The earliest and the latest born time of the missed messages, if known.
    pub missed_born: Option<(Timestamp, Timestamp)>,
    /// Distinct messages that the group had passed in an earlier run and that are open now.
    pub regressed: u64,
    /// Distinct messages that are dead letters of the group and were not kept.
    pub not_kept: u64,
    evidence: [u64; Evidence::ALL.len()],
    missed_as: [u64; Verdict::ALL.len()],
}

impl GroupTally {
    /// Returns the number of distinct messages with this verdict.
    #[must_use]
    pub const fn count(&self, verdict: Verdict) -> u64 {
        self.counts[verdict as usize]
    }

    /// Returns the number of distinct messages that the group has passed, with this evidence.
    #[must_use]
    pub const fn evidence(&self, evidence: Evidence) -> u64 {
        self.evidence[evidence as usize]
    }

    /// Returns the number of distinct messages that the group made a break by this verdict.
    #[must_use]
    pub const fn missed_as(&self, verdict: Verdict) -> u64 {
        self.missed_as[verdict as usize]
    }

    /// Returns whether any answer names the group.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        self.answers > 0
    }

    /// Returns the number of verdicts that somebody has to look at: breaks, undetermined ones, and those of a group that
    /// is not expected.
    #[must_use]
    pub const fn findings(&self) -> u64 {
        self.missed + self.unexpected + self.count(Verdict::Undetermined)
    }

    fn add(&mut self, seen: &GroupVerdict<'_>, facts: &RowFacts<'_>) {
        let born = facts.born;
        let had_passed = |group: &CowText<'_>| &**group == seen.group;
        let is_regressed = seen.verdict() == Verdict::Open
            && facts
                .passed
                .is_some_and(|passed| passed.iter().any(had_passed));
        self.regressed += u64::from(is_regressed);
        self.counts[seen.verdict() as usize] += 1;
        if let Some(evidence) = seen.finding.evidence
            && seen.verdict() == Verdict::Passed
        {
            self.evidence[evidence as usize] += 1;
        }
        self.not_kept += u64::from(seen.finding.note == EvidenceNote::NotKept);
        self.answers += u64::from(seen.is_answered());
        self.expected += u64::from(seen.expected);
        self.unexpected += u64::from(seen.unexpected);
        if seen.breaks {
            self.missed += 1;
            self.missed_as[seen.verdict() as usize] += 1;
            self.missed_born = span(self.missed_born, born.map(|born| (born, born)));
        }
    }

    fn append(&mut self, next: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(next.counts) {
            *mine += theirs;
        }
        for (mine, theirs) in self.evidence.iter_mut().zip(next.evidence) {
            *mine += theirs;
        }
        for (mine, theirs) in self.missed_as.iter_mut().zip(next.missed_as) {
            *mine += theirs;
        }
        self.answers += next.answers;
        self.expected += next.expected;
        self.unexpected += next.unexpected;
        self.regressed += next.regressed;
        self.not_kept += next.not_kept;
        self.missed += next.missed;
        self.missed_born = span(self.missed_born, next.missed_born);
    }
}

/// Breaks of one kind: the same topic and the same groups at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakKind {
    /// The topic of the messages.
    pub topic: String,
    /// The groups at fault with their verdicts, in name order.
    pub groups: Vec<(String, Verdict)>,
    /// How many distinct messages are of this kind.
    pub count: u64,
    /// The input row of the first of them.
    pub first_row: u64,
    /// The results file of the first of them, if there are several.
    pub first_file: Option<String>,
    /// The message ID of the first of them.
    pub first_msg_id: String,
}

/// The numbers of a judged results file. [`Tally::append`] joins the tallies of consecutive parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The control totals, counted anew from the lines.
    pub totals: Totals,
    messages: [u64; 7],
    /// Distinct messages that some group had passed in an earlier run and that were queried again.
    pub rechecked: u64,
    /// Distinct messages with a group that is expected only because their tag or born time is unknown.
    pub assumed: u64,
    /// Distinct messages with an answer to which no expectation applies: another tag, or another born time.
    pub nothing_expected: u64,
    /// Distinct messages that were not found by a key in lower case, while most clients write upper case.
    pub lower_case: u64,
    /// Distinct messages whose born time is decoded from the ID, with an assumed time zone.
    pub born_decoded: u64,
    /// Distinct messages of the random sample, by what their traces say.
    sampled: [u64; 4],
    /// The topics of the distinct messages.
    pub topics: TopicCounts,
    /// The groups, in name order.
    pub groups: BTreeMap<String, GroupTally>,
    /// Undetermined pairs of a group and a distinct message, by the reason, if it is known.
    undetermined: [u64; UndeterminedReason::ALL.len()],
    /// The topics whose groups are unknown, by the reason.
    pub unlisted: BTreeMap<String, BTreeSet<String>>,
    /// The error codes of messages that were not found or not answered.
    pub errors: BTreeMap<String, u64>,
    /// The first and the last observation time, RFC 3339 UTC (so that they compare as text).
    pub observed: Option<(String, String)>,
    /// Calls made for the answers, retries included.
    pub calls: u64,
    /// Calls that repeated an earlier call.
    pub retries: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// The breaks by kind, in the order of their first rows. Kinds beyond the 64th are missing here, but not in the
    /// totals.
    pub breaks: Vec<BreakKind>,
}

/// What [`Tally::add`] needs about a distinct message or a bad row besides its verdicts.
#[derive(Debug, Clone, Copy)]
pub struct RowFacts<'a> {
    /// The input row.
    pub row: u64,
    /// The message ID.
    pub msg_id: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// The born time, as given in a column or by the source, or decoded from the ID.
    pub born: Option<Timestamp>,
    /// Whether `born` is decoded from the ID, which does not say its time zone.
    pub is_born_decoded: bool,
    /// The observation time, RFC 3339 UTC; empty for a bad row.
    pub observed_at: &'a str,
    /// The code of the error, or its kind if it has no code.
    pub error: Option<&'a str>,
    /// Whether the answer was taken from an earlier run.
    pub is_carried: bool,
    /// The groups that had passed the message in an earlier run.
    pub passed: Option<&'a [CowText<'a>]>,
    /// The number of attempts, and how many of them were throttled.
    pub attempts: (u32, u32),
    /// The number of calls besides the first of each attempt.
    pub more_calls: u32,
}

impl Tally {
    /// Returns the number of distinct messages with this verdict; for `rejected`, the number of rows.
    #[must_use]
    pub const fn messages(&self, verdict: MessageVerdict) -> u64 {
        self.messages[verdict as usize]
    }

    /// Returns the number of messages of the random sample whose traces say this.
    #[must_use]
    pub const fn sampled(&self, result: SampleResult) -> u64 {
        self.sampled[result as usize]
    }

    /// Returns the number of undetermined pairs of a group and a distinct message for this reason.
    #[must_use]
    pub const fn undetermined(&self, reason: UndeterminedReason) -> u64 {
        self.undetermined[reason as usize]
    }

    /// Returns whether every row is reconciled.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.messages(MessageVerdict::Reconciled) + self.totals.duplicates == self.totals.rows
    }

    /// Counts a row that repeats an earlier one.
    pub fn add_duplicate(&mut self) {
        self.totals.rows += 1;
        self.totals.duplicates += 1;
    }

    /// Counts a distinct message or a bad row.
    pub fn add(&mut self, facts: RowFacts<'_>, judged: &Judged<'_>) {
        self.totals.rows += 1;
        self.messages[judged.verdict as usize] += 1;
        match judged.verdict {
            MessageVerdict::Rejected => {
                self.totals.rejected += 1;
                return;
            }
            MessageVerdict::Unanswered => self.totals.unanswered += 1,
            MessageVerdict::NotFound => {
                self.totals.not_found += 1;
                self.lower_case += u64::from(is_lower_case_key(facts.msg_id));
            }
            _ => self.totals.answered += 1,
        }
        self.totals.distinct += 1;
        self.topics.add(facts.topic);
        self.born_decoded += u64::from(facts.is_born_decoded);
        self.totals.carried += u64::from(facts.is_carried);
        self.rechecked += u64::from(facts.passed.is_some());
        let (attempts, throttled) = facts.attempts;
        self.calls += u64::from(attempts) + u64::from(facts.more_calls);
        self.retries += u64::from(attempts.saturating_sub(1));
        self.throttled += u64::from(throttled);
        if let Some(result) = judged.sampled {
            self.sampled[result as usize] += 1;
        }
        self.assumed += u64::from(judged.assumed);
        self.nothing_expected += u64::from(judged.nothing_expected);
        if let Some(why) = judged.unlisted {
            self.note_unlisted(why, facts.topic);
        }
        if let Some(code) = facts.error {
            *self.errors.entry(code.to_owned()).or_default() += 1;
        }
        self.observe(facts.observed_at);
        for seen in &judged.groups {
            self.note_undetermined(seen);
        }
        // Both lists are in name order, and most messages have the same groups, so one walk finds them.
        let mut remaining = self.groups.iter_mut();
        let mut new_groups = Vec::new();
        for seen in &judged.groups {
            self.totals.tracks += u64::from(seen.is_answered());
            match remaining.find(|(name, _)| name.as_str() >= seen.group) {
                Some((name, group)) if name == seen.group => group.add(seen, &facts),
                _ => {
                    new_groups.push(seen);
                    remaining = self.groups.iter_mut(); // the walk passed the place: start again
                }
            }
        }
        for seen in new_groups {
            self.groups
                .entry(seen.group.to_owned())
                .or_default()
                .add(seen, &facts);
        }
        if judged.verdict == MessageVerdict::Break {
            self.add_break(facts, judged);
        }
    }

    /// Adds the tally of the part that follows this one.
    pub fn append(&mut self, next: Self) {
        self.totals = self.totals.plus(&next.totals);
        self.rechecked += next.rechecked;
        self.calls += next.calls;
        self.retries += next.retries;
        self.throttled += next.throttled;
        self.assumed += next.assumed;
        self.nothing_expected += next.nothing_expected;
        self.lower_case += next.lower_case;
        self.born_decoded += next.born_decoded;
        for (mine, theirs) in self.messages.iter_mut().zip(next.messages) {
            *mine += theirs;
        }
        for (mine, theirs) in self.sampled.iter_mut().zip(next.sampled) {
            *mine += theirs;
        }
        self.topics.append(next.topics);
        for (name, theirs) in next.groups {
            self.groups.entry(name).or_default().append(&theirs);
        }
        for (mine, theirs) in self.undetermined.iter_mut().zip(next.undetermined) {
            *mine += theirs;
        }
        for (why, topics) in next.unlisted {
            self.unlisted.entry(why).or_default().extend(topics);
        }
        for (code, count) in next.errors {
            *self.errors.entry(code).or_default() += count;
        }
        if let Some((first, last)) = next.observed {
            self.observe(&first);
            self.observe(&last);
        }
        for theirs in next.breaks {
            let alike =
                |mine: &&mut BreakKind| mine.topic == theirs.topic && mine.groups == theirs.groups;
            let room = self.breaks.len() < MAX_BREAK_KINDS;
            match self.breaks.iter_mut().find(alike) {
                Some(mine) => mine.count += theirs.count,
                None if room => self.breaks.push(theirs),
                None => {}
            }
        }
    }

    fn note_undetermined(&mut self, seen: &GroupVerdict<'_>) {
        if seen.verdict() == Verdict::Undetermined
            && let Some(reason) = seen.finding.note.undetermined_reason()
        {
            self.undetermined[reason as usize] += 1;
        }
    }

    /// Notes that the groups of a topic are unknown. Most rows say what is noted already, and then nothing is allocated.
    fn note_unlisted(&mut self, why: &str, topic: &str) {
        if !self.unlisted.contains_key(why) {
            self.unlisted.insert(why.to_owned(), BTreeSet::new());
        }
        if let Some(topics) = self.unlisted.get_mut(why)
            && !topics.contains(topic)
        {
            topics.insert(topic.to_owned());
        }
    }

    /// Counts a break. Most breaks are of a known kind, and then nothing is allocated.
    fn add_break(&mut self, facts: RowFacts<'_>, judged: &Judged<'_>) {
        let alike = |kind: &&mut BreakKind| {
            let groups = kind
                .groups
                .iter()
                .map(|(group, verdict)| (group.as_str(), *verdict));
            kind.topic == facts.topic && groups.eq(at_fault(judged))
        };
        if let Some(kind) = self.breaks.iter_mut().find(alike) {
            kind.count += 1;
        } else if self.breaks.len() < MAX_BREAK_KINDS {
            self.breaks.push(BreakKind {
                topic: facts.topic.to_owned(),
                groups: at_fault(judged)
                    .map(|(group, verdict)| (group.to_owned(), verdict))
                    .collect(),
                count: 1,
                first_row: facts.row,
                first_file: None,
                first_msg_id: facts.msg_id.to_owned(),
            });
        }
    }

    fn observe(&mut self, at: &str) {
        match &mut self.observed {
            _ if at.is_empty() => {}
            Some((_, last)) if at == last => {}
            None => self.observed = Some((at.to_owned(), at.to_owned())),
            Some((first, _)) if at < first.as_str() => at.clone_into(first),
            Some((_, last)) if at > last.as_str() => at.clone_into(last),
            Some(_) => {}
        }
    }
}

fn span(
    a: Option<(Timestamp, Timestamp)>,
    b: Option<(Timestamp, Timestamp)>,
) -> Option<(Timestamp, Timestamp)> {
    match (a, b) {
        (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
        (one, None) | (None, one) => one,
    }
}

/// Returns the groups that make the message a break.
fn at_fault<'a>(judged: &'a Judged<'_>) -> impl Iterator<Item = (&'a str, Verdict)> {
    judged
        .groups
        .iter()
        .filter(|seen| seen.breaks)
        .map(|seen| (seen.group, seen.verdict()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{AnswerView, Expectations, MessageContext, RowEvidence, TrackView, judge};

    fn tally_of(rows: std::ops::Range<u64>) -> Tally {
        let mut expectations = Expectations::default();
        expectations.add("b,never").unwrap();
        let mut tally = Tally::default();
        for row in rows {
            let tracks = [
                ("a", "CONSUMED"),
                (
                    "b",
                    if row % 3 == 0 {
                        "NOT_CONSUME_YET"
                    } else {
                        "CONSUMED"
                    },
                ),
            ]
            .map(|(group, word)| TrackView::new(group, word));
            let answer = match row % 7 {
                1 => AnswerView::NotFound,
                2 => AnswerView::Unanswered,
                3 => AnswerView::Rejected,
                4 => {
                    tally.add_duplicate();
                    continue;
                }
                _ => AnswerView::Tracks(&tracks),
            };
            let observed_at = format!("2026-11-22T12:00:{:02}.000Z", row % 60);
            let facts = RowFacts {
                row,
                msg_id: "0a15030b110f18b4aac264be6c450ba2",
                topic: "orders",
                born: Timestamp::from_second(i64::try_from(row).unwrap()).ok(),
                is_born_decoded: false,
                observed_at: &observed_at,
                error: matches!(answer, AnswerView::NotFound | AnswerView::Unanswered)
                    .then_some("BIZ_NO_MESSAGE"),
                is_carried: false,
                passed: None,
                attempts: (1, 0),
                more_calls: 0,
            };
            let subject = MessageContext::of_topic("orders");
            let judged = judge(answer, &subject, &expectations, RowEvidence::default());
            tally.add(facts, &judged);
        }
        tally
    }

    #[test]
    fn the_totals_tie_whatever_the_rows_are() {
        let tally = tally_of(0..100);
        assert!(tally.totals.tie(), "{:?}", tally.totals);
        assert_eq!(tally.totals.rows, 100);
        let by_verdict: u64 = MessageVerdict::ALL
            .iter()
            .map(|&verdict| tally.messages(verdict))
            .sum();
        assert_eq!(by_verdict + tally.totals.duplicates, 100);
        assert_eq!(
            tally.groups["never"].count(Verdict::Absent),
            tally.totals.answered
        );
        assert_eq!(
            tally.totals.tracks,
            2 * tally.totals.answered,
            "an absent group is no track"
        );
        assert_eq!(
            tally.errors["BIZ_NO_MESSAGE"],
            tally.totals.not_found + tally.totals.unanswered
        );
        assert_eq!(tally.lower_case, tally.totals.not_found);
        assert!(!tally.is_clean());
    }

    #[test]
    fn tallies_of_parts_add_up() {
        for cut in [0, 1, 33, 50, 99, 100] {
            let mut parts = tally_of(0..cut);
            parts.append(tally_of(cut..100));
            assert_eq!(parts, tally_of(0..100), "cut at {cut}");
        }
    }

    #[test]
    fn break_kinds_differ_by_topic_and_groups_at_fault() {
        let tally = tally_of(0..100);
        let kinds: Vec<_> = tally
            .breaks
            .iter()
            .map(|kind| (kind.first_row, kind.groups.len()))
            .collect();
        assert_eq!(
            kinds,
            [(0, 2), (5, 1)],
            "b is open in every third, never is absent in all"
        );
        let in_kinds: u64 = tally.breaks.iter().map(|kind| kind.count).sum();
        assert_eq!(in_kinds, tally.messages(MessageVerdict::Break));
    }
}
