//! Ends a run early: first it lets calls in flight finish, then it drops them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long calls in flight are awaited after a stop was requested (`docs/reference/commands.md`).
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Shared by the loop and by everything that may end it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    draining: CancellationToken,
    dropped: CancellationToken,
}

impl Stop {
    /// Makes the state of a run that nothing has stopped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests a stop: no new call begins, and calls in flight are awaited. A second request drops them.
    pub fn request(&self) {
        if self.draining.is_cancelled() {
            self.dropped.cancel();
        }
        self.draining.cancel();
    }

    /// Lets no new call begin. Unlike a second request, it never drops calls.
    pub(super) fn begin(&self) {
        self.draining.cancel();
    }

    /// Returns whether a stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits until no new call may begin.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Waits until calls in flight are no longer awaited: after a second request or after the grace time.
    pub(super) async fn dropping(&self) {
        let grace = async {
            self.draining.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = self.dropped.cancelled() => {}
            () = grace => {}
        }
    }
}
