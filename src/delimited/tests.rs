//! Records and cells of whole texts.

use std::io::Cursor;

use proptest::prelude::*;

use super::record::Quotes;
use super::*;

const COMMA: RecordSyntax = RecordSyntax::Csv {
    delimiter: b',',
    remarks: false,
};
const TAB: RecordSyntax = RecordSyntax::Csv {
    delimiter: b'\t',
    remarks: false,
};
const ID: &str = "1E0578FE110F18B4AAC235C0C8460BA2";

fn records(text: &[u8], syntax: RecordSyntax) -> Records {
    Records::new(Box::new(Cursor::new(text.to_vec())), syntax)
}

/// Returns line and text of each record.
fn cut(text: impl AsRef<[u8]>, syntax: RecordSyntax) -> Vec<(u64, String)> {
    let mut records = records(text.as_ref(), syntax);
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        found.push((record.line, record.text().into_owned()));
    }
    found
}

/// Returns the cells of each record, or the fault of its quotes.
fn cells(
    text: impl AsRef<[u8]>,
    syntax: RecordSyntax,
) -> Vec<(u64, Vec<String>, Option<QuoteFault>)> {
    let RecordSyntax::Csv { delimiter, .. } = syntax else {
        panic!("cells are parts of CSV records")
    };
    let mut records = records(text.as_ref(), syntax);
    let mut cells = RecordCells::new(delimiter);
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        cells.split(&record, &record.text());
        found.push((
            record.line,
            cells.iter().map(str::to_owned).collect(),
            record.fault,
        ));
    }
    found
}

fn error(text: impl AsRef<[u8]>, syntax: RecordSyntax) -> String {
    let mut records = records(text.as_ref(), syntax);
    loop {
        match records.next() {
            Ok(Some(_)) => {}
            Ok(None) => return "none".to_owned(),
            Err(error) => return error.to_string(),
        }
    }
}

fn owned<const N: usize>(records: [(u64, &str); N]) -> Vec<(u64, String)> {
    records.map(|(line, text)| (line, text.to_owned())).into()
}

#[test]
fn lines_are_counted_through_blank_lines_and_quotes() {
    let text = b"\xef\xbb\xbfa,b\r\n\r\n\"x\r\ny\"\"\n\",2\r\n3,4\n\n\r5,\"\n\"\n6\r7\r";
    let expected = owned([
        (1, "a,b"),
        (3, "\"x\r\ny\"\"\n\",2"),
        (6, "3,4"),
        (9, "5,\"\n\""),
        (11, "6"),
        (12, "7"),
    ]);
    assert_eq!(cut(text, COMMA), expected);
}

#[test]
fn line_ends_depend_on_the_syntax() {
    let text = "a\rb\r\nc\n";
    assert_eq!(
        cut(text, RecordSyntax::Lines),
        owned([(1, "a"), (2, "b"), (3, "c")])
    );
    assert_eq!(
        cut(text, RecordSyntax::JsonLines),
        owned([(1, "a\rb"), (2, "c")])
    );
    assert_eq!(cut(text, COMMA), owned([(1, "a"), (2, "b"), (3, "c")]));
    // A CR at the end of what was read first is not a line end of its own.
    let long = format!("{}\r\nb", "x".repeat(256 * 1024 - 1));
    assert_eq!(cut(long, COMMA)[1], (2, "b".to_owned()));
}

#[test]
fn blank_lines_and_empty_rows_are_skipped() {
    assert_eq!(cut(" \t\r\nx\n", RecordSyntax::Lines), owned([(2, "x")]));
    assert_eq!(cut(",,\n , \t\n\na,\n", COMMA), owned([(4, "a,")]));
    assert_eq!(cut("", COMMA), []);
    assert_eq!(cut("\u{feff}\u{feff}a", COMMA), owned([(1, "a")]));
}

#[test]
fn text_after_a_closing_quote_costs_only_its_line() {
    let text =
        "a,b,c\n1,\"x,2\n3,y\",\"z\n4,\"5\" inch,6\n7,\"multi\nline\",8\n9,\"open,10\n11,12,13\n";
    let fault = |line, cell, closing_line| {
        Some(QuoteFault {
            line,
            cell,
            closing_line,
        })
    };
    let row = |line, cells: [&str; 3], fault| (line, cells.map(str::to_owned).to_vec(), fault);
    assert_eq!(
        cells(text, COMMA)[1..],
        [
            // The quote of line 2 closes in line 3, and a delimiter follows: this is well formed CSV.
            row(2, ["1", "x,2\n3,y", "\"z"], fault(3, 2, Some(4))),
            row(4, ["4", "\"5\" inch", "6"], fault(4, 1, Some(4))),
            row(5, ["7", "multi\nline", "8"], None),
            row(7, ["9", "\"open", "10"], fault(7, 1, None)),
            row(8, ["11", "12", "13"], None),
        ]
    );
}

#[test]
fn quotes_of_tsv_are_text_unless_they_enclose_a_cell() {
    let text = format!(
        "\"5 inch\ta\n6\" x 4\"\tb\n\"big\" thing\tc\n\"two\nlines\"\td\n\"open\te\n{ID}\" \tf\n\"a\n{ID}\"\tg\n\"\"\"q\"\"\"\th\n"
    );
    let found: Vec<_> = cells(&text, TAB)
        .into_iter()
        .map(|(line, cells, fault)| {
            assert_eq!(fault, None);
            (line, cells.join("|"))
        })
        .collect();
    let last = format!("{ID}\"|g");
    assert_eq!(
        found,
        owned([
            (1, "\"5 inch|a"),
            (2, "6\" x 4\"|b"),
            (3, "\"big\" thing|c"),
            (4, "two\nlines|d"),
            (6, "\"open|e"),
            (7, &format!("{ID}\" |f")),
            (8, "\"a"),
            (9, &last),
            (10, "\"q\"|h"),
        ])
    );
}

#[test]
fn records_may_be_longer_than_what_is_read_at_once() {
    let long = format!("\"{}\"\n", "line\n".repeat(256 * 1024));
    let found = cut([&long, "a\n", &long, "b\n"].concat(), COMMA);
    let lengths: Vec<_> = found.iter().map(|(_, text)| text.len()).collect();
    assert_eq!(lengths, [long.len() - 1, 1, long.len() - 1, 1]);
    assert_eq!(found[1].0, 256 * 1024 + 2);
}

#[test]
fn the_longest_record_has_16_mib() {
    let longest = "x".repeat(MAX_LENGTH);
    for syntax in [COMMA, TAB, RecordSyntax::Lines, RecordSyntax::JsonLines] {
        for end in ["\n", "\r\n", ""] {
            assert_eq!(cut(format!("a\n{longest}{end}"), syntax).len(), 2);
            let longer = error(format!("a\n{longest}x{end}"), syntax);
            assert_eq!(
                longer,
                "the record that begins in line 2 is longer than 16 MiB"
            );
        }
    }
    let string = format!("[1,\n\"{}\"]", &longest[2..]);
    assert_eq!(error(&string, RecordSyntax::JsonValues), "none");
    let longer = format!("[1,\n\"{longest}\"]");
    assert_eq!(
        error(&longer, RecordSyntax::JsonValues),
        "the record that begins in line 2 is longer than 16 MiB"
    );
}

#[test]
fn a_quote_that_is_not_closed_within_16_mib_is_never_closed() {
    let text = format!("\"a,b\n{}\",c\n", "line\n".repeat(MAX_LENGTH / 5));
    let found = cells(&text, COMMA);
    assert_eq!(found[0].1, ["\"a", "b"]);
    assert_eq!(found[0].2.unwrap().closing_line, None);
    assert_eq!(found.len(), MAX_LENGTH / 5 + 2);
}

#[test]
fn json_values_stand_alone_or_in_arrays() {
    let text = "\u{feff}[\n  {\"a\": [1, \"]\"]},\r\n  {\n \"b\":\"\\\"}\"}\n, 7 ] {\"c\":1}{}\n\"s\" true\n";
    assert_eq!(
        cut(text, RecordSyntax::JsonValues),
        owned([
            (2, "{\"a\": [1, \"]\"]}"),
            (3, "{\n \"b\":\"\\\"}\"}"),
            (5, "7"),
            (5, "{\"c\":1}"),
            (5, "{}"),
            (6, "\"s\""),
            (6, "true"),
        ])
    );
    let mut found = records(text.as_bytes(), RecordSyntax::JsonValues);
    let mut columns = Vec::new();
    while let Some(record) = found.next().unwrap() {
        columns.push(record.column);
    }
    assert_eq!(columns, [3, 3, 3, 7, 14, 1, 5]);
}

#[test]
fn faults_of_json_have_a_place() {
    for (text, expected) in [
        (
            "[{},\n {}\n {}]",
            "line 3, column 2: found `{`, expected `,` or `]`",
        ),
        (
            "[{},]",
            "line 1, column 5: found `]`, expected a JSON value",
        ),
        (
            "[{}\n",
            "line 2, column 1: the file ends inside an array, expected `]`",
        ),
        (
            "{\"a\":[1,\n",
            "line 1, column 1: the value that begins here does not end",
        ),
        ("{}\n  é", "none"), // a scalar, whose fault the JSON parser finds
        (
            "{},{}",
            "line 1, column 3: found `,`, expected a JSON value",
        ),
        ("[]", "none"),
    ] {
        assert_eq!(error(text, RecordSyntax::JsonValues), expected, "{text}");
    }
}

#[test]
fn records_of_a_sheet_are_counted() {
    let text = "a,b\n \n\"x\ny\",1\n2,\"z\n";
    let mut found = records(text.as_bytes(), COMMA).of_sheet();
    let mut lines = Vec::new();
    while let Some(record) = found.next().unwrap() {
        lines.push((record.line, record.fault.is_some()));
    }
    assert_eq!(lines, [(1, false), (3, false), (4, true)]);
}

/// Returns all records of a text as the `csv` crate splits them.
fn by_csv_crate(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

/// Returns the number of lines of a text as they are counted by hand: LF, CRLF and lone CR end one.
fn line_count(text: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(text)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.split('\n').count() as u64
}

proptest! {
    #[test]
    fn well_formed_text_is_split_as_by_the_csv_crate(
        rows in prop::collection::vec(prop::collection::vec("(a|é|,|\"|\n|\r\n|\r){0,6}", 1..4), 0..6),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let cell = |cell: &String| if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() };
        let row = |row: &Vec<String>| row.iter().map(cell).collect::<Vec<_>>().join(",") + end;
        let text: String = rows.iter().map(row).collect();
        let found: Vec<_> = cells(&text, COMMA).into_iter().map(|(_, cells, fault)| {
            assert_eq!(fault, None);
            cells
        }).collect();
        let theirs: Vec<_> = by_csv_crate(&text).into_iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
        prop_assert_eq!(found, theirs);
    }

    #[test]
    fn every_line_is_in_one_record_or_blank(
        text in prop::collection::vec(prop::sample::select(b"\"\"\"\r\n\n\r,,\t\0a\xff ".to_vec()), 0..60),
    ) {
        for syntax in [COMMA, TAB, RecordSyntax::Lines] {
            let mut records = records(&text, syntax);
            let mut next = 1;
            let mut bytes = 0;
            while let Some(record) = records.next().unwrap() {
                prop_assert!(record.line >= next);
                next = record.line + line_count(record.bytes);
                bytes += record.bytes.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte > 127 || **byte == 0).count();
                if record.fault.is_none() && record.quotes != Quotes::Text {
                    prop_assert!(record.has_lines == (line_count(record.bytes) > 1));
                }
            }
            prop_assert!(text.is_empty() || next <= line_count(&text) + 1);
            // No record is lost: all bytes that are not line ends, delimiters, quotes or blanks are in some record.
            let all = text.iter().filter(|byte| byte.is_ascii_alphabetic() || **byte > 127 || **byte == 0).count();
            prop_assert_eq!(bytes, all);
        }
    }

    #[test]
    fn json_values_are_those_that_serde_reads(
        values in prop::collection::vec(any_json(), 0..5), is_array in any::<bool>(), is_pretty in any::<bool>(),
    ) {
        let write = |value: &serde_json::Value| if is_pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() };
        let text = if is_array { write(&serde_json::Value::Array(values.clone())) } else { values.iter().filter(|value| !value.is_array()).map(write).collect::<Vec<_>>().join(" ") };
        let expected: Vec<_> = values.into_iter().filter(|value| is_array || !value.is_array()).collect();
        let found: Vec<serde_json::Value> = cut(&text, RecordSyntax::JsonValues)
            .iter()
            .map(|(_, text)| serde_json::from_str(text).unwrap())
            .collect();
        prop_assert_eq!(found, expected);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[\\PC\"\\\\{}\\[\\],]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z\"{]{0,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
