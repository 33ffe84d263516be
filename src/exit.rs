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
use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;

use crate::{file, humanize};

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

/// Said of a pipe whose other end is closed, such as that of `| head`.
pub const NO_READER: &str = "nobody reads it any more";

/// What a command returns when it can't do its work: the error, its status and its hint.
#[derive(Debug)]
pub struct Failed {
    /// How the program ends.
    pub status: Status,
    /// What went wrong, with its causes.
    pub error: anyhow::Error,
    /// What to do next, a line each.
    pub hints: Vec<String>,
}

impl Failed {
    /// A refusal before anything was asked.
    pub fn refused(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Refused,
            error: error.into(),
            hints: hint.into().into_iter().collect(),
        }
    }

    /// A run that began and could not be finished.
    pub fn incomplete(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Incomplete,
            error: error.into(),
            hints: hint.into().into_iter().collect(),
        }
    }

    /// The same with one more thing to do next.
    #[must_use]
    pub fn and_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hints.extend(hint.into());
        self
    }

    /// A file that can't be written, found out before anything was asked.
    #[must_use]
    pub fn unwritable(path: &Path, error: io::Error) -> Self {
        let (name, folder) = (humanize::output(path), file::folder(path));
        let hint = match error.kind() {
            io::ErrorKind::NotFound if !folder.exists() => {
                let folder = folder.display();
                let error = anyhow!("can't write {name}: the folder {folder} does not exist");
                let hint = format!("make it (mkdir -p {folder}), or name another place");
                return Self::refused(error, hint);
            }
            io::ErrorKind::BrokenPipe => NO_READER,
            io::ErrorKind::StorageFull => "make room there, or name a file elsewhere",
            io::ErrorKind::IsADirectory => "that is a folder: name a file in it",
            _ => "name a file in a folder that exists and that you may write to",
        };
        let error = anyhow::Error::new(error).context(format!("can't write {name}"));
        Self::refused(error, hint.to_owned())
    }
}

impl<E: Advice> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            status: error.status(),
            hints: error.hint().into_iter().collect(),
            error: error.into(),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {:#}", self.error)?;
        for hint in &self.hints {
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

/// Prints data. That nobody reads on is no failure here: nothing but this text is lost.
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
