//! INT and TERM stop the server, HUP reloads keys and certificate.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals of the server, which are handled from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Registers the handlers. Must be called within a runtime.
    pub(super) fn register() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Cancels `stop` at the first INT or TERM and returns at the second; calls `reload` at every HUP.
    pub(super) async fn handle(mut self, stop: &CancellationToken, reload: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => {
                    reload();
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
