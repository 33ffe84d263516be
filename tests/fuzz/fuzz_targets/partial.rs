//! What a run leaves that died: whatever stands in the file, it is left alone, or gone on with to a results file that is whole,
//! has every row once, and keeps every answer.
//!
//! The bytes stand behind the header of the run, or are the whole file if they begin with `!`.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::input::{Entry, KeptCells, Row};
use ons_audit::message::Query;
use ons_audit::results::{
    Block, Durability, EarlierAccess, EarlierRun, Header, Outcome, ResultsError, ResultsFile,
    ResultsWriter, partial_path,
};
use ons_audit::source::Trace;

const HEADER: &str = r#"{"schema":"ons-audit/1","run_id":"r","tool":"t","source":"s","inputs":[{"path":"in.csv","sha256":"ab","rows":6}],"started_at":"2026-11-22T12:00:00Z"}"#;

/// A place of this process's own: a recorder opens, renames and removes its files by their names.
static TARGET: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/target/partial");
    fs::create_dir_all(folder).expect("a folder for what is built");
    format!("{folder}/{}.ndjson", std::process::id()).into()
});

fuzz_target!(|bytes: &[u8]| {
    let wanted: Header = serde_json::from_str(HEADER).expect("a header");
    let content = match bytes.strip_prefix(b"!") {
        Some(whole) => whole.to_vec(),
        None => [HEADER.as_bytes(), b"\n", bytes].concat(),
    };
    let partial = partial_path(&TARGET);
    fs::write(&partial, &content).expect("a file");
    match EarlierRun::beside(&TARGET, &wanted, EarlierAccess::Continue) {
        Ok(EarlierRun::Unfinished(unfinished)) => {
            assert_eq!(unfinished.done().len(), unfinished.totals().rows);
            let kept = fs::read(&partial).expect("it is there");
            assert!(content.starts_with(&kept) && (kept.is_empty() || kept.ends_with(b"\n")));
            let resumed = ResultsWriter::resume(&TARGET, *unfinished, Durability::Relaxed);
            let (mut recorder, done) = resumed.expect("it can be gone on with");
            for row in (1..=6).filter(|&row| !done.contains(row)) {
                let (row, outcome) = answered(row);
                recorder.push(&row, Some(&outcome)).expect("there is room");
            }
            match recorder.finish(Timestamp::UNIX_EPOCH) {
                Ok(totals) => assert!(totals.tie() && totals.rows == 6),
                Err(error) => panic!("{error}"),
            }
            check_record(&kept);
            fs::remove_file(&*TARGET).expect("it is there");
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => {
            check_error(&error);
            let left = fs::read(&partial).expect("it is there");
            assert!(left == content, "what is none of ours is left alone");
        }
    }
    let _ = fs::remove_file(partial);
});

fn answered(row: u64) -> (Row, Outcome) {
    let query = Query {
        instance_id: None,
        topic: "t".into(),
        msg_id: "AC10323E00002A9F0000000000983278".into(),
        position: None,
        born_after: None,
        send_result: None,
    };
    let kept = KeptCells {
        columns: Vec::new().into(),
        json: None,
    };
    let answer = Ok(Trace::new(Vec::new()));
    let outcome = Outcome {
        attempts: 1,
        ..Outcome::new(answer, Timestamp::UNIX_EPOCH)
    };
    let entry = Entry::Query(query);
    (Row { row, kept, entry }, outcome)
}

/// Every row once, in order, under a seal that holds; none of the lines is a new one where an old one settled the row.
fn check_record(kept: &[u8]) {
    let results_file = ResultsFile::open(&TARGET).expect("a whole results file");
    let (mut blocks, mut rows) = (results_file.blocks(true), 0);
    while let Some(block) = blocks.next_block().expect("the seal holds") {
        for (row, text) in block.lines() {
            rows += 1;
            assert_eq!(row, rows);
            let line = Block::parse(row, text).expect("a line of this row");
            let is_old = memmem(kept, text.as_bytes());
            assert!(is_old || line.observed_at.starts_with("1970-01-01T00:00:00"));
        }
    }
    assert_eq!(rows, 6);
}

fn memmem(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn check_error(error: &ResultsError) {
    assert!(!error.to_string().is_empty() && error.hint().is_some());
}
