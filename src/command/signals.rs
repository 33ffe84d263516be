//! Signals that end a command.
//!
//! | while | a signal | function |
//! |---|---|---|
//! | messages are asked, located or judged, or offsets are read | stops the run in order; a second one drops the calls in flight | [`stop_on_signal`] |
//! | reports are made or a file is written | ends the process at once | [`exit_on_signal`] |
//! | `serve` listens | stops accepting; see `serve/signals.rs` | |
//!
//! tokio's signal handlers stay installed until the process ends, so a signal must have a listener to the end.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ending::with_context;
use crate::engine::Stop;
use crate::exit::{Failed, Status, end};

/// Makes a write fail where a file exceeds its size limit (`ulimit -f`). By default the signal would kill the process
/// without a message.
pub(super) fn survive_file_limits() {
    let received = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, received) {
        tracing::debug!("a file that exceeds its size limit will end the process: {error}");
    }
}

/// Turns each INT, TERM and HUP into a request to stop. Returns only if signals cannot be received. HUP is left alone
/// where the process was started to ignore it, as by `nohup`.
pub(super) async fn stop_on_signal(stop: &Stop) -> io::Error {
    let is_hang_up_ignored = is_ignored(SIGHUP);
    let [mut interrupt, mut terminate, mut hang_up] = match tokio_signals() {
        Ok(signals) => signals,
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

fn tokio_signals() -> io::Result<[Signal; 3]> {
    Ok([
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ])
}

/// The hint that [`exit_on_signal`] prints.
static HINT: Mutex<Option<String>> = Mutex::new(None);

/// From now on the first signal ends the process with status 3 and prints `hint`, which says how to continue. A later
/// call replaces the hint.
pub(super) fn exit_on_signal(hint: String) {
    let mut current = HINT.lock().unwrap_or_else(PoisonError::into_inner);
    if current.replace(hint).is_none() {
        spawn_exit_thread();
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the main thread may be blocked in a write, so it cannot return"
)]
fn spawn_exit_thread() {
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    match Signals::new(signals) {
        Ok(mut signals) => {
            std::thread::spawn(move || {
                if signals.forever().next().is_some() {
                    let hint = HINT.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let stopped = Failed::incomplete(anyhow!("stopped as asked"), hint);
                    let now = crate::clock::system().into();
                    let _ = end(Err(with_context(stopped, now)));
                    std::process::exit(Status::Incomplete as i32);
                }
            });
        }
        Err(error) => tracing::debug!("signals are no longer received: {error}"),
    }
}

/// Returns whether the process was started with `signal` ignored. Always false where the system is not Linux.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
