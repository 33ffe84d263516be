//! Writes CSV records that are safe to open in a spreadsheet.
//!
//! The `csv` crate's core writer quotes and delimits every field. This module applies the formula guard to a field before,
//! and lets a caller repeat fields that were already written: a message's fields are the same for each of its groups.

use std::ops::Range;
use std::sync::LazyLock;

use csv_core::{Writer, WriterBuilder};

use super::CsvDialect;
use super::row::DELIMITERS;

/// A writer for each delimiter. Building one takes longer than writing a short record.
static WRITERS: LazyLock<[Writer; DELIMITERS.len()]> =
    LazyLock::new(|| DELIMITERS.map(|byte| WriterBuilder::new().delimiter(byte).build()));

/// How many bytes the buffer grows by beyond what the next field needs.
const SPARE: usize = 1024;

/// Appends records to a buffer, field by field.
pub(crate) struct RecordWriter<'o> {
    /// The records, and room for more behind `end`: the core writer takes a slice of initialised bytes.
    out: &'o mut Vec<u8>,
    end: usize,
    writer: Writer,
    guards_formulas: bool,
}

impl<'o> RecordWriter<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>, dialect: CsvDialect) -> Self {
        let delimiter = DELIMITERS
            .iter()
            .position(|byte| *byte == dialect.delimiter);
        Self {
            end: out.len(),
            out,
            writer: WRITERS[delimiter.expect("the settings allow these delimiters only")].clone(),
            guards_formulas: !dialect.raw,
        }
    }

    /// Writes a text field. A text that a spreadsheet would run as a formula gets a leading `'`, unless the dialect is raw
    ///. Numbers keep their signs.
    pub(crate) fn text(&mut self, text: &str) {
        if self.guards_formulas && is_formula(text) {
            self.field(format!("'{text}").as_bytes());
        } else {
            self.field(text.as_bytes());
        }
    }

    /// Writes one of our own words. They never look like formulas.
    pub(crate) fn word(&mut self, word: &str) {
        self.field(word.as_bytes());
    }

    /// Writes a number, or an empty field.
    pub(crate) fn number(&mut self, number: Option<u64>) {
        let (mut digits, mut start) = ([0; 20], 20);
        let mut left = number;
        while let Some(value) = left {
            start -= 1;
            digits[start] = b'0' + (value % 10).to_le_bytes()[0];
            left = (value >= 10).then_some(value / 10);
        }
        self.field(&digits[start..]);
    }

    /// Writes fields and returns their byte range for [`repeat`](Self::repeat).
    pub(crate) fn span(&mut self, write: impl FnOnce(&mut Self)) -> Range<usize> {
        let start = self.end;
        write(self);
        start..self.end
    }

    /// Writes the fields of a span again.
    pub(crate) fn repeat(&mut self, span: Range<usize>) {
        let length = span.len();
        self.make_room(length);
        self.out.copy_within(span, self.end);
        self.end += length;
    }

    /// Ends the record: a line end replaces the delimiter behind the last field.
    pub(crate) fn end(&mut self) {
        self.end -= 1;
        let (_, written) = self.writer.terminator(&mut self.out[self.end..]);
        self.end += written;
    }

    /// Writes a field and the delimiter behind it.
    fn field(&mut self, bytes: &[u8]) {
        // Every byte may be a quote, which is doubled; two quotes and a delimiter come on top.
        self.make_room(2 * bytes.len() + 3);
        // An empty field is nothing but its delimiter.
        if !bytes.is_empty() {
            let (_, _, written) = self.writer.field(bytes, &mut self.out[self.end..]);
            self.end += written;
        }
        let (_, written) = self.writer.delimiter(&mut self.out[self.end..]);
        self.end += written;
    }

    fn make_room(&mut self, length: usize) {
        if self.out.len() < self.end + length {
            self.out.resize(self.end + length + SPARE, 0);
        }
    }
}

impl Drop for RecordWriter<'_> {
    /// Removes the room behind the records.
    fn drop(&mut self) {
        self.out.truncate(self.end);
    }
}

/// Appends a record of texts, such as a header.
pub(crate) fn write_record(out: &mut Vec<u8>, fields: &[impl AsRef<str>], dialect: CsvDialect) {
    let mut record = RecordWriter::new(out, dialect);
    for field in fields {
        record.text(field.as_ref());
    }
    record.end();
}

/// Returns whether a spreadsheet would run the text as a formula. Some spreadsheets skip blanks before the sign and accept
/// the full-width signs of East Asian keyboards, so both count (OWASP, "CSV Injection").
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

/// Returns whether the text is a plain number such as `-12`, `+3.5` or `-1e6`. `-inf`, `+1+cmd` and a lone sign are not.
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

    const RAW: CsvDialect = CsvDialect {
        raw: true,
        ..CsvDialect::PLAIN
    };

    fn cell(text: &str, dialect: CsvDialect) -> String {
        let mut out = Vec::new();
        write_record(&mut out, &[text, "end"], dialect);
        let record = String::from_utf8(out).unwrap();
        let end = format!("{}end\n", char::from(dialect.delimiter));
        record.strip_suffix(&end).unwrap().to_owned()
    }

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
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
        write_record(&mut out, &["a", "b;c"], semicolons);
        assert_eq!(out, b"a;\"b;c\"\n");
    }

    proptest! {
        #[test]
        fn every_field_is_read_back_unchanged(texts in proptest::collection::vec(any::<String>(), 1..6)) {
            let mut out = Vec::new();
            let delimiter = DELIMITERS[texts.len() % DELIMITERS.len()];
            write_record(&mut out, &texts, CsvDialect { delimiter, ..RAW });
            let mut reader = ::csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(out.as_slice());
            if texts.iter().any(|text| !text.is_empty()) || texts.len() > 1 {
                let read: Vec<_> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
                prop_assert_eq!(read, texts);
            }
        }

        #[test]
        fn no_field_begins_like_a_formula_unless_it_is_a_number(text in "[ \u{a0}\n]{0,2}[=+@\t\r＝-]?\\PC*") {
            let cell = cell(&text, CsvDialect::PLAIN);
            let inner = cell.strip_prefix('"').unwrap_or(&cell);
            prop_assert!(!is_formula(inner), "{:?}", cell);
        }
    }
}
