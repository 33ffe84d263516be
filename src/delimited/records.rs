//! Splits a stream of bytes into records: lines, or CSV records whose quoted cells may contain line ends.
//!
//! The same code counts records and reads them, so both see the same number.

use std::borrow::Cow;
use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memchr2};

/// The longest record. In a longer one, a quote was left open, or the file is something else.
const MAX_LENGTH: usize = 16 << 20;
/// How many bytes are read at once.
const CHUNK: usize = 256 << 10;
/// The UTF-8 byte order mark that some programs write before the text.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What ends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordSyntax {
    /// Every line end. Blank lines are skipped.
    Lines,
    /// A line end outside quotes. Empty lines are skipped.
    Csv {
        /// The byte between two cells.
        delimiter: u8,
        /// Whether a line that begins with `#` is a comment. A comment is one record, whatever quotes it contains.
        remarks: bool,
    },
}

/// One record, without its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// The line of the file where the record begins, from 1.
    pub line: u64,
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// Returns the record's text. If it is not UTF-8, the text is owned and has replacement characters.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        // The standard library's lossy decoder works character by character; the strict one is faster.
        match str::from_utf8(self.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(self.bytes),
        }
    }
}

/// Reads records in memory that does not grow with the file.
pub(crate) struct Records {
    reader: Box<dyn Read + Send>,
    cut: RecordSyntax,
    buffer: Vec<u8>,
    /// The part of the buffer that was read but not returned yet.
    start: usize,
    end: usize,
    ended: bool,
    line: u64,
}

impl Records {
    pub(crate) fn new(reader: Box<dyn Read + Send>, cut: RecordSyntax) -> Self {
        Self {
            reader,
            cut,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            line: 1,
        }
    }

    /// Returns the next record that is not blank.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        loop {
            let window = &self.buffer[self.start..self.end];
            let (length, lines) = match self.cut.end(window) {
                Some(end) => end,
                None if !self.ended => {
                    self.fill()?;
                    continue;
                }
                None if window.is_empty() => return Ok(None),
                None => (window.len(), 1),
            };
            let (from, line) = (self.start, self.line);
            self.start = (from + length + 1).min(self.end);
            self.line += lines;
            let bytes = &self.buffer[from..from + length];
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if !self.cut.is_blank(bytes) {
                // Borrowed again, because the loop above must not hold the buffer.
                let bytes = &self.buffer[from..from + bytes.len()];
                return Ok(Some(Record { line, bytes }));
            }
        }
    }

    /// Counts the remaining records.
    pub(crate) fn count(mut self) -> io::Result<u64> {
        let mut count = 0;
        while self.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Reads until the buffer is full. What is left moves to the front first; if it fills the buffer, the buffer grows.
    fn fill(&mut self) -> io::Result<()> {
        let is_first = self.buffer.is_empty();
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end > MAX_LENGTH {
            return Err(too_long(self.line));
        }
        if self.end * 2 >= self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).max(CHUNK), 0);
        }
        while self.end < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if is_first && self.buffer[..self.end].starts_with(BOM) {
            self.start = BOM.len();
        }
        Ok(())
    }
}

impl RecordSyntax {
    /// Returns where the first record ends within these bytes and how many lines it has, if it ends there.
    fn end(self, bytes: &[u8]) -> Option<(usize, u64)> {
        match self {
            Self::Lines => Some((memchr(b'\n', bytes)?, 1)),
            Self::Csv { remarks: true, .. } if bytes.first() == Some(&b'#') => {
                Some((memchr(b'\n', bytes)?, 1))
            }
            Self::Csv { delimiter, .. } => match memchr2(b'\n', b'"', bytes)? {
                end if bytes[end] == b'\n' => Some((end, 1)),
                _ => {
                    let end = end_behind_quotes(bytes, delimiter)?;
                    Some((end, 1 + memchr_iter(b'\n', &bytes[..end]).count() as u64))
                }
            },
        }
    }

    fn is_blank(self, record: &[u8]) -> bool {
        match self {
            Self::Lines => record.trim_ascii().is_empty(),
            Self::Csv { .. } => record.is_empty(),
        }
    }
}

/// Returns the end of a CSV record with quotes. A quote counts only at the beginning of a cell.
fn end_behind_quotes(bytes: &[u8], delimiter: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            at = closing_quote(bytes, at + 1)? + 1;
        }
        at += memchr2(delimiter, b'\n', &bytes[at..])?;
        if bytes[at] == b'\n' {
            return Some(at);
        }
        at += 1;
    }
}

/// Returns the quote that closes a cell whose content begins at `from`. Two quotes in a row are one quote in the text.
pub(crate) fn closing_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', &bytes[from..])?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

fn too_long(line: u64) -> io::Error {
    let megabytes = MAX_LENGTH >> 20;
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "the record that begins in line {line} is longer than {megabytes} MiB; is a quote left open there?"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const COMMA: RecordSyntax = RecordSyntax::Csv {
        delimiter: b',',
        remarks: false,
    };

    fn cut(text: &[u8], cut: RecordSyntax) -> Vec<(u64, String)> {
        let mut records = Records::new(Box::new(Cursor::new(text.to_vec())), cut);
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            found.push((
                record.line,
                String::from_utf8_lossy(record.bytes).into_owned(),
            ));
        }
        found
    }

    #[test]
    fn lines_are_counted_through_blank_lines_crlf_and_quotes() {
        let text = b"\xef\xbb\xbfa,b\r\n\r\n\"x\r\ny\"\"\n\",2\r\n3,4\n\n\n5,\"\n\"\n6";
        let expected = [
            (1, "a,b"),
            (3, "\"x\r\ny\"\"\n\",2"),
            (6, "3,4"),
            (9, "5,\"\n\""),
            (11, "6"),
        ];
        let expected: Vec<_> = expected.map(|(line, text)| (line, text.to_owned())).into();
        assert_eq!(cut(text, COMMA), expected);
    }

    #[test]
    fn quotes_inside_cells_are_text() {
        let found = cut(b"5\" pipe,1\n\"a\"b\"\n,c\n", COMMA);
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], (2, "\"a\"b\"".to_owned()));
    }

    #[test]
    fn blank_lines_are_skipped_in_lines_only() {
        assert_eq!(
            cut(b" \t\r\nx\n", RecordSyntax::Lines),
            [(2, "x".to_owned())]
        );
        assert_eq!(cut(b" \nx\n", COMMA).len(), 2);
        assert_eq!(cut(b"", COMMA).len(), 0);
    }

    #[test]
    fn records_may_be_longer_than_the_buffer() {
        let long = format!("\"{}\"\n", "line\n".repeat(CHUNK));
        let text = [&long, "a\n", &long, "b\n"].concat();
        let found = cut(text.as_bytes(), COMMA);
        assert_eq!(
            found.iter().map(|(_, text)| text.len()).collect::<Vec<_>>(),
            [long.len() - 1, 1, long.len() - 1, 1]
        );
        assert_eq!(found[1].0, CHUNK as u64 + 2);
    }

    #[test]
    fn records_with_open_quotes_are_limited() {
        let text = ["a\n\"", &"x".repeat(2 * MAX_LENGTH)].concat();
        let records = Records::new(Box::new(Cursor::new(text.into_bytes())), COMMA);
        let error = records.count().unwrap_err().to_string();
        assert_eq!(
            error,
            "the record that begins in line 2 is longer than 16 MiB; is a quote left open there?"
        );
    }
}
