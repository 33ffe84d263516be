//! What it costs to make answers safe. `cargo test --lib -- --ignored --nocapture what_syncing_costs`

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::{header, settled};
use crate::record::{Durability, Recorder};

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
    let mut each = |sync: bool| {
        let began = Instant::now();
        for _ in 0..ANSWERS {
            file.write_all(&line).unwrap();
            if sync {
                file.sync_data().unwrap();
            }
        }
        began.elapsed()
    };
    let (written, synced) = (each(false), each(true));
    let target = folder.path().join("r.ndjson");
    let mut recorder = Recorder::create(&target, &header(), Durability::EverySecond).unwrap();
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
    println!(
        "a power cut costs what the last 500 ms brought, and the time of a sync: at 8/s some 4 answers"
    );
}
