//! The lock on a partial file: only the run that holds it writes to the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::ResultsError;
use crate::file::is_named;

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

/// Does the work of [`taken_up`]. Calls `opened` between opening and locking.
fn taken_up_after(path: &Path, mut opened: impl FnMut()) -> Result<Option<File>, ResultsError> {
    loop {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed("open", path)(source)),
        };
        opened();
        lock(&file, path)?;
        // A run that held the lock may have ended meanwhile. Then this is a complete results file under its final name.
        if is_named(&file, path).map_err(failed("open", path))? {
            return Ok(Some(file));
        }
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
