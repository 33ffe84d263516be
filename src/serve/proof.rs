//! What a request brings to prove whose it is: one of the two signatures, and what exactly was signed.
//!
//! What is signed is taken from the wire, whatever set of headers a client signs: the official Python SDK also signs
//! `accept` and `user-agent` (`facts/ons-api.md` §3.4). Some must be among them, since they are what makes a request
//! mean something, and mean it once.

use super::parameters::Parameters;
use super::{Incoming, Refusal};
use crate::source::ons::percent::{canonical_query, encode};
use crate::source::ons::sign_v3::{ALGORITHM, Signed, sha256_hex};
use crate::source::ons::{sign_v1, sign_v3};

/// Without these in the signature, a request that was overheard could be sent again as another.
const MUST_BE_SIGNED: [&str; 4] = [
    "host",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
];

const TOKEN_HEADER: &str = "x-acs-security-token";

/// So must these, where they are sent.
const MEAN_SOMETHING: [&str; 3] = ["x-acs-action", "x-acs-version", TOKEN_HEADER];

/// A signature with all that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whose it claims to be.
    pub key_id: String,
    /// The token of a temporary key.
    pub token: Option<String>,
    /// When it was signed, as the client wrote it.
    pub date: String,
    /// What makes it unique.
    pub nonce: String,
    signature: String,
    signed: What,
}

/// What was signed, in the way of each version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// The string to sign.
    V1(String),
    /// The canonical request.
    V3(String),
}

/// A secret, ready for both.
#[derive(Debug, Clone)]
pub struct Secret {
    v1: sign_v1::V1SigningKey,
    v3: sign_v3::V3SigningKey,
}

impl Secret {
    /// Of an access key.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self {
            v1: sign_v1::V1SigningKey::new(secret),
            v3: sign_v3::V3SigningKey::new(secret),
        }
    }
}

impl Proof {
    /// The proof in the parameters: `SignatureVersion=1.0`.
    pub(super) fn v1(method: &str, parameters: &Parameters<'_>) -> Result<Self, Refusal> {
        if parameters.common("SignatureMethod")? != "HMAC-SHA1" {
            return Err(Refusal::InvalidSignatureMethod);
        }
        let query = canonical_query(&parameters.without("Signature"));
        Ok(Self {
            key_id: parameters.common("AccessKeyId")?.to_owned(),
            token: parameters.get("SecurityToken").map(str::to_owned),
            date: parameters.common("Timestamp")?.to_owned(),
            nonce: parameters.common("SignatureNonce")?.to_owned(),
            signature: parameters.common("Signature")?.to_owned(),
            signed: What::V1(sign_v1::string_to_sign(method, &query)),
        })
    }

    /// The proof in the headers: `Authorization: ACS3-HMAC-SHA256 …`.
    pub(super) fn v3(incoming: &Incoming<'_>, authorization: &str) -> Result<Self, Refusal> {
        let fields = authorization
            .strip_prefix(ALGORITHM)
            .ok_or(Refusal::InvalidSignatureMethod)?;
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.split_once('='));
            let (_, value) = fields.find(|(known, _)| known.trim() == name)?;
            Some(value.trim()).filter(|value| !value.is_empty())
        };
        let incomplete = Refusal::IncompleteSignature;
        let key_id = field("Credential").ok_or(incomplete("Credential is missing"))?;
        let names = field("SignedHeaders").ok_or(incomplete("SignedHeaders is missing"))?;
        let signature = field("Signature").ok_or(incomplete("Signature is missing"))?;
        let headers = signed_headers(incoming, names)?;
        let payload = sha256_hex(incoming.body);
        let value = |name: &str| {
            let (_, value) = headers.iter().find(|(known, _)| *known == name)?;
            Some(value.trim())
        };
        if value("x-acs-content-sha256") != Some(&payload) {
            return Err(incomplete(
                "x-acs-content-sha256 is not the hash of the body",
            ));
        }
        let query: Vec<_> = form_urlencoded::parse(incoming.query.as_bytes()).collect();
        let request = Signed {
            method: incoming.method,
            uri: incoming.path,
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
            signed: What::V3(request.canonical_request()),
        })
    }

    /// Did the owner of this secret sign? Compared in constant time.
    #[must_use]
    pub fn holds(&self, secret: &Secret) -> bool {
        match &self.signed {
            What::V1(text) => secret.v1.verifies(text, &self.signature),
            What::V3(request) => secret
                .v3
                .verifies(&sign_v3::string_to_sign(request), &self.signature),
        }
    }

    /// What was signed, for a client that signed something else. The token in it is a secret and is left out.
    #[must_use]
    pub fn shown(&self) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        match &self.signed {
            What::V1(text) => without(text, &encode(&encode(token))),
            What::V3(request) => format!(
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

/// The headers that a client says it signed, by the names in its own order.
fn signed_headers<'a>(
    incoming: &Incoming<'a>,
    names: &'a str,
) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
    let names = || names.split(';').map(str::trim);
    let sent = MEAN_SOMETHING
        .into_iter()
        .filter(|name| incoming.headers.contains_key(*name));
    let mut needed = MUST_BE_SIGNED.into_iter().chain(sent);
    if needed.any(|needed| !names().any(|name| name == needed)) {
        return Err(Refusal::IncompleteSignature(
            "host and every x-acs- header must be in SignedHeaders",
        ));
    }
    names()
        .map(|name| {
            let mut values = incoming.headers.get_all(name).iter();
            match (values.next().map(|value| value.to_str()), values.next()) {
                (Some(Ok(value)), None) => Ok((name, value)),
                _ => Err(Refusal::IncompleteSignature(
                    "a header of SignedHeaders is missing, repeated or no text",
                )),
            }
        })
        .collect()
}
