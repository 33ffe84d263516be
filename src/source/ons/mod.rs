//! The HTTP API of 4.x, version 2019-02-14: `OnsMessageTrace`, dead letters and traces.
//!
//! - [`endpoint`]: the address of the gateway; [`http`] and [`proxy`]: how it is reached.
//! - [`credentials`]: where the access key comes from; `keys`: renews it before it expires.
//! - `api_client`: makes one call of this API or of that of 5.x. Each call is stamped, built and signed ([`request`],
//!   [`sign_v3`], [`sign_v1`]) and sent once.
//! - [`Ons`]: answers a query by one call. The response is parsed by its content ([`answer`]), not by its content type.
//! - `examine`: dead letters and traces, with attempts of its own; `topic_types` likewise: the message types of topics.
//! - [`errors`]: the table of what each error code means for the run.
//!
//! All but these two never waits and never retries; that is the engine's task.

pub mod answer;
pub(in crate::source) mod api_client;
pub(in crate::source) mod asker;
mod client;
pub mod credentials;
pub mod endpoint;
pub mod errors;
mod examine;
pub mod headers;
pub mod http;
mod keys;
mod no_proxy;
pub mod percent;
pub mod proxy;
pub mod redact;
mod regions;
pub mod request;
pub mod sign_v1;
pub mod sign_v3;
mod stamp;
mod topic_types;
mod transport;

pub use api_client::{ApiConfig, ConfigError};
pub use client::Ons;
pub use credentials::Credentials;
pub use endpoint::Endpoint;
pub use examine::{DeadLetterRequest, LastCall, TraceExamination, TraceOutcome, TraceQuery};
pub use http::Network;
pub use keys::{CredentialSource, Renewer};
pub use regions::Service;
pub use request::Signature;
pub use topic_types::MessageType;

#[cfg(test)]
pub(crate) mod tests;
