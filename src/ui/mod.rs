//! Talks to the person while work runs: the log and the progress. Both write to stderr; stdout carries data only.

mod log;
mod mode;
mod progress;
mod style;

pub use log::{hold as hold_log, start as start_log};
pub use mode::ProgressMode;
pub use progress::{LiveJudge, Progress};
pub use style::{LogStyle, is_coloured};

use console::Term;
use indicatif::MultiProgress;

/// How wide the terminal is that stderr goes to, in columns; nothing where it goes elsewhere.
#[must_use]
pub fn width() -> Option<u16> {
    let (_, columns) = Term::stderr().size_checked()?;
    Some(columns)
}

/// The terminal's lower lines, shared by the bar and the log so that neither writes into the other.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    bars: MultiProgress,
}
