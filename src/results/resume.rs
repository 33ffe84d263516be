//! Continues what earlier runs have left.
//!
//! A run that ended early leaves a partial file: its header and a line for each settled row. The file is read once.
//! Bytes behind its last complete line are cut off (a torn line, or zeros after a power cut). A row whose line is
//! damaged or has no answer is asked again. A complete results file with unanswered queries is copied to a partial file
//! first.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::path::Path;

use super::close::PartialStart;
use super::contents::Contents;
use super::open::{failed, lock, opened, taken_up};
use super::order::{Earlier, settled};
use super::query_digest::QueryDigest;
use super::results_file::{first_line, parse_header};
use super::row_set::RowSet;
use super::writer::each_line;
use super::{Header, LOCATED, Line, MessageContexts, ResultsError, ResultsFile, partial_path};
use crate::file;
use crate::verdict::{AnswerView, Expectations, MessageVerdict, RowEvidence, Totals, judge};

/// Number of bytes that are read at once.
const BLOCK: usize = 1024 * 1024;

/// What an earlier run has left.
#[derive(Debug)]
pub enum EarlierRun {
    /// Nothing: this is the first run.
    Nothing,
    /// Some rows are settled.
    Unfinished(Box<Unfinished>),
    /// All rows are settled, and every query has its answer.
    Complete,
}

/// What may be done with the answers of an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierAccess {
    /// They are locked and continued.
    Continue,
    /// They are only read; nothing is locked or changed.
    ReadOnly,
}

/// A partial file, locked if it is to be continued, and the sums of its lines.
#[derive(Debug)]
pub struct Unfinished {
    pub(super) file: File,
    /// The header of the first run.
    pub(super) header: Header,
    pub(super) begun: PartialStart,
    pub(super) lines: SettledLines,
}

/// The sums of the lines of a partial file.
#[derive(Debug, Default)]
pub(super) struct SettledLines {
    pub(super) done: RowSet,
    pub(super) contents: Contents,
    /// Number of settled messages by [`MessageVerdict`], with the expectations of the run.
    verdicts: [u64; 7],
    /// A digest of what the settled rows ask.
    asked: QueryDigest,
    /// Number of rows without an answer, which are asked again.
    unanswered: u64,
    /// Number of lines that cannot be read.
    damaged: u64,
}

impl EarlierRun {
    /// Looks for the answers of an earlier run that are to become `results`. Opens them if that run asked what `wanted`
    /// asks.
    ///
    /// # Errors
    ///
    /// If the files cannot be read, are locked, or are of another run.
    pub fn beside(
        results: &Path,
        wanted: &Header,
        access: EarlierAccess,
    ) -> Result<Self, ResultsError> {
        let path = partial_path(results);
        let unfinished = match access {
            EarlierAccess::Continue => {
                let file = taken_up(&path)?;
                file.map(|file| Unfinished::taken_up(file, &path, wanted))
            }
            EarlierAccess::ReadOnly => {
                let file = opened(&path)?;
                file.map(|file| Unfinished::read(file, u64::MAX, &path, wanted))
            }
        };
        match unfinished {
            Some(unfinished) => Ok(Self::Unfinished(Box::new(unfinished?))),
            None => Self::whole(results, wanted, access),
        }
    }

    /// Handles a complete results file. It is evidence and stays unchanged; if it has unanswered queries, a copy is
    /// continued.
    fn whole(results: &Path, wanted: &Header, access: EarlierAccess) -> Result<Self, ResultsError> {
        let Some(results_file) = Self::finished(results, wanted)? else {
            return Ok(Self::Nothing);
        };
        if results_file.trailer().totals.unanswered == 0 {
            return Ok(Self::Complete);
        }
        let unfinished = if access == EarlierAccess::ReadOnly {
            let mut blocks = results_file.blocks(true);
            while blocks
                .next_block()
                .map_err(ResultsError::Foreign)?
                .is_some()
            {}
            let file = File::open(results).map_err(failed("open", results))?;
            Unfinished::read(file, results_file.lines.end, results, wanted)
        } else {
            let path = partial_path(results);
            let file = copy_lines(&results_file, &path)?;
            lock(&file, &path)?;
            Unfinished::taken_up(file, &path, wanted)
        };
        Ok(Self::Unfinished(Box::new(unfinished?)))
    }

    /// Opens the complete results file at `results`, if there is one.
    ///
    /// # Errors
    ///
    /// If it is of another run, because `--resume` continues only the same run.
    pub fn finished(results: &Path, wanted: &Header) -> Result<Option<ResultsFile>, ResultsError> {
        let Ok(results_file) = ResultsFile::open_as(results, &wanted.schema) else {
            return Ok(None); // or a file of another kind, which was refused before
        };
        if results_file.is_streamed() {
            return Err(ResultsError::Streamed {
                path: results.to_owned(),
            });
        }
        let differences = results_file.header().differences(wanted);
        if differences.is_empty() {
            return Ok(Some(results_file));
        }
        Err(ResultsError::Differs {
            path: results.to_owned(),
            differences,
            whole: wanted.schema != LOCATED,
        })
    }
}

impl Unfinished {
    /// Reads the partial file, which is locked, and cuts off a torn end.
    fn taken_up(file: File, path: &Path, wanted: &Header) -> Result<Self, ResultsError> {
        let mut found = Self::read(file, u64::MAX, path, wanted)?;
        let PartialStart {
            header_bytes,
            earlier,
            ..
        } = &found.begun;
        let end = header_bytes + earlier.bytes;
        let failed = |doing| failed(doing, path);
        found
            .file
            .set_len(end)
            .map_err(failed("cut the torn end of"))?;
        found
            .file
            .seek(SeekFrom::Start(end))
            .map_err(failed("read"))?;
        if end > 0 {
            found.lines.say(path, found.header.rows());
        }
        Ok(found)
    }

    /// Reads the first `length` bytes of a file of lines.
    fn read(
        mut file: File,
        length: u64,
        path: &Path,
        wanted: &Header,
    ) -> Result<Self, ResultsError> {
        let failed = |doing| failed(doing, path);
        file.seek(SeekFrom::Start(0)).map_err(failed("read"))?;
        let mut reader = BufReader::with_capacity(BLOCK, (&file).take(length));
        let first = first_line(&mut reader).map_err(failed("read"))?;
        if !first.ends_with(b"\n") && is_torn_header(&first, wanted) {
            drop(reader);
            return Ok(Self::empty(file, wanted.clone()));
        }
        let header = parse_header(path, &first, &wanted.schema).map_err(ResultsError::Foreign)?;
        if header.is_streamed() {
            return Err(ResultsError::Streamed {
                path: path.to_owned(),
            });
        }
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
        let judge = LineJudge::of(&header);
        let bytes = lines.read(reader, rows, &judge).map_err(failed("read"))?;
        let header_bytes = first.len() as u64;
        let earlier = Earlier { bytes, rows };
        let has_gaps = header.shard().is_some();
        Ok(Self {
            file,
            header,
            begun: PartialStart {
                header_bytes,
                earlier,
                has_gaps,
            },
            lines,
        })
    }

    /// Continues a file whose run ended before its header was complete.
    fn empty(file: File, header: Header) -> Self {
        Self {
            file,
            begun: PartialStart {
                header_bytes: 0,
                earlier: Earlier::default(),
                has_gaps: header.shard().is_some(),
            },
            header,
            lines: SettledLines::default(),
        }
    }

    /// Returns the header of the first run.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the rows that are settled.
    #[must_use]
    pub const fn done(&self) -> &RowSet {
        &self.lines.done
    }

    /// Returns the number of settled messages by [`MessageVerdict`]. Duplicates and bad rows are not counted.
    #[must_use]
    pub const fn verdicts(&self) -> [u64; 7] {
        self.lines.verdicts
    }

    /// Compares the settled lines with `asked`, the digest of their rows in the input. A partial file has no seal, so
    /// an ID that was changed in it would otherwise be sealed at the end. `results` is what the file is to become.
    ///
    /// # Errors
    ///
    /// If they differ.
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

    /// Calls `each` for the line of each settled row, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be read.
    pub fn each_line(&self, mut each: impl FnMut(&Line<'_>)) -> io::Result<()> {
        let mut each = |line: &Line<'_>| {
            each(line);
            Ok(())
        };
        each_line(&self.file, self.begun, &mut each)
    }

    /// Returns the totals of the settled rows.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.lines.contents.totals
    }
}

/// Judges settled lines by the expectations of their run.
struct LineJudge<'h> {
    contexts: MessageContexts,
    expectations: &'h Expectations,
}

impl<'h> LineJudge<'h> {
    fn of(header: &'h Header) -> Self {
        Self {
            contexts: MessageContexts::of(header, &header.expectations),
            expectations: &header.expectations,
        }
    }

    /// Returns the verdict about a message, or `None` for a duplicate and for a bad row.
    fn verdict(&self, line: &Line<'_>) -> Option<MessageVerdict> {
        match line.answer()? {
            AnswerView::Rejected => None,
            answer => {
                let subject = self.contexts.of_line(line);
                let nothing = line.with_answer(RowEvidence::default()); // it is examined at the end of the run
                Some(judge(answer, &subject, self.expectations, nothing).verdict)
            }
        }
    }
}

impl SettledLines {
    /// Reads to the end. Returns the number of bytes of all complete lines.
    fn read(
        &mut self,
        mut reader: impl BufRead,
        rows: u64,
        judge: &LineJudge<'_>,
    ) -> io::Result<u64> {
        let (mut bytes, mut damaged) = (0, 0);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text)? > 0 {
            if text.ends_with(b"\n") {
                bytes += text.len() as u64;
                match settled(&text, rows) {
                    Some(line) => self.count(&line, judge),
                    None if is_row(&text) => self.unanswered += 1,
                    None => damaged += 1,
                }
            }
            text.clear();
        }
        self.damaged += damaged;
        Ok(bytes)
    }

    fn count(&mut self, line: &Line<'_>, judge: &LineJudge<'_>) {
        if !self.done.insert(line.row) {
            return; // the first line of a row is used
        }
        self.asked.add_line(line);
        self.contents.add_line(line);
        if let Some(verdict) = judge.verdict(line) {
            self.verdicts[verdict as usize] += 1;
        }
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

/// Returns whether these bytes are what a power cut or a kill may leave of a first line of this program.
fn is_torn_header(bytes: &[u8], wanted: &Header) -> bool {
    let whole = serde_json::to_vec(wanted).unwrap_or_default();
    let opening = &whole[..whole.len().min(24)]; // up to the schema; the rest differs in every run
    let written = bytes
        .iter()
        .position(|&byte| byte == 0)
        .map_or(bytes, |zeros| &bytes[..zeros]);
    let length = written.len().min(opening.len());
    written[..length] == opening[..length]
}

/// Copies header and lines of a complete results file, without its trailer, to a new file. The copy is made only if the
/// seal holds, because the lines will be sealed again. It appears complete or not at all.
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
