//! The remoting protocol of Apache RocketMQ: what name servers and brokers are asked, and what they answer.
//!
//! [`Remoting`] is all that others need: one typed function a call (`calls`), none of which writes to the cluster.
//! From the wire upwards:
//!
//! ```text
//! header      the head of a frame, JSON or binary
//! frame       bytes ↔ frames
//! connection  one connection, pipelined: answers are matched by number, in whatever order they come
//! peer        one address: connects when asked, again when a connection is lost; so many calls at once
//! client      name servers with failover, deadlines, signature: `Remoting`
//! calls       the typed calls; `body` their answers, read by way of `lax_json`; `stored` messages as brokers keep them
//! ```
//!
//! The facts, byte by byte: `docs/facts/rocketmq.md` §§3-6.

pub mod acl;
pub mod body;
mod calls;
mod client;
mod code;
mod connection;
mod error;
pub mod frame;
pub mod header;
pub mod lax_json;
mod name_servers;
pub mod namespace;
mod peer;
mod pending;
mod request;
pub mod stored;
pub mod tls;

pub use acl::AclKeys;
pub use calls::{KeyLookup, Pull, Pulled, QueueOf};
pub use client::{Remoting, RemotingOptions};
pub use code::{RequestCode, response};
pub use error::{CallError, Cause, ErrorReply, OptionalAnswer};
pub use name_servers::{BadNameServers, NameServers};
pub use namespace::Namespace;
pub use request::{Request, Response};
pub use stored::StoredMessage;
pub use tls::RemotingTls;

#[cfg(test)]
mod tests;
