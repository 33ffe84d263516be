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
use std::io::{self, Write};
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

impl Status {
    /// The word that notices use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::Refused => "refused",
            Self::Incomplete => "incomplete",
        }
    }
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

/// Ends the program: an error is printed here and nowhere else.
#[must_use]
pub fn end(result: Result<Status, Failed>) -> ExitCode {
    let status = result.unwrap_or_else(|failed| {
        say(&format!("{failed}\n"));
        failed.status
    });
    status.into()
}

/// Ends the program with what clap has to say: help and version on stdout, a usage error on stderr.
#[must_use]
pub fn usage(text: &str, is_error: bool) -> ExitCode {
    if is_error {
        say(text);
        return Status::Refused.into();
    }
    end(print(text).map(|()| Status::Clean))
}

/// Prints data. That nobody reads on is no failure.
pub fn print(text: &str) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let error = anyhow::Error::new(error).context("can't write to standard output");
            let hint = "make room where it goes, and say the same again";
            Err(Failed::incomplete(error, hint.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Tells the person something. If stderr is gone there is nobody to tell.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
