//! Lags, retry policies and retention.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{
    Endpoint, Fake, Made, Reply, RmqService, broken, paused, refused, success, time, unlimited,
};

fn names() -> (Arc<str>, Arc<str>) {
    ("GID_a".into(), "orders".into())
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_lag_is_that_of_the_topic() {
    let lag = |orders| success(&json!({"totalLag": {"readyCount": 9}, "topicLagMap": orders}));
    let unread = |what| {
        Some(format!(
            "an answer of GetConsumerGroupLag can't be read: {what}"
        ))
    };
    let nothing = "it says nothing about the topic";
    for (reply, expected, unknown) in [
        (lag(json!({"orders": {"readyCount": 0, "inflightCount": 0}, "other": {"readyCount": 7}})), (0, 0), None),
        (lag(json!({"orders": {"readyCount": "3", "inflightCount": 2, "deliveryDuration": 5}})), (3, 2), None),
        (lag(json!({"orders": {"readyCount": 3}})), (0, 0), unread("it has no inflightCount")),
        (lag(json!({"orders": {"readyCount": null, "inflightCount": 2}})), (0, 0), unread("it has no readyCount")),
        (lag(json!({"orders": {"readyCount": -1, "inflightCount": 0}})), (0, 0), unread("it has no readyCount")),
        (lag(json!({"orders": null})), (0, 0), unread(nothing)),
        (lag(json!({"Orders": {"readyCount": 0, "inflightCount": 0}})), (0, 0), unread(nothing)),
        (lag(json!({})), (0, 0), unread(nothing)),
        (lag(json!(null)), (0, 0), unread(nothing)),
        (success(&json!(null)), (0, 0), unread("it has no data")),
        (
            refused(403, "Forbidden.RAM"),
            (0, 0),
            Some("the access key lacks the RAM action rocketmq:GetConsumerGroupLag (Forbidden.RAM)".into()),
        ),
        (
            lag(json!([])),
            (0, 0),
            Some(
                "GetConsumerGroupLag was not answered in 5 attempts: HTTP 200: not an answer of GetConsumerGroupLag: its \
                 data has another shape"
                    .into(),
            ),
        ),
        (
            broken(),
            (0, 0),
            Some("GetConsumerGroupLag was not answered in 5 attempts: the connection broke".into()),
        ),
    ] {
        let fake = Fake::answering(|_| reply.clone());
        let (group, topic) = names();
        let instance = Arc::from("rmq-cn-i");
        let lag = paused(async {
            fake.service().lag(Some(&instance), (&group, &topic), &unlimited()).await
        });
        assert_eq!((lag.ready, lag.inflight), expected, "{reply:?}");
        assert_eq!(lag.unknown.as_deref(), unknown.as_deref());
        assert_eq!((lag.group, lag.topic, lag.instance_id), (group, topic, Some(instance)));
        assert_eq!(lag.at, time("2026-11-22T12:00:00.5Z"));
    }
    let fake = Fake::answering(|_| broken());
    let (group, topic) = names();
    paused(async {
        fake.service()
            .lag(None, (&group, &topic), &unlimited())
            .await
    });
    let made = fake.made.borrow();
    let asked = Made {
        operation: "GetConsumerGroupLag",
        names: vec!["rmq-cn-s".into(), "GID_a".into()],
        parameters: vec![("topicName", "orders".into())],
    };
    assert!(
        made.len() == 5 && made.iter().all(|made| *made == asked),
        "{made:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_retry_policy_says_where_dead_letters_go() {
    let policy = |fields| success(&json!({"consumeRetryPolicy": fields}));
    let unread = "an answer of GetConsumerGroup can't be read: it has no maxRetryTimes";
    for (reply, expected, unknown) in [
        (
            policy(json!({"maxRetryTimes": 16, "deadLetterTargetTopic": "DLQ"})),
            (16, Some("DLQ")),
            None,
        ),
        (
            policy(json!({"maxRetryTimes": "0", "deadLetterTargetTopic": ""})),
            (0, None),
            None,
        ),
        (
            policy(json!({"maxRetryTimes": 3, "deadLetterTargetTopic": null})),
            (3, None),
            None,
        ),
        (policy(json!({"maxRetryTimes": 3})), (3, None), None),
        (
            policy(json!({"deadLetterTargetTopic": "DLQ"})),
            (0, None),
            Some(unread),
        ),
        (
            policy(json!({"maxRetryTimes": -1})),
            (0, None),
            Some(unread),
        ),
        (
            policy(json!({"maxRetryTimes": 4_294_967_296_u64})),
            (0, None),
            Some(unread),
        ),
        (policy(json!(null)), (0, None), Some(unread)),
        (success(&json!({})), (0, None), Some(unread)),
        (
            refused(403, "NoPermission"),
            (0, None),
            Some("the access key lacks the RAM action rocketmq:GetConsumerGroup (NoPermission)"),
        ),
    ] {
        let fake = Fake::answering(|_| reply.clone());
        let (group, _) = names();
        let policy = paused(async {
            fake.service()
                .retry_policy(None, &group, &unlimited())
                .await
        });
        assert_eq!(
            (policy.max_retries, policy.dead_letter_topic.as_deref()),
            expected,
            "{reply:?}"
        );
        assert_eq!(policy.unknown.as_deref(), unknown);
        assert_eq!((policy.group, policy.instance_id), (group, None));
        let made = &fake.made.borrow()[0];
        assert_eq!(
            (made.operation, made.names.join("/")),
            ("GetConsumerGroup", "rmq-cn-s/GID_a".into())
        );
    }
}

fn retention(reply: &Reply) -> Result<Duration, Arc<str>> {
    let fake = Fake::answering(|_| reply.clone());
    paused(async { fake.service().retention(None, &unlimited()).await })
}

#[test]
fn retention_is_a_number_of_hours() {
    let hours = |hours| success(&json!({"productInfo": {"messageRetentionTime": hours}}));
    let unread = "an answer of GetInstance can't be read: it has no messageRetentionTime";
    for (reply, expected) in [
        (hours(json!(70)), Ok(70)),
        (hours(json!("72")), Ok(72)),
        (hours(json!(0)), Err(unread)),
        (hours(json!(u64::MAX)), Err(unread)),
        (hours(json!(null)), Err(unread)),
        (success(&json!({"productInfo": null})), Err(unread)),
        (success(&json!({})), Err(unread)),
        (
            refused(403, "Forbidden.RAM"),
            Err("the access key lacks the RAM action rocketmq:GetInstance (Forbidden.RAM)"),
        ),
        (
            refused(404, "Instance.NotFound"),
            Err("GetInstance was refused: Instance.NotFound: it is so"),
        ),
    ] {
        let found = retention(&reply);
        let expected = expected.map(|hours| Duration::from_secs(hours * 3600));
        assert_eq!(
            found.as_ref().copied().map_err(|reason| &**reason),
            expected
        );
    }
}

#[test]
fn without_an_instance_nothing_is_asked() {
    let fake = Fake::answering(|_| broken());
    let endpoint = Endpoint::parse("rmq://cn-hangzhou", false).unwrap();
    let service = RmqService::new(&fake, &endpoint);
    let (group, topic) = names();
    let reason = "neither the row nor the source names an instance";
    paused(async {
        let lag = service.lag(None, (&group, &topic), &unlimited()).await;
        assert_eq!(lag.unknown.as_deref(), Some(reason));
        let policy = service.retry_policy(None, &group, &unlimited()).await;
        assert_eq!(policy.unknown.as_deref(), Some(reason));
        let retention = service.retention(None, &unlimited()).await;
        assert_eq!(retention.unwrap_err().as_ref(), reason);
        let instance = Arc::from(".");
        let lag = service
            .lag(Some(&instance), (&group, &topic), &unlimited())
            .await;
        let says = "GetConsumerGroupLag was refused: no call can ask about the name `.`";
        assert_eq!(lag.unknown.as_deref(), Some(says));
    });
    assert_eq!(fake.operations().len(), 0);
}
