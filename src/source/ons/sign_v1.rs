//! The RPC signature that calls itself `SignatureVersion=1.0`: HMAC-SHA1 over the sorted query
//! (`facts/ons-api.md` §3.3). Pure, so that a server can check what a client signed.

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

/// The signature, in Base64; to be percent-encoded where it goes into a URL.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
pub fn signature(access_key_secret: &str, string_to_sign: &str) -> String {
    let key = [access_key_secret.as_bytes(), b"&"].concat();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    BASE64.encode(&mac.finalize().into_bytes())
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
            let signature = signature(&vector.access_key_secret, &text);
            assert_eq!(signature, vector.signature, "{}", vector.name);
        }
    }
}
