//! Queries for traces: windows, polls, proofs, and messages that cannot be traced.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::traces::examine;
use super::super::{TraceOutcome, TraceQuery};
use super::{Fake, Made, refusal, time, unlimited};
use crate::engine::Pacer;
use crate::evidence::ProofKind;
use crate::source::Failure;
use crate::source::ons::LastCall;

const NOW: &str = "2026-11-22T00:00:00Z";
const BORN: &str = "2026-11-21T03:00:00Z";

fn query(topic: &str, msg_id: &str) -> TraceQuery {
    TraceQuery {
        instance_id: Some("MQ_INST_1".into()),
        topic: topic.into(),
        msg_id: msg_id.into(),
        born_at: Some(time(BORN)),
    }
}

fn now() -> Timestamp {
    time(NOW)
}

fn started() -> Value {
    json!("Q-7")
}

/// Answers every query with this trace.
fn tracing(trace: Value) -> impl Fn(&Made) -> Result<Option<Value>, Failure> {
    move |made| match made.action {
        "OnsTraceQueryByMsgId" => Ok(Some(started())),
        _ => Ok(Some(trace.clone())),
    }
}

fn finished(groups: &Value) -> Value {
    json!({"Status": "finish", "TraceList": {"TraceMapDo": [
        {"MsgId": "0A", "Status": "SEND_SUCCESS", "SubList": {"SubMapDo": groups}},
    ]}})
}

fn untraced(reason: &str) -> TraceOutcome {
    TraceOutcome::Untraced(reason.into())
}

#[tokio::test(start_paused = true)]
async fn what_clients_reported_becomes_proofs_of_their_groups() {
    let client = |status: &str| {
        json!({"ClientHost": "10.0.0.7", "SubGroupName": "GID_other", "SubTime": 1_763_700_000_000_i64, "CostTime": 25,
            "ReconsumeTimes": 1, "Status": status})
    };
    let groups = json!([
        {"SubGroupName": "GID_a", "SuccessCount": 1, "FailCount": 1,
         "ClientList": {"SubClientInfoDo": [client("CONSUME_FAILED"), client("CONSUME_SUCCESS")]}},
        {"SubGroupName": "MQ_INST_1%GID_b", "ClientList": {"SubClientInfoDo": client("CONSUME_SUCCESS")}},
        {"SubGroupName": "GID_c", "ClientList": {"SubClientInfoDo": [client("CONSUME_NOT_RETURN"), client("SEND_UNKNOWN")]}},
        {"SubGroupName": "GID_d", "ClientList": ""},
    ]);
    let api = Fake::answering(tracing(finished(&groups)));
    let traces = examine(
        &api,
        &[query("orders", "0A")],
        (now(), LastCall::AT_ANY_TIME),
        &unlimited(),
    )
    .await;
    let found: Vec<_> = traces
        .proofs
        .iter()
        .map(|proof| (&*proof.group, proof.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("GID_a", ProofKind::Failed),
            ("GID_a", ProofKind::Succeeded),
            ("GID_b", ProofKind::Succeeded)
        ]
    );
    let proof = &traces.proofs[0];
    assert_eq!(&*proof.key, "0A");
    assert_eq!(proof.topic.as_deref(), Some("orders"));
    assert_eq!(proof.host.as_deref(), Some("10.0.0.7"));
    assert_eq!(proof.at.as_millisecond(), 1_763_700_000_025);
    assert_eq!(proof.attempts, 2);
    assert_eq!(traces.outcomes, [TraceOutcome::Reported]);
    assert_eq!(traces.calls, 2);
}

#[tokio::test(start_paused = true)]
async fn the_query_is_about_a_day_around_the_born_time() {
    for (born_at, begin, end) in [
        (
            Some("2026-11-21T03:00:00Z"),
            "2026-11-20T15:00:00Z",
            "2026-11-21T15:00:00Z",
        ),
        (Some("2026-11-21T20:00:00Z"), "2026-11-21T08:00:00Z", NOW),
        (Some("2026-12-01T00:00:00Z"), "2026-11-19T00:00:00Z", NOW),
        (None, "2026-11-19T00:00:00Z", NOW),
    ] {
        let api = Fake::answering(tracing(finished(&json!([]))));
        let message = TraceQuery {
            born_at: born_at.map(time),
            ..query("orders", "0A")
        };
        examine(
            &api,
            &[message],
            (now(), LastCall::AT_ANY_TIME),
            &unlimited(),
        )
        .await;
        let made = api.made();
        assert_eq!(made[0].number("BeginTime"), time(begin).as_millisecond());
        assert_eq!(made[0].number("EndTime"), time(end).as_millisecond());
        assert_eq!(made[0].get("MsgId"), Some("0A"));
        assert_eq!(made[0].instance.as_deref(), Some("MQ_INST_1"));
        assert_eq!(made[1].get("QueryId"), Some("Q-7"));
        assert_eq!(made[1].get("Topic"), Some("orders"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_working_query_is_asked_again_until_it_is_finished() {
    for early in [Some(json!({"Status": "working"})), None] {
        let polls = Cell::new(0);
        let api = Fake::answering(|made| match (made.action, polls.get()) {
            ("OnsTraceQueryByMsgId", _) => Ok(Some(started())),
            (_, 3) => Ok(Some(finished(&json!([])))),
            (_, before) => {
                polls.set(before + 1);
                Ok(early.clone())
            }
        });
        let start = Instant::now();
        let traces = examine(
            &api,
            &[query("orders", "0A")],
            (now(), LastCall::AT_ANY_TIME),
            &unlimited(),
        )
        .await;
        assert_eq!(traces.outcomes, [TraceOutcome::NoReport]);
        assert_eq!(traces.calls, 5);
        assert_eq!(start.elapsed(), Duration::from_secs(8));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_traced_says_why() {
    for (answer, outcome) in [
        (
            json!({"Status": "working"}),
            untraced("the query was not finished after 60 s"),
        ),
        (
            json!({"Status": "removed"}),
            untraced("the gateway has removed the query"),
        ),
        (
            json!({"Status": "finish", "TraceList": "?"}),
            untraced("an answer of OnsTraceGetResult can't be read"),
        ),
        (json!({"Status": "finish"}), TraceOutcome::NoReport),
        (
            json!({"Status": "finish", "TraceList": ""}),
            TraceOutcome::NoReport,
        ),
    ] {
        let api = Fake::answering(tracing(answer));
        let traces = examine(
            &api,
            &[query("orders", "0A")],
            (now(), LastCall::AT_ANY_TIME),
            &unlimited(),
        )
        .await;
        assert_eq!(traces.outcomes, [outcome]);
        assert_eq!(traces.proofs, []);
    }
    let api = Fake::answering(|_| Ok(None));
    let traces = examine(
        &api,
        &[query("orders", "0A")],
        (now(), LastCall::AT_ANY_TIME),
        &unlimited(),
    )
    .await;
    let reason = "an answer of OnsTraceQueryByMsgId has no QueryId";
    assert_eq!(traces.outcomes, [untraced(reason)]);
}

#[tokio::test(start_paused = true)]
async fn a_denied_topic_is_asked_once() {
    let api = Fake::answering(|made| match (made.action, made.get("Topic")) {
        ("OnsTraceQueryByMsgId", Some("orders")) => Err(refusal("Forbidden.RAM")),
        ("OnsTraceQueryByMsgId", _) => Ok(Some(started())),
        _ => Err(refusal("NoPermission")),
    });
    let messages = ["orders", "orders", "payments"].map(|topic| query(topic, "0A"));
    let traces = examine(
        &api,
        &messages,
        (now(), LastCall::AT_ANY_TIME),
        &unlimited(),
    )
    .await;
    let denied = untraced("the access key lacks the RAM action mq:QueryTrace (Forbidden.RAM)");
    let result = untraced("the access key lacks the RAM action mq:GetTraceResult (NoPermission)");
    assert_eq!(traces.outcomes, [denied.clone(), denied, result]);
    assert_eq!(traces.calls, 3);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_not_served_is_asked_once() {
    let api = Fake::answering(|_| Err(refusal("InvalidAction.NotFound")));
    let messages = ["0A", "0B", "0C"].map(|id| query("orders", id));
    let traces = examine(
        &api,
        &messages,
        (now(), LastCall::AT_ANY_TIME),
        &unlimited(),
    )
    .await;
    let reason = "the gateway does not serve OnsTraceQueryByMsgId (InvalidAction.NotFound)";
    assert_eq!(traces.outcomes, [reason; 3].map(untraced));
    assert_eq!(traces.calls, 1);
}

#[tokio::test(start_paused = true)]
async fn only_queries_keep_the_pace() {
    let api = Fake::answering(tracing(finished(&json!([]))));
    let pacer = Pacer::new("24/m".parse().unwrap(), std::num::NonZeroU32::MIN);
    let messages: Vec<_> = (0..5)
        .map(|nth| query("orders", &format!("{nth}")))
        .collect();
    let start = Instant::now();
    examine(&api, &messages, (now(), LastCall::AT_ANY_TIME), &pacer).await;
    assert_eq!(start.elapsed(), Duration::from_secs(4 * 60 / 24 + 1));
}
