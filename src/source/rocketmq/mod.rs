//! An Apache RocketMQ cluster.
//!
//! Nothing of it answers `OnsMessageTrace`; it is answered here, from offsets. What is slow is done once a message, what
//! ages is done once a run, and last:
//!
//! ```text
//! locate    where is the message? one look-up, or none where the input says it; immutable as long as it is stored
//! sweep     the same for many messages that stand close together, by reading their queues
//! capture   who consumes these topics, and how far: a few calls a group and broker, whatever the number of messages
//! ```
//!
//! What was captured is a snapshot like one of a file, and judged by the same code: `audit` looks all messages up and then
//! captures once, `snapshot` writes it to a file, `serve` captures anew every few seconds.
//!
//! [`remoting`] is the protocol: connections to name servers and brokers, and the calls that read from them.
//! None writes.

mod brokers;
mod capture;
mod cluster;
mod failure;
mod found;
mod locate;
pub mod remoting;
mod sweep;
mod system;

pub use cluster::{AskedTopic, Cluster, ClusterConfig};
pub use locate::Locator;
