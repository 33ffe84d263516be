//! Reads the lines of a results file in blocks.

use std::io;
use std::os::unix::fs::FileExt;

use super::fast_line_parser::FastLineParser;
use super::{Line, ReadError, ResultsFile};
use crate::file::Sha256;

/// Number of bytes that are read at once.
const BLOCK: u64 = 256 * 1024;

/// A number of complete lines of a results file.
#[derive(Debug)]
pub struct Block {
    /// Row of the first line.
    pub first_row: u64,
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
        let first_row = self.row;
        self.remember(&bytes);
        self.at += bytes.len() as u64;
        // The whole block is checked at once, which is much faster than text by text.
        let not_text = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
        Ok(Some(Block {
            first_row,
            text: String::from_utf8(bytes).map_err(not_text)?,
        }))
    }

    /// Counts the lines of a block and notes the offsets of some of them.
    fn remember(&mut self, bytes: &[u8]) {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|end| end + 1));
        let starts = starts.take_while(|start| *start < bytes.len());
        let offsets = starts.map(|start| self.at + start as u64);
        self.row = self.results_file.index.note(self.row, offsets);
    }

    fn check_seal(&mut self) -> Result<(), ReadError> {
        let Some(hash) = self.hash.take() else {
            return Ok(());
        };
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
        (self.first_row..)
            .zip(ends.map(move |end| &self.text[std::mem::replace(&mut start, end + 1)..end]))
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
