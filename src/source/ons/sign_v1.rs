//! Signature V1 (`SignatureVersion=1.0`): HMAC-SHA1 over the sorted query (`docs/facts/ons-api.md` §3.3).
//!
//! The functions are pure, so that the gateway of `serve` verifies requests with them too.

use std::fmt;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::percent::encode_into;

/// Returns the text to sign: `METHOD&%2F&` and the [canonical query](super::percent::canonical_query), encoded again.
/// The query holds every parameter except `Signature`.
#[must_use]
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    let mut text = String::with_capacity(method.len() + 5 + canonical_query.len() * 5 / 4);
    text.push_str(method);
    text.push_str("&%2F&");
    encode_into(&mut text, canonical_query);
    text
}

/// A secret prepared for signing: the part of the hash that depends only on the secret is computed once.
#[derive(Clone)]
pub struct V1SigningKey(Hmac<Sha1>);

impl V1SigningKey {
    /// Prepares a secret. The HMAC key is the secret followed by `&`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn new(access_key_secret: &str) -> Self {
        let key = [access_key_secret.as_bytes(), b"&"].concat();
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    /// Returns the signature in Base64; the caller percent-encodes it for a URL.
    #[must_use]
    pub fn sign(&self, string_to_sign: &str) -> String {
        BASE64.encode(&self.hmac(string_to_sign).finalize().into_bytes())
    }

    /// Returns whether `signature` is the signature of that text, in constant time.
    #[must_use]
    pub fn verifies(&self, string_to_sign: &str, signature: &str) -> bool {
        BASE64
            .decode(signature.as_bytes())
            .is_ok_and(|tag| self.hmac(string_to_sign).verify_slice(&tag).is_ok())
    }

    fn hmac(&self, string_to_sign: &str) -> Hmac<Sha1> {
        self.0.clone().chain_update(string_to_sign)
    }
}

impl fmt::Debug for V1SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V1SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{percent::canonical_query, tests::vectors};
    use super::*;

    #[test]
    fn published_and_recomputed_vectors_hold() {
        let vectors = vectors().v1;
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let query = canonical_query(&vector.parameters);
            assert_eq!(query, vector.canonical_query, "{}", vector.name);
            let text = string_to_sign(&vector.method, &query);
            assert_eq!(text, vector.string_to_sign, "{}", vector.name);
            let key = V1SigningKey::new(&vector.access_key_secret);
            assert_eq!(key.sign(&text), vector.signature, "{}", vector.name);
            assert!(key.verifies(&text, &vector.signature), "{}", vector.name);
        }
    }

    #[test]
    fn any_other_signature_is_refused() {
        let key = V1SigningKey::new("secret");
        let right = key.sign("text");
        for wrong in [
            "",
            "=",
            "AAAA",
            &right[4..],
            &right.to_lowercase(),
            &V1SigningKey::new("Secret").sign("text"),
            &key.sign("texT"),
        ] {
            assert!(!key.verifies("text", wrong), "{wrong}");
        }
    }
}
