//! Reads the lines of a results file: all of them in blocks, or a single one by its row.
//!
//! Reading the blocks notes the offsets of some lines, so that the answer of a duplicate is found with little reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::sync::{PoisonError, RwLock};

use super::fast_line_parser::FastLineParser;
use super::{Line, ReadError, ResultsFile, order};
use crate::file::Sha256;

/// Number of bytes that are read at once.
const BLOCK: u64 = 256 * 1024;

/// A number of complete lines of a results file.
#[derive(Debug)]
pub struct Block {
    /// Row of the first line. `None` if rows are missing, so that each line says its row.
    first_row: Option<u64>,
    /// The lines with their line ends.
    pub text: String,
}

/// Iterates over the lines of a results file in blocks.
#[derive(Debug)]
pub struct Blocks<'r> {
    results_file: &'r ResultsFile,
    at: u64,
    row: u64,
    hash: Option<Sha256>,
}

impl Blocks<'_> {
    /// Reads the next block. At the end it compares the seal, if [`ResultsFile::blocks`] checks it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not UTF-8, or does not have the seal of its trailer.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        let failed = |source| self.results_file.failed(source);
        let end = self.results_file.lines.end;
        if self.at == end {
            return self.check_seal().map(|()| None);
        }
        let mut bytes = vec![0; usize::try_from((end - self.at).min(BLOCK)).unwrap_or(usize::MAX)];
        self.results_file
            .file
            .read_exact_at(&mut bytes, self.at)
            .map_err(failed)?;
        // A line is never split: one that is longer than a block is read as a whole.
        while memchr::memrchr(b'\n', &bytes).is_none() {
            let more = usize::try_from((end - self.at - bytes.len() as u64).min(BLOCK))
                .unwrap_or(usize::MAX);
            let had = bytes.len();
            bytes.resize(had + more, 0);
            self.results_file
                .file
                .read_exact_at(&mut bytes[had..], self.at + had as u64)
                .map_err(failed)?;
        }
        bytes.truncate(memchr::memrchr(b'\n', &bytes).map_or(0, |last| last + 1));
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes);
        }
        let has_gaps = self.results_file.header().shard().is_some();
        let first_row = (!has_gaps).then_some(self.row);
        self.remember(&bytes, has_gaps)?;
        self.at += bytes.len() as u64;
        // The whole block is checked at once, which is much faster than text by text.
        let not_text = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
        Ok(Some(Block {
            first_row,
            text: String::from_utf8(bytes).map_err(not_text)?,
        }))
    }

    /// Counts the lines of a block, or reads their rows, and notes the offsets of some of them. Rows with gaps must ascend.
    fn remember(&mut self, bytes: &[u8], has_gaps: bool) -> Result<(), ReadError> {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|end| end + 1));
        let starts = starts.take_while(|start| *start < bytes.len());
        let at = self.at;
        if !has_gaps {
            let lines = (self.row..).zip(starts.map(|start| at + start as u64));
            self.row = self.results_file.index.note(lines, self.row);
            return Ok(());
        }
        let mut lines = Vec::new();
        for start in starts {
            let row = order::row_of(&bytes[start..]).map_err(|e| self.results_file.failed(e))?;
            if row < self.row {
                let expected =
                    format_args!("found row {row}, expected row {} or a later one", self.row)
                        .to_string();
                let error = serde::de::Error::custom(expected);
                return Err(self.results_file.bad_line(self.row, error));
            }
            self.row = row + 1;
            lines.push((row, at + start as u64));
        }
        self.results_file.index.note(lines.into_iter(), self.row);
        Ok(())
    }

    fn check_seal(&mut self) -> Result<(), ReadError> {
        let Some(mut hash) = self.hash.take() else {
            return Ok(());
        };
        let failed = |source| self.results_file.failed(source);
        let mut rest = self.results_file.evidence_lines.clone();
        while !rest.is_empty() {
            let length = (rest.end - rest.start).min(BLOCK);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            let file = &self.results_file.file;
            file.read_exact_at(&mut bytes, rest.start).map_err(failed)?;
            hash.update(&bytes);
            rest.start += length;
        }
        let found = hash.hex();
        let sealed = &self.results_file.trailer.sha256;
        if *sealed == found {
            return Ok(());
        }
        Err(ReadError::Seal {
            path: self.results_file.path.clone(),
            found,
            sealed: sealed.clone(),
        })
    }
}

impl ResultsFile {
    /// Reads all lines in blocks. `check` says whether the seal is computed and compared.
    #[must_use]
    pub fn blocks(&self, check: bool) -> Blocks<'_> {
        let mut hash = Sha256::new();
        hash.update(&self.header_line);
        Blocks {
            results_file: self,
            at: self.lines.start,
            row: 1,
            hash: check.then_some(hash),
        }
    }

    /// Parses the lines of a block and checks that each has the row that belongs there.
    pub fn parsed<'b>(
        &self,
        block: &'b Block,
    ) -> impl Iterator<Item = Result<Line<'b>, ReadError>> {
        let mut plain = FastLineParser::default();
        block.lines().map(move |(row, text)| {
            parse(row, text, plain.answer(text)).map_err(|error| self.bad_line(row, error))
        })
    }
}

impl Block {
    /// Returns each line with its row.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        let mut start = 0;
        let ends = memchr::memchr_iter(b'\n', self.text.as_bytes());
        let lines = ends.map(move |end| &self.text[std::mem::replace(&mut start, end + 1)..end]);
        lines.zip(0..).map(|(line, nth)| {
            let stated = || order::row_of(line.as_bytes()).unwrap_or_default();
            (
                self.first_row.map_or_else(stated, |first| first + nth),
                line,
            )
        })
    }

    /// Parses a line and checks its row.
    ///
    /// # Errors
    ///
    /// If the line is not valid or has another row.
    pub fn parse(row: u64, line: &str) -> Result<Line<'_>, serde_json::Error> {
        parse(row, line, FastLineParser::default().answer(line))
    }
}

/// Parses a line unless the fast parser has done it, and checks its row.
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

/// One line is noted for about this many bytes.
const STRIDE: usize = 16 * 1024;

/// The noted lines, in row order.
#[derive(Debug, Default)]
pub(super) struct Index(RwLock<Vec<LineOffset>>);

/// The offset of a line.
#[derive(Debug, Clone, Copy)]
struct LineOffset {
    row: u64,
    offset: u64,
}

impl Index {
    /// Notes some of the lines, which are given by row and offset. Returns the row behind them; without lines it is `next_row`.
    pub(super) fn note(&self, lines: impl Iterator<Item = (u64, u64)>, mut next_row: u64) -> u64 {
        let mut noted = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = noted.last().map_or(0, |line| line.offset + STRIDE as u64);
        for (row, offset) in lines {
            if offset >= next {
                noted.push(LineOffset { row, offset });
                next = offset + STRIDE as u64;
            }
            next_row = row + 1;
        }
        next_row
    }

    fn at_or_before(&self, row: u64) -> Option<LineOffset> {
        let noted = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let after = noted.partition_point(|line| line.row <= row);
        noted[..after].last().copied()
    }
}

impl ResultsFile {
    /// Returns the line of an earlier row. Works once a block behind it was read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or does not have the row.
    pub fn line_of(&self, row: u64) -> io::Result<String> {
        let noted = self.index.at_or_before(row).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("row {row} is not in the file"),
            )
        })?;
        let mut reader = BufReader::with_capacity(
            STRIDE,
            At {
                file: &self.file,
                offset: noted.offset,
            },
        );
        let mut line = String::new();
        for _ in noted.row..=row {
            line.clear();
            // A changed file may state any row.
            if reader.read_line(&mut line)? == 0 || order::row_of(line.as_bytes())? >= row {
                break;
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
}

/// A reader with a position of its own in a shared file.
pub(super) struct At<'f> {
    pub(super) file: &'f File,
    pub(super) offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
