//! Signature V3, `ACS3-HMAC-SHA256`: the documented one (`docs/facts/ons-api.md` §3.4).
//!
//! The functions are pure, so that the gateway of `serve` verifies requests with them too.

use std::fmt::{self, Write as _};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Name of the algorithm in the string to sign and in `Authorization`.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// SHA-256 of an empty body: the value of `x-acs-content-sha256` when all parameters are in the query.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The parts of an HTTP request that are signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `POST`, `GET`.
    pub method: &'a str,
    /// The path; `/` for every RPC call.
    pub uri: &'a str,
    /// The [canonical query](super::percent::canonical_query); empty where there is none.
    pub query: &'a str,
    /// Lower-case names with their values, sorted by name.
    pub headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the raw body in lower-case hex.
    pub payload_sha256: &'a str,
}

impl Signed<'_> {
    /// Joins the names of the signed headers with `;`, as `SignedHeaders` lists them.
    #[must_use]
    pub fn header_names(&self) -> String {
        let mut names = String::with_capacity(self.headers.len() * 22);
        for (name, _) in self.headers {
            if !names.is_empty() {
                names.push(';');
            }
            names.push_str(name);
        }
        names
    }

    /// Builds the canonical request: six parts, one per line. Every header ends with a line feed, so an empty line
    /// follows the headers.
    #[must_use]
    pub fn canonical_request(&self) -> String {
        self.canonical_request_with(&self.header_names())
    }

    fn canonical_request_with(&self, header_names: &str) -> String {
        let mut text = String::with_capacity(1024);
        for part in [self.method, self.uri, self.query] {
            text.push_str(part);
            text.push('\n');
        }
        for (name, value) in self.headers {
            text.push_str(name);
            text.push(':');
            text.push_str(value.trim());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(header_names);
        text.push('\n');
        text.push_str(self.payload_sha256);
        text
    }

    /// Returns the value of `Authorization`.
    #[must_use]
    pub fn authorization(&self, access_key_id: &str, key: &V3SigningKey) -> String {
        let names = self.header_names();
        let signature = key.sign(&string_to_sign(&self.canonical_request_with(&names)));
        format!(
            "{ALGORITHM} Credential={access_key_id},SignedHeaders={names},Signature={signature}"
        )
    }
}

/// Returns the signature of a value of `Authorization`.
#[must_use]
pub fn signature_of(authorization: &str) -> &str {
    authorization
        .rsplit_once('=')
        .map_or("", |(_, signature)| signature)
}

/// Returns the SHA-256 of some bytes in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Returns the text to sign: the algorithm and the hash of the canonical request.
#[must_use]
pub fn string_to_sign(canonical_request: &str) -> String {
    let mut text = String::with_capacity(ALGORITHM.len() + 65);
    let hash = Sha256::digest(canonical_request);
    // Writing to a String can't fail.
    let _ = write!(text, "{ALGORITHM}\n{}", HEXLOWER.encode_display(&hash));
    text
}

/// A secret prepared for signing: the part of the hash that depends only on the secret is computed once.
#[derive(Clone)]
pub struct V3SigningKey(Hmac<Sha256>);

impl V3SigningKey {
    /// Prepares a secret. The HMAC key is the bare secret, without the `&` of V1.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn new(access_key_secret: &str) -> Self {
        let key = access_key_secret.as_bytes();
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Returns the signature in lower-case hex.
    #[must_use]
    pub fn sign(&self, string_to_sign: &str) -> String {
        HEXLOWER.encode(&self.hmac(string_to_sign).finalize().into_bytes())
    }

    /// Returns whether `signature` is the signature of that text, in constant time.
    #[must_use]
    pub fn verifies(&self, string_to_sign: &str, signature: &str) -> bool {
        HEXLOWER
            .decode(signature.as_bytes())
            .is_ok_and(|tag| self.hmac(string_to_sign).verify_slice(&tag).is_ok())
    }

    fn hmac(&self, string_to_sign: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(string_to_sign)
    }
}

impl fmt::Debug for V3SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V3SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{percent::canonical_query, tests::vectors};
    use super::*;

    #[test]
    fn published_and_recomputed_vectors_hold() {
        let vectors = vectors().v3;
        assert_eq!(vectors.len(), 5);
        for vector in vectors {
            let headers: Vec<(&str, &str)> = vector
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let signed = Signed {
                method: &vector.method,
                uri: &vector.uri,
                query: &canonical_query(&vector.parameters),
                headers: &headers,
                payload_sha256: &sha256_hex(vector.body.as_bytes()),
            };
            let request = signed.canonical_request();
            assert_eq!(request, vector.canonical_request, "{}", vector.name);
            let text = string_to_sign(&request);
            assert_eq!(text, vector.string_to_sign, "{}", vector.name);
            let key = V3SigningKey::new(&vector.access_key_secret);
            assert_eq!(key.sign(&text), vector.signature, "{}", vector.name);
            assert!(key.verifies(&text, &vector.signature), "{}", vector.name);
            assert_eq!(
                signed.authorization(&vector.access_key_id, &key),
                vector.authorization,
                "{}",
                vector.name
            );
        }
    }

    #[test]
    fn any_other_signature_is_refused() {
        let key = V3SigningKey::new("secret");
        let right = key.sign("text");
        for wrong in [
            "",
            "0",
            "zz",
            &right[1..],
            &right.to_uppercase(),
            &format!("{right}00"),
            &V3SigningKey::new("Secret").sign("text"),
            &key.sign("texT"),
        ] {
            assert!(!key.verifies("text", wrong), "{wrong}");
        }
    }

    #[test]
    fn the_hash_of_nothing_is_the_constant() {
        assert_eq!(sha256_hex(b""), EMPTY_SHA256);
    }
}
