//! The beginning of a stream: the first complete lines, as many as decide what the input is.
//!
//! How the stream is cut into pieces must not matter, so the decision depends on whole lines only: the first number of
//! lines that decides it is used. At most as many lines are awaited as [`sniff`] looks at.

use std::io::{self, Read};

use encoding_rs::{UTF_16BE, UTF_16LE};

use super::column_ref::ColumnRef;
use super::encoding::Decoding;
use super::format::{HEAD, Shape, sniff};
use super::header::Role;
use super::options::{InputFormat, InputOptions};
use super::table_start::{TableStart, names_id};
use super::workbook::{is_ole, is_zip};
use crate::delimited::BOM;
use crate::message::contains_id;

/// Number of bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Number of lines that are not blank in which a header is sought.
const SEARCHED: usize = 20;

/// The first bytes of a stream, decompressed.
#[derive(Debug)]
pub(super) struct StreamHead {
    /// All bytes that were read.
    pub(super) bytes: Vec<u8>,
    /// The end of the lines that decide what the input is.
    pub(super) end: usize,
}

impl StreamHead {
    /// Reads until the lines that have arrived decide the format, or until no more lines can.
    pub(super) fn read(stream: &mut dyn Read, options: &InputOptions) -> io::Result<Self> {
        let mut head = Self {
            bytes: Vec::new(),
            end: 0,
        };
        let mut lines = 0;
        let mut is_ended = false;
        loop {
            while !head.is_file()
                && let Some(line) = head.next_line(options, is_ended)
            {
                let is_blank = head.bytes[head.end..line]
                    .iter()
                    .all(|byte| is_blank(*byte));
                head.end = line;
                if is_blank {
                    continue;
                }
                lines += 1;
                let is_last = lines >= SEARCHED || line as u64 >= HEAD;
                if is_last || head.is_decided(options) {
                    return Ok(head);
                }
            }
            if is_ended || head.bytes.len() as u64 >= HEAD {
                head.end = head.bytes.len();
                return Ok(head);
            }
            is_ended = head.fill(stream)? == 0;
        }
    }

    /// Returns whether the bytes begin a file that is read as a whole.
    pub(super) fn is_file(&self) -> bool {
        is_zip(&self.bytes) || is_ole(&self.bytes) || self.bytes.starts_with(b"PAR1")
    }

    fn fill(&mut self, stream: &mut dyn Read) -> io::Result<usize> {
        let had = self.bytes.len();
        self.bytes.resize(had + CHUNK, 0);
        let read = loop {
            match stream.read(&mut self.bytes[had..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.bytes.truncate(had + read);
        Ok(read)
    }

    /// Returns the end of the next line. `None` if it has not arrived.
    fn next_line(&self, options: &InputOptions, is_ended: bool) -> Option<usize> {
        let bytes = &self.bytes;
        if self.end == bytes.len() {
            return None;
        }
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let first = bytes
            .iter()
            .position(is_end)
            .map_or(bytes.len(), |at| at + 1);
        let unit = match Decoding::of(&bytes[..first], options.encoding) {
            Ok(Decoding::Named(encoding)) if encoding == UTF_16LE => [b'\n', 0, b'\r', 0],
            Ok(Decoding::Named(encoding)) if encoding == UTF_16BE => [0, b'\n', 0, b'\r'],
            _ => {
                let rest = &bytes[self.end..];
                let end = rest.iter().position(is_end)?;
                return match (rest[end], rest.get(end + 1)) {
                    (b'\r', Some(b'\n')) => Some(self.end + end + 2),
                    (b'\r', None) if !is_ended => None,
                    _ => Some(self.end + end + 1),
                };
            }
        };
        let (line_feed, carriage_return) = unit.split_at(2);
        let mut units = bytes[self.end..].chunks_exact(2);
        let end = units.position(|unit| unit == line_feed || unit == carriage_return)?;
        let after = self.end + end * 2 + 2;
        let is_return = bytes[after - 2..after] == *carriage_return;
        match bytes.get(after..after + 2) {
            Some(next) if is_return && next == line_feed => Some(after + 2),
            None if is_return && !is_ended => None,
            _ => Some(after),
        }
    }

    /// Returns whether the lines so far decide the format, whatever lines follow.
    fn is_decided(&self, options: &InputOptions) -> bool {
        let bytes = &self.bytes[..self.end];
        let Ok(decoding) = Decoding::of(bytes, options.encoding) else {
            return true; // an error
        };
        let mut text = Vec::new();
        let decoded = decoding.decode(Box::new(io::Cursor::new(bytes.to_vec())));
        if { decoded }.read_to_end(&mut text).is_err() {
            return true;
        }
        let mut text = &*text;
        while let Some(rest) = text.strip_prefix(BOM) {
            text = rest;
        }
        match sniff(text, options) {
            Ok(Shape::Table(start)) => is_header(&start, options),
            Ok(Shape::Ids) => options.format == Some(InputFormat::Ids) || contains_id(text),
            Ok(Shape::JsonLines | Shape::JsonValues | Shape::Log) | Err(_) => true,
            Ok(Shape::Unknown) => false,
        }
    }
}

/// Returns whether a table begins with these lines, whatever lines follow. A header with a quote that is not closed may
/// continue in the next line.
fn is_header(start: &TableStart, options: &InputOptions) -> bool {
    let cells: Vec<&str> = start.header.iter().map(String::as_str).collect();
    let is_numbered = matches!(options.column(Role::MsgId), Some(ColumnRef::Number(_)));
    let is_found = options.no_header || is_numbered || names_id(&cells, options);
    is_found && !start.is_unclosed
}

const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}
