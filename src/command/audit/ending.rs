//! What ends a run before its last row: signals, and the time.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::clock::Clock;
use crate::command::interrupt::is_ignored;
use crate::engine::Stop;
use crate::settings::Deadline;

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
    let is_hang_up_ignored = is_ignored(SignalKind::hangup().as_raw_value()); // by nohup
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
                "stopping: waiting up to 5 s for the answers in flight; press Ctrl-C again to stop immediately"
            );
        }
        stop.request();
    }
}

/// The signals that end a run.
fn heard() -> io::Result<[Signal; 3]> {
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ])
}
