//! An Apache RocketMQ cluster as a source.
//!
//! A cluster has no `OnsMessageTrace`; the answer is judged here from offsets. Slow work is done once per message, and
//! what changes with time is read once per run, at the end:
//!
//! ```text
//! locate    where is a message stored? one look-up, or none if the input says it; immutable while it is stored
//! sweep     the same for many messages that are close together, by reading their queues
//! capture   the groups of topics and their offsets: a few calls per group and broker, whatever the number of messages
//! examine   what offsets do not prove: copies in schedule, retry and dead-letter topics, and trace records
//! ```
//!
//! A capture is a snapshot like that of a file and judged by the same code. `audit` looks all messages up and then
//! captures once; `snapshot` writes the capture to a file; `serve` captures anew every few seconds.
//!
//! [`remoting`] is the protocol: connections to name servers and brokers, and calls that only read.

mod brokers;
mod capture;
mod cluster;
mod examine;
mod failure;
mod found;
mod locate;
pub mod remoting;
mod sweep;
mod system;

pub use cluster::{Cluster, ClusterConfig, QueriedTopic};
pub use examine::{ExamineRequest, GroupToExamine};
pub use locate::Locator;
