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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::evidence::RetryPolicy;
    use crate::verdict::{AnswerFacts, EvidenceIndex, EvidenceLine};

    /// Returns the time `second` seconds after noon.
    fn at(second: i64) -> Timestamp {
        let noon: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_secs(second)
    }

    #[test]
    fn words_are_read_by_their_whole_parts() {
        use DeliveryStatus::{Failed, InProcess, Succeeded, Unclear};
        for (word, status) in [
            ("SUCCESS", Succeeded),
            ("success", Succeeded),
            ("OK", Succeeded),
            ("CONSUME_SUCCESS", Succeeded),
            ("SUCCESS_OK", Succeeded),
            ("FAIL", Failed),
            ("Consume_Failed", Failed),
            ("CONSUME_FAILURE", Failed),
            ("CONSUMING", InProcess),
            ("MSG_PROCESSING", InProcess),
            ("PENDING", InProcess),
            ("NOT_CONSUMING", Unclear),
            ("CONSUME_NOT_OK", Unclear),
            ("SUCCESS_FAILED", Unclear),
            ("SUCCESS_PENDING", Unclear),
            ("TOKEN", Unclear),
            ("PRODUCING", Unclear),
            ("UNSUCCESSFUL", Unclear),
            ("FAILOVER", Unclear),
            ("NOTHING_SUCCESS", Succeeded),
            ("CONSUME-SUCCESS", Unclear),
            ("UNKNOWN", Unclear),
            ("", Unclear),
            ("_", Unclear),
        ] {
            assert_eq!(DeliveryStatus::of(word), status, "{word}");
        }
    }

    /// Parses `STATUS@second`; a record without `@` has no time.
    fn record(text: &str) -> DeliveryRecord {
        let (word, time) = match text.split_once('@') {
            Some((word, second)) => (word, Some(at(second.parse().unwrap()))),
            None => (text, None),
        };
        DeliveryRecord {
            status: word.replace('-', "").into(),
            at: time,
            host: Some("10.0.0.1".into()),
        }
    }

    fn policy(
        max_retries: u32,
        dead_letter_topic: Option<&str>,
        unknown: Option<&str>,
    ) -> EvidenceLine {
        EvidenceLine::Policy(RetryPolicy {
            group: "g".into(),
            instance_id: None,
            max_retries,
            dead_letter_topic: dead_letter_topic.map(Into::into),
            unknown: unknown.map(Into::into),
        })
    }

    /// The policy is `N` retries without a dead-letter topic, `N+` with one, `denied`, or `-` if it was not read.
    fn index(policy_word: &str) -> EvidenceIndex {
        let mut index = EvidenceIndex::default();
        match policy_word {
            "-" => {}
            "denied" => index.add(policy(0, None, Some("no permission"))),
            text => {
                let retries = text.trim_end_matches('+').parse().unwrap();
                index.add(policy(retries, text.ends_with('+').then_some("dead"), None));
            }
        }
        index
    }

    /// Dead letters are `dead@second`, with `:topic` if the answer names one.
    const TABLE: &str = "
        group     records                          dead          policy  verdict        attempts at  note
        SUCCESS   SUCCESS@10                       -             -       passed         1        10  -
        -         CONSUME_OK@10                    -             -       passed         1        10  -
        FAILED    FAIL@10,SUCCESS@20               -             -       passed         2        20  decided
        FAILED    SUCCESS@20,FAIL@10               -             -       passed         2        20  decided
        SUCCESS   SUCCESS@10,FAIL@20               -             16      retrying       2        20  decided
        SUCCESS   SUCCESS@10,FAIL@10               -             16      retrying       2        10  decided
        SUCCESS   SUCCESS@10,CONSUMING@20          -             -       passed         1        10  -
        SUCCESS   SUCCESS@10,ODD@20                -             -       passed         1        10  -
        SUCCESS   SUCCESS@10,FAIL@20,CONSUMING@30  -             -       open           3        30  decided
        -         FAIL@10,CONSUMING@20             -             -       open           2        20  -
        -         CONSUMING@10                     -             -       open           1        10  -
        -         FAIL@10,ODD@20                   -             16      undetermined   2        20  the
        -         FAIL@10,NOT_OK@20                -             16      undetermined   2        20  the
        -         ODD@10,FAIL@20                   -             16      retrying       2        20  -
        -         FAIL@10,FAIL@20                  -             2       retrying       2        20  -
        -         FAIL@10,FAIL@20,FAIL@30          -             2       failed         3        30  -
        -         FAIL@10                          -             0       failed         1        10  -
        -         FAIL@10                          -             denied  undetermined   1        10  a
        -         FAIL@10                          -             -       undetermined   1        10  a
        -         SUCCESS,FAIL                     -             16      retrying       2        -   -
        -         FAIL,SUCCESS                     -             16      passed         2        -   -
        -         FAIL@30,SUCCESS                  -             16      passed         2        -   -
        SUCCESS   -                                -             -       passed         0        -   -
        FAILED    -                                -             16      retrying       0        -   -
        FAILED    -                                -             0       failed         0        -   -
        CONSUMING -                                -             -       open           0        -   -
        ODD       -                                -             -       undetermined   0        -   the
        -         -                                -             -       undetermined   0        -   the
        SUCCESS   -@10                             -             -       passed         1        10  -
        FAILED    -@10                             -             0       failed         1        10  -
        FAILED    FAIL@10,-@20                     -             0       undetermined   2        20  the
        FAILED    FAIL@10                          dead@10       16+     dead_lettered  1        10  kept
        FAILED    FAIL@10                          dead@10       16      dead_lettered  1        10  not
        FAILED    FAIL@10                          dead@10:dlq   16      dead_lettered  1        10  kept
        FAILED    FAIL@10                          dead@10       denied  dead_lettered  1        10  whether
        FAILED    FAIL@10                          dead@10       -       dead_lettered  1        10  whether
        FAILED    FAIL@10                          dead          16+     dead_lettered  1        -   kept
        SUCCESS   FAIL@10,SUCCESS@16               dead@10       16+     passed         2        16  dead-lettered
        SUCCESS   FAIL@10,SUCCESS@15               dead@10       16+     dead_lettered  2        10  kept
        SUCCESS   FAIL@10,SUCCESS@99               dead          16+     dead_lettered  2        -   kept
        SUCCESS   -                                dead@10       16+     dead_lettered  0        10  kept
    ";

    #[test]
    fn the_newest_proof_decides() {
        for row in TABLE.trim().lines().skip(1) {
            let mut cells = row.split_whitespace();
            let [word, records, dead, policy, verdict, attempts, time, note] =
                std::array::from_fn(|_| cells.next().unwrap());
            let records = records.split(',').filter(|text| *text != "-");
            let dead_letter = dead.strip_prefix("dead").map(|rest| {
                let (time, topic) = rest.split_once(':').unwrap_or((rest, ""));
                let time = time
                    .strip_prefix('@')
                    .map(|second| at(second.parse().unwrap()));
                DeadLetter {
                    at: time,
                    topic: (!topic.is_empty()).then(|| topic.into()),
                }
            });
            let deliveries = Deliveries {
                dead_letter,
                records: records.map(record).collect(),
                broadcasting: false,
            };
            let index = index(policy);
            let word = word.trim_matches('-');
            let found = index.of_row(7, "").judge_deliveries("g", &deliveries, word);
            assert_eq!(found.verdict.as_str(), verdict, "{row}");
            assert_eq!(found.evidence.is_some(), verdict == "passed", "{row}");
            assert_eq!(found.attempts.to_string(), attempts, "{row}");
            let expected = time.parse().ok().map(at);
            assert_eq!(found.at, expected, "{row}");
            let said = found.note.to_string();
            let said = said
                .split([' ', ':'])
                .next()
                .filter(|word| !word.is_empty());
            assert_eq!(said.unwrap_or("-"), note, "{row}");
        }
    }

    /// Parses `second:ready:inflight`, or `second:denied`.
    fn lag(text: &str) -> EvidenceLine {
        let mut parts = text.split(':');
        let second = parts.next().unwrap().parse().unwrap();
        let mut number = || parts.next().and_then(|text| text.parse().ok());
        let (ready, inflight) = (number(), number());
        EvidenceLine::Lag(GroupLag {
            group: "g".into(),
            instance_id: None,
            topic: "orders".into(),
            at: at(second),
            ready: ready.unwrap_or_default(),
            inflight: inflight.unwrap_or_default(),
            unknown: ready.is_none().then(|| "no permission".into()),
        })
    }

    fn available_since(available_at: Option<Timestamp>) -> AnswerFacts<'static> {
        AnswerFacts {
            available_at,
            unavailable: "it is a LITE message",
            unlisted: None,
        }
    }

    const LAGS: &str = "
        lags                 available  mark                 passed  note
        300:0:0              0          -                    300     -
        300:0:0              0          offline              300     -
        300:0:0              0          filter_unknown       -       no record, and whether the filter of the group accepts
        300:0:0              0          offline_tag_unknown  -       no record; the group filters by tags
        299:0:0              0          -                    -       no record, and the lag was read less than 5 minutes
        300:0:0              -          -                    -       no record, and when consumers could receive the message is unknown: it is a LITE message
        300:1:0              0          -                    -       no record, and the group's lag on the topic is 1 message
        300:0:2              0          -                    -       no record, and the group's lag on the topic is 2 messages
        300:denied           0          -                    -       no record, and the lag is unknown: no permission
        -                    0          -                    -       no record, and the lag is unknown: it was not read
        900:5:0,300:0:0      0          -                    300     -
        299:0:0,900:5:0      0          -                    -       no record, and the group's lag on the topic is 5 messages
    ";

    #[test]
    fn without_a_record_only_a_lag_of_zero_proves_something() {
        for row in LAGS.trim().lines().skip(1) {
            let mut cells = row.split_whitespace();
            let [lags, available, mark, passed_at] = std::array::from_fn(|_| cells.next().unwrap());
            let note = cells.collect::<Vec<_>>().join(" ");
            let mut index = EvidenceIndex::default();
            for text in lags.split(',').filter(|text| *text != "-") {
                index.add(lag(text));
            }
            let available = available.parse().ok().map(at);
            let evidence = index.of_row(7, "").with_answer(available_since(available));
            let mark = mark.trim_matches('-').replacen("offline_", "offline ", 1);
            let found = evidence.judge_by_lag("g", "orders", &mark);
            let passed_at = passed_at.parse().ok().map(at);
            let expected = match passed_at {
                Some(_) => (Verdict::Passed, Some(Evidence::Lag)),
                None => (Verdict::Undetermined, None),
            };
            assert_eq!((found.verdict, found.evidence), expected, "{row}");
            assert_eq!(found.at, passed_at, "{row}");
            let said = found.note.to_string();
            let note = note.trim_matches('-');
            assert!(
                said.starts_with(note) && said.is_empty() == note.is_empty(),
                "{row}: {said}"
            );
        }
    }

    #[test]
    fn a_lag_is_that_of_one_group_on_one_topic() {
        let mut index = EvidenceIndex::default();
        index.add(lag("300:0:0"));
        for (instance, group, topic) in [
            ("rmq-1", "g", "orders"),
            ("", "h", "orders"),
            ("", "g", "bills"),
        ] {
            let evidence = index
                .of_row(7, instance)
                .with_answer(available_since(Some(at(0))));
            let found = evidence.judge_by_lag(group, topic, "");
            assert_eq!(
                found.verdict,
                Verdict::Undetermined,
                "{instance} {group} {topic}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_order_of_records_with_times_is_irrelevant(
            mut records in proptest::collection::vec((0..5_usize, 0..4_i64), 0..6),
            dead in proptest::option::of(0..20_i64),
        ) {
            const WORDS: [&str; 5] = ["SUCCESS", "FAILED", "CONSUMING", "ODD", ""];
            let made = |records: &[(usize, i64)]| Deliveries {
                dead_letter: dead.map(|second| DeadLetter { at: Some(at(second)), topic: None }),
                records: records.iter().map(|(word, second)| DeliveryRecord {
                    status: WORDS[*word].into(),
                    at: Some(at(*second * 3)),
                    host: None,
                }).collect(),
                broadcasting: false,
            };
            let index = index("3");
            let forwards = made(&records);
            records.reverse();
            let backwards = made(&records);
            let [one, other] = [&forwards, &backwards].map(|deliveries| index.of_row(7, "").judge_deliveries("g", deliveries, "SUCCESS"));
            prop_assert_eq!((one.verdict, one.at, one.attempts), (other.verdict, other.at, other.attempts));
            prop_assert_eq!(one.evidence.is_some(), one.verdict == Verdict::Passed);
            let has_success = records.is_empty() || records.iter().any(|(word, _)| *word == 0);
            let has_words = records.iter().any(|(word, _)| *word < 4);
            prop_assert!(one.verdict != Verdict::Passed || has_success || !has_words);
            prop_assert!(one.verdict != Verdict::Absent && one.verdict != Verdict::Filtered);
        }
    }
}
