//! The journal of 200 outcomes, cut at every byte: each cut resumes to the results file of the uninterrupted run.
//!
//! At every byte the file is really opened, locked, read and cut. What that leaves (the bytes of the file, and what its
//! lines add up to) is all that the rest of a resumed run goes by, and must be what a file of whole lines leaves; from
//! each of those the run goes on to its end. So every cut is followed to the end in seconds, without optimisation.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;

use super::resume::{ROWS, as_answers_come, found, put, wanted};
use super::settled;
use crate::input::{Entry, Row};
use crate::results::{Durability, Outcome, ResultsWriter, RowSet, Unfinished, partial_path};
use crate::verdict::Totals;

/// Every kind of line, each as short as it can be: all are read again for each byte.
fn brief(row: u64) -> (Row, Option<Outcome>) {
    let (mut row, mut outcome) = settled(row);
    row.kept.json = None;
    match &mut row.entry {
        Entry::Query(query) => {
            query.msg_id = format!("{:X}", row.row).into();
            if !row.row.is_multiple_of(13) {
                query.topic = "t".into(); // without the quote that serde has to read
            }
        }
        Entry::Rejected(reject) => {
            reject.reason = "bad".to_owned();
            reject.msg_id = None;
        }
        Entry::Duplicate { .. } => {}
    }
    if let Some(Ok(trace)) = outcome.as_mut().map(|outcome| &mut outcome.answer) {
        trace.request_id = None;
        trace.tracks.retain(|track| &*track.group == "GID_a");
    }
    (row, outcome)
}

/// A folder where syncing costs nothing, if there is one.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn push(recorder: &mut ResultsWriter, rows: impl Iterator<Item = u64>) {
    for (row, outcome) in rows.map(brief) {
        recorder.push(&row, outcome.as_ref()).unwrap();
    }
}

/// What a run leaves that dies before it has put its answers in order, and what it would have become.
fn journal_and_record() -> (Vec<u8>, Vec<u8>) {
    let folder = folder();
    let target = folder.path().join("r.ndjson");
    let begin = || ResultsWriter::create(&target, &wanted(), Durability::Relaxed).unwrap();
    let mut dies = begin();
    push(&mut dies, as_answers_come());
    dies.abandon().unwrap();
    let partial = partial_path(&target);
    let journal = fs::read(&partial).unwrap();
    fs::remove_file(partial).unwrap();
    let mut ends = begin();
    push(&mut ends, 1..=ROWS);
    ends.finish(Timestamp::UNIX_EPOCH).unwrap();
    (journal, fs::read(target).unwrap())
}

/// All that the rest of a resumed run depends on.
#[derive(Debug, PartialEq)]
struct State {
    file: Vec<u8>,
    header_bytes: u64,
    earlier: (u64, u64),
    done: RowSet,
    totals: Totals,
    groups: Vec<String>,
    columns: Vec<String>,
}

impl State {
    fn of(unfinished: &Unfinished, partial: &Path) -> Self {
        let Unfinished { begun, lines, .. } = unfinished;
        Self {
            file: fs::read(partial).unwrap(),
            header_bytes: begun.header_bytes,
            earlier: (begun.earlier.bytes, begun.earlier.rows),
            done: lines.done.clone(),
            totals: lines.contents.totals,
            groups: lines.contents.groups().into_iter().collect(),
            columns: lines.contents.columns.names(),
        }
    }
}

/// A folder in which one cut after the other is gone on with.
struct Bench<'a> {
    target: PathBuf,
    partial: PathBuf,
    journal: &'a [u8],
    results_file: &'a [u8],
}

impl Bench<'_> {
    fn recovered(&self, cut: usize) -> State {
        put(&self.partial, &self.journal[..cut]);
        let state = State::of(&found(&self.target), &self.partial);
        fs::remove_file(&self.partial).unwrap();
        state
    }

    /// Asks what is missing, to the end.
    fn goes_on(&self, cut: usize) {
        put(&self.partial, &self.journal[..cut]);
        let (mut recorder, done) =
            ResultsWriter::resume(&self.target, found(&self.target), Durability::Relaxed).unwrap();
        let missing: Vec<_> = (1..=ROWS).filter(|&row| !done.contains(row)).collect();
        let answered = |line: &&[u8]| !line.windows(9).any(|word| word == b"transport");
        let lines = self.journal[..cut].split_inclusive(|&byte| byte == b'\n');
        let known = lines.skip(1).filter(answered).count();
        assert_eq!(missing.len() + known, 200, "asked again after {cut} bytes");
        push(&mut recorder, missing.into_iter());
        let totals = recorder.finish(Timestamp::UNIX_EPOCH).unwrap();
        assert!(totals.tie() && totals.rows == ROWS, "{totals:?}");
        assert!(
            fs::read(&self.target).unwrap() == self.results_file,
            "after {cut} bytes"
        );
        assert!(!self.partial.exists());
        fs::remove_file(&self.target).unwrap();
    }

    /// Everything from the end of one line to the end of the next.
    fn line(&self, from: usize, to: usize) {
        let whole = self.recovered(from);
        assert!(whole.file == self.journal[..from]);
        for torn in from + 1..to {
            assert!(self.recovered(torn) == whole, "cut at {torn}");
        }
        self.goes_on(from);
    }
}

#[test]
fn cut_at_every_byte_it_becomes_the_same_file() {
    let (journal, results_file) = journal_and_record();
    let ends = journal
        .iter()
        .zip(1..)
        .filter(|(byte, _)| **byte == b'\n')
        .map(|(_, end)| end);
    // Nothing, the header, and each line behind it; behind the last one nothing is torn.
    let ends: Vec<usize> = [0]
        .into_iter()
        .chain(ends)
        .chain([journal.len() + 1])
        .collect();
    assert_eq!(ends.len(), 203);
    let workers = thread::available_parallelism()
        .map_or(2, NonZero::get)
        .min(8);
    thread::scope(|scope| {
        for nth in 0..workers {
            let (journal, results_file, ends) = (&journal, &results_file, &ends);
            scope.spawn(move || {
                let folder = folder();
                let target = folder.path().join("r.ndjson");
                let bench = Bench {
                    partial: partial_path(&target),
                    target,
                    journal,
                    results_file,
                };
                for line in ends.windows(2).skip(nth).step_by(workers) {
                    bench.line(line[0], line[1]);
                }
            });
        }
    });
}
