//! Workbooks: as many rows as were counted, each with a place in the sheet, and a reason for each that is refused.
//!
//! A ZIP is taken as it is. Anything else is packed, since a mutated archive fails its checksums: bytes that begin with
//! `<office` become the content of an `.ods`. Others are parts of an `.xlsx` between lines of `---`: the sheet, the
//! shared strings, the styles, the workbook and its relations.
#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::input::{InputOptions, Inputs};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const RELATIONS: &str = r#"<Relationships><Relationship Id="r" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;

/// The parts of an `.xlsx`, each with its content where the input has none.
const PARTS: [(&str, &str); 5] = [
    ("xl/worksheets/a.xml", ""),
    ("xl/sharedStrings.xml", "<sst></sst>"),
    ("xl/styles.xml", "<styleSheet></styleSheet>"),
    (
        "xl/workbook.xml",
        r#"<workbook><sheets><sheet name="a" r:id="a"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships><Relationship Id="a" Type="x/worksheet" Target="worksheets/a.xml"/></Relationships>"#,
    ),
];

fuzz_target!(|bytes: &[u8]| {
    let packed = if bytes.starts_with(b"PK") {
        bytes.to_vec()
    } else if bytes.starts_with(b"<office") {
        let media_type = "application/vnd.oasis.opendocument.spreadsheet";
        pack(&[("mimetype", media_type.as_bytes()), ("content.xml", bytes)])
    } else {
        pack(&parts(bytes))
    };
    let options = InputOptions {
        topic: Some("orders".to_owned()),
        ..InputOptions::default()
    };
    match Inputs::from_bytes("in.xlsx", &packed, options) {
        Ok(inputs) => {
            let rows = inputs
                .rows()
                .map(|row| row.expect("the survey has read it"));
            let numbers: Vec<u64> = rows.map(|row| row.row).collect();
            assert!(numbers.iter().copied().eq(1..=inputs.surveys()[0].rows));
        }
        Err(error) => assert!(!error.to_string().is_empty() && error.hint().is_some()),
    }
});

/// Divides the input at lines of `---`.
fn parts(bytes: &[u8]) -> Vec<(&'static str, &[u8])> {
    let mut entries = vec![("_rels/.rels", RELATIONS.as_bytes())];
    let mut rest = Some(bytes);
    for (name, default) in PARTS {
        let (part, after) = match rest {
            Some(rest) => split(rest),
            None => (default.as_bytes(), None),
        };
        entries.push((name, part));
        rest = after;
    }
    entries
}

fn split(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    const LINE: &[u8] = b"\n---\n";
    match bytes.windows(LINE.len()).position(|window| window == LINE) {
        Some(at) => (&bytes[..at], Some(&bytes[at + LINE.len()..])),
        None => (bytes, None),
    }
}

fn pack(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in entries {
        zip.start_file(*name, options).expect("memory takes a file");
        zip.write_all(content).expect("memory takes bytes");
    }
    zip.finish().expect("memory takes an end").into_inner()
}
