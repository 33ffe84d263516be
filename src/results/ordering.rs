//! Puts the results file in row order while it grows, so that a run's end is not kept waiting for it.
//!
//! A thread follows the partial file, a little behind what was synced, and copies it in row order to the file that
//! becomes the results file. The partial file is only read: it stays the journal that it is without this. A results file that is
//! small is left for the end, where it takes a moment and no second file stands beside the first all day.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use tempfile::TempPath;

use super::close::{OrderedFile, PartialStart, order_into};

/// A partial file of this size is worth following.
const WORTH: u64 = 4 * 1024 * 1024;

/// A thread that follows a partial file.
#[derive(Debug)]
pub(super) struct Ordering {
    thread: JoinHandle<io::Result<Option<OrderedFile>>>,
    /// Removes what the thread has written, unless it becomes the results file.
    file: TempPath,
}

impl Ordering {
    /// Follows `partial`, in which `begun` stands already, until `synced` is closed; each message on it says that the
    /// file may have grown.
    pub(super) fn start(
        partial: File,
        begun: PartialStart,
        into: &Path,
        synced: Receiver<()>,
    ) -> io::Result<Self> {
        Self::start_at(WORTH, partial, (begun, into), synced)
    }

    fn start_at(
        worth: u64,
        partial: File,
        (begun, into): (PartialStart, &Path),
        synced: Receiver<()>,
    ) -> io::Result<Self> {
        let file = TempPath::try_from_path(into)?;
        let into = into.to_owned();
        let mut growing = Growing {
            file: partial,
            at: 0,
            synced,
            ended: false,
        };
        let thread = thread::Builder::new()
            .name("order".to_owned())
            .spawn(move || {
                if growing.reaches(worth)? {
                    order_into(&into, growing, begun).map(Some)
                } else {
                    Ok(None)
                }
            })?;
        Ok(Self { thread, file })
    }

    /// The results file is not to be: what was ordered of it goes.
    pub(super) fn abandon(self) {
        let _ = self.thread.join(); // or it would create the file after we removed it
    }

    /// All lines are in the partial file: the results file without its trailer, and its place; none if it was too small.
    pub(super) fn finish(self) -> io::Result<Option<(OrderedFile, TempPath)>> {
        let panicked = |_| io::Error::other("the thread that orders the results file panicked");
        let ordered = self.thread.join().map_err(panicked)??;
        Ok(ordered.map(|ordered| (ordered, self.file)))
    }
}

/// Reads a file to the end that it has once nobody adds to it.
struct Growing {
    file: File,
    at: u64,
    synced: Receiver<()>,
    ended: bool,
}

impl Growing {
    /// Waits until the file has `size` bytes; false if it ended before.
    fn reaches(&mut self, size: u64) -> io::Result<bool> {
        while self.file.metadata()?.len() < size {
            if self.synced.recv().is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Read for Growing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read_at(buffer, self.at)?;
            if read > 0 || self.ended {
                self.at += read as u64;
                return Ok(read);
            }
            self.ended = self.synced.recv().is_err(); // what was written before the end is still read
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn behind(header_bytes: u64) -> PartialStart {
        PartialStart {
            header_bytes,
            earlier: super::super::order::Earlier::default(),
        }
    }

    fn line(row: u64) -> String {
        format!("{{\"row\":{row}}}\n")
    }

    #[test]
    fn what_grows_in_any_order_and_in_any_pieces_is_ordered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ordered");
        let mut partial = tempfile::tempfile().unwrap();
        let (synced, grown) = sync_channel(1);
        let follower = partial.try_clone().unwrap();
        let ordering = Ordering::start_at(0, follower, (behind(7), &path), grown).unwrap();
        let rows: Vec<u64> = (1..=500).map(|nth| (nth * 7 - 1) % 500 + 1).collect();
        let text = rows.iter().map(|&row| line(row)).collect::<String>();
        for piece in ["header\n", &text].concat().as_bytes().chunks(97) {
            partial.write_all(piece).unwrap();
            let _ = synced.try_send(());
        }
        drop(synced);
        let (mut ordered, place) = ordering.finish().unwrap().unwrap();
        ordered.flush().unwrap();
        let straight = (1..=500).map(line).collect::<String>();
        assert_eq!(
            std::fs::read_to_string(&place).unwrap(),
            format!("header\n{straight}")
        );
    }

    #[test]
    fn a_small_file_is_left_alone_and_an_abandoned_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ordered");
        for (worth, is_begun) in [(100, false), (10, true)] {
            let mut partial = tempfile::tempfile().unwrap();
            partial.write_all(line(1).as_bytes()).unwrap();
            for is_abandoned in [true, false] {
                let (synced, grown) = sync_channel(1);
                let follower = partial.try_clone().unwrap();
                let ordering =
                    Ordering::start_at(worth, follower, (behind(0), &path), grown).unwrap();
                drop(synced);
                if is_abandoned {
                    ordering.abandon();
                } else {
                    assert_eq!(ordering.finish().unwrap().is_some(), is_begun);
                }
                assert!(!path.exists(), "nothing is left in its place");
            }
        }
    }
}
