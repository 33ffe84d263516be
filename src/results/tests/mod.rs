//! Writing and reading back, and every way in which a file can be less than whole.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;

mod every_byte;
mod resume;

use super::*;
use crate::input::{Entry, KeptCells, Reject, Row};
use crate::message::Query;
use crate::offsets::{Rules, TrackType};
use crate::source::{Failure, FailureKind, Trace, Track};
use crate::verdict::{AnswerView, Expectations, Totals};

fn header() -> Header {
    Header {
        schema: SCHEMA.to_owned(),
        run_id: "r1".to_owned(),
        tool: "ons-audit 0".to_owned(),
        source: "test".to_owned(),
        inputs: Vec::new(),
        started_at: "2026-11-22T12:00:00.000Z".to_owned(),
        as_of: None,
        rules: Rules::default(),
        brokers: BTreeSet::new(),

        unasked_brokers: std::collections::BTreeMap::new(),
        expectations: Expectations::default(),
        producer_zone: "+08:00".to_owned(),
        born_column: None,
        rate: None,
        options: std::collections::BTreeMap::new(),
    }
}

/// Row 3 repeats row 1, every 5th is bad, every 7th is not found, every 11th got no answer.
fn settled(row: u64) -> (Row, Option<Outcome>) {
    let columns: std::sync::Arc<[Box<str>]> = vec!["order".into()].into();
    let kept = KeptCells {
        columns,
        json: Some(format!(r#"{{"order":"Ä-{row}\""}}"#).into()),
    };
    if row == 3 {
        return (
            Row {
                row,
                kept,
                entry: Entry::Duplicate { of: 1 },
            },
            None,
        );
    }
    if row.is_multiple_of(5) {
        return (
            Row {
                row,
                kept,
                entry: Entry::Rejected(Box::new(damaged(row + 1))),
            },
            None,
        );
    }
    let msg_id = format!("{row:032X}").into();
    let query = Query {
        instance_id: None,
        topic: "or\"ders".into(),
        msg_id,
        position: None,
        born_after: None,
        send_result: None,
    };
    let outcome = Outcome {
        attempts: 1,
        ..Outcome::new(answer(row), Timestamp::UNIX_EPOCH)
    };
    (
        Row {
            row,
            kept,
            entry: Entry::Query(query),
        },
        Some(outcome),
    )
}

fn damaged(line: u64) -> Reject {
    Reject {
        file: "in.csv".into(),
        line,
        column: "msg_id".into(),
        found: "1.23E+15".to_owned(),
        reason: "damaged".to_owned(),
        msg_id: Some("1.23E+15".to_owned()),
        topic: None,
    }
}

fn answer(row: u64) -> Result<Trace, Failure> {
    let track = |group: &str, word: &str| Track::new(group, TrackType::from(word));
    if row.is_multiple_of(7) {
        Err(Failure::new(
            FailureKind::NotFound,
            Some("BIZ_NO_MESSAGE".to_owned()),
            "gone",
        ))
    } else if row.is_multiple_of(11) {
        Err(Failure::new(FailureKind::Transport, None, "reset\nby peer"))
    } else {
        let tracks = vec![
            track("GID_b", "NOT_CONSUME_YET"),
            track("GID_a", "CONSUMED"),
        ];
        Ok(Trace {
            request_id: Some("R".to_owned()),
            born_at: "2026-11-22T11:59:58.500Z".parse().ok(),
            ..Trace::new(tracks)
        })
    }
}

fn write(target: &Path, rows: impl IntoIterator<Item = u64>) -> Totals {
    let mut recorder = ResultsWriter::create(target, &header(), Durability::EverySecond).unwrap();
    for (row, outcome) in rows.into_iter().map(settled) {
        recorder.push(&row, outcome.as_ref()).unwrap();
    }
    recorder.finish(Timestamp::UNIX_EPOCH).unwrap()
}

/// All rows of a results file, read with the seal checked.
fn rows_of(results_file: &ResultsFile) -> Result<Vec<u64>, ReadError> {
    let (mut blocks, mut rows) = (results_file.blocks(true), Vec::new());
    while let Some(block) = blocks.next_block()? {
        for (row, text) in block.lines() {
            rows.push(
                Block::parse(row, text)
                    .map_err(|error| results_file.bad_line(row, error))?
                    .row,
            );
        }
    }
    Ok(rows)
}

/// Reads whatever is there, as reports do.
fn read_all(path: &Path) -> Result<(), ReadError> {
    let results_file = ResultsFile::open(path)?;
    let mut blocks = results_file.blocks(true);
    while let Some(block) = blocks.next_block()? {
        for (row, text) in block.lines() {
            let line =
                Block::parse(row, text).map_err(|error| results_file.bad_line(row, error))?;
            assert_eq!(
                (line.row, line.answer().is_none()),
                (row, line.same_as.is_some())
            );
            assert!(
                line.extra
                    .0
                    .iter()
                    .all(|(_, value)| !value.get().is_empty())
            );
            if let Some(of) = line.same_as {
                results_file
                    .line_of(of)
                    .map_err(|error| results_file.failed(error))?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_the_reader_panic_and_no_changed_ones_pass(
        at: prop::sample::Index, length in 0..40_usize, new in ".{0,3}|[0-9]{1,20}|\n{1,3}|[\"{}\\[\\],:]{1,3}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        write(&path, 1..=11);
        let old = fs::read(&path).unwrap();
        let from = at.index(old.len());
        let to = (from + length).min(old.len());
        let changed = [&old[..from], new.as_bytes(), &old[to..]].concat();
        let trailer = old[..old.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap();
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, &changed).unwrap();
        let read = read_all(&path);
        prop_assert!(changed == old || from > trailer || read.is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn answers_in_any_order_become_the_same_record(order in Just((1..=120_u64).collect::<Vec<_>>()).prop_shuffle()) {
        let folder = tempfile::tempdir().unwrap();
        let (shuffled, straight) = (folder.path().join("a.ndjson"), folder.path().join("b.ndjson"));
        let totals = write(&shuffled, order);
        prop_assert!(totals.tie(), "{:?}", totals);
        prop_assert_eq!(totals, write(&straight, 1..=120));
        prop_assert_eq!(fs::read(&shuffled).unwrap(), fs::read(&straight).unwrap());
        prop_assert_eq!(rows_of(&ResultsFile::open(&shuffled).unwrap()).unwrap(), (1..=120).collect::<Vec<_>>());
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no partial file is left");
    }
}

/// So much that it is put in order while it grows.
fn large(row: u64) -> (Row, Option<Outcome>) {
    let (mut row, outcome) = settled(row);
    row.kept.json = Some(format!(r#"{{"order":"{}"}}"#, "x".repeat(100_000)).into());
    (row, outcome)
}

#[test]
fn a_large_results_file_is_in_order_and_leaves_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut recorder = ResultsWriter::create(&path, &header(), Durability::EverySecond).unwrap();
    for (row, outcome) in (1..=120).rev().map(large) {
        recorder.push(&row, outcome.as_ref()).unwrap();
    }
    recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
    let results_file = ResultsFile::open(&path).unwrap();
    assert_eq!(
        rows_of(&results_file).unwrap(),
        (1..=120).collect::<Vec<_>>(),
        "in order, and the seal holds"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_large_abandoned_file_leaves_only_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut recorder = ResultsWriter::create(&path, &header(), Durability::EverySecond).unwrap();
    for (row, outcome) in (2..=120).map(large) {
        recorder.push(&row, outcome.as_ref()).unwrap();
    }
    recorder.abandon().unwrap();
    let names = fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = names.map(|found| found.unwrap().file_name()).collect();
    assert_eq!(names, ["r.ndjson.partial"]);
}

#[test]
fn a_line_says_all_that_is_known_of_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    write(&path, 1..=11);
    let results_file = ResultsFile::open(&path).unwrap();
    assert_eq!(results_file.trailer().columns, ["order"]);
    assert_eq!(
        results_file.trailer().groups.iter().collect::<Vec<_>>(),
        ["GID_a", "GID_b"]
    );
    rows_of(&results_file).unwrap();
    let line = |row: u64| results_file.line_of(row).unwrap();
    assert_eq!(
        line(1),
        "{\"row\":1,\"msg_id\":\"00000000000000000000000000000001\",\"topic\":\"or\\\"ders\",\
         \"tracks\":[{\"group\":\"GID_a\",\"track_type\":\"CONSUMED\"},{\"group\":\"GID_b\",\"track_type\":\"NOT_CONSUME_YET\"}],\
         \"born_at\":\"2026-11-22T11:59:58.500Z\",\"observed_at\":\"1970-01-01T00:00:00.000Z\",\"attempts\":1,\"request_id\":\"R\",\"extra\":{\"order\":\"Ä-1\\\"\"}}\n"
    );
    assert_eq!(
        line(3),
        "{\"row\":3,\"same_as\":1,\"extra\":{\"order\":\"Ä-3\\\"\"}}\n"
    );
    assert!(line(5).contains(r#""msg_id":"1.23E+15","rejected":{"file":"in.csv","line":6,"column":"msg_id","found":"1.23E+15","reason":"damaged"}"#));
    assert!(
        line(7)
            .contains(r#""error":{"kind":"not_found","code":"BIZ_NO_MESSAGE","message":"gone"}"#)
    );
    assert!(line(11).contains(r#""error":{"kind":"transport","message":"reset\nby peer"}"#));
    let text = results_file.line_of(11).unwrap();
    assert!(matches!(
        Block::parse(11, &text).unwrap().answer(),
        Some(AnswerView::Unanswered)
    ));
}

#[test]
fn a_changed_byte_breaks_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    write(&path, 1..=20);
    let whole = fs::read(&path).unwrap();
    for needle in ["GID_b\",\"track_type\":\"NOT", "\"source\":\"test"] {
        let at = whole
            .windows(needle.len())
            .position(|window| window == needle.as_bytes())
            .unwrap();
        let mut changed = whole.clone();
        changed[at + needle.len() - 1] ^= 1;
        let other = folder.path().join("changed.ndjson");
        fs::copy(&path, &other).unwrap();
        std::io::Write::write_all(
            &mut fs::OpenOptions::new().write(true).open(&other).unwrap(),
            &changed,
        )
        .unwrap();
        let error = rows_of(&ResultsFile::open(&other).unwrap()).unwrap_err();
        assert!(matches!(error, ReadError::Seal { .. }), "{error}");
    }
}

#[test]
fn a_truncated_file_is_not_a_results_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    write(&path, 1..=6);
    let length = fs::metadata(&path).unwrap().len();
    for cut in (0..length).rev() {
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let opened = ResultsFile::open(&path);
        assert!(
            matches!(
                opened,
                Err(ReadError::Unfinished { .. } | ReadError::Header { .. })
            ),
            "cut at {cut}: {opened:?}"
        );
    }
}

#[test]
fn a_row_that_no_line_has_is_not_looked_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    write(&path, 1..=6);
    let results_file = ResultsFile::open(&path).unwrap();
    rows_of(&results_file).unwrap();
    for row in [7, 8, u64::MAX] {
        assert!(results_file.line_of(row).is_err(), "{row}");
    }
}

#[test]
fn an_unfinished_or_locked_file_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut recorder = ResultsWriter::create(&path, &header(), Durability::EverySecond).unwrap();
    assert!(matches!(
        ResultsWriter::create(&path, &header(), Durability::Relaxed),
        Err(ResultsError::Busy { .. })
    ));
    let (row, outcome) = settled(1);
    recorder.push(&row, outcome.as_ref()).unwrap();
    assert_eq!(recorder.abandon().unwrap().answered, 1);
    let partial = partial_path(&path);
    assert!(
        fs::read_to_string(&partial).unwrap().ends_with("}\n"),
        "what was answered is there"
    );
    assert_eq!(
        fs::metadata(&partial).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(matches!(
        ResultsWriter::create(&path, &header(), Durability::Relaxed),
        Err(ResultsError::Unfinished { .. })
    ));
    assert!(
        !path.exists(),
        "a file with the final name and no trailer does not exist"
    );
}

#[test]
fn an_earlier_results_file_is_kept_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("night.results.ndjson");
    write(&path, 1..=2);
    write(&path, 1..=4);
    assert_eq!(ResultsFile::open(&path).unwrap().trailer().totals.rows, 4);
    let kept = folder
        .path()
        .join("night.results.1970-01-01T000000.000Z.ndjson");
    assert_eq!(ResultsFile::open(&kept).unwrap().trailer().totals.rows, 2);
    // All of them end in the same millisecond here.
    write(&path, 1..=6);
    assert_eq!(ResultsFile::open(&kept).unwrap().trailer().totals.rows, 2);
    let next = folder
        .path()
        .join("night.results.1970-01-01T000000.000Z.2.ndjson");
    assert_eq!(ResultsFile::open(&next).unwrap().trailer().totals.rows, 4);
}

#[test]
fn a_file_that_is_not_a_results_file_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    for (text, part) in [
        ("", "no JSON in the first line"),
        ("row,msg_id\n1,AA\n", "no JSON"),
        ("{\"a\":1}\n", "no `schema`"),
        ("{\"schema\":\"ons-audit/3\"}\n", "schema `ons-audit/3`"),
        ("{\"schema\":\"ons-audit/1\"}\n", "missing field `run_id`"),
    ] {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let error = ResultsFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{text:?}: {error}");
    }
}
