use proptest::prelude::*;

use super::*;

const MEDIA_TYPE: &str = "application/vnd.oasis.opendocument.spreadsheet";

/// Makes a workbook of tables, given as XML.
fn with_tables(tables: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<office:document-content><office:body><office:spreadsheet>{tables}\
         </office:spreadsheet></office:body></office:document-content>"
    );
    zipped(&[("mimetype", MEDIA_TYPE), ("content.xml", &content)])
}

fn with_rows(rows: &str) -> Vec<u8> {
    with_tables(&format!("<table:table table:name='a'>{rows}</table:table>"))
}

fn text(text: &str) -> String {
    format!(
        "<table:table-cell office:value-type='string'><text:p>{text}</text:p></table:table-cell>"
    )
}

/// Makes a row of a cell that is there `columns` times, which is there `rows` times.
fn repeated(columns: &str, rows: &str) -> String {
    let columns = format!("cell table:number-columns-repeated='{columns}'");
    let cell = text("x").replacen("cell", &columns, 1);
    format!("<table:table-row table:number-rows-repeated='{rows}'>{cell}</table:table-row>")
}

fn row(cells: &str) -> String {
    format!("<table:table-row>{cells}</table:table-row>")
}

#[test]
fn every_kind_of_cell_has_a_text() {
    for (attributes, content, expected) in [
        ("office:value-type='string'", "<text:p>a</text:p>", "a"),
        (
            "office:value-type='string' office:string-value='b'",
            "<text:p>a</text:p>",
            "b",
        ),
        (
            "office:value-type='float' office:value='17.0'",
            "<text:p>17,00 €</text:p>",
            "17",
        ),
        (
            "office:value-type='percentage' office:value='0.1'",
            "<text:p>10 %</text:p>",
            "0.1",
        ),
        (
            "office:value-type='currency' office:value='1.5E+031'",
            "",
            "1.5E+31",
        ),
        (
            "office:value-type='date' office:date-value='2026-11-20T14:00:00'",
            "",
            "2026-11-20T14:00:00",
        ),
        (
            "office:value-type='time' office:time-value='PT36H30M00S'",
            "",
            "PT36H30M",
        ),
        (
            "office:value-type='boolean' office:boolean-value='true'",
            "",
            "TRUE",
        ),
        (
            "table:formula='of:=A1' office:value-type='float' office:value='18'",
            "",
            "18",
        ),
        (
            "office:value-type='string' office:string-value='' calcext:value-type='error'",
            "<text:p>#N/A</text:p>",
            "#N/A",
        ),
        (
            "office:value-type='float' office:value='0' calcext:value-type='error'",
            "<text:p>Err:502</text:p>",
            "Err:502",
        ),
    ] {
        let cell = format!("<table:table-cell {attributes}>{content}</table:table-cell>");
        assert_eq!(csv(&with_rows(&row(&cell)), None), format!("{expected}\n"));
    }
}

#[test]
fn text_is_what_the_cell_shows() {
    for (content, expected) in [
        ("<text:p>a</text:p><text:p>b</text:p>", "a\nb"),
        ("<text:p>a &amp; b &#233;&lt;</text:p>", "a & b é<"),
        (
            "<text:p> \n a\n\t b <text:s text:c='2'/></text:p>",
            "a b   ",
        ),
        ("<text:p>\n  a\n</text:p>\n", "a"),
        (
            "<text:p><text:span>ri<text:span>c</text:span></text:span>h</text:p>",
            "rich",
        ),
        (
            "<text:p>a<text:tab/>b<text:line-break/>c</text:p>",
            "a\tb\nc",
        ),
        (
            "<office:annotation><text:p>no</text:p></office:annotation><text:p>a</text:p>",
            "a",
        ),
        (
            "<text:p>a<office:annotation><text:p>no</text:p></office:annotation>b</text:p>",
            "ab",
        ),
        (
            "<draw:frame><draw:text-box><text:p>no</text:p></draw:text-box></draw:frame>",
            "",
        ),
        ("<text:p><![CDATA[<b>]]></text:p>", "<b>"),
        ("<text:p></text:p><text:p>b</text:p>", "\nb"),
        ("<text:p/>", ""),
    ] {
        let cell = format!("<table:table-cell>{content}</table:table-cell>");
        let bytes = with_rows(&row(&(cell + &text("."))));
        let text = csv(&bytes, None);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(&record[0], expected, "{content}");
    }
}

#[test]
fn repeated_rows_and_cells_are_counted() {
    let rows = "<table:table-header-rows><table:table-row table:number-rows-repeated='2'/></table:table-header-rows>\
        <table:table-row-group><table:table-row><table:table-cell table:number-columns-repeated='2'/>\
        <table:table-cell table:number-columns-repeated='2'><text:p>b</text:p></table:table-cell>\
        <table:covered-table-cell><text:p>c</text:p></table:covered-table-cell>\
        <table:table-cell table:number-columns-repeated='16379'/></table:table-row></table:table-row-group>\
        <table:table-row table:number-rows-repeated='2'><table:table-cell><text:p>d</text:p></table:table-cell></table:table-row>\
        <table:table-row table:number-rows-repeated='1048571'><table:table-cell table:number-columns-repeated='16384'/></table:table-row>\
        <table:table-row table:number-rows-repeated='99999999'/>";
    assert_eq!(csv(&with_rows(rows), None), "\n\n,,b,b,c\nd\nd\n");
}

#[test]
fn sheets_are_searched_named_and_numbered() {
    let table = |name: &str, cell: &str| {
        let shapes = "<table:shapes><table:table><table:table-row/></table:table></table:shapes>";
        let rows = row(&text("title")) + &row(&text(cell));
        format!("<table:table table:name='{name}'>{shapes}{rows}</table:table>")
    };
    let history = "<table:tracked-changes><table:table-cell/></table:tracked-changes>";
    let two = table("a &amp; b", "x") + &table("c", HEADER);
    let bytes = with_tables(&(history.to_owned() + &two));
    assert_eq!(read(&bytes, None).unwrap().name, "c");
    assert_eq!(csv(&bytes, None), "title\nmsg_id\n");
    assert_eq!(csv(&bytes, Some("a & b")), "title\nx\n");
    assert_eq!(csv(&bytes, Some("1")), "title\nx\n");
    let three = with_tables(&(two + &table("d", HEADER)));
    assert_eq!(
        refused(&three, None),
        "has 2 sheets with a message-ID column: `c`, `d`"
    );
    assert_eq!(
        refused(&three, Some("e")),
        "has no sheet `e`; its sheets are `a & b`, `c`, `d`"
    );
    assert_eq!(
        refused(&with_tables(""), None),
        "is a zip archive, but no workbook"
    );
}

#[test]
fn a_header_after_many_rows_is_not_searched() {
    let after = |count| {
        let rows = format!(
            "<table:table-row table:number-rows-repeated='{count}'>{}</table:table-row>",
            text("x")
        );
        let rows = rows + &row("") + &row(&text(HEADER));
        let table = |name| format!("<table:table table:name='{name}'>{rows}</table:table>");
        with_tables(&(table("a") + &table("b")))
    };
    assert!(refused(&after(19), None).starts_with("has 2 sheets"));
    assert!(refused(&after(20), None).starts_with("has no sheet"));
}

#[test]
fn damaged_sheets_are_refused() {
    let long = "x".repeat(1 << 20);
    let long = text(&long).replacen("cell", "cell table:number-columns-repeated='17'", 1);
    for (rows, reason) in [
        (
            repeated("1", "1048577"),
            "a sheet has more than 1048576 rows",
        ),
        (
            repeated("1", "18446744073709551615"),
            "a sheet has more than 1048576 rows",
        ),
        (repeated("16385", "1"), "a row has more than 16384 cells"),
        (
            repeated("18446744073709551615", "1"),
            "a row has more than 16384 cells",
        ),
        (repeated("many", "1"), "`many` is no number of repetitions"),
        (row(&long), "a row is longer than 16 MiB"),
        (
            row(&text("<text:s text:c='99999999999'/>")),
            "a row is longer than 16 MiB",
        ),
        (row(&text("&nbsp;")), "`&nbsp;` is not defined"),
        (
            row("<table:table-cell office:value-type='float' office:value='1,5'/>"),
            "a cell has the number `1,5`",
        ),
        ("<table:table-row>".to_owned(), ""),
    ] {
        let found = refused(&with_rows(&rows), None);
        let expected = format!("is a damaged workbook: {reason}");
        assert!(found.starts_with(&expected), "{rows:.200}: {found}");
    }
}

#[test]
fn a_content_that_is_cut_off_is_refused() {
    let whole = format!(
        "<a><table:table table:name='a'>{}</table:table></a>",
        row(&text("x"))
    );
    let end = whole.find("</table:table>").unwrap();
    for length in 4..end {
        let bytes = zipped(&[("mimetype", MEDIA_TYPE), ("content.xml", &whole[..length])]);
        let found = refused(&bytes, None);
        let is_told = found.starts_with("is a damaged workbook: ") || length < 31;
        assert!(is_told, "{length}: {found}");
    }
}

proptest! {
    #[test]
    fn no_damage_panics(
        at in any::<prop::sample::Index>(),
        removed in 0..9_usize,
        inserted in "[<>/&;'=0-9A-Za-z ]{0,9}|18446744073709551615|</text:p>|</table:table-row>|<text:p>",
    ) {
        let rows = repeated("2", "3") + &row(&text("a&lt;<text:s text:c='2'/><text:span>b</text:span>"));
        let mut damaged = rows.clone();
        let from = at.index(rows.len());
        damaged.replace_range(from..rows.len().min(from + removed), &inserted);
        if let Err(error) = read(&with_rows(&damaged), None) {
            prop_assert!(matches!(error, WorkbookError::Damaged(_)), "{}", error);
        }
    }
}
