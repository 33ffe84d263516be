//! Writes lines in a thread of its own, so that a slow reader of the log does not delay answers.
//!
//! Standard error is often a pipe whose reader may stop reading. Lines that the queue cannot hold are lost and counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// Lines that may wait for a slow reader: some 4 MB.
const QUEUED_LINES: usize = 8192;

/// Lines that are written in one go.
const BATCH: usize = 256;

/// How long the end waits for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct LogWriter {
    queue: Option<SyncSender<Vec<u8>>>,
    /// Disconnected when the thread has ended.
    finished: Mutex<Receiver<()>>,
    lost: Counter,
}

impl LogWriter {
    /// Starts the thread. `lost` counts the lines that could not be written.
    pub(super) fn start(sink: impl Write + Send + 'static, lost: Counter) -> io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUED_LINES);
        let (alive, finished) = channel::<()>();
        let lost_here = lost.clone();
        thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || {
                write_lines(&lines, sink, &lost_here);
                drop(alive);
            })?;
        Ok(Self {
            queue: Some(queue),
            finished: Mutex::new(finished),
            lost,
        })
    }

    /// Queues a line, with its line end, and returns at once.
    pub(super) fn push(&self, line: Vec<u8>) {
        let queue = self.queue.as_ref();
        if queue.is_none_or(|queue| queue.try_send(line).is_err()) {
            self.lost.inc();
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.queue = None;
        let finished = self.finished.get_mut();
        let finished = finished.unwrap_or_else(PoisonError::into_inner);
        let _ = finished.recv_timeout(LAST_LINES);
    }
}

/// Writes lines until there will be no more. A failed write loses its lines only: a full disk may have room again.
fn write_lines(lines: &Receiver<Vec<u8>>, mut sink: impl Write, lost: &Counter) {
    while let Ok(mut batch) = lines.recv() {
        let mut count = 1;
        for line in lines.try_iter().take(BATCH) {
            batch.extend_from_slice(&line);
            count += 1;
        }
        if sink.write_all(&batch).and_then(|()| sink.flush()).is_err() {
            lost.inc_by(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes when the test lets it.
    struct Gated {
        gate: Receiver<()>,
        written: std::sync::mpsc::Sender<usize>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.gate.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let _ = self.written.send(memchr::memchr_iter(b'\n', bytes).count());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_beyond_the_queue_are_lost_and_counted() {
        let (open, gate) = channel();
        let (written, counts) = channel();
        let lost = Counter::default();
        let log = LogWriter::start(Gated { gate, written }, lost.clone()).unwrap();
        let all = QUEUED_LINES + 1000;
        for _ in 0..all {
            log.push(b"line\n".to_vec());
        }
        assert!((1..=1000).contains(&lost.get()), "{} lost", lost.get());
        for _ in 0..all {
            let _ = open.send(());
        }
        drop(log);
        let kept: usize = counts.iter().sum();
        assert_eq!(kept as u64 + lost.get(), all as u64);
    }

    #[test]
    fn lines_to_a_closed_pipe_are_lost_and_counted() {
        let (_, gate) = channel();
        let lost = Counter::default();
        let written = channel().0;
        let log = LogWriter::start(Gated { gate, written }, lost.clone()).unwrap();
        for _ in 0..5 {
            log.push(b"line\n".to_vec());
        }
        drop(log);
        assert_eq!(lost.get(), 5);
    }
}
