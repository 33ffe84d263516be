//! The gateway itself, asked by a plain client.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ons_audit::source::ons::percent::{canonical_query, encode};
use ons_audit::source::ons::sign_v3::{EMPTY_SHA256, Signed, V3SigningKey};
use serde::Deserialize;
use serde_json::Value;

use super::super::gateway::{KEY_ID, SECRET, Wire};
use super::gateway::Gateway;
use super::truth::{Expected, GROUPS, INSTANCE, NEVER, Truth};
use super::wire::{Asked, Operation, asked};

/// A request of the plain client.
struct Plain {
    method: &'static str,
    path: String,
    query: String,
    action: &'static str,
    nonce: String,
}

impl Plain {
    fn of(asked: &Asked) -> Self {
        static NONCES: AtomicUsize = AtomicUsize::new(0);
        let Asked {
            operation,
            instance,
            topic,
            message,
            group,
        } = asked;
        let [instance, t, message, group] =
            [instance, topic, message, group].map(|name| encode(name));
        let below = match operation {
            Operation::GetTrace => format!("/topics/{t}/traces/{message}"),
            Operation::GetMessageDetail => format!("/topics/{t}/messages/{message}"),
            Operation::ListTopicSubscriptions => format!("/topics/{t}/subscriptions"),
            Operation::GetConsumerGroupLag => format!("/consumerGroups/{group}/lag"),
            Operation::GetConsumerGroup => format!("/consumerGroups/{group}"),
            Operation::GetInstance => String::new(),
        };
        let query = match operation {
            Operation::GetConsumerGroupLag => canonical_query(&[("topicName", topic)]),
            _ => String::new(),
        };
        Self {
            method: "GET",
            path: format!("/instances/{instance}{below}"),
            query,
            action: operation.as_str(),
            nonce: format!("plain-client-{:08}", NONCES.fetch_add(1, Ordering::SeqCst)),
        }
    }

    /// Returns status and body; `None` if the connection ends before.
    fn send(&self, gateway: &Gateway) -> Option<(u16, String)> {
        let host = gateway.address().to_string();
        let date = ons_audit::clock::system()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let headers = [
            ("host", &*host),
            ("x-acs-action", self.action),
            ("x-acs-content-sha256", EMPTY_SHA256),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &self.nonce),
            ("x-acs-version", "2022-08-01"),
        ];
        let signed = Signed {
            method: self.method,
            uri: &self.path,
            query: &self.query,
            headers: &headers,
            payload_sha256: EMPTY_SHA256,
        };
        let authorization = signed.authorization(KEY_ID, &V3SigningKey::new(SECRET));
        let mut head = format!("{} {}?{} HTTP/1.1\r\n", self.method, self.path, self.query);
        for (name, value) in headers
            .into_iter()
            .chain([("authorization", &*authorization)])
        {
            for part in [name, ": ", value, "\r\n"] {
                head += part;
            }
        }
        let mut stream = TcpStream::connect(gateway.address()).unwrap();
        write!(stream, "{head}connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head[9..12].parse().unwrap(), body.to_owned()))
    }
}

fn question(operation: Operation, [topic, message, group]: [&str; 3]) -> Asked {
    Asked {
        operation,
        instance: INSTANCE.to_owned(),
        topic: topic.to_owned(),
        message: message.to_owned(),
        group: group.to_owned(),
    }
}

#[test]
fn the_gateway_answers_from_the_table() {
    let truth = Arc::new(Truth::now());
    let gateway = Gateway::setup(&truth).start();
    let mut asked = 0;
    for (question, reply) in truth.askable() {
        let (status, body) = Plain::of(question).send(&gateway).unwrap();
        let mut body: Value = serde_json::from_str(&body).unwrap();
        let request_id = body.as_object_mut().unwrap().remove("requestId").unwrap();
        assert!(request_id.as_str().unwrap().len() == 36, "{request_id}");
        assert_eq!((status, &body), (reply.status, &reply.body), "{question:?}");
        asked += 1;
    }
    assert_eq!(gateway.calls().values().sum::<usize>(), asked);
    let calls: Vec<_> = gateway.calls().into_keys().collect();
    assert_eq!(calls, Operation::ALL);
}

#[test]
fn what_the_table_lacks_is_not_found() {
    let truth = Arc::new(Truth::now());
    let gateway = Gateway::setup(&truth).start();
    let message = truth.messages[0].id.clone();
    let mut elsewhere = question(Operation::GetTrace, ["orders", &message, ""]);
    elsewhere.instance = "rmq-cn-other".into();
    for (asked, code) in [
        (elsewhere, "Instance.NotFound"),
        (
            question(Operation::GetTrace, ["orders", "0A", ""]),
            "Message.NotFound",
        ),
        (
            question(Operation::ListTopicSubscriptions, ["x", "", ""]),
            "Topic.NotFound",
        ),
        (
            question(Operation::GetConsumerGroup, ["", "", "x"]),
            "ConsumerGroup.NotFound",
        ),
    ] {
        let (status, body) = Plain::of(&asked).send(&gateway).unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["code"]), (404, &code.into()), "{asked:?}");
    }
    let mut other = Plain::of(&question(Operation::GetInstance, ["", "", ""]));
    (other.path, other.action) = ("/instances".into(), "ListInstances");
    let (status, body) = other.send(&gateway).unwrap();
    assert!(
        status == 404 && body.contains("InvalidAction.NotFound"),
        "{body}"
    );
}

#[test]
fn what_no_client_should_send_is_noticed() {
    let truth = Arc::new(Truth::now());
    let gateway = Gateway::setup(&truth).start();
    let message = truth.messages[0].id.clone();
    let right = || Plain::of(&question(Operation::GetTrace, ["orders", &message, ""]));
    let with = |change: fn(&mut Plain)| {
        let mut plain = right();
        change(&mut plain);
        plain
    };
    for (wrong, what) in [
        (with(|plain| plain.method = "POST"), "no GET"),
        (with(|plain| plain.method = "DELETE"), "no GET"),
        (
            with(|plain| plain.action = "GetMessageDetail"),
            "another action",
        ),
        (
            with(|plain| plain.path = plain.path.replace("orders", "%6Frders")),
            "segment",
        ),
        (
            with(|plain| plain.path = plain.path.replace("orders", "or|ders")),
            "segment",
        ),
        (
            with(|plain| plain.path = plain.path.replace("orders", "")),
            "segment",
        ),
        (
            with(|plain| plain.query = "topicName=x".into()),
            "operation lacks",
        ),
        (
            with(|plain| plain.query = "endTime=2026-01-01%2000%3A00%3A00".into()),
            "half",
        ),
        (with(|plain| plain.nonce = "short".into()), "a short nonce"),
    ] {
        assert!(wrong.send(&gateway).is_some());
        let complaints = gateway.take_complaints();
        assert!(
            complaints.len() == 1 && complaints[0].contains(what),
            "{complaints:?}, {what}"
        );
    }
    let once = right();
    for number in 0..2 {
        assert_eq!(once.send(&gateway).unwrap().0, 200);
        assert_eq!(gateway.take_complaints().len(), number, "a nonce");
    }
}

#[test]
fn faults_repeat_with_their_seed_and_end() {
    let truth = Arc::new(Truth::now());
    let storm = |seed| {
        let gateway = Gateway::setup(&truth).faults(30, seed).start();
        let mut answers = Vec::new();
        for message in truth.messages.iter().take(150) {
            let asked = question(Operation::GetTrace, ["orders", &message.id, ""]);
            let mut attempts = Vec::new();
            for _ in 0..4 {
                attempts.push(Plain::of(&asked).send(&gateway));
            }
            let is_answer = |attempt: &Option<(u16, String)>| {
                attempt
                    .as_ref()
                    .is_some_and(|(status, body)| *status == 200 && body.contains("consumerInfos"))
            };
            assert!(attempts.iter().any(is_answer), "{attempts:?}");
            let kind =
                |attempt: Option<(u16, String)>| attempt.map(|(status, body)| (status, body.len()));
            answers.extend(attempts.into_iter().map(kind));
        }
        assert!(
            (120..240).contains(&gateway.faults()),
            "{}",
            gateway.faults()
        );
        answers
    };
    let first = storm(1);
    assert_eq!(first, storm(1));
    assert_ne!(first, storm(2));
    let kinds: BTreeSet<_> = first
        .into_iter()
        .map(|answer| answer.map(|(status, _)| status))
        .collect();
    let statuses = [200, 400, 404, 429, 500, 502, 503].map(Some);
    assert_eq!(kinds, [None].into_iter().chain(statuses).collect());
}

#[test]
fn the_table_has_every_rule() {
    let truth = Truth::now();
    assert!(truth.messages.len() >= 500, "{}", truth.messages.len());
    let mut groups: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    let mut verdicts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for message in &truth.messages {
        let Expected::Groups(pairs) = &message.expected else {
            continue;
        };
        assert_eq!(pairs.len(), GROUPS.len() + 1, "{message:?}");
        for (group, pair) in pairs {
            groups
                .entry(group)
                .or_default()
                .insert((&pair.rule, pair.verdict));
            *verdicts.entry((pair.verdict, pair.evidence)).or_default() += 1;
        }
    }
    let found: Vec<_> = verdicts.keys().copied().collect();
    let all = [
        ("absent", ""),
        ("dead_lettered", ""),
        ("failed", ""),
        ("filtered", ""),
        ("open", ""),
        ("passed", "lag"),
        ("passed", "trace"),
        ("retrying", ""),
        ("undetermined", ""),
    ];
    assert_eq!(found, all);
    assert!(
        verdicts.values().all(|number| *number >= 20),
        "{verdicts:?}"
    );
    for group in GROUPS {
        let rules: BTreeSet<_> = groups[group].iter().map(|(rule, _)| *rule).collect();
        assert!(rules.len() >= 60, "{group} has {} rules", rules.len());
    }
    assert_eq!(truth.pair("gone", &truth.messages[0].id, GROUPS[0]), None);
    let first = &truth.messages[0];
    assert_eq!(
        truth.pair(&first.topic, &first.id, NEVER).unwrap().verdict,
        "absent"
    );
}

#[derive(Deserialize)]
struct Recorded {
    access_key_id: String,
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

#[test]
fn requests_of_the_official_sdk_are_read() {
    let recorded = include_str!("../../data/roa_requests.json");
    let recorded: Recorded = serde_json::from_str(recorded).unwrap();
    assert!(recorded.requests.len() > 50);
    for request in &recorded.requests {
        let names: Vec<_> = request
            .signed_headers
            .iter()
            .map(|(name, _)| &**name)
            .collect();
        let authorization = format!(
            "ACS3-HMAC-SHA256 Credential={},SignedHeaders={},Signature={}",
            recorded.access_key_id,
            names.join(";"),
            request.signature
        );
        let mut headers = HeaderMap::new();
        for (name, value) in &request.signed_headers {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        headers.insert(
            "authorization",
            HeaderValue::from_str(&authorization).unwrap(),
        );
        let wire = Wire {
            method: &request.method,
            path: &request.path,
            query: &request.canonical_query,
            headers: &headers,
            body: b"",
        };
        assert_eq!(
            canonical_query(&request.parameters),
            request.canonical_query
        );
        let signed = wire.signed_by_v3(&request.canonical_query).unwrap();
        assert_eq!(signed.canonical_request, request.canonical_request);
        assert!(
            signed.is_right(&recorded.access_key_secret),
            "{}",
            request.path
        );
        let parameters = request.parameters.iter().cloned().collect();
        let found = asked(&request.path, &parameters).unwrap().unwrap();
        let name = |of: &str| request.names.get(of).cloned().unwrap_or_default();
        let parameter = parameters.get("topicName").cloned();
        let expected = (
            name("instance"),
            parameter.unwrap_or_else(|| name("topic")),
            name("message"),
            name("group"),
        );
        assert_eq!(found.operation.as_str(), request.operation);
        assert_eq!(
            (found.instance, found.topic, found.message, found.group),
            expected
        );
    }
}
