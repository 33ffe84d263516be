//! No line is lost: a line of its own with a message ID is asked, whatever stands above and below it.
//!
//! The first byte is the format: `0` CSV, `1` TSV, `2` NDJSON, `3` IDs, `4` log, `5` CSV without a header. The rest is
//! cut at bytes 0xFE, and each cut becomes such a line.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use ons_audit::input::{Entry, InputEncoding, InputFormat, InputOptions, Inputs};
use ons_audit_fuzz::checked_rows;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    let how = how % 8;
    let mut text = header(how).to_vec();
    let mut ids = Vec::new();
    for piece in bytes.split(|byte| *byte == 0xfe) {
        let id = format!("0A15030B110F18B4AAC264BE6C45{:04X}", ids.len());
        text.extend_from_slice(piece);
        text.extend_from_slice(format!("\n{}\n", line(how, &id)).as_bytes());
        ids.push(id);
    }
    let inputs = Inputs::from_bytes("in", &text, options(how)).expect("each line is an input");
    let rows = checked_rows(&inputs);
    let asked: HashSet<String> = rows
        .iter()
        .filter_map(|row| match &row.entry {
            Entry::Query(query) => Some(query.msg_id.to_string()),
            _ => None,
        })
        .collect();
    // A quoted cell of several lines may contain others, with a warning.
    let has_cells_with_ids = inputs.notes().cells_with_ids.count > 0;
    for id in ids {
        assert!(asked.contains(&id) || has_cells_with_ids, "{id} is lost");
    }
});

const fn header(how: u8) -> &'static [u8] {
    match how {
        0 => b"msg_id,topic,note\n",
        1 => b"msg_id\ttopic\tnote\n",
        5 => b"0A15030B110F18B4AAC264BE6C46FFFF,orders,\n",
        // The first bytes must not look like another format.
        _ => b"# begin\n",
    }
}

fn line(how: u8, id: &str) -> String {
    match how {
        0 | 5 => format!("{id},orders"),
        1 => format!("{id}\torders"),
        2 => format!(r#"{{"msg_id":"{id}","topic":"orders"}}"#),
        3 => id.to_owned(),
        _ => format!("INFO SendResult [sendStatus=SEND_OK, msgId={id}, offsetMsgId=null]"),
    }
}

fn options(how: u8) -> InputOptions {
    InputOptions {
        format: Some(match how {
            0 | 5 => InputFormat::Csv,
            1 => InputFormat::Tsv,
            2 => InputFormat::Ndjson,
            3 => InputFormat::Ids,
            _ => InputFormat::Log,
        }),
        // Other bytes than UTF-8 reject only their own row.
        encoding: Some(InputEncoding::Lossy),
        delimiter: match how {
            0 | 5 => Some(b','),
            _ => None,
        },
        no_header: how == 5,
        msg_id_column: (how == 5).then(|| "1".into()),
        topic_column: (how == 5).then(|| "2".into()),
        topic: (how != 5).then(|| "orders".into()),
        ..InputOptions::default()
    }
}
