//! What ends a run before its last row: signals, and the time.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::clock::Clock;
use crate::engine::Stop;
use crate::settings::Deadline;

/// SIGXFSZ, on every system with a number for it that we know of.
const FILE_TOO_LARGE: i32 = 25;

/// The machine may sleep, or its clock be put right: how much time is left is looked up again this often.
const LOOK_UP: Duration = Duration::from_secs(30);

/// Ends the run when it is time.
pub(super) async fn time_is_up(
    deadline: Option<&Deadline>,
    clock: Clock,
    stop: &Stop,
    is_late: &Cell<bool>,
) -> Infallible {
    if let Some(deadline) = deadline {
        while let Some(left) = left(deadline, clock) {
            tokio::time::sleep(left.min(LOOK_UP)).await;
        }
        if !stop.is_requested() {
            tracing::warn!(
                "the time is up ({}): waiting up to 5 s for the answers in flight",
                deadline.told
            );
            is_late.set(true);
            stop.request();
        }
    }
    std::future::pending().await
}

fn left(deadline: &Deadline, clock: Clock) -> Option<Duration> {
    let left = Duration::try_from(deadline.left(clock())).ok()?;
    (!left.is_zero()).then_some(left)
}

/// Turns each signal into a request to stop; ends only if signals can't be heard.
pub(in crate::command) async fn listen(stop: &Stop) -> io::Error {
    let is_hang_up_ignored = is_ignored(SignalKind::hangup()); // by nohup
    let [mut interrupt, mut terminate, mut hang_up] = match heard() {
        Ok(heard) => heard,
        Err(error) => return error,
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv(), if !is_hang_up_ignored => {}
        }
        if !stop.is_requested() {
            tracing::warn!(
                "stopping: waiting up to 5 s for the answers in flight; once more ends at once"
            );
        }
        stop.request();
    }
}

/// Was this process started to ignore a signal? Only Linux tells.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// The signals that end a run. A file that outgrows its limit is not one of them: once that signal is heard of, the
/// write fails instead of the process.
fn heard() -> io::Result<[Signal; 3]> {
    let _heard_of = signal(SignalKind::from_raw(FILE_TOO_LARGE))?;
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ])
}
