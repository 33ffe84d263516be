//! Splits a stream of bytes into records: lines, CSV records whose quoted cells may contain line ends, or JSON values.
//!
//! The same code counts records and reads them, so both see the same number.

use std::io::{self, Read};

use memchr::{memchr_iter, memrchr};

use super::json_values::{JsonPiece, JsonState};
use super::record::Record;
use super::record_end::{RecordEnd, Window, csv_end, line_end};

/// The length of the longest record, without its line end.
pub(crate) const MAX_LENGTH: usize = 16 << 20;
/// Number of bytes in which the end of a record is sought: the longest record and its line end.
const WINDOW: usize = MAX_LENGTH + 2;
/// How many bytes are read at once.
const CHUNK: usize = 256 << 10;
/// The UTF-8 byte order mark that some programs write before the text, some of them twice.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What ends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordSyntax {
    /// LF, CRLF or a lone CR. Blank lines are skipped.
    Lines,
    /// LF or CRLF, since a lone CR is white space in JSON. Blank lines are skipped.
    JsonLines,
    /// The end of a JSON value, at top level or in an array at top level.
    JsonValues,
    /// LF, CRLF or a lone CR outside quotes. Records of delimiters and blanks only are skipped. If the delimiter is a
    /// tab, a quote is syntax only where it encloses a cell as a whole.
    Csv {
        /// The byte between two cells.
        delimiter: u8,
        /// Whether a line that begins with `#` is a comment. A comment is one record, whatever quotes it contains.
        remarks: bool,
    },
}

/// Why the next record cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A record is longer than any that is read.
    #[error("the record that begins in line {line} is longer than {} MiB", MAX_LENGTH >> 20)]
    TooLong {
        /// The line where the record begins, from 1.
        line: u64,
    },
    /// The file is not JSON there.
    #[error("line {line}, column {column}: {problem}")]
    Json {
        /// The line, from 1.
        line: u64,
        /// The byte of that line, from 1.
        column: u64,
        /// What was found and what was expected.
        problem: String,
    },
}

/// Reads records in memory that does not grow with the file.
pub(crate) struct Records {
    reader: Box<dyn Read + Send>,
    syntax: RecordSyntax,
    buffer: Vec<u8>,
    /// The part of the buffer that was read but not returned yet.
    start: usize,
    end: usize,
    ended: bool,
    /// Line and byte of that line where the next record is sought.
    line: u64,
    column: u64,
    /// Whether each record is a row of a sheet, so that `line` counts records, blank ones included.
    is_sheet: bool,
    /// Whether a record is returned as soon as it was read, because the next bytes may come much later.
    is_live: bool,
    json: JsonState,
}

/// A record within the buffer.
struct Found {
    from: usize,
    end: RecordEnd,
    line: u64,
    column: u64,
}

impl Records {
    pub(crate) fn new(reader: Box<dyn Read + Send>, syntax: RecordSyntax) -> Self {
        Self {
            reader,
            syntax,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            ended: false,
            line: 1,
            column: 1,
            is_sheet: false,
            is_live: false,
            json: JsonState::default(),
        }
    }

    /// Counts records instead of lines, where each record is a row of a sheet.
    pub(crate) const fn of_sheet(mut self) -> Self {
        self.is_sheet = true;
        self
    }

    /// Returns each record as soon as it was read, without filling the buffer first.
    pub(crate) const fn arriving(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// Skips the first `length` bytes after the byte order mark, which are the lines before `line`.
    pub(crate) fn skip(&mut self, mut length: u64, line: u64) -> io::Result<()> {
        self.line = line;
        while length > 0 && !(self.ended && self.start == self.end) {
            if self.start == self.end {
                self.fill()?;
            }
            let here = (self.end - self.start).min(usize::try_from(length).unwrap_or(usize::MAX));
            self.start += here;
            length -= here as u64;
        }
        Ok(())
    }

    /// Returns the next record that is not blank.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        loop {
            let Some(found) = self.find()? else {
                return Ok(None);
            };
            let Found {
                from,
                end,
                line,
                column,
            } = found;
            if end.length > MAX_LENGTH {
                return Err(RecordError::TooLong { line });
            }
            if !self.syntax.is_blank(&self.buffer[from..from + end.length]) {
                let fault = end.fault.map(|fault| fault.moved_down(line));
                return Ok(Some(Record {
                    line,
                    column,
                    has_lines: end.lines > 1,
                    quotes: end.quotes,
                    fault,
                    bytes: &self.buffer[from..from + end.length],
                }));
            }
        }
    }

    /// Finds the next record, blank or not, and moves behind it. Returns `None` at the end of the file.
    #[inline]
    fn find(&mut self) -> Result<Option<Found>, RecordError> {
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let window = Window {
                bytes: &bytes[..bytes.len().min(WINDOW)],
                is_whole: self.ended || bytes.len() >= WINDOW,
            };
            let is_end = self.ended && bytes.is_empty();
            let end = match self.syntax {
                RecordSyntax::JsonValues => match self.find_json(window)? {
                    JsonPiece::End => return Ok(None),
                    JsonPiece::Unfinished => None,
                    JsonPiece::Between(length, after) => {
                        self.pass_json(length, after);
                        continue;
                    }
                    JsonPiece::Value(length, after) => {
                        return Ok(Some(self.take_json(length, after)));
                    }
                },
                _ if is_end => return Ok(None),
                RecordSyntax::Lines => line_end(window, true),
                RecordSyntax::JsonLines => line_end(window, false),
                RecordSyntax::Csv { remarks: true, .. } if bytes.first() == Some(&b'#') => {
                    line_end(window, true)
                }
                RecordSyntax::Csv { delimiter, .. } => csv_end(window, delimiter),
            };
            if let Some(end) = end {
                let (from, line) = (self.start, self.line);
                self.start += end.consumed;
                self.line += if self.is_sheet { 1 } else { end.lines };
                return Ok(Some(Found {
                    from,
                    end,
                    line,
                    column: 1,
                }));
            }
            self.fill()?;
        }
    }

    fn find_json(&self, window: Window<'_>) -> Result<JsonPiece, RecordError> {
        let (line, column) = (self.line, self.column);
        let piece = self.json.next(window.bytes, window.is_whole);
        piece.map_err(|fault| {
            if fault.is_unfinished && window.bytes.len() == WINDOW {
                return RecordError::TooLong { line };
            }
            let problem = fault.problem;
            RecordError::Json {
                line,
                column,
                problem,
            }
        })
    }

    fn take_json(&mut self, length: usize, after: JsonState) -> Found {
        let (from, line, column) = (self.start, self.line, self.column);
        self.pass_json(length, after);
        let end = RecordEnd::of_line(length, length);
        Found {
            from,
            end,
            line,
            column,
        }
    }

    /// Passes the next bytes and counts their lines.
    fn pass_json(&mut self, length: usize, after: JsonState) {
        let bytes = &self.buffer[self.start..self.start + length];
        self.line += memchr_iter(b'\n', bytes).count() as u64;
        self.column = match memrchr(b'\n', bytes) {
            Some(last) => (length - last) as u64,
            None => self.column + length as u64,
        };
        self.start += length;
        self.json = after;
    }

    /// Reads until the buffer is full, or once if records are returned as they arrive. What is left moves to the front first; if it fills the buffer, the buffer grows.
    fn fill(&mut self) -> io::Result<()> {
        let is_first = self.buffer.is_empty();
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end * 2 >= self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).max(CHUNK), 0);
        }
        while self.end < self.buffer.len() && !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.end += read;
                    if self.is_live {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        while is_first && self.buffer[self.start..self.end].starts_with(BOM) {
            self.start += BOM.len();
        }
        Ok(())
    }
}

impl RecordSyntax {
    fn is_blank(self, record: &[u8]) -> bool {
        match self {
            Self::Lines | Self::JsonLines => record.trim_ascii().is_empty(),
            Self::JsonValues => false,
            Self::Csv { delimiter, .. } => {
                let is_blank = |&byte: &u8| byte == delimiter || byte == b' ' || byte == b'\t';
                record.first().is_none_or(is_blank) && record.iter().all(is_blank)
            }
        }
    }
}
