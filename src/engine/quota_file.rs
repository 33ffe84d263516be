//! One quota for several runs on a machine: the [`QuotaState`] in a file that they share.
//!
//! The file is locked only while it is read and written, never while a run waits: a turn is reserved, waited for, and
//! then taken. A run that is killed releases its lock and loses at most the one turn that it had reserved. Turns are
//! given in the order of the requests and each run has at most one, so the quota is shared evenly.
//!
//! Times are those of the machine's monotonic clock, which all processes share and no clock setting moves. Times from
//! before a restart of the machine are recognised because they are too far in the future.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::quota_state::QuotaState;
use crate::exit::Advice;
use crate::file;

/// The schema that the file names.
const SCHEMA: &str = "ons-audit-quota/1";

/// The length of the file. One write replaces all of it.
const LENGTH: usize = 1024;

/// Another run holds the lock for microseconds; it is requested again after this time.
const AGAIN: Duration = Duration::from_millis(2);

/// A run that waits longer than this for the lock warns.
const TOO_LONG: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
struct QuotaFileContent {
    schema: String,
    #[serde(flatten)]
    state: QuotaState,
}

/// An open quota file.
#[derive(Debug)]
pub struct QuotaFile {
    path: PathBuf,
    /// The mutex excludes other tasks of this process; the file lock belongs to the process.
    file: Mutex<File>,
    complained: AtomicBool,
}

/// Why a file cannot be used as a quota file.
#[derive(Debug, thiserror::Error)]
pub enum QuotaFileError {
    /// The file cannot be opened or read.
    #[error("can't use the quota file {}", path.display())]
    Io {
        /// The path as it was given.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} is not a quota file: expected an empty file or one of schema {SCHEMA}", .0.display())]
    Foreign(PathBuf),
}

impl Advice for QuotaFileError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "--quota-file names a file that all runs can read and write",
                Self::Foreign(_) => "name a file that does not exist yet with --quota-file",
            }
            .to_owned(),
        )
    }
}

impl QuotaFile {
    /// Opens a quota file or creates a private one.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or if it holds anything else.
    pub fn open(path: &Path) -> Result<Self, QuotaFileError> {
        Ok(Self {
            path: path.to_owned(),
            file: Mutex::new(Self::opened(path)?),
            complained: AtomicBool::new(false),
        })
    }

    /// Refuses a file that [`QuotaFile::open`] would refuse, and creates none.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or if it holds anything else.
    pub fn check(path: &Path) -> Result<(), QuotaFileError> {
        let writable = file::refuse_unwritable(path);
        writable.map_err(|source| QuotaFileError::Io {
            path: path.to_owned(),
            source,
        })?;
        if path.exists() {
            Self::opened(path)?;
        }
        Ok(())
    }

    fn opened(path: &Path) -> Result<File, QuotaFileError> {
        let failed = |source| QuotaFileError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = file::open_private(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // Reading a pipe or a device could block; a longer file is not a quota file.
        let fits = metadata.is_file() && metadata.len() <= LENGTH as u64;
        if !fits || (metadata.len() > 0 && !is_book(&mut file).map_err(failed)?) {
            return Err(QuotaFileError::Foreign(path.to_owned()));
        }
        Ok(file)
    }

    /// Lets `change` read and change the state while no other run does. Waits for other runs without blocking the
    /// thread.
    pub(super) async fn with<R>(
        &self,
        mut change: impl FnMut(&mut QuotaState) -> R,
    ) -> io::Result<R> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(result) = self.try_with(&mut change)? {
                return Ok(result);
            }
            tokio::time::sleep(AGAIN).await;
            waited += AGAIN;
            if waited == TOO_LONG {
                tracing::warn!(
                    "waiting for the quota file {}: another process has kept it locked for 5 s",
                    self.path.display()
                );
            }
        }
    }

    /// Warns once that the file fails.
    pub(super) fn complain(&self, error: &io::Error) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the quota file {} can't be used any more ({error}): this run goes on at its own rate, whatever others do",
                self.path.display()
            );
        }
    }

    /// Returns `None` if another run holds the lock.
    fn try_with<R>(&self, change: &mut impl FnMut(&mut QuotaState) -> R) -> io::Result<Option<R>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let named = file::is_named(&file, &self.path);
        if !matches!(named, Ok(true)) {
            file.unlock()?; // also where nothing more is done with it: the others go on
            named?;
            // Whoever begins now finds another file by this name: all have to share that one.
            *file = Self::opened(&self.path).map_err(io::Error::other)?;
            tracing::warn!(
                "the quota file {} was removed or replaced: the one of that name is used from here on",
                self.path.display()
            );
            return Ok(None);
        }
        let result = rewrite(&mut file, change);
        file.unlock()?;
        result.map(Some)
    }
}

/// Returns whether the file holds a state. While another run writes, a second look may be needed.
fn is_book(file: &mut File) -> io::Result<bool> {
    if read(file)?.is_some() {
        return Ok(true);
    }
    file.lock()?;
    let state = read(file);
    file.unlock()?;
    Ok(state?.is_some())
}

fn rewrite<R>(file: &mut File, change: &mut impl FnMut(&mut QuotaState) -> R) -> io::Result<R> {
    let mut state = read(file)?.unwrap_or_default();
    let result = change(&mut state);
    let layout = QuotaFileContent {
        schema: SCHEMA.to_owned(),
        state,
    };
    let mut text = serde_json::to_vec(&layout)?;
    text.resize(LENGTH - 1, b' ');
    text.push(b'\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    Ok(result)
}

/// Reads the state. Returns `None` if none can be read, as after a power cut.
fn read(file: &mut File) -> io::Result<Option<QuotaState>> {
    let mut text = Vec::with_capacity(LENGTH);
    file.seek(SeekFrom::Start(0))?;
    file.take(LENGTH as u64).read_to_end(&mut text)?;
    let layout: Option<QuotaFileContent> = serde_json::from_slice(&text).ok();
    Ok(layout
        .filter(|layout| layout.schema == SCHEMA)
        .map(|layout| layout.state))
}

/// The machine's monotonic clock, which tokio's instants use, too.
pub(super) fn machine_clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a file that is not ours")]
    fn file_with(text: &str) -> tempfile::TempPath {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[tokio::test]
    async fn what_one_writes_the_next_one_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quota");
        let (one, two) = (
            QuotaFile::open(&path).unwrap(),
            QuotaFile::open(&path).unwrap(),
        );
        let now = machine_clock();
        let call = one.with(|state| state.begin(now)).await.unwrap();
        let (begun, next) = two
            .with(|state| (state.begun, state.take(now, 10.0)))
            .await
            .unwrap();
        assert_eq!((call, begun), (0, 1));
        assert_eq!(next, Err(now + Duration::from_millis(100)));
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(metadata.len(), LENGTH as u64);
    }

    #[tokio::test]
    async fn while_one_has_it_locked_the_other_waits_and_after_its_death_goes_on() {
        let path = file_with("");
        let quota = QuotaFile::open(&path).unwrap();
        let holder = File::open(&path).unwrap();
        holder.lock().unwrap();
        assert!(quota.try_with(&mut |state| state.begun).unwrap().is_none());
        drop(holder); // as the system does for a process that is killed
        assert_eq!(quota.with(|state| state.begun).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn half_a_file_is_a_fresh_one_to_those_who_have_it_open() {
        let path = file_with("");
        let quota = QuotaFile::open(&path).unwrap();
        quota
            .with(|state| state.begin(Duration::ZERO))
            .await
            .unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(40)
            .unwrap();
        assert_eq!(quota.with(|state| state.begun).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_that_was_removed_or_replaced_is_shared_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("quota");
        let first = QuotaFile::open(&path).unwrap();
        first
            .with(|state| state.begin(Duration::ZERO))
            .await
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = QuotaFile::open(&path).unwrap();
        for quota in [&first, &second, &first] {
            quota
                .with(|state| state.begin(Duration::ZERO))
                .await
                .unwrap();
        }
        assert_eq!(second.with(|state| state.begun).await.unwrap(), 3);
        let foreign = file_with("msg_id,topic\n");
        std::fs::rename(&foreign, &path).unwrap();
        let error = first.with(|state| state.begun).await.unwrap_err();
        assert!(error.to_string().contains("is not a quota file"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "msg_id,topic\n");
    }

    #[test]
    fn other_files_are_left_alone() {
        for text in [
            "msg_id,topic\n",
            "{}",
            &" ".repeat(LENGTH + 1),
            "{\"schema\":\"ons-audit/1\"}",
        ] {
            let path = file_with(text);
            let refused = QuotaFile::open(&path).unwrap_err();
            assert!(matches!(refused, QuotaFileError::Foreign(_)), "{refused}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path(),
            Path::new("/dev/null"),
            &folder.path().join("no/quota"),
        ] {
            let refused = QuotaFile::open(path).unwrap_err();
            assert!(refused.hint().is_some(), "{refused}");
        }
    }
}
