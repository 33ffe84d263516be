//! Workbooks: any archive, and any XML in a whole archive, is read or refused.
//!
//! The first byte says what the rest is: `0` a file, `1` the sheet of an `.xlsx` and behind a zero its shared strings and
//! styles, `2` the content of an `.ods`. Bit 3 gives the sheet by its number, bit 4 a log column, bit 5 says that there
//! is no header, bit 6 gives a topic.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use ons_audit::input::{InputOptions, Inputs};
use ons_audit_fuzz::checked_rows;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const RELATIONS: &[u8] = br#"<Relationships><Relationship Id="r" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const PARTS: &[u8] = br#"<Relationships><Relationship Id="a" Type="x/worksheet" Target="worksheets/a.xml"/></Relationships>"#;
const SHEETS: &[u8] = br#"<workbook><sheets><sheet name="a" r:id="a"/></sheets></workbook>"#;
const ODS: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    let file = match how & 3 {
        1 => xlsx(bytes),
        2 => zipped(&[("mimetype", ODS), ("content.xml", bytes)]),
        _ => bytes.to_vec(),
    };
    if let Ok(inputs) = Inputs::from_bytes("in", &file, options(*how)) {
        checked_rows(&inputs);
    }
});

fn options(how: u8) -> InputOptions {
    let has_log_column = how & 16 != 0;
    let no_header = how & 32 != 0 && !has_log_column;
    InputOptions {
        sheet: (how & 8 != 0).then(|| "1".into()),
        log_column: has_log_column.then(|| "line".into()),
        no_header,
        msg_id_column: no_header.then(|| "1".into()),
        topic: (how & 64 != 0).then(|| "orders".into()),
        ..InputOptions::default()
    }
}

/// Packs the parts of an `.xlsx`, without attributes that hold ranges of cells: calamine subtracts the places of a range
/// whose end is before its beginning, which panics in builds with overflow checks only. The program has none in calamine
/// and checks the places of cells itself.
fn xlsx(bytes: &[u8]) -> Vec<u8> {
    let bytes = &without_ranges(bytes);
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    zipped(&[
        ("_rels/.rels", RELATIONS),
        ("xl/_rels/workbook.xml.rels", PARTS),
        ("xl/workbook.xml", SHEETS),
        ("xl/worksheets/a.xml", part()),
        ("xl/sharedStrings.xml", part()),
        ("xl/styles.xml", part()),
    ])
}

fn without_ranges(bytes: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"ref";
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(NAME.len())
        .position(|window| window == NAME)
    {
        bytes[at + found] = b'R';
        at += found + NAME.len();
    }
    bytes
}

fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(*name, options).expect("the name is short");
        zip.write_all(content).expect("memory takes all bytes");
    }
    zip.finish().expect("memory takes all bytes").into_inner()
}
