//! Builds the request of a call like the official SDKs (`docs/facts/ons-api.md` §§3.2, 3.5): `POST /` (4.x) or `GET` with
//! names in the path (5.x), all parameters in the query, an empty body, and a new nonce and date for every call.

use std::borrow::Cow;
use std::str::FromStr;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName,
    HeaderValue, InvalidHeaderValue, USER_AGENT,
};
use reqwest::{Method, Request, Url};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::percent::{canonical_query, encode_into};
use super::sign_v1::{self, V1SigningKey};
use super::sign_v3::{EMPTY_SHA256, Signed, V3SigningKey, signature_of};
use super::stamp::Stamp;
use super::{Credentials, Endpoint};
use crate::message::Query;
use crate::source::operation::{MESSAGE_TRACE, Operation};

const AGENT: &str = concat!("ons-audit/", env!("CARGO_PKG_VERSION"));

static X_ACS_ACCESSKEY_ID: HeaderName = HeaderName::from_static("x-acs-accesskey-id");
static X_ACS_ACTION: HeaderName = HeaderName::from_static("x-acs-action");
static X_ACS_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-acs-content-sha256");
static X_ACS_DATE: HeaderName = HeaderName::from_static("x-acs-date");
static X_ACS_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-acs-security-token");
static X_ACS_SIGNATURE_NONCE: HeaderName = HeaderName::from_static("x-acs-signature-nonce");
static X_ACS_VERSION: HeaderName = HeaderName::from_static("x-acs-version");

/// The signature version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signature {
    /// `ACS3-HMAC-SHA256` in headers: the documented version.
    #[default]
    V3,
    /// HMAC-SHA1 in the query: for gateways that support no other.
    V1,
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "v3" => Ok(Self::V3),
            "v1" => Ok(Self::V1),
            _ => Err(format!("`{text}` is not a signature; expected v3 or v1")),
        }
    }
}

/// A call of an operation.
#[derive(Debug, Clone)]
pub(in crate::source) struct Call<'a> {
    /// The operation.
    pub(in crate::source) operation: &'static Operation,
    /// The instance, if it is a parameter (4.x); that of the endpoint if there is none.
    pub(in crate::source) instance: Option<&'a str>,
    /// The names in the path (5.x).
    pub(in crate::source) names: Vec<&'a str>,
    /// All parameters but the instance and those that every call has.
    pub(in crate::source) parameters: Vec<(&'static str, &'a str)>,
}

impl<'a> Call<'a> {
    /// Returns a call of an operation of 4.x.
    pub(super) const fn new(
        operation: &'static Operation,
        instance: Option<&'a str>,
        parameters: Vec<(&'static str, &'a str)>,
    ) -> Self {
        Self {
            operation,
            instance,
            names: Vec::new(),
            parameters,
        }
    }

    /// Returns a call of an operation of 5.x, with the names in its path.
    pub(in crate::source) const fn of_path(
        operation: &'static Operation,
        names: Vec<&'a str>,
        parameters: Vec<(&'static str, &'a str)>,
    ) -> Self {
        Self {
            operation,
            instance: None,
            names,
            parameters,
        }
    }
}

impl<'a> From<&'a Query> for Call<'a> {
    fn from(query: &'a Query) -> Self {
        let mut parameters = Vec::with_capacity(12); // with those that are added
        parameters.extend([("MsgId", &*query.msg_id), ("Topic", &*query.topic)]);
        Self::new(MESSAGE_TRACE, query.instance_id.as_deref(), parameters)
    }
}

/// The reason why a call cannot be built.
#[derive(Debug, Error)]
pub(super) enum Unbuildable {
    /// Something cannot be sent in a header.
    #[error(transparent)]
    Header(#[from] InvalidHeaderValue),
    /// The address would not be the one that is signed.
    #[error("the path {0} can't be sent as it is")]
    Path(String),
}

/// Builds requests; holds everything that is the same for all calls with one key.
#[derive(Debug)]
pub(super) struct Calls {
    url: Url,
    host: String,
    instance: Option<String>,
    credentials: Credentials,
    key: SigningKey,
    headers: HeaderMap,
}

/// The secret, prepared for one of the signature versions.
#[derive(Debug)]
enum SigningKey {
    V3(V3SigningKey),
    V1(V1SigningKey),
}

impl Calls {
    /// Fails if the key ID, the token or the host cannot be sent in a header.
    pub(super) fn new(
        endpoint: &Endpoint,
        credentials: Credentials,
        signature: Signature,
    ) -> Result<Self, InvalidHeaderValue> {
        let key_id = sensitive(&credentials.access_key_id)?;
        let mut headers = HeaderMap::from_iter([
            (HOST, HeaderValue::from_str(endpoint.host_header())?),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (USER_AGENT, HeaderValue::from_static(AGENT)),
            (CONTENT_LENGTH, HeaderValue::from_static("0")),
        ]);
        let token = credentials.security_token.as_ref();
        let token = token
            .map(|token| sensitive(token.expose_secret()))
            .transpose()?;
        if signature == Signature::V3 {
            headers.extend([
                (
                    X_ACS_CONTENT_SHA256.clone(),
                    HeaderValue::from_static(EMPTY_SHA256),
                ),
                // Placeholders, so that the map of each call need not grow.
                (X_ACS_ACTION.clone(), HeaderValue::from_static("")),
                (X_ACS_DATE.clone(), HeaderValue::from_static("")),
                (X_ACS_SIGNATURE_NONCE.clone(), HeaderValue::from_static("")),
                (X_ACS_VERSION.clone(), HeaderValue::from_static("")),
                (AUTHORIZATION, HeaderValue::from_static("")),
            ]);
            if let Some(token) = token {
                headers.insert(&X_ACS_ACCESSKEY_ID, key_id);
                headers.insert(&X_ACS_SECURITY_TOKEN, token);
            }
        }
        let secret = credentials.access_key_secret.expose_secret();
        Ok(Self {
            url: endpoint.url().clone(),
            host: endpoint.host_header().to_owned(),
            instance: endpoint.instance().map(str::to_owned),
            key: match signature {
                Signature::V3 => SigningKey::V3(V3SigningKey::new(secret)),
                Signature::V1 => SigningKey::V1(V1SigningKey::new(secret)),
            },
            credentials,
            headers,
        })
    }

    /// Returns the key ID of the requests.
    #[cfg(test)]
    pub(super) fn key_id(&self) -> &str {
        &self.credentials.access_key_id
    }

    /// Builds and signs the request of a call. The instance of the call wins over that of the endpoint.
    pub(super) fn build(&self, call: Call<'_>, stamp: &Stamp) -> Result<Request, Unbuildable> {
        let Call {
            operation,
            instance,
            names,
            mut parameters,
        } = call;
        let method = if operation.method() == "GET" {
            Method::GET
        } else {
            let instance = instance.or(self.instance.as_deref());
            parameters.extend(instance.map(|id| ("InstanceId", id)));
            Method::POST
        };
        let path = operation.path_with(&names);
        let mut headers = self.headers.clone();
        let query = match &self.key {
            SigningKey::V3(key) => {
                let query = canonical_query(&parameters);
                self.sign_headers(key, &mut headers, (operation, &path, &query), stamp)?;
                query
            }
            SigningKey::V1(key) => self.signed_query(key, operation, parameters, stamp),
        };
        let mut url = self.url.clone();
        url.set_path(&path);
        url.set_query(Some(&*query).filter(|query| !query.is_empty()));
        if url.path() != path {
            return Err(Unbuildable::Path(path));
        }
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Returns the signature of a request that [`Self::build`] made.
    pub(super) fn signature(request: &Request) -> Option<Cow<'_, str>> {
        if let Some(authorization) = request.headers().get(AUTHORIZATION) {
            let authorization = authorization.to_str().ok()?;
            return Some(signature_of(authorization).into());
        }
        let mut query = request.url().query_pairs();
        query.find_map(|(name, value)| (name == "Signature").then_some(value))
    }

    fn sign_headers(
        &self,
        key: &V3SigningKey,
        headers: &mut HeaderMap,
        (operation, path, query): (&'static Operation, &str, &str),
        stamp: &Stamp,
    ) -> Result<(), InvalidHeaderValue> {
        let key_id = &*self.credentials.access_key_id;
        let token = self.credentials.security_token.as_ref();
        // Only Host and x-acs-* are signed: a proxy may rewrite other headers. The signature needs them
        // sorted.
        let mut signed = Vec::with_capacity(8);
        signed.push((HOST.as_str(), &*self.host));
        if token.is_some() {
            signed.push((X_ACS_ACCESSKEY_ID.as_str(), key_id));
        }
        signed.push((X_ACS_ACTION.as_str(), operation.name()));
        signed.push((X_ACS_CONTENT_SHA256.as_str(), EMPTY_SHA256));
        signed.push((X_ACS_DATE.as_str(), stamp.date()));
        if let Some(token) = token {
            signed.push((X_ACS_SECURITY_TOKEN.as_str(), token.expose_secret()));
        }
        signed.push((X_ACS_SIGNATURE_NONCE.as_str(), &*stamp.nonce));
        signed.push((X_ACS_VERSION.as_str(), operation.version()));
        let authorization = Signed {
            method: operation.method(),
            uri: path,
            query,
            headers: &signed,
            payload_sha256: EMPTY_SHA256,
        }
        .authorization(key_id, key);
        let name = HeaderValue::from_static(operation.name());
        let version = HeaderValue::from_static(operation.version());
        headers.insert(&X_ACS_ACTION, name);
        headers.insert(&X_ACS_VERSION, version);
        headers.insert(&X_ACS_DATE, stamp.date.clone());
        headers.insert(&X_ACS_SIGNATURE_NONCE, HeaderValue::from_str(&stamp.nonce)?);
        headers.insert(AUTHORIZATION, sensitive(&authorization)?);
        Ok(())
    }

    fn signed_query<'a>(
        &'a self,
        key: &V1SigningKey,
        operation: &'static Operation,
        mut parameters: Vec<(&'a str, &'a str)>,
        stamp: &'a Stamp,
    ) -> String {
        parameters.extend([
            ("AccessKeyId", &*self.credentials.access_key_id),
            ("Action", operation.name()),
            // Without it, the response is XML.
            ("Format", "JSON"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", &*stamp.nonce),
            ("SignatureVersion", "1.0"),
            ("Timestamp", stamp.date()),
            ("Version", operation.version()),
        ]);
        if let Some(token) = &self.credentials.security_token {
            parameters.push(("SecurityToken", token.expose_secret()));
        }
        let mut query = canonical_query(&parameters);
        let signature = key.sign(&sign_v1::string_to_sign(operation.method(), &query));
        query.push_str("&Signature=");
        encode_into(&mut query, &signature);
        query
    }
}

/// Returns a header value that the debug output of the HTTP client hides.
fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(source: &str, instance: Option<&str>, signature: Signature) -> Request {
        let credentials = Credentials {
            provider: "environment".into(),
            access_key_id: "testid".into(),
            access_key_secret: "testsecret".into(),
            security_token: None,
        };
        let endpoint = Endpoint::parse(source, false).unwrap();
        let query = Query {
            instance_id: instance.map(Into::into),
            topic: "test-mq_topic".into(),
            msg_id: "1E05791C117818B4AAC23B1BB0CE0000".into(),
            position: None,
            born_after: None,
            send_result: None,
        };
        let stamp = Stamp {
            date: HeaderValue::from_static("2026-08-01T12:00:00Z"),
            nonce: "3156853299f313e23d1673dc12e1703d".into(),
        };
        let calls = Calls::new(&endpoint, credentials, signature).unwrap();
        calls.build(Call::from(&query), &stamp).unwrap()
    }

    #[test]
    fn a_call_is_the_vector_v3_b() {
        let call = built(
            "ons://cn-hangzhou",
            Some("MQ_INST_111111111111_DOxxxxxx"),
            Signature::V3,
        );
        let vectors = super::super::tests::vectors().v3;
        let vector = vectors.iter().find(|vector| vector.name == "V3-b").unwrap();
        assert_eq!(call.headers()[AUTHORIZATION], vector.authorization);
        assert!(call.headers()[AUTHORIZATION].is_sensitive());
        assert!(!call.headers().contains_key(&X_ACS_ACCESSKEY_ID));
    }

    #[test]
    fn the_querys_instance_wins_over_the_endpoints() {
        for signature in [Signature::V3, Signature::V1] {
            for (source, instance, sent) in [
                ("ons://cn-hangzhou/MQ_INST_e", None, Some("MQ_INST_e")),
                (
                    "ons://cn-hangzhou/MQ_INST_e",
                    Some("MQ_INST_q"),
                    Some("MQ_INST_q"),
                ),
                ("ons://cn-hangzhou", None, None),
            ] {
                let call = built(source, instance, signature);
                let found = call
                    .url()
                    .query_pairs()
                    .find(|(key, _)| key == "InstanceId");
                assert_eq!(found.map(|(_, id)| id.into_owned()).as_deref(), sent);
            }
        }
    }
}
