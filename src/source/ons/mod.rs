//! The HTTP API: `OnsMessageTrace`, API version 2019-02-14.
//!
//! [`endpoint`] says where the gateway is, [`credentials`] with which key to ask it; `keys` replaces the key before it
//! ends, [`http`] knows how the network is reached, and [`proxy`] through whom. [`Ons`] asks: each call is stamped, built and signed anew
//! ([`request`], [`sign_v3`], [`sign_v1`]), sent once, and its answer read ([`answer`]) by
//! what it says, not by what it claims to be. [`errors`] is the table of what each error code means for the run.
//! Nothing here waits or tries again: that is the engine's.

pub mod answer;
mod client;
pub mod credentials;
pub mod endpoint;
pub mod errors;
pub mod headers;
pub mod http;
mod keys;
pub mod percent;
pub mod proxy;
pub mod redact;
mod regions;
pub mod request;
pub mod sign_v1;
pub mod sign_v3;
mod stamp;
mod transport;

pub use client::{ConfigError, Ons, OnsConfig};
pub use credentials::Credentials;
pub use endpoint::Endpoint;
pub use http::Network;
pub use keys::{CredentialSource, Renewer};
pub use request::Signature;

#[cfg(test)]
pub(crate) mod tests;
