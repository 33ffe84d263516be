//! The `OnsMessageTrace` operation over HTTP, from any source, as official clients know it (`facts/ons-api.md` §3).
//!
//! A request goes through these steps, one a file; all but the first know no socket:
//!
//! ```text
//! [`Incoming`] → parameters, proof → action → door (key, date, signature, token, nonce)
//!    → drill → quota → permission → source → body in JSON or XML → [`Reply`]
//! ```
//!
//! [`listen`] has the sockets: it reads requests and writes answers, and bears with clients that do neither well.

mod action;
mod body;
mod door;
mod drill;
mod gateway;
mod keys;
pub mod listen;
mod nonces;
mod parameters;
mod proof;
mod quota;
mod refusal;
mod reply;
mod request;
#[cfg(test)]
mod tests;
mod upstream;

pub use action::{Action, VERSION};
pub use body::Format;
pub use door::{Caller, Door};
pub use drill::{Drill, Fault};
pub use gateway::Gateway;
pub use keys::{Key, KeySource, Keys, KeysError, Scope};
pub use listen::{Handler, Limits, ServeOutcome, Server, Tls, TlsError};
pub use nonces::{Nonces, WINDOW};
pub use parameters::Parameters;
pub use proof::{Proof, Secret};
pub use quota::Quota;
pub use refusal::Refusal;
pub use reply::{Note, Reply};
pub use request::{Call, Incoming};
pub use upstream::Upstream;
