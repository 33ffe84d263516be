//! The cells of one record.

use std::fmt;
use std::ops::Range;

use csv_core::ReadRecordResult;
use memchr::memchr;

use super::record::Record;
use super::record_end::closing_quote;

/// Number of bytes and cells that fit before the buffers grow.
const ROOM: (usize, usize) = (1024, 64);

/// The cells of one record, without quotes. The value is reused for every record.
pub(crate) struct RecordCells {
    delimiter: u8,
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl RecordCells {
    /// Makes a splitter of records whose cells are separated by `delimiter`.
    pub(crate) fn new(delimiter: u8) -> Self {
        let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // At its first call, the reader drops a byte order mark. That is not a part of any record here.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self {
            delimiter,
            reader,
            text: vec![0; ROOM.0],
            ends: vec![0; ROOM.1],
            count: 0,
        }
    }

    /// Splits a record. If a quote in it is text or at fault, it stays in its cell; otherwise the `csv` crate splits.
    pub(crate) fn split(&mut self, record: &Record<'_>) {
        if record.has_text_quotes {
            self.split_with_text_quotes(record.bytes);
        } else {
            self.split_well_formed(record.bytes);
        }
    }

    fn split_well_formed(&mut self, mut input: &[u8]) {
        let (mut written, mut is_ended) = (0, false);
        self.count = 0;
        loop {
            let text = &mut self.text[written..];
            let ends = &mut self.ends[self.count..];
            let (result, read, wrote, ended) = self.reader.read_record(input, text, ends);
            written += wrote;
            self.count += ended;
            input = &input[read..];
            match result {
                ReadRecordResult::InputEmpty if is_ended => return,
                ReadRecordResult::InputEmpty => (input, is_ended) = (b"\n", true),
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => return,
            }
        }
    }

    /// Splits at delimiters. Removes the quotes of cells that are enclosed in quotes as a whole.
    fn split_with_text_quotes(&mut self, record: &[u8]) {
        self.text.clear();
        self.ends.clear();
        let mut from = 0;
        loop {
            let cell = &record[from..];
            let end = if let Some(content) = enclosed(cell, self.delimiter) {
                let end = content.end + 1;
                self.push_unescaped(&cell[content]);
                end
            } else {
                let end = memchr(self.delimiter, cell).unwrap_or(cell.len());
                self.text.extend_from_slice(&cell[..end]);
                end
            };
            self.ends.push(self.text.len());
            if end == cell.len() {
                break;
            }
            from += end + 1;
        }
        self.count = self.ends.len();
        self.text.resize(self.text.len().max(ROOM.0), 0);
        self.ends.resize(self.ends.len().max(ROOM.1), 0);
    }

    /// Adds the content of a quoted cell. Two quotes in a row are one quote of the text.
    fn push_unescaped(&mut self, mut content: &[u8]) {
        while let Some(quote) = memchr(b'"', content) {
            self.text.extend_from_slice(&content[..=quote]);
            content = &content[quote + 2..];
        }
        self.text.extend_from_slice(content);
    }

    /// Returns the number of cells; every record has at least one.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    fn span(&self, index: usize) -> Range<usize> {
        let from = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        from..self.ends[index]
    }

    /// Returns the cell at `index` from 0, if there is one. A cell that is not UTF-8 is empty.
    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        let span = (index < self.count).then(|| self.span(index))?;
        Some(str::from_utf8(&self.text[span]).unwrap_or_default())
    }

    /// Returns the number of cells up to the last one that has more than blanks.
    pub(crate) fn used_width(&self) -> usize {
        let is_used = |&index: &usize| !self.text[self.span(index)].trim_ascii().is_empty();
        (0..self.count)
            .rev()
            .find(is_used)
            .map_or(0, |last| last + 1)
    }

    /// Returns all cells.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.count).map(|index| self.get(index).unwrap_or_default())
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
