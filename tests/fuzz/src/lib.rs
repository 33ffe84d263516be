//! What several targets need.

mod inputs;

pub use inputs::{checked_rows, described};

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use tempfile::{tempfile, tempfile_in};

/// A file that is written anew for each input: some parsers open their files themselves.
///
/// It lies in memory where there is a folder for that, because waiting for a busy disk would be taken for a hang. It
/// has no name but that of its handle, so that nothing is left behind when the fuzzer ends, however it does.
#[derive(Debug)]
pub struct Reused(File);

impl Default for Reused {
    fn default() -> Self {
        let file = tempfile_in("/dev/shm").or_else(|_| tempfile());
        Self(file.expect("the temporary folder takes a file"))
    }
}

impl Reused {
    /// The file, with these bytes in it and no others.
    pub fn holding(&mut self, bytes: &[u8]) -> PathBuf {
        let mut file = self.emptied();
        file.write_all(bytes)
            .expect("the temporary folder has room");
        self.path()
    }

    /// The file, to be written from its beginning.
    pub fn emptied(&mut self) -> File {
        self.0.set_len(0).expect("a file can be cut");
        let mut file = self.0.try_clone().expect("a handle can be had twice");
        file.seek(SeekFrom::Start(0))
            .expect("a file has a beginning");
        file
    }

    /// What it holds now.
    pub fn content(&self) -> Vec<u8> {
        let length = self.0.metadata().expect("an open file is there").len();
        let mut bytes = vec![0; usize::try_from(length).expect("it fits in memory")];
        let read = self.0.read_exact_at(&mut bytes, 0);
        read.expect("what was written can be read");
        bytes
    }

    /// Where it can be opened.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
