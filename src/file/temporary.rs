//! Temporary files and folders, and the removal of those that killed runs left behind.
//!
//! Each is locked while it is in use, and the lock ends with its process. So a temporary file whose lock can be had is a
//! leftover. A process ID would not tell: containers that share a volume have the same one.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use tempfile::{NamedTempFile, TempDir};

use super::{bare, folder, is_named};

/// The beginning of the name of every temporary file.
const PREFIX: &str = ".ons-audit-";

/// Number of random characters behind [`PREFIX`].
const RANDOM: usize = 6;

/// How often a temporary file is created anew because another run took it for a leftover before it was locked.
const ATTEMPTS: u32 = 16;

/// Creates a private file in a folder, locked until it is closed. Removes leftovers in the folder first.
pub(super) fn file_in(folder: &Path) -> io::Result<NamedTempFile> {
    remove_leftovers(folder);
    file_locked_in(folder, |_| {})
}

/// Does the work of [`file_in`]. Calls `created` between creating and locking a file.
fn file_locked_in(folder: &Path, mut created: impl FnMut(&Path)) -> io::Result<NamedTempFile> {
    for _ in 0..ATTEMPTS {
        let builder = &mut tempfile::Builder::new();
        let file = builder.prefix(PREFIX).rand_bytes(RANDOM);
        let file = file.tempfile_in(folder).map_err(bare)?;
        created(file.path());
        match file.as_file().try_lock() {
            Ok(()) if is_named(file.as_file(), file.path())? => return Ok(file),
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // Without locks no run removes anything.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
    let problem = "other programs remove or lock new files in the folder";
    Err(io::Error::other(problem))
}

/// A private folder for files that are not complete yet. It is removed with its files when it is dropped.
#[derive(Debug)]
pub struct StagingFolder {
    folder: TempDir,
    /// The locked file that shows that the folder is in use. It exists as long as the folder does.
    guard: NamedTempFile,
}

impl StagingFolder {
    /// Creates a folder beside `path`.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Self::create_in(folder(path))
    }

    /// Creates a folder in the system's folder for temporary files.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn in_system_folder() -> io::Result<Self> {
        Self::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        let guard = file_in(parent)?;
        let name = with_ending(guard.path(), "d");
        let folder = tempfile::Builder::new()
            .prefix(name.file_name().unwrap_or_default())
            .rand_bytes(0)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(bare)?;
        Ok(Self { folder, guard })
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder the name `target`. What has that name is removed. If the names cannot be exchanged in one step, the
    /// old folder is moved aside first, and the next run restores it if this one is killed then.
    pub(super) fn replace(self, target: &Path) -> io::Result<()> {
        self.replace_in_steps(target, exchange, || {})
    }

    /// Does the work of [`StagingFolder::replace`]. Calls `before` before each change of the folder.
    fn replace_in_steps(
        self,
        target: &Path,
        exchange: impl FnOnce(&Path, &Path) -> io::Result<()>,
        mut before: impl FnMut(),
    ) -> io::Result<()> {
        let Self { folder, mut guard } = self;
        before();
        if exchange(folder.path(), target).is_ok() {
            before();
            return folder.close();
        }
        // There is nothing yet, or the file system cannot exchange names.
        guard.write_all(target.file_name().unwrap_or_default().as_bytes())?;
        let old = with_ending(guard.path(), "old");
        let replaces = match fs::rename(target, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        before();
        if let Err(error) = fs::rename(folder.path(), target) {
            if replaces {
                fs::rename(&old, target)?;
            }
            return Err(error);
        }
        // The folder has its final name now, so there is nothing left to remove.
        let _gone = folder.keep();
        before();
        if replaces {
            fs::remove_dir_all(old)?;
        }
        Ok(())
    }
}

/// Returns the path of what a guard protects.
fn with_ending(guard: &Path, ending: &str) -> PathBuf {
    guard.with_added_extension(ending)
}

/// The folders in which leftovers were removed.
static CLEANED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes the temporary files and folders that killed runs left in a folder, and logs how many. Does nothing if this
/// process did so before. Where files cannot be locked, nothing is removed, and a warning says so.
pub fn remove_leftovers(folder: &Path) {
    let mut cleaned = CLEANED.lock().unwrap_or_else(PoisonError::into_inner);
    if !cleaned.insert(folder.to_owned()) {
        return;
    }
    drop(cleaned);
    match removed_leftovers(folder, File::try_lock) {
        Ok(0) => {}
        Ok(count) => tracing::info!(
            "temporary files of killed runs removed from {}: {count}",
            folder.display()
        ),
        Err(error) => tracing::warn!(
            "temporary files ({PREFIX}*) stay in {}: without locks there, we cannot tell whether a run uses them ({error})",
            folder.display()
        ),
    }
}

/// Removes leftovers and returns their number.
///
/// # Errors
///
/// If files cannot be locked.
fn removed_leftovers(
    folder: &Path,
    lock: fn(&File) -> Result<(), TryLockError>,
) -> io::Result<u64> {
    let mut removed = 0;
    // A folder that cannot be read, or an entry that is gone, is not this function's concern.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_ours(&entry.file_name())) {
        let path = entry.path();
        let Some(file) = opened(&path) else { continue };
        match lock(&file) {
            Ok(()) => {
                if is_named(&file, &path).unwrap_or(false) && remove(&path).is_ok() {
                    removed += 1;
                }
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(removed)
}

/// Opens a regular file. Some file systems lock only files that are open for writing.
fn opened(path: &Path) -> Option<File> {
    let is_file = path.symlink_metadata().ok()?.is_file();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let flags = i32::try_from(flags.bits()).ok()?;
    is_file
        .then(|| options.custom_flags(flags).open(path).ok())
        .flatten()
}

/// Removes a leftover, and before it the folder that it protected.
fn remove(guard: &Path) -> io::Result<()> {
    let [new, old] = ["d", "old"].map(|ending| with_ending(guard, ending));
    if new.exists() && old.exists() {
        // The run was killed between two renames.
        restore(guard, &old)?;
    }
    for folder in [new, old] {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_file(guard)
}

/// Exchanges the names of two folders in one step, where the file system can.
fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE)?)
}

/// Gives a folder that was moved aside its name again, which is in the guard.
fn restore(guard: &Path, old: &Path) -> io::Result<()> {
    let name = fs::read(guard)?;
    let target = guard.with_file_name(OsStr::from_bytes(&name));
    let renamed = if target.parent() == guard.parent() && !name.is_empty() {
        fs::rename(old, &target)
    } else {
        Err(io::ErrorKind::InvalidFilename.into())
    };
    match renamed {
        Ok(()) => tracing::warn!(
            "{} is restored: a killed run was about to replace it",
            target.display()
        ),
        Err(error) => {
            tracing::warn!(
                "{} is the folder that a killed run was about to replace, and its name {} can't be restored ({error})",
                old.display(),
                target.display()
            );
            return Err(error);
        }
    }
    Ok(())
}

/// Returns whether this program names its temporary files so.
fn is_ours(name: &OsStr) -> bool {
    let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::super::killed::killed_at_every_step;
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Leaves a temporary file and a folder with a file in it, as a killed run does.
    fn leave(folder: &Path) {
        let staging = StagingFolder::create_in(folder).unwrap();
        drop(file_locked_in(folder, |_| {}).unwrap().keep().unwrap());
        drop(super::super::create_private(&staging.path().join("x")).unwrap());
        let StagingFolder {
            folder: staged,
            guard,
        } = staging;
        let _left = (staged.keep(), guard.keep().unwrap());
    }

    #[test]
    fn leftovers_go_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let bystanders = [".ons-audit-notes.md", ".ons-audit-12345", "x.csv"];
        for name in bystanders {
            drop(super::super::create_private(&folder.path().join(name)).unwrap());
        }
        leave(folder.path());
        let file = file_in(folder.path()).unwrap();
        let staging = StagingFolder::create_in(folder.path()).unwrap();
        assert_eq!(names(folder.path()).len(), 9, "{:?}", names(folder.path()));
        let removed = removed_leftovers(folder.path(), File::try_lock).unwrap();
        assert_eq!(removed, 2);
        assert!(file.path().exists() && staging.path().exists());
        drop((file, staging));
        let mut left = bystanders.map(str::to_owned);
        left.sort();
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn without_locks_nothing_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        leave(folder.path());
        let before = names(folder.path());
        let refused = |_: &File| Err(TryLockError::Error(io::ErrorKind::Unsupported.into()));
        assert!(removed_leftovers(folder.path(), refused).is_err());
        assert_eq!(names(folder.path()), before);
    }

    #[test]
    fn a_file_removed_before_it_is_locked_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut times = 0;
        let file = file_locked_in(folder.path(), |path| {
            times += 1;
            if times == 1 {
                assert_eq!(removed_leftovers(folder.path(), File::try_lock).unwrap(), 1);
                assert!(!path.exists());
            }
        });
        assert_eq!(times, 2);
        assert!(file.unwrap().path().exists());
    }

    #[test]
    fn a_file_that_another_run_locks_first_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut held = None;
        let file = file_locked_in(folder.path(), |path| {
            if held.is_none() {
                let taken = opened(path).unwrap();
                taken.try_lock().unwrap();
                held = Some((path.to_owned(), taken));
            }
        });
        assert_ne!(file.unwrap().path(), held.unwrap().0);
    }

    #[test]
    fn a_folder_whose_name_is_not_known_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        leave(folder.path());
        let names_before = names(folder.path());
        let new = names_before
            .iter()
            .find(|name| Path::new(name).extension() == Some("d".as_ref()));
        let new = folder.path().join(new.unwrap());
        let old = new.with_extension("old");
        fs::create_dir(&old).unwrap();
        let removed = removed_leftovers(folder.path(), File::try_lock).unwrap();
        assert_eq!(removed, 1, "the single file");
        assert!(new.exists() && old.exists());
    }

    fn set(folder: &Path, content: &str) -> StagingFolder {
        let staging = StagingFolder::create_in(folder).unwrap();
        let mut file = super::super::create_private(&staging.path().join("x")).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        staging
    }

    /// Kills a replacement at every rename, and lets the next run clean up.
    fn a_folder_can_always_be_had(
        test: &str,
        exchange: fn(&Path, &Path) -> io::Result<()>,
        found: &[&str],
    ) {
        let test = format!("file::temporary::tests::{test}");
        killed_at_every_step(
            &test,
            |folder| set(folder, "old").replace(&folder.join("work")).unwrap(),
            |folder, before| {
                let target = folder.join("work");
                set(folder, "new")
                    .replace_in_steps(&target, exchange, before)
                    .unwrap();
            },
            |folder, steps| {
                removed_leftovers(folder, File::try_lock).unwrap();
                assert_eq!(names(folder), ["work"]);
                let content = fs::read_to_string(folder.join("work/x")).unwrap();
                assert_eq!(content, found[steps], "{steps}");
            },
        );
    }

    #[test]
    fn folders_are_exchanged_in_one_step() {
        let test = "folders_are_exchanged_in_one_step";
        a_folder_can_always_be_had(test, exchange, &["old", "new", "new"]);
    }

    #[test]
    fn a_folder_that_was_moved_aside_is_restored() {
        let refused = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
        let test = "a_folder_that_was_moved_aside_is_restored";
        a_folder_can_always_be_had(test, refused, &["old", "old", "new", "new"]);
    }
}
