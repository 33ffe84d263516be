//! The rules by table.

use super::*;
use crate::offsets::TrackType;
use crate::verdict::AnswerFacts;

fn verdict_of(tracks: &[(&str, &str)], expect: &[&str], accept_filtered: bool) -> MessageVerdict {
    let mut expectations = Expectations::default();
    expectations.accept_filtered = accept_filtered;
    for value in expect {
        expectations.add(value).unwrap();
    }
    let tracks: Vec<_> = tracks
        .iter()
        .map(|&(group, word)| TrackView::new(group, word))
        .collect();
    judge(
        AnswerView::Tracks(&tracks),
        &MessageContext::of_topic("orders"),
        &expectations,
        RowEvidence::default(),
    )
    .verdict
}

#[test]
fn every_track_type_has_its_verdict() {
    let expected = [
        ("CONSUMED", Verdict::Passed),
        ("CONSUMED_BUT_FILTERED", Verdict::Filtered),
        ("NOT_CONSUME_YET", Verdict::Open),
        ("NOT_ONLINE", Verdict::Undetermined),
        ("PULL", Verdict::Undetermined),
        ("CONSUME_BROADCASTING", Verdict::Undetermined),
        ("UNKNOWN", Verdict::Undetermined),
    ];
    assert_eq!(
        expected.map(|(word, _)| word),
        TrackType::KNOWN.each_ref().map(TrackType::as_str)
    );
    for (word, verdict) in expected {
        assert_eq!(Verdict::of(word), verdict, "{word}");
    }
    for unknown in ["", "consumed", "SubscribedAndConsumed", "CONSUMED "] {
        assert_eq!(
            Verdict::of(unknown),
            Verdict::Undetermined,
            "{unknown:?} is no pass"
        );
    }
}

#[test]
fn the_first_rule_that_holds_decides() {
    use MessageVerdict::{Break, Reconciled, Undetermined, Unsubscribed};
    let (passed, filtered, open, offline) = (
        ("a", "CONSUMED"),
        ("b", "CONSUMED_BUT_FILTERED"),
        ("c", "NOT_CONSUME_YET"),
        ("d", "NOT_ONLINE"),
    );
    for (tracks, expect, accept_filtered, verdict) in [
        // Without expectations, the groups of the answer are expected, and filtered is accepted.
        (vec![], vec![], false, Unsubscribed),
        (vec![passed], vec![], false, Reconciled),
        (vec![passed, filtered], vec![], false, Reconciled),
        (vec![passed, offline], vec![], false, Undetermined),
        (vec![open, offline], vec![], false, Break),
        // With expectations, only the expected groups count.
        (vec![passed, open, offline], vec!["a"], false, Reconciled),
        (vec![passed, open], vec!["orders=c"], false, Break),
        (vec![passed, offline], vec!["a,d"], false, Undetermined),
        (vec![open, offline], vec!["c,d"], false, Break),
        // Where expectations exist, filtered counts as a break unless it is accepted.
        (vec![passed, filtered], vec!["a,b"], false, Break),
        (vec![passed, filtered], vec!["a,b"], true, Reconciled),
        // A group that no answer names is a finding, and an empty answer is no pass.
        (vec![passed], vec!["a,never_started"], false, Break),
        (vec![], vec!["a"], false, Break),
        (vec![], vec!["payments=a"], false, Unsubscribed),
    ] {
        assert_eq!(
            verdict_of(&tracks, &expect, accept_filtered),
            verdict,
            "{tracks:?} {expect:?}"
        );
    }
}

#[test]
fn errors_and_bad_rows_are_verdicts_of_their_own() {
    let nothing = Expectations::default();
    for (answer, verdict) in [
        (AnswerView::Rejected, MessageVerdict::Rejected),
        (AnswerView::Unanswered, MessageVerdict::Unanswered),
        (AnswerView::NotFound, MessageVerdict::NotFound),
    ] {
        assert_eq!(
            judge(
                answer,
                &MessageContext::of_topic("orders"),
                &nothing,
                RowEvidence::default()
            ),
            without_groups(verdict)
        );
    }
}

#[test]
fn absent_groups_are_sorted_among_the_others() {
    let mut expectations = Expectations::default();
    expectations.add("b,d").unwrap();
    let tracks = ["a", "c", "d"].map(|group| TrackView::new(group, "CONSUMED"));
    let judged = judge(
        AnswerView::Tracks(&tracks),
        &MessageContext::of_topic("orders"),
        &expectations,
        RowEvidence::default(),
    );
    let seen: Vec<_> = judged
        .groups
        .iter()
        .map(|seen| (seen.group, seen.verdict(), seen.expectation()))
        .collect();
    assert_eq!(
        seen,
        [
            ("a", Verdict::Passed, "unexpected"),
            ("b", Verdict::Absent, "yes"),
            ("c", Verdict::Passed, "unexpected"),
            ("d", Verdict::Passed, "yes")
        ]
    );
}

#[test]
fn a_message_outside_all_conditions_is_no_break() {
    let expectations: Expectations = serde_json::from_str(
        r#"{"topics":{"orders":[{"group":"a","tags":["paid"]},{"group":"never","valid_to":"2026-11-20T00:00:00Z"}]}}"#,
    )
    .unwrap();
    let open = |group: &'static str| TrackView::new(group, "NOT_CONSUME_YET");
    let tracks = ["a", "b"].map(open);
    let judged_as = |tracks: &[TrackView<'_>], tag: Option<&'static str>, born: &str| {
        let subject = MessageContext {
            topic: "orders",
            tag: tag.map(Cow::Borrowed),
            born: born.parse().ok(),
            is_born_decoded: false,
        };
        let judged = judge(
            AnswerView::Tracks(tracks),
            &subject,
            &expectations,
            RowEvidence::default(),
        );
        let words: Vec<_> = judged
            .groups
            .iter()
            .map(|seen| format!("{} {}", seen.group, seen.expectation()))
            .collect();
        let flags = (judged.assumed, judged.nothing_expected);
        (judged.verdict, words.join(", "), flags)
    };
    let (after, before) = ("2026-11-22T00:00:00Z", "2026-11-19T00:00:00Z");
    let nothing = "a no, b unexpected".to_owned();
    assert_eq!(
        judged_as(&tracks, Some("other"), after),
        (MessageVerdict::Reconciled, nothing, (false, true))
    );
    assert_eq!(
        judged_as(&[], Some("other"), after),
        (MessageVerdict::Unsubscribed, String::new(), (false, false))
    );
    assert_eq!(
        judged_as(&tracks, Some("other"), before),
        (
            MessageVerdict::Break,
            "a no, b unexpected, never yes".to_owned(),
            (false, false)
        )
    );
    assert_eq!(
        judged_as(&tracks, None, after),
        (
            MessageVerdict::Break,
            "a yes, b unexpected".to_owned(),
            (true, false)
        )
    );
}

#[test]
fn an_answer_that_may_lack_groups_calls_none_absent() {
    let tracks = [TrackView::new("a", "CONSUMED")];
    let mut expects_b = Expectations::default();
    expects_b.add("orders=b").unwrap();
    let mut expects_a = Expectations::default();
    expects_a.add("orders=a").unwrap();
    let nothing = Expectations::default();
    for (tracks, expectations, unlisted, verdict) in [
        (&tracks[..], &expects_b, None, MessageVerdict::Break),
        (
            &tracks[..],
            &expects_b,
            Some("denied"),
            MessageVerdict::Undetermined,
        ),
        (
            &tracks[..],
            &expects_a,
            Some("denied"),
            MessageVerdict::Reconciled,
        ),
        (&tracks[..], &nothing, None, MessageVerdict::Reconciled),
        (
            &tracks[..],
            &nothing,
            Some("denied"),
            MessageVerdict::Undetermined,
        ),
        (&[], &nothing, None, MessageVerdict::Unsubscribed),
        (&[], &nothing, Some("denied"), MessageVerdict::Undetermined),
    ] {
        let judged = judge(
            AnswerView::Tracks(tracks),
            &MessageContext::of_topic("orders"),
            expectations,
            RowEvidence::default().with_answer(AnswerFacts {
                unlisted,
                ..AnswerFacts::default()
            }),
        );
        assert_eq!(judged.verdict, verdict, "{tracks:?} {unlisted:?}");
        assert_eq!(judged.unlisted, unlisted);
        for seen in &judged.groups {
            let is_b = seen.group == "b";
            let expected = match (is_b, unlisted) {
                (false, _) => Verdict::Passed,
                (true, None) => Verdict::Absent,
                (true, Some(_)) => Verdict::Undetermined,
            };
            assert_eq!(seen.verdict(), expected);
            let note = seen.finding.note.to_string();
            let may_lack = expectations == &nothing;
            let is_said = (is_b || may_lack) && unlisted.is_some();
            assert_eq!(note.contains("denied"), is_said, "{note}");
        }
    }
}

#[test]
fn words_of_our_own_are_judged() {
    for (word, verdict) in [
        ("FILTERED_BY_TAG", Verdict::Filtered),
        ("UNCONFIRMED", Verdict::Undetermined),
        ("NO_RECORD", Verdict::Undetermined),
    ] {
        assert_eq!(Verdict::of(word), verdict, "{word}");
        let tracks = [TrackView::new("a", word)];
        let nothing = Expectations::default();
        let judged = judge(
            AnswerView::Tracks(&tracks),
            &MessageContext::of_topic("orders"),
            &nothing,
            RowEvidence::default(),
        );
        assert_eq!(judged.groups[0].verdict(), verdict, "{word}");
    }
}
