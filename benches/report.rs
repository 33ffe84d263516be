//! The cost of rendering a results file in each format: time, processor time, peak memory, and bytes per second. The
//! yardstick is `verify`, which reads all lines of the results file as every format must.
//!
//! `MESSAGES=1000000 cargo bench -- report` is the large run (about 3 GB of disk).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::snapshot::{write_input, write_snapshot};
use crate::yardstick::{Cost, measure, program};

/// Each format with its flag.
const FORMATS: [(&str, &str); 8] = [
    ("-o", "r.csv"),
    ("--matrix", "m.csv"),
    ("-o", "r.ndjson"),
    ("-o", "r.json"),
    ("-o", "r.md"),
    ("-o", "r.html"),
    ("-o", "r.xlsx"),
    ("--worklist", "work"),
];

pub(crate) fn bench() {
    let messages: usize = std::env::var("MESSAGES")
        .ok()
        .and_then(|messages| messages.parse().ok())
        .unwrap_or(200_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    write_input(&folder.join("in.csv"), messages).expect("the input");
    write_snapshot(&folder.join("cluster.json"), messages).expect("the snapshot");
    let audit =
        "audit in.csv --source cluster.json --quiet --results r.results.ndjson -o first.json";
    run(folder, audit);
    let results_file = size(&folder.join("r.results.ndjson"));
    println!("{messages} messages x 5 groups, results file {results_file:.0} MB");
    let walk = run(folder, "verify r.results.ndjson");
    println!("{:<10} {}", "(verify)", walk);
    for (flag, name) in FORMATS {
        // Without `-o` there would be a CSV on standard output, too.
        let others = if flag == "-o" { "" } else { "-o other.json" };
        let cost = run(
            folder,
            &format!("report r.results.ndjson --quiet {flag} {name} {others}"),
        );
        let size = size(&folder.join(name));
        if size == 0.0 {
            println!("SKIPPED: {name}: this program does not make it");
            continue;
        }
        let seconds = cost.wall.as_secs_f64();
        println!(
            "{:<10} {}, {size:.2} MB, {:.0} MB/s, {:.1} times the walk",
            name,
            cost,
            size / seconds,
            seconds / walk.wall.as_secs_f64()
        );
    }
}

fn run(folder: &Path, line: &str) -> Cost {
    let mut command = Command::new(program());
    command.current_dir(folder).args(line.split_whitespace());
    measure(&mut command)
}

/// Returns the size of a file or of all files in a folder, in MB. 0 if there is none.
fn size(path: &Path) -> f64 {
    let bytes = match fs::read_dir(path) {
        Ok(files) => files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum(),
        Err(_) => fs::metadata(path).map_or(0, |found| found.len()),
    };
    bytes as f64 / 1e6
}
