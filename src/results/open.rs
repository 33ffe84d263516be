//! Begins a results file with its header, or continues one where an earlier run ended. Only the run that holds the lock on
//! the partial file writes to it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::close::PartialStart;
use super::contents::Contents;
use super::journal::{Journal, empty_block};
use super::order::Earlier;
use super::results_file::{first_line, parse_header};
use super::written_line::{LineWriter, push_json};
use super::{
    Durability, EarlierAccess, Header, ResultsError, ResultsWriter, RowSet, SCHEMA, Unfinished,
    partial_path,
};
use crate::file::{self, is_named};
use crate::input::InputNotes;

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
    pub fn refuse_unfinished(target: &Path, access: EarlierAccess) -> Result<(), ResultsError> {
        let path = partial_path(target);
        match path.symlink_metadata() {
            Ok(_) if access == EarlierAccess::ReadOnly => Err(unfinished(path)),
            Ok(_) => Err(occupied(path)),
            Err(_) => Ok(()),
        }
    }

    /// Refuses a target whose partial file this process may not write. Opens and creates nothing.
    ///
    /// # Errors
    ///
    /// If the partial file is write-protected, or if its folder is.
    pub fn refuse_unwritable(target: &Path) -> Result<(), ResultsError> {
        let path = partial_path(target);
        let doing = if path.exists() { "open" } else { "create" };
        file::refuse_unwritable(&path).map_err(failed(doing, &path))
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
        let mut recorder = Self::start(target, file, (begun, &header), durability)?;
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
            has_gaps: header.shard().is_some(),
        };
        let mut recorder = Self::start(target, file, (begun, header), durability)?;
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
        (begun, header): (PartialStart, &Header),
        durability: Durability,
    ) -> Result<Self, ResultsError> {
        file::remove_leftovers(file::folder(target));
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
            line_writer: LineWriter::of(header),
            in_order: true,
            next_row: 1,
            contents: Contents::default(),
            input_notes: InputNotes::default(),
            streamed: Vec::new(),
            inference: None,
        })
    }
}

fn occupied(path: PathBuf) -> ResultsError {
    match File::open(&path).map(|file| file.try_lock()) {
        Ok(Err(TryLockError::WouldBlock)) => ResultsError::Busy { path },
        _ => unfinished(path),
    }
}

/// Makes the error of answers that an earlier run left.
fn unfinished(path: PathBuf) -> ResultsError {
    let first = file::open_regular(&path).and_then(|file| first_line(&mut BufReader::new(file)));
    let header = first.map(|first| parse_header(&path, &first, SCHEMA));
    let is_streamed = matches!(header, Ok(Ok(header)) if header.is_streamed());
    ResultsError::Unfinished { path, is_streamed }
}

/// Locks the file until it is closed.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), ResultsError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ResultsError::Busy {
            path: path.to_owned(),
        },
        TryLockError::Error(source) => failed("lock", path)(source),
    })
}

/// Opens and locks the partial file of an earlier run. Returns `None` if there is none.
pub(super) fn taken_up(path: &Path) -> Result<Option<File>, ResultsError> {
    taken_up_after(path, || {})
}

/// Does the work of [`taken_up`]. Calls `before_lock` between opening and locking.
fn taken_up_after(
    path: &Path,
    mut before_lock: impl FnMut(),
) -> Result<Option<File>, ResultsError> {
    loop {
        let Some(file) = opened(path)? else {
            return Ok(None);
        };
        before_lock();
        lock(&file, path)?;
        // A run that held the lock may have ended meanwhile. Then this is a complete results file under its final name.
        if is_named(&file, path).map_err(failed("open", path))? {
            return Ok(Some(file));
        }
    }
}

/// Opens a partial file, if there is one. One that cannot be written is refused, since no run could continue it.
pub(super) fn opened(path: &Path) -> Result<Option<File>, ResultsError> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("open", path)(source)),
    }
}

/// Makes an error of a run that has no answers yet.
pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ResultsError {
    let path: PathBuf = path.to_owned();
    move |source| ResultsError::Io {
        doing,
        path,
        source,
        begun: false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;

    use super::*;
    use crate::file::create_private;

    #[test]
    fn a_file_finished_before_the_lock_was_held_is_not_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, results_file) = (folder.path().join("r.partial"), folder.path().join("r"));
        drop(create_private(&partial).unwrap());
        let finish = || fs::rename(&partial, &results_file).unwrap();
        let mut times = 0;
        let reserved = taken_up_after(&partial, || {
            times += 1;
            finish();
        });
        assert!(matches!(reserved, Ok(None)), "{reserved:?}");
        assert_eq!(times, 1);

        // The next run has begun another one.
        fs::rename(&results_file, &partial).unwrap();
        let reserved = taken_up_after(&partial, || {
            if !results_file.exists() {
                finish();
                let mut next = create_private(&partial).unwrap();
                io::Write::write_all(&mut next, b"next").unwrap();
            }
        });
        let mut text = String::new();
        reserved
            .unwrap()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "next");
    }
}
