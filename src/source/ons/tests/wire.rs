//! Calls over a real socket: what is sent, and how responses are handled.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::super::percent::canonical_query;
use super::super::sign_v3::Signed;
use super::super::{
    ApiConfig, Credentials, Endpoint, Network, Ons, Signature, errors, sign_v1, sign_v3,
};
use super::gateway::{CERTIFICATE, Gateway, Reply, STRANGER};
use crate::exit::Advice as _;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Trace, TraceSource as _, Unpaced};

const SECRET: &str = "testsecret";
const TOKEN: &str = "CAISstrange+token/with=chars";
pub(super) const OK: &str = r#"{"RequestId":"r-1","Data":{"MessageTrack":[{"ConsumerGroup":"GID_a","TrackType":"CONSUMED"}]}}"#;

pub(super) fn now() -> Timestamp {
    "2026-08-01T12:00:00.7Z".parse().unwrap()
}

pub(in super::super) fn config(gateway: &Gateway, signature: Signature) -> ApiConfig {
    ApiConfig {
        endpoint: Endpoint::parse(&format!("http://{}", gateway.address), false).unwrap(),
        key: key().into(),
        signature,
        timeout: Duration::from_secs(10),
        clock: now,
        network: Network::default(),
    }
}

pub(super) fn key() -> Credentials {
    Credentials {
        provider: "environment".into(),
        access_key_id: "testid".into(),
        access_key_secret: SECRET.into(),
        security_token: Some(TOKEN.into()),
    }
}

pub(super) fn query() -> Query {
    Query {
        instance_id: Some("MQ_INST_111111111111_DOxxxxxx".into()),
        topic: "a b+c*d~e%f/g=h&i:中".into(),
        msg_id: "1E05791C117818B4AAC23B1BB0CE0000".into(),
        position: None,
        born_after: None,
        send_result: None,
    }
}

/// Makes one call per reply; returns the answers and the requests.
async fn ask(
    signature: Signature,
    replies: Vec<Reply>,
) -> (Vec<Result<Trace, Failure>>, Vec<String>) {
    let calls = replies.len();
    let gateway = Gateway::answering(replies);
    let ons = Ons::new(config(&gateway, signature)).unwrap();
    let mut answers = Vec::new();
    for _ in 0..calls {
        answers.push(ons.trace(&query(), &Unpaced).await);
    }
    (answers, gateway.asked().await)
}

async fn failure(reply: Reply) -> Failure {
    ask(Signature::V3, vec![reply])
        .await
        .0
        .remove(0)
        .unwrap_err()
}

/// Decoded parameters and headers (lower-case names) of a request.
pub(in super::super) type Pairs = Vec<(String, String)>;

pub(in super::super) fn taken_apart(head: &str) -> (Pairs, Pairs) {
    let mut lines = head.lines();
    let line = lines.next().unwrap();
    let target = line
        .strip_prefix("POST ")
        .unwrap()
        .strip_suffix(" HTTP/1.1")
        .unwrap();
    let url = Url::parse("http://gateway").unwrap().join(target).unwrap();
    assert_eq!(url.path(), "/");
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    (url.query_pairs().into_owned().collect(), headers)
}

pub(in super::super) fn value<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| &**value)
}

#[tokio::test]
async fn v3_signs_host_and_acs_headers_anew_in_every_call() {
    let replies = vec![Reply::http("200 OK", "", OK), Reply::http("200 OK", "", OK)];
    let (answers, asked) = ask(Signature::V3, replies).await;
    for answer in answers {
        let trace = answer.unwrap();
        assert_eq!(trace.request_id.as_deref(), Some("r-1"));
        assert_eq!(&*trace.tracks[0].group, "GID_a");
    }
    let mut nonces = Vec::new();
    for head in &asked {
        let (parameters, headers) = taken_apart(head);
        let of =
            |name: &str| value(&headers, name).unwrap_or_else(|| panic!("no {name} in {head}"));
        assert_eq!(value(&parameters, "Topic"), Some("a b+c*d~e%f/g=h&i:中"));
        assert_eq!(of("content-length"), "0");
        assert_eq!(of("accept"), "application/json");
        assert!(of("user-agent").starts_with("ons-audit/"));
        assert_eq!(of("x-acs-date"), "2026-08-01T12:00:00Z");
        let names = "host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;\
            x-acs-signature-nonce;x-acs-version";
        let signed: Vec<(&str, &str)> = names.split(';').map(|name| (name, of(name))).collect();
        let expected = Signed {
            method: "POST",
            uri: "/",
            query: &canonical_query(&parameters),
            headers: &signed,
            payload_sha256: of("x-acs-content-sha256"),
        };
        assert_eq!(
            of("authorization"),
            expected.authorization("testid", &sign_v3::V3SigningKey::new(SECRET))
        );
        nonces.push(of("x-acs-signature-nonce").to_owned());
    }
    assert!(nonces[0].len() == 32 && nonces[0] != nonces[1]);
}

#[tokio::test]
async fn v1_signs_the_query_anew_in_every_call() {
    let replies = vec![Reply::http("200 OK", "", OK), Reply::http("200 OK", "", OK)];
    let (answers, asked) = ask(Signature::V1, replies).await;
    assert!(answers.iter().all(Result::is_ok));
    let mut nonces = Vec::new();
    for head in &asked {
        let (mut parameters, headers) = taken_apart(head);
        assert_eq!(value(&headers, "authorization"), None);
        assert_eq!(value(&headers, "x-acs-security-token"), None);
        for (name, expected) in [
            ("Format", "JSON"),
            ("SecurityToken", TOKEN),
            ("Action", "OnsMessageTrace"),
        ] {
            assert_eq!(value(&parameters, name), Some(expected));
        }
        nonces.push(value(&parameters, "SignatureNonce").unwrap().to_owned());
        let signature = value(&parameters, "Signature").unwrap().to_owned();
        parameters.retain(|(name, _)| name != "Signature");
        let text = sign_v1::string_to_sign("POST", &canonical_query(&parameters));
        assert_eq!(signature, sign_v1::V1SigningKey::new(SECRET).sign(&text));
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for (status, kind) in [
        ("301 Moved Permanently", FailureKind::Fatal),
        ("302 Found", FailureKind::Server),
    ] {
        let there = Gateway::answering(vec![]);
        let location = format!(
            "location: http://{}/?token=abc\r\n",
            there.address.replace("127.0.0.1", "localhost")
        );
        let failure = failure(Reply::http(status, &location, "")).await;
        assert_eq!(failure.kind, kind);
        assert!(
            failure
                .message
                .contains("redirected to localhost, not followed"),
            "{}",
            failure.message
        );
        assert!(there.asked().await.is_empty());
    }
}

#[tokio::test]
async fn throttling_brings_its_waiting_time() {
    let body = r#"{"RequestId":"r","Code":"Throttling.User","Message":"slow down"}"#;
    let failure = failure(Reply::http(
        "400 Bad Request",
        "X-Acs-Retry-After: 400\r\nretry-after: 1\r\n",
        body,
    ))
    .await;
    assert_eq!(failure.kind, FailureKind::Throttled);
    assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(failure.http_status, Some(400));
}

#[tokio::test]
async fn temporary_errors_are_asked_again_whatever_the_code() {
    let wait = "x-acs-retry-after: 200\r\n";
    for (status, headers, code, kind) in [
        ("429 Too Many Requests", "", "Odd", FailureKind::Throttled),
        ("503 Service Unavailable", "", "Odd", FailureKind::Server),
        (
            "503 Service Unavailable",
            wait,
            "Odd",
            FailureKind::Throttled,
        ),
        (
            "503 Service Unavailable",
            "",
            "FlowControl",
            FailureKind::Throttled,
        ),
        ("400 Bad Request", wait, "BIZ_NEW", FailureKind::Throttled),
        (
            "403 Forbidden",
            "retry-after: 2\r\n",
            "Forbidden.RAM",
            FailureKind::Throttled,
        ),
        // A wait of zero is none; the others are no requests to wait.
        (
            "400 Bad Request",
            "x-acs-retry-after: 0\r\n",
            "Odd",
            FailureKind::Refused,
        ),
        (
            "404 Not Found",
            "x-ratelimit-user: TimeLeft:900\r\n",
            "BIZ_NO_MESSAGE",
            FailureKind::NotFound,
        ),
        ("400 Bad Request", "", "Odd", FailureKind::Refused),
    ] {
        let body = format!(r#"{{"RequestId":"r","Code":"{code}","Message":"m"}}"#);
        let failure = failure(Reply::http(status, headers, &body)).await;
        assert_eq!(failure.kind, kind, "{status} {headers} {code}");
        assert_eq!(failure.code.as_deref(), Some(code));
        assert_eq!(failure.is_overload(), kind == FailureKind::Server);
    }
    assert_eq!(
        errors::temporary(FailureKind::Expired, Some(503), true),
        None
    );
}

#[tokio::test]
async fn a_refused_time_stamp_tells_the_clocks_apart() {
    let body = "<Error><Code>InvalidTimeStamp.Expired</Code><Message>m</Message></Error>";
    let reply = Reply::http(
        "400 Bad Request",
        "date: Sat, 01 Aug 2026 12:20:00 GMT\r\n",
        body,
    );
    let failure = failure(reply).await;
    assert_eq!(failure.kind, FailureKind::Fatal);
    let hint = failure.hint.unwrap();
    assert!(hint.contains("19m 59s behind"), "{hint}");
}

#[tokio::test]
async fn a_proxys_page_is_shown_without_our_keys() {
    let page = format!("<html><h1>502</h1> /?AccessKeyId=testid&SecurityToken={TOKEN}");
    let failure = failure(Reply::http(
        "502 Bad Gateway",
        "content-type: application/json\r\n",
        &page,
    ))
    .await;
    assert_eq!(failure.kind, FailureKind::Server);
    assert!(
        failure
            .message
            .contains("<h1>502</h1> /?AccessKeyId=***&SecurityToken=***"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_transport_failure() {
    let half = Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"Data\":".to_vec());
    for (signature, reply) in [
        (Signature::V1, Reply::Reset),
        (Signature::V3, Reply::Bytes(vec![])),
        (
            Signature::V1,
            Reply::Bytes(b"not HTTP at all\r\n\r\n".to_vec()),
        ),
        (Signature::V3, half),
    ] {
        let (mut answers, _) = ask(signature, vec![reply]).await;
        let failure = answers.remove(0).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Transport, "{}", failure.message);
        for secret in ["testid", "CAIS", "http://", "SignatureNonce"] {
            assert!(!failure.message.contains(secret), "{}", failure.message);
        }
    }
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_a_transport_failure() {
    let gateway = Gateway::answering(vec![]);
    let ons = Ons::new(config(&gateway, Signature::V1)).unwrap();
    gateway.asked().await; // ends the thread, and with it the listener
    let failure = ons.trace(&query(), &Unpaced).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transport);
    assert!(
        failure
            .message
            .starts_with("can't connect: Connection refused"),
        "{}",
        failure.message
    );
    assert!(failure.hint.is_some());
}

#[tokio::test]
async fn silence_ends_with_the_timeout() {
    let gateway = Gateway::answering(vec![Reply::Silence]);
    let ons = Ons::new(ApiConfig {
        timeout: Duration::from_millis(50),
        ..config(&gateway, Signature::V3)
    })
    .unwrap();
    let failure = ons.trace(&query(), &Unpaced).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transport);
    assert!(
        failure.message.starts_with("no answer in time"),
        "{}",
        failure.message
    );
    drop(ons);
    assert_eq!(gateway.asked().await.len(), 1);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n";
    let body = " ".repeat(2 * 1024 * 1024);
    let announced = format!("{head}content-length: 99999999999\r\n\r\n{{");
    for reply in [announced, format!("{head}\r\n{body}")] {
        let failure = failure(Reply::Bytes(reply.into_bytes())).await;
        assert_eq!(failure.kind, FailureKind::Server);
        assert!(failure.message.contains("more than 1 MiB"));
    }
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_not_undone() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(OK.as_bytes()).unwrap();
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\n\r\n";
    let reply = [head.as_bytes(), &packed.finish().unwrap()].concat();
    let (mut answers, asked) = ask(Signature::V3, vec![Reply::Bytes(reply)]).await;
    assert!(
        asked[0].contains("\r\naccept-encoding: identity\r\n"),
        "{}",
        asked[0]
    );
    let failure = answers.remove(0).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Server);
    assert!(
        failure
            .message
            .contains("compressed, which was not requested"),
        "{}",
        failure.message
    );
}

/// Calls a TLS gateway, trusting `root` in addition to the system's roots.
async fn ask_over_tls(root: &[u8]) -> Result<Trace, Failure> {
    let gateway = Gateway::answering_tls(vec![Reply::http("200 OK", "", OK)]);
    let ons = Ons::new(ApiConfig {
        endpoint: Endpoint::parse(&format!("https://{}", gateway.address), false).unwrap(),
        network: Network {
            ca_cert: Some(root.to_vec()),
            ..Network::default()
        },
        ..config(&gateway, Signature::V3)
    });
    let answer = ons.unwrap().trace(&query(), &Unpaced).await;
    gateway.asked().await;
    answer
}

#[tokio::test]
async fn a_root_certificate_can_be_added() {
    assert!(ask_over_tls(CERTIFICATE).await.is_ok());
}

#[tokio::test]
async fn an_untrusted_certificate_ends_the_run() {
    let failure = ask_over_tls(STRANGER).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Fatal);
    assert!(
        failure.message.contains("certificate is not trusted: "),
        "{}",
        failure.message
    );
    assert!(failure.hint.unwrap().contains("--ca-cert"));
}

#[test]
fn a_client_that_could_not_work_is_refused() {
    let works = config(&Gateway::answering(vec![]), Signature::V3);
    let bad_key = ApiConfig {
        key: Credentials {
            access_key_id: "id\nid".into(),
            ..key()
        }
        .into(),
        ..works.clone()
    };
    let no_root = ApiConfig {
        network: Network {
            ca_cert: Some(b"not PEM".to_vec()),
            ..Network::default()
        },
        ..works
    };
    for (config, message, hint) in [
        (bad_key, "from environment has characters", "line breaks"),
        (no_root, "no certificate", "BEGIN CERTIFICATE"),
    ] {
        let error = Ons::new(config).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap().contains(hint));
    }
}
