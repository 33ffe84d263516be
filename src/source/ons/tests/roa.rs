//! Requests of the API of 5.x equal those of the official SDK (`tests/data/roa_requests.json`), whatever the names.

use std::collections::BTreeMap;

use proptest::prelude::*;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::super::percent::{canonical_query, encode};
use super::super::request::{Call, Calls, Unbuildable};
use super::super::sign_v3::{EMPTY_SHA256, Signed, V3SigningKey, signature_of, string_to_sign};
use super::super::stamp::Stamp;
use super::super::{Credentials, Endpoint, Signature};
use crate::source::operation::{GET_TRACE, OPERATIONS, Operation};

#[derive(Deserialize)]
struct Recorded {
    access_key_secret: String,
    requests: Vec<RecordedRequest>,
}

#[derive(Deserialize)]
struct RecordedRequest {
    operation: String,
    names: BTreeMap<String, String>,
    parameters: Vec<(String, String)>,
    method: String,
    path: String,
    canonical_query: String,
    signed_headers: Vec<(String, String)>,
    canonical_request: String,
    signature: String,
}

fn recorded() -> Recorded {
    let text = include_str!("../../../../tests/data/roa_requests.json");
    serde_json::from_str(text).unwrap()
}

fn calls(token: Option<&str>) -> Calls {
    let credentials = Credentials {
        provider: "environment".into(),
        access_key_id: "testid".into(),
        access_key_secret: "testsecret".into(),
        security_token: token.map(Into::into),
    };
    let endpoint = Endpoint::parse("rmq://cn-hangzhou/rmq-cn-e", false).unwrap();
    Calls::new(&endpoint, credentials, Signature::V3).unwrap()
}

fn built(token: Option<&str>, call: Call<'_>) -> Result<Request, Unbuildable> {
    let stamp = Stamp {
        date: HeaderValue::from_static("2026-08-01T12:00:00Z"),
        nonce: "3156853299f313e23d1673dc12e1703d".into(),
    };
    calls(token).build(call, &stamp)
}

#[test]
fn methods_paths_and_queries_are_those_of_the_sdk() {
    let recorded = recorded();
    assert!(recorded.requests.len() > 50);
    for request in &recorded.requests {
        let known = |operation: &&&Operation| operation.name() == request.operation;
        let operation = *OPERATIONS.iter().find(known).unwrap();
        let names = ["instance", "topic", "group", "message"];
        let names = names.iter().filter_map(|name| request.names.get(*name));
        let static_name = |name: &str| match name {
            "startTime" => "startTime",
            "endTime" => "endTime",
            "topicName" => "topicName",
            _ => panic!("{name}"),
        };
        let parameters = request.parameters.iter();
        let parameters = parameters.map(|(name, value)| (static_name(name), &**value));
        let call = Call::of_path(
            operation,
            names.map(|name| &**name).collect(),
            parameters.collect(),
        );
        let ours = built(None, call).unwrap();
        assert_eq!(ours.method().as_str(), request.method);
        assert_eq!(ours.url().path(), request.path);
        assert_eq!(
            ours.url().query().unwrap_or_default(),
            request.canonical_query
        );
        assert_eq!(ours.headers()["x-acs-action"], operation.name());
        assert_eq!(ours.headers()["x-acs-version"], "2022-08-01");
        // The SDK signs some headers more.
        let headers: Vec<_> = request
            .signed_headers
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let signed = Signed {
            method: ours.method().as_str(),
            uri: ours.url().path(),
            query: ours.url().query().unwrap_or_default(),
            headers: &headers,
            payload_sha256: EMPTY_SHA256,
        };
        assert_eq!(signed.canonical_request(), request.canonical_request);
        let key = V3SigningKey::new(&recorded.access_key_secret);
        assert_eq!(
            key.sign(&string_to_sign(&signed.canonical_request())),
            request.signature
        );
    }
}

/// The parts of a request that our signature covers, as they are sent.
fn signature_of_sent(request: &Request) -> String {
    let authorization = request.headers()[AUTHORIZATION].to_str().unwrap();
    let (_, names) = authorization.split_once("SignedHeaders=").unwrap();
    let (names, _) = names.split_once(',').unwrap();
    let headers: Vec<_> = names
        .split(';')
        .map(|name| (name, request.headers()[name].to_str().unwrap()))
        .collect();
    let signed = Signed {
        method: request.method().as_str(),
        uri: request.url().path(),
        query: request.url().query().unwrap_or_default(),
        headers: &headers,
        payload_sha256: EMPTY_SHA256,
    };
    signed.authorization("testid", &V3SigningKey::new("testsecret"))
}

proptest! {
    #[test]
    fn what_is_signed_is_what_is_sent(
        topic in "[a-zA-Z0-9%|_-]{1,20}|\\PC{1,8}|\\.{1,3}|%2[eE]|[./\\\\?#~ ]{1,4}",
        group in "\\PC{1,8}",
        token in proptest::option::of("[A-Za-z0-9+/=]{8,20}"),
        start in proptest::option::of("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
    ) {
        let mut parameters = vec![("topicName", &*group)];
        parameters.extend(start.as_deref().map(|start| ("startTime", start)));
        let call = Call::of_path(GET_TRACE, vec!["i", &topic, "m"], parameters.clone());
        match built(token.as_deref(), call) {
            Ok(request) => {
                let authorization = request.headers()[AUTHORIZATION].to_str().unwrap();
                let signature = signature_of_sent(&request);
                prop_assert_eq!(authorization, &signature);
                prop_assert_eq!(signature_of(authorization).len(), 64);
                let path = format!("/instances/i/topics/{}/traces/m", encode(&topic));
                prop_assert_eq!(request.url().path(), path);
                prop_assert_eq!(request.url().query(), Some(&*canonical_query(&parameters)));
                prop_assert!(request.url().fragment().is_none());
            }
            // A path without them would ask about something else.
            Err(error) => {
                prop_assert!(matches!(&*topic, "." | ".."), "{}: {}", topic, error);
                prop_assert!(matches!(error, Unbuildable::Path(_)));
            }
        }
    }
}
