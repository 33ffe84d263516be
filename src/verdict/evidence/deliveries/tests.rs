//! Records and lags by table.

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
