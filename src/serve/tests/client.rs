//! A client for the tests: it signs as SDKs do, and can be made to do it wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::headers;
use crate::engine::{Pacer, Rate};
use crate::serve::*;
use crate::source::ons::percent::{canonical_query, encode};
use crate::source::ons::sign_v3::sha256_hex;
use crate::source::ons::{sign_v1, sign_v3};
use crate::source::{Snapshot, Source};
use std::num::NonZeroU32;

pub(super) const NOW: &str = "2025-11-20T03:00:00Z";

const SNAPSHOT: &str = r#"{"schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2025-11-20T03:00:00Z",
    "instance_id":"MQ_1",
    "topics":[{"topic":"orders","queues":[{"broker":"a","queue_id":0,"min_offset":5,"max_offset":6}]},
              {"topic":"lonely"}],
    "groups":[{"group":"GID_a","online":true,"consume_type":"push","message_model":"clustering",
               "subscriptions":[{"topic":"orders","expression":"paid||sent","expression_type":"TAG"}],
               "offsets":[{"topic":"orders","broker":"a","queue_id":0,"offset":6}]},
              {"group":"GID_off","online":false,
               "offsets":[{"topic":"orders","broker":"a","queue_id":0,"offset":6}]}],
    "messages":[{"msg_id":"0A","topic":"orders","broker":"a","queue_id":0,"queue_offset":5,"tag":"paid",
                 "stored_at":"2025-11-20T02:00:00Z"},
                {"msg_id":"0B","topic":"lonely","broker":"a","queue_id":0,"queue_offset":5}]}"#;

const KEYS: &str = r#"
[[keys]]
id = "reader"
secret = "secret"
[[keys]]
id = "narrow"
secret = "secret"
topics = ["payments"]
[[keys]]
id = "narrower"
secret = "secret"
topics = ["lonely"]
[[keys]]
id = "both"
secret = "secret"
topics = ["lonely", "orders"]
[[keys]]
id = "elsewhere"
secret = "secret"
instances = ["MQ_2"]
[[keys]]
id = "gone"
secret = "secret"
active = false
[[keys]]
id = "temporary"
secret = "secret"
security_token = "tok+en/="
"#;

/// Creates a gateway over a small snapshot, with a key for every case, at [`NOW`].
pub(super) fn gateway() -> Gateway {
    gateway_started_at("2025-11-20T02:45:00.999Z")
}

/// Creates such a gateway, which started at this time.
pub(super) fn gateway_started_at(started: &str) -> Gateway {
    gateway_over(SNAPSHOT, started)
}

/// Creates such a gateway over the small snapshot with these fields added.
pub(super) fn gateway_with(fields: &str) -> Gateway {
    let snapshot = SNAPSHOT.replacen('{', &format!("{{{fields},"), 1);
    gateway_over(&snapshot, "2025-11-20T02:45:00.999Z")
}

pub(super) fn gateway_over(snapshot: &str, started: &str) -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        use std::io::Write;
        let path = folder.path().join(name);
        let mut file = crate::file::create_private(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    };
    let keys = AccessKeys::load(&KeySource::File(write("keys.toml", KEYS))).unwrap();
    let snapshot = Snapshot::open(&write("cluster.json", snapshot)).unwrap();
    Gateway {
        authenticator: Authenticator::new(
            Some(keys),
            || NOW.parse().unwrap(),
            started.parse().unwrap(),
        ),
        quota: Quota::new(Rate::Max),
        fault_injector: FaultInjector::new(Duration::ZERO, 0.0, 0),
        upstream: Upstream::new(
            Source::Snapshot(Box::new(snapshot)),
            Pacer::new(Rate::Max, NonZeroU32::MIN),
        ),
    }
}

/// Returns the body with its request ID replaced.
pub(super) fn text(reply: &GatewayReply) -> String {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert!(text.contains(&reply.details.request_id), "{text}");
    text.replace(&reply.details.request_id, "ID")
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Version {
    V1,
    V3,
}

/// A call that a test changes before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) version: Version,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) key_id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: Option<&'static str>,
    pub(super) date: &'static str,
    pub(super) nonce: String,
    pub(super) as_form: bool,
    pub(super) action: Option<&'static str>,
    pub(super) api: Option<&'static str>,
    pub(super) parameters: Vec<(&'static str, &'static str)>,
    /// Left out after signing: parameters for V1, headers for V3.
    pub(super) lost: Vec<&'static str>,
}

impl Client {
    pub(super) fn trace(version: Version) -> Self {
        let parameters = [("MsgId", "0A"), ("Topic", "orders")];
        Self::of(version, "OnsMessageTrace", &parameters)
    }

    pub(super) fn of(
        version: Version,
        action: &'static str,
        parameters: &[(&'static str, &'static str)],
    ) -> Self {
        static NONCE: AtomicU64 = AtomicU64::new(0);
        Self {
            version,
            method: "POST",
            path: "/",
            key_id: "reader",
            secret: "secret",
            token: None,
            date: NOW,
            nonce: format!("nonce-{}", NONCE.fetch_add(1, Ordering::Relaxed)),
            as_form: false,
            action: Some(action),
            api: Some(VERSION),
            parameters: parameters.to_vec(),
            lost: Vec::new(),
        }
    }

    /// Sets or removes a parameter.
    pub(super) fn set(&mut self, name: &'static str, value: Option<&'static str>) {
        self.parameters.retain(|(known, _)| *known != name);
        self.parameters.extend(value.map(|value| (name, value)));
    }

    pub(super) async fn send_to(&self, gateway: &Gateway) -> GatewayReply {
        match self.version {
            Version::V1 => self.send_v1(gateway).await,
            Version::V3 => self.send_v3(gateway).await,
        }
    }

    async fn send_v1(&self, gateway: &Gateway) -> GatewayReply {
        let mut parameters = self.parameters.clone();
        parameters.extend(self.action.map(|action| ("Action", action)));
        parameters.extend(self.api.map(|api| ("Version", api)));
        parameters.extend(self.token.map(|token| ("SecurityToken", token)));
        parameters.extend([
            ("AccessKeyId", self.key_id),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", &*self.nonce),
            ("SignatureType", ""),
            ("SignatureVersion", "1.0"),
            ("Timestamp", self.date),
        ]);
        let text = sign_v1::string_to_sign(self.method, &canonical_query(&parameters));
        let signature = sign_v1::V1SigningKey::new(self.secret).sign(&text);
        parameters.push(("Signature", &signature));
        parameters.retain(|(name, _)| !self.lost.contains(name));
        let sent = canonical_query(&parameters);
        self.send(gateway, &sent, &[]).await
    }

    async fn send_v3(&self, gateway: &Gateway) -> GatewayReply {
        let parameters = canonical_query(&self.parameters);
        let (query, body) = if self.as_form {
            ("", &*parameters)
        } else {
            (&*parameters, "")
        };
        let payload = sha256_hex(body.as_bytes());
        let mut headers = vec![
            ("accept", "application/json"),
            ("host", "ons.demo"),
            ("user-agent", "tests"),
            ("x-acs-content-sha256", &*payload),
            ("x-acs-date", self.date),
            ("x-acs-signature-nonce", &*self.nonce),
        ];
        headers.extend(self.action.map(|action| ("x-acs-action", action)));
        headers.extend(self.api.map(|api| ("x-acs-version", api)));
        headers.extend(self.token.map(|token| ("x-acs-security-token", token)));
        headers.sort_unstable();
        let signed = sign_v3::Signed {
            method: self.method,
            uri: self.path,
            query,
            headers: &headers,
            payload_sha256: &payload,
        };
        let authorization =
            signed.authorization(self.key_id, &sign_v3::V3SigningKey::new(self.secret));
        headers.push(("authorization", &authorization));
        headers.retain(|(name, _)| !self.lost.contains(name));
        self.send(gateway, &parameters, &headers).await
    }

    async fn send(
        &self,
        gateway: &Gateway,
        parameters: &str,
        pairs: &[(&str, &str)],
    ) -> GatewayReply {
        let mut headers = headers(pairs.iter().copied());
        if self.as_form {
            let kind = "application/x-www-form-urlencoded; charset=utf-8";
            headers.insert("content-type", kind.parse().unwrap());
        }
        let (query, body) = if self.as_form {
            ("", parameters)
        } else {
            (parameters, "")
        };
        let request = GatewayRequest {
            method: self.method,
            path: self.path,
            query,
            headers: &headers,
            body: body.as_bytes(),
        };
        gateway.answer(&request).await
    }
}

/// Encodes a parameter twice.
pub(super) fn twice(text: &str) -> String {
    encode(&encode(text))
}
