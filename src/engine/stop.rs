//! Ending a run early: first drain, then drop.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long answers in flight are awaited once the run is to end (`docs/reference/commands.md`).
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Shared by whoever may end the run and the loop that has to.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    draining: CancellationToken,
    dropped: CancellationToken,
}

impl Stop {
    /// A run that nothing has stopped yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No new calls; the answers in flight are awaited. A second request drops them.
    pub fn request(&self) {
        if self.draining.is_cancelled() {
            self.dropped.cancel();
        }
        self.draining.cancel();
    }

    /// No new calls, however often it is said.
    pub(super) fn begin(&self) {
        self.draining.cancel();
    }

    /// Has the end been asked for?
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Returns when no new call may begin.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Returns when answers in flight are no longer awaited: asked for twice, or the grace is over.
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
