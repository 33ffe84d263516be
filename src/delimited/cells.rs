//! The cells of a CSV record.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::records::closing_quote;

/// The cells of one record, without quotes. The value is reused for every record.
#[derive(Debug, Default)]
pub(crate) struct RecordCells {
    text: String,
    spans: Vec<Range<usize>>,
    open: bool,
}

impl RecordCells {
    /// Splits a record. A quote counts only at the beginning of a cell; text after a closing quote belongs to the cell.
    pub(crate) fn split(&mut self, record: &str, delimiter: u8) {
        self.text.clear();
        self.spans.clear();
        self.open = false;
        if memchr(b'"', record.as_bytes()).is_some() {
            self.split_quoted(record, delimiter);
            return;
        }
        self.text.push_str(record);
        let mut start = 0;
        for end in memchr_iter(delimiter, record.as_bytes()) {
            self.spans.push(start..end);
            start = end + 1;
        }
        self.spans.push(start..record.len());
    }

    fn split_quoted(&mut self, mut rest: &str, delimiter: u8) {
        loop {
            let start = self.text.len();
            if let Some(quoted) = rest.strip_prefix('"') {
                let close = closing_quote(quoted.as_bytes(), 0);
                self.open = close.is_none();
                let close = close.unwrap_or(quoted.len());
                self.text.push_str(&quoted[..close].replace("\"\"", "\""));
                rest = quoted.get(close + 1..).unwrap_or_default();
            }
            let end = memchr(delimiter, rest.as_bytes());
            self.text.push_str(&rest[..end.unwrap_or(rest.len())]);
            self.spans.push(start..self.text.len());
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return,
            }
        }
    }

    /// Returns the number of cells; every record has at least one.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the cell at `index` from 0, if there is one.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        self.spans.get(index).map(|span| &self.text[span.clone()])
    }

    /// Returns the number of cells up to the last one that is not empty.
    pub(crate) fn used_width(&self) -> usize {
        self.spans
            .iter()
            .rposition(|span| !span.is_empty())
            .map_or(0, |last| last + 1)
    }

    /// Returns all cells.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| &self.text[span.clone()])
    }

    /// Returns whether the last cell begins with a quote that is never closed.
    pub(crate) fn has_open_quote(&self) -> bool {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::records::{RecordSyntax, Records};
    use super::*;

    fn split(record: &str) -> Vec<String> {
        let mut cells = RecordCells::default();
        cells.split(record, b',');
        cells.iter().map(str::to_owned).collect()
    }

    #[test]
    fn quotes_are_removed() {
        for (record, cells) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            (r#""a,b",c"#, vec!["a,b", "c"]),
            (r#""say ""hi""","""#, vec![r#"say "hi""#, ""]),
            (r#"5" pipe,"x"y"z"#, vec![r#"5" pipe"#, r#"xy"z"#]),
            ("\"two\r\nlines\",é", vec!["two\r\nlines", "é"]),
        ] {
            assert_eq!(split(record), cells, "{record}");
        }
    }

    #[test]
    fn open_quotes_are_found() {
        for (record, open) in [
            ("\"a", true),
            ("a,\"b\"\"", true),
            ("\"a\",b", false),
            ("a\"", false),
        ] {
            let mut cells = RecordCells::default();
            cells.split(record, b',');
            assert_eq!(cells.has_open_quote(), open, "{record}");
        }
    }

    /// Returns all records of a text as this module splits them.
    fn ours(text: &str) -> Vec<Vec<String>> {
        let text = Cursor::new(text.as_bytes().to_vec());
        let mut records = Records::new(
            Box::new(text),
            RecordSyntax::Csv {
                delimiter: b',',
                remarks: false,
            },
        );
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            found.push(split(str::from_utf8(record.bytes).unwrap()));
        }
        found
    }

    /// Returns all records of a text as the `csv` crate splits them.
    fn theirs(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let rows = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect());
        rows.collect()
    }

    proptest! {
        #[test]
        fn any_text_is_split_as_by_the_csv_crate(text in "(a|é|,|\"|\n|\r\n|\"\"|,\"){0,40}") {
            prop_assert_eq!(ours(&text), theirs(&text));
        }
    }
}
