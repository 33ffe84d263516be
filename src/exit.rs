//! How a run ended: four codes, and how an error becomes one of them.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | complete, every row reconciled |
//! | 1 | complete, something to look at: a break, undetermined, not found, unsubscribed, a rejected row |
//! | 2 | refused before asking: usage, configuration, credentials, input |
//! | 3 | incomplete: unanswered queries, a deadline, an interruption |
//!
//! Two is also what clap uses for a usage error, so a script sees one meaning.

use std::fmt;
use std::process::ExitCode;

/// The end of a run, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Complete, every row reconciled.
    Clean = 0,
    /// Complete, something to look at.
    Findings = 1,
    /// Refused before anything was asked.
    Refused = 2,
    /// Not everything was answered; nothing that was answered is lost.
    Incomplete = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// An error of one of our modules that knows what the person should do next.
///
/// The message is a lower-case fragment that says what was found, where, and what was expected;
/// the hint says what to type.
pub trait Advice: std::error::Error + Send + Sync + 'static {
    /// The next step, printed after `hint: `.
    fn hint(&self) -> Option<String>;

    /// The status that this error ends the program with; refusal unless the module knows better.
    fn status(&self) -> Status {
        Status::Refused
    }
}

/// What a command returns when it can't do its work: the error, its status and its hint.
#[derive(Debug)]
pub struct Failed {
    /// How the program ends.
    pub status: Status,
    /// What went wrong, with its causes.
    pub error: anyhow::Error,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failed {
    /// A refusal before anything was asked.
    pub fn refused(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Refused,
            error: error.into(),
            hint: hint.into(),
        }
    }

    /// A run that began and could not be finished.
    pub fn incomplete(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Incomplete,
            error: error.into(),
            hint: hint.into(),
        }
    }

    /// Was it only that nobody reads our output any more? Then there is nothing to say.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        self.error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl<E: Advice> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            status: error.status(),
            hint: error.hint(),
            error: error.into(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {:#}", self.error)?;
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}
