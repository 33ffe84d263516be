//! Start-up time of `--help`, and size of the program.

use std::fs;
use std::process::Command;

use crate::yardstick::{measure, median, program};

pub(crate) fn bench() {
    let program = program();
    let program = program.to_str().expect("a path in UTF-8");
    let wall = |command: &mut Command| {
        let start = std::time::Instant::now();
        command.output().expect("it runs");
        start.elapsed().as_secs_f64() * 1e3
    };
    let runs = |program: &str, args: &[&str]| {
        median(
            (0..21)
                .map(|_| wall(Command::new(program).args(args)))
                .collect(),
        )
    };
    let (help, nothing) = (runs(program, &["audit", "--help"]), runs("true", &[]));
    let peak = measure(Command::new(program).arg("--help")).peak_mib;
    let size = fs::metadata(program).map_or(0, |found| found.len()) as f64 / 1e6;
    println!(
        "audit --help {help:.1} ms (under 20), of which starting any process {nothing:.1} ms; peak {peak:.0} MiB; binary {size:.1} MB (under 15)"
    );
}
