//! One record, as [`Records`](super::Records) returns it.

use std::borrow::Cow;

/// One record, without its line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// The line of the file where the record begins, from 1.
    pub line: u64,
    /// The byte of that line where it begins, from 1. Only JSON values begin elsewhere than at 1.
    pub column: u64,
    /// Whether a quoted cell contains a line end.
    pub has_lines: bool,
    /// The quotes that begin cells.
    pub quotes: Quotes,
    /// The first quote that is at fault. The record then ends with the line of that quote.
    pub fault: Option<QuoteFault>,
    /// The record's bytes, in any encoding that has ASCII's line ends, quotes and delimiters.
    pub bytes: &'a [u8],
}

/// The quotes in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// The record has no quotes at all.
    None,
    /// Each quote that begins a cell encloses it.
    WellFormed,
    /// A quote that begins a cell is text or at fault.
    Text,
}

/// A quote that begins a cell of CSV and is not closed as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuoteFault {
    /// The line of that quote.
    pub line: u64,
    /// The index of its cell, from 0.
    pub cell: usize,
    /// The line of the closing quote, after which text follows. `None` if the quote is never closed.
    pub closing_line: Option<u64>,
}

impl QuoteFault {
    /// Returns the fault with its lines counted from `line` instead of 0.
    pub(super) fn moved_down(self, line: u64) -> Self {
        Self {
            line: self.line + line,
            closing_line: self.closing_line.map(|closing| closing + line),
            ..self
        }
    }

    /// Says what is wrong, as a continuation of "the cell …".
    pub(crate) fn reason(&self) -> String {
        match self.closing_line {
            None => "begins with a quote that is never closed".to_owned(),
            Some(line) if line == self.line => {
                "has text after the closing quote, expected a delimiter or a line end there"
                    .to_owned()
            }
            Some(line) => format!(
                "begins with a quote that is closed in line {line}, where text follows it; expected a delimiter or a line end there"
            ),
        }
    }
}

impl<'a> Record<'a> {
    /// Makes a record of one line.
    pub(crate) const fn of_line(line: u64, bytes: &'a [u8]) -> Self {
        Self {
            line,
            column: 1,
            has_lines: false,
            quotes: Quotes::None,
            fault: None,
            bytes,
        }
    }

    /// Returns the record's text. If it is not UTF-8, the text is owned and has replacement characters.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        // The standard library's lossy decoder works character by character; the strict one is faster.
        match str::from_utf8(self.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(self.bytes),
        }
    }
}
