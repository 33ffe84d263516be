//! What earlier runs have left, taken up again.
//!
//! A run that ended early leaves a partial file: its header and a line for each row that was settled. The file is read
//! once. Whatever is behind its last whole line is cut off (a torn line, the zeros of a power cut); a row whose line is
//! damaged or holds no answer is asked again. A whole results file with unanswered queries becomes a partial file first.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use super::close::PartialStart;
use super::contents::Contents;
use super::lock::{failed, lock, taken_up};
use super::order::{Earlier, settled};
use super::query_digest::QueryDigest;
use super::results_file::{first_line, parse_header};
use super::row_set::RowSet;
use super::{Header, Line, ResultsError, ResultsFile, SCHEMA, partial_path};
use crate::file;
use crate::verdict::Totals;

/// How much is read at once.
const BLOCK: usize = 1024 * 1024;

/// What there is to go on with.
#[derive(Debug)]
pub enum EarlierRun {
    /// Nothing: this run is the first one.
    Nothing,
    /// Some rows are settled.
    Unfinished(Box<Unfinished>),
    /// All of them are, and every query has its answer.
    Complete,
}

/// A partial file, locked, and what its lines say.
#[derive(Debug)]
pub struct Unfinished {
    pub(super) file: File,
    /// Of the first run.
    pub(super) header: Header,
    pub(super) begun: PartialStart,
    pub(super) lines: SettledLines,
}

/// What the lines of a partial file add up to.
#[derive(Debug, Default)]
pub(super) struct SettledLines {
    pub(super) done: RowSet,
    pub(super) contents: Contents,
    /// What the settled rows ask.
    asked: QueryDigest,
    /// Rows without an answer, which are asked again.
    unanswered: u64,
    /// SettledLines that mean nothing.
    damaged: u64,
}

impl EarlierRun {
    /// Looks for the answers of an earlier run that is to become `results`, and takes them up if it asked what `wanted`
    /// asks.
    pub fn beside(results: &Path, wanted: &Header) -> Result<Self, ResultsError> {
        let path = partial_path(results);
        let Some(file) = taken_up(&path)? else {
            return Self::whole(results, wanted);
        };
        Unfinished::read(file, &path, wanted)
            .map(|unfinished| Self::Unfinished(Box::new(unfinished)))
    }

    /// A whole results file is evidence and stays as it is; if queries are unanswered in it, the run continues in a copy.
    fn whole(results: &Path, wanted: &Header) -> Result<Self, ResultsError> {
        let Some(results_file) = Self::finished(results, wanted)? else {
            return Ok(Self::Nothing);
        };
        if results_file.trailer().totals.unanswered == 0 {
            return Ok(Self::Complete);
        }
        let path = partial_path(results);
        let file = copy_lines(&results_file, &path)?;
        lock(&file, &path)?;
        Unfinished::read(file, &path, wanted)
            .map(|unfinished| Self::Unfinished(Box::new(unfinished)))
    }

    /// The whole results file at `results`, if there is one. One of another run is refused: to ask anew is not to go on.
    pub fn finished(results: &Path, wanted: &Header) -> Result<Option<ResultsFile>, ResultsError> {
        let Ok(results_file) = ResultsFile::open_as(results, &wanted.schema) else {
            return Ok(None); // or a file that is none, which was refused before
        };
        let differences = results_file.header().differences(wanted);
        if differences.is_empty() {
            return Ok(Some(results_file));
        }
        Err(ResultsError::Differs {
            path: results.to_owned(),
            differences,
            whole: wanted.schema == SCHEMA,
        })
    }
}

impl Unfinished {
    /// Reads what is there and cuts off what is torn.
    fn read(mut file: File, path: &Path, wanted: &Header) -> Result<Self, ResultsError> {
        let failed = |doing| failed(doing, path);
        file.seek(SeekFrom::Start(0)).map_err(failed("read"))?;
        let mut reader = BufReader::with_capacity(BLOCK, &file);
        let first = first_line(&mut reader).map_err(failed("read"))?;
        if !first.ends_with(b"\n") && is_torn_header(&first, wanted) {
            drop(reader);
            file.set_len(0).map_err(failed("empty"))?;
            file.seek(SeekFrom::Start(0)).map_err(failed("empty"))?;
            return Ok(Self::empty(file, wanted.clone()));
        }
        let header = parse_header(path, &first, &wanted.schema).map_err(ResultsError::Foreign)?;
        let differences = header.differences(wanted);
        if !differences.is_empty() {
            return Err(ResultsError::Differs {
                path: path.to_owned(),
                differences,
                whole: false,
            });
        }
        let rows = header.rows();
        let mut lines = SettledLines::default();
        let bytes = lines.read(reader, rows).map_err(failed("read"))?;
        let header_bytes = first.len() as u64;
        let end = header_bytes + bytes;
        file.set_len(end).map_err(failed("cut the torn end of"))?;
        file.seek(SeekFrom::Start(end)).map_err(failed("read"))?;
        lines.say(path, rows);
        let earlier = Earlier { bytes, rows };
        Ok(Self {
            file,
            header,
            begun: PartialStart {
                header_bytes,
                earlier,
            },
            lines,
        })
    }

    /// The run died before its header was whole.
    fn empty(file: File, header: Header) -> Self {
        Self {
            file,
            header,
            begun: PartialStart {
                header_bytes: 0,
                earlier: Earlier::default(),
            },
            lines: SettledLines::default(),
        }
    }

    /// What the first of the runs was asked.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The rows that need not be asked.
    #[must_use]
    pub const fn done(&self) -> &RowSet {
        &self.lines.done
    }

    /// Refuses to go on where the settled lines ask anything else than `asked`, their rows in the input: nothing seals a
    /// partial file, and an ID that was changed in it would be sealed in the end. `results` is what it is to become.
    pub fn compare(&self, asked: QueryDigest, results: &Path) -> Result<(), ResultsError> {
        if asked == self.lines.asked {
            return Ok(());
        }
        let what = "an ID, a topic or an instance in it is not that of its row in the input";
        Err(ResultsError::Differs {
            path: partial_path(results),
            differences: vec![what.to_owned()],
            whole: false,
        })
    }

    /// What the settled rows add up to.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.lines.contents.totals
    }
}

impl SettledLines {
    /// Reads to the end; gives the bytes of all whole lines.
    pub(super) fn read(&mut self, mut reader: impl BufRead, rows: u64) -> io::Result<u64> {
        let (mut bytes, mut damaged) = (0, 0);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text)? > 0 {
            if text.ends_with(b"\n") {
                bytes += text.len() as u64;
                match settled(&text, rows) {
                    Some(line) => self.count(&line),
                    None if is_row(&text) => self.unanswered += 1,
                    None => damaged += 1,
                }
            }
            text.clear();
        }
        self.damaged += damaged;
        Ok(bytes)
    }

    fn count(&mut self, line: &Line<'_>) {
        if !self.done.insert(line.row) {
            return; // a row is passed on once, as it stands first
        }
        self.asked.add_line(line);
        self.contents.add_line(line);
    }

    fn say(&self, path: &Path, rows: u64) {
        tracing::info!(
            "continuing with {}: {} of {} rows are done, {} without an answer are asked again",
            path.display(),
            crate::humanize::count(self.contents.totals.rows),
            crate::humanize::count(rows),
            crate::humanize::count(self.unanswered),
        );
        if self.damaged > 0 {
            tracing::warn!(
                "{} damaged lines in it are left out; their rows are asked again",
                self.damaged
            );
        }
    }
}

fn is_row(line: &[u8]) -> bool {
    serde_json::from_slice::<Line<'_>>(line).is_ok()
}

/// Is this what a power cut or a kill may leave of our first line?
fn is_torn_header(bytes: &[u8], wanted: &Header) -> bool {
    let whole = serde_json::to_vec(wanted).unwrap_or_default();
    let opening = &whole[..whole.len().min(24)]; // the schema: behind it each run has its own
    let written = bytes
        .iter()
        .position(|&byte| byte == 0)
        .map_or(bytes, |zeros| &bytes[..zeros]);
    let length = written.len().min(opening.len());
    written[..length] == opening[..length]
}

/// Header and lines of a whole results file, without its trailer, in a file of their own; it appears whole or not at all, and
/// not if the seal does not hold: the lines are to be sealed again.
fn copy_lines(results_file: &ResultsFile, path: &Path) -> Result<File, ResultsError> {
    let failed = || failed("go on with", results_file.path());
    let mut copy = file::beside(path).map_err(failed())?;
    copy.write_all(&results_file.header_line)
        .map_err(failed())?;
    let mut blocks = results_file.blocks(true);
    while let Some(block) = blocks.next_block().map_err(ResultsError::Foreign)? {
        copy.write_all(block.text.as_bytes()).map_err(failed())?;
    }
    copy.as_file().sync_all().map_err(failed())?;
    let copy = copy.persist_noclobber(path);
    copy.map_err(|error| failed()(error.error))
}
