//! Makes a call until it is answered, and says why it was not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::super::answer::parse_field;
use super::super::errors;
use super::super::request::Call;
use crate::source::{CallPacer, Failure, FailureKind, Ons};

/// Returns a page of the dead letters of a group.
pub(super) const DEAD_LETTERS: &str = "OnsDLQMessagePageQueryByGroupId";
/// Starts the query for a trace.
pub(super) const TRACE: &str = "OnsTraceQueryByMsgId";
/// Returns the result of the query for a trace.
pub(super) const TRACE_RESULT: &str = "OnsTraceGetResult";

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

/// Makes one attempt of a call and returns the field of its answer. The tests have one without a socket.
pub(super) trait Api {
    /// Makes the attempt.
    async fn attempt(&self, call: Call<'_>, field: &str) -> Result<Option<Value>, Failure>;
}

impl Api for Ons {
    async fn attempt(&self, call: Call<'_>, field: &str) -> Result<Option<Value>, Failure> {
        let action = call.action;
        self.attempt(call, |status, body, redactor| {
            parse_field((action, field), status, body, redactor)
        })
        .await
    }
}

/// Makes calls, in turn if there is a pacer, and counts them.
pub(super) struct Asker<'a, A, P> {
    pub(super) api: &'a A,
    pub(super) pace: Option<&'a P>,
    pub(super) calls: u64,
}

impl<A: Api, P: CallPacer> Asker<'_, A, P> {
    /// Makes a call until it is answered, or no other attempt would help. Returns the field of the answer.
    pub(super) async fn ask(
        &mut self,
        call: &Call<'_>,
        field: &str,
    ) -> Result<Option<Value>, Failure> {
        let (mut failed, mut throttled, mut renewed) = (0, 0, 0);
        loop {
            let failure = match self.attempt(call.clone(), field).await {
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

    async fn attempt(&mut self, call: Call<'_>, field: &str) -> Result<Option<Value>, Failure> {
        let turn = match self.pace {
            Some(pace) => Some((pace, pace.turn().await)),
            None => None,
        };
        let answer = self.api.attempt(call, field).await;
        let failure = answer.as_ref().err();
        self.calls += u64::from(failure.is_none_or(|failure| !failure.no_call_made));
        match turn {
            Some((pace, permit)) if is_throttled(failure) => pace.throttled(permit).await,
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
pub(super) fn reason(failure: &Failure, action: &str) -> Arc<str> {
    let code = failure.code.as_deref();
    let said = code.map(|code| format!("{code}: ")).unwrap_or_default();
    let message = &failure.message;
    let of_code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let is_permission = code.is_some_and(errors::is_permission);
    match failure.kind {
        FailureKind::Forbidden | FailureKind::Fatal if is_permission => {
            let needed = ram_action(action);
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

/// Returns the RAM action that an operation needs (`docs/facts/ons-api.md` §2.2).
fn ram_action(action: &str) -> &'static str {
    match action {
        TRACE => "mq:QueryTrace",
        TRACE_RESULT => "mq:GetTraceResult",
        _ => "mq:QueryDLQMessage",
    }
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
