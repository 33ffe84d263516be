//! `ApsaraMQ` for RocketMQ 5.x: a local gateway for its API of version 2022-08-01, and a table of messages with what is
//! true about them.
//!
//! - [`wire`]: reads a request, and recomputes its signature
//! - [`truth`]: the answers of the service, and the verdicts that follow from them, written down independently
//! - [`fault`]: faults in place of answers
//! - [`gateway`]: answers from the table, with faults on demand, and counts
//! - [`audit`]: audits of the table
//! - [`calls`]: tests of the gateway itself
//! - [`inputs`]: rows with and without the instance of the source
//! - [`clients`]: serves the official clients

mod audit;
mod calls;
mod clients;
mod fault;
mod gateway;
mod inputs;
mod truth;
mod wire;

pub(crate) use gateway::Gateway;
pub(crate) use truth::{Expected, INSTANCE, Message, Truth};
pub(crate) use wire::Operation;
