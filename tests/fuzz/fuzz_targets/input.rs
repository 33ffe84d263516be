//! Inputs: as many rows as were counted, numbered without a gap, each with a question that can be asked or a reason.
//!
//! The first byte says how the rest is read: `0` sniffed, `1` CSV, `2` TSV, `3` NDJSON, `4` IDs, `5` JSON, `6` log, `7`
//! sniffed with the log column `line`; the next letters with the same low bits (`@`, `A`, `B`, …) give a topic as well,
//! `8`, `9`, … and `H`, `I`, … say that there is no header. From byte 128 on, bytes that are not UTF-8 are replaced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::input::{InputEncoding, InputFormat, InputOptions, Inputs};
use ons_audit_fuzz::checked_rows;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    if let Ok(inputs) = Inputs::from_bytes("in", bytes, options(*how)) {
        checked_rows(&inputs);
    }
});

fn options(how: u8) -> InputOptions {
    let has_topic = how & 0x40 != 0;
    let has_log_column = how & 7 == 7;
    let no_header = how & 8 != 0 && !has_log_column;
    InputOptions {
        format: match how & 7 {
            1 => Some(InputFormat::Csv),
            2 => Some(InputFormat::Tsv),
            3 => Some(InputFormat::Ndjson),
            4 => Some(InputFormat::Ids),
            5 => Some(InputFormat::Json),
            6 => Some(InputFormat::Log),
            _ => None,
        },
        encoding: (how & 0x80 != 0).then_some(InputEncoding::Lossy),
        no_header,
        log_column: has_log_column.then(|| "line".into()),
        msg_id_column: no_header.then(|| "1".into()),
        topic_column: (no_header && !has_topic).then(|| "2".into()),
        topic: has_topic.then(|| "orders".into()),
        ..InputOptions::default()
    }
}
