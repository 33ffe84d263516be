//! `OnsMessageTrace` over HTTP from any source, as official clients know it (`docs/facts/ons-api.md` §3).
//!
//! A request passes these steps. All but the listener work without a socket:
//!
//! ```text
//! listen                HTTP, limits, timeouts
//! request               parameters, action, signature
//! authenticator         access key, date, signature, token, nonce
//! fault_injector        delays and faults on purpose
//! quota                 calls per account and operation
//! action                the operation: permission, source, data
//! response_body         JSON or XML; api_error for everything that fails
//! ```

mod access_keys;
mod action;
mod api_error;
mod authenticator;
mod fault_injector;
mod gateway;
pub mod listen;
mod nonces;
mod quota;
mod request;
mod request_signature;
mod response_body;
#[cfg(test)]
mod tests;
mod upstream;

pub use access_keys::{AccessKey, AccessKeys, KeySource, KeysError, Scope};
pub use action::{Action, VERSION};
pub use api_error::ApiError;
pub use authenticator::{Authenticator, Principal};
pub use fault_injector::{FaultInjector, InjectedFault};
pub use gateway::{CallDetails, Gateway, GatewayReply};
pub use listen::{Handler, Limits, ServeOutcome, Server, ServerTls, ServerTlsError};
pub use nonces::{Nonces, Now, WINDOW};
pub use quota::Quota;
pub use request::{ApiCall, GatewayRequest, Parameters};
pub use request_signature::{RequestSignature, SigningSecret};
pub use response_body::BodyFormat;
pub use upstream::Upstream;
