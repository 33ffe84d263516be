//! A folder of files that appear together.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{bare, folder};

/// Files in a folder that is not complete yet. It is private, and not visible under its name before
/// [`FileSet::commit`].
#[derive(Debug)]
pub struct FileSet {
    target: PathBuf,
    temp: TempDir,
}

impl FileSet {
    /// Prepares a folder, so that one that cannot be made is found before the run.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(target: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        let temp = private_folder(&target)?;
        Ok(Self { target, temp })
    }

    /// Appends bytes to a file. The file is closed again, since there may be more files than can be open at once.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.temp.path().join(name))?;
        file.write_all(bytes)
    }

    /// Makes the folder visible in the place of an earlier one. For a moment there is none, but never a mixture of
    /// both.
    ///
    /// # Errors
    ///
    /// If the folders cannot be renamed.
    pub fn commit(self) -> io::Result<()> {
        let Self { target, temp } = self;
        let graveyard = private_folder(&target)?;
        let old = graveyard.path().join("old");
        let replaces = match fs::rename(&target, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if let Err(error) = fs::rename(temp.path(), &target) {
            if replaces {
                fs::rename(&old, &target)?;
            }
            return Err(error);
        }
        // The folder has its final name now, so there is nothing left to remove.
        let _gone = temp.keep();
        graveyard.close()
    }
}

/// Creates a private folder beside the target.
fn private_folder(target: &Path) -> io::Result<TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(".ons-audit-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(folder(target))
        .map_err(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn set(target: &Path, names: &[&str]) -> FileSet {
        let set = FileSet::create(target).unwrap();
        for name in names {
            set.append(name, b"a").unwrap();
            set.append(name, b"b").unwrap();
        }
        set
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_set_appears_whole_and_private_and_replaces_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("work");
        drop(set(&target, &["x"]));
        assert_eq!(count(folder.path()), 0, "no litter");
        set(&target, &["x", "y"]).commit().unwrap();
        set(&target, &["z"]).commit().unwrap();
        assert_eq!((count(folder.path()), count(&target)), (1, 1));
        assert_eq!(fs::read(target.join("z")).unwrap(), b"ab");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&target), mode(&target.join("z"))), (0o700, 0o600));
    }
}
