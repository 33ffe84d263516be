//! The RPC signature that calls itself `SignatureVersion=1.0`: HMAC-SHA1 over the sorted query
//! (`facts/ons-api.md` §3.3). Pure, so that a server can check what a client signed.

use std::fmt;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::percent::encode_into;

/// What is signed: `METHOD&%2F&` and the [canonical query](super::percent::canonical_query) encoded once more.
/// The query holds every parameter but `Signature`.
#[must_use]
pub fn string_to_sign(method: &str, canonical_query: &str) -> String {
    let mut text = String::with_capacity(method.len() + 5 + canonical_query.len() * 5 / 4);
    text.push_str(method);
    text.push_str("&%2F&");
    encode_into(&mut text, canonical_query);
    text
}

/// A secret made ready for signing: what depends on it alone is hashed once, not in every call.
#[derive(Clone)]
pub struct Key(Hmac<Sha1>);

impl Key {
    /// The key is the secret and a `&`.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn new(access_key_secret: &str) -> Self {
        let key = [access_key_secret.as_bytes(), b"&"].concat();
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    /// The signature, in Base64; to be percent-encoded where it goes into a URL.
    #[must_use]
    pub fn sign(&self, string_to_sign: &str) -> String {
        BASE64.encode(&self.of(string_to_sign).finalize().into_bytes())
    }

    /// Is this the signature of that text? Takes the same time for every wrong one.
    #[must_use]
    pub fn verifies(&self, string_to_sign: &str, signature: &str) -> bool {
        BASE64
            .decode(signature.as_bytes())
            .is_ok_and(|tag| self.of(string_to_sign).verify_slice(&tag).is_ok())
    }

    fn of(&self, string_to_sign: &str) -> Hmac<Sha1> {
        self.0.clone().chain_update(string_to_sign)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
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
            let key = Key::new(&vector.access_key_secret);
            assert_eq!(key.sign(&text), vector.signature, "{}", vector.name);
            assert!(key.verifies(&text, &vector.signature), "{}", vector.name);
        }
    }

    #[test]
    fn any_other_signature_is_refused() {
        let key = Key::new("secret");
        let right = key.sign("text");
        for wrong in [
            "",
            "=",
            "AAAA",
            &right[4..],
            &right.to_lowercase(),
            &Key::new("Secret").sign("text"),
            &key.sign("texT"),
        ] {
            assert!(!key.verifies("text", wrong), "{wrong}");
        }
    }
}
