//! The log: lines on stderr, for a person or for a program.

use std::io::{self, IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::Screen;
use crate::settings::LogFormat;

/// Starts the log for the rest of the process; `quiet` leaves warnings and errors.
pub fn start(format: LogFormat, quiet: bool, screen: &Screen) {
    let level = if quiet { Level::WARN } else { Level::INFO };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_writer(screen.clone());
    // A second start (tests in one process) keeps the first log.
    let _ = match format {
        LogFormat::Json => log.json().flatten_event(true).with_ansi(false).try_init(),
        LogFormat::Text => log
            .without_time()
            .with_ansi(io::stderr().is_terminal())
            .compact()
            .try_init(),
    };
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = AboveTheBars<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        AboveTheBars { screen: self }
    }
}

/// Writes a line while the bar steps aside.
#[derive(Debug)]
pub struct AboveTheBars<'a> {
    screen: &'a Screen,
}

impl Write for AboveTheBars<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.screen.bars.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
