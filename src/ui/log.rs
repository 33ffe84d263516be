//! The log: lines on stderr, as text or as JSON.

use std::io::{self, Write};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::subscriber::{set_global_default, with_default};
use tracing::{Level, Subscriber};
use tracing_subscriber::fmt::MakeWriter;

use super::{LogStyle, Screen};
use crate::humanize::{printable_log, without_os_codes};
use crate::settings::LogFormat;

/// Starts the log for the rest of the process.
pub(crate) fn start(style: LogStyle, screen: &Screen) {
    // A second start (several tests in one process) keeps the first log.
    let _ = set_global_default(log(style, screen.clone()));
}

/// Starts the log for the rest of the process. A thread writes its lines, so that nothing waits for a stderr that nobody
/// reads; lines beyond those that can be queued are lost.
pub(crate) fn start_queued(style: LogStyle) -> io::Result<LogQueue> {
    let (queue, entries) = mpsc::sync_channel(QUEUED_LINES);
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_entries(entries))?;
    let queue = LogQueue(queue);
    let _ = set_global_default(log(style, queue.clone()));
    Ok(queue)
}

/// Lines that may wait for a slow reader.
const QUEUED_LINES: usize = 1024;

/// How long the end waits for the last lines to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum LogEntry {
    Line(Vec<u8>),
    /// All lines before are written when this is dropped.
    End(SyncSender<()>),
}

/// Log lines that wait to be written.
#[derive(Debug, Clone)]
pub(crate) struct LogQueue(SyncSender<LogEntry>);

impl LogQueue {
    /// Waits until the lines are written, or for a second.
    pub(crate) fn finish(&self) {
        let (end, written) = mpsc::sync_channel(0);
        if self.0.try_send(LogEntry::End(end)).is_ok() {
            let _ = written.recv_timeout(LAST_LINES);
        }
    }
}

fn write_entries(entries: mpsc::Receiver<LogEntry>) {
    for entry in entries {
        match entry {
            LogEntry::Line(line) => drop(io::stderr().write_all(&line)),
            LogEntry::End(end) => drop(end),
        }
    }
}

impl MakeWriter<'_> for LogQueue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.try_send(LogEntry::Line(plain(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `work` and returns the log lines that it wrote, so that another line can be printed first.
pub(crate) fn hold<T>(style: LogStyle, work: impl FnOnce() -> T) -> (T, Vec<u8>) {
    let held = HeldLines::default();
    let done = with_default(log(style, held.clone()), work);
    let lines = plain(&std::mem::take(&mut *held.lines()));
    (done, lines)
}

/// Returns a subscriber that writes lines in the chosen format.
fn log<W>(style: LogStyle, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = if style.quiet {
        Level::WARN
    } else {
        Level::INFO
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_writer(writer);
    match style.format {
        LogFormat::Json => Box::new(log.json().flatten_event(true).with_ansi(false).finish()),
        LogFormat::Text => {
            let log = log.without_time().with_ansi(style.colours);
            Box::new(log.compact().finish())
        }
    }
}

/// Leaves out the numbers of the system's errors, and escapes what a terminal would obey.
fn plain(lines: &[u8]) -> Vec<u8> {
    printable_log(&without_os_codes(&String::from_utf8_lossy(lines))).into_bytes()
}

/// Log lines that are held back.
#[derive(Debug, Clone, Default)]
struct HeldLines(Arc<Mutex<Vec<u8>>>);

impl HeldLines {
    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MakeWriter<'_> for HeldLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for HeldLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = AboveTheBars<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        AboveTheBars { screen: self }
    }
}

/// Writes a log line while the progress bar is hidden. Errors are ignored: a full or closed stderr must not end the
/// run, and the subscriber would panic.
#[derive(Debug)]
pub(crate) struct AboveTheBars<'a> {
    screen: &'a Screen,
}

impl Write for AboveTheBars<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shown = plain(line);
        let _ = self.screen.bars.suspend(|| io::stderr().write_all(&shown));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
