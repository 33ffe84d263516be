//! A folder of files that appear together.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{StagingFolder, followed};

/// Files in a folder that is not complete yet. It is private, and not visible under its name before
/// [`FileSet::commit`].
#[derive(Debug)]
pub struct FileSet {
    target: PathBuf,
    staging: StagingFolder,
}

impl FileSet {
    /// Prepares a folder, so that one that cannot be made is found before the run.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(target: &Path) -> io::Result<Self> {
        let target = followed(target)?;
        let staging = StagingFolder::beside(&target)?;
        Ok(Self { target, staging })
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
            .open(self.staging.path().join(name))?;
        file.write_all(bytes)
    }

    /// Makes the folder visible in the place of an earlier one. If the file system cannot exchange two names, there is
    /// none for a moment, but never a mixture of both. The next run restores the earlier one if this one is killed then.
    ///
    /// # Errors
    ///
    /// If the folders cannot be renamed.
    pub fn commit(self) -> io::Result<()> {
        self.staging.replace(&self.target)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
