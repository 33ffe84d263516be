//! The cost of reading inputs: the whole `plan` of 1,000,000 rows in each format. The yardstick is the `csv` crate,
//! which reads the cells of the same CSV and does nothing with them. A workbook has 200,000 rows, like its own yardstick.
//!
//! `ONS_AUDIT_BASELINE=PROGRAM` compares each with another build, in turns.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use encoding_rs::GB18030;
use rust_xlsxwriter::Workbook;

use crate::yardstick::{measure, median, program};

const ROWS: usize = 1_000_000;
const SHEET_ROWS: usize = 200_000;
const ROUNDS: usize = 5;

pub(crate) fn bench() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let csv = table(ROWS, |cells| cells.join(","));
    write(folder, "in.csv", csv.as_bytes());
    let quoted = table(ROWS, |cells| format!("\"{}\"", cells.join("\",\"")));
    write(folder, "quoted.csv", quoted.as_bytes());
    write(
        folder,
        "in.tsv",
        table(ROWS, |cells| cells.join("\t")).as_bytes(),
    );
    write(folder, "gb18030.csv", &GB18030.encode(&csv).0);
    write(folder, "in.ndjson", json(ROWS, "", "\n", "").as_bytes());
    write(folder, "in.json", json(ROWS, "[", ",\n", "]").as_bytes());
    write(folder, "in.log", log(ROWS).as_bytes());
    let small = table(SHEET_ROWS, |cells| cells.join(","));
    write(folder, "small.csv", small.as_bytes());
    sheet(&folder.join("in.xlsx"));

    for name in [
        "in.csv",
        "quoted.csv",
        "in.tsv",
        "in.ndjson",
        "in.json",
        "in.log",
    ] {
        compare(folder, name, &[], ROWS);
    }
    compare(folder, "gb18030.csv", &["--encoding", "gb18030"], ROWS);
    compare(folder, "small.csv", &[], SHEET_ROWS);
    compare(folder, "in.xlsx", &[], SHEET_ROWS);
}

/// Plans one file and prints the medians of the rounds. A baseline that refuses the file is left out.
fn compare(folder: &Path, name: &str, flags: &[&str], rows: usize) {
    let plan = |program: &Path| -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .args(["plan", name, "--source", "ons://cn-hangzhou"]);
        command.args(flags);
        command
    };
    let baseline = std::env::var_os("ONS_AUDIT_BASELINE").map(PathBuf::from);
    let reads = |program: &PathBuf| {
        let output = plan(program).output();
        output.is_ok_and(|output| output.status.success())
    };
    let baseline = baseline.filter(reads);
    let yardstick = if rows == ROWS { "in.csv" } else { "small.csv" };
    let (mut to_yardstick, mut to_baseline, mut seconds, mut peak) =
        (Vec::new(), Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let cells = read_cells(&folder.join(yardstick));
        let cells_only = start.elapsed().as_secs_f64();
        assert!(cells > rows, "the yardstick reads all rows");
        let cost = measure(&mut plan(&program()));
        let wall = cost.wall.as_secs_f64();
        to_yardstick.push(wall / cells_only);
        seconds.push(wall);
        peak = peak.max(cost.peak_mib);
        if let Some(baseline) = &baseline {
            to_baseline.push(wall / measure(&mut plan(baseline)).wall.as_secs_f64());
        }
    }
    let baseline = if to_baseline.is_empty() {
        String::new()
    } else {
        format!(", {:.3} x the baseline", median(to_baseline))
    };
    println!(
        "{name:<12} {rows} rows: {:.2} x the csv crate{baseline}, {:.2} s, {peak:.0} MiB",
        median(to_yardstick),
        median(seconds)
    );
}

/// Counts the cells of a CSV file.
fn read_cells(path: &Path) -> usize {
    let mut reader = csv::Reader::from_path(path).expect("the file");
    let mut record = csv::ByteRecord::new();
    let mut cells = 0;
    while reader.read_byte_record(&mut record).expect("a record") {
        cells += record.len();
    }
    cells
}

/// The cells of a row: order, message ID, topic, amount, note.
fn cells(row: usize) -> [String; 5] {
    [
        format!("A-{row:07}"),
        id(row),
        "orders".to_owned(),
        format!("{}.50", row % 1000),
        "客户 已付款".to_owned(),
    ]
}

fn id(row: usize) -> String {
    format!("0A15030B110F18B4AAC2{row:012X}")
}

fn table(rows: usize, line: impl Fn(&[String; 5]) -> String) -> String {
    let header = ["order", "msg_id", "topic", "amount", "note"].map(str::to_owned);
    let mut text = line(&header);
    for row in 0..rows {
        text.push('\n');
        text.push_str(&line(&cells(row)));
    }
    text
}

fn json(rows: usize, open: &str, between: &str, close: &str) -> String {
    let mut text = open.to_owned();
    for row in 0..rows {
        let [order, id, topic, amount, note] = cells(row);
        let between = if row == 0 { "" } else { between };
        write!(
            text,
            r#"{between}{{"order":"{order}","msg_id":"{id}","topic":"{topic}","amount":{amount},"note":"{note}"}}"#
        )
        .expect("a string takes everything");
    }
    text + close
}

fn log(rows: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        writeln!(
            text,
            "2026-11-20 14:00:00.000 INFO [main] c.e.Orders - sent A-{row:07}, SendResult [sendStatus=SEND_OK, msgId={}, \
             offsetMsgId=0A15030B00002A9F{row:016X}, messageQueue=MessageQueue [topic=orders, brokerName=broker-a, \
             queueId={}], queueOffset={row}]",
            id(row),
            row % 8
        )
        .expect("a string takes everything");
    }
    text
}

fn sheet(path: &Path) {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let header = ["order", "msg_id", "topic", "amount", "note"].map(str::to_owned);
    for (line, row) in (0..).zip([header].into_iter().chain((0..SHEET_ROWS).map(cells))) {
        for (column, cell) in (0..).zip(row) {
            sheet.write_string(line, column, cell).expect("a cell");
        }
    }
    workbook.save(path).expect("the workbook");
}

fn write(folder: &Path, name: &str, text: &[u8]) {
    fs::write(folder.join(name), text).expect("the input");
}
