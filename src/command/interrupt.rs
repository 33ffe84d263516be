//! Signals while nothing is asked.
//!
//! A run that asks is drained by a signal (`audit/ending.rs`). Once nothing is asked any more there is nothing to wait for:
//! whatever has a results file keeps it, a file that is made appears whole or not at all, and a reader of standard output may hang
//! for ever. tokio's handlers stay in place until the process ends, so somebody has to listen on.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::exit::{Failed, Status, end};

/// Lets a write fail where a file outgrows its limit (`ulimit -f`), instead of the process without a word.
pub(super) fn survive_file_limits() {
    let heard = Arc::new(AtomicBool::new(false));
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, heard) {
        tracing::debug!("a file that outgrows its limit will end the process: {error}");
    }
}

/// What is said to whoever ends the process; nothing while a run listens for itself.
static LEFT: Mutex<Option<String>> = Mutex::new(None);

/// From here on the first signal ends the process with 3, and `left` says what is there to go on with. It may be said again
/// when more is.
pub(super) fn end_at_once(left: String) {
    let mut said = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    if said.replace(left).is_none() {
        listen();
    }
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the main thread may hang in a write, and no other can return for it"
)]
fn listen() {
    let mut signals = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        signals.push(SIGHUP);
    }
    match Signals::new(signals) {
        Ok(mut signals) => {
            std::thread::spawn(move || {
                if signals.forever().next().is_some() {
                    let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let _ = end(Err(Failed::incomplete(anyhow!("stopped as asked"), left)));
                    std::process::exit(Status::Incomplete as i32);
                }
            });
        }
        Err(error) => tracing::debug!("signals are not heard any more: {error}"),
    }
}

/// Was this process started to ignore a signal, as by `nohup`? Only Linux tells.
pub(super) fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
