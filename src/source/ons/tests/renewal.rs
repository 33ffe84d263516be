//! Expiring keys, over a real socket.

use std::cell::Cell;
use std::sync::Arc;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use super::super::credentials::Issued;
use super::super::{ApiConfig, CredentialSource, Credentials, Ons, Signature};
use super::gateway::{Gateway, Reply};
use super::wire::{OK, config, key, now, query};
use crate::source::{FailureKind, TraceSource as _, Unpaced};

thread_local! {
    static MINUTES: Cell<i64> = const { Cell::new(0) };
}

/// A clock that the test advances.
fn later() -> Timestamp {
    now() + SignedDuration::from_mins(MINUTES.get())
}

/// A client whose first key expires in an hour, followed by a different key.
fn renewed(gateway: &Gateway) -> Ons {
    let issued = |id: &str| Issued {
        credentials: Credentials {
            access_key_id: id.into(),
            ..key()
        },
        expires: Some(later() + SignedDuration::from_hours(1)),
    };
    let next = move || async move { Ok(issued("nextid")) }.boxed();
    Ons::new(ApiConfig {
        key: CredentialSource::renewed(issued("testid"), Arc::new(next)),
        clock: later,
        ..config(gateway, Signature::V3)
    })
    .unwrap()
}

fn keys_of(asked: &[String]) -> Vec<&str> {
    asked
        .iter()
        .map(|head| {
            let (_, rest) = head.split_once("Credential=").unwrap();
            rest.split(',').next().unwrap()
        })
        .collect()
}

#[tokio::test]
async fn a_key_that_is_due_is_replaced_beside_the_call() {
    let gateway = Gateway::answering((0..3).map(|_| Reply::http("200 OK", "", OK)).collect());
    let ons = renewed(&gateway);
    for minutes in [44, 46, 47] {
        MINUTES.set(minutes);
        ons.trace(&query(), &Unpaced).await.unwrap();
    }
    assert_eq!(
        keys_of(&gateway.asked().await),
        ["testid", "testid", "nextid"]
    );
}

#[tokio::test]
async fn a_key_that_has_ended_signs_nothing() {
    let gateway = Gateway::answering(vec![Reply::http("200 OK", "", OK)]);
    let ons = renewed(&gateway);
    MINUTES.set(61);
    ons.trace(&query(), &Unpaced).await.unwrap();
    assert_eq!(keys_of(&gateway.asked().await), ["nextid"]);
}

#[tokio::test]
async fn a_key_that_the_gateway_finds_expired_is_replaced_once() {
    let expired = r#"{"RequestId":"r","Code":"InvalidSecurityToken.Expired","Message":"m"}"#;
    let refusal = || Reply::http("400 Bad Request", "", expired);
    let gateway = Gateway::answering(vec![refusal(), refusal()]);
    let ons = renewed(&gateway);
    let first = ons.trace(&query(), &Unpaced).await.unwrap_err();
    assert_eq!((first.kind, first.hint), (FailureKind::Server, None));
    let second = ons.trace(&query(), &Unpaced).await.unwrap_err();
    assert_eq!(second.kind, FailureKind::Expired);
    assert!(second.hint.unwrap().contains("temporary credentials"));
    assert_eq!(keys_of(&gateway.asked().await), ["testid", "nextid"]);
}

/// Keys without an expiry time: only the gateway reports that they have expired, repeatedly.
#[tokio::test]
async fn a_key_that_was_let_in_may_expire_like_the_one_before() {
    let expired = r#"{"RequestId":"r","Code":"InvalidSecurityToken.Expired","Message":"m"}"#;
    let refusal = || Reply::http("400 Bad Request", "", expired);
    let gone = r#"{"RequestId":"r","Code":"BIZ_NO_MESSAGE","Message":"m"}"#;
    let gateway = Gateway::answering(vec![
        refusal(),
        Reply::http("200 OK", "", OK),
        refusal(),
        Reply::http("404 Not Found", "", gone),
        refusal(),
        // The response does not name the caller.
        Reply::http("503 Service Unavailable", "", ""),
        refusal(),
    ]);
    let ons = renewed(&gateway);
    let again = Some(FailureKind::Server);
    for kind in [
        again,
        None,
        again,
        Some(FailureKind::NotFound),
        again,
        again,
        Some(FailureKind::Expired),
    ] {
        let answer = ons.trace(&query(), &Unpaced).await;
        assert_eq!(answer.err().map(|failure| failure.kind), kind);
    }
    gateway.asked().await;
}
