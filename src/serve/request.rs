//! One HTTP request as the gateway sees it.

use axum::http::HeaderMap;

/// The parts of an HTTP request that matter here, as they came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// `/` for every RPC call.
    pub path: &'a str,
    /// What follows the `?`, still encoded.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}
