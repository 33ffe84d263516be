//! The calls over a real socket: what is sent, and answers in JSON and XML.

use crate::evidence::MessageKeys;
use crate::source::Ons;
use crate::source::ons::LastCall;
use crate::source::ons::tests::gateway::{Gateway, Reply};
use crate::source::ons::tests::wire::{config, taken_apart, value};
use crate::source::ons::{DeadLetterRequest, Signature, TraceOutcome, TraceQuery};

use super::{time, unlimited};

const JSON_PAGE: &str = r#"{"RequestId":"r","MsgFoundDo":{"TaskId":"T","MaxPageCount":1,"CurrentPage":1,
    "MsgFoundList":{"OnsRestMessageDo":[{"MsgId":"0A","StoreTimestamp":1763700000000,"ReconsumeTimes":16,
    "PropertyList":{"MessageProperty":[{"Name":"UNIQ_KEY","Value":"0B"}]}}]}}}"#;

const XML_PAGE: &str = "<?xml version='1.0' encoding='UTF-8'?><OnsDLQMessagePageQueryByGroupIdResponse>\
    <RequestId>r</RequestId><MsgFoundDo><TaskId>T</TaskId><MaxPageCount>1</MaxPageCount><CurrentPage>1</CurrentPage>\
    <MsgFoundList><OnsRestMessageDo><MsgId>0A</MsgId><StoreTimestamp>1763700000000</StoreTimestamp>\
    <ReconsumeTimes>16</ReconsumeTimes><PropertyList><MessageProperty><Name>UNIQ_KEY</Name><Value>0B</Value>\
    </MessageProperty></PropertyList></OnsRestMessageDo></MsgFoundList></MsgFoundDo>\
    </OnsDLQMessagePageQueryByGroupIdResponse>";

fn ons(gateway: &Gateway, signature: Signature) -> Ons {
    Ons::new(config(gateway, signature)).unwrap()
}

#[tokio::test]
async fn dead_letters_are_asked_for_as_the_sdks_do() {
    let keys: MessageKeys = ["0B"].into_iter().collect();
    for (signature, page) in [(Signature::V3, JSON_PAGE), (Signature::V1, XML_PAGE)] {
        let gateway = Gateway::answering(vec![Reply::http("200 OK", "", page)]);
        let request = DeadLetterRequest {
            last_call: LastCall::AT_ANY_TIME,
            groups: vec![(Some("MQ_INST_1".into()), "GID_a".into())],
            from: time("2026-11-20T00:00:00Z"),
            to: time("2026-11-22T00:00:00.125Z"),
            keys: &keys,
            limit: 10,
        };
        let found = ons(&gateway, signature)
            .dead_letters(&request, &unlimited())
            .await;
        assert_eq!(found.topics[0].incomplete, None);
        assert_eq!(found.proofs.len(), 1);
        assert_eq!(found.proofs[0].attempts, 16);
        let (parameters, headers) = taken_apart(&gateway.asked().await[0]);
        let action = match signature {
            Signature::V3 => value(&headers, "x-acs-action"),
            Signature::V1 => value(&parameters, "Action"),
        };
        assert_eq!(action, Some("OnsDLQMessagePageQueryByGroupId"));
        for (name, expected) in [
            ("InstanceId", "MQ_INST_1"),
            ("GroupId", "GID_a"),
            ("BeginTime", "1795132800000"),
            ("EndTime", "1795305600125"),
            ("CurrentPage", "1"),
            ("PageSize", "50"),
        ] {
            assert_eq!(value(&parameters, name), Some(expected), "{name}");
        }
        assert_eq!(value(&parameters, "TaskId"), None);
    }
}

#[tokio::test]
async fn a_trace_is_asked_for_as_the_sdks_do() {
    let result = r#"{"RequestId":"r","TraceData":{"QueryId":"Q","Status":"finish","TraceList":{"TraceMapDo":[{"SubList":
        {"SubMapDo":[{"SubGroupName":"GID_a","ClientList":{"SubClientInfoDo":[{"Status":"CONSUME_SUCCESS",
        "SubTime":1785585600000}]}}]}}]}}}"#;
    let gateway = Gateway::answering(vec![
        Reply::http("200 OK", "", r#"{"RequestId":"r","QueryId":272967}"#),
        Reply::http("200 OK", "", result),
    ]);
    let message = TraceQuery {
        instance_id: None,
        topic: "orders".into(),
        msg_id: "0A".into(),
        born_at: None,
    };
    let traces = ons(&gateway, Signature::V3)
        .traces(&[message], LastCall::AT_ANY_TIME, &unlimited())
        .await;
    assert_eq!(traces.outcomes, [TraceOutcome::Reported]);
    assert_eq!((traces.proofs.len(), traces.calls), (1, 2));
    let asked = gateway.asked().await;
    let (parameters, headers) = taken_apart(&asked[0]);
    assert_eq!(
        value(&headers, "x-acs-action"),
        Some("OnsTraceQueryByMsgId")
    );
    for (name, expected) in [
        ("Topic", "orders"),
        ("MsgId", "0A"),
        ("EndTime", "1785585600700"),
    ] {
        assert_eq!(value(&parameters, name), Some(expected), "{name}");
    }
    let (parameters, headers) = taken_apart(&asked[1]);
    assert_eq!(value(&headers, "x-acs-action"), Some("OnsTraceGetResult"));
    assert_eq!(value(&parameters, "QueryId"), Some("272967"));
}

#[tokio::test]
async fn errors_and_strange_answers_are_reasons() {
    let keys = MessageKeys::default();
    for (status, body, says) in [
        (
            "403 Forbidden",
            r#"{"RequestId":"r","Code":"Forbidden.RAM","Message":"User not authorized"}"#,
            "the access key lacks the RAM action mq:QueryDLQMessage (Forbidden.RAM)",
        ),
        (
            "404 Not Found",
            "<Error><RequestId>r</RequestId><Code>InvalidAction.NotFound</Code><Message>m</Message></Error>",
            "the gateway does not serve OnsDLQMessagePageQueryByGroupId (InvalidAction.NotFound)",
        ),
        (
            "200 OK",
            r#"{"RequestId":"r"}"#,
            "an answer of OnsDLQMessagePageQueryByGroupId can't be read: it has no MsgFoundDo",
        ),
        (
            "200 OK",
            r#"{"RequestId":"r","Code":"BIZ_FIELD_CHECK_INVALID","Message":"no","MsgFoundDo":{}}"#,
            "OnsDLQMessagePageQueryByGroupId was refused: BIZ_FIELD_CHECK_INVALID: no",
        ),
    ] {
        let gateway = Gateway::answering(vec![Reply::http(status, "", body)]);
        let request = DeadLetterRequest {
            last_call: LastCall::AT_ANY_TIME,
            groups: vec![(None, "GID_a".into())],
            from: time("2026-11-20T00:00:00Z"),
            to: time("2026-11-22T00:00:00Z"),
            keys: &keys,
            limit: 10,
        };
        let found = ons(&gateway, Signature::V3)
            .dead_letters(&request, &unlimited())
            .await;
        assert_eq!(found.topics[0].incomplete.as_deref(), Some(says));
        gateway.asked().await;
    }
}
