//! What is an answer, and what is an error.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::answer::{ServiceAnswer, parse};
use super::super::fields::{Fields, Items, Text};
use super::super::groups::{GroupData, InstanceData, LagData};
use super::super::subscriptions::{Subscribers, TopicSubscription};
use super::super::trace::{Detail, TraceData};
use super::time;
use crate::source::ons::redact::Redactor;
use crate::source::operation::GET_TRACE;
use crate::source::{Failure, FailureKind};

fn parsed(status: u16, body: &str) -> Result<ServiceAnswer<Value>, Failure> {
    let redactor = Redactor::new(["LTAI5tExampleKey1234"]);
    parse(GET_TRACE, (status, body.as_bytes()), &redactor)
}

#[test]
fn successes_have_their_data() {
    for (body, data) in [
        (
            r#"{"requestId":"r","success":true,"data":{"a":1}}"#,
            Some(json!({"a": 1})),
        ),
        (
            r#"{"requestId":"r","success":"true","code":"200","data":null}"#,
            None,
        ),
        (r#"{"requestId":"r"}"#, None),
        (
            r#"{"requestId":"r","success":null,"code":null,"data":[]}"#,
            Some(json!([])),
        ),
        (r#"{"RequestId":"r","code":200,"message":"OK"}"#, None),
        ("\u{feff} {\"data\":{\"a\":1}}", Some(json!({"a": 1}))),
        // A code that nobody knows does not undo a success.
        (r#"{"requestId":"r","success":true,"code":"Odd"}"#, None),
        (
            r#"{"requestId":"r","code":"Odd","data":{"a":1}}"#,
            Some(json!({"a": 1})),
        ),
    ] {
        let answer = parsed(200, body).unwrap_or_else(|failure| panic!("{body}: {failure:?}"));
        assert_eq!(answer.data, data, "{body}");
    }
    let answer = parsed(200, r#"{"requestId":"r-1","success":true}"#).unwrap();
    assert_eq!(answer.request_id.as_deref(), Some("r-1"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn errors_are_judged_by_their_codes() {
    use FailureKind::{Expired, Fatal, Forbidden, NotFound, Refused, Server, Throttled};
    for (status, body, kind, code) in [
        // With HTTP 200.
        (
            200,
            r#"{"success":false,"code":"Message.NotFound"}"#,
            NotFound,
            Some("Message.NotFound"),
        ),
        (
            200,
            r#"{"success":"false","code":"Topic.NotFound"}"#,
            NotFound,
            Some("Topic.NotFound"),
        ),
        (
            200,
            r#"{"success":"False","code":"InternalError","data":{"a":1}}"#,
            Server,
            Some("InternalError"),
        ),
        (
            200,
            r#"{"success":false,"dynamicCode":"Instance.NotFound"}"#,
            Fatal,
            Some("Instance.NotFound"),
        ),
        (
            200,
            r#"{"requestId":"r","code":"Throttling.User","data":{}}"#,
            Throttled,
            Some("Throttling.User"),
        ),
        (
            200,
            r#"{"requestId":"r","code":"Odd","data":""}"#,
            Refused,
            Some("Odd"),
        ),
        (200, r#"{"success":false}"#, Server, None),
        (200, r#"{"success":false,"code":"200"}"#, Server, None),
        (
            200,
            r#"{"success":false,"code":"Odd"}"#,
            Refused,
            Some("Odd"),
        ),
        (
            200,
            r#"{"success":false,"code":"Odd","httpStatusCode":404}"#,
            Server,
            Some("Odd"),
        ),
        (
            200,
            r#"{"success":false,"code":"Odd","httpStatusCode":"400"}"#,
            Refused,
            Some("Odd"),
        ),
        // With 5xx, of codes that nobody knows.
        (
            500,
            r#"{"success":false,"code":"Odd"}"#,
            Server,
            Some("Odd"),
        ),
        (
            200,
            r#"{"success":false,"code":"Odd","httpStatusCode":503}"#,
            Server,
            Some("Odd"),
        ),
        (
            500,
            r#"{"success":false,"code":"Topic.NotFound"}"#,
            NotFound,
            Some("Topic.NotFound"),
        ),
        // With 404, of the service and of something on the way.
        (
            404,
            r#"{"success":false,"code":"Message.NotFound"}"#,
            NotFound,
            Some("Message.NotFound"),
        ),
        (
            404,
            r#"{"Code":"InvalidAction.NotFound","Message":"m"}"#,
            Fatal,
            Some("InvalidAction.NotFound"),
        ),
        (
            404,
            r#"{"Code":"InvalidAccessKeyId.NotFound"}"#,
            Fatal,
            Some("InvalidAccessKeyId.NotFound"),
        ),
        (
            404,
            r#"{"code":"ConsumerGroup.NotFound"}"#,
            Server,
            Some("ConsumerGroup.NotFound"),
        ),
        (404, r#"{"code":"Odd"}"#, Server, Some("Odd")),
        (404, r#"{"code":404}"#, Server, Some("404")),
        (404, "{}", Server, None),
        (404, "<html>no such page</html>", Server, None),
        (404, "", Server, None),
        // Of the gateway.
        (
            400,
            r#"{"RequestId":"r","Code":"Throttling.Api","Message":"m"}"#,
            Throttled,
            Some("Throttling.Api"),
        ),
        (
            400,
            r#"{"Code":"InvalidSecurityToken.Expired"}"#,
            Expired,
            Some("InvalidSecurityToken.Expired"),
        ),
        (
            403,
            r#"{"Code":"Forbidden.RAM"}"#,
            Forbidden,
            Some("Forbidden.RAM"),
        ),
        (
            403,
            r#"{"Code":"SignatureDoesNotMatch"}"#,
            Fatal,
            Some("SignatureDoesNotMatch"),
        ),
        (400, r#"{"code":"Odd"}"#, Refused, Some("Odd")),
        (
            500,
            r#"{"requestId":"r","success":true,"data":{"a":1}}"#,
            Server,
            None,
        ),
        (429, "{}", Throttled, None),
        // Nothing of this API.
        (200, "{}", Server, None),
        (200, r#"{"status":"up"}"#, Server, None),
        (200, r#"{"data":null}"#, Server, None),
        (200, "[]", Server, None),
        (200, "null", Server, None),
        (200, "7", Server, None),
        (
            200,
            "<Error><Code>Message.NotFound</Code></Error>",
            Server,
            None,
        ),
        (200, r#"{"requestId":"r","data":{"#, Server, None),
        (200, r#"{"requestId":{},"data":{}}"#, Server, None),
        (200, r#"{"requestId":"r","code":[]}"#, Server, None),
    ] {
        let failure = parsed(status, body).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_deref()),
            (kind, code),
            "{status} {body}"
        );
        assert_eq!(failure.http_status, Some(status), "{body}");
    }
}

#[test]
fn messages_name_the_parameter_and_no_secret() {
    for (body, message) in [
        (
            r#"{"success":false,"code":"MissingInstanceId","message":"A parameter is missing.",
                "dynamicMessage":"Parameter instanceId is mandatory for this action ."}"#,
            "A parameter is missing. (Parameter instanceId is mandatory for this action .)",
        ),
        (
            r#"{"success":false,"code":"A","message":"a b","dynamicMessage":"b"}"#,
            "a b",
        ),
        (r#"{"success":false,"code":"A","dynamicMessage":"b"}"#, "b"),
        (
            r#"{"success":false,"code":"A"}"#,
            "the gateway gave no message",
        ),
        (
            r#"{"success":false,"code":"A","message":"key LTAI5tExampleKey1234"}"#,
            "key ***",
        ),
        (
            r#"{"success":false,"message":"no\u0000 luck"}"#,
            "HTTP 200: no luck",
        ),
        (
            r#"{"Code":"SignatureDoesNotMatch","Message":"GET\n/instances/i"}"#,
            "the gateway computed another signature (its message is left out: it quotes the request)",
        ),
        (
            "<html>LTAI5tExampleKey1234</html>",
            "HTTP 200: not an answer of GetTrace: not JSON; it begins with `<html>***</html>`",
        ),
    ] {
        assert_eq!(parsed(200, body).unwrap_err().message, message);
    }
    let code =
        r#"{"success":false,"requestId":"LTAI5tExampleKey1234","code":"LTAI5tExampleKey1234"}"#;
    let failure = parsed(200, code).unwrap_err();
    assert_eq!(failure.code.as_deref(), Some("***"));
    assert_eq!(failure.request_id.as_deref(), Some("***"));
}

/// The body of a message is personal data of somebody. No error shows it.
#[test]
fn what_cannot_be_read_is_not_quoted_if_it_may_be_a_message() {
    for body in [
        r#"{"data":"hunter2","requestId":"r"}"#,
        r#"{"data":{"messageInfo":{"body":"hunter2"}},"#,
        r#"{"data":{"messageInfo":"hunter2"}}"#,
        r#"{"data":{"messageInfo":{"bornTime":["hunter2"]}}}"#,
        r#"["hunter2"]"#,
    ] {
        let answer =
            parse::<Fields<TraceData>>(GET_TRACE, (200, body.as_bytes()), &Redactor::default());
        let failure = answer.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Server);
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
}

#[test]
fn times_are_those_of_china_unless_they_say_more() {
    for (text, expected) in [
        (r#""2026-11-22 12:00:00""#, Some("2026-11-22T04:00:00Z")),
        (r#""2026-11-22T12:00:00""#, Some("2026-11-22T04:00:00Z")),
        (
            r#"" 2026-11-22 12:00:00.250 ""#,
            Some("2026-11-22T04:00:00.25Z"),
        ),
        (r#""2026-11-22T12:00:00Z""#, Some("2026-11-22T12:00:00Z")),
        (
            r#""2026-11-22T12:00:00+09:00""#,
            Some("2026-11-22T03:00:00Z"),
        ),
        ("1795305600125", Some("2026-11-22T00:00:00.125Z")),
        (r#""1795305600125""#, Some("2026-11-22T00:00:00.125Z")),
        // A number of seconds, a day without a time, and texts that are no time.
        ("1795305600", None),
        ("0", None),
        ("-1795305600125", None),
        ("1795305600125.5", None),
        ("99999999999999999999", None),
        (r#""2026-11-22""#, None),
        (r#""2026-11-31 12:00:00""#, None),
        (r#""soon""#, None),
        (r#""""#, None),
        ("true", None),
        ("null", None),
    ] {
        let found: Text = serde_json::from_str(text).unwrap();
        assert_eq!(found.time(), expected.map(time), "{text}");
    }
}

#[test]
fn scalars_may_be_spelled_in_other_ways() {
    let read = |text: &str| serde_json::from_str::<Text>(text).ok();
    for (text, said, flag, count) in [
        ("null", None, None, None),
        (r#""""#, None, None, None),
        (r#"" ""#, None, None, None),
        ("true", Some("true"), Some(true), None),
        (r#"" FALSE ""#, Some(" FALSE "), Some(false), None),
        ("1", Some("1"), Some(true), Some(1)),
        (r#"" 0 ""#, Some(" 0 "), Some(false), Some(0)),
        ("-1", Some("-1"), None, None),
        ("1.5", Some("1.5"), None, None),
        (
            "18446744073709551615",
            Some("18446744073709551615"),
            None,
            Some(u64::MAX),
        ),
        (r#""yes""#, Some("yes"), None, None),
    ] {
        let found = read(text).unwrap();
        assert_eq!(
            (found.said(), found.flag(), found.count()),
            (said, flag, count),
            "{text}"
        );
    }
    assert_eq!(read("[]").or(read("{}")), None);
    let list = |text| {
        let list = serde_json::from_str::<Items<TopicSubscription>>(text);
        list.ok().map(|list| list.0.len())
    };
    for (text, length) in [
        ("null", Some(0)),
        ("[]", Some(0)),
        ("[null,{},null,{\"a\":1}]", Some(2)),
        ("{}", None),
        ("\"\"", None),
        ("[[]]", None),
        ("[1]", None),
    ] {
        assert_eq!(list(text), length, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = "success|code|data|consumerInfos|messageInfo|records|operations|topicLagMap|orders|consumerGroupId|deadMessage|requestId|consumeStatus|toDlqTime|storeTime|messageTag|.{0,3}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "2026-11-22 12:00:00|200|SUCCESS|DELAY|.{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(word, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Reads a body as each answer.
fn read_all(status: u16, body: &[u8]) {
    let redactor = Redactor::default();
    let answer = (status, body);
    if let Ok(trace) = parse::<Fields<TraceData>>(GET_TRACE, answer, &redactor) {
        trace.data.unwrap_or_default().0.read(&redactor);
    }
    let subscriptions = parse::<Items<TopicSubscription>>(GET_TRACE, answer, &redactor);
    let list = subscriptions.ok().and_then(|answer| answer.data);
    drop(list.map(Subscribers::from));
    let lag = parse::<Fields<LagData>>(GET_TRACE, answer, &redactor).ok();
    let _ = lag.and_then(|answer| answer.data.map(|data| data.0.of_topic("orders")));
    let _ = parse::<Detail>(GET_TRACE, answer, &redactor);
    let _ = parse::<Fields<GroupData>>(GET_TRACE, answer, &redactor);
    let _ = parse::<Fields<InstanceData>>(GET_TRACE, answer, &redactor);
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(data in any_json(), outer in any_json(), status in 100_u16..600) {
        read_all(status, outer.to_string().as_bytes());
        read_all(200, json!({"requestId": "r", "success": true, "data": data}).to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), status in 100_u16..600) {
        read_all(status, &bytes);
    }
}
