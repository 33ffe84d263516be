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

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::exit::{Failed, Status};
use crate::file::Output;

/// Number of rows that may be taken from the input and not written yet, beyond the calls in flight.
const ROWS: usize = 256;

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

/// Writes lines until no more come. All that wait are written at once, and nothing stays in a buffer while the thread waits.
fn write(mut output: Output, inbox: &Receiver<Lines>, window: &RowWindow) -> io::Result<()> {
    while let Ok(Lines { text, mut rows }) = inbox.recv() {
        output.write_all(&text)?;
        for more in inbox.try_iter() {
            output.write_all(&more.text)?;
            rows += more.rows;
        }
        output.flush()?;
        window.leave(rows);
    }
    Ok(())
}
