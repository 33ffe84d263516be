//! A CSV cell that a person may open in a spreadsheet without harm.
//!
//! Cells are appended to a block of bytes, quoted where RFC 4180 asks for it. This is the hot path of every report
//! (75 million cells for a million messages), which is why it is not a `csv::Writer`: the first cells of a message
//! are rendered once and repeated for each of its groups.

/// Appends one cell without a separator. Unless `raw`, text that a spreadsheet would run as a formula gets a leading
/// `'` (`DESIGN.md` §7); numbers keep their signs.
pub(crate) fn push(out: &mut Vec<u8>, text: &str, raw: bool) {
    let bytes = text.as_bytes();
    let guard = !raw && is_formula(bytes);
    if !bytes
        .iter()
        .any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
    {
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
pub(crate) fn push_head<'a>(out: &mut Vec<u8>, names: impl Iterator<Item = &'a str>, raw: bool) {
    for (nth, name) in names.enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        push(out, name, raw);
    }
    out.push(b'\n');
}

/// Appends a number cell.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    use std::io::Write;
    write!(out, "{number}").expect("memory takes all bytes");
}

fn is_formula(bytes: &[u8]) -> bool {
    matches!(
        bytes.first(),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')
    ) && !is_number(bytes)
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
    use proptest::prelude::*;

    fn cell(text: &str, raw: bool) -> String {
        let mut out = Vec::new();
        push(&mut out, text, raw);
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
            ("\r=1", "\"'\r=1\""),
            ("-12", "-12"),
            ("+3.5", "+3.5"),
            ("-1e6", "-1e6"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(cell(text, false), safe, "{text:?}");
            assert!(
                !cell(text, true).contains("'=") || text.contains("'="),
                "raw leaves {text:?} alone"
            );
        }
    }

    proptest! {
        #[test]
        fn every_cell_is_read_back_as_it_was(texts in proptest::collection::vec(any::<String>(), 1..6)) {
            let mut out = Vec::new();
            push_head(&mut out, texts.iter().map(String::as_str), true);
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(out.as_slice());
            if texts.iter().any(|text| !text.is_empty()) || texts.len() > 1 {
                let read: Vec<_> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
                prop_assert_eq!(read, texts);
            }
        }

        #[test]
        fn no_cell_begins_like_a_formula_unless_it_is_a_number(text in "[=+@\t\r-]?\\PC*") {
            let cell = cell(&text, false);
            let inner = cell.strip_prefix('"').unwrap_or(&cell);
            prop_assert!(!is_formula(inner.as_bytes()), "{:?}", cell);
        }
    }
}
