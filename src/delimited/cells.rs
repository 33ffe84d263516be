//! The cells of one record.

use std::fmt;
use std::ops::Range;

use csv_core::ReadRecordResult;
use memchr::{memchr, memchr_iter};

use super::record::{Quotes, Record};
use super::record_end::closing_quote;

/// Number of bytes and cells that fit before the buffers of the `csv` crate grow.
const ROOM: (usize, usize) = (1024, 64);

/// The cells of one record, without quotes. The value is reused for every record.
pub(crate) struct RecordCells {
    delimiter: u8,
    /// All cells, one after another.
    text: String,
    /// The place of each cell in `text`.
    spans: Vec<Range<usize>>,
    csv: CsvBuffers,
}

/// The reader of the `csv` crate and what it writes to.
struct CsvBuffers {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl RecordCells {
    /// Makes a splitter of records whose cells are separated by `delimiter`.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            text: String::new(),
            spans: Vec::new(),
            csv: CsvBuffers::new(delimiter),
        }
    }

    /// Splits a record, whose text is `text`. The `csv` crate splits records with well-formed quotes. In a record without
    /// quotes, every delimiter ends a cell; to look for them is faster. A quote that is text or at fault stays in its cell.
    pub(crate) fn split(&mut self, record: &Record<'_>, text: &str) {
        self.text.clear();
        self.spans.clear();
        match record.quotes {
            Quotes::None => {
                self.text.push_str(text);
                let mut start = 0;
                for end in memchr_iter(self.delimiter, text.as_bytes()) {
                    self.spans.push(start..end);
                    start = end + 1;
                }
                self.spans.push(start..text.len());
            }
            Quotes::WellFormed => self.csv.split(text, &mut self.text, &mut self.spans),
            Quotes::Text => self.split_with_text_quotes(text),
        }
    }

    /// Splits at delimiters. Removes the quotes of cells that are enclosed in quotes as a whole.
    fn split_with_text_quotes(&mut self, mut rest: &str) {
        loop {
            let start = self.text.len();
            let end = if let Some(content) = enclosed(rest.as_bytes(), self.delimiter) {
                let end = content.end + 1;
                self.text.push_str(&rest[content].replace("\"\"", "\""));
                end
            } else {
                let end = memchr(self.delimiter, rest.as_bytes()).unwrap_or(rest.len());
                self.text.push_str(&rest[..end]);
                end
            };
            self.spans.push(start..self.text.len());
            match rest.get(end + 1..) {
                Some(next) => rest = next,
                None => return,
            }
        }
    }

    /// Returns the number of cells; every record has at least one.
    pub(crate) const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns the cell at `index` from 0, if there is one.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        self.spans.get(index).map(|span| &self.text[span.clone()])
    }

    /// Returns the number of cells up to the last one that has more than blanks.
    pub(crate) fn used_width(&self) -> usize {
        let is_used = |span: &Range<usize>| !self.text[span.clone()].trim().is_empty();
        self.spans
            .iter()
            .rposition(is_used)
            .map_or(0, |last| last + 1)
    }

    /// Returns all cells.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.spans.iter().map(|span| &self.text[span.clone()])
    }
}

impl CsvBuffers {
    fn new(delimiter: u8) -> Self {
        let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // At its first call, the reader drops a byte order mark. That is not a part of any record here.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            reader,
            text: vec![0; ROOM.0],
            ends: vec![0; ROOM.1],
        }
    }

    /// Splits one record and adds its cells.
    fn split(&mut self, record: &str, text: &mut String, spans: &mut Vec<Range<usize>>) {
        let (mut written, mut cells, mut input) = (0, 0, record.as_bytes());
        loop {
            let result =
                self.reader
                    .read_record(input, &mut self.text[written..], &mut self.ends[cells..]);
            let (result, read, wrote, ended) = result;
            written += wrote;
            cells += ended;
            input = &input[read..];
            match result {
                ReadRecordResult::InputEmpty => input = b"\n",
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        text.push_str(str::from_utf8(&self.text[..written]).unwrap_or_default());
        let mut start = 0;
        for &end in &self.ends[..cells] {
            spans.push(start..end);
            start = end;
        }
    }
}

impl fmt::Debug for RecordCells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Returns the content of a first cell that is enclosed in quotes as a whole.
fn enclosed(bytes: &[u8], delimiter: u8) -> Option<Range<usize>> {
    let close = (bytes.first() == Some(&b'"')).then(|| closing_quote(bytes, 1))??;
    let is_whole = bytes.get(close + 1).is_none_or(|&next| next == delimiter);
    is_whole.then_some(1..close)
}
