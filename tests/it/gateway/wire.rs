//! Parses a request like the real gateway and recomputes its signature.
//!
//! The arithmetic is the library's, which other tests check against vectors; the signed text is taken from the
//! wire.

use std::collections::HashMap;

use axum::http::HeaderMap;
use axum::http::request::Parts;
use ons_audit::source::ons::percent::canonical_query;
use ons_audit::source::ons::sign_v3::V3SigningKey;
use ons_audit::source::ons::{sign_v1, sign_v3};

use super::Keys;
use super::fault::Refusal;

const ACTION: &str = "OnsMessageTrace";
const VERSION: &str = "2019-02-14";

/// Headers that every V3 request signs.
const SIGNED: [&str; 6] = [
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
];

/// A received request.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> Wire<'a> {
    pub(crate) fn of(head: &'a Parts, body: &'a [u8]) -> Self {
        Self {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &head.headers,
            body,
        }
    }
}

/// What the headers of signature V3 say, and the text that they sign.
#[derive(Debug)]
pub(crate) struct SignedByV3 {
    pub(crate) key_id: String,
    pub(crate) token: Option<String>,
    pub(crate) date: String,
    pub(crate) nonce: String,
    pub(crate) action: String,
    pub(crate) version: String,
    pub(crate) signature: String,
    pub(crate) canonical_request: String,
}

impl SignedByV3 {
    /// Returns whether a secret makes this signature.
    pub(crate) fn is_right(&self, secret: &str) -> bool {
        let text = sign_v3::string_to_sign(&self.canonical_request);
        V3SigningKey::new(secret).sign(&text) == self.signature
    }
}

/// The query and the stamp of a request.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) signature: &'static str,
    pub(super) key_id: String,
    pub(super) token: Option<String>,
    pub(super) date: String,
    pub(super) nonce: String,
    pub(super) msg_id: String,
    pub(super) topic: String,
    pub(super) instance: Option<String>,
}

impl Wire<'_> {
    /// Returns whether this operation is called.
    pub(super) fn calls(&self, operation: &str) -> bool {
        self.parameter("Action") == Some(operation) || self.header("x-acs-action") == Ok(operation)
    }

    /// Returns a parameter as it was sent.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.query.split('&').filter_map(|one| one.split_once('='));
        parameters.find_map(|(own, value)| (own == name).then_some(value))
    }

    /// `Err(Ok(…))` is an error response of the gateway; `Err(Err(…))` a request that no client should send.
    pub(super) fn read(&self, keys: &Keys) -> Result<Asked, Result<Refusal, String>> {
        let fact = |holds: bool, what: &str| holds.then_some(()).ok_or(Err(what.to_owned()));
        fact(self.method == "POST" && self.path == "/", "no POST /")?;
        fact(self.body.is_empty(), "a body")?;
        fact(self.header("user-agent").is_ok(), "no user agent")?;
        let parameters = decoded(self.query).map_err(Err)?;
        let of: HashMap<&str, &str> = parameters
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        fact(of.len() == parameters.len(), "a parameter twice")?;
        let asked = if of.contains_key("Signature") {
            self.version_1(&parameters, &of, keys)?
        } else {
            self.version_3(&parameters, &of, keys)?
        };
        fact(is_date(&asked.date), "a date of another form")?;
        fact(asked.nonce.len() >= 16, "a short nonce")?;
        fact(asked.token == keys.token, "not the security token")?;
        Ok(asked)
    }

    fn version_1(
        &self,
        parameters: &[(String, String)],
        of: &HashMap<&str, &str>,
        keys: &Keys,
    ) -> Result<Asked, Result<Refusal, String>> {
        for (key, value) in [
            ("Action", ACTION),
            ("Version", VERSION),
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
        ] {
            if of.get(key) != Some(&value) {
                return Err(Err(format!("no {key}={value}")));
            }
        }
        let signed: Vec<_> = parameters
            .iter()
            .filter(|(key, _)| key != "Signature")
            .collect();
        let signed: Vec<_> = signed.iter().map(|(key, value)| (key, value)).collect();
        let text = sign_v1::string_to_sign(self.method, &canonical_query(&signed));
        let asked = Asked {
            signature: "v1",
            key_id: taken(of, "AccessKeyId")?,
            token: of.get("SecurityToken").map(|&token| token.to_owned()),
            date: taken(of, "Timestamp")?,
            nonce: taken(of, "SignatureNonce")?,
            msg_id: taken(of, "MsgId")?,
            topic: taken(of, "Topic")?,
            instance: of.get("InstanceId").map(|&id| id.to_owned()),
        };
        let right = sign_v1::V1SigningKey::new(&keys.secret).sign(&text);
        keys.check(&asked.key_id, of["Signature"] == right, &text)
            .map_err(Ok)?;
        Ok(asked)
    }

    fn version_3(
        &self,
        parameters: &[(String, String)],
        of: &HashMap<&str, &str>,
        keys: &Keys,
    ) -> Result<Asked, Result<Refusal, String>> {
        let signed = self
            .signed_by_v3(&canonical_query(parameters))
            .map_err(Err)?;
        if signed.action != ACTION || signed.version != VERSION {
            return Err(Err(format!("{} {}", signed.action, signed.version)));
        }
        let asked = Asked {
            signature: "v3",
            key_id: signed.key_id.clone(),
            token: signed.token.clone(),
            date: signed.date.clone(),
            nonce: signed.nonce.clone(),
            msg_id: taken(of, "MsgId")?,
            topic: taken(of, "Topic")?,
            instance: of.get("InstanceId").map(|&id| id.to_owned()),
        };
        keys.check_v3(&signed).map_err(Ok)?;
        Ok(asked)
    }

    /// Reads the headers of signature V3, and rebuilds the text that is signed from the path as it was sent.
    pub(crate) fn signed_by_v3(&self, canonical_query: &str) -> Result<SignedByV3, String> {
        let fields = self
            .header("authorization")?
            .strip_prefix("ACS3-HMAC-SHA256 ")
            .ok_or("another algorithm")?;
        let fields: HashMap<&str, &str> = fields
            .split(',')
            .filter_map(|field| field.split_once('='))
            .collect();
        let field = |name: &str| {
            let value = fields.get(name).filter(|value| !value.is_empty());
            value
                .map(|&value| value.to_owned())
                .ok_or(format!("no {name}"))
        };
        let signed_headers = field("SignedHeaders")?;
        let names: Vec<_> = signed_headers.split(';').collect();
        let token = self.header("x-acs-security-token").ok();
        let needed = SIGNED
            .into_iter()
            .chain(token.map(|_| "x-acs-security-token"));
        if let Some(missing) = needed.into_iter().find(|name| !names.contains(name)) {
            return Err(format!("{missing} is not signed"));
        }
        let mut headers = Vec::new();
        for name in &names {
            headers.push((*name, self.header(name)?));
        }
        let payload = sign_v3::sha256_hex(self.body);
        if !names.is_sorted() || self.header("x-acs-content-sha256")? != payload {
            return Err(format!("headers {headers:?}"));
        }
        let request = sign_v3::Signed {
            method: self.method,
            uri: self.path,
            query: canonical_query,
            headers: &headers,
            payload_sha256: &payload,
        };
        Ok(SignedByV3 {
            key_id: field("Credential")?,
            token: token.map(str::to_owned),
            date: self.header("x-acs-date")?.to_owned(),
            nonce: self.header("x-acs-signature-nonce")?.to_owned(),
            action: self.header("x-acs-action")?.to_owned(),
            version: self.header("x-acs-version")?.to_owned(),
            signature: field("Signature")?,
            canonical_request: request.canonical_request(),
        })
    }

    fn header(&self, name: &str) -> Result<&str, String> {
        let value = self.headers.get(name).ok_or(format!("no {name}"))?;
        value.to_str().map_err(|error| format!("{name}: {error}"))
    }
}

fn taken(of: &HashMap<&str, &str>, key: &str) -> Result<String, Result<Refusal, String>> {
    let value = of.get(key).filter(|value| !value.is_empty());
    value
        .map(|&value| value.to_owned())
        .ok_or_else(|| Err(format!("no {key}")))
}

/// Decodes `key=value&…`.
fn decoded(query: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or(format!("no `=` in {pair}"))?;
        Ok((text_of(key)?, text_of(value)?))
    };
    query.split('&').map(pair).collect()
}

pub(crate) fn text_of(encoded: &str) -> Result<String, String> {
    let bad = || format!("badly encoded: {encoded}");
    let mut bytes = Vec::new();
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let hex = tail.get(..2).ok_or_else(bad)?;
                rest = &tail[2..];
                let hex = std::str::from_utf8(hex).map_err(|_| bad())?;
                u8::from_str_radix(hex, 16).map_err(|_| bad())?
            }
            b'+' => return Err(bad()),
            plain => *plain,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

/// Returns whether the text is a date like `2026-11-22T12:00:00Z`, within 15 minutes of now.
pub(crate) fn is_date(text: &str) -> bool {
    let Ok(date) = text.parse::<jiff::Timestamp>() else {
        return false;
    };
    text.len() == 20
        && text.ends_with('Z')
        && date.duration_since(ons_audit::clock::system()).abs()
            < jiff::SignedDuration::from_mins(15)
}
