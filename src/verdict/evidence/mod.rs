//! Judges by what was examined beyond the offsets: copies of messages in retry and dead-letter topics, and trace records.
//!
//! - `deliveries`: answers of a service that records deliveries
//! - `line`: the lines of a results file about it
//! - `index`: these lines, arranged for judging
//! - `note`: what is to be said beside a verdict

mod deliveries;
mod index;
mod line;
mod note;
#[cfg(test)]
mod tests;

use std::num::NonZeroU64;

use jiff::{SignedDuration, Timestamp};

use super::MessageContext;
use super::Verdict;
use crate::evidence::{Deliveries, GroupLag, ProofKind, RetryPolicy};
use crate::offsets::TrackType;

pub use deliveries::DeliveryStatus;
pub use index::EvidenceIndex;
pub use line::{EvidenceLine, RowProof, TracedRow, UnexaminedRow};
pub use note::{EvidenceNote, UndeterminedReason};

use index::GroupExamined;

/// A success counts as later than a copy if it was reported so much later.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(5);

/// What `passed` rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The answer about another message of the same queue: this one was not asked about. Whether dead letters were examined
    /// is said in the note.
    Inferred,
    /// Only the offset: nothing else was examined, or not completely.
    Offset,
    /// Only the lag: the group had consumed everything on the topic some time after the message could be received, and there
    /// is no record of its delivery.
    Lag,
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
    pub const ALL: [Self; 7] = [
        Self::Inferred,
        Self::Offset,
        Self::Lag,
        Self::NoDeadLetter,
        Self::NoFailure,
        Self::Retried,
        Self::Trace,
    ];

    /// Returns the word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inferred => "inferred",
            Self::Offset => "offset",
            Self::Lag => "lag",
            Self::NoDeadLetter => "no_dead_letter",
            Self::NoFailure => "no_failure",
            Self::Retried => "retried",
            Self::Trace => "trace",
        }
    }
}

/// What is known about the message of one row beyond its answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowEvidence<'a> {
    index: Option<&'a EvidenceIndex>,
    row: u64,
    instance: &'a str,
    answer: AnswerFacts<'a>,
}

/// What the answer about a message says for all groups.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnswerFacts<'a> {
    /// Since when consumers could receive the message, if that is known.
    pub available_at: Option<Timestamp>,
    /// Why it is unknown; may be empty.
    pub unavailable: &'a str,
    /// Why the answer may lack groups that subscribe to the topic.
    pub unlisted: Option<&'a str>,
}

impl AnswerFacts<'_> {
    /// Returns whether the source records deliveries and has the message.
    const fn is_of_recorded_message(&self) -> bool {
        self.available_at.is_some() || !self.unavailable.is_empty()
    }
}

/// The verdict about one group and one message, with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupFinding<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// What `passed` rests on; `None` for other verdicts, except for inferred ones.
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

impl GroupFinding<'_> {
    /// Returns whether `passed` rests on nothing but an offset, or on the lag.
    #[must_use]
    pub fn is_by_offset(&self) -> bool {
        let is_examined = match self.note {
            EvidenceNote::Inferred { examined, .. } => examined == Some(true),
            _ => false,
        };
        let is_weak = matches!(
            self.evidence,
            Some(Evidence::Offset | Evidence::Lag | Evidence::Inferred)
        );
        self.verdict == Verdict::Passed && is_weak && !is_examined
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
    /// The track type; empty if the group is absent.
    pub(super) word: &'t str,
    /// The verdict by the offset.
    pub(super) verdict: Verdict,
    pub(super) mark: &'t str,
    pub(super) deliveries: Option<&'t Deliveries>,
    /// The row whose answer the track type was inferred from.
    pub(super) inferred_from: Option<NonZeroU64>,
}

impl<'t> TrackFacts<'t> {
    /// Returns a group that the answer does not name.
    pub(super) const fn absent(group: &'t str) -> Self {
        Self {
            group,
            word: "",
            verdict: Verdict::Absent,
            mark: "",
            deliveries: None,
            inferred_from: None,
        }
    }
}

impl<'a> RowEvidence<'a> {
    /// Adds what the answer about the message says for all groups.
    #[must_use]
    pub const fn with_answer(self, answer: AnswerFacts<'a>) -> Self {
        Self { answer, ..self }
    }

    /// Returns why the answer may lack groups that subscribe to the topic.
    pub(super) const fn unlisted(&self) -> Option<&'a str> {
        self.answer.unlisted
    }

    /// Judges a group by everything that is known.
    pub(super) fn find(
        &self,
        track: TrackFacts<'a>,
        subject: &MessageContext<'_>,
    ) -> GroupFinding<'a> {
        let finding = self.find_in_answer(track, subject);
        let Some(row) = track.inferred_from else {
            return finding;
        };
        let examined = finding
            .evidence
            .map(|evidence| evidence != Evidence::Offset);
        GroupFinding {
            evidence: Some(Evidence::Inferred),
            note: match (finding.note, finding.verdict) {
                // Why dead letters were not examined is said of the group.
                (_, Verdict::Passed) | (EvidenceNote::Nothing, _) => {
                    EvidenceNote::Inferred { row, examined }
                }
                (note, _) => note,
            },
            ..finding
        }
    }

    /// Judges a group as if its track were an answer about this message.
    fn find_in_answer(
        &self,
        track: TrackFacts<'a>,
        subject: &MessageContext<'_>,
    ) -> GroupFinding<'a> {
        if let Some(deliveries) = track.deliveries {
            return self.judge_deliveries(track.group, deliveries, track.word);
        }
        if track.word == TrackType::NO_RECORD.as_str() {
            return self.judge_by_lag(track.group, subject.topic, track.mark);
        }
        let finding = self.judge(track, subject.earliest_copy());
        let is = |word: TrackType| track.word == word.as_str();
        let note = match self.answer.unlisted {
            Some(why) if finding.verdict == Verdict::Absent => EvidenceNote::Unlisted(why),
            _ if is(TrackType::UNCONFIRMED) => EvidenceNote::Unconfirmed,
            _ if is(TrackType::CONSUME_BROADCASTING) && self.answer.is_of_recorded_message() => {
                EvidenceNote::Broadcasting
            }
            _ if is(TrackType::UNKNOWN) && self.answer.is_of_recorded_message() => {
                EvidenceNote::ModelUnknown
            }
            _ => return finding,
        };
        GroupFinding {
            verdict: Verdict::Undetermined,
            note,
            ..finding
        }
    }

    /// Returns the lags of a group on a topic, as they were read.
    fn lags(&self, group: &str, topic: &str) -> impl Iterator<Item = &'a GroupLag> {
        let lags = self.index.into_iter();
        let instance = self.instance;
        lags.flat_map(move |index| index.lags(instance, group, topic))
    }

    /// Returns how a group retries.
    fn policy(&self, group: &str) -> Option<&'a RetryPolicy> {
        self.index?.policy(self.instance, group)
    }

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
