//! Exit statuses, and how an error becomes one of them.
//!
//! [`MEANINGS`] says what they mean.
//!
//! Two is also what clap uses for a usage error, so a script sees one meaning.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::humanize::printable_lines;
use crate::{clock, file, humanize};

thread_local! {
    /// Whether the code that runs in this thread may panic.
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs code of a library that may panic where data is damaged. A panic becomes an error, and is no defect of this
/// program.
///
/// # Errors
///
/// The message of the panic.
pub fn contained<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IS_CONTAINED.replace(true);
    let ran = panic::catch_unwind(AssertUnwindSafe(run));
    IS_CONTAINED.set(outer);
    ran.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("no message").to_owned()
    })
}

/// Returns whether a panic in this thread becomes an error by [`contained`].
#[must_use]
pub fn is_contained() -> bool {
    IS_CONTAINED.get()
}

/// The meaning of the statuses 0 to 3, if a command gives none of its own.
pub const MEANINGS: [&str; 4] = [
    "complete, every row reconciled",
    "complete, something to look at: break, undetermined, not found, unsubscribed, rejected row, message ID in a cell of \
     several lines or in a log line outside of send results",
    "refused before asking: usage, configuration, credentials, input",
    "incomplete: unanswered queries, the time was up, interrupted, or a file that could not be written",
];

/// The exit status of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Complete, and every row is reconciled.
    Clean = 0,
    /// Complete, with findings.
    Findings = 1,
    /// Refused before the first query.
    Refused = 2,
    /// Not everything was answered. All answers so far are kept.
    Incomplete = 3,
}

impl Status {
    /// Returns the word that notifications use.
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

/// An error of a module of this program that has a hint for the user.
///
/// The message is a lower-case fragment that says what was found, where, and what was expected. The hint says what to
/// type.
pub trait Advice: std::error::Error + Send + Sync + 'static {
    /// Returns the next step, which is printed after `hint: `.
    fn hint(&self) -> Option<String>;

    /// Returns the exit status for this error: refused, unless the module overrides it.
    fn status(&self) -> Status {
        Status::Refused
    }
}

/// The cause if the other end of a pipe is closed, such as that of `| head`.
pub const NO_READER: &str = "the reader has closed the pipe";

/// The failure of a command: the error, its status and its hints.
#[derive(Debug)]
pub struct Failed {
    /// The exit status.
    pub status: Status,
    /// The error with its causes.
    pub error: anyhow::Error,
    /// The next steps, one line each.
    pub hints: Vec<String>,
}

impl Failed {
    /// Makes a failure before the first query.
    pub fn refused(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Refused,
            error: error.into(),
            hints: hint.into().into_iter().collect(),
        }
    }

    /// Makes a failure of a run that started and could not be finished.
    pub fn incomplete(error: impl Into<anyhow::Error>, hint: impl Into<Option<String>>) -> Self {
        Self {
            status: Status::Incomplete,
            error: error.into(),
            hints: hint.into().into_iter().collect(),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn and_hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hints.extend(hint.into());
        self
    }

    /// Makes the failure of a file that cannot be written, before the first query.
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
        let error = humanize::without_os_codes(&format!("{:#}", self.error));
        write!(f, "error: {}", printable_lines(&error))?;
        for hint in &self.hints {
            write!(f, "\nhint: {}", printable_lines(hint))?;
        }
        Ok(())
    }
}

/// Ends the program. All errors are printed here.
#[must_use]
pub fn end(result: Result<Status, Failed>) -> ExitCode {
    let status = result.unwrap_or_else(|failed| {
        if is_json() {
            let error = humanize::without_os_codes(&format!("{:#}", failed.error));
            say_error(&error, &failed.hints.join("\n"), failed.status);
        } else {
            say(&format!("{failed}\n"));
        }
        failed.status
    });
    status.into()
}

/// Prints a text of clap: help and version on stdout, a usage error on stderr.
#[must_use]
pub fn usage(text: &str, is_error: bool) -> ExitCode {
    if !is_error {
        return end(print(text).map(|()| Status::Clean));
    }
    if is_json() {
        let text = text.strip_prefix("error: ").unwrap_or(text);
        let (error, rest) = text.split_once("\n\n").unwrap_or((text, ""));
        say_error(error.trim(), rest.trim(), Status::Refused);
    } else {
        say(text);
    }
    Status::Refused.into()
}

/// Whether messages on stderr are JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Sets whether messages on stderr are JSON, one object per line: `timestamp`, `level`, `message`, and fields of their
/// own.
pub fn set_json(is_json: bool) {
    IS_JSON.store(is_json, Ordering::Relaxed);
}

/// Returns whether messages on stderr are JSON.
#[must_use]
pub fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Prints a line of JSON on stderr in the form of log lines. `fields` is an object.
pub fn say_json(level: &str, message: &str, fields: &Value) {
    let timestamp = clock::system().to_string();
    let mut line = json!({"timestamp": timestamp, "level": level, "message": message});
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    say(&format!("{line}\n"));
}

/// Prints an error as a line of JSON; an empty hint is left out.
fn say_error(error: &str, hint: &str, status: Status) {
    let mut fields = json!({"status": status as u8});
    if !hint.is_empty() {
        fields["hint"] = hint.into();
    }
    say_json("ERROR", error, &fields);
}

/// Prints a text on stdout, without characters that a terminal would obey. A closed pipe is not a failure, since only this text is lost.
///
/// # Errors
///
/// If stdout cannot be written for another reason.
pub fn print(text: &str) -> Result<(), Failed> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(printable_lines(text).as_bytes())
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

/// Prints a message on stderr. Does nothing if stderr is closed.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
