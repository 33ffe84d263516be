//! Finds the end of a line or of a CSV record, and whether its quotes are well formed.

use memchr::{memchr, memchr2, memchr3};

use super::record::{QuoteFault, Quotes};
use crate::message::contains_id;

/// The bytes in which the end of the next record is sought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the window cannot grow: the file ends, or the window is as long as the longest record.
    pub(super) is_whole: bool,
}

/// The length of a record, and whether its quotes are well formed.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordEnd {
    /// Number of bytes before its line end.
    pub(super) length: usize,
    /// Number of bytes with its line end.
    pub(super) consumed: usize,
    /// Number of lines.
    pub(super) lines: u64,
    pub(super) quotes: Quotes,
    /// The line counts from 0.
    pub(super) fault: Option<QuoteFault>,
}

impl RecordEnd {
    pub(super) const fn of_line(length: usize, consumed: usize) -> Self {
        Self {
            length,
            consumed,
            lines: 1,
            quotes: Quotes::None,
            fault: None,
        }
    }
}

/// Finds the end of the first line. Returns `None` if more bytes are needed.
pub(super) fn line_end(window: Window<'_>, lone_cr: bool) -> Option<RecordEnd> {
    if !lone_cr {
        return match memchr(b'\n', window.bytes) {
            Some(end) => {
                let length = end - usize::from(window.bytes[..end].ends_with(b"\r"));
                Some(RecordEnd::of_line(length, end + 1))
            }
            None => rest(window),
        };
    }
    match memchr2(b'\n', b'\r', window.bytes) {
        Some(end) => at_line_end(window, end).map(|next| RecordEnd::of_line(end, next)),
        None => rest(window),
    }
}

/// Finds the end of the first CSV record of a text that is whole.
pub(super) fn first_csv_end(text: &[u8], delimiter: u8) -> RecordEnd {
    let window = Window {
        bytes: text,
        is_whole: true,
    };
    csv_end(window, delimiter).unwrap_or(RecordEnd::of_line(text.len(), text.len()))
}

/// Finds the end of the first CSV record. Returns `None` if more bytes are needed.
pub(super) fn csv_end(window: Window<'_>, delimiter: u8) -> Option<RecordEnd> {
    match memchr3(b'\n', b'\r', b'"', window.bytes) {
        None => rest(window),
        Some(quote) if window.bytes[quote] == b'"' => end_with_quotes(window, delimiter),
        Some(end) => at_line_end(window, end).map(|next| RecordEnd::of_line(end, next)),
    }
}

fn rest(window: Window<'_>) -> Option<RecordEnd> {
    let length = window.bytes.len();
    window
        .is_whole
        .then_some(RecordEnd::of_line(length, length))
}

/// Returns the position after the line end that begins at `end`. Returns `None` if a LF may follow a CR there.
fn at_line_end(window: Window<'_>, end: usize) -> Option<usize> {
    if window.bytes[end] == b'\n' {
        return Some(end + 1);
    }
    match window.bytes.get(end + 1) {
        Some(b'\n') => Some(end + 2),
        Some(_) => Some(end + 1),
        None => window.is_whole.then_some(end + 1),
    }
}

/// The meaning of a quote that begins a cell.
enum Quote {
    /// It encloses the cell, whose closing quote is before this position.
    Encloses(usize),
    Text,
    /// It is at fault. Text follows the closing quote, so many lines down, or there is no closing quote.
    Fault(Option<u64>),
}

#[cold]
fn end_with_quotes(window: Window<'_>, delimiter: u8) -> Option<RecordEnd> {
    let bytes = window.bytes;
    let (mut at, mut lines, mut cell, mut quotes) = (0, 1, 0, Quotes::WellFormed);
    let mut fault = None;
    loop {
        if bytes.get(at) == Some(&b'"') && fault.is_none() {
            match quote(window, at, delimiter)? {
                Quote::Encloses(end) => {
                    lines += line_ends(&bytes[at..end]);
                    at = end;
                }
                Quote::Text => quotes = Quotes::Text,
                Quote::Fault(closing) => {
                    quotes = Quotes::Text;
                    fault = Some(QuoteFault {
                        line: lines - 1,
                        cell,
                        closing_line: closing.map(|down| lines - 1 + down),
                    });
                }
            }
        }
        let end = memchr3(delimiter, b'\n', b'\r', &bytes[at..]).map(|end| at + end);
        let (length, consumed) = match end {
            Some(end) if bytes[end] == delimiter => {
                at = end + 1;
                cell += 1;
                continue;
            }
            Some(end) => (end, at_line_end(window, end)?),
            None if window.is_whole => (bytes.len(), bytes.len()),
            None => return None,
        };
        return Some(RecordEnd {
            length,
            consumed,
            lines,
            quotes,
            fault,
        });
    }
}

/// Decides about the quote at `at`, which begins a cell. Returns `None` if more bytes are needed.
fn quote(window: Window<'_>, at: usize, delimiter: u8) -> Option<Quote> {
    let bytes = window.bytes;
    let is_tsv = delimiter == b'\t';
    let bad = |closing: Option<usize>| {
        Some(if is_tsv {
            Quote::Text
        } else {
            Quote::Fault(closing.map(|close| line_ends(&bytes[at..close])))
        })
    };
    let Some(close) = closing_quote(bytes, at + 1) else {
        return if window.is_whole { bad(None) } else { None };
    };
    match bytes.get(close + 1) {
        None if !window.is_whole => None,
        Some(&next) if next != delimiter && !matches!(next, b'\n' | b'\r') => bad(Some(close)),
        _ if is_tsv && swallows_id(&bytes[at..close], &bytes[close + 1..], window.is_whole)? => {
            Some(Quote::Text)
        }
        _ => Some(Quote::Encloses(close + 1)),
    }
}

/// Returns whether one of the lines after the first, which a quoted cell would join to its record, contains a message
/// ID. `rest` follows the cell. Returns `None` if the last line does not end in `rest`.
fn swallows_id(cell: &[u8], rest: &[u8], is_whole: bool) -> Option<bool> {
    let Some(first) = memchr2(b'\n', b'\r', cell) else {
        return Some(false);
    };
    let end = match memchr2(b'\n', b'\r', rest) {
        Some(end) => end,
        None if is_whole => rest.len(),
        None => return None,
    };
    Some(contains_id(&cell[first..]) || contains_id(&rest[..end]))
}

/// Returns the quote that closes a cell whose content begins at `from`. Two quotes in a row are one quote in the text.
pub(super) fn closing_quote(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let quote = from + memchr(b'"', bytes.get(from..)?)?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// Counts LF, CRLF and lone CR.
fn line_ends(bytes: &[u8]) -> u64 {
    let is_end = |&(at, &byte): &(usize, &u8)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    bytes.iter().enumerate().filter(is_end).count() as u64
}
