//! Asks one query until it is settled.

use std::time::Duration;

use tokio::sync::MutexGuard;

use super::gate::Gate;
use super::quota_state::LONGEST_HOLD;
use super::{Backoff, CountedCalls, Engine};
use crate::clock::Clock;
use crate::message::{Query, is_lower_case_key};
use crate::results::Outcome;
use crate::source::{Failure, FailureKind, Trace, TraceSource};

/// What is added to the message of a failure if a key in lower case is not found.
const LOWER_CASE: &str =
    "; most clients write IDs in upper case, this one has lower-case letters: try it in upper case";

/// The wait before a call is made again for which too many files were open.
const WAIT_FOR_FILES: Duration = Duration::from_secs(1);

/// The number of waits after which the log mentions them.
const WAITS_BEFORE_WARNING: u32 = 5;

/// The most waits of a call. Calls in flight end within a minute, so more waits would not help.
const MOST_WAITS: u32 = 120;

/// How queries are asked.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Number of calls in flight at the same time.
    pub concurrency: usize,
    /// Most calls for one query, the first included.
    pub max_attempts: u32,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// Gives the time of an answer.
    pub clock: Clock,
}

impl<S: TraceSource> Engine<'_, S> {
    /// Asks until there is an answer, a permanent error, or no attempt left. Every attempt waits for its permit and is
    /// signed anew. A query about a topic that is denied to the key is not asked. Returns `None` if the run ended
    /// first: then the query is not settled.
    pub(super) async fn ask(&self, query: &Query, gate: &Gate) -> Option<Outcome> {
        let policy = self.policy;
        let more = CountedCalls::of(self.pacer).until(self.stop);
        let mut throttled = 0;
        for attempt in 1.. {
            let alone = tokio::select! {
                biased;
                alone = gate.pass() => alone,
                () = self.stop.draining() => return None,
            };
            if let Some(refusal) = gate.permissions.refusal(query) {
                let outcome = self.outcome(query, Err(refusal), (attempt - 1, throttled));
                return Some(with_more_calls(outcome, &more));
            }
            let answer = self.attempt(query, gate, (alone, &more)).await?;
            let again = match &answer {
                Err(failure) if failure.kind == FailureKind::Throttled => {
                    throttled += 1;
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
                    let outcome = self.outcome(query, answer, (attempt, throttled));
                    return Some(with_more_calls(outcome, &more));
                }
            }
        }
        None
    }

    /// Makes the outcome of a query that was asked now. A message that was not found by a key in lower case gets a remark.
    pub(super) fn outcome(
        &self,
        query: &Query,
        mut answer: Result<Trace, Failure>,
        (attempts, throttled): (u32, u32),
    ) -> Outcome {
        let observed_at = self.source.as_of().unwrap_or_else(self.policy.clock);
        if let Err(failure) = &mut answer
            && failure.kind == FailureKind::NotFound
            && is_lower_case_key(&query.msg_id)
        {
            failure.message.push_str(LOWER_CASE);
        }
        Outcome {
            attempts,
            throttled,
            ..Outcome::new(answer, observed_at)
        }
    }

    /// Makes one call when its turn has come. If the source made no call, such as after its key had expired, it takes a
    /// later turn. If too many files are open, it waits for other calls to close theirs; if that does not help, the run
    /// ends. Returns `None` if the run ended first.
    async fn attempt(
        &self,
        query: &Query,
        gate: &Gate,
        (_alone, more): (Option<MutexGuard<'_, ()>>, &CountedCalls<'_>),
    ) -> Option<Result<Trace, Failure>> {
        let mut waits = 0;
        loop {
            match self.turn(query, gate, more).await? {
                Err(failure) if failure.out_of_files && waits < MOST_WAITS => {
                    waits += 1;
                    if waits == WAITS_BEFORE_WARNING {
                        tracing::warn!(
                            "{}: waiting until other calls are finished",
                            failure.message
                        );
                    }
                    tokio::select! {
                        biased;
                        () = self.stop.draining() => return None,
                        () = tokio::time::sleep(WAIT_FOR_FILES) => {}
                    }
                }
                Err(failure) if failure.out_of_files => {
                    self.stop.begin();
                    let kind = FailureKind::Fatal;
                    return Some(Err(Failure { kind, ..failure }));
                }
                Err(failure) if failure.no_call_made => {}
                answer => return Some(answer),
            }
        }
    }

    async fn turn(
        &self,
        query: &Query,
        gate: &Gate,
        more: &CountedCalls<'_>,
    ) -> Option<Result<Trace, Failure>> {
        let turn = tokio::select! {
            biased;
            turn = self.pacer.turn() => turn,
            () = self.stop.draining() => return None,
        };
        if self.stop.is_requested() {
            return None;
        }
        let answer = gate
            .permissions
            .learn(query, self.source.trace(query, more).await);
        match &answer {
            Err(failure) if failure.kind == FailureKind::Throttled => {
                self.pacer.throttled(turn, failure.retry_after).await;
            }
            Err(failure) if failure.is_overload() => self.pacer.overloaded().await,
            // Calls that wait at the gate must find the run stopped.
            Err(failure) if failure.kind.ends_run() => self.stop.begin(),
            _ => self.pacer.answered(turn).await,
        }
        if answer
            .as_ref()
            .map_or_else(Failure::proves_access, |_| true)
        {
            gate.open();
        }
        Some(answer)
    }
}

/// Adds the number of calls that the answer took besides the first of each attempt.
fn with_more_calls(outcome: Outcome, more: &CountedCalls<'_>) -> Outcome {
    Outcome {
        more_calls: u32::try_from(more.begun()).unwrap_or(u32::MAX),
        ..outcome
    }
}

fn wait_of(failure: &Failure, backoff: Duration) -> Duration {
    failure
        .retry_after
        .map_or(backoff, |asked| asked.min(LONGEST_HOLD).max(backoff))
}
