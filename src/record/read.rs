//! Reads a results file, and only a whole one.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use super::plain::Plain;
use super::{Header, LOCATED, Line, ReadError, SCHEMA, Trailer, order};
use crate::file::Sha256;

/// How much is read at once.
const BLOCK: u64 = 256 * 1024;

/// Expectations and inputs stand in the header; no list of them comes near it.
const LONGEST_HEADER: u64 = 64 * 1024 * 1024;

/// The index holds one entry for about this many bytes: a duplicate's answer is found by reading no more.
const STRIDE: usize = 16 * 1024;

/// A whole results file.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: File,
    header: Header,
    /// The header's bytes: the seal covers them too.
    header_line: Vec<u8>,
    trailer: Trailer,
    /// Where the lines begin and the trailer begins.
    lines: std::ops::Range<u64>,
    index: Arc<RwLock<Vec<Mark>>>,
}

/// A line start worth remembering: rows are found from the nearest one before.
#[derive(Debug, Clone, Copy)]
struct Mark {
    row: u64,
    offset: u64,
}

/// Whole lines of a record.
#[derive(Debug)]
pub struct Block {
    /// Row of the first line.
    pub first_row: u64,
    /// The lines with their ends.
    pub text: String,
}

impl Record {
    /// Opens `path` and checks header and trailer; the lines between are checked as they are read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::open_as(path, SCHEMA)
    }

    /// The same for a record of any schema of ours.
    pub fn open_as(path: &Path, schema: &str) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        if !fs::metadata(path).map_err(failed)?.is_file() {
            let what = "it is no regular file"; // a pipe would hold us up, and some devices have no end
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let first = first_line(&mut BufReader::new(&file)).map_err(failed)?;
        let header = parse_header(path, &first, schema)?;
        let trailer_at = last_line(&file, length).map_err(failed)?;
        let mut last = vec![0; usize::try_from(length - trailer_at).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut last, trailer_at).map_err(failed)?;
        let unfinished = || ReadError::Unfinished {
            path: path.to_owned(),
        };
        if !last.ends_with(b"\n") || trailer_at == 0 {
            return Err(unfinished());
        }
        let trailer: Trailer = serde_json::from_slice(&last).map_err(|_| unfinished())?;
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            lines: first.len() as u64..trailer_at,
            header_line: first,
            trailer,
            index: Arc::default(),
        })
    }

    /// The first line.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The last line.
    #[must_use]
    pub const fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The same record under the name it had elsewhere: reports and errors show that one.
    #[must_use]
    pub fn known_as(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// The file, as the person named it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the trailer begins.
    pub(super) const fn trailer_at(&self) -> u64 {
        self.lines.end
    }

    /// The lines from the first to the last, in blocks. `check` says whether the seal is computed on the way.
    #[must_use]
    pub fn blocks(&self, check: bool) -> Blocks<'_> {
        let mut hash = Sha256::new();
        hash.update(&self.header_line);
        Blocks {
            record: self,
            at: self.lines.start,
            row: 1,
            hash: check.then_some(hash),
        }
    }

    /// The bytes of an earlier row's line, once a block behind it was read.
    pub fn line_of(&self, row: u64) -> io::Result<String> {
        let mark = {
            let index = self
                .index
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let after = index.partition_point(|mark| mark.row <= row);
            index[..after].last().copied()
        };
        let mark = mark.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("row {row} stands nowhere"),
            )
        })?;
        let mut reader = BufReader::with_capacity(
            STRIDE,
            At {
                file: &self.file,
                offset: mark.offset,
            },
        );
        let mut line = String::new();
        for _ in mark.row..=row {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                break; // A changed file may name any row.
            }
        }
        if order::row_of(line.as_bytes())? == row {
            Ok(line)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("row {row} is not where it should be"),
            ))
        }
    }

    /// The lines of a block, parsed; each stands where its row belongs.
    pub fn parsed<'b>(
        &self,
        block: &'b Block,
    ) -> impl Iterator<Item = Result<Line<'b>, ReadError>> {
        let mut plain = Plain::default();
        block.lines().map(move |(row, text)| {
            parse(row, text, plain.answer(text)).map_err(|error| self.bad_line(row, error))
        })
    }

    /// An error for a line that can't be read.
    #[must_use]
    pub fn bad_line(&self, row: u64, source: serde_json::Error) -> ReadError {
        ReadError::Line {
            path: self.path.clone(),
            row,
            source,
        }
    }

    /// An error for a failed read.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// Iterates over a record's lines in blocks.
#[derive(Debug)]
pub struct Blocks<'r> {
    record: &'r Record,
    at: u64,
    row: u64,
    hash: Option<Sha256>,
}

impl Blocks<'_> {
    /// The next block; at the end the seal is compared, if that was asked for.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        let failed = |source| self.record.failed(source);
        let end = self.record.lines.end;
        if self.at == end {
            return self.check_seal().map(|()| None);
        }
        let mut bytes = vec![0; usize::try_from((end - self.at).min(BLOCK)).unwrap_or(usize::MAX)];
        self.record
            .file
            .read_exact_at(&mut bytes, self.at)
            .map_err(failed)?;
        // Lines are cut nowhere: one longer than a block is read whole.
        while memchr::memrchr(b'\n', &bytes).is_none() {
            let more = usize::try_from((end - self.at - bytes.len() as u64).min(BLOCK))
                .unwrap_or(usize::MAX);
            let had = bytes.len();
            bytes.resize(had + more, 0);
            self.record
                .file
                .read_exact_at(&mut bytes[had..], self.at + had as u64)
                .map_err(failed)?;
        }
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |last| last + 1));
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes);
        }
        let first_row = self.row;
        self.remember(&bytes);
        self.at += bytes.len() as u64;
        // Checked for the whole block at once, which is much faster than text by text.
        let not_text = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
        Ok(Some(Block {
            first_row,
            text: String::from_utf8(bytes).map_err(not_text)?,
        }))
    }

    /// Counts the lines of a block and marks some of them.
    fn remember(&mut self, bytes: &[u8]) {
        let mut index = self
            .record
            .index
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let offset = self.at + start as u64;
            if index
                .last()
                .is_none_or(|mark| offset >= mark.offset + STRIDE as u64)
            {
                index.push(Mark {
                    row: self.row,
                    offset,
                });
            }
            self.row += 1;
            start = end + 1;
        }
    }

    fn check_seal(&mut self) -> Result<(), ReadError> {
        let Some(hash) = self.hash.take() else {
            return Ok(());
        };
        let found = hash.hex();
        let sealed = &self.record.trailer.sha256;
        if *sealed == found {
            return Ok(());
        }
        Err(ReadError::Seal {
            path: self.record.path.clone(),
            found,
            sealed: sealed.clone(),
        })
    }
}

/// A reader at a position of its own in a shared file.
struct At<'f> {
    file: &'f File,
    offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The first line with its end, or as much of it as no header is longer than.
pub(super) fn first_line(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    reader.take(LONGEST_HEADER).read_until(b'\n', &mut first)?;
    Ok(first)
}

pub(super) fn parse_header(path: &Path, line: &[u8], schema: &str) -> Result<Header, ReadError> {
    let bad = |found: String| ReadError::Header {
        path: path.to_owned(),
        found,
    };
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| bad("no JSON".to_owned()))?;
    match value.get("schema").and_then(|schema| schema.as_str()) {
        Some(found) if found == schema => {
            serde_json::from_value(value).map_err(|error| bad(error.to_string()))
        }
        Some(LOCATED) => Err(bad(format!(
            "schema `{LOCATED}`, messages of an unfinished run that are not judged yet"
        ))),
        Some(other) => Err(bad(format!("schema `{other}`"))),
        None => Err(bad("no `schema`".to_owned())),
    }
}

/// Where the last line begins.
fn last_line(file: &File, length: u64) -> io::Result<u64> {
    let mut window = 4096_u64;
    loop {
        let from = length.saturating_sub(window);
        let mut tail = vec![0; usize::try_from(length - from).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut tail, from)?;
        let inner = &tail[..tail.len().saturating_sub(1)];
        if let Some(end) = memchr::memrchr(b'\n', inner) {
            return Ok(from + end as u64 + 1);
        }
        if from == 0 {
            return Ok(0);
        }
        window *= 8;
    }
}

impl Block {
    /// Each line with its row.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
        (self.first_row..)
            .zip(ends.map(move |end| &self.text[std::mem::replace(&mut start, end + 1)..end]))
    }

    /// Parses a line and checks that it stands where its row belongs.
    pub fn parse(row: u64, line: &str) -> Result<Line<'_>, serde_json::Error> {
        parse(row, line, Plain::default().answer(line))
    }
}

/// A line that may have been read as a plain one.
fn parse<'a>(
    row: u64,
    text: &'a str,
    plain: Option<Line<'a>>,
) -> Result<Line<'a>, serde_json::Error> {
    let line = match plain {
        Some(answer) => answer,
        None => serde_json::from_str(text)?,
    };
    if line.row == row {
        Ok(line)
    } else {
        Err(serde::de::Error::custom(format_args!(
            "found row {}, expected row {row}",
            line.row
        )))
    }
}
