//! Judges by what a service says about deliveries, and by the lag of groups for which it has no record
//! (`docs/facts/ons5.md` §A.4).

use jiff::{SignedDuration, Timestamp};

use super::{CLOCKS_DIFFER, Evidence, EvidenceNote, GroupFinding, RowEvidence};
use crate::evidence::{DeadLetter, Deliveries, DeliveryRecord, GroupLag};
use crate::verdict::Verdict;

/// A lag says nothing about messages that were stored so shortly before it was read: the service counts with a delay.
const LAG_IS_LATE: SignedDuration = SignedDuration::from_mins(5);

/// The finding where nothing is known about deliveries to the group.
const UNDETERMINED: GroupFinding<'static> = GroupFinding {
    verdict: Verdict::Undetermined,
    evidence: None,
    attempts: 0,
    at: None,
    host: "",
    note: EvidenceNote::Nothing,
};

/// Why nothing follows from the retry policy of a group.
const POLICY_NOT_READ: &str = "the retry policy of the group was not read";

/// What a status word of a delivery says. The words are not documented, so only words whose parts are known mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryStatus {
    /// The client has acknowledged the message.
    Succeeded,
    /// The client has not answered yet.
    InProcess,
    /// The word is not understood.
    Unclear,
    /// The client has reported a failure.
    Failed,
}

impl DeliveryStatus {
    /// Returns what a word says, by its whole parts between underscores, whatever their case: `CONSUME_SUCCESS`. A word with
    /// the part `NOT`, with parts of two kinds or with none of these parts is unclear.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let word = word.to_uppercase();
        let mut found = None;
        for part in word.split('_') {
            let kind = match part {
                "SUCCESS" | "OK" => Self::Succeeded,
                "FAIL" | "FAILED" | "FAILURE" => Self::Failed,
                "CONSUMING" | "PROCESSING" | "PENDING" => Self::InProcess,
                "NOT" => return Self::Unclear,
                _ => continue,
            };
            if found.is_some_and(|found| found != kind) {
                return Self::Unclear;
            }
            found = Some(kind);
        }
        found.unwrap_or(Self::Unclear)
    }
}

/// The deliveries of a message to one group, the newest last.
struct DeliveryHistory<'a> {
    records: Vec<&'a DeliveryRecord>,
    /// The status word of the group.
    word: &'a str,
}

impl<'a> DeliveryHistory<'a> {
    /// Puts the records in the order of their times; of records of the same second the graver one is last. If any has no
    /// time, the order of the answer stays.
    fn of(deliveries: &'a Deliveries, word: &'a str) -> Self {
        let mut records: Vec<_> = deliveries.records.iter().collect();
        if records.iter().all(|record| record.at.is_some()) {
            records.sort_by_key(|record| (record.at, DeliveryStatus::of(&record.status)));
        }
        Self { records, word }
    }

    /// Returns the place of the newest record with a status.
    fn newest(&self, status: DeliveryStatus) -> Option<usize> {
        let is_it = |record: &&DeliveryRecord| DeliveryStatus::of(&record.status) == status;
        self.records.iter().rposition(is_it)
    }

    /// Returns the word that decides if the message was not acknowledged: that of the newest record, or that of the group if
    /// no record has a word.
    fn last_word(&self) -> &'a str {
        let says_something = |record: &&DeliveryRecord| !record.status.is_empty();
        match self.records.last() {
            Some(newest) if self.records.iter().any(says_something) => &newest.status,
            _ => self.word,
        }
    }

    /// Adds to a finding without a note the word of the record that decides, if that of the group says something else.
    fn with_word(&self, finding: GroupFinding<'a>, deciding: Option<usize>) -> GroupFinding<'a> {
        let word = deciding.map_or("", |nth| &*self.records[nth].status);
        let says_the_same = DeliveryStatus::of(word) == DeliveryStatus::of(self.word);
        let is_said = !word.is_empty() && !self.word.is_empty();
        if !is_said || says_the_same || !finding.note.is_nothing() {
            return finding;
        }
        GroupFinding {
            note: EvidenceNote::DecidedBy(word),
            ..finding
        }
    }

    /// Returns the finding with the deliveries up to this place. `nth` is the place of the deciding record.
    fn finding(&self, nth: Option<usize>, verdict: Verdict) -> GroupFinding<'a> {
        let nth = nth.or_else(|| self.records.len().checked_sub(1));
        let record = nth.map(|nth| self.records[nth]);
        let attempts = nth.map_or(0, |nth| nth + 1);
        GroupFinding {
            verdict,
            evidence: (verdict == Verdict::Passed).then_some(Evidence::Trace),
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            at: record.and_then(|record| record.at),
            host: record
                .and_then(|record| record.host.as_deref())
                .unwrap_or_default(),
            note: EvidenceNote::Nothing,
        }
    }
}

impl<'a> RowEvidence<'a> {
    /// Judges a group by the deliveries that the service has recorded. `word` is the status word of the group. The first rule
    /// that holds:
    ///
    /// | deliveries | verdict |
    /// |---|---|
    /// | every client receives the message for itself | `undetermined` |
    /// | a success more than five seconds after the dead letter | `passed`, by the trace |
    /// | a dead letter | `dead_lettered` |
    /// | a success, and no later failure | `passed`, by the trace |
    /// | the newest failed | `retrying`, or `failed` if no retry is left |
    /// | the newest is in process | `open` |
    /// | any other | `undetermined` |
    ///
    /// If no record has a status word, that of the group decides in the place of the newest.
    #[must_use]
    pub fn judge_deliveries(
        &self,
        group: &str,
        deliveries: &'a Deliveries,
        word: &'a str,
    ) -> GroupFinding<'a> {
        let history = DeliveryHistory::of(deliveries, word);
        if deliveries.broadcasting {
            return GroupFinding {
                note: EvidenceNote::Broadcasting,
                ..UNDETERMINED
            };
        }
        let succeeded = history.newest(DeliveryStatus::Succeeded);
        if let Some(dead) = &deliveries.dead_letter {
            return self.judge_dead_letter(group, dead, (&history, succeeded));
        }
        if succeeded.is_some() && succeeded > history.newest(DeliveryStatus::Failed) {
            let passed = history.finding(succeeded, Verdict::Passed);
            return history.with_word(passed, succeeded);
        }
        let last = history.last_word();
        let found = match DeliveryStatus::of(last) {
            DeliveryStatus::Succeeded => history.finding(None, Verdict::Passed),
            DeliveryStatus::InProcess => history.finding(None, Verdict::Open),
            DeliveryStatus::Failed => self.after_failure(group, &history),
            DeliveryStatus::Unclear => GroupFinding {
                note: EvidenceNote::UnclearStatus(last),
                ..history.finding(None, Verdict::Undetermined)
            },
        };
        history.with_word(found, history.records.len().checked_sub(1))
    }

    fn judge_dead_letter(
        &self,
        group: &str,
        dead: &'a DeadLetter,
        (history, succeeded): (&DeliveryHistory<'a>, Option<usize>),
    ) -> GroupFinding<'a> {
        let success = history.finding(succeeded, Verdict::Passed);
        if let (Some(_), Some(success_at), Some(dead_at)) = (succeeded, success.at, dead.at)
            && success_at.duration_since(dead_at) > CLOCKS_DIFFER
        {
            return GroupFinding {
                note: EvidenceNote::SucceededAfter(dead_at),
                ..success
            };
        }
        let note = match (&dead.topic, self.policy(group)) {
            (Some(topic), _) => EvidenceNote::KeptIn(topic),
            (None, None) => EvidenceNote::KeptUnknown(POLICY_NOT_READ),
            (None, Some(policy)) => match (&policy.unknown, &policy.dead_letter_topic) {
                (Some(why), _) => EvidenceNote::KeptUnknown(why),
                (None, Some(topic)) => EvidenceNote::KeptIn(topic),
                (None, None) => EvidenceNote::NotKept,
            },
        };
        GroupFinding {
            at: dead.at,
            host: "",
            note,
            ..history.finding(None, Verdict::DeadLettered)
        }
    }

    /// Judges a group whose newest delivery failed.
    fn after_failure(&self, group: &str, history: &DeliveryHistory<'a>) -> GroupFinding<'a> {
        let unknown = |why| GroupFinding {
            note: EvidenceNote::RetryUnknown(why),
            ..history.finding(None, Verdict::Undetermined)
        };
        let Some(policy) = self.policy(group) else {
            return unknown(POLICY_NOT_READ);
        };
        if let Some(why) = &policy.unknown {
            return unknown(why);
        }
        let failed = history.finding(None, Verdict::Failed);
        // A failure without a record is one of a delivery, too.
        if failed.attempts.max(1) > policy.max_retries {
            failed
        } else {
            history.finding(None, Verdict::Retrying)
        }
    }

    /// Judges a group of whose deliveries there is no record. That proves nothing: clients of the Remoting protocol are not
    /// recorded completely. If the group had no lag on the topic five minutes after the message could be received, it has
    /// passed the message. Everything else is undetermined.
    pub(super) fn judge_by_lag(&self, group: &str, topic: &str, mark: &str) -> GroupFinding<'a> {
        let mut finding = UNDETERMINED;
        let has_mark = |known| mark.split(' ').any(|word| word == known);
        let lags = || self.lags(group, topic);
        let newest = lags().max_by_key(|lag| lag.at);
        let (newest, available) = match (newest, self.answer.available_at) {
            _ if has_mark("filter_unknown") => {
                finding.note = EvidenceNote::FilterUnknown;
                return finding;
            }
            _ if has_mark("tag_unknown") => {
                finding.note = EvidenceNote::TagUnknown;
                return finding;
            }
            (_, None) => {
                finding.note = EvidenceNote::AvailableUnknown(self.answer.unavailable);
                return finding;
            }
            (None, Some(_)) => {
                finding.note = EvidenceNote::LagUnknown("it was not read");
                return finding;
            }
            (Some(newest), Some(available)) => (newest, available),
        };
        let proofs = lags().filter(|lag| proves(lag, available));
        if let Some(at) = proofs.map(|lag| lag.at).min() {
            finding.verdict = Verdict::Passed;
            finding.evidence = Some(Evidence::Lag);
            finding.at = Some(at);
            return finding;
        }
        finding.note = match &newest.unknown {
            Some(why) => EvidenceNote::LagUnknown(why),
            None if newest.is_zero() => EvidenceNote::LagTooEarly,
            None => EvidenceNote::Backlog(newest.ready.saturating_add(newest.inflight)),
        };
        finding
    }
}

/// Returns whether the group had passed all messages that consumers could receive at this time.
fn proves(lag: &GroupLag, available: Timestamp) -> bool {
    lag.is_zero() && lag.at.duration_since(available) >= LAG_IS_LATE
}

#[cfg(test)]
mod tests;
