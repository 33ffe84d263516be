//! What the tests of this folder share: the signature vectors and a gateway that answers what it is told to.

pub(super) mod gateway;
mod wire;

use serde::Deserialize;

/// The vectors of `facts/ons-api.md` §§3.3-3.4.
#[derive(Deserialize)]
pub(super) struct Vectors {
    pub(super) v1: Vec<V1>,
    pub(super) v3: Vec<V3>,
}

#[derive(Deserialize)]
pub(super) struct V1 {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) access_key_secret: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) canonical_query: String,
    pub(super) string_to_sign: String,
    pub(super) signature: String,
}

#[derive(Deserialize)]
pub(super) struct V3 {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) access_key_id: String,
    pub(super) access_key_secret: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) canonical_request: String,
    pub(super) string_to_sign: String,
    pub(super) signature: String,
    pub(super) authorization: String,
}

pub(super) fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../tests/data/signatures.json")).unwrap()
}
