//! Lines of producers' logs, alone and in the cells of a column: a log line gives the same messages everywhere.
//!
//! Bit 0 of the first byte says that coordinates are trusted, bit 1 that a topic is given.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use ons_audit::input::{Entry, InputFormat, InputOptions, Inputs};
use ons_audit_fuzz::checked_rows;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let options = |format, in_column: bool| InputOptions {
        format: Some(format),
        log_column: in_column.then(|| "line".into()),
        trust_coordinates: how & 1 != 0,
        topic: (how & 2 != 0).then(|| "orders".into()),
        ..InputOptions::default()
    };
    // The first bytes must not look like another format.
    let text = format!("2026-11-20 begin of the log\n{text}");
    let lines: Vec<&str> = text.split(['\n', '\r']).collect();
    let mut csv = "line\n".to_owned();
    let mut json = String::new();
    for line in &lines {
        writeln!(csv, "\"{}\"", line.replace('"', "\"\"")).expect("memory takes all");
        let line = serde_json::json!({ "line": line });
        writeln!(json, "{line}").expect("memory takes all");
    }
    let log = asked(&text, options(InputFormat::Log, false));
    assert_eq!(log, asked(&csv, options(InputFormat::Csv, true)));
    assert_eq!(log, asked(&json, options(InputFormat::Ndjson, true)));
});

/// Returns what each row asks, or why it asks nothing.
fn asked(text: &str, options: InputOptions) -> Vec<String> {
    let Ok(inputs) = Inputs::from_bytes("in", text.as_bytes(), options) else {
        return Vec::new();
    };
    let rows = checked_rows(&inputs);
    let rows = rows.into_iter().map(|row| match row.entry {
        Entry::Rejected(reject) => format!("{:?} {}", reject.msg_id, reject.reason),
        entry => format!("{entry:?}"),
    });
    rows.collect()
}
