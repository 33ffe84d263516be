//! The signature of a request, V1 or V3, and the text that it covers.
//!
//! The text is built from the request as it was received, with whatever headers the client signed: the official Python
//! SDK also signs `accept` and `user-agent` (`docs/facts/ons-api.md` §3.4). Headers that determine the meaning of a
//! request must be signed.

use super::{ApiError, GatewayRequest, Parameters};
use crate::source::ons::percent::{canonical_query, encode};
use crate::source::ons::sign_v3::{ALGORITHM, Signed, sha256_hex};
use crate::source::ons::{sign_v1, sign_v3};

/// Headers that must be signed: without them, an intercepted request could be changed and sent again.
const REQUIRED_HEADERS: [&str; 4] = [
    "host",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
];

const TOKEN_HEADER: &str = "x-acs-security-token";

/// Headers that must be signed if they are sent.
const SIGNED_IF_SENT: [&str; 3] = ["x-acs-action", "x-acs-version", TOKEN_HEADER];

/// A signature, and the text that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSignature {
    /// The access key ID, not verified.
    pub key_id: String,
    /// The token of a temporary key.
    pub token: Option<String>,
    /// The date of the signature, as the client wrote it.
    pub date: String,
    /// The nonce that makes it unique.
    pub nonce: String,
    signature: String,
    signed: SignedText,
}

/// The text that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SignedText {
    /// The string to sign.
    V1(String),
    /// The canonical request.
    V3(String),
}

/// The secret of an access key, prepared for both versions.
#[derive(Debug, Clone)]
pub struct SigningSecret {
    v1: sign_v1::V1SigningKey,
    v3: sign_v3::V3SigningKey,
}

impl SigningSecret {
    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self {
            v1: sign_v1::V1SigningKey::new(secret),
            v3: sign_v3::V3SigningKey::new(secret),
        }
    }
}

impl RequestSignature {
    /// Reads the signature from the parameters (`SignatureVersion=1.0`).
    pub(super) fn v1(method: &str, parameters: &Parameters<'_>) -> Result<Self, ApiError> {
        if parameters.common("SignatureMethod")? != "HMAC-SHA1" {
            return Err(ApiError::InvalidSignatureMethod);
        }
        let query = canonical_query(&parameters.without("Signature"));
        Ok(Self {
            key_id: parameters.common("AccessKeyId")?.to_owned(),
            token: parameters.get("SecurityToken").map(str::to_owned),
            date: parameters.common("Timestamp")?.to_owned(),
            nonce: parameters.common("SignatureNonce")?.to_owned(),
            signature: parameters.common("Signature")?.to_owned(),
            signed: SignedText::V1(sign_v1::string_to_sign(method, &query)),
        })
    }

    /// Reads the signature from the headers (`Authorization: ACS3-HMAC-SHA256 …`).
    pub(super) fn v3(request: &GatewayRequest<'_>, authorization: &str) -> Result<Self, ApiError> {
        let fields = authorization
            .strip_prefix(ALGORITHM)
            .ok_or(ApiError::InvalidSignatureMethod)?;
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.split_once('='));
            let (_, value) = fields.find(|(known, _)| known.trim() == name)?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let incomplete = ApiError::IncompleteSignature;
        let key_id = field("Credential").ok_or(incomplete("Credential is missing"))?;
        let names = field("SignedHeaders").ok_or(incomplete("SignedHeaders is missing"))?;
        let signature = field("Signature").ok_or(incomplete("Signature is missing"))?;
        let headers = signed_headers(request, names)?;
        let payload = sha256_hex(request.body);
        let value = |name: &str| {
            let (_, value) = headers.iter().find(|(known, _)| *known == name)?;
            Some(value.trim())
        };
        if value("x-acs-content-sha256") != Some(&payload) {
            return Err(incomplete(
                "x-acs-content-sha256 is not the hash of the body",
            ));
        }
        let query: Vec<_> = form_urlencoded::parse(request.query.as_bytes()).collect();
        let request = Signed {
            method: request.method,
            uri: request.path,
            query: &canonical_query(&query),
            headers: &headers,
            payload_sha256: &payload,
        };
        let of = |name| value(name).unwrap_or_default().to_owned();
        Ok(Self {
            key_id: key_id.to_owned(),
            token: value(TOKEN_HEADER).map(str::to_owned),
            date: of("x-acs-date"),
            nonce: of("x-acs-signature-nonce"),
            signature: signature.to_owned(),
            signed: SignedText::V3(request.canonical_request()),
        })
    }

    /// Returns whether this secret signed the request. The comparison takes constant time.
    #[must_use]
    pub fn verifies(&self, secret: &SigningSecret) -> bool {
        match &self.signed {
            SignedText::V1(text) => secret.v1.verifies(text, &self.signature),
            SignedText::V3(request) => secret
                .v3
                .verifies(&sign_v3::string_to_sign(request), &self.signature),
        }
    }

    /// Returns the signed text for an error message, so that clients can compare. The token is a secret and is removed.
    #[must_use]
    pub fn signed_text(&self) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        match &self.signed {
            SignedText::V1(text) => without(text, &encode(&encode(token))),
            SignedText::V3(request) => format!(
                "{}, which is of this canonical request:\n{}",
                sign_v3::string_to_sign(request),
                without(request, token)
            ),
        }
    }
}

fn without(text: &str, secret: &str) -> String {
    if secret.is_empty() {
        text.to_owned()
    } else {
        text.replace(secret, "***")
    }
}

/// Returns the headers that the client signed, in the client's order.
fn signed_headers<'a>(
    request: &GatewayRequest<'a>,
    names: &'a str,
) -> Result<Vec<(&'a str, &'a str)>, ApiError> {
    let names = || names.split(';').map(str::trim);
    let sent = SIGNED_IF_SENT
        .into_iter()
        .filter(|name| request.headers.contains_key(*name));
    let mut needed = REQUIRED_HEADERS.into_iter().chain(sent);
    if needed.any(|needed| !names().any(|name| name == needed)) {
        return Err(ApiError::IncompleteSignature(
            "host and every x-acs- header must be in SignedHeaders",
        ));
    }
    names()
        .map(|name| {
            let mut values = request.headers.get_all(name).iter();
            match (values.next().map(|value| value.to_str()), values.next()) {
                (Some(Ok(value)), None) => Ok((name, value)),
                _ => Err(ApiError::IncompleteSignature(
                    "a header of SignedHeaders is missing, repeated or no text",
                )),
            }
        })
        .collect()
}
