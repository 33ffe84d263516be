//! A CSV cell that a person may open in a spreadsheet without harm.
//!
//! Cells are appended to a block of bytes, quoted where RFC 4180 asks for it. This is the hot path of every report
//! (75 million cells for a million messages), which is why it is not a `csv::Writer`: the first cells of a message
//! are rendered once and repeated for each of its groups.

use super::CsvDialect;

/// Appends one cell without a separator. Unless the dialect is raw, text that a spreadsheet would run as a formula gets
/// a leading `'` (`DESIGN.md` §7); numbers keep their signs.
pub(crate) fn push(out: &mut Vec<u8>, text: &str, dialect: CsvDialect) {
    let bytes = text.as_bytes();
    let guard = !dialect.raw && is_formula(text);
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\r') || *byte == dialect.delimiter;
    if !bytes.iter().any(is_special) {
        if guard {
            out.push(b'\'');
        }
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    if guard {
        out.push(b'\'');
    }
    for &byte in bytes {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Appends a header line.
pub(crate) fn push_head(out: &mut Vec<u8>, names: &[impl AsRef<str>], dialect: CsvDialect) {
    for (nth, name) in names.iter().enumerate() {
        if nth > 0 {
            out.push(dialect.delimiter);
        }
        push(out, name.as_ref(), dialect);
    }
    out.push(b'\n');
}

/// Appends a number cell.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    use std::io::Write;
    write!(out, "{number}").expect("memory takes all bytes");
}

/// Would a spreadsheet run it? Beyond `DESIGN.md` §7: blanks before the sign are stripped by some of them, and the
/// full-width signs of East Asian keyboards are taken for the plain ones (OWASP, "CSV Injection").
fn is_formula(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@') => !is_number(text.as_bytes()),
        Some(0..b' ') => true,
        Some(b' ' | 0x7f..) => is_hidden_formula(text),
        _ => false,
    }
}

#[cold]
fn is_hidden_formula(text: &str) -> bool {
    let is_invisible = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
            )
    };
    let shown = text.trim_start_matches(is_invisible);
    shown.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number(shown.as_bytes())
}

/// A plain number such as `-12`, `+3.5` or `-1e6`; neither `-inf` nor `+1+cmd` nor a lone sign.
fn is_number(bytes: &[u8]) -> bool {
    let shaped = bytes
        .iter()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    shaped && std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::row::DELIMITERS;
    use proptest::prelude::*;

    const RAW: CsvDialect = CsvDialect {
        raw: true,
        ..CsvDialect::PLAIN
    };

    fn cell(text: &str, dialect: CsvDialect) -> String {
        let mut out = Vec::new();
        push(&mut out, text, dialect);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_are_disarmed_and_numbers_are_not() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("@SUM(1,2)", "\"'@SUM(1,2)\""),
            ("+1+2", "'+1+2"),
            ("-2+3+cmd", "'-2+3+cmd"),
            ("-", "'-"),
            ("-inf", "'-inf"),
            ("\t=1", "'\t=1"),
            ("\t12", "'\t12"),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("\0=1", "'\0=1"),
            (" =1", "' =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{feff}@x", "'\u{feff}@x"),
            ("＝1+1", "'＝1+1"),
            ("＠SUM(A1)", "'＠SUM(A1)"),
            (" -12", " -12"),
            ("-12", "-12"),
            ("+3.5", "+3.5"),
            ("-1e6", "-1e6"),
            ("a=1", "a=1"),
            ("李娜", "李娜"),
            (" 李娜", " 李娜"),
            ("'=1", "'=1"),
            ("\"=1", "\"\"\"=1\""),
            ("", ""),
        ] {
            assert_eq!(cell(text, CsvDialect::PLAIN), safe, "{text:?}");
            assert!(
                !cell(text, RAW).contains("'=") || text.contains("'="),
                "raw leaves {text:?} alone"
            );
        }
    }

    #[test]
    fn only_the_delimiter_in_use_is_quoted() {
        let semicolons = CsvDialect {
            delimiter: b';',
            ..CsvDialect::PLAIN
        };
        assert_eq!(cell("a,b", semicolons), "a,b");
        assert_eq!(cell("a;b", semicolons), "\"a;b\"");
        let mut out = Vec::new();
        push_head(&mut out, &["a", "b;c"], semicolons);
        assert_eq!(out, b"a;\"b;c\"\n");
    }

    proptest! {
        #[test]
        fn every_cell_is_read_back_as_it_was(texts in proptest::collection::vec(any::<String>(), 1..6)) {
            let mut out = Vec::new();
            let delimiter = DELIMITERS[texts.len() % DELIMITERS.len()];
            push_head(&mut out, &texts, CsvDialect { delimiter, ..RAW });
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(out.as_slice());
            if texts.iter().any(|text| !text.is_empty()) || texts.len() > 1 {
                let read: Vec<_> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
                prop_assert_eq!(read, texts);
            }
        }

        #[test]
        fn no_cell_begins_like_a_formula_unless_it_is_a_number(text in "[ \u{a0}\n]{0,2}[=+@\t\r＝-]?\\PC*") {
            let cell = cell(&text, CsvDialect::PLAIN);
            let inner = cell.strip_prefix('"').unwrap_or(&cell);
            prop_assert!(!is_formula(inner), "{:?}", cell);
        }
    }
}
