//! Which calls an answer takes, and what comes of errors.

use std::cell::Cell;
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Endpoint, Fake, Made, Reply, RmqService, broken, paused, query, refused, subscribed, success,
    time, traced, unlimited, words,
};
use crate::engine::Pacer;
use crate::message::Query;
use crate::source::{FailureKind, TraceSource as _};

const TRACE: &str = "GetTrace";
const DETAIL: &str = "GetMessageDetail";
const SUBSCRIPTIONS: &str = "ListTopicSubscriptions";

/// Answers each operation with its reply.
fn service(trace: Reply, detail: Reply, subscriptions: Reply) -> Fake<impl Fn(&Made) -> Reply> {
    Fake::answering(move |made| match made.operation {
        TRACE => trace.clone(),
        DETAIL => detail.clone(),
        SUBSCRIPTIONS => subscriptions.clone(),
        other => panic!("{other}"),
    })
}

/// A message that is stored.
fn stored() -> Reply {
    let detail = json!({"messageType": "NORMAL", "messageTag": "paid", "storeTime": "2026-11-22 12:00:00",
        "bornTime": "2026-11-22 11:59:58", "body": "c2VjcmV0"});
    success(&detail)
}

fn forbidden() -> Reply {
    let body = r#"{"RequestId":"r","Code":"Forbidden.RAM","Message":"User not authorized"}"#;
    Reply::Body(403, body.into())
}

#[test]
fn a_traced_message_takes_two_calls() {
    let consumers = json!([{"consumerGroupId": "A", "consumeStatus": "SUCCESS"}]);
    let fake = service(traced(&consumers), broken(), subscribed(&["A", "B"]));
    assert_eq!(
        words(&fake.trace(&query()).unwrap()),
        "A=SUCCESS B=NO_RECORD"
    );
    let made = fake.made.borrow();
    let names = |made: &Made| made.names.join("/");
    assert_eq!(
        made.iter()
            .map(|made| (made.operation, names(made)))
            .collect::<Vec<_>>(),
        [
            (
                TRACE,
                "rmq-cn-i/orders/01DA97D4F2A81B0A5C06F5B7E300000000".to_owned()
            ),
            (SUBSCRIPTIONS, "rmq-cn-i/orders".to_owned()),
        ]
    );
    assert!(made.iter().all(|made| made.parameters.is_empty()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_message_without_a_trace_is_confirmed() {
    let none = || refused(404, "Message.NotFound");
    let consumers =
        json!({"consumerInfos": [{"consumerGroupId": "A", "consumeStatus": "SUCCESS"}]});
    let all = || subscribed(&["A", "B"]);
    for (trace, detail, expected) in [
        (none(), stored(), "A=NO_RECORD B=NO_RECORD"),
        (
            refused(200, "Message.NotFound"),
            stored(),
            "A=NO_RECORD B=NO_RECORD",
        ),
        (success(&json!({})), stored(), "A=NO_RECORD B=NO_RECORD"),
        (success(&json!(null)), stored(), "A=NO_RECORD B=NO_RECORD"),
        (
            success(&json!({"messageInfo": {}})),
            stored(),
            "A=NO_RECORD B=NO_RECORD",
        ),
        (
            success(&json!({"messageInfo": {"messageId": null}})),
            stored(),
            "A=NO_RECORD B=NO_RECORD",
        ),
        (success(&consumers), stored(), "A=SUCCESS B=NO_RECORD"),
        // It exists no more, but was consumed.
        (success(&consumers), none(), "A=SUCCESS B=UNCONFIRMED"),
        // Nobody can tell.
        (none(), forbidden(), "A=UNCONFIRMED B=UNCONFIRMED"),
        (none(), refused(400, "Odd"), "A=UNCONFIRMED B=UNCONFIRMED"),
        (
            none(),
            refused(404, "InvalidAction.NotFound"),
            "A=UNCONFIRMED B=UNCONFIRMED",
        ),
        (none(), success(&json!(null)), "A=UNCONFIRMED B=UNCONFIRMED"),
        (none(), success(&json!({})), "A=UNCONFIRMED B=UNCONFIRMED"),
        (
            none(),
            success(&json!({"body": null})),
            "A=UNCONFIRMED B=UNCONFIRMED",
        ),
        (success(&consumers), forbidden(), "A=SUCCESS B=UNCONFIRMED"),
        // An answer with any field is about the message.
        (
            none(),
            success(&json!({"messageId": "01DA"})),
            "A=NO_RECORD B=NO_RECORD",
        ),
    ] {
        let fake = service(trace.clone(), detail.clone(), all());
        let trace = fake
            .trace(&query())
            .unwrap_or_else(|failure| panic!("{trace:?} {detail:?}: {failure:?}"));
        assert_eq!(words(&trace), expected, "{detail:?}");
        assert_eq!(fake.operations(), [TRACE, DETAIL, SUBSCRIPTIONS]);
    }
    let trace = service(none(), stored(), all()).trace(&query()).unwrap();
    assert_eq!(trace.available_at, Some(time("2026-11-22T04:00:00Z")));
    assert_eq!(trace.born_at, Some(time("2026-11-22T03:59:58Z")));
    let unconfirmed = service(none(), forbidden(), all()).trace(&query()).unwrap();
    assert_eq!(
        (unconfirmed.available_at, unconfirmed.unlisted),
        (None, None)
    );
}

#[test]
fn failures_are_those_of_the_calls() {
    use FailureKind::{Expired, Fatal, Forbidden, NotFound, Refused, Server, Throttled, Transport};
    let none = || refused(404, "Message.NotFound");
    let unused = || refused(404, "unused");
    for (trace, detail, kind, calls) in [
        (none(), none(), NotFound, 2),
        (none(), refused(404, "Topic.NotFound"), NotFound, 2),
        (refused(404, "Topic.NotFound"), unused(), NotFound, 1),
        (refused(404, "Instance.NotFound"), unused(), Fatal, 1),
        (
            refused(400, "InvalidAccessKeyId.NotFound"),
            unused(),
            Fatal,
            1,
        ),
        (refused(404, "Odd"), unused(), Server, 1),
        (refused(400, "InvalidParameter"), unused(), Refused, 1),
        (refused(400, "Throttling.User"), unused(), Throttled, 1),
        (forbidden(), unused(), Forbidden, 1),
        (broken(), unused(), Transport, 1),
        // All is asked again.
        (none(), broken(), Transport, 2),
        (none(), refused(400, "Throttling.User"), Throttled, 2),
        (none(), refused(503, "ServiceUnavailable"), Server, 2),
        (none(), Reply::Body(404, "<html>".into()), Server, 2),
        (
            none(),
            refused(400, "InvalidSecurityToken.Expired"),
            Expired,
            2,
        ),
    ] {
        let fake = service(trace.clone(), detail.clone(), broken());
        let failure = fake.trace(&query()).unwrap_err();
        assert_eq!(failure.kind, kind, "{trace:?} {detail:?}");
        assert_eq!(fake.operations().len(), calls);
    }
}

#[test]
fn a_missing_permission_names_the_topic() {
    let failure = service(forbidden(), broken(), broken())
        .trace(&query())
        .unwrap_err();
    assert_eq!(
        failure.hint.as_deref(),
        Some(
            "grant the RAM user rocketmq:GetTrace on acs:rocketmq:cn-hangzhou:ACCOUNT:instance/rmq-cn-i/topic/orders, or \
             leave that topic out"
        )
    );
}

#[test]
fn without_an_instance_or_with_a_dot_as_name_nothing_is_asked() {
    let fake = service(broken(), broken(), broken());
    let endpoint = Endpoint::parse("rmq://cn-hangzhou", false).unwrap();
    let without = RmqService::new(&fake, &endpoint);
    let nameless = Query {
        instance_id: None,
        ..query()
    };
    let failure = paused(without.trace(&nameless, &unlimited())).unwrap_err();
    assert_eq!(
        (failure.kind, failure.code.as_deref()),
        (FailureKind::Refused, Some("MissingInstanceId"))
    );
    assert!(failure.hint.unwrap().contains("rmq://REGION/INSTANCE_ID"));
    assert!(
        without
            .answer_locally(&nameless, true)
            .is_some_and(|answer| answer.is_err())
    );
    assert!(without.answer_locally(&query(), true).is_none());
    for name in [".", "..", ""] {
        let query = Query {
            topic: name.into(),
            ..query()
        };
        let failure = fake.trace(&query).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(fake.service().answer_locally(&query, false).is_some());
    }
    assert_eq!(fake.operations().len(), 0);
}

#[test]
fn the_instance_of_the_source_stands_in() {
    let fake = service(traced(&json!([])), broken(), subscribed(&[]));
    fake.trace(&Query {
        instance_id: None,
        ..query()
    })
    .unwrap();
    assert!(
        fake.made
            .borrow()
            .iter()
            .all(|made| made.names[0] == "rmq-cn-s")
    );
}

#[test]
fn times_are_sent_if_the_born_time_is_known() {
    for (born, window) in [
        (
            Some("2026-11-21T16:00:00.9Z"),
            Some(["2026-11-21 00:00:00", "2026-11-22 20:00:00"]),
        ),
        (
            Some("2026-11-22T12:00:00Z"),
            Some(["2026-11-21 20:00:00", "2026-11-22 20:00:00"]),
        ),
        // A clock is wrong, and nobody knows which.
        (Some("2026-11-22T12:00:01Z"), None),
        (None, None),
    ] {
        let fake = service(traced(&json!([])), broken(), subscribed(&[]));
        fake.trace(&Query {
            born_after: born.map(time),
            send_result: None,
            ..query()
        })
        .unwrap();
        let made = &fake.made.borrow()[0];
        let window = window
            .map(|[start, end]| [("startTime", start.to_owned()), ("endTime", end.to_owned())]);
        assert_eq!(
            made.parameters,
            window.into_iter().flatten().collect::<Vec<_>>(),
            "{born:?}"
        );
    }
}

#[test]
fn subscribers_are_asked_for_once_for_each_topic() {
    let fake = Fake::answering(|made| match made.operation {
        TRACE => traced(&json!([])),
        _ => subscribed(&[&made.names[1]]),
    });
    paused(async {
        let service = fake.service();
        let queries: Vec<Query> = (0..40)
            .map(|nth| Query {
                topic: format!("topic-{}", nth % 3).into(),
                instance_id: Some(format!("rmq-cn-{}", nth % 2).into()),
                ..query()
            })
            .collect();
        let pacer = unlimited();
        let answers = join_all(queries.iter().map(|query| service.trace(query, &pacer))).await;
        for (answer, query) in answers.into_iter().zip(&queries) {
            assert_eq!(
                words(&answer.unwrap()),
                format!("{}=NO_RECORD", query.topic)
            );
        }
    });
    let asked = fake.operations();
    assert_eq!(
        asked.iter().filter(|name| **name == SUBSCRIPTIONS).count(),
        6
    );
    assert_eq!(asked.len(), 46);
}

/// Whoever asks may be stopped. Then the next one asks.
#[test]
fn a_query_that_is_given_up_leaves_its_question_to_others() {
    let fake = service(traced(&json!([])), broken(), subscribed(&["A"]));
    paused(async {
        let service = fake.service();
        let (pacer, query) = (unlimited(), query());
        let soon = Duration::from_millis(15);
        let given_up = tokio::time::timeout(soon, service.trace(&query, &pacer)).await;
        assert!(given_up.is_err());
        assert_eq!(
            words(&service.trace(&query, &pacer).await.unwrap()),
            "A=NO_RECORD"
        );
    });
    assert_eq!(fake.operations(), [TRACE, TRACE, SUBSCRIPTIONS]);
}

#[test]
fn subscribers_that_cannot_be_listed_are_a_reason() {
    let consumers = json!([{"consumerGroupId": "A", "consumeStatus": "SUCCESS"}]);
    for (subscriptions, reason, attempts) in [
        (
            forbidden(),
            "the access key lacks the RAM action rocketmq:ListTopicSubscriptions (Forbidden.RAM)",
            1,
        ),
        (
            refused(404, "InvalidAction.NotFound"),
            "the gateway does not serve ListTopicSubscriptions (InvalidAction.NotFound)",
            1,
        ),
        (
            refused(200, "Odd"),
            "ListTopicSubscriptions was refused: Odd: it is so",
            1,
        ),
        (
            broken(),
            "ListTopicSubscriptions was not answered in 5 attempts: the connection broke",
            5,
        ),
        (
            refused(400, "Throttling.User"),
            "ListTopicSubscriptions was throttled 10 times in a row (Throttling.User)",
            10,
        ),
        (
            success(&json!(null)),
            "an answer of ListTopicSubscriptions has no data",
            1,
        ),
        (
            success(&json!({"list": []})),
            "ListTopicSubscriptions was not answered in 5 attempts: HTTP 200: not an answer of ListTopicSubscriptions: its \
             data has another shape",
            5,
        ),
    ] {
        let fake = service(traced(&consumers), broken(), subscriptions);
        paused(async {
            let service = fake.service();
            for _ in 0..3 {
                let trace = service.trace(&query(), &unlimited()).await.unwrap();
                assert_eq!(words(&trace), "A=SUCCESS");
                assert_eq!(trace.unlisted.as_deref(), Some(reason));
            }
        });
        assert_eq!(fake.operations().len(), 3 + attempts, "{reason}");
    }
}

/// Asks about a message at these minutes, while the list of subscribers cannot be read (`true`) or can. Returns whether each
/// answer had it, and how many calls the lists took.
fn lists(kept_for: Option<i64>, asked: &[(i64, bool)]) -> (Vec<bool>, usize) {
    let is_down = Cell::new(true);
    let minutes = Cell::new(0);
    let fake = Fake::answering(|made| match made.operation {
        TRACE => traced(&json!([])),
        _ if is_down.get() => broken(),
        _ => subscribed(&["A"]),
    });
    let fake = Later {
        fake,
        minutes: &minutes,
    };
    let found = paused(async {
        let endpoint = Endpoint::parse("rmq://cn-hangzhou", false).unwrap();
        let mut service = RmqService::new(&fake, &endpoint);
        if let Some(kept_for) = kept_for {
            service = service.keeping_subscribers_for(SignedDuration::from_mins(kept_for));
        }
        let mut found = Vec::new();
        for (now, down) in asked {
            minutes.set(*now);
            is_down.set(*down);
            let trace = service.trace(&query(), &unlimited()).await.unwrap();
            assert_eq!(trace.tracks.is_empty(), trace.unlisted.is_some());
            found.push(trace.unlisted.is_none());
        }
        found
    });
    let operations = fake.fake.operations();
    let lists = operations.iter().filter(|name| **name == SUBSCRIPTIONS);
    (found, lists.count())
}

#[test]
fn a_service_that_did_not_answer_is_asked_again_later() {
    let asked = [(0, true), (1, false), (4, false), (5, false), (60, true)];
    let found = vec![false, false, false, true, true];
    assert_eq!(lists(None, &asked), (found, 6));
}

#[test]
fn subscribers_may_be_kept_for_a_time_only() {
    let asked = [(0, false), (1, false), (2, true), (3, false), (4, false)];
    let found = vec![true, true, false, false, true];
    assert_eq!(lists(Some(2), &asked), (found, 7));
}

/// A service whose clock the test advances.
struct Later<'m, F> {
    fake: Fake<F>,
    minutes: &'m Cell<i64>,
}

impl<F: Fn(&Made) -> Reply> super::Api for &Later<'_, F> {
    fn now(&self) -> jiff::Timestamp {
        (&self.fake).now() + SignedDuration::from_mins(self.minutes.get())
    }

    async fn attempt<T>(
        &self,
        call: super::Call<'_>,
        parse: impl FnOnce(u16, &[u8], &super::Redactor) -> Result<T, super::Failure>,
    ) -> Result<T, super::Failure> {
        (&self.fake).attempt(call, parse).await
    }
}

/// The first call has its turn from the engine; every other call waits for its own.
#[test]
fn every_other_call_waits_for_its_turn() {
    let fake = service(
        refused(404, "Message.NotFound"),
        stored(),
        subscribed(&["A"]),
    );
    paused(async {
        let pacer = Pacer::new("1/s".parse().unwrap(), std::num::NonZeroU32::MIN);
        pacer.turn().await; // that of the first call
        let begun = Instant::now();
        fake.service().trace(&query(), &pacer).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_millis(2010));
    });
}

#[test]
fn throttled_calls_slow_the_run_down() {
    let throttled = Cell::new(0);
    let fake = Fake::answering(|made| match made.operation {
        TRACE => traced(&json!([])),
        _ if throttled.get() < 2 => {
            throttled.set(throttled.get() + 1);
            refused(400, "Throttling.User")
        }
        _ => subscribed(&["A"]),
    });
    paused(async {
        let pacer = Pacer::new("5/s".parse().unwrap(), std::num::NonZeroU32::MIN);
        pacer.turn().await;
        let trace = fake.service().trace(&query(), &pacer).await.unwrap();
        assert_eq!(words(&trace), "A=NO_RECORD");
        assert!(pacer.slowed_to().is_some_and(|pace| pace < 5.0));
    });
    assert_eq!(
        fake.operations(),
        [TRACE, SUBSCRIPTIONS, SUBSCRIPTIONS, SUBSCRIPTIONS]
    );
}

/// The key can be renewed no more: the message is not settled, and a later run asks about it.
#[test]
fn an_expired_key_leaves_the_message_open() {
    let expired = refused(400, "InvalidSecurityToken.Expired");
    let fake = service(traced(&json!([])), broken(), expired);
    let failure = fake.trace(&query()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Expired);
}

#[test]
fn bodies_of_messages_are_not_kept() {
    let fake = service(success(&json!({})), stored(), subscribed(&["A"]));
    let trace = fake.trace(&query()).unwrap();
    assert!(!format!("{trace:?}").contains("c2VjcmV0"));
    let with_body: Value = json!({"messageInfo": {"body": "c2VjcmV0", "messageTag": "paid"}});
    let trace = service(success(&with_body), broken(), subscribed(&["A"]))
        .trace(&query())
        .unwrap();
    assert!(!format!("{trace:?}").contains("c2VjcmV0"));
}
