//! What it costs to make answers safe. `cargo test --lib -- --ignored --nocapture what_syncing_costs`

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::{header, settled};
use crate::results::journal::GATHER;
use crate::results::{Durability, ResultsWriter};

const ANSWERS: u64 = 500;

#[test]
#[ignore = "a measurement, of whatever disk the folder for temporary files is on"]
#[expect(clippy::print_stdout, reason = "it prints its figures")]
fn what_syncing_costs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let line = [b'x'; 400];
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let mut longest_sync = Duration::ZERO;
    let mut each = |sync: bool| {
        let began = Instant::now();
        for _ in 0..ANSWERS {
            file.write_all(&line).unwrap();
            if sync {
                let began = Instant::now();
                file.sync_data().unwrap();
                longest_sync = longest_sync.max(began.elapsed());
            }
        }
        began.elapsed()
    };
    let (written, synced) = (each(false), each(true));
    let target = folder.path().join("r.ndjson");
    let mut recorder = ResultsWriter::create(&target, &header(), Durability::EverySecond).unwrap();
    let (mut began, mut longest) = (Duration::ZERO, Duration::ZERO);
    for (row, outcome) in (1..=ANSWERS).map(settled) {
        let start = Instant::now();
        recorder.push(&row, outcome.as_ref()).unwrap();
        recorder.flush().unwrap();
        began += start.elapsed();
        longest = longest.max(start.elapsed());
        std::thread::sleep(Duration::from_millis(4)); // so that syncs fall between the writes
    }
    recorder.abandon().unwrap();
    let micros = |time: Duration| time.as_micros() / u128::from(ANSWERS);
    println!("an answer written              {:>7} µs", micros(written));
    println!("an answer written and synced   {:>7} µs", micros(synced));
    println!(
        "an answer in the journal       {:>7} µs, at most {} µs",
        micros(began),
        longest.as_micros()
    );
    let unsafe_for = GATHER + longest_sync;
    let answers = |rate: f64| (unsafe_for.as_secs_f64() * rate).ceil();
    println!(
        "the longest sync             {:>9} µs",
        longest_sync.as_micros()
    );
    println!(
        "a power cut costs what came in the last {} ms: {} answers at 8/s, {} at 100/s",
        unsafe_for.as_millis(),
        answers(8.0),
        answers(100.0)
    );
}
