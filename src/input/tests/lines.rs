//! No line of an input is lost.

use std::fmt::Write;
use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::delimited::{RecordSyntax, Records};

/// An ID that no other line has.
fn id(line: usize) -> String {
    format!("{line:08X}110F18B4AAC235C0C8460BA2")
}

/// Makes a text whose lines have parts of their own around an ID of their own.
fn text(header: &str, lines: &[(String, bool, String, &str)]) -> String {
    let mut text = header.to_owned();
    for (number, (before, has_id, after, end)) in lines.iter().enumerate() {
        let id = if *has_id { id(number) } else { String::new() };
        write!(text, "{before}{id}{after}{end}").unwrap();
    }
    text
}

/// Returns the texts of a row: the asked ID, or the reject's cells and texts.
fn text_of(row: &Row) -> String {
    let kept = row.kept.json.as_deref().unwrap_or_default();
    match &row.entry {
        Entry::Query(query) => format!("{} {kept}", query.msg_id),
        Entry::Duplicate { .. } => kept.to_owned(),
        Entry::Rejected(bad) => {
            let [msg_id, topic] =
                [&bad.msg_id, &bad.topic].map(|cell| cell.clone().unwrap_or_default());
            format!("{msg_id} {topic} {} {kept}", bad.found)
        }
    }
}

fn any_lines() -> impl Strategy<Value = Vec<(String, bool, String, &'static str)>> {
    let part = || "(\"|\"\"|,|\t|a|#| |'|é|\0|\u{fffd}){0,5}";
    let end = prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n"]);
    prop::collection::vec((part(), any::<bool>(), part(), end), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_id_is_asked_rejected_or_warned_of(lines in any_lines(), kind in 0..4_usize) {
        let header = ["msg_id,topic,a,b,c,d,e,f,g,h\n", "msg_id\ttopic\ta\tb\tc\td\te\tf\tg\th\n", "", ""][kind];
        let text = text(header, &lines);
        let options = options(|o| {
            o.topic = Some("t".to_owned());
            o.format = [Some(InputFormat::Csv), Some(InputFormat::Tsv), Some(InputFormat::Ids), Some(InputFormat::Ndjson)][kind];
        });
        let Ok(inputs) = Inputs::from_bytes("in", text.as_bytes(), options) else {
            // Nothing but blanks, or titles above the header.
            prop_assume!(false);
            unreachable!();
        };
        let rows: Vec<Row> = inputs.rows().map(Result::unwrap).collect();
        let notes = inputs.notes();
        for (number, (before, has_id, ..)) in lines.iter().enumerate() {
            if !has_id || (kind == 2 && before.trim_start().starts_with('#')) {
                continue;
            }
            let id = id(number);
            let place = text.find(&id).unwrap();
            let line = 1 + text[..place].replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() as u64;
            let asked = rows.iter().any(|row| matches!(&row.entry, Entry::Query(query) if *query.msg_id == *id));
            let rejected = rows.iter().any(|row| match &row.entry {
                // What was found is cut if it is long, and a lone \r ends no line of NDJSON.
                Entry::Rejected(bad) => text_of(row).contains(&id) || bad.line == line
                    || bad.reason.contains("beyond the last column") || bad.found.ends_with('…'),
                _ => false,
            });
            let warned = notes.cells_with_ids.count > 0;
            // An ID beside the one that is asked, in a cell of the same line, is not another row.
            let beside = rows.iter().any(|row| matches!(&row.entry, Entry::Query(_)) && text_of(row).contains(&id));
            prop_assert!(asked || rejected || warned || beside, "{id} of line {line} in {text:?}: {rows:#?}");
        }
    }

    #[test]
    fn no_quote_takes_more_than_its_line(lines in any_lines()) {
        // Where no cell spans lines, every line that is not blank is a row.
        let text = text("msg_id,topic,a\n", &lines);
        let Ok(inputs) = Inputs::from_bytes("in", text.as_bytes(), InputOptions::default()) else {
            prop_assume!(false);
            unreachable!();
        };
        let rows: Vec<Row> = inputs.rows().map(Result::unwrap).collect();
        let plain = text.replace("\r\n", "\n").replace('\r', "\n");
        let blank = |line: &&str| line.chars().all(|c| matches!(c, ',' | ' ' | '\t'));
        let filled = plain.split('\n').filter(|line| !blank(line)).count();
        let syntax = RecordSyntax::Csv { delimiter: b',', remarks: false };
        let mut records = Records::new(Box::new(Cursor::new(text.clone())), syntax);
        let mut has_lines = false;
        while let Some(record) = records.next().unwrap() {
            has_lines |= record.has_lines;
        }
        if !has_lines {
            prop_assert_eq!(rows.len() + 1, filled, "{:?}", text);
        }
    }
}
