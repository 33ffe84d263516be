//! Proofs and examined topics by table, and what holds for any of them.

use proptest::prelude::*;

use super::*;
use crate::evidence::{ExaminedTopic, FailureReason, SCHEDULE_TOPIC};

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
        word: "",
        verdict,
        mark,
        deliveries: None,
        inferred_from: None,
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
        word: "",
        verdict: Verdict::Passed,
        mark: "",
        deliveries: None,
        inferred_from: None,
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

/// Whatever the verdict of an inferred pair is, its evidence says so; the note says whether dead letters were examined.
#[test]
fn an_inferred_pair_says_so_whatever_its_verdict() {
    let subject = MessageContext {
        born: Some(at(-10)),
        ..MessageContext::of_topic("orders")
    };
    let dead = [proof(ProofKind::DeadLettered, 3)];
    for (index, word, verdict, note, by_offset) in [
        (
            index("none", &[]),
            "CONSUMED",
            "passed",
            "inferred from row 5; dead letters were not examined",
            true,
        ),
        (
            index("all", &[]),
            "CONSUMED",
            "passed",
            "inferred from row 5; dead letters were examined, without a copy",
            false,
        ),
        (index("all", &dead), "CONSUMED", "dead_lettered", "", false),
        (
            index("all", &[]),
            "NOT_CONSUME_YET",
            "open",
            "inferred from row 5",
            false,
        ),
        (
            index("all", &[]),
            "CONSUMED_BUT_FILTERED",
            "filtered",
            "inferred from row 5",
            false,
        ),
        (
            index("all", &[]),
            "NOT_ONLINE",
            "undetermined",
            "inferred from row 5",
            false,
        ),
    ] {
        let track = TrackFacts {
            word,
            verdict: Verdict::of(word),
            inferred_from: NonZeroU64::new(5),
            ..TrackFacts::absent("g")
        };
        let found = index.of_row(7, "").find(track, &subject);
        assert_eq!(found.verdict.as_str(), verdict);
        assert_eq!(found.evidence, Some(Evidence::Inferred), "{word}");
        let said = found.note.to_string();
        assert!(note.is_empty() || said == note, "{word}: {said}");
        assert_eq!(found.is_by_offset(), by_offset, "{word}");
    }
}
