//! The source behind the gateway, asked at its own pace.

use std::time::Duration;

use crate::engine::Pacer;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Snapshot, Source, Trace, TraceSource};

/// Longer than this no client waits for its turn: it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

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
        let Ok(turn) = tokio::time::timeout(PATIENCE, self.pacer.turn()).await else {
            return Err(Failure {
                retry_after: Some(PATIENCE),
                ..Failure::new(FailureKind::Throttled, None, "too many are waiting")
            });
        };
        let answer = self.source.trace(query).await;
        match &answer {
            Err(failure) if failure.kind == FailureKind::Throttled => {
                self.pacer.throttled(turn, failure.retry_after).await;
                return answer;
            }
            Err(failure) if failure.kind.is_retryable() || failure.kind.ends_run() => {
                let code = failure.code.as_deref();
                tracing::warn!(code, "the source failed: {}", failure.message);
            }
            _ => {}
        }
        self.pacer.answered(turn).await;
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
