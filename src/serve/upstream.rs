//! The source behind the gateway, asked at its own pace.

use std::time::Duration;

use crate::engine::Pacer;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Snapshot, Source, Trace, TraceSource};

/// Longer than this no client waits for its turn: it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Without any word from the source, the quota's own window.
const THROTTLED: Duration = Duration::from_secs(1);

/// Whoever answers.
#[derive(Debug)]
pub struct Upstream {
    source: Source,
    pacer: Pacer,
}

impl Upstream {
    /// Asks `source`, never faster than `pacer` lets it.
    #[must_use]
    pub const fn new(source: Source, pacer: Pacer) -> Self {
        Self { source, pacer }
    }

    /// Asks once: trying again is the client's business.
    pub async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        if tokio::time::timeout(PATIENCE, self.pacer.turn())
            .await
            .is_err()
        {
            return Err(Failure {
                retry_after: Some(PATIENCE),
                ..Failure::new(FailureKind::Throttled, None, "too many are waiting")
            });
        }
        let answer = self.source.trace(query).await;
        if let Err(failure) = &answer {
            match failure.kind {
                FailureKind::Throttled => self.pacer.hold(failure.retry_after.unwrap_or(THROTTLED)),
                FailureKind::NotFound | FailureKind::Refused => {}
                FailureKind::Transport | FailureKind::Server | FailureKind::Fatal => {
                    let code = failure.code.as_deref();
                    tracing::warn!(code, "the source failed: {}", failure.message);
                }
            }
        }
        answer
    }

    /// What is known beside the traces.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.source.snapshot()
    }

    /// The instance that a call means that names none.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.snapshot()?.instance_id()
    }
}
