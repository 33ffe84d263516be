//! The source behind the gateway, called no faster than its pacer allows.

use std::time::Duration;

use crate::engine::Pacer;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Snapshot, Source, Trace, TraceSource};

/// How long a request may wait for the pacer before it is throttled.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// A source with its pacer.
#[derive(Debug)]
pub struct Upstream {
    source: Source,
    pacer: Pacer,
}

impl Upstream {
    /// Combines a source and a pacer.
    #[must_use]
    pub const fn new(source: Source, pacer: Pacer) -> Self {
        Self { source, pacer }
    }

    /// Looks up a message with one call; retries are left to the client.
    ///
    /// # Errors
    ///
    /// The failure of the source, or a throttling failure if the wait for the pacer was too long.
    pub async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        let Ok(turn) = tokio::time::timeout(MAX_WAIT, self.pacer.turn()).await else {
            return Err(Failure {
                retry_after: Some(MAX_WAIT),
                ..Failure::new(FailureKind::Throttled, None, "too many are waiting")
            });
        };
        let answer = self.source.trace(query, &self.pacer).await;
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
        if answer.as_ref().is_err_and(Failure::is_overload) {
            self.pacer.overloaded().await;
        } else {
            self.pacer.answered(turn).await;
        }
        answer
    }

    /// Returns the snapshot, if the source is one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.source.snapshot()
    }

    /// Returns the instance of calls that name none.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.snapshot()?.instance_id()
    }
}
