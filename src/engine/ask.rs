//! One query, asked until it is settled.

use std::time::Duration;

use super::{Backoff, Engine};
use crate::clock::Clock;
use crate::message::Query;
use crate::record::Outcome;
use crate::source::{Failure, FailureKind, TraceSource};

/// How long everyone waits after a throttled answer that does not say how long: the quota's own window.
const THROTTLED: Duration = Duration::from_secs(1);

/// No source makes us wait longer than this, whatever it says.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// How queries are asked.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Calls in flight at once.
    pub concurrency: usize,
    /// Calls for one query, the first included.
    pub max_attempts: u32,
    /// Waits between them.
    pub backoff: Backoff,
    /// Says when an answer came.
    pub clock: Clock,
}

impl<S: TraceSource> Engine<'_, S> {
    /// Asks until there is an answer, a permanent error, or no attempt left. Every attempt waits for its turn and is
    /// signed anew. `None` means that the run ended first: the query was not settled and is nobody's outcome.
    pub(super) async fn ask(&self, query: &Query) -> Option<Outcome> {
        let policy = self.policy;
        let mut throttled = 0;
        for attempt in 1.. {
            tokio::select! {
                biased;
                () = self.pacer.turn() => {}
                () = self.stop.draining() => return None,
            }
            if self.stop.is_requested() {
                return None;
            }
            let answer = self.source.trace(query).await;
            let again = match &answer {
                Err(failure) if failure.kind == FailureKind::Throttled => {
                    throttled += 1;
                    self.pacer
                        .hold(failure.retry_after.unwrap_or(THROTTLED).min(LONGEST_HOLD));
                    Some(Duration::ZERO) // the hold makes it wait
                }
                Err(failure) if failure.kind.is_retryable() => {
                    Some(wait_of(failure, policy.backoff.after(attempt)))
                }
                _ => None,
            };
            match again {
                Some(wait) if attempt < policy.max_attempts => tokio::select! {
                    biased;
                    () = self.stop.draining() => return None,
                    () = tokio::time::sleep(wait) => {}
                },
                _ => {
                    let observed_at = self.source.as_of().unwrap_or_else(policy.clock);
                    return Some(Outcome {
                        answer,
                        observed_at,
                        attempts: attempt,
                        throttled,
                        carried_from: None,
                        previously: None,
                    });
                }
            }
        }
        None
    }
}

fn wait_of(failure: &Failure, backoff: Duration) -> Duration {
    failure
        .retry_after
        .map_or(backoff, |asked| asked.min(LONGEST_HOLD).max(backoff))
}
