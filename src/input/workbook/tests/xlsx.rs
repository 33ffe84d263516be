use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use super::*;

const RELATIONS: &str = r#"<Relationships><Relationship Id="r" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
const PARTS: &str = r#"<Relationships><Relationship Id="a" Type="x/worksheet" Target="worksheets/a.xml"/></Relationships>"#;
const SHEETS: &str = r#"<workbook><sheets><sheet name="a" r:id="a"/></sheets></workbook>"#;

/// Makes a workbook with one sheet of this XML.
fn by_hand(rows: &str) -> Vec<u8> {
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    zipped(&[
        ("_rels/.rels", RELATIONS),
        ("xl/_rels/workbook.xml.rels", PARTS),
        ("xl/workbook.xml", SHEETS),
        (
            "xl/sharedStrings.xml",
            "<sst uniqueCount='1'><si><t>s</t></si></sst>",
        ),
        ("xl/worksheets/a.xml", &sheet),
    ])
}

/// Makes a workbook of sheets with one column each.
fn with_sheets(sheets: &[(&str, &[&str])]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, cells) in sheets {
        let sheet = workbook.add_worksheet().set_name(*name).unwrap();
        for (row, cell) in (0..).zip(*cells) {
            sheet.write(row, 0, *cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

#[test]
fn every_kind_of_cell_has_a_text() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let format = |code| Format::new().set_num_format(code);
    let time = ExcelDateTime::parse_from_str("2026-11-20T14:00:00").unwrap();
    let midnight = ExcelDateTime::parse_from_str("2026-11-20").unwrap();
    sheet.write(0, 0, ID).unwrap();
    sheet.write(1, 0, 17).unwrap();
    sheet.write(2, 0, 0.1).unwrap();
    sheet.write(3, 0, 1.234_567_890_123_45E31).unwrap();
    sheet
        .write_with_format(4, 0, time, &format("yyyy-mm-dd hh:mm"))
        .unwrap();
    sheet
        .write_with_format(5, 0, &midnight, &format("yyyy-mm-dd hh:mm"))
        .unwrap();
    sheet
        .write_with_format(6, 0, &midnight, &format("d/m/yy"))
        .unwrap();
    sheet
        .write_with_format(7, 0, 0.5, &format("hh:mm"))
        .unwrap();
    sheet
        .write_with_format(8, 0, 1.5, &format("[h]:mm"))
        .unwrap();
    sheet.write(9, 0, true).unwrap();
    sheet
        .write(10, 0, Formula::new("=A2+1").set_result("18"))
        .unwrap();
    sheet
        .write(11, 0, Formula::new("=\"a\"&\"b\"").set_result("ab"))
        .unwrap();
    sheet
        .write(12, 0, Formula::new("=NA()").set_result("#N/A"))
        .unwrap();
    let (bold, plain) = (Format::new().set_bold(), Format::new());
    sheet
        .write_rich_string(13, 0, &[(&bold, "ri"), (&plain, "ch")])
        .unwrap();
    sheet.write(14, 0, " _x0041_ ").unwrap();
    let bytes = workbook.save_to_buffer().unwrap();
    let expected = [
        ID,
        "17",
        "0.1",
        "1.23456789012345E+31",
        "2026-11-20T14:00:00",
        "2026-11-20T00:00:00",
        "2026-11-20",
        "12:00:00",
        "PT36H",
        "TRUE",
        "18",
        "ab",
        "#N/A",
        "rich",
        " _x0041_ ",
    ];
    let text = csv(&bytes, None);
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn text_comes_back_through_csv() {
    let cells = [
        "a,b",
        "\"quoted\"",
        "two\nlines",
        "tab\t",
        "中文",
        "\r\n",
        "#",
    ];
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 1, cells).unwrap();
    let text = csv(&workbook.save_to_buffer().unwrap(), None);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes());
    let record = reader.records().next().unwrap().unwrap();
    assert_eq!(record.iter().skip(1).collect::<Vec<_>>(), cells);
}

#[test]
fn record_n_is_row_n() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write(1, 1, "title").unwrap();
    sheet.write_blank(2, 0, &Format::new().set_bold()).unwrap();
    sheet.write(4, 0, HEADER).unwrap();
    let text = csv(&workbook.save_to_buffer().unwrap(), None);
    assert_eq!(text, "\n,title\n\n\nmsg_id\n");
}

#[test]
fn the_farthest_cell_takes_one_long_record() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write(0, 0, HEADER).unwrap();
    sheet.write(1_048_575, 16_383, ID).unwrap();
    let text = csv(&workbook.save_to_buffer().unwrap(), None);
    let blank = "\n".repeat(1_048_574);
    let commas = ",".repeat(16_383);
    assert!(text == format!("{HEADER}\n{blank}{commas}{ID}\n"));
}

#[test]
fn the_only_sheet_with_an_id_column_is_read() {
    let title = ["title", "", "of", HEADER, "1"];
    for (sheets, name) in [
        (&[("one", &["any"][..])][..], "one"),
        (&[("notes", &["x"]), ("data", &title)], "data"),
        (&[("data", &title), ("empty", &[])], "data"),
    ] {
        let bytes = with_sheets(sheets);
        assert_eq!(read(&bytes, None).unwrap().name, name);
    }
    let several = with_sheets(&[("a", &title), ("n", &["x"]), ("b", &title)]);
    assert_eq!(
        refused(&several, None),
        "has 2 sheets with a message-ID column: `a`, `b`"
    );
    let mut late = vec!["x"; 20];
    late.push(HEADER);
    let none = with_sheets(&[("a", &late), ("b", &["x"])]);
    assert_eq!(
        refused(&none, None),
        "has no sheet with a message-ID column; its sheets are `a`, `b`"
    );
}

#[test]
fn a_sheet_is_named_or_numbered() {
    let bytes = with_sheets(&[("first", &["1st"]), ("1", &["2nd"]), ("3rd", &["3rd"])]);
    for (wanted, text) in [
        ("first", "1st\n"),
        ("1", "2nd\n"),
        ("2", "2nd\n"),
        ("3", "3rd\n"),
    ] {
        assert_eq!(csv(&bytes, Some(wanted)), text, "{wanted}");
    }
    for wanted in ["4", "First", "0"] {
        assert_eq!(
            refused(&bytes, Some(wanted)),
            format!("has no sheet `{wanted}`; its sheets are `first`, `1`, `3rd`")
        );
    }
}

#[test]
fn other_archives_are_no_workbooks() {
    let document = RELATIONS.replace("xl/workbook", "word/document");
    let document = zipped(&[
        ("_rels/.rels", &document),
        ("word/_rels/document.xml.rels", PARTS),
        ("word/document.xml", "<document/>"),
    ]);
    let without = zipped(&[("_rels/.rels", "<Relationships/>")]);
    for bytes in [document, without, zipped(&[])] {
        assert_eq!(refused(&bytes, None), "is a zip archive, but no workbook");
    }
    assert!(refused(b"PK\x03\x04", None).starts_with("is a damaged workbook: "));
}

#[test]
fn damaged_sheets_are_refused() {
    let cell = |place: &str| format!("<row><c r='{place}'><v>1</v></c></row>");
    for (rows, reason) in [
        (cell("A1048577"), "a sheet has more than 1048576 rows"),
        (cell("A99999999999"), "a sheet has more than 1048576 rows"),
        (cell("XFE1"), "a row has more than 16384 cells"),
        (cell("ZZZZZZZZ1"), "a row has more than 16384 cells"),
        (cell("A2") + &cell("A1"), "row 1 comes after row 2"),
        (cell("A0"), ""),
        ("<row><c t='s'><v>1</v></c></row>".to_owned(), ""),
        ("<row><c t='e'><v>#FEHLER!</v></c></row>".to_owned(), ""),
        ("<row><c></row>".to_owned(), ""),
        ("<row><!--".to_owned(), ""),
    ] {
        let found = refused(&by_hand(&rows), Some("a"));
        let expected = format!("is a damaged workbook: {reason}");
        assert!(found.starts_with(&expected), "{rows}: {found}");
    }
    assert_eq!(
        csv(&by_hand("<row><c t='s'><v>0</v></c></row>"), None),
        "s\n"
    );
    assert_eq!(csv(&by_hand(""), None), "");
}

#[test]
fn a_row_of_repeated_long_texts_is_refused() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let long = "x".repeat(32_767);
    for column in 0..513 {
        sheet.write(0, column, &long).unwrap();
    }
    let bytes = workbook.save_to_buffer().unwrap();
    assert_eq!(
        refused(&bytes, None),
        "is a damaged workbook: a row is longer than 16 MiB"
    );
}

proptest! {
    #[test]
    fn no_damage_panics(
        at in any::<prop::sample::Index>(),
        removed in 0..9_usize,
        inserted in "[<>/&;'=0-9A-Za-z ]{0,9}|18446744073709551615|</row>|</c>|<row>",
    ) {
        let rows = "<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='inlineStr'><is><r><t>b</t></r></is></c></row>\
            <row r='3'><c r='A3' t='str'><f>A1</f><v>&lt;</v></c><c r='C3' s='1'><v>46346.5</v></c><c t='e'><v>#N/A</v></c></row>";
        let mut damaged = rows.to_owned();
        let from = at.index(rows.len());
        damaged.replace_range(from..rows.len().min(from + removed), &inserted);
        if let Err(error) = read(&by_hand(&damaged), None) {
            prop_assert!(matches!(error, WorkbookError::Damaged(_)), "{}", error);
        }
    }
}
