//! Judges by what was examined beyond the offsets: copies of messages in retry and dead-letter topics, and trace records.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::clock::rfc3339;
use crate::evidence::{ExaminedTopic, FailureReason, ProofKind, SCHEDULE_TOPIC};

/// A success counts as later than a copy if it was reported so much later.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// What `passed` rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Only the offset: nothing else was examined, or not completely.
    Offset,
    /// The dead-letter topic was examined completely, without a copy. Retries cannot be seen.
    NoDeadLetter,
    /// Retry, schedule and dead-letter topics were examined completely, without a copy.
    NoFailure,
    /// There are copies in retry topics only, and the group has passed all of them.
    Retried,
    /// A client has reported success.
    Trace,
}

impl Evidence {
    /// All grades, the weakest first.
    pub const ALL: [Self; 5] = [
        Self::Offset,
        Self::NoDeadLetter,
        Self::NoFailure,
        Self::Retried,
        Self::Trace,
    ];

    /// Returns the word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offset => "offset",
            Self::NoDeadLetter => "no_dead_letter",
            Self::NoFailure => "no_failure",
            Self::Retried => "retried",
            Self::Trace => "trace",
        }
    }
}

/// A line of a results file behind its rows: what was examined, or what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceLine {
    /// A topic that was examined for a group. Instance and group are named as in the rows.
    Examined(ExaminedTopic),
    /// A proof about the message of a row.
    Proof(RowProof),
    /// A message whose trace was queried.
    Traced(TracedRow),
    /// A message for which nothing could be examined.
    Unexamined(UnexaminedRow),
}

/// A proof about the message of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a proof")]
pub struct RowProof {
    /// The row of the first query about the message.
    pub row: u64,
    /// The consumer group, as in the tracks.
    pub group: Arc<str>,
    /// What it proves.
    pub kind: ProofKind,
    /// When the copy was stored, or when the client reported.
    #[serde(serialize_with = "crate::evidence::time")]
    pub at: Timestamp,
    /// Number of deliveries that it proves; 0 if it says nothing about them.
    #[serde(default, skip_serializing_if = "crate::evidence::is_zero")]
    pub attempts: u32,
    /// The client that reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// Why the delivery failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

impl RowProof {
    /// The order of proofs of one kind: the last one decides.
    fn rank(&self) -> (Timestamp, u32, Option<&str>, Option<&str>) {
        let reason = self.reason.map(FailureReason::as_str);
        (self.at, self.attempts, self.host.as_deref(), reason)
    }
}

/// A message whose trace was queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a traced row")]
pub struct TracedRow {
    /// The row of the first query about the message.
    pub row: u64,
    /// Whether the message is part of the random sample.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sampled: bool,
    /// Why there is no answer about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

/// A message for which nothing could be examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a row that was not examined")]
pub struct UnexaminedRow {
    /// The row of the first query about the message.
    pub row: u64,
    /// Why.
    pub why: Arc<str>,
}

/// What a results file has beyond its rows, arranged for judging.
#[derive(Debug, Default)]
pub struct EvidenceIndex {
    /// By name of the group: those of the instances that have one of this name.
    groups: HashMap<Arc<str>, Vec<GroupExamined>>,
    proofs: HashMap<u64, Vec<RowProof>>,
    traced: HashMap<u64, TracedRow>,
    unexamined: HashMap<u64, Arc<str>>,
    lines: u64,
}

/// What was examined for one group.
#[derive(Debug, Default)]
struct GroupExamined {
    instance: Option<Arc<str>>,
    dead_letters: Option<Completeness>,
    /// The schedule topic and the retry topics.
    retries: Option<Completeness>,
    has_schedule: bool,
    has_retries: bool,
}

/// Whether the absence of a copy means something.
#[derive(Debug, Clone, Default)]
struct Completeness {
    /// Copies that are older may be missing.
    from: Option<Timestamp>,
    /// Copies that are newer are missing.
    to: Option<Timestamp>,
    incomplete: Option<Arc<str>>,
}

impl Completeness {
    fn and(&mut self, topic: &ExaminedTopic) {
        self.from = self.from.max(topic.from);
        self.to = Some(self.to.map_or(topic.to, |to| to.min(topic.to)));
        if self.incomplete.is_none() {
            self.incomplete.clone_from(&topic.incomplete);
        }
    }

    /// Returns why the absence of a copy means nothing for a message of which no copy can be older than `earliest`.
    fn gap(&self, earliest: Option<Timestamp>) -> Option<EvidenceNote<'_>> {
        match (&self.incomplete, self.from, earliest) {
            (Some(why), _, _) => Some(EvidenceNote::NotExamined(why)),
            (None, Some(from), Some(earliest)) if earliest < from => Some(EvidenceNote::TooOld),
            (None, Some(_), None) => Some(EvidenceNote::BornUnknown),
            (None, _, Some(earliest)) if self.to.is_some_and(|to| to < earliest) => Some(
                EvidenceNote::NotExamined("it was read before the message was there"),
            ),
            (None, _, _) => None,
        }
    }
}

impl EvidenceIndex {
    /// Adds a line.
    pub fn add(&mut self, line: EvidenceLine) {
        self.lines += 1;
        match line {
            EvidenceLine::Examined(topic) => self.add_topic(&topic),
            EvidenceLine::Proof(proof) => self.proofs.entry(proof.row).or_default().push(proof),
            EvidenceLine::Traced(traced) => {
                self.traced.insert(traced.row, traced);
            }
            EvidenceLine::Unexamined(UnexaminedRow { row, why }) => {
                self.unexamined.insert(row, why);
            }
        }
    }

    fn add_topic(&mut self, topic: &ExaminedTopic) {
        let of_name = self.groups.entry(topic.group.clone()).or_default();
        let mut known = of_name.iter();
        let known = known.position(|examined| examined.instance == topic.instance_id);
        let nth = known.unwrap_or_else(|| {
            of_name.push(GroupExamined {
                instance: topic.instance_id.clone(),
                ..GroupExamined::default()
            });
            of_name.len() - 1
        });
        let examined = &mut of_name[nth];
        if topic.is_dead_letter_topic() {
            examined.dead_letters.get_or_insert_default().and(topic);
        } else if topic.is_retry_topic() || &*topic.topic == SCHEDULE_TOPIC {
            examined.has_retries |= topic.is_retry_topic();
            examined.has_schedule |= !topic.is_retry_topic();
            examined.retries.get_or_insert_default().and(topic);
        }
    }

    /// Returns the number of lines that were added.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns whether nothing was examined.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Returns what clients have reported about the message of a row.
    #[must_use]
    pub fn reports(&self, row: u64) -> Vec<RowProof> {
        let is_report = |p: &&RowProof| matches!(p.kind, ProofKind::Succeeded | ProofKind::Failed);
        let of_row = self.proofs.get(&row).into_iter().flatten();
        of_row.filter(is_report).cloned().collect()
    }

    /// Returns what is known about the message of a row.
    #[must_use]
    pub fn of_row<'a>(&'a self, row: u64, instance: &'a str) -> RowEvidence<'a> {
        RowEvidence {
            index: Some(self),
            row,
            instance,
        }
    }

    fn group(&self, instance: &str, group: &str) -> Option<&GroupExamined> {
        let mut of_name = self.groups.get(group)?.iter();
        of_name.find(|examined| examined.instance.as_deref().unwrap_or_default() == instance)
    }

    /// Returns the groups for which something could not be examined, with the reasons, in name order.
    #[must_use]
    pub fn gaps(&self) -> Vec<(&str, &str)> {
        let of_groups = self.groups.iter().flat_map(|(group, of_name)| {
            of_name.iter().flat_map(move |examined| {
                let parts = [&examined.dead_letters, &examined.retries];
                let reasons = parts.into_iter().flatten();
                reasons.filter_map(move |part| Some((&**group, part.incomplete.as_deref()?)))
            })
        });
        let mut gaps: Vec<_> = of_groups.collect();
        gaps.sort_unstable();
        gaps.dedup();
        gaps
    }
}

/// What is known about the message of one row beyond its answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowEvidence<'a> {
    index: Option<&'a EvidenceIndex>,
    row: u64,
    instance: &'a str,
}

/// The verdict about one group and one message, with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupFinding<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What `passed` rests on; `None` for other verdicts.
    pub evidence: Option<Evidence>,
    /// Number of deliveries that are proved; 0 if none is.
    pub attempts: u32,
    /// The time of the proof that decides.
    pub at: Option<Timestamp>,
    /// The client that reported; empty if none did.
    pub host: &'a str,
    /// What else is to be said.
    pub note: EvidenceNote<'a>,
}

/// A remark on a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EvidenceNote<'a> {
    /// None.
    #[default]
    Nothing,
    /// Why the delivery failed.
    Reason(FailureReason),
    /// Why nothing follows from the absence of copies.
    NotExamined(&'a str),
    /// The message is older than the oldest copy that a topic could still hold.
    TooOld,
    /// The time of the message is unknown, and old copies are deleted.
    BornUnknown,
    /// The group consumes by POP, which leaves no copy of a message that is not acknowledged yet.
    Pop,
    /// The group pulls: its application decides what happens after a failure.
    Pull,
    /// The message was in the dead-letter topic and succeeded later.
    SucceededAfter(Timestamp),
    /// The message was in the dead-letter topic and is retried again.
    RetriedAfter(Timestamp),
    /// The offset has not reached the message although this was found.
    Beyond(ProofKind, Timestamp),
}

impl EvidenceNote<'_> {
    /// Returns whether there is nothing to say.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl fmt::Display for EvidenceNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Reason(reason) => f.write_str(reason.as_str()),
            Self::NotExamined(why) => write!(f, "not examined: {why}"),
            Self::TooOld => f.write_str("not examined: copies of this age are deleted"),
            Self::BornUnknown => f.write_str("not examined: the message's time is unknown"),
            Self::Pop => f.write_str("not examined: POP keeps no copy while a delivery is open"),
            Self::Pull => f.write_str("not examined: a pull consumer leaves no copies"),
            Self::SucceededAfter(at) => {
                write!(f, "dead-lettered at {}, succeeded later", rfc3339(*at))
            }
            Self::RetriedAfter(at) => {
                write!(f, "dead-lettered at {}, retried again", rfc3339(*at))
            }
            Self::Beyond(kind, at) => {
                let what = match kind {
                    ProofKind::DeadLettered => "a copy is in the dead-letter topic since",
                    ProofKind::Waiting => "a copy waits for its next delivery since",
                    ProofKind::Retried => "a copy is in a retry topic since",
                    ProofKind::Succeeded => "a client reported success at",
                    ProofKind::Failed => "a client reported a failure at",
                };
                write!(f, "{what} {}", rfc3339(*at))
            }
        }
    }
}

/// What the trace of a message of the random sample says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleResult {
    /// Some expected group has failed, and reported nothing later.
    Failed,
    /// Some expected group has succeeded, and none has failed.
    Succeeded,
    /// There is no record of an expected group.
    NoRecords,
    /// The trace could not be queried.
    Unanswered,
}

/// A group's answer, as far as judging the evidence needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrackFacts<'t> {
    pub(super) group: &'t str,
    /// The verdict by the offset.
    pub(super) verdict: Verdict,
    pub(super) mark: &'t str,
}

impl<'a> RowEvidence<'a> {
    /// Returns what the trace of a message of the random sample says about the expected groups. `None` if the message is
    /// not part of the sample.
    pub(super) fn sampled<'g>(
        &self,
        expected: impl Iterator<Item = &'g str>,
    ) -> Option<SampleResult> {
        let traced = self.index?.traced.get(&self.row)?;
        if !traced.sampled {
            return None;
        }
        if traced.error.is_some() {
            return Some(SampleResult::Unanswered);
        }
        let newest = expected.filter_map(|group| {
            let is_report =
                |p: &&RowProof| matches!(p.kind, ProofKind::Succeeded | ProofKind::Failed);
            let reports = self.proofs(group).filter(is_report);
            reports.max_by_key(|proof| (proof.at, proof.kind == ProofKind::Failed))
        });
        let mut result = SampleResult::NoRecords;
        for proof in newest {
            if proof.kind == ProofKind::Failed {
                return Some(SampleResult::Failed);
            }
            result = SampleResult::Succeeded;
        }
        Some(result)
    }

    fn proofs(&self, group: &str) -> impl Iterator<Item = &'a RowProof> {
        let of_row = self.index.and_then(|index| index.proofs.get(&self.row));
        let of_row = of_row.map_or(&[][..], Vec::as_slice).iter();
        of_row.filter(move |proof| &*proof.group == group)
    }

    /// Judges a group. The newest proof decides; of proofs of the same time, the graver one. The first rule that holds:
    ///
    /// | offset | newest proof | verdict |
    /// |---|---|---|
    /// | not reached | any | `open` |
    /// | any other | a copy in the dead-letter topic | `dead_lettered` |
    /// | any other | a copy that waits | `retrying` |
    /// | any other | a client reported success | `passed`, by the trace |
    /// | any other | a client reported a failure | `failed` |
    /// | passed | a copy in a retry topic that was passed, or none | `passed` |
    /// | any other | a copy in a retry topic that was passed, or none | as the offset says |
    ///
    /// A success outweighs a copy only if it was reported more than five seconds after the copy was stored: clocks differ, and
    /// a client reports success for every message of a batch, also for those that it sends back.
    ///
    /// A client that reports a failure does so about the same time as the copy is stored, so a failure never outweighs a
    /// copy that waits or that is in the dead-letter topic.
    ///
    /// `earliest` is the time before which no copy of the message can have been stored. If a topic was examined only since
    /// a later time, nothing follows from the absence of a copy.
    pub(super) fn judge(
        &self,
        track: TrackFacts<'_>,
        earliest: Option<Timestamp>,
    ) -> GroupFinding<'a> {
        let mut finding = GroupFinding {
            verdict: track.verdict,
            evidence: None,
            attempts: 0,
            at: None,
            host: "",
            note: EvidenceNote::Nothing,
        };
        let newest = |kind| {
            let of_kind = self.proofs(track.group).filter(move |p| p.kind == kind);
            of_kind.max_by_key(|proof| proof.rank())
        };
        let attempts = self.proofs(track.group).map(|proof| proof.attempts);
        finding.attempts = attempts.max().unwrap_or_default();
        let dead_lettered = newest(ProofKind::DeadLettered);
        let copies = [newest(ProofKind::Waiting), dead_lettered];
        let copy = copies.into_iter().flatten().max_by_key(|copy| copy.at);
        let retried = newest(ProofKind::Retried);
        let succeeded = newest(ProofKind::Succeeded);
        let failed = newest(ProofKind::Failed);
        let is_newer =
            |one: &RowProof, other: Option<&RowProof>| other.is_none_or(|other| one.at > other.at);
        let outlives =
            |one: &RowProof| copy.is_none_or(|copy| one.at.duration_since(copy.at) > CLOCKS_DIFFER);
        let success = succeeded.filter(|one| outlives(one) && is_newer(one, failed));
        let failure = failed.filter(|one| copy.is_none() && is_newer(one, retried));
        let deciding = success.or(copy).or(failure);
        if let Some(proof) = deciding.or(retried) {
            finding.at = Some(proof.at);
            finding.host = proof.host.as_deref().unwrap_or_default();
        }
        if track.verdict == Verdict::Open {
            if let Some(proof) = deciding.or(retried) {
                finding.note = EvidenceNote::Beyond(proof.kind, proof.at);
            }
            return finding;
        }
        let Some(proof) = deciding else {
            return self.without_proof(track, earliest, retried.is_some(), finding);
        };
        (finding.verdict, finding.note) = match (proof.kind, dead_lettered) {
            (ProofKind::Succeeded, Some(dead)) => {
                (Verdict::Passed, EvidenceNote::SucceededAfter(dead.at))
            }
            (ProofKind::Succeeded, None) => (Verdict::Passed, EvidenceNote::Nothing),
            (ProofKind::Waiting, Some(dead)) => {
                (Verdict::Retrying, EvidenceNote::RetriedAfter(dead.at))
            }
            (ProofKind::Waiting, None) => (Verdict::Retrying, reason(proof, failed)),
            (ProofKind::DeadLettered, _) => (Verdict::DeadLettered, reason(proof, failed)),
            (ProofKind::Failed | ProofKind::Retried, _) => (Verdict::Failed, reason(proof, None)),
        };
        finding.evidence = (finding.verdict == Verdict::Passed).then_some(Evidence::Trace);
        finding
    }

    /// Says what `passed` rests on if no proof decides.
    fn without_proof(
        &self,
        track: TrackFacts<'_>,
        earliest: Option<Timestamp>,
        is_retried: bool,
        finding: GroupFinding<'a>,
    ) -> GroupFinding<'a> {
        if track.verdict != Verdict::Passed {
            return finding;
        }
        let (evidence, note) = match self.gap(track, earliest) {
            Some(note) => (Evidence::Offset, note),
            None if self.sees_no_retries(track.group) => {
                (Evidence::NoDeadLetter, EvidenceNote::Nothing)
            }
            None if is_retried => (Evidence::Retried, EvidenceNote::Nothing),
            None => (Evidence::NoFailure, EvidenceNote::Nothing),
        };
        GroupFinding {
            evidence: Some(evidence),
            note,
            ..finding
        }
    }

    fn examined(&self, group: &str) -> Option<&'a GroupExamined> {
        self.index?.group(self.instance, group)
    }

    fn sees_no_retries(&self, group: &str) -> bool {
        let examined = self.examined(group);
        examined.is_some_and(|examined| examined.retries.is_none())
    }

    /// Returns why nothing follows from the absence of copies. An empty note means that the group was not examined at all.
    fn gap(&self, track: TrackFacts<'_>, earliest: Option<Timestamp>) -> Option<EvidenceNote<'a>> {
        let Some(examined) = self.examined(track.group) else {
            return Some(EvidenceNote::Nothing);
        };
        let Some(dead_letters) = &examined.dead_letters else {
            return Some(EvidenceNote::Nothing);
        };
        let unexamined = self.index.and_then(|index| index.unexamined.get(&self.row));
        if let Some(why) = unexamined {
            return Some(EvidenceNote::NotExamined(why));
        }
        let marked = |word| track.mark.split(' ').any(|mark| mark == word);
        if marked("pop") {
            return Some(EvidenceNote::Pop);
        }
        if marked("pull") {
            return Some(EvidenceNote::Pull);
        }
        if examined.has_schedule != examined.has_retries {
            let missing = if examined.has_retries {
                "the schedule topic was not read"
            } else {
                "the retry topic was not read"
            };
            return Some(EvidenceNote::NotExamined(missing));
        }
        let retries = examined.retries.as_ref();
        let gap = dead_letters.gap(earliest);
        gap.or_else(|| retries.and_then(|retries| retries.gap(earliest)))
    }
}

/// Returns the reason of a proof, or else that of the newest report of a failure.
fn reason<'a>(proof: &RowProof, failed: Option<&RowProof>) -> EvidenceNote<'a> {
    let reported = failed.and_then(|failed| failed.reason);
    let reason = proof.reason.or(reported);
    reason.map_or(EvidenceNote::Nothing, EvidenceNote::Reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the time `minute` minutes after noon.
    fn at(minute: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_mins(minute)
    }

    fn kind(word: &str) -> ProofKind {
        match word {
            "retried" => ProofKind::Retried,
            "succeeded" => ProofKind::Succeeded,
            "failed" => ProofKind::Failed,
            "waiting" => ProofKind::Waiting,
            "dead" => ProofKind::DeadLettered,
            _ => panic!("{word}"),
        }
    }

    fn proof(kind: ProofKind, minute: i64) -> RowProof {
        RowProof {
            row: 7,
            group: "g".into(),
            kind,
            at: at(minute),
            attempts: 2,
            host: (kind == ProofKind::Succeeded).then(|| "10.0.0.1".into()),
            reason: (kind == ProofKind::Failed).then_some(FailureReason::Exception),
        }
    }

    fn topic(name: &str, from: Option<i64>, incomplete: Option<&str>) -> ExaminedTopic {
        ExaminedTopic {
            group: "g".into(),
            instance_id: None,
            topic: name.into(),
            from: from.map(at),
            to: at(100),
            incomplete: incomplete.map(Into::into),
        }
    }

    /// What was examined: `all`, `dlq` (dead letters only), `gap` (retries incompletely), `late` (only since minute 0), or
    /// nothing.
    fn index(examined: &str, proofs: &[RowProof]) -> EvidenceIndex {
        let mut index = EvidenceIndex::default();
        let topics = match examined {
            "all" => vec![
                topic(SCHEDULE_TOPIC, None, None),
                topic("%RETRY%g", Some(-60), None),
                topic("%DLQ%g", None, None),
            ],
            "late" => vec![
                topic(SCHEDULE_TOPIC, None, None),
                topic("%RETRY%g", Some(0), None),
                topic("%DLQ%g", None, None),
            ],
            "gap" => vec![
                topic("%RETRY%g", None, Some("too many copies")),
                topic("%DLQ%g", None, None),
            ],
            "dlq" => vec![topic("%DLQ%g", None, None)],
            _ => Vec::new(),
        };
        for topic in topics {
            index.add(EvidenceLine::Examined(topic));
        }
        for proof in proofs {
            index.add(EvidenceLine::Proof(proof.clone()));
        }
        index
    }

    fn judged<'i>(index: &'i EvidenceIndex, verdict: Verdict, mark: &str) -> GroupFinding<'i> {
        let track = TrackFacts {
            group: "g",
            verdict,
            mark,
        };
        index.of_row(7, "").judge(track, Some(at(-10)))
    }

    /// Proofs are `kind@minute`, in any order.
    const TABLE: &str = "
        offset        mark      examined  proofs                               verdict        evidence        note
        passed        -         nothing   -                                    passed         offset          -
        passed        -         dlq       -                                    passed         no_dead_letter  -
        passed        -         all       -                                    passed         no_failure      -
        passed        offline   all       -                                    passed         no_failure      -
        passed        pop       all       -                                    passed         offset          not
        passed        pull      all       -                                    passed         offset          not
        passed        -         gap       -                                    passed         offset          not
        passed        -         late      -                                    passed         offset          not
        passed        -         all       retried@1,retried@2                  passed         retried         -
        passed        pop       all       retried@1                            passed         offset          not
        passed        -         gap       retried@1                            passed         offset          not
        passed        -         all       retried@1,dead@2                     dead_lettered  -               -
        passed        -         nothing   dead@2                               dead_lettered  -               -
        passed        -         all       retried@1,waiting@2                  retrying       -               -
        passed        -         all       dead@2,waiting@3                     retrying       -               dead-lettered
        passed        -         all       dead@3,waiting@2                     dead_lettered  -               -
        passed        -         all       failed@2,dead@1                      dead_lettered  -               exception
        passed        -         all       failed@2,waiting@1                   retrying       -               exception
        passed        -         all       failed@1                             failed         -               exception
        passed        -         all       failed@1,retried@2                   passed         retried         -
        passed        -         all       failed@3,retried@2                   failed         -               exception
        passed        -         all       failed@1,succeeded@2                 passed         trace           -
        passed        -         all       failed@2,succeeded@1                 failed         -               exception
        passed        pop       nothing   succeeded@1                          passed         trace           -
        passed        -         all       dead@2,succeeded@1                   dead_lettered  -               -
        passed        -         all       dead@1,succeeded@2                   passed         trace           dead-lettered
        passed        -         all       waiting@1,succeeded@2                passed         trace           -
        undetermined  -         all       -                                    undetermined   -               -
        undetermined  -         all       retried@1                            undetermined   -               -
        undetermined  -         all       succeeded@1                          passed         trace           -
        undetermined  -         all       failed@1                             failed         -               exception
        filtered      -         all       dead@1                               dead_lettered  -               -
        filtered      -         all       -                                    filtered       -               -
        absent        -         all       waiting@1                            retrying       -               -
        open          -         all       dead@1                               open           -               a
        open          -         all       succeeded@1                          open           -               a
        open          -         all       -                                    open           -               -
    ";

    #[test]
    fn the_newest_proof_decides() {
        for row in TABLE.trim().lines().skip(1) {
            let mut cells = row.split_whitespace();
            let [offset, mark, examined, proofs, verdict, evidence, note] =
                std::array::from_fn(|_| cells.next().unwrap());
            let proofs = proofs.split(',').filter(|text| *text != "-");
            let proofs: Vec<_> = proofs
                .map(|text| {
                    let (word, minute) = text.split_once('@').unwrap();
                    proof(kind(word), minute.parse().unwrap())
                })
                .collect();
            let by_offset = Verdict::ALL.into_iter().find(|v| v.as_str() == offset);
            let index = index(examined, &proofs);
            let found = judged(&index, by_offset.unwrap(), mark);
            let word = found.evidence.map_or("-", Evidence::as_str);
            assert_eq!((found.verdict.as_str(), word), (verdict, evidence), "{row}");
            let said = found.note.to_string();
            let said = said.split(' ').next().filter(|word| !word.is_empty());
            assert_eq!(said.unwrap_or("-"), note, "{row}");
            let seen = u32::from(!proofs.is_empty()) * 2;
            assert_eq!(found.attempts, seen, "{row}");
        }
    }

    #[test]
    fn a_message_whose_time_is_unknown_may_be_older_than_the_copies() {
        let track = TrackFacts {
            group: "g",
            verdict: Verdict::Passed,
            mark: "",
        };
        let late = index("late", &[]);
        assert_eq!(
            late.of_row(7, "").judge(track, None).note,
            EvidenceNote::BornUnknown
        );
        let dead_letters = index("dlq", &[]);
        let found = dead_letters.of_row(7, "").judge(track, None);
        assert_eq!(
            found.evidence,
            Some(Evidence::NoDeadLetter),
            "nothing is deleted"
        );
        let elsewhere = dead_letters.of_row(7, "MQ_INST_1").judge(track, None);
        assert_eq!(
            elsewhere.evidence,
            Some(Evidence::Offset),
            "a group of another instance"
        );
    }

    #[test]
    fn a_success_about_the_time_of_a_copy_is_no_later_success() {
        let dead = proof(ProofKind::DeadLettered, 1);
        for (seconds, verdict) in [(5, Verdict::DeadLettered), (6, Verdict::Passed)] {
            let success = RowProof {
                at: dead.at + SignedDuration::from_secs(seconds),
                ..proof(ProofKind::Succeeded, 1)
            };
            let index = index("all", &[dead.clone(), success]);
            assert_eq!(
                judged(&index, Verdict::Passed, "").verdict,
                verdict,
                "{seconds} s"
            );
        }
    }

    #[test]
    fn a_row_without_a_key_was_not_examined() {
        let mut index = index("all", &[]);
        let why = "the key is unknown";
        index.add(EvidenceLine::Unexamined(UnexaminedRow {
            row: 7,
            why: why.into(),
        }));
        let found = judged(&index, Verdict::Passed, "");
        assert_eq!(found.evidence, Some(Evidence::Offset));
        assert_eq!(found.note, EvidenceNote::NotExamined(why));
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let traced = TracedRow {
            row: 7,
            sampled: true,
            error: None,
        };
        let lines = [
            EvidenceLine::Examined(topic("%DLQ%g", Some(0), Some("why"))),
            EvidenceLine::Proof(proof(ProofKind::Failed, 1)),
            EvidenceLine::Traced(traced),
        ];
        let texts = [
            r#"{"examined":{"group":"g","topic":"%DLQ%g","from":"2026-11-20T12:00:00.000Z","to":"2026-11-20T13:40:00.000Z","incomplete":"why"}}"#,
            r#"{"proof":{"row":7,"group":"g","kind":"failed","at":"2026-11-20T12:01:00.000Z","attempts":2,"reason":"exception"}}"#,
            r#"{"traced":{"row":7,"sampled":true}}"#,
        ];
        for (line, text) in lines.iter().zip(texts) {
            assert_eq!(serde_json::to_string(line).unwrap(), text);
            assert_eq!(&serde_json::from_str::<EvidenceLine>(text).unwrap(), line);
        }
    }

    proptest! {
        #[test]
        fn an_open_message_stays_open_and_the_order_of_the_proofs_is_irrelevant(
            mut proofs in proptest::collection::vec((0..5_usize, 0..4_i64), 0..6),
        ) {
            let kinds = [ProofKind::Retried, ProofKind::Succeeded, ProofKind::Failed, ProofKind::Waiting, ProofKind::DeadLettered];
            let made = |proofs: &[(usize, i64)]| {
                let proofs: Vec<_> = proofs.iter().map(|(nth, minute)| proof(kinds[*nth], *minute)).collect();
                index("all", &proofs)
            };
            let forwards = made(&proofs);
            proofs.reverse();
            let backwards = made(&proofs);
            for verdict in [Verdict::Passed, Verdict::Open, Verdict::Absent] {
                let (one, other) = (judged(&forwards, verdict, ""), judged(&backwards, verdict, ""));
                prop_assert_eq!(one.verdict, other.verdict);
                prop_assert_eq!(one.evidence.is_some(), one.verdict == Verdict::Passed);
                prop_assert!(verdict != Verdict::Open || one.verdict == Verdict::Open);
            }
        }
    }
}
