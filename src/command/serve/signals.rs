//! INT and TERM end serving, HUP reads keys and certificate again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals we obey, heard from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Within a runtime.
    pub(super) fn hear() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Cancels `stop` at the first signal to end and returns at the second; calls `changed` at every HUP.
    pub(super) async fn obey(mut self, stop: &CancellationToken, changed: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => {
                    changed();
                    continue;
                }
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
            if stop.is_cancelled() {
                return;
            }
            tracing::info!(
                "stopping: requests in flight are answered first; press Ctrl-C again to stop immediately"
            );
            stop.cancel();
        }
    }
}
