//! Asks for the traces of messages: a query for each message, whose result is asked for until it is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::asker::{Asker, is_general, reason};
use super::super::request::Call;
use super::{Api, LastCall, TraceExamination, TraceOutcome, TraceQuery, fields, plain_name};
use crate::evidence::{Proof, ProofKind};
use crate::source::operation::{Operation, TRACE_QUERY, TRACE_RESULT};
use crate::source::{CallPacer, Failure, FailureKind};

/// How far the time of a query reaches from the born time, in both directions.
const AROUND: SignedDuration = SignedDuration::from_hours(12);
/// How far back the time of a query reaches if the born time is not known.
const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// Waits before the result is asked for: a minute together.
const WAITS: [u64; 10] = [1, 1, 2, 4, 8, 8, 9, 9, 9, 9];
/// After so many messages in a row that were not answered, no other message is asked for.
const MOST_UNANSWERED: u32 = 3;

/// Asks for the trace of each message.
pub(super) async fn examine<A: Api, P: CallPacer>(
    api: &A,
    messages: &[TraceQuery],
    (now, last_call): (Timestamp, LastCall<'_>),
    pace: &P,
) -> TraceExamination {
    let asker = |pace| Asker { pace, calls: 0 };
    let mut tracer = Tracer {
        api,
        queries: asker(Some(pace)),
        results: asker(None),
        now,
        proofs: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(messages.len());
    let mut end: Option<Arc<str>> = None;
    let mut denied = HashMap::<(Option<&str>, &str), Arc<str>>::new();
    let mut unanswered = 0;
    for message in messages {
        end = end.or_else(|| last_call.reason());
        let subject = (message.instance_id.as_deref(), &*message.topic);
        if let Some(reason) = end.as_ref().or_else(|| denied.get(&subject)) {
            outcomes.push(TraceOutcome::Untraced(Arc::clone(reason)));
            continue;
        }
        let outcome = match tracer.trace(message).await {
            Ok(outcome) => {
                unanswered = 0;
                outcome
            }
            Err((failure, operation)) => {
                let reason = reason(&failure, operation);
                let is_unanswered = failure.kind.is_retryable();
                unanswered = if is_unanswered { unanswered + 1 } else { 0 };
                if is_general(&failure) || unanswered == MOST_UNANSWERED {
                    end = Some(Arc::clone(&reason));
                } else if failure.kind == FailureKind::Forbidden {
                    denied.insert(subject, Arc::clone(&reason));
                }
                TraceOutcome::Untraced(reason)
            }
        };
        outcomes.push(outcome);
    }
    TraceExamination {
        proofs: tracer.proofs,
        outcomes,
        calls: tracer.queries.calls + tracer.results.calls,
    }
}

/// A failure and the operation that failed.
type FailedCall = (Failure, &'static Operation);

struct Tracer<'a, A, P> {
    api: &'a A,
    queries: Asker<'a, P>,
    results: Asker<'a, P>,
    now: Timestamp,
    proofs: Vec<Proof>,
}

impl<A: Api, P: CallPacer> Tracer<'_, A, P> {
    async fn trace(&mut self, message: &TraceQuery) -> Result<TraceOutcome, FailedCall> {
        let Some(query_id) = self.start(message).await? else {
            let name = TRACE_QUERY.name();
            return Ok(untraced(format!("an answer of {name} has no QueryId")));
        };
        let parameters = vec![("QueryId", &*query_id), ("Topic", &*message.topic)];
        let call = Call::new(TRACE_RESULT, message.instance_id.as_deref(), parameters);
        for wait in WAITS {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let attempt = || self.api.attempt(call.clone(), "TraceData");
            let answer = self.results.ask(attempt).await;
            let Some(trace) = answer.map_err(|failure| (failure, TRACE_RESULT))? else {
                continue; // asked too early
            };
            match fields::text(&trace, "Status") {
                Some("finish") => return Ok(self.keep(&trace, message)),
                Some("removed") => {
                    return Ok(untraced("the gateway has removed the query".to_owned()));
                }
                _ => {}
            }
        }
        Ok(untraced(format!(
            "the query was not finished after {} s",
            WAITS.iter().sum::<u64>()
        )))
    }

    /// Starts a query; returns its ID.
    async fn start(&mut self, message: &TraceQuery) -> Result<Option<String>, FailedCall> {
        let (begin, end) = self.window(message.born_at);
        let [begin, end] = [begin, end].map(|time| time.as_millisecond().to_string());
        let parameters = vec![
            ("Topic", &*message.topic),
            ("MsgId", &*message.msg_id),
            ("BeginTime", &*begin),
            ("EndTime", &*end),
        ];
        let call = Call::new(TRACE_QUERY, message.instance_id.as_deref(), parameters);
        let attempt = || self.api.attempt(call.clone(), "QueryId");
        let answer = self.queries.ask(attempt).await;
        let answer = answer.map_err(|failure| (failure, TRACE_QUERY))?;
        let answer = serde_json::json!({ "QueryId": answer });
        Ok(fields::id(&answer, "QueryId"))
    }

    /// Returns the time in which the message was sent: a day, because the clock of the producer may be that of another time
    /// zone.
    fn window(&self, born_at: Option<Timestamp>) -> (Timestamp, Timestamp) {
        let Some(born_at) = born_at.filter(|born_at| *born_at <= self.now) else {
            let begin = self.now.saturating_sub(KEPT);
            return (begin.unwrap_or(self.now), self.now);
        };
        let begin = born_at.saturating_sub(AROUND).unwrap_or(born_at);
        let end = born_at.saturating_add(AROUND).unwrap_or(born_at);
        (begin, end.min(self.now))
    }

    /// Keeps what the clients have reported.
    fn keep(&mut self, trace: &Value, message: &TraceQuery) -> TraceOutcome {
        let name = TRACE_RESULT.name();
        let unreadable = || untraced(format!("an answer of {name} can't be read"));
        let Some(sends) = fields::list(trace.get("TraceList"), "TraceMapDo") else {
            return unreadable();
        };
        let before = self.proofs.len();
        for send in sends {
            let Some(groups) = fields::list(send.get("SubList"), "SubMapDo") else {
                return unreadable();
            };
            for group in groups {
                let Some(clients) = fields::list(group.get("ClientList"), "SubClientInfoDo") else {
                    return unreadable();
                };
                let proofs = clients
                    .into_iter()
                    .map(|client| proof(group, client, message));
                self.proofs.extend(proofs.flatten());
            }
        }
        if self.proofs.len() == before {
            TraceOutcome::NoReport
        } else {
            TraceOutcome::Reported
        }
    }
}

/// Returns what a client has reported about a delivery; `None` if it has reported neither success nor failure.
fn proof(group: &Value, client: &Value, message: &TraceQuery) -> Option<Proof> {
    let kind = match fields::text(client, "Status")? {
        "CONSUME_SUCCESS" => ProofKind::Succeeded,
        "CONSUME_FAILED" => ProofKind::Failed,
        _ => return None,
    };
    let name = fields::text(group, "SubGroupName").or_else(|| fields::text(client, "SubGroupName"));
    let begun = fields::time(client, "SubTime")?;
    let cost = SignedDuration::from_millis(fields::number(client, "CostTime").unwrap_or(0).max(0));
    Some(Proof {
        group: plain_name(name?, message.instance_id.as_deref()).into(),
        instance_id: message.instance_id.clone(),
        kind,
        key: Arc::clone(&message.msg_id),
        topic: Some(Arc::clone(&message.topic)),
        at: begun.saturating_add(cost).unwrap_or(begun),
        attempts: fields::count(client, "ReconsumeTimes")
            .map_or(0, |times| times.saturating_add(1)),
        host: fields::text(client, "ClientHost").map(Into::into),
        reason: None,
    })
}

fn untraced(reason: String) -> TraceOutcome {
    TraceOutcome::Untraced(reason.into())
}
