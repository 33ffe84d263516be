//! An Apache RocketMQ cluster.
//!
//! [`remoting`] is its protocol: connections to name servers and brokers, and the calls that read from them.

pub mod remoting;
