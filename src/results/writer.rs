//! Writes a results file: appended as answers come, sealed at the end.

use std::fs::{self, File};
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::blocks::At;
use super::close::{PartialStart, keep_earlier, order_into, seal};
use super::contents::Contents;
use super::fast_line_parser::FastLineParser;
use super::journal::{BLOCK, Durability, FinishedJournal, Journal};
use super::written_line::LineWriter;
use super::{
    EvidenceSection, InferenceSection, Line, Outcome, ResultsError, Trailer, evidence, order,
};
use crate::clock;
use crate::file;
use crate::input::{InputNotes, Row, Survey};
use crate::verdict::{EvidenceLine, Totals};

/// Writes a results file that is not complete yet.
///
/// Lines are appended to the partial file as rows are settled. [`finish`](Self::finish) puts them in row order, seals the
/// file and gives it its name.
#[derive(Debug)]
pub struct ResultsWriter {
    pub(super) target: PathBuf,
    pub(super) journal: Journal,
    /// A second handle of the partial file, which holds its lock until it is closed.
    pub(super) lock: File,
    pub(super) start: PartialStart,
    pub(super) durability: Durability,
    /// Lines that the journal does not have yet.
    pub(super) block: Vec<u8>,
    pub(super) line_writer: LineWriter,
    /// Whether all lines so far came in row order.
    pub(super) in_order: bool,
    pub(super) next_row: u64,
    pub(super) contents: Contents,
    pub(super) input_notes: InputNotes,
    pub(super) inference: Option<InferenceSection>,
    /// The inputs of a stream, once they are read.
    pub(super) streamed: Vec<Survey>,
}

impl ResultsWriter {
    /// Returns the totals of all lines so far, those of earlier runs included.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.contents.totals
    }

    /// Returns the path of the partial file, which holds the answers until the results file is complete.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        partial_path(&self.target)
    }

    /// Appends the line of one row. Duplicates and rejected rows have no outcome.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be written.
    pub fn push(&mut self, row: &Row, outcome: Option<&Outcome>) -> Result<(), ResultsError> {
        self.in_order &=
            row.row == self.next_row || (self.start.has_gaps && row.row > self.next_row);
        self.next_row = row.row + 1;
        self.contents.add_row(row, outcome);
        let has_new_tracks = self.line_writer.write(&mut self.block, row, outcome);
        if has_new_tracks && let Some(Ok(trace)) = outcome.map(|outcome| &outcome.answer) {
            let groups = trace.tracks.iter().map(|track| &track.group);
            self.contents.add_groups(groups);
        }
        if self.block.len() >= BLOCK {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Appends a line that another run has written.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be written.
    pub(super) fn push_line(&mut self, line: &Line<'_>, text: &str) -> Result<(), ResultsError> {
        self.in_order &= line.row == self.next_row;
        self.next_row = line.row + 1;
        self.contents.add_line(line);
        self.block.extend_from_slice(text.as_bytes());
        self.block.push(b'\n');
        if self.block.len() >= BLOCK {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Hands all pushed lines to the journal. The engine calls this before every wait, so that no answer stays in memory
    /// while the run is paced.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be written.
    pub fn flush(&mut self) -> Result<(), ResultsError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let written = self.journal.write(&mut self.block);
        written.map_err(write_error("write", &self.target))
    }

    /// Writes and syncs the pushed lines and leaves the partial file for `--resume`. Returns the totals so far.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be written or synced.
    pub fn abandon(mut self) -> Result<Totals, ResultsError> {
        let flushed = self.flush();
        let failed = || write_error("write", &self.target);
        let written = self.journal.finish().map_err(failed())?;
        written.file.sync_all().map_err(failed())?;
        flushed.map(|()| self.contents.totals)
    }

    /// Sets what the trailer says about the inputs.
    pub fn set_input_notes(&mut self, notes: InputNotes) {
        self.input_notes = notes;
    }

    /// Sets what the trailer says about answers that were inferred.
    pub fn set_inference(&mut self, inference: InferenceSection) {
        self.inference = Some(inference);
    }

    /// Sets what the trailer says about the stream that was read.
    pub fn set_streamed(&mut self, inputs: Vec<Survey>) {
        self.streamed = inputs;
    }

    /// Completes the results file without lines behind its rows. `now` is the end of the run. Returns the totals.
    ///
    /// # Errors
    ///
    /// If a step fails. The partial file then keeps all answers.
    pub fn finish(self, now: Timestamp) -> Result<Totals, ResultsError> {
        self.settle()?.finish((&[], 0), now)
    }

    /// Ends the rows: all of them are settled and written. They can be read before the results file is completed.
    ///
    /// # Errors
    ///
    /// If they cannot be written. The partial file then keeps what was.
    pub fn settle(mut self) -> Result<SettledRows, ResultsError> {
        let flushed = self.flush();
        // The error of the journal says why it stopped taking blocks.
        let written = self.journal.finish();
        let written = written.map_err(write_error("write", &self.target))?;
        flushed?;
        Ok(SettledRows {
            target: self.target,
            _lock: self.lock,
            start: self.start,
            durability: self.durability,
            in_order: self.in_order,
            contents: self.contents,
            input_notes: self.input_notes,
            inference: self.inference,
            streamed: self.streamed,
            written,
        })
    }
}

/// The rows of a results file of which only the end is missing.
#[derive(Debug)]
pub struct SettledRows {
    target: PathBuf,
    _lock: File,
    start: PartialStart,
    durability: Durability,
    in_order: bool,
    contents: Contents,
    input_notes: InputNotes,
    inference: Option<InferenceSection>,
    streamed: Vec<Survey>,
    written: FinishedJournal,
}

impl SettledRows {
    /// Returns the totals of all rows.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.contents.totals
    }

    /// Calls `each` for the line of each row, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the partial file cannot be read, or if `each` fails.
    pub fn each_line(
        &self,
        mut each: impl FnMut(&Line<'_>) -> io::Result<()>,
    ) -> Result<(), ResultsError> {
        each_line(&self.written.file, self.start, &mut each)
            .map_err(write_error("read", &self.target))
    }

    /// Completes the results file: puts the lines in row order, adds `evidence`, which took so many calls, and the trailer with totals and seal, syncs
    /// the file and renames it. `now` is the end of the run. Returns the totals.
    ///
    /// # Errors
    ///
    /// If a step fails. The partial file then keeps all answers.
    pub fn finish(
        self,
        (evidence, calls): (&[EvidenceLine], u64),
        now: Timestamp,
    ) -> Result<Totals, ResultsError> {
        let target = self.target;
        let failed = |doing| write_error(doing, &target);
        let behind = evidence::written(evidence);
        let trailer = Trailer {
            totals: self.contents.totals,
            groups: self.contents.groups(),
            columns: self.contents.columns.names(),
            input: self.input_notes,
            inputs: self.streamed,
            evidence: (!evidence.is_empty()).then_some(EvidenceSection {
                lines: evidence.len() as u64,
                bytes: behind.len() as u64,
                calls,
            }),
            inference: self.inference,
            finished_at: clock::rfc3339(now),
            sha256: String::new(),
        };
        let partial = partial_path(&target);
        let reordered = match self.written {
            FinishedJournal {
                hash: Some(hash),
                file,
            } if self.in_order => {
                seal(file, hash, &behind, trailer).map_err(failed("seal"))?;
                None
            }
            FinishedJournal { mut file, .. } => {
                file.seek(SeekFrom::Start(0)).map_err(failed("order"))?;
                let ordered = order_into(&target, file, self.start).map_err(failed("order"))?;
                Some(ordered.seal(&behind, trailer).map_err(failed("seal"))?)
            }
        };
        keep_earlier(&target).map_err(failed("keep the earlier results file beside"))?;
        let is_reordered = reordered.is_some();
        match reordered {
            Some(file) => file.persist(&target).map(drop).map_err(|error| error.error),
            None => fs::rename(&partial, &target),
        }
        .map_err(failed("rename"))?;
        if self.durability == Durability::EverySecond {
            file::sync_folder(&target).map_err(failed("sync the folder of"))?;
        }
        if is_reordered {
            fs::remove_file(&partial).map_err(failed("remove the partial of"))?;
        }
        Ok(self.contents.totals)
    }
}

/// Calls `each` for the line of each row of a partial file, in the order in which they were written.
pub(super) fn each_line(
    file: &File,
    start: PartialStart,
    each: &mut dyn FnMut(&Line<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let offset = start.header_bytes;
    let lines = BufReader::with_capacity(BLOCK, At { file, offset });
    let each_text = |text: &[u8]| {
        let text = str::from_utf8(text).map_err(io::Error::other)?;
        let line = match FastLineParser::default().answer(text) {
            Some(line) => line,
            None => serde_json::from_str(text).map_err(io::Error::other)?,
        };
        each(&line)
    };
    order::each(lines, start.earlier, each_text)
}

/// Returns the path at which a results file grows before it is complete: `RESULTS.partial`.
#[must_use]
pub fn partial_path(results: &Path) -> PathBuf {
    let mut name = results.as_os_str().to_owned();
    if results
        .extension()
        .is_none_or(|extension| extension != "partial")
    {
        name.push(".partial");
    }
    name.into()
}

/// Makes an error of a run that has answers already.
fn write_error(doing: &'static str, target: &Path) -> impl FnOnce(io::Error) -> ResultsError {
    let path = target.to_owned();
    move |source| ResultsError::Io {
        doing,
        path,
        source,
        begun: true,
    }
}
