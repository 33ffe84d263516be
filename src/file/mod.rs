//! The only module that creates files.
//!
//! Files with answers are private (0600). A report appears complete or not at all: it is written beside its target and
//! renamed over it. Targets that are not regular files (`/dev/stdout`, a pipe) are written directly, since a rename
//! would replace the device itself.

mod compressed;
#[cfg(test)]
mod killed;
mod open_files;
mod parts;
mod set;
mod sha256;
mod temporary;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, OFlags, access, fcntl_getfl};
use tempfile::NamedTempFile;

use crate::humanize::printable_lines;

pub use compressed::{Compression, decompressed, is_long_window};
pub use open_files::raise_open_files;
pub use parts::{ListedPart, Parts, PartsList, remove_parts};
pub use set::FileSet;
pub use sha256::Sha256;
pub use temporary::{StagingFolder, remove_leftovers};

/// Report writers pass blocks. The buffer gathers small ones (headers, summaries), which would be system calls of their
/// own.
const BUFFER: usize = 256 * 1024;

/// The target of a report: a file that appears complete, or a stream.
#[derive(Debug)]
pub enum Output {
    /// Written beside its target and renamed over it by [`Output::commit`]. If dropped before, nothing changes.
    Replace {
        /// What is written so far.
        temp: BufWriter<NamedTempFile>,
        /// The path that it will replace.
        target: PathBuf,
    },
    /// Written directly: standard output, a device, a pipe.
    Stream(BufWriter<File>),
    /// Written directly, without the characters that a terminal would obey instead of showing them.
    Terminal(BufWriter<File>),
}

impl Output {
    /// Prepares a report target, so that one that cannot be written is found before the run. `-` is standard output.
    ///
    /// # Errors
    ///
    /// If the target cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::direct(stdout()?));
        }
        refuse_unwritable(path)?;
        let target = followed(path)?;
        if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
            let file = OpenOptions::new().write(true).open(&target)?;
            return Ok(Self::direct(file));
        }
        let temp = beside(&target)?;
        Ok(Self::Replace {
            temp: BufWriter::with_capacity(BUFFER, temp),
            target,
        })
    }

    fn direct(file: File) -> Self {
        let is_terminal = file.is_terminal();
        let stream = BufWriter::with_capacity(BUFFER, file);
        if is_terminal {
            Self::Terminal(stream)
        } else {
            Self::Stream(stream)
        }
    }

    /// Returns whether it is written directly.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_) | Self::Terminal(_))
    }

    /// Returns whether nobody can read what is written: the other end of a pipe or of a terminal is closed.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        let (Self::Stream(stream) | Self::Terminal(stream)) = self else {
            return false;
        };
        let mut polled = [PollFd::new(stream.get_ref(), PollFlags::empty())];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let closed = PollFlags::ERR | PollFlags::HUP;
        poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().intersects(closed)
    }

    /// Makes the complete output visible.
    ///
    /// # Errors
    ///
    /// If writing, syncing or renaming fails.
    pub fn commit(self) -> io::Result<()> {
        match self {
            Self::Stream(mut stream) | Self::Terminal(mut stream) => stream.flush(),
            Self::Replace { temp, target } => {
                let flushed = temp.into_inner();
                let temp = flushed.map_err(|error| bare(error.into_error()))?;
                temp.persist(&target).map_err(|error| bare(error.error))?;
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replace { temp, .. } => temp.write(bytes).map_err(bare),
            Self::Stream(stream) => stream.write(bytes),
            Self::Terminal(stream) => {
                // Reports are written in whole rows, so no character is cut.
                let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
                stream.write_all(printable_lines(&text).as_bytes())?;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replace { temp, .. } => temp.flush().map_err(bare),
            Self::Stream(stream) | Self::Terminal(stream) => stream.flush(),
        }
    }
}

/// A stream cannot be moved in, if it is not a device that can.
impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Replace { temp, .. } => temp.seek(to).map_err(bare),
            Self::Stream(stream) | Self::Terminal(stream) => stream.seek(to),
        }
    }
}

/// Refuses a target that this process may not write, without opening or creating anything. `-` is standard output.
///
/// # Errors
///
/// If it is a folder or write-protected, or if its folder does not exist or is write-protected.
pub fn refuse_unwritable(path: &Path) -> io::Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    let target = followed(path)?;
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) => {
            // A rename would replace even a file that is write-protected.
            access(&target, Access::WRITE_OK)?;
            if !found.is_file() {
                return Ok(());
            }
        }
        Err(_) => {}
    }
    refuse_folder(&target)
}

/// Refuses a file in whose folder this process may not create files.
///
/// # Errors
///
/// If the folder does not exist or is write-protected.
pub fn refuse_folder(path: &Path) -> io::Result<()> {
    let folder = folder(path);
    if !fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Returns standard output as a file: the handle of std would split the blocks at line ends.
fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Returns whether standard output was closed when the program was started. Then the null device, open to read and write,
/// stands in its place; a shell opens it to write only.
///
/// # Errors
///
/// If standard output or the null device cannot be examined.
pub fn stdout_is_closed() -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let stdout = stdout()?;
    let is_null = stdout.metadata()?.rdev() == fs::metadata("/dev/null")?.rdev();
    Ok(is_null && fcntl_getfl(&stdout)? & OFlags::RWMODE == OFlags::RDWR)
}

/// Creates a private file.
///
/// # Errors
///
/// If the file exists or cannot be created.
pub fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens a regular file to read. Does not block on a pipe.
///
/// # Errors
///
/// If the file cannot be opened or is not a regular file: a pipe may never end, and neither may a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    let what = "it is not a regular file";
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Opens a private file to read and write, and creates it if needed. Does not block on a pipe.
///
/// # Errors
///
/// If the file cannot be opened.
pub fn open_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Returns the permissions of an open file that others than its owner may read, write or run; `None` if only its owner may.
///
/// # Errors
///
/// If the metadata of the file cannot be read.
pub fn mode_if_shared(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Returns whether the path still names this open file. It may have been removed, renamed or replaced.
///
/// # Errors
///
/// If the metadata of the file cannot be read.
pub fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates a private file without a name in the folder of `beside`. It is removed when it is closed.
///
/// # Errors
///
/// If it cannot be created.
pub fn scratch(beside: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder(beside)).map_err(bare)
}

/// Creates a private file in the folder of `path`, to be renamed to it. It is locked until it is closed.
///
/// # Errors
///
/// If it cannot be created.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    temporary::file_in(folder(path))
}

/// Returns the error of the operating system without the name of the temporary file, which the user does not know. The
/// crate tempfile keeps only its text.
fn bare(error: io::Error) -> io::Error {
    let text = error.to_string();
    let number = text.rsplit_once("(os error ").and_then(|(_, number)| {
        let (number, _) = number.split_once(')')?;
        number.parse().ok()
    });
    number.map_or(error, io::Error::from_raw_os_error)
}

/// Replaces a small file at once, readable by all (0644). For files without answers that programs of other users read.
///
/// # Errors
///
/// If it cannot be written.
pub fn publish(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let target = followed(path)?;
    let mut temp = beside(&target)?;
    temp.write_all(content)?;
    let all = fs::Permissions::from_mode(0o644);
    temp.as_file().set_permissions(all)?;
    temp.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Returns the path of the file that a link names, so that the file is replaced and not the link. The file does not need
/// to exist.
///
/// # Errors
///
/// If the links lead nowhere: in a circle, or through a folder that cannot be entered.
pub fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    loop {
        match fs::canonicalize(&target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        // `/dev/stdout` leads to a pipe, which has no path of its own.
        if target.exists() {
            return Ok(target);
        }
        // It ends, because links that lead to each other are another error.
        match fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
}

/// Makes a rename in the folder of `path` durable.
///
/// # Errors
///
/// If the folder cannot be synced.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Returns the folder of a file: the current one for a bare name.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_report_appears_whole_and_private_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "no half a report, no litter"
        );

        let mut output = Output::create(&path).unwrap();
        output.write_all(b"whole").unwrap();
        output.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_published_appears_whole_and_all_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.prom");
        for text in ["first, and longer\n", "second\n"] {
            publish(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let mut output = Output::create(Path::new("/dev/null")).unwrap();
        output.write_all(b"gone").unwrap();
        output.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_target_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Output::create(folder.path()).is_err(), "a folder");
        assert!(
            Output::create(&folder.path().join("missing/report.csv")).is_err(),
            "no such folder"
        );
    }

    #[test]
    fn links_to_files_that_are_not_there_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        for (link, target) in [
            ("a", "b"),
            ("b", "real/c"),
            ("round", "about"),
            ("about", "round"),
        ] {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
        }
        Output::create(&path("a")).unwrap().commit().unwrap();
        assert!(path("real/c").is_file());
        fs::remove_file(path("real/c")).unwrap();
        publish(&path("b"), b"new").unwrap();
        assert_eq!(fs::read(path("real/c")).unwrap(), b"new");
        fs::remove_file(path("real/c")).unwrap();
        FileSet::create(&path("a")).unwrap().commit().unwrap();
        assert!(path("real/c").is_dir());
        assert!(path("a").is_symlink() && path("b").is_symlink());
        assert!(Output::create(&path("round")).is_err());
        assert_eq!(followed(&path("new")).unwrap(), path("new"));
    }

    #[test]
    fn a_link_keeps_pointing_at_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (
            folder.path().join("real.csv"),
            folder.path().join("latest.csv"),
        );
        drop(create_private(&real).unwrap());
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut output = Output::create(&link).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }
}
