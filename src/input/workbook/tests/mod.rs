mod ods;
mod xlsx;

use std::io::{Cursor, Read, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::exit::Advice;

const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

/// The first cell of the rows that the tests take for a header.
const HEADER: &str = "msg_id";

fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn read(bytes: &[u8], wanted: Option<&str>) -> Result<Sheet, WorkbookError> {
    let wanted = wanted.map(SheetRef::from);
    let has_id_column = |cells: &[String]| cells.iter().any(|cell| cell == HEADER);
    read_sheet(&mut Cursor::new(bytes), wanted.as_ref(), &has_id_column)
}

/// Returns the CSV of a sheet.
fn csv(bytes: &[u8], wanted: Option<&str>) -> String {
    let mut sheet = read(bytes, wanted).unwrap();
    let mut text = String::new();
    sheet.csv.read_to_string(&mut text).unwrap();
    assert_eq!(text.len() as u64, sheet.length);
    text
}

fn refused(bytes: &[u8], wanted: Option<&str>) -> String {
    let error = read(bytes, wanted).unwrap_err();
    assert!(error.hint().is_some());
    error.to_string()
}

#[test]
fn a_number_is_a_place_unless_it_is_written_oddly() {
    let number = |n| SheetRef::Number(NonZeroUsize::new(n).unwrap());
    for (text, sheet) in [("1", number(1)), ("20", number(20))] {
        assert_eq!(SheetRef::from(text), sheet);
    }
    for name in ["0", "007", "+1", "Sheet1", "", "1 "] {
        assert_eq!(SheetRef::from(name), SheetRef::Name(name.to_owned()));
    }
}

#[test]
fn first_bytes_tell_archives_and_ole_files() {
    assert!(is_zip(&zipped(&[])) && is_zip(&zipped(&[("a", "")])));
    assert!(!is_zip(b"PK") && !is_zip(b"msg_id"));
    assert!(is_ole(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0") && !is_ole(b"\xd0\xcf\x11\xe0"));
}

#[test]
fn the_only_header_is_among_the_first_rows() {
    let mut search = HeaderSearch::default();
    let has_id_column = |cells: &[String]| cells == [HEADER];
    for _ in 0..HEADER_ROWS {
        assert!(!search.is_over());
        search.visit(&["title".to_owned()], &has_id_column);
    }
    search.visit(&[HEADER.to_owned()], &has_id_column);
    assert!(search.is_over() && !search.found);
}
