//! Makes a call until it is answered, and says why it was not.

use std::sync::Arc;
use std::time::Duration;

use super::errors;
use crate::source::operation::Operation;
use crate::source::{CallPacer, Failure, FailureKind};

/// Most attempts of a call that fails.
const MOST_ATTEMPTS: u32 = 5;
/// Most attempts of a call that is throttled: the quota is shared with others, and it comes back.
const MOST_THROTTLED: u32 = 10;
/// Most times that no call is made because the access key is being renewed.
const MOST_RENEWALS: u32 = 5;
/// The wait after a throttled answer that names none.
const THROTTLED: Duration = Duration::from_secs(1);
/// Upper bound of the wait after the first failure; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Upper bound of every wait.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Makes calls, in turn if there is a pacer, and counts them.
pub(in crate::source) struct Asker<'p, P> {
    pub(in crate::source) pace: Option<&'p P>,
    pub(in crate::source) calls: u64,
}

impl<P: CallPacer> Asker<'_, P> {
    /// Makes a call until it is answered, or no other attempt would help. `attempt` makes one attempt.
    pub(in crate::source) async fn ask<T, F: Future<Output = Result<T, Failure>>>(
        &mut self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let (mut failed, mut throttled, mut renewed) = (0, 0, 0);
        loop {
            let failure = match self.attempt(attempt()).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let (attempts, most) = match failure.kind {
                _ if failure.no_call_made => (&mut renewed, MOST_RENEWALS),
                FailureKind::Throttled => (&mut throttled, MOST_THROTTLED),
                kind if kind.is_retryable() => (&mut failed, MOST_ATTEMPTS),
                _ => return Err(failure),
            };
            *attempts += 1;
            if *attempts >= most {
                return Err(failure);
            }
            tokio::time::sleep(wait_after(&failure, *attempts)).await;
        }
    }

    /// Makes one attempt in its turn.
    pub(in crate::source) async fn attempt<T>(
        &mut self,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let turn = match self.pace {
            Some(pace) => Some((pace, pace.turn().await)),
            None => None,
        };
        let answer = attempt.await;
        let failure = answer.as_ref().err();
        self.calls += u64::from(failure.is_none_or(|failure| !failure.no_call_made));
        let asked = failure.and_then(|failure| failure.retry_after);
        match turn {
            Some((pace, permit)) if is_throttled(failure) => pace.throttled(permit, asked).await,
            Some((pace, permit)) => pace.answered(permit).await,
            None => {}
        }
        answer
    }
}

fn is_throttled(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.kind == FailureKind::Throttled)
}

/// Returns the wait after the nth failure: what the gateway asks for, or else a random time that grows.
fn wait_after(failure: &Failure, attempts: u32) -> Duration {
    if failure.no_call_made {
        return Duration::ZERO;
    }
    let fallback = match failure.kind {
        FailureKind::Throttled => THROTTLED,
        _ => FIRST_WAIT
            .saturating_mul(1 << attempts.saturating_sub(1).min(10))
            .mul_f64(fastrand::f64()),
    };
    let asked = failure.retry_after.unwrap_or_default();
    asked.max(fallback).min(LONGEST_WAIT)
}

/// Returns why nothing more was read: what the user, or the owner of the account, can act on. It is the same for every
/// group and message that the failure affects.
pub(in crate::source) fn reason(failure: &Failure, operation: &Operation) -> Arc<str> {
    let action = operation.name();
    let code = failure.code.as_deref();
    let said = code.map(|code| format!("{code}: ")).unwrap_or_default();
    let message = &failure.message;
    let of_code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let is_permission = code.is_some_and(errors::is_permission);
    match failure.kind {
        FailureKind::Forbidden | FailureKind::Fatal if is_permission => {
            let needed = operation.ram_action();
            format!("the access key lacks the RAM action {needed}{of_code}")
        }
        FailureKind::Fatal if code.is_some_and(errors::is_gateway) => {
            format!("the gateway does not serve {action}{of_code}")
        }
        FailureKind::Throttled => {
            format!("{action} was throttled {MOST_THROTTLED} times in a row{of_code}")
        }
        FailureKind::Transport | FailureKind::Server => {
            format!("{action} was not answered in {MOST_ATTEMPTS} attempts: {said}{message}")
        }
        _ => format!("{action} was refused: {said}{message}"),
    }
    .into()
}

/// Returns whether every other call of the operation would fail the same way: the key, the clock or the operation is
/// refused, or a permission for all resources.
pub(super) fn is_general(failure: &Failure) -> bool {
    let names_all = || {
        let message = failure.message.to_ascii_lowercase();
        ["resource: *", "acs:mq:*:*:*"]
            .iter()
            .any(|all| message.contains(all))
    };
    match failure.kind {
        FailureKind::Fatal | FailureKind::Expired => true,
        FailureKind::Forbidden => names_all(),
        _ => false,
    }
}
