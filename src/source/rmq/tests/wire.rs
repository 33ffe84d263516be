//! Calls over a real socket: what is sent, and what the shared client does for this API, too.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use jiff::SignedDuration;

use super::super::Rmq;
use super::{query, time, unlimited, words};
use crate::message::Query;
use crate::source::ons::credentials::Issued;
use crate::source::ons::tests::gateway::{Gateway, Reply};
use crate::source::ons::{ApiConfig, CredentialSource, Credentials, Endpoint, Network, Signature};
use crate::source::{FailureKind, TraceSource as _};

const TRACED: &str = r#"{"requestId":"r-1","success":true,"data":{"messageInfo":{"messageId":"0A","storeTime":"2026-08-01 12:00:00"},
    "consumerInfos":[{"consumerGroupId":"GID_a","consumeStatus":"SUCCESS"}]}}"#;
const SUBSCRIBED: &str =
    r#"{"requestId":"r-2","success":true,"data":[{"consumerGroupId":"GID_b"}]}"#;

fn now() -> jiff::Timestamp {
    time("2026-08-01T12:00:00.7Z")
}

fn key(id: &str) -> Credentials {
    Credentials {
        provider: "environment".into(),
        access_key_id: id.into(),
        access_key_secret: "testsecret".into(),
        security_token: Some("CAISstrange+token/with=chars".into()),
    }
}

fn rmq(gateway: &Gateway, key: CredentialSource) -> Rmq {
    let source = format!("rmq+http://{}/rmq-cn-i", gateway.address);
    Rmq::new(ApiConfig {
        signature: Signature::V1, // which this API does not have
        endpoint: Endpoint::parse(&source, false).unwrap(),
        key,
        timeout: Duration::from_secs(10),
        clock: now,
        network: Network::default(),
    })
    .unwrap()
}

fn ok(body: &str) -> Reply {
    Reply::http("200 OK", "", body)
}

fn lines(head: &str) -> (&str, Vec<(String, String)>) {
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    (first, headers.collect())
}

#[tokio::test]
async fn calls_are_gets_with_the_names_in_the_path() {
    let gateway = Gateway::answering(vec![ok(TRACED), ok(SUBSCRIBED)]);
    let source = rmq(&gateway, key("testid").into());
    let query = Query {
        instance_id: None,
        topic: "%RETRY%a|b_c-d中文".into(),
        born_after: Some(time("2026-08-01T00:00:00Z")),
        send_result: None,
        ..query()
    };
    let trace = source.trace(&query, &unlimited()).await.unwrap();
    assert_eq!(
        words(&trace),
        "GID_a=SUCCESS GID_b=NO_RECORD+tag_unknown".replace("+tag_unknown", "")
    );
    let asked = gateway.asked().await;
    let topic = "%25RETRY%25a%7Cb_c-d%E4%B8%AD%E6%96%87";
    for (head, line, action) in [
        (
            &asked[0],
            format!(
                "GET /instances/rmq-cn-i/topics/{topic}/traces/01DA97D4F2A81B0A5C06F5B7E300000000?\
                 endTime=2026-08-01%2020%3A00%3A00&startTime=2026-07-31%2008%3A00%3A00 HTTP/1.1"
            ),
            "GetTrace",
        ),
        (
            &asked[1],
            format!("GET /instances/rmq-cn-i/topics/{topic}/subscriptions HTTP/1.1"),
            "ListTopicSubscriptions",
        ),
    ] {
        let (first, headers) = lines(head);
        assert_eq!(first, line);
        let of = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| &**value)
        };
        assert_eq!(of("x-acs-action"), Some(action));
        assert_eq!(of("x-acs-version"), Some("2022-08-01"));
        assert_eq!(of("accept"), Some("application/json"));
        assert!(
            of("authorization")
                .unwrap()
                .starts_with("ACS3-HMAC-SHA256 Credential=testid,")
        );
        assert_eq!(
            of("x-acs-security-token"),
            Some("CAISstrange+token/with=chars")
        );
    }
}

#[tokio::test]
async fn a_key_that_the_service_finds_expired_is_replaced() {
    let expired = r#"{"RequestId":"r","Code":"InvalidSecurityToken.Expired","Message":"m"}"#;
    let refusal = || Reply::http("400 Bad Request", "", expired);
    let gateway = Gateway::answering(vec![refusal(), ok(TRACED), refusal(), ok(SUBSCRIBED)]);
    let issued = |id: &str| Issued {
        credentials: key(id),
        expires: Some(now() + SignedDuration::from_hours(1)),
    };
    let next = move || async move { Ok(issued("nextid")) }.boxed();
    let source = rmq(
        &gateway,
        CredentialSource::renewed(issued("testid"), Arc::new(next)),
    );
    let failure = source.trace(&query(), &unlimited()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Server); // asked again by the engine
    let trace = source.trace(&query(), &unlimited()).await.unwrap();
    assert_eq!(words(&trace), "GID_a=SUCCESS GID_b=NO_RECORD");
    let asked = gateway.asked().await;
    assert!(asked[0].contains("Credential=testid,"));
    assert!(
        asked[1..]
            .iter()
            .all(|head| head.contains("Credential=nextid,"))
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let there = Gateway::answering(vec![]);
    let location = format!("location: http://{}/\r\n", there.address);
    let gateway = Gateway::answering(vec![Reply::http("301 Moved Permanently", &location, "")]);
    let source = rmq(&gateway, key("testid").into());
    let failure = source.trace(&query(), &unlimited()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Fatal);
    assert!(
        failure
            .hint
            .unwrap()
            .contains("the gateway of GetTrace does not redirect")
    );
    assert!(there.asked().await.is_empty());
}

#[tokio::test]
async fn answers_may_be_large_and_no_larger() {
    let padded = |length: usize| format!("{}{}", " ".repeat(length), TRACED);
    let gateway = Gateway::answering(vec![
        ok(&padded(3 << 20)),
        ok(SUBSCRIBED),
        ok(&padded(4 << 20)),
    ]);
    let source = rmq(&gateway, key("testid").into());
    source.trace(&query(), &unlimited()).await.unwrap();
    let failure = source.trace(&query(), &unlimited()).await.unwrap_err();
    assert_eq!(failure.message, "an answer of more than 4 MiB");
    assert_eq!(failure.kind, FailureKind::Server);
}

#[tokio::test]
async fn the_waits_in_headers_count() {
    let body = r#"{"RequestId":"r","Code":"Throttling.User","Message":"m"}"#;
    let reply = Reply::http("400 Bad Request", "x-acs-retry-after: 1500\r\n", body);
    let gateway = Gateway::answering(vec![reply]);
    let source = rmq(&gateway, key("testid").into());
    let failure = source.trace(&query(), &unlimited()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Throttled);
    assert_eq!(failure.retry_after, Some(Duration::from_millis(1500)));
}
