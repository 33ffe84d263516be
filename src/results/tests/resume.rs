//! A run that ends anywhere is gone on with, and its results file is the one that it would have become.

use std::fs;
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{header, settled};
use crate::exit::{Advice as _, Status};
use crate::input::Survey;
use crate::results::*;
use crate::verdict::MessageVerdict;

pub(super) const ROWS: u64 = 200;

pub(super) fn wanted() -> Header {
    let input = Survey {
        path: "in.csv".to_owned(),
        sha256: "ab".to_owned(),
        rows: ROWS,
    };
    Header {
        inputs: vec![input],
        ..header()
    }
}

/// What a run leaves that ended after these rows.
fn partial(folder: &Path, rows: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let target = folder.join("left.ndjson");
    let mut recorder = ResultsWriter::create(&target, &wanted(), Durability::Relaxed).unwrap();
    push(&mut recorder, rows);
    recorder.abandon().unwrap();
    let path = partial_path(&target);
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}

fn push(recorder: &mut ResultsWriter, rows: impl IntoIterator<Item = u64>) {
    for (row, outcome) in rows.into_iter().map(settled) {
        recorder.push(&row, outcome.as_ref()).unwrap();
    }
}

pub(super) fn put(path: &Path, bytes: &[u8]) {
    let mut file = crate::file::create_private(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// The results file of an uninterrupted run.
fn straight(folder: &Path) -> Vec<u8> {
    let target = folder.join("straight.ndjson");
    let mut recorder = ResultsWriter::create(&target, &wanted(), Durability::Relaxed).unwrap();
    push(&mut recorder, 1..=ROWS);
    recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
    fs::read(target).unwrap()
}

pub(super) fn found(target: &Path) -> Unfinished {
    match EarlierRun::beside(target, &wanted(), EarlierAccess::Continue).unwrap() {
        EarlierRun::Unfinished(unfinished) => *unfinished,
        other => panic!("{other:?}"),
    }
}

/// Goes on to the end with what lies there; gives the results file and how many rows that took.
fn go_on(target: &Path, durability: Durability) -> (Vec<u8>, u64) {
    let (mut recorder, done) = ResultsWriter::resume(target, found(target), durability).unwrap();
    push(&mut recorder, (1..=ROWS).filter(|&row| !done.contains(row)));
    let totals = recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
    assert!(totals.tie() && totals.rows == ROWS, "{totals:?}");
    let results_file = fs::read(target).unwrap();
    fs::remove_file(target).unwrap();
    (results_file, ROWS - done.len())
}

/// Rows fall behind each other as answers do.
pub(super) fn as_answers_come() -> impl Iterator<Item = u64> {
    (0..ROWS).map(|nth| nth / 8 * 8 + (nth * 5 + 3) % 8 + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Interrupted again and again, with whatever a power cut leaves behind the last line.
    #[test]
    fn any_number_of_interruptions_loses_nothing(
        order in Just((1..=ROWS).collect::<Vec<_>>()).prop_shuffle(),
        stops in prop::collection::vec((0..60_usize, prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>().prop_filter("a line end", |b| *b != b'\n'), 1..300), Just(vec![0; 4096])]), 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r.ndjson");
        drop(ResultsWriter::create(&target, &wanted(), Durability::Relaxed).unwrap().abandon());
        let (mut settled_before, mut known) = (0, 0);
        for (rows, garbage) in stops {
            let (mut recorder, done) = ResultsWriter::resume(&target, found(&target), Durability::EverySecond).unwrap();
            prop_assert!(done.len() >= settled_before);
            prop_assert_eq!(recorder.totals().rows, done.len());
            let next: Vec<_> = order.iter().copied().filter(|&row| !done.contains(row)).take(rows).collect();
            push(&mut recorder, next);
            recorder.abandon().unwrap();
            settled_before = done.len();
            known += rows;
            fs::OpenOptions::new().append(true).open(partial_path(&target)).unwrap().write_all(&garbage).unwrap();
        }
        prop_assert!(known >= usize::try_from(settled_before).unwrap());
        let (results_file, _) = go_on(&target, Durability::EverySecond);
        prop_assert!(results_file == straight(folder.path()));
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
    }
}

#[test]
fn a_row_that_stands_twice_counts_as_it_stands_first() {
    let folder = tempfile::tempdir().unwrap();
    let left = partial(folder.path(), as_answers_come());
    let header = left.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let again = String::from_utf8(left[header..].to_vec()).unwrap();
    let doubled = [&left, again.replace("GID_a", "GID_x").as_bytes()].concat();
    let target = folder.path().join("r.ndjson");
    put(&partial_path(&target), &doubled);
    let (results_file, _) = go_on(&target, Durability::Relaxed);
    assert!(results_file == straight(folder.path()));
}

#[test]
fn damage_in_the_middle_costs_only_its_own_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, mut left) = (
        straight(folder.path()),
        partial(folder.path(), as_answers_come()),
    );
    let middle = left.len() / 2;
    left[middle..middle + 512].fill(0);
    let target = folder.path().join("r.ndjson");
    put(&partial_path(&target), &left);
    let (results_file, asked) = go_on(&target, Durability::Relaxed);
    assert!(results_file == whole);
    assert!(asked < 40, "{asked} rows were asked again");
}

#[test]
fn a_complete_file_with_unanswered_messages_is_resumed_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let whole = straight(folder.path());
    let target = folder.path().join("straight.ndjson");
    let (mut recorder, done) =
        ResultsWriter::resume(&target, found(&target), Durability::Relaxed).unwrap();
    let again: Vec<_> = (1..=ROWS).filter(|&row| !done.contains(row)).collect();
    assert!(
        !again.is_empty() && again.iter().all(|row| row % 11 == 0),
        "{again:?}"
    );
    push(&mut recorder, again);
    recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
    assert!(fs::read(&target).unwrap() == whole);
    let kept = folder.path().join("straight.1970-01-01T000000.000Z.ndjson");
    assert!(fs::read(kept).unwrap() == whole);
}

#[test]
fn answers_of_another_run_are_not_mixed_in() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("r.ndjson");
    put(&partial_path(&target), &partial(folder.path(), 1..=3));
    let mut other = wanted();
    "elsewhere".clone_into(&mut other.source);
    "cd".clone_into(&mut other.inputs[0].sha256);
    other
        .options
        .insert("--topic".to_owned(), "orders".to_owned());
    other.expectations.accept_filtered = true;
    let before = fs::read(partial_path(&target)).unwrap();
    let error = EarlierRun::beside(&target, &other, EarlierAccess::Continue).unwrap_err();
    let says = error.to_string();
    for part in [
        "the source was `test`, now `elsewhere`",
        "the SHA-256 of input in.csv was `ab`, now `cd`",
        "--topic was not given, now `orders`",
        "other groups are expected (--expect, --expect-file, --accept)",
    ] {
        assert!(says.contains(part), "{says}");
    }
    assert!(
        fs::read(partial_path(&target)).unwrap() == before,
        "and it is left alone"
    );
    // A file that is none of ours is left alone, too.
    fs::remove_file(partial_path(&target)).unwrap();
    for foreign in [
        "row,msg_id\n1,AA\n",
        "no line end",
        "{\"schema\":\"ons-audit/2\"}\n",
    ] {
        put(&partial_path(&target), foreign.as_bytes());
        assert!(matches!(
            EarlierRun::beside(&target, &wanted(), EarlierAccess::Continue),
            Err(ResultsError::Foreign(_))
        ));
        assert!(fs::read(partial_path(&target)).unwrap() == foreign.as_bytes());
        fs::remove_file(partial_path(&target)).unwrap();
    }
}

#[test]
fn a_resumed_run_knows_the_verdicts_of_its_settled_messages() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("left.ndjson");
    put(&partial_path(&target), &partial(folder.path(), 1..=20));
    let found = found(&target);
    let settled = found.totals();
    let judged: u64 = found.verdicts().iter().sum();
    assert!(judged > 0 && settled.answered > 0);
    assert_eq!(judged, settled.answered + settled.not_found);
    assert_eq!(
        found.verdicts()[MessageVerdict::NotFound as usize],
        settled.not_found
    );
}

#[test]
fn a_complete_file_of_another_run_is_not_asked_anew() {
    let folder = tempfile::tempdir().unwrap();
    let whole = straight(folder.path());
    let target = folder.path().join("straight.ndjson");
    let mut other = wanted();
    other.expectations.accept_filtered = true;
    let asks_report = |wanted: &Header| {
        let error = EarlierRun::beside(&target, wanted, EarlierAccess::Continue).unwrap_err();
        assert!(matches!(error, ResultsError::Differs { .. }), "{error}");
        assert_eq!(error.status(), Status::Refused);
        error.hint().unwrap().contains("ons-audit report")
    };
    assert!(asks_report(&other), "its answers serve as well");
    "cd".clone_into(&mut other.inputs[0].sha256);
    assert!(!asks_report(&other), "it has no answers about these");
    assert!(fs::read(&target).unwrap() == whole);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_changed_complete_file_is_not_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let whole = String::from_utf8(straight(folder.path())).unwrap();
    let target = folder.path().join("straight.ndjson");
    fs::remove_file(&target).unwrap();
    put(
        &target,
        whole.replacen("CONSUMED", "UNKNOWN_", 1).as_bytes(),
    );
    let error = EarlierRun::beside(&target, &wanted(), EarlierAccess::Continue).unwrap_err();
    assert!(
        matches!(&error, ResultsError::Foreign(ReadError::Seal { .. })),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("don't rely on this file"));
    assert!(!partial_path(&target).exists(), "nothing goes on from it");
}

#[test]
fn a_partial_file_that_names_rows_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("r.ndjson");
    let left = String::from_utf8(partial(folder.path(), 1..=3)).unwrap();
    let endless = format!("\"rows\":{}", u64::MAX);
    let edited = left.replacen("\"rows\":200", &endless, 1)
        + "{\"row\":9000000000000000000,\"same_as\":1}\n";
    assert!(edited.contains(&endless));
    put(&partial_path(&target), edited.as_bytes());
    let error = EarlierRun::beside(&target, &wanted(), EarlierAccess::Continue).unwrap_err();
    let says = "the number of rows in input in.csv was `18446744073709551615`, now `200`";
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn restart_throws_away_but_not_under_a_running_run() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("r.ndjson");
    put(&partial_path(&target), &partial(folder.path(), 1..=150));
    let mut recorder = ResultsWriter::restart(&target, &wanted(), Durability::EverySecond).unwrap();
    for second in [
        ResultsWriter::restart(&target, &wanted(), Durability::Relaxed).unwrap_err(),
        EarlierRun::beside(&target, &wanted(), EarlierAccess::Continue).unwrap_err(),
    ] {
        assert!(matches!(second, ResultsError::Busy { .. }), "{second}");
    }
    push(&mut recorder, 1..=ROWS);
    recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
    assert!(fs::read(&target).unwrap() == straight(folder.path()));
}
