//! Inputs: as many rows as were counted, numbered without a gap, each with a question that can be asked or a reason.
//!
//! The first byte says how the rest is read: `0` sniffed, `1` CSV, `2` TSV, `3` NDJSON, `4` IDs; the next letters with
//! the same low bits (`@`, `A`, `B`, …) give a topic as well, `8`, `9`, … and `H`, `I`, … say that there is no header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::input::{Entry, InputFormat, InputOptions, Inputs, Row};
use ons_audit::message::MessageId;

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    let Ok(inputs) = Inputs::from_bytes("in", bytes, options(*how)) else {
        return;
    };
    let mut questions = vec![false];
    for (number, row) in (1..).zip(inputs.rows()) {
        let row = row.expect("the survey has read it");
        assert_eq!(row.row, number);
        check_entry(&row, &questions);
        questions.push(matches!(row.entry, Entry::Query(_)));
        let kept = row.kept.json.as_deref().map(|json| {
            let kept: serde_json::Map<_, _> =
                serde_json::from_str(json).expect("what is kept is an object");
            kept.len()
        });
        assert_eq!(kept.unwrap_or_default(), row.kept.columns.len());
    }
    assert_eq!(inputs.surveys()[0].rows, questions.len() as u64 - 1);
});

fn options(how: u8) -> InputOptions {
    let has_topic = how & 0x40 != 0;
    let no_header = how & 8 != 0;
    InputOptions {
        format: match how & 7 {
            1 => Some(InputFormat::Csv),
            2 => Some(InputFormat::Tsv),
            3 => Some(InputFormat::Ndjson),
            4 => Some(InputFormat::Ids),
            _ => None,
        },
        no_header,
        msg_id_column: no_header.then(|| "1".into()),
        topic_column: (no_header && !has_topic).then(|| "2".into()),
        topic: has_topic.then(|| "orders".into()),
        ..InputOptions::default()
    }
}

/// `questions` says of each row before whether it asks something; row 0 is none.
fn check_entry(row: &Row, questions: &[bool]) {
    match &row.entry {
        Entry::Query(query) => {
            assert_eq!(MessageId::check(&query.msg_id), Ok(()));
            assert!(!query.topic.is_empty());
            assert_ne!(query.instance_id.as_deref(), Some(""));
        }
        Entry::Duplicate { of } => assert!(questions[usize::try_from(*of).expect("rows are few")]),
        Entry::Rejected(reject) => {
            assert!(reject.line > 0 && !reject.reason.is_empty());
            assert!(reject.found.chars().count() <= 201);
        }
    }
}
