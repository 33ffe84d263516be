//! The gateway without a socket: every answer and every error code.

mod client;
mod errors;
mod evidence;
mod properties;

use std::time::Duration;

use client::{Client, NOW, Version, gateway};

use super::*;
use crate::source::ons::tests::vectors;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pair = |(name, value): (&str, &str)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.into_iter().map(pair).collect()
}

#[test]
fn published_signatures_verify_with_their_secret_only() {
    for vector in vectors().v3 {
        let pairs = vector
            .headers
            .iter()
            .map(|(name, value)| (&**name, &**value));
        let headers = headers(pairs.chain([("authorization", &*vector.authorization)]));
        let query = crate::source::ons::percent::canonical_query(&vector.parameters);
        let request = GatewayRequest {
            method: &vector.method,
            path: &vector.uri,
            query: &query,
            headers: &headers,
            body: vector.body.as_bytes(),
        };
        check(&request, &vector.access_key_secret, &vector.name);
        assert_eq!(request.format(), BodyFormat::Json);
    }
    for vector in vectors().v1 {
        if vector.name == "V1-b" {
            continue; // spells the key `TimeStamp`, as a page did before 2018
        }
        let signature = crate::source::ons::percent::encode(&vector.signature);
        let query = format!("{}&Signature={signature}", vector.canonical_query);
        let request = GatewayRequest {
            method: &vector.method,
            path: "/",
            query: &query,
            headers: &HeaderMap::new(),
            body: b"",
        };
        check(&request, &vector.access_key_secret, &vector.name);
    }
}

fn check(request: &GatewayRequest<'_>, secret: &str, name: &str) {
    let signature = request.call().unwrap().signature.unwrap();
    assert!(signature.verifies(&SigningSecret::new(secret)), "{name}");
    assert!(
        !signature.verifies(&SigningSecret::new("another")),
        "{name}"
    );
}

#[tokio::test]
async fn a_trace_is_answered_in_the_requested_format() {
    let gateway = gateway();
    let json = r#"{"RequestId":"ID","Data":{"MessageTrack":[{"ConsumerGroup":"GID_a","TrackType":"CONSUMED","InstanceId":"MQ_1"},{"ConsumerGroup":"GID_off","TrackType":"NOT_ONLINE","InstanceId":"MQ_1"}]}}"#;
    let xml = "<?xml version='1.0' encoding='UTF-8'?><OnsMessageTraceResponse><RequestId>ID</RequestId><Data><MessageTrack><ConsumerGroup>GID_a</ConsumerGroup><TrackType>CONSUMED</TrackType><InstanceId>MQ_1</InstanceId></MessageTrack><MessageTrack><ConsumerGroup>GID_off</ConsumerGroup><TrackType>NOT_ONLINE</TrackType><InstanceId>MQ_1</InstanceId></MessageTrack></Data></OnsMessageTraceResponse>";
    for (version, format, body, kind) in [
        (Version::V3, None, json, "application/json;charset=utf-8"),
        (
            Version::V1,
            Some("JSON"),
            json,
            "application/json;charset=utf-8",
        ),
        (
            Version::V1,
            Some("json"),
            json,
            "application/json;charset=utf-8",
        ),
        (Version::V1, Some("XML"), xml, "text/xml;charset=utf-8"),
        (Version::V1, None, xml, "text/xml;charset=utf-8"),
        (Version::V1, Some("None"), xml, "text/xml;charset=utf-8"), // an old SDK, see tests/clients
    ] {
        for method in ["GET", "POST"] {
            let mut client = Client::trace(version);
            client.method = method;
            client.set("Format", format);
            let reply = client.send_to(&gateway).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(client::text(&reply), body);
            assert_eq!(reply.content_type, kind);
            assert_eq!(reply.details.key.as_deref(), Some("reader"));
            assert_eq!(reply.details.action, Some("OnsMessageTrace"));
        }
    }
}

#[tokio::test]
async fn parameters_may_come_as_a_form() {
    let gateway = gateway();
    for version in [Version::V1, Version::V3] {
        let mut client = Client::trace(version);
        client.as_form = true;
        let reply = client.send_to(&gateway).await;
        assert_eq!(reply.status, 200, "{version:?}: {}", client::text(&reply));
    }
}

#[tokio::test]
async fn a_topic_without_groups_is_an_empty_list() {
    let gateway = gateway();
    let mut client = Client::trace(Version::V3);
    client.set("Topic", Some("lonely"));
    client.set("MsgId", Some("0B"));
    let reply = client.send_to(&gateway).await;
    assert_eq!(
        client::text(&reply),
        r#"{"RequestId":"ID","Data":{"MessageTrack":[]}}"#
    );
}

#[tokio::test]
async fn the_other_operations_answer_from_the_snapshot() {
    let gateway = gateway();
    for (action, parameters, data) in [
        (
            "OnsTopicSubDetail",
            &[("Topic", "orders")][..],
            r#"{"Topic":"orders","SubscriptionDataList":{"SubscriptionDataList":[{"GroupId":"GID_a","MessageModel":"CLUSTERING","SubString":"paid||sent"}]}}"#,
        ),
        (
            "OnsMessageGetByMsgId",
            &[("Topic", "orders"), ("MsgId", "0A")],
            r#"{"Topic":"orders","MsgId":"0A","InstanceId":"MQ_1","StoreTimestamp":1763604000000,"PropertyList":{"MessageProperty":[{"Name":"TAGS","Value":"paid"}]}}"#,
        ),
        (
            "OnsConsumerTimeSpan",
            &[("Topic", "orders"), ("GroupId", "GID_a")],
            r#"{"Topic":"orders","InstanceId":"MQ_1","MinTimeStamp":1763604000000,"MaxTimeStamp":1763604000000,"ConsumeTimeStamp":1763604000000}"#,
        ),
        (
            "OnsRegionList",
            &[],
            r#"{"RegionDo":[{"OnsRegionId":"demo","RegionName":"demo"}]}"#,
        ),
        (
            "OnsInstanceInServiceList",
            &[],
            r#"{"InstanceVO":[{"InstanceId":"MQ_1","InstanceName":"demo","TopicCount":2,"GroupCount":2}]}"#,
        ),
    ] {
        let mut client = Client::of(Version::V3, action, parameters);
        let reply = client.send_to(&gateway).await;
        assert_eq!(
            client::text(&reply),
            format!(r#"{{"RequestId":"ID","Data":{data}}}"#)
        );
        client = Client::of(Version::V1, action, parameters);
        let reply = client.send_to(&gateway).await;
        assert_eq!(reply.status, 200, "{action} in XML");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_beyond_the_quota_is_throttled() {
    let mut gateway = gateway();
    gateway.quota = Quota::new("2/s".parse().unwrap());
    for status in [200, 200, 400] {
        let reply = Client::trace(Version::V3).send_to(&gateway).await;
        assert_eq!(reply.status, status);
        if status == 400 {
            assert_eq!(reply.details.code.as_deref(), Some("Throttling.User"));
            assert_eq!(reply.retry_after, Some(Duration::from_millis(500)));
        }
    }
    tokio::time::advance(Duration::from_millis(500)).await;
    let reply = Client::trace(Version::V3).send_to(&gateway).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn replaced_keys_apply_from_the_next_request() {
    let gateway = gateway();
    let keys = AccessKeys::load(&KeySource::Text("other:secret".into())).unwrap();
    gateway.authenticator.replace_keys(keys);
    let reply = Client::trace(Version::V3).send_to(&gateway).await;
    assert_eq!(
        reply.details.code.as_deref(),
        Some("InvalidAccessKeyId.NotFound")
    );
    let mut client = Client::trace(Version::V3);
    client.key_id = "other";
    assert_eq!(client.send_to(&gateway).await.status, 200);
}

#[tokio::test]
async fn without_keys_every_request_is_accepted() {
    let mut gateway = gateway();
    gateway.authenticator = Authenticator::new(None, || NOW.parse().unwrap(), NOW.parse().unwrap());
    let mut client = Client::trace(Version::V3);
    (client.secret, client.key_id) = ("whatever", "LTAI5tAnotherCloudsKey");
    let reply = client.send_to(&gateway).await;
    assert_eq!(reply.status, 200);
    let noted = reply.details.key.unwrap();
    assert!(
        noted.contains("***") && !noted.contains("AnotherClouds"),
        "{noted}"
    );
    let request = GatewayRequest {
        method: "GET",
        path: "/",
        query: "Action=OnsMessageTrace&Version=2019-02-14&Format=JSON&Topic=orders&MsgId=0A",
        headers: &HeaderMap::new(),
        body: b"",
    };
    assert_eq!(gateway.answer(&request).await.status, 200);
}

#[tokio::test]
async fn the_fault_injector_replaces_answers() {
    let mut gateway = gateway();
    gateway.fault_injector = FaultInjector::new(Duration::ZERO, 1.0, 1);
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let reply = Client::trace(Version::V3).send_to(&gateway).await;
        assert_ne!(reply.status, 200);
        kinds.insert((reply.status, reply.details.dropped));
    }
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        [
            (400, false),
            (500, false),
            (502, false),
            (502, true),
            (503, false)
        ]
    );
}
