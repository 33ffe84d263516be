//! Rows per second offline, from positions to a results file and a long CSV. The yardstick is DuckDB, which computes
//! the same join into a narrower CSV, in turns. It comes from PyPI into a virtual environment below `target/`.
//!
//! `ROWS=10000000 cargo bench -- snapshot` is the large run (about 20 GB of disk).

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::yardstick::{measure, median, program};

const GROUPS: [&str; 5] = [
    "GID_analytics",
    "GID_billing",
    "GID_loyalty",
    "GID_search",
    "GID_shipping",
];
const BROKERS: [&str; 4] = ["broker-a", "broker-b", "broker-c", "broker-d"];
const QUEUES: usize = 8;

pub(crate) fn bench() {
    let rows: usize = std::env::var("ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(1_000_000);
    let rounds = if rows > 2_000_000 { 1 } else { 5 };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    write_input(&folder.path().join("in.csv"), rows).expect("the input");
    write_snapshot(&folder.path().join("cluster.json"), rows).expect("the snapshot");
    write_offsets(&folder.path().join("offsets.csv"), rows).expect("the offsets");
    let python = duckdb();
    let (mut ratios, mut walls, mut peak) = (Vec::new(), Vec::new(), 0.0_f64);
    for round in 1..=rounds {
        let ours = measure(&mut audit(folder.path()));
        peak = peak.max(ours.peak_mib);
        walls.push(ours.wall.as_secs_f64());
        match &python {
            Some(python) => {
                let theirs = measure(&mut join(python, folder.path()));
                ratios.push(ours.wall.as_secs_f64() / theirs.wall.as_secs_f64());
                println!(
                    "round {round}: ons-audit {}, DuckDB {}, ratio {:.2}",
                    ours,
                    theirs,
                    ratios[ratios.len() - 1]
                );
            }
            None => println!("round {round}: ons-audit {ours}"),
        }
    }
    let size = |name: &str| {
        fs::metadata(folder.path().join(name)).map_or(0, |found| found.len() / 1_000_000)
    };
    println!(
        "{rows} rows x {} groups: results file {} MB, CSV {} MB",
        GROUPS.len(),
        size("out.results.ndjson"),
        size("out.csv")
    );
    println!(
        "peak {peak:.0} MiB (at most {:.0}), median {:.2} s",
        if rows == 1_000_000 {
            120.0
        } else {
            20.0 + rows as f64 * 48.0 / 1_048_576.0
        },
        median(walls)
    );
    if !ratios.is_empty() {
        println!("median ratio to DuckDB {:.2} (at most 1.5)", median(ratios));
    }
}

fn audit(folder: &Path) -> Command {
    for old in ["out.results.ndjson", "out.csv"] {
        let _ = fs::remove_file(folder.join(old));
    }
    let mut command = Command::new(program());
    command.current_dir(folder).args([
        "audit",
        "in.csv",
        "--source",
        "cluster.json",
        "--quiet",
        "-o",
        "out.csv",
    ]);
    command
}

fn join(python: &Path, folder: &Path) -> Command {
    let query = "COPY (SELECT m.msg_id, m.topic, o.grp, \
        CASE WHEN o.off > m.queue_offset THEN 'CONSUMED' ELSE 'NOT_CONSUME_YET' END AS track_type, m.order_id \
        FROM read_csv('in.csv') m JOIN read_csv('offsets.csv') o ON o.broker = m.broker AND o.queue_id = m.queue_id) \
        TO 'duck.csv' (HEADER)";
    let mut command = Command::new(python);
    command.current_dir(folder).args([
        "-c",
        "import duckdb, sys; duckdb.sql('SET preserve_insertion_order=false'); duckdb.sql(sys.argv[1])",
        query,
    ]);
    command
}

/// Returns the interpreter of a virtual environment with DuckDB, if one can be made.
fn duckdb() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("duckdb");
    let python = home.join("bin/python");
    let run = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
    if !run(Command::new(&python).args(["-c", "import duckdb"])) {
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(&home))
            && run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "duckdb"]));
        if !made {
            println!("SKIPPED: the comparison with DuckDB: it can't be installed from PyPI here");
            return None;
        }
    }
    Some(python)
}

/// Returns the position of message `nth`.
fn position(nth: usize) -> (&'static str, usize, usize) {
    (BROKERS[nth % 4], nth / 4 % QUEUES, nth / (4 * QUEUES))
}

pub(crate) fn write_input(path: &Path, rows: usize) -> std::io::Result<()> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    writeln!(out, "order_id,msg_id,topic,broker,queue_id,queue_offset")?;
    for nth in 0..rows {
        let (broker, queue, offset) = position(nth);
        writeln!(
            out,
            "ORD-{nth:08},1E0578FE110F18B4AAC2{nth:012X},orders,{broker},{queue},{offset}"
        )?;
    }
    out.flush()
}

/// Returns the offset of group `nth`, which has passed about nine tenths.
fn committed(rows: usize, group: usize) -> usize {
    rows / (4 * QUEUES) * (90 - group) / 100
}

fn write_offsets(path: &Path, rows: usize) -> std::io::Result<()> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    writeln!(out, "grp,broker,queue_id,off")?;
    for (nth, group) in GROUPS.iter().enumerate() {
        for broker in BROKERS {
            for queue in 0..QUEUES {
                writeln!(out, "{group},{broker},{queue},{}", committed(rows, nth))?;
            }
        }
    }
    out.flush()
}

pub(crate) fn write_snapshot(path: &Path, rows: usize) -> std::io::Result<()> {
    let most = rows / (4 * QUEUES) + 1;
    let each = |line: &dyn Fn(&str, usize) -> String| {
        let lines: Vec<_> = BROKERS
            .iter()
            .flat_map(|broker| (0..QUEUES).map(|queue| line(broker, queue)))
            .collect();
        lines.join(",")
    };
    let queues = each(&|broker, queue| {
        format!(r#"{{"broker":"{broker}","queue_id":{queue},"min_offset":0,"max_offset":{most}}}"#)
    });
    let groups: Vec<_> = GROUPS
        .iter()
        .enumerate()
        .map(|(nth, group)| {
            let offset = committed(rows, nth);
            let offsets = each(&|broker, queue| format!(r#"{{"topic":"orders","broker":"{broker}","queue_id":{queue},"offset":{offset}}}"#));
            format!(
                r#"{{"group":"{group}","online":true,"consume_type":"push","message_model":"clustering","subscriptions":[{{"topic":"orders","expression":"*","expression_type":"TAG"}}],"offsets":[{offsets}]}}"#
            )
        })
        .collect();
    let brokers: Vec<_> = BROKERS.iter().map(|broker| format!("{broker:?}")).collect();
    let mut out = BufWriter::new(fs::File::create(path)?);
    write!(
        out,
        r#"{{"schema":"ons-audit-snapshot/1","cluster":"bench","captured_at":"2026-11-20T03:00:00Z","brokers":[{}],"topics":[{{"topic":"orders","queues":[{queues}]}}],"groups":[{}],"messages":[]}}"#,
        brokers.join(","),
        groups.join(",")
    )?;
    out.flush()
}
