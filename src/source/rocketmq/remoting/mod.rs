//! The remoting protocol of Apache RocketMQ: calls to name servers and brokers.
//!
//! [`Remoting`] is the interface: one typed function per call (`calls`), none of which writes to the cluster.
//! The layers, from the wire upwards:
//!
//! ```text
//! header      the header of a frame, JSON or binary
//! frame       encodes and decodes frames
//! connection  one pipelined connection; `pending` assigns responses to calls by number
//! peer        one address: connects on demand, reconnects, limits concurrent calls
//! client      `Remoting`: name servers with failover, deadlines, signatures
//! calls       the typed calls; `body` and `lax_json` parse their responses, `stored` parses messages
//! ```
//!
//! The formats, byte by byte: `docs/facts/rocketmq.md` §§3.1, 3.2, 3.3, 4.1, 5, 6.

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
pub use calls::{KeyLookup, Pull, Pulled, QueueOf, TRACES};
pub use client::{Remoting, RemotingOptions};
pub use code::{RequestCode, response};
pub use error::{CallError, Cause, ErrorReply, OptionalAnswer};
pub use name_servers::{BadNameServers, NameServers};
pub use namespace::Namespace;
pub use request::{Request, Response};
pub use stored::{StoredMessage, WithBody};
pub use tls::RemotingTls;

#[cfg(test)]
mod tests;
