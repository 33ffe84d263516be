//! The bytes of an input, which can be read several times.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::file::decompressed;

/// The bytes of one input. The file is opened once and read from the start as often as needed, also concurrently. So
/// the same bytes are surveyed and read, even if the path names another file by then or the file has grown.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    /// A regular file, or a private copy of a stream that can be read only once.
    Disk {
        /// The open file.
        file: Arc<File>,
        /// Its length when it was opened. A log that is still written to may grow meanwhile.
        length: u64,
        /// The time of its last change before it was opened, if the system has one.
        modified: Option<SystemTime>,
    },
    /// Bytes in memory.
    Memory(Arc<[u8]>),
}

impl Bytes {
    /// Opens a file. A pipe (`<(zcat …)`, `/dev/stdin`) can be read only once, so it is copied.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Self::spool(file);
        }
        Ok(Self::Disk {
            file: Arc::new(file),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }

    /// Copies a stream into a temporary file without a name, which no other process can open.
    pub(super) fn spool(mut stream: impl Read) -> io::Result<Self> {
        let mut copy = tempfile::tempfile()?;
        let length = io::copy(&mut stream, &mut copy)?;
        let modified = copy.metadata()?.modified().ok();
        Ok(Self::Disk {
            file: Arc::new(copy),
            length,
            modified,
        })
    }

    /// Makes an input of a temporary file that is complete.
    pub(super) fn temporary(file: File, length: u64) -> Self {
        Self::Disk {
            file: Arc::new(file),
            length,
            modified: None,
        }
    }

    /// Returns whether the bytes are stored compressed.
    pub(super) fn is_compressed(&self) -> io::Result<bool> {
        let first = |bytes: &mut dyn Read| {
            let mut first = Vec::new();
            bytes.take(4).read_to_end(&mut first).map(|_| first)
        };
        Ok(first(&mut self.raw())? != first(&mut self.content()?)?)
    }

    /// Returns whether the file was written to since it was opened. Appended bytes are not read, so the read bytes may
    /// still be the same.
    pub(super) fn is_touched(&self) -> bool {
        match self {
            Self::Disk { file, modified, .. } => {
                let now = file.metadata().and_then(|metadata| metadata.modified());
                now.ok() != *modified
            }
            Self::Memory(_) => false,
        }
    }

    /// Returns the bytes as they are stored.
    pub(super) fn raw(&self) -> Cursor {
        Cursor {
            bytes: self.clone(),
            position: 0,
        }
    }

    /// Returns the bytes, decompressed.
    pub(super) fn content(&self) -> io::Result<Box<dyn Read + Send>> {
        decompressed(self.raw())
    }
}

/// A reader with a position of its own.
#[derive(Debug)]
pub(super) struct Cursor {
    bytes: Bytes,
    position: u64,
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = match &self.bytes {
            Bytes::Disk { length, .. } => *length,
            Bytes::Memory(bytes) => bytes.len() as u64,
        };
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &self.bytes {
            Bytes::Disk { file, length, .. } => {
                let left =
                    usize::try_from(length.saturating_sub(self.position)).unwrap_or(usize::MAX);
                let most = buffer.len().min(left);
                read_at(file, &mut buffer[..most], self.position)?
            }
            Bytes::Memory(bytes) => {
                let from = usize::try_from(self.position).unwrap_or(usize::MAX);
                bytes.get(from..).unwrap_or_default().read(buffer)?
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text(mut reader: impl Read) -> String {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn readers_do_not_disturb_each_other() {
        for bytes in [
            Bytes::spool("a longer text".as_bytes()).unwrap(),
            Bytes::Memory(Arc::from(b"a longer text".as_slice())),
        ] {
            let mut first = bytes.raw();
            first.read_exact(&mut [0; 9]).unwrap();
            assert_eq!(text(bytes.content().unwrap()), "a longer text");
            assert_eq!(text(first), "text");
        }
    }

    #[test]
    fn what_is_appended_later_is_not_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"surveyed").unwrap();
        let bytes = Bytes::open(file.path()).unwrap();
        file.write_all(b", appended").unwrap();
        assert_eq!(text(bytes.raw()), "surveyed");
    }

    #[test]
    fn a_directory_is_refused() {
        let error = Bytes::open(Path::new("src")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
