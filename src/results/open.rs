//! Begins a results file with its header, or continues one where an earlier run ended.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::close::PartialStart;
use super::contents::Contents;
use super::journal::{Journal, empty_block};
use super::lock::{failed, lock, taken_up};
use super::order::Earlier;
use super::written_line::{LineWriter, push_json};
use super::{Durability, Header, ResultsError, ResultsWriter, RowSet, Unfinished, partial_path};
use crate::file;

impl ResultsWriter {
    /// Creates `RESULTS.partial` (0600, locked) and writes the header.
    ///
    /// # Errors
    ///
    /// If an earlier run left answers, or the file cannot be written.
    pub fn create(
        target: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<Self, ResultsError> {
        let path = partial_path(target);
        let file = match file::create_private(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(occupied(path));
            }
            Err(error) => return Err(failed("create", &path)(error)),
        };
        lock(&file, &path)?;
        Self::begin(target, file, header, durability)
    }

    /// Refuses a target beside which an unfinished run left answers, as [`ResultsWriter::create`] would.
    ///
    /// # Errors
    ///
    /// If there is a partial file with answers.
    pub fn refuse_unfinished(target: &Path) -> Result<(), ResultsError> {
        let path = partial_path(target);
        match path.symlink_metadata() {
            Ok(_) => Err(occupied(path)),
            Err(_) => Ok(()),
        }
    }

    /// Discards the answers of an earlier run, if there are any, and begins anew.
    ///
    /// # Errors
    ///
    /// If another run holds the partial file, or it cannot be written.
    pub fn restart(
        target: &Path,
        header: &Header,
        durability: Durability,
    ) -> Result<Self, ResultsError> {
        let path = partial_path(target);
        // The file is emptied, not removed: a run that waits for its lock would otherwise hold a file without a name.
        let Some(file) = taken_up(&path)? else {
            return Self::create(target, header, durability);
        };
        file.set_len(0).map_err(failed("empty", &path))?;
        Self::begin(target, file, header, durability)
    }

    /// Continues the partial file of an earlier run. Also returns the rows that are settled.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn resume(
        target: &Path,
        unfinished: Unfinished,
        durability: Durability,
    ) -> Result<(Self, RowSet), ResultsError> {
        let Unfinished {
            file,
            header,
            begun,
            lines,
        } = unfinished;
        if begun.header_bytes == 0 {
            return Ok((Self::begin(target, file, &header, durability)?, lines.done));
        }
        let mut recorder = Self::start(target, file, begun, durability)?;
        recorder.contents = lines.contents;
        recorder.in_order = false;
        Ok((recorder, lines.done))
    }

    /// Writes the header to a file that is empty and locked.
    fn begin(
        target: &Path,
        file: File,
        header: &Header,
        durability: Durability,
    ) -> Result<Self, ResultsError> {
        let path = partial_path(target);
        let mut first = Vec::new();
        push_json(&mut first, header);
        first.push(b'\n');
        let begun = PartialStart {
            header_bytes: first.len() as u64,
            earlier: Earlier::default(),
        };
        let mut recorder = Self::start(target, file, begun, durability)?;
        recorder.block = first;
        recorder.flush()?;
        if durability == Durability::EverySecond {
            // From here on a synced answer survives a power cut.
            let synced = recorder.lock.sync_all();
            synced
                .and_then(|()| file::sync_folder(&path))
                .map_err(failed("sync", &path))?;
        }
        Ok(recorder)
    }

    fn start(
        target: &Path,
        file: File,
        begun: PartialStart,
        durability: Durability,
    ) -> Result<Self, ResultsError> {
        let path = partial_path(target);
        let writer = file.try_clone().map_err(failed("open", &path))?;
        let journal = Journal::start(writer, durability);
        Ok(Self {
            target: target.to_owned(),
            journal: journal.map_err(failed("begin", &path))?,
            lock: file,
            start: begun,
            durability,
            block: empty_block(),
            line_writer: LineWriter::default(),
            in_order: true,
            next_row: 1,
            contents: Contents::default(),
        })
    }
}

fn occupied(path: PathBuf) -> ResultsError {
    match File::open(&path).map(|file| file.try_lock()) {
        Ok(Err(fs::TryLockError::WouldBlock)) => ResultsError::Busy { path },
        _ => ResultsError::Unfinished { path },
    }
}
