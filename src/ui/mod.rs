//! Shows the log and the progress while work runs. Both write to stderr; stdout carries data only.

mod log;
mod mode;
mod progress;
mod style;
mod terminal;

pub(crate) use log::{hold as hold_log, start as start_log, start_queued as start_queued_log};
pub(crate) use mode::ProgressMode;
pub(crate) use progress::{LiveJudge, Progress};
pub(crate) use style::{LogStyle, is_coloured};

use console::Term;
use indicatif::MultiProgress;

/// Returns the width of the terminal behind stderr in columns, or `None` if stderr is not a terminal.
#[must_use]
pub(crate) fn width() -> Option<u16> {
    let (_, columns) = Term::stderr().size_checked()?;
    Some(columns)
}

/// The lower lines of the terminal. Bar and log share them, so that neither writes into the other.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bars: MultiProgress,
}

impl Default for Screen {
    fn default() -> Self {
        let bars = MultiProgress::with_draw_target(terminal::stderr());
        Self { bars }
    }
}
