//! The thread that owns the partial file: it writes each block as it comes, hashes it, and syncs once a second.
//!
//! A plain thread, since a disk that takes its time must hold up neither the pace nor the answers. The channel is
//! short: when the disk can't follow, the run waits instead of filling memory.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Durability;
use crate::file::Sha256;

/// A power cut costs at most the answers of this long.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Handle of the writing thread.
#[derive(Debug)]
pub(super) struct Scribe {
    blocks: SyncSender<Vec<u8>>,
    spent: Receiver<Vec<u8>>,
    thread: JoinHandle<io::Result<Written>>,
}

/// What the thread gives back: the file, and the hash of all that was written to it.
pub(super) struct Written {
    pub(super) file: File,
    pub(super) hash: Sha256,
}

impl Scribe {
    pub(super) fn start(file: File, durability: Durability) -> io::Result<Self> {
        let (blocks, inbox) = sync_channel(4);
        let (outbox, spent) = sync_channel(4);
        let write = move || write_all(file, durability, &inbox, &outbox);
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .spawn(write)?;
        Ok(Self {
            blocks,
            spent,
            thread,
        })
    }

    /// Hands `block` over and leaves an empty one in its place. An error means that the thread has ended:
    /// [`Scribe::finish`] says why.
    pub(super) fn write(&self, block: &mut Vec<u8>) -> Result<(), io::Error> {
        let empty = self.spent.try_recv().unwrap_or_default();
        self.blocks
            .send(std::mem::replace(block, empty))
            .map_err(|_| io::Error::other("the record's writer stopped"))
    }

    pub(super) fn finish(self) -> io::Result<Written> {
        drop(self.blocks);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the record's writer panicked")))
    }
}

fn write_all(
    mut file: File,
    durability: Durability,
    inbox: &Receiver<Vec<u8>>,
    outbox: &SyncSender<Vec<u8>>,
) -> io::Result<Written> {
    let mut hash = Sha256::new();
    let mut unsynced_since: Option<Instant> = None;
    while let Some(arrived) = next(inbox, unsynced_since) {
        if let Some(mut block) = arrived {
            file.write_all(&block)?;
            hash.update(&block);
            block.clear();
            // Nobody waits for it any more when the run ends.
            let _ = outbox.try_send(block);
            if durability == Durability::EverySecond {
                unsynced_since.get_or_insert_with(Instant::now);
            }
        }
        if unsynced_since.is_some_and(|since| since.elapsed() >= SYNC_EVERY) {
            file.sync_data()?;
            unsynced_since = None;
        }
    }
    Ok(Written { file, hash })
}

/// The next block, or `Some(None)` when it is time to sync; nothing when there will be none.
#[expect(
    clippy::option_option,
    reason = "three ends of a wait, one of which ends the loop"
)]
fn next(inbox: &Receiver<Vec<u8>>, unsynced_since: Option<Instant>) -> Option<Option<Vec<u8>>> {
    let Some(since) = unsynced_since else {
        return inbox.recv().ok().map(Some);
    };
    match inbox.recv_timeout(SYNC_EVERY.saturating_sub(since.elapsed())) {
        Ok(block) => Some(Some(block)),
        Err(RecvTimeoutError::Timeout) => Some(None),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}
