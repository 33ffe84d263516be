//! Tracks: what the trace says about a group, and what follows from a subscription.

use serde_json::{Value, json};

use super::{Fake, Made, Reply, query, refused, success, time, traced, words};
use crate::evidence::Deliveries;
use crate::source::{FailureKind, Trace};

/// Answers with this trace and these subscriptions.
fn service(trace: Reply, subscriptions: Reply) -> Fake<impl Fn(&Made) -> Reply> {
    Fake::answering(move |made| match made.operation {
        "GetTrace" => trace.clone(),
        "ListTopicSubscriptions" => subscriptions.clone(),
        _ => refused(404, "Message.NotFound"),
    })
}

/// Returns the answer about a message with these consumers, without any subscription.
fn answer(consumers: &Value) -> Trace {
    let fake = service(traced(consumers), success(&json!([])));
    fake.trace(&query()).unwrap()
}

fn deliveries(trace: &Trace) -> &Deliveries {
    trace.tracks[0].deliveries.as_deref().unwrap()
}

#[test]
fn a_group_has_the_word_of_the_trace() {
    let delivery = |status: Value, at: &str| json!({"consumeStatus": status, "operations": [{"operateTime": at}]});
    for (consumers, expected) in [
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "SUCCESS"}]),
            "G=SUCCESS",
        ),
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "Odd Word!"}]),
            "G=Odd Word!",
        ),
        // The newest record speaks for a group without a word, wherever it stands.
        (
            json!([{"consumerGroupId": "G", "records": [
                delivery(json!("SUCCESS"), "2026-11-22 12:00:02"), delivery(json!("FAILED"), "2026-11-22 12:00:01")]}]),
            "G=SUCCESS",
        ),
        (
            json!([{"consumerGroupId": "G", "records": [
                {"consumeStatus": "FAILED"}, {"consumeStatus": "SUCCESS"}]}]),
            "G=SUCCESS",
        ),
        (
            json!([{"consumerGroupId": "G", "records": [delivery(Value::Null, "2026-11-22 12:00:02")]}]),
            "G=UNKNOWN",
        ),
        (json!([{"consumerGroupId": "G"}]), "G=UNKNOWN"),
        (
            json!([{"consumerGroupId": "G", "consumeStatus": " "}]),
            "G=UNKNOWN",
        ),
        // Entries of one group are one group; if their words differ, its newest record decides.
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "SUCCESS"}, null,
                {"consumerGroupId": "A", "consumeStatus": "FAILED"},
                {"consumerGroupId": " G ", "consumeStatus": "SUCCESS"}]),
            "A=FAILED G=SUCCESS",
        ),
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "FAILED"},
                {"consumerGroupId": "G", "consumeStatus": "SUCCESS", "records": [
                    delivery(json!("CONSUMING"), "2026-11-22 12:00:02")]}]),
            "G=CONSUMING",
        ),
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "FAILED"},
                {"consumerGroupId": "G", "consumeStatus": "SUCCESS"}]),
            "G=UNKNOWN",
        ),
        // A word that repeats the key does not show it.
        (
            json!([{"consumerGroupId": "G", "consumeStatus": "by LTAI5tExampleKey1234"}]),
            "G=by ***",
        ),
        (json!(null), ""),
        (json!([]), ""),
        (json!([null]), ""),
    ] {
        assert_eq!(words(&answer(&consumers)), expected, "{consumers}");
    }
}

#[test]
fn records_keep_their_order_and_the_time_of_their_last_operation() {
    let trace = answer(&json!([{"consumerGroupId": "G", "records": [
        {"consumeStatus": "FAILED", "clientHost": "10.0.0.2", "operations": [
            {"operateTime": "2026-11-22 12:00:09"}, null, {"operateTime": "2026-11-22 12:00:02"}]},
        null,
        {"consumeStatus": null, "clientHost": "", "operations": null},
        {"consumeStatus": "SUCCESS", "clientHost": 7, "operations": [{"operateTime": 1_795_305_600_125_i64}]}
    ]}]));
    let found: Vec<_> = deliveries(&trace)
        .records
        .iter()
        .map(|record| (&*record.status, record.at, record.host.as_deref()))
        .collect();
    let expected = [
        (
            "FAILED",
            Some(time("2026-11-22T04:00:09Z")),
            Some("10.0.0.2"),
        ),
        ("", None, None),
        ("SUCCESS", Some(time("2026-11-22T00:00:00.125Z")), Some("7")),
    ];
    assert_eq!(found, expected);
    assert_eq!(deliveries(&trace).dead_letter, None);
}

#[test]
fn dead_letters_are_found_wherever_the_trace_says_so() {
    let dead_step = json!([{"operations": [
        {"operateTime": "2026-11-22 12:00:03", "deadMessage": true}, {"operateTime": "2026-11-22 12:00:04"}]}]);
    for (fields, expected) in [
        (json!({"deadMessage": true}), Some((None, None))),
        (json!({"deadMessage": "true"}), Some((None, None))),
        (json!({"deadMessage": 1}), Some((None, None))),
        (
            json!({"deadMessage": true, "deadLetterInfo": {"toDlqTime": "2026-11-22 12:00:05", "topicName": "DLQ"}}),
            Some((Some("2026-11-22T04:00:05Z"), Some("DLQ"))),
        ),
        (
            json!({"records": dead_step}),
            Some((Some("2026-11-22T04:00:03Z"), None)),
        ),
        (
            json!({"deadMessage": false, "records": dead_step}),
            Some((Some("2026-11-22T04:00:03Z"), None)),
        ),
        (
            json!({"records": dead_step, "deadLetterInfo": {"toDlqTime": "2026-11-22 12:00:05"}}),
            Some((Some("2026-11-22T04:00:05Z"), None)),
        ),
        (
            json!({"records": dead_step, "deadLetterInfo": {"toDlqTime": "soon"}}),
            Some((Some("2026-11-22T04:00:03Z"), None)),
        ),
        (
            json!({"deadLetterInfo": {"messageId": "7F"}}),
            Some((None, None)),
        ),
        (
            json!({"deadLetterInfo": {"toDlqTime": "soon"}}),
            Some((None, None)),
        ),
        (
            json!({"deadMessage": "odd", "deadLetterInfo": {"messageId": "7F"}}),
            Some((None, None)),
        ),
        (
            json!({"deadMessage": false, "deadLetterInfo": {"messageId": "7F"}}),
            None,
        ),
        (json!({"deadLetterInfo": {"topicName": "DLQ"}}), None),
        (
            json!({"deadLetterInfo": {"messageId": null, "toDlqTime": ""}}),
            None,
        ),
        (json!({"deadMessage": null, "deadLetterInfo": null}), None),
        (json!({}), None),
    ] {
        let mut consumer = fields.clone();
        consumer["consumerGroupId"] = json!("G");
        let trace = answer(&json!([{"consumerGroupId": "G", "consumeStatus": "FAILED"}, consumer]));
        let dead = deliveries(&trace).dead_letter.as_ref();
        let found = dead.map(|dead| (dead.at, dead.topic.as_deref()));
        let expected = expected.map(|(at, topic)| (at.map(time), topic));
        assert_eq!(found, expected, "{fields}");
    }
}

/// Whatever is said about consumers must be read, or the groups would seem to have no record.
#[test]
fn another_shape_is_asked_again() {
    for data in [
        json!([]),
        json!("data"),
        json!({"consumerInfos": {}}),
        json!({"consumerInfos": "none"}),
        json!({"consumerInfos": [[]]}),
        json!({"consumerInfos": ["G"]}),
        json!({"consumerInfos": [{"consumerGroupId": ["G"]}]}),
        json!({"consumerInfos": [{"consumerGroupId": "G", "records": {}}]}),
        json!({"consumerInfos": [{"consumerGroupId": "G", "records": [{"operations": "none"}]}]}),
        json!({"consumerInfos": [{"consumerGroupId": "G", "deadMessage": {}}]}),
        json!({"consumerInfos": [{"consumerGroupId": "G", "deadLetterInfo": true}]}),
        json!({"consumerInfos": [{"consumerGroupId": "G", "deadLetterInfo": []}]}),
        json!({"brokerInfo": []}),
        json!({"messageInfo": []}),
        json!({"messageInfo": {"storeTime": {}}}),
        json!({"brokerInfo": 7, "messageInfo": {"messageId": "A"}}),
    ] {
        let fake = service(success(&data), success(&json!([])));
        let failure = fake.trace(&query()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Server, "{data}");
        assert!(
            failure.message.ends_with("its data has another shape"),
            "{}",
            failure.message
        );
    }
}

#[test]
fn a_consumer_or_subscription_without_a_name_leaves_the_groups_open() {
    for (consumers, subscriptions, unlisted) in [
        (json!([{"consumerGroupId": "G"}]), json!([]), None),
        (
            json!([{"consumerGroupId": "G"}, {"consumeStatus": "SUCCESS"}]),
            json!([{}]),
            Some("a consumer in the trace has no name"),
        ),
        (
            json!([{"consumerGroupId": null}]),
            json!([]),
            Some("a consumer in the trace has no name"),
        ),
        (
            json!([]),
            json!([{"filterExpression": "*"}]),
            Some("a subscription of the topic has no group"),
        ),
    ] {
        let fake = service(traced(&consumers), success(&subscriptions));
        let trace = fake.trace(&query()).unwrap();
        assert_eq!(trace.unlisted.as_deref(), unlisted);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_group_without_a_record_is_judged_by_its_subscription() {
    for (subscriptions, expected) in [
        (json!([{"consumerGroupId": "G"}]), "G=NO_RECORD"),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "*", "filterExpressionType": "TAG"}]),
            "G=NO_RECORD",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "paid || sent", "filterExpressionType": "tag"}]),
            "G=NO_RECORD",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "TAG"}]),
            "G=FILTERED_BY_TAG",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "UNSPECIFIED"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "TAG", "subscriptionStatus": "OFFLINE"}]),
            "G=FILTERED_BY_TAG+offline",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "a > 3", "filterExpressionType": "SQL"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpressionType": "SQL"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "x", "filterExpressionType": "NEW"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "consistency": "false"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "TAG", "consistency": true}]),
            "G=FILTERED_BY_TAG",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent"}, {"consumerGroupId": "G", "filterExpression": "paid"}]),
            "G=NO_RECORD+filter_unknown",
        ),
        (
            json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "TAG"}, {"consumerGroupId": "G", "filterExpression": " sent ", "filterExpressionType": "TAG"}]),
            "G=FILTERED_BY_TAG",
        ),
        (
            json!([{"consumerGroupId": "G", "subscriptionStatus": "offline"}]),
            "G=NO_RECORD+offline",
        ),
        (
            json!([{"consumerGroupId": "G", "subscriptionStatus": "OFFLINE"}, {"consumerGroupId": "G", "subscriptionStatus": "ONLINE"}]),
            "G=NO_RECORD",
        ),
        (
            json!([{"consumerGroupId": "G", "messageModel": "BROADCASTING", "filterExpression": "sent"}]),
            "G=CONSUME_BROADCASTING",
        ),
        (
            json!([{"consumerGroupId": "G", "messageModel": "CLUSTERING"}, null, {"consumerGroupId": "G", "messageModel": "broadcasting"}]),
            "G=CONSUME_BROADCASTING",
        ),
        (
            json!([{"consumerGroupId": "B"}, {"consumerGroupId": "a"}, {"consumerGroupId": " A "}]),
            "A=NO_RECORD B=NO_RECORD a=NO_RECORD",
        ),
        (
            json!([{"consumerGroupId": "G", "messageModel": "LITE_SELECTIVE"}]),
            "G=UNKNOWN",
        ),
        (json!([]), ""),
    ] {
        let fake = service(traced(&json!([])), success(&subscriptions));
        assert_eq!(
            words(&fake.trace(&query()).unwrap()),
            expected,
            "{subscriptions}"
        );
    }
    // A record is more than a subscription.
    let consumers = json!([{"consumerGroupId": "G", "consumeStatus": "FAILED"}]);
    let fake = service(
        traced(&consumers),
        success(&json!([{"consumerGroupId": "G"}, {"consumerGroupId": "H"}])),
    );
    assert_eq!(
        words(&fake.trace(&query()).unwrap()),
        "G=FAILED H=NO_RECORD"
    );
}

#[test]
fn the_tag_is_that_of_the_trace() {
    for (info, expected) in [
        (json!({"messageTag": "sent"}), "NO_RECORD"),
        (json!({"messageTag": "paid"}), "FILTERED_BY_TAG"),
        (json!({"messageTag": ""}), "FILTERED_BY_TAG"),
        (json!({"messageTag": null}), "FILTERED_BY_TAG"),
        (json!({}), "NO_RECORD+tag_unknown"),
    ] {
        let mut info = info;
        info["messageId"] = json!("01DA");
        let trace = success(&json!({"messageInfo": info}));
        let subscriptions = json!([{"consumerGroupId": "G", "filterExpression": "sent", "filterExpressionType": "TAG"}, {"consumerGroupId": "H"}]);
        let fake = service(trace, success(&subscriptions));
        let found = words(&fake.trace(&query()).unwrap());
        assert_eq!(found, format!("G={expected} H=NO_RECORD"), "{info}");
    }
}

#[test]
fn a_message_is_available_when_its_type_says_so() {
    let noon = Some("2026-11-22T04:00:00Z");
    for (message, broker, expected) in [
        (json!({"messageType": "NORMAL"}), json!(null), noon),
        (json!({"messageType": "fifo"}), json!(null), noon),
        (json!({}), json!(null), noon),
        (json!({"messageType": null}), json!({}), noon),
        (json!({"messageType": "TRANSACTION"}), json!(null), None),
        (json!({"messageType": "LITE"}), json!(null), None),
        (json!({"messageType": "NEW"}), json!(null), None),
        (
            json!({"messageType": "NORMAL", "storeTime": "soon"}),
            json!(null),
            None,
        ),
        (json!({"messageType": "DELAY"}), json!(null), None),
        (
            json!({"messageType": "DELAY"}),
            json!({"presetDelayTime": "2026-11-22 13:00:00", "delayStatus": "SUCCESS"}),
            Some("2026-11-22T05:00:00Z"),
        ),
        (
            json!({"messageType": "DELAY"}),
            json!({"presetDelayTime": "2026-11-22 11:00:00"}),
            noon,
        ),
        (
            json!({"messageType": "DELAY"}),
            json!({"presetDelayTime": "2026-11-22 13:00:00", "recallResult": "RECALL_OK"}),
            None,
        ),
        (
            json!({"messageType": "DELAY"}),
            json!({"presetDelayTime": "2026-11-22 13:00:00", "recallResult": ""}),
            Some("2026-11-22T05:00:00Z"),
        ),
    ] {
        let mut info =
            json!({"bornTime": "2026-11-22 11:59:59", "storeTime": "2026-11-22 12:00:00"});
        info.as_object_mut()
            .unwrap()
            .extend(message.as_object().unwrap().clone());
        let trace = success(&json!({"messageInfo": info, "brokerInfo": broker}));
        let found = service(trace, success(&json!([]))).trace(&query()).unwrap();
        assert_eq!(found.available_at, expected.map(time), "{message} {broker}");
        assert_eq!(found.born_at, Some(time("2026-11-22T03:59:59Z")));
        assert_eq!(found.request_id.as_deref(), Some("r-1"));
    }
}
