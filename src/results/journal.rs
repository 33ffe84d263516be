//! Writes the partial file.
//!
//! Answers that cannot be asked for again are written by the loop itself before each wait. A thread syncs them within a
//! second, so a slow disk delays neither the pace nor the next write. The lines of a snapshot, a million in two seconds,
//! go in large blocks to a thread that writes and hashes them. They come in row order, so the seal is ready with the
//! last line.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::file::Sha256;

/// A block of this size, in bytes, is handed to the journal without waiting for more.
pub(super) const BLOCK: usize = 256 * 1024;

/// How much a power cut may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Synced once a second: for answers that cannot be asked for again.
    EverySecond,
    /// Left to the system: a snapshot can be asked again at any time.
    Relaxed,
}

/// A power cut costs at most the answers of one second: they are gathered for this long and then synced.
const GATHER: Duration = Duration::from_millis(500);

/// The partial file as the writer sees it.
#[derive(Debug)]
pub(super) enum Journal {
    /// Written at once, synced within a second.
    Synced {
        file: File,
        dirty: SyncSender<()>,
        quit: SyncSender<()>,
        syncer: JoinHandle<io::Result<()>>,
    },
    /// Written and hashed by a thread.
    Hashed {
        blocks: SyncSender<Vec<u8>>,
        spent: Receiver<Vec<u8>>,
        writer: JoinHandle<io::Result<(File, Sha256)>>,
    },
}

/// Returns an empty buffer with room for a block, which ends with the line that fills it.
pub(super) fn empty_block() -> Vec<u8> {
    Vec::with_capacity(BLOCK + BLOCK / 8)
}

/// The result of the threads.
#[derive(Debug)]
pub(super) struct FinishedJournal {
    pub(super) file: File,
    /// The hash of all bytes in the order in which they were written.
    pub(super) hash: Option<Sha256>,
}

impl Journal {
    /// Starts the threads. What is written is appended to `file`.
    pub(super) fn start(file: File, durability: Durability) -> io::Result<Self> {
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        match durability {
            Durability::EverySecond => {
                let (dirty, writes) = sync_channel(1);
                let (quit, quitting) = sync_channel(0);
                let same = file.try_clone()?;
                let syncer = spawn("sync").spawn(move || sync_each(&same, &writes, &quitting))?;
                Ok(Self::Synced {
                    file,
                    dirty,
                    quit,
                    syncer,
                })
            }
            Durability::Relaxed => {
                let (blocks, inbox) = sync_channel(8);
                let (outbox, spent) = sync_channel(8);
                let writer = spawn("results").spawn(move || write_all(file, &inbox, &outbox))?;
                Ok(Self::Hashed {
                    blocks,
                    spent,
                    writer,
                })
            }
        }
    }

    /// Takes the content of `block` and leaves it empty.
    pub(super) fn write(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Synced { file, dirty, .. } => {
                file.write_all(block)?;
                block.clear();
                match dirty.try_send(()) {
                    Err(TrySendError::Disconnected(())) => {
                        Err(io::Error::other("what was written can't be made safe"))
                    }
                    Ok(()) | Err(TrySendError::Full(())) => Ok(()), // a wake-up is already waiting if there is no room
                }
            }
            Self::Hashed { blocks, spent, .. } => {
                let empty = spent.try_recv().unwrap_or_else(|_| empty_block());
                blocks
                    .send(std::mem::replace(block, empty))
                    .map_err(|_| io::Error::other("its writer stopped"))
            }
        }
    }

    /// Ends the threads and returns their result.
    pub(super) fn finish(self) -> io::Result<FinishedJournal> {
        let panicked = |_| io::Error::other("a thread of the results file panicked");
        match self {
            Self::Synced {
                file,
                dirty,
                quit,
                syncer,
            } => {
                drop((dirty, quit));
                syncer.join().map_err(panicked)??;
                Ok(FinishedJournal { file, hash: None })
            }
            Self::Hashed {
                blocks,
                spent,
                writer,
            } => {
                drop((blocks, spent));
                let (file, hash) = writer.join().map_err(panicked)??;
                Ok(FinishedJournal {
                    file,
                    hash: Some(hash),
                })
            }
        }
    }
}

/// Syncs `file` soon after each write, and once more at the end.
fn sync_each(file: &File, writes: &Receiver<()>, quitting: &Receiver<()>) -> io::Result<()> {
    while writes.recv().is_ok() {
        let quits = quitting.recv_timeout(GATHER) == Err(RecvTimeoutError::Disconnected);
        file.sync_data()?;
        if file.metadata()?.nlink() == 0 {
            let gone = "the file was removed while the run wrote to it";
            return Err(io::Error::new(io::ErrorKind::NotFound, gone));
        }
        if quits {
            break;
        }
    }
    Ok(())
}

fn write_all(
    mut file: File,
    inbox: &Receiver<Vec<u8>>,
    outbox: &SyncSender<Vec<u8>>,
) -> io::Result<(File, Sha256)> {
    let mut hash = Sha256::new();
    for mut block in inbox {
        file.write_all(&block)?;
        hash.update(&block);
        block.clear();
        let _ = outbox.try_send(block); // the empty block is reused if there is room for it
    }
    Ok((file, hash))
}
