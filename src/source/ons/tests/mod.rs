//! Helpers of these tests: the signature vectors and a scripted gateway.

pub(in crate::source) mod gateway;
mod renewal;
mod roa;
mod tunnel;
pub(super) mod wire;

use serde::Deserialize;

/// The vectors of `docs/facts/ons-api.md` §§3.3, 3.4.
#[derive(Deserialize)]
pub(crate) struct Vectors {
    pub(crate) v1: Vec<V1>,
    pub(crate) v3: Vec<V3>,
}

#[derive(Deserialize)]
pub(crate) struct V1 {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) access_key_secret: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) canonical_query: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
}

#[derive(Deserialize)]
pub(crate) struct V3 {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) access_key_id: String,
    pub(crate) access_key_secret: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) canonical_request: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
    pub(crate) authorization: String,
}

pub(crate) fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../tests/data/signatures.json")).unwrap()
}
