//! Writes the lines of a stream to standard output on a thread of its own, because a slow reader blocks the write.
//!
//! A row is taken from the input only if one of the places of the [`RowWindow`] is free, and it leaves its place when its line
//! is written. So a slow reader slows the asking, and neither lines nor rows gather without bound.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::exit::{Failed, Status};
use crate::file::Output;

/// Number of rows that may be taken from the input and not written yet, beyond the calls in flight.
const ROWS: usize = 256;

/// Bytes that a pipe takes at once (`PIPE_BUF` of Linux): a process that is killed leaves no half of them.
const AT_ONCE: usize = 4096;

/// How often it is looked whether somebody still reads, while no line comes.
const LOOK: Duration = Duration::from_millis(500);

/// How long the lines are awaited after the run was stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Limits the rows between the input and standard output.
#[derive(Debug, Clone)]
pub(super) struct RowWindow(Arc<Semaphore>);

impl RowWindow {
    /// Makes a window for so many calls in flight.
    pub(super) fn of(concurrency: usize) -> Self {
        Self(Arc::new(Semaphore::new(ROWS + concurrency)))
    }

    /// Waits until a row may be taken.
    pub(super) async fn enter(&self) {
        // The semaphore is never closed.
        if let Ok(place) = self.0.acquire().await {
            place.forget();
        }
    }

    /// Frees the places of rows whose lines are written.
    pub(super) fn leave(&self, rows: usize) {
        self.0.add_permits(rows);
    }
}

/// A number of whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: Vec<u8>,
    pub(super) rows: usize,
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct LineOutput {
    lines: Sender<Lines>,
    ended: Receiver<io::Result<()>>,
    broken: CancellationToken,
}

impl LineOutput {
    /// Starts the thread.
    pub(super) fn start(window: RowWindow) -> io::Result<Self> {
        let (lines, inbox) = channel();
        let (outbox, ended) = channel();
        let broken = CancellationToken::new();
        let output = Output::create(Path::new("-"))?;
        let on_error = broken.clone();
        thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || {
                let written = write(output, &inbox, &window);
                if written.is_err() {
                    on_error.cancel();
                }
                let _ = outbox.send(written); // nobody waits after a second signal
            })?;
        Ok(Self {
            lines,
            ended,
            broken,
        })
    }

    /// Hands lines to the thread. If it has ended, [`finish`](Self::finish) says why.
    pub(super) fn send(&self, lines: Lines) {
        let _ = self.lines.send(lines);
    }

    /// Waits until a line cannot be written.
    pub(super) fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    /// Waits until all lines are written. If the run was stopped, a reader that takes nothing is not awaited for long.
    pub(super) fn finish(self, is_stopped: bool) -> Result<(), Failed> {
        drop(self.lines);
        let ended = if is_stopped {
            self.ended.recv_timeout(GRACE)
        } else {
            let ended = self.ended.recv();
            ended.map_err(|_| RecvTimeoutError::Disconnected)
        };
        match ended {
            Ok(written) => written.map_err(unwritable),
            Err(RecvTimeoutError::Disconnected) => Ok(()), // a panic, which is reported at the end
            Err(RecvTimeoutError::Timeout) => Err(unwritable(io::ErrorKind::TimedOut.into())),
        }
    }
}

/// Makes the error of lines that cannot be written.
fn unwritable(error: io::Error) -> Failed {
    Failed {
        status: Status::Incomplete,
        ..Failed::unwritable(Path::new("-"), error)
    }
}

/// Writes lines until no more come, or until nobody reads them. Nothing stays in a buffer while the thread waits.
fn write(mut output: Output, inbox: &Receiver<Lines>, window: &RowWindow) -> io::Result<()> {
    loop {
        match inbox.recv_timeout(LOOK) {
            Ok(lines) => {
                for block in blocks(&lines.text) {
                    output.write_all(block)?;
                    output.flush()?;
                }
                window.leave(lines.rows);
            }
            Err(RecvTimeoutError::Timeout) if output.is_abandoned() => {
                return Err(Errno::PIPE.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Splits lines into blocks that a pipe takes whole or not at all. A longer line is a block of its own.
fn blocks(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_end = |byte: &u8| *byte == b'\n';
    std::iter::from_fn(move || {
        let at_once = &text[..text.len().min(AT_ONCE)];
        let last = at_once.iter().rposition(is_end);
        let end = last.or_else(|| text.iter().position(is_end));
        let length = end.map_or(text.len(), |end| end + 1);
        let block = text.split_off(..length)?;
        (!block.is_empty()).then_some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_that_a_pipe_takes_at_once() {
        let line = |length: usize| "x".repeat(length - 1) + "\n";
        for (lines, expected) in [
            (vec![], vec![]),
            (vec![1, 2, 3], vec![6]),
            (vec![AT_ONCE, 1], vec![AT_ONCE, 1]),
            (vec![AT_ONCE - 1, 1, 1], vec![AT_ONCE, 1]),
            (vec![3000, 3000, 1000], vec![3000, 4000]),
            (vec![10, AT_ONCE + 1, 10], vec![10, AT_ONCE + 1, 10]),
            (
                vec![3 * AT_ONCE, 3 * AT_ONCE],
                vec![3 * AT_ONCE, 3 * AT_ONCE],
            ),
        ] {
            let text: String = lines.iter().copied().map(line).collect();
            let found: Vec<_> = blocks(text.as_bytes()).collect();
            let lengths: Vec<_> = found.iter().map(|block| block.len()).collect();
            assert_eq!(lengths, expected, "{lines:?}");
            assert_eq!(found.concat(), text.as_bytes());
        }
    }
}
