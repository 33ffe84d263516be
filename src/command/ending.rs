//! The end of every command: a panic becomes an error, and errors name the outputs that they leave as they were.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::anyhow;
use rustix::io::Errno;
use serde_json::Value;

use crate::clock::Clock;
use crate::exit::{self, Failed, Status};
use crate::humanize::{self, printable_lines};

/// The first panic of the process: its message, and its place as `src/FILE.rs:LINE:COLUMN`.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// The outputs of the command, as they were when it began.
static OUTPUTS: OnceLock<Vec<EarlierOutput>> = OnceLock::new();

/// Runs a command that writes `outputs`. `logs_panics` says whether the command survives a panic of a task, so that the
/// panic must be logged at once. `now` is the clock.
///
/// # Errors
///
/// The error of the command with further hints, or an error about a panic in any thread or task.
pub(super) fn ended(
    outputs: &[PathBuf],
    logs_panics: bool,
    now: Clock,
    command: impl FnOnce() -> Result<Status, Failed>,
) -> Result<Status, Failed> {
    let outputs = outputs.iter().filter_map(|path| EarlierOutput::of(path));
    let _ = OUTPUTS.set(outputs.collect());
    panic::set_hook(Box::new(move |info| note_panic(info, logs_panics)));
    panic::catch_unwind(AssertUnwindSafe(command))
        .unwrap_or(Ok(Status::Incomplete))
        .and_then(|status| match take_panic() {
            Some(panic) => Err(defect(&panic)),
            None => Ok(status),
        })
        .map_err(|failed| with_context(failed, now().into()))
}

/// Adds hints to the error with which the process ends: about a low limit of open files, and about outputs that were
/// not replaced.
pub(super) fn with_context(mut failed: Failed, now: SystemTime) -> Failed {
    if is_out_of_descriptors(&failed.error) {
        let hint =
            "too few files may be open at once: raise the limit, for example with `ulimit -n 1024`";
        if failed.status == Status::Refused {
            failed.hints.clear();
        }
        failed.hints.insert(0, hint.to_owned());
    }
    let outputs = OUTPUTS.get().map(Vec::as_slice).unwrap_or_default();
    failed.and_hint(unreplaced(outputs, now))
}

fn note_panic(info: &PanicHookInfo<'_>, logs: bool) {
    if exit::is_contained() {
        return;
    }
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let panic = format!("{message} ({place})");
    if logs {
        tracing::error!("a defect of ons-audit: {panic}");
    }
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        print_backtrace(&backtrace, logs);
    }
    let mut first = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    first.get_or_insert(panic);
}

/// Prints a backtrace. The log is used only if it has a queue, as that of `serve`: others wait for the progress bar,
/// whose lock the panicking thread may hold.
fn print_backtrace(backtrace: &Backtrace, logs: bool) {
    if logs {
        tracing::error!("{backtrace}");
    } else if exit::is_json() {
        exit::say_json("ERROR", &backtrace.to_string(), &Value::Null);
    } else {
        exit::say(&printable_lines(&format!("ERROR {backtrace}\n")));
    }
}

fn take_panic() -> Option<String> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn defect(panic: &str) -> Failed {
    let error = anyhow!("ons-audit has a defect and cannot go on: {panic}");
    let hint = "please report this message; a complete results file is not changed, and answers of an unfinished run \
                stay in its .partial file, for --resume";
    Failed::incomplete(error, hint.to_owned())
}

fn is_out_of_descriptors(error: &anyhow::Error) -> bool {
    let number = Errno::MFILE.raw_os_error();
    let causes = error.chain();
    let mut system = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    let text = io::Error::from_raw_os_error(number).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    // Some errors keep only the text of their cause.
    system.any(|cause| cause.raw_os_error() == Some(number)) || format!("{error:#}").contains(text)
}

/// An output that existed when the command began.
#[derive(Debug)]
struct EarlierOutput {
    path: PathBuf,
    /// What changes when the output is replaced or written: device, inode, and the time of the last change.
    identity: (u64, u64, SystemTime),
}

impl EarlierOutput {
    /// Returns `None` if there is nothing, or a stream.
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        let is_kept = metadata.is_file() || metadata.is_dir();
        let identity = is_kept.then(|| identity(&metadata)).flatten()?;
        Some(Self {
            path: path.to_owned(),
            identity,
        })
    }

    fn is_replaced(&self) -> bool {
        let metadata = std::fs::metadata(&self.path).ok();
        metadata.and_then(|metadata| identity(&metadata)) != Some(self.identity)
    }
}

fn identity(metadata: &Metadata) -> Option<(u64, u64, SystemTime)> {
    Some((metadata.dev(), metadata.ino(), metadata.modified().ok()?))
}

/// Returns a hint that names the outputs that are still those of an earlier run, each with its age.
fn unreplaced(outputs: &[EarlierOutput], now: SystemTime) -> Option<String> {
    let stale = outputs.iter().filter(|output| !output.is_replaced());
    let mut names: Vec<_> = stale
        .map(|output| {
            let (.., modified) = output.identity;
            let age = now.duration_since(modified).unwrap_or_default();
            let age = humanize::duration(age);
            format!("{} ({age} old)", output.path.display())
        })
        .collect();
    names.dedup();
    (!names.is_empty()).then(|| format!("this run did not replace {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::file::{create_private, publish};
    use crate::settings::LogFormat;
    use crate::ui::{LogStyle, hold_log};

    fn text(failed: &Failed) -> String {
        failed.to_string()
    }

    #[test]
    fn a_panic_in_any_thread_is_an_error_with_its_place() {
        let in_thread = || {
            let _ = std::thread::spawn(|| panic!("in a thread")).join();
            Ok(Status::Clean)
        };
        let at_once = || -> Result<Status, Failed> { panic!("row {}", 7) };
        for (command, message) in [
            (&at_once as &dyn Fn() -> _, "row 7 (src/command/ending.rs:"),
            (&in_thread, "in a thread (src/command/ending.rs:"),
        ] {
            let failed = ended(&[], false, || jiff::Timestamp::UNIX_EPOCH, command).unwrap_err();
            assert_eq!(failed.status, Status::Incomplete);
            let text = text(&failed);
            assert!(text.contains(message), "{text}");
            assert!(
                text.contains("\nhint: please report this message"),
                "{text}"
            );
        }
        let _ = panic::take_hook();
    }

    #[test]
    fn a_backtrace_waits_for_no_log_without_a_queue() {
        let style = LogStyle {
            format: LogFormat::Text,
            quiet: false,
            colours: false,
        };
        for has_queue in [false, true] {
            let print = || print_backtrace(&Backtrace::disabled(), has_queue);
            let ((), logged) = hold_log(style, print);
            assert_eq!(!logged.is_empty(), has_queue);
        }
    }

    #[test]
    fn only_outputs_that_were_not_replaced_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, none] =
            ["old.csv", "new.csv", "none.csv"].map(|name| folder.path().join(name));
        for path in [&old, &new] {
            drop(create_private(path).unwrap());
        }
        let outputs = [&old, &new, &none, &PathBuf::from("/dev/null")];
        let outputs: Vec<_> = outputs
            .iter()
            .filter_map(|path| EarlierOutput::of(path))
            .collect();
        publish(&new, b"new").unwrap();
        let (.., modified) = outputs[0].identity;
        let hint = unreplaced(&outputs, modified + Duration::from_hours(30));
        let says = format!("this run did not replace {} (1 d 6 h old)", old.display());
        assert_eq!(hint, Some(says));
        assert_eq!(unreplaced(&outputs[1..], modified), None);
    }

    #[test]
    fn too_few_descriptors_lead_to_the_limit() {
        let error = || io::Error::from(Errno::MFILE);
        let with_cause = Failed::unwritable(Path::new("a.csv"), error());
        let with_text =
            Failed::incomplete(anyhow!("can't connect: {}", error()), "resume".to_owned());
        for (failed, hints) in [(with_cause, 1), (with_text, 2)] {
            let failed = with_context(failed, SystemTime::UNIX_EPOCH);
            assert!(failed.hints[0].contains("`ulimit -n 1024`"), "{failed}");
            assert_eq!(failed.hints.len(), hints);
        }
    }
}
