//! Rows per second of a stream, from a pipe to a pipe. The yardstick is the audit of the same rows as a file, in turns: it reads
//! them three times and writes the same lines by a results file, on several threads. A stream judges on one.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::snapshot::{write_input, write_snapshot};
use crate::yardstick::{Cost, measure, median, program};

const ROUNDS: usize = 5;
const ROWS: usize = 1_000_000;

pub(crate) fn bench() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    write_input(&folder.path().join("in.csv"), ROWS).expect("the input");
    write_snapshot(&folder.path().join("cluster.json"), ROWS).expect("the snapshot");
    let (mut ratios, mut rates, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    for round in 1..=ROUNDS {
        let [unordered, ordered] =
            ["--stream", "--stream=ordered"].map(|flag| stream(folder.path(), flag));
        let of_file = audit(folder.path());
        println!("round {round}: stream {unordered}, ordered {ordered}, file {of_file}");
        ratios.push(unordered.wall.as_secs_f64() / of_file.wall.as_secs_f64());
        rates.push(ROWS as f64 / unordered.wall.as_secs_f64());
        peak = peak.max(unordered.peak_mib).max(ordered.peak_mib);
    }
    println!(
        "median {:.0} rows/s, median ratio to a file {:.2} (at most 3), peak {peak:.0} MiB (at most 120)",
        median(rates),
        median(ratios)
    );
}

fn stream(folder: &Path, flag: &str) -> Cost {
    let input = File::open(folder.join("in.csv")).expect("the input");
    let mut command = command(folder);
    measure(command.args(["-", flag]).stdin(input))
}

fn audit(folder: &Path) -> Cost {
    for old in ["out.results.ndjson", "out.ndjson"] {
        let _ = fs::remove_file(folder.join(old));
    }
    measure(command(folder).args(["in.csv", "-o", "out.ndjson"]))
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder);
    command.args([
        "audit",
        "--source",
        "cluster.json",
        "--examine",
        "none",
        "--quiet",
    ]);
    command
}
