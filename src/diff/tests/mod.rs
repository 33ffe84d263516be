//! Compares two small results files in a folder.

mod nights;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use proptest::prelude::*;

use super::change::{Change, GroupStatus};
use super::compare::compare;
use super::tally::{DiffTally, GroupChange, MessageCounts};
use super::{Differences, TerminalChanges};
use crate::results::ResultsFile;
use nights::Held::{self, NotFound, Rejected, SameAs, Tracks, Unanswered};
use nights::{Night, OPEN, PASSED, night, says, side};

const EVENING: &str = "2026-11-21T02:00:00Z";
const NEXT: &str = "2026-11-22T02:00:00Z";

/// A finding in short: change, message, group, both statuses, remark.
type Short = (
    &'static str,
    u32,
    String,
    &'static str,
    &'static str,
    &'static str,
);

struct Compared {
    findings: Vec<Short>,
    ages: Vec<(Option<Timestamp>, Option<i64>)>,
    tally: DiffTally,
    headline: String,
    warnings: String,
    notes: String,
}

fn compared(old: &Night, new: &Night) -> Compared {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    old.write(&path("old"));
    new.write(&path("new"));
    let [old, new] = ["old", "new"].map(|name| ResultsFile::open(&path(name)).unwrap());
    let (old, new) = (side(&old), side(&new));
    let (mut findings, mut ages) = (Vec::new(), Vec::new());
    let tally = compare(&old, &new, |finding| {
        findings.push((
            finding.change.as_str(),
            u32::from_str_radix(&finding.line.msg_id, 16).unwrap(),
            finding.group.to_owned(),
            finding.old.status.as_str(),
            finding.new.status.as_str(),
            finding.remark,
        ));
        ages.push((finding.first_seen, finding.age.map(|age| age.as_hours())));
    })
    .unwrap();
    let differences = Differences { old, new, tally };
    assert!(differences.tally.ties(), "{:?}", differences.tally);
    Compared {
        findings,
        ages,
        headline: differences.headline(),
        warnings: differences.warnings().join("\n"),
        notes: differences.notes().join("\n"),
        tally: differences.tally,
    }
}

fn short(
    change: &'static str,
    id: u32,
    group: &str,
    words: [&'static str; 2],
    remark: &'static str,
) -> Short {
    (change, id, group.to_owned(), words[0], words[1], remark)
}

/// Returns one message per kind of change, with rows in both orders.
fn one_of_each() -> [Night; 2] {
    let old = [
        ("orders", 1, PASSED),
        ("orders", 2, OPEN),
        ("orders", 3, OPEN),
        ("orders", 4, PASSED),
        ("orders", 5, OPEN),
        ("orders", 6, PASSED),
        ("refunds", 3, PASSED),
    ];
    let new = [
        ("orders", 9, OPEN),
        ("orders", 8, PASSED),
        ("orders", 3, OPEN),
        ("orders", 2, PASSED),
        ("orders", 1, OPEN),
        ("refunds", 3, PASSED),
    ];
    let of_a = |(topic, id, word)| (topic, id, says("a", word));
    [night(EVENING, old.map(of_a)), night(NEXT, new.map(of_a))]
}

#[test]
fn messages_are_found_in_any_row_order() {
    let [old, new] = one_of_each();
    let found = compared(&old, &new);
    assert_eq!(
        found.findings,
        [
            short("new", 9, "a", ["not_asked", "open"], ""),
            short("still_open", 3, "a", ["open", "open"], ""),
            short("resolved", 2, "a", ["open", "passed"], ""),
            short(
                "regressed",
                1,
                "a",
                ["passed", "open"],
                "likely offset reset"
            ),
            short("unconfirmed", 5, "a", ["open", "not_asked"], ""),
        ]
    );
    let messages = MessageCounts {
        both: 4,
        only_old: 3,
        only_new: 2,
        stale: 0,
    };
    assert_eq!(found.tally.messages, messages);
    assert_eq!(
        found.headline,
        "1 regressed, 1 new; 1 still open, 1 unconfirmed, 1 resolved (messages × groups)"
    );
    assert_eq!(found.warnings, "");
}

#[test]
fn only_open_faults_have_ages() {
    let [old, new] = one_of_each();
    let [evening, next] = [old.at, new.at].map(Some);
    let ages = [
        (next, None),
        (evening, Some(24)),
        (evening, None),
        (next, None),
        (evening, Some(24)),
    ];
    assert_eq!(compared(&old, &new).ages, ages);
}

#[test]
fn silence_resolves_nothing() {
    let silent = [
        ("unanswered", Unanswered),
        ("not_found", NotFound),
        ("not_named", says("b", PASSED)),
        ("not_named", Tracks(Vec::new())),
        ("undetermined", says("a", "NOT_ONLINE")),
        ("undetermined", says("a", "a word of tomorrow")),
        ("not_asked", Rejected),
    ];
    for (word, held) in silent {
        let old = night(EVENING, [("orders", 1, says("a", OPEN))]);
        let new = night(NEXT, [("orders", 1, held.clone())]);
        let found = compared(&old, &new);
        let unconfirmed = short("unconfirmed", 1, "a", ["open", word], "");
        assert_eq!(found.findings, [unconfirmed], "{held:?}");
        // In the other direction the fault is new, since OLD has no earlier answer.
        let found = compared(
            &night(EVENING, [("orders", 1, held.clone())]),
            &night(NEXT, [("orders", 1, says("a", OPEN))]),
        );
        assert_eq!(found.findings, [short("new", 1, "a", [word, "open"], "")]);
    }
    let old = night(EVENING, [("orders", 1, says("a", OPEN))]);
    let found = compared(&old, &night(NEXT, [("orders", 1, Unanswered)]));
    assert!(
        found
            .headline
            .starts_with("INCOMPLETE: NEW has no answer about 1 of 1 message. nothing regressed"),
        "{}",
        found.headline
    );
    assert!(
        found
            .notes
            .contains("0 messages of OLD and 1 of NEW have no answer"),
        "{}",
        found.notes
    );
}

#[test]
fn duplicates_count_once_and_bad_rows_never() {
    let rows = |word| {
        [
            ("orders", 1, says("a", word)),
            ("orders", 1, SameAs(1)),
            ("orders", 7, Rejected),
        ]
    };
    let found = compared(&night(EVENING, rows(PASSED)), &night(NEXT, rows(OPEN)));
    assert_eq!(found.findings.len(), 1);
    assert_eq!(found.tally.messages.both, 1);
    assert_eq!(found.tally.messages.only_old, 0);
    assert!(
        found.notes.contains("1 bad row of OLD and 1 of NEW"),
        "{}",
        found.notes
    );
}

#[test]
fn each_side_is_judged_by_its_own_expectations() {
    let rows = || {
        [
            ("orders", 1, Tracks(vec![("a", PASSED), ("b", OPEN)])),
            ("orders", 2, Tracks(vec![("a", OPEN), ("b", PASSED)])),
        ]
    };
    let found = compared(
        &night(EVENING, rows()).expecting("a"),
        &night(NEXT, rows()).expecting("b,c"),
    );
    assert_eq!(
        found.findings,
        [
            short("new", 1, "b", ["open", "open"], "newly expected"),
            short("new", 1, "c", ["not_named", "absent"], ""),
            short(
                "unconfirmed",
                2,
                "a",
                ["open", "open"],
                "no longer expected"
            ),
            short("new", 2, "c", ["not_named", "absent"], ""),
        ]
    );
    assert!(
        found.warnings.contains("the expectations differ"),
        "{}",
        found.warnings
    );
}

/// Returns what is said about messages of 5.x that a group had passed and that are open now. `by_lag` is how it had passed.
fn said_of_deliveries(open: u32, by_lag: bool) -> (String, String) {
    let rows = |word| (1..=3).map(move |id| ("orders", id, says("a", word)));
    let of_rmq = |mut night: Night| {
        night.source = "rmq://cn-hangzhou/rmq-cn-1";
        night
    };
    let now = rows(OPEN).take(open as usize);
    let [old, new] = [night(EVENING, rows(PASSED)), night(NEXT, now)].map(of_rmq);
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [("old", old), ("new", new)].map(|(name, night)| {
        let path = folder.path().join(name);
        night.write(&path);
        ResultsFile::open(&path).unwrap()
    });
    let (old, new) = (side(&old), side(&new));
    let mut remarks = BTreeSet::new();
    let mut tally = compare(&old, &new, |finding| {
        remarks.insert(finding.remark);
    })
    .unwrap();
    assert_eq!(remarks, ["being delivered"].into());
    tally.kinds = std::mem::take(&mut tally.kinds)
        .into_iter()
        .map(|(mut kind, changes)| {
            if let GroupStatus::Named { by_offset, .. } = &mut kind.old {
                *by_offset = by_lag;
            }
            (kind, changes)
        })
        .collect();
    let differences = Differences { old, new, tally };
    assert_eq!(differences.resets_text(), [""; 0]);
    let mut terminal = Vec::new();
    let summary = TerminalChanges {
        report: None,
        width: None,
    };
    summary.render(&differences, &mut terminal).unwrap();
    let terminal = String::from_utf8(terminal).unwrap();
    (differences.in_delivery_text().join("\n"), terminal)
}

#[test]
fn deliveries_are_no_offset_resets() {
    for (open, by_lag, says) in [
        (
            1,
            false,
            "a: 1 message of orders that it had passed is being delivered now",
        ),
        (
            2,
            false,
            "a: 2 messages of orders that it had passed are being delivered now",
        ),
        (
            1,
            true,
            "a: 1 message of orders that it had passed is being delivered now; it had passed by its lag only, so this may \
             be its first recorded delivery",
        ),
        (
            2,
            true,
            "a: 2 messages of orders that it had passed are being delivered now; they had passed by the group's lag only, \
             so these may be their first recorded deliveries",
        ),
    ] {
        let (said, terminal) = said_of_deliveries(open, by_lag);
        let (said, born) = said.rsplit_once("; ").unwrap();
        assert_eq!(said, says);
        assert!(born.contains("born"), "{born}");
        assert!(terminal.contains(says), "{terminal}");
        for word in ["offset", "3 days"] {
            assert!(!terminal.contains(word), "{terminal}");
        }
    }
}

#[test]
fn an_older_answer_resolves_nothing() {
    let old = night(
        NEXT,
        [
            ("orders", 1, says("a", OPEN)),
            ("orders", 2, says("a", PASSED)),
        ],
    );
    let new = night(
        EVENING,
        [
            ("orders", 1, says("a", PASSED)),
            ("orders", 2, says("a", OPEN)),
        ],
    );
    let found = compared(&old, &new);
    let remark = "NEW's answer is older than OLD's";
    assert_eq!(
        found.findings,
        [
            short("unconfirmed", 1, "a", ["open", "passed"], remark),
            short("new", 2, "a", ["passed", "open"], remark),
        ]
    );
    assert_eq!(found.tally.messages.stale, 2);
    assert!(
        found.notes.contains("they resolve nothing"),
        "{}",
        found.notes
    );
}

#[test]
fn appeared_and_gone_groups_are_found_by_topic() {
    let old = night(
        EVENING,
        [
            ("orders", 1, Tracks(vec![("a", PASSED), ("gone", PASSED)])),
            ("refunds", 2, says("gone", PASSED)),
            ("refunds", 3, says("gone", PASSED)),
            ("payments", 4, says("unasked", PASSED)),
        ],
    );
    let new = night(
        NEXT,
        [
            ("orders", 5, Tracks(vec![("a", PASSED), ("fresh", PASSED)])),
            ("refunds", 2, says("gone", PASSED)),
            ("payments", 4, Unanswered),
            ("returns", 6, says("elsewhere", PASSED)),
        ],
    );
    let found = compared(&old, &new);
    let change = |appeared, group: &str| GroupChange {
        appeared,
        group: group.to_owned(),
        topic: "orders".to_owned(),
        messages: 1,
    };
    assert_eq!(
        found.tally.groups,
        BTreeSet::from([change(true, "fresh"), change(false, "gone")]),
        "a topic without answers in one of the results files says nothing"
    );
    assert!(found.findings.is_empty());
}

#[test]
fn hard_comparisons_cause_warnings() {
    let mut new = night(NEXT, [("orders", 2, says("a", PASSED))]);
    new.source = "ons://cn-shanghai";
    let found = compared(&night(EVENING, [("orders", 1, says("a", PASSED))]), &new);
    for says in [
        "the sources differ: OLD asked ons://cn-hangzhou, NEW asked ons://cn-shanghai",
        "no message stands in both results files",
    ] {
        assert!(found.warnings.contains(says), "{}", found.warnings);
    }
    assert!(
        found.headline.starts_with("no message stands in both"),
        "{}",
        found.headline
    );
}

fn any_held() -> impl Strategy<Value = Held> {
    let word = prop::sample::select(vec![
        PASSED,
        OPEN,
        "CONSUMED_BUT_FILTERED",
        "NOT_ONLINE",
        "tomorrow",
    ]);
    let group = prop::sample::select(vec!["a", "b", "c"]);
    let tracks = prop::collection::btree_map(group, word, 0..3)
        .prop_map(|tracks: BTreeMap<_, _>| Tracks(tracks.into_iter().collect()));
    prop_oneof![6 => tracks, 1 => Just(NotFound), 1 => Just(Unanswered), 1 => Just(Rejected)]
}

fn any_night(at: &'static str) -> impl Strategy<Value = Night> {
    let message = (prop::sample::select(vec!["orders", "refunds"]), 0..12_u32);
    let expect = prop::sample::select(vec!["", "a", "orders=a,c", "b,c"]);
    let rows = prop::collection::hash_map(message, any_held(), 0..14);
    (rows, expect).prop_map(move |(rows, expect)| {
        let rows = rows
            .into_iter()
            .map(|((topic, id), held)| (topic, id, held));
        night(at, rows).expecting(expect)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_fault_is_in_exactly_one_change(old in any_night(EVENING), new in any_night(NEXT)) {
        let there = compared(&old, &new); // also checks that the totals tie
        let mut pairs = BTreeSet::new();
        for (change, id, group, _, new_word, _) in &there.findings {
            prop_assert!(*change != "resolved" || ["passed", "filtered"].contains(new_word));
            pairs.insert((id, group));
        }
        // IDs are equal in at most two topics.
        prop_assert!(pairs.len() * 2 >= there.findings.len());
        let same = compared(&old, &old);
        prop_assert!(same.findings.iter().all(|finding| finding.0 == "still_open"));
        prop_assert!(same.tally.groups.is_empty());
        // In the other direction, as far as times allow, open faults stay open.
        let open = |found: &Compared| found.tally.count(Change::StillOpen);
        prop_assert_eq!(open(&there), open(&compared(&new, &old)));
        prop_assert_eq!(there.tally.at_fault[1], compared(&new, &old).tally.at_fault[0]);
    }
}
