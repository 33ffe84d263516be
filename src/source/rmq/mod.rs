//! `ApsaraMQ` for RocketMQ 5.x: the HTTP API, version 2022-08-01 (`docs/facts/ons5.md`).
//!
//! - `service`: answers a query. `GetTrace` says what became of the message in each group. Who else subscribes to the topic
//!   is asked once for each topic. `client`: with signed calls.
//! - `answer`: tells answers from errors. `fields`: reads values, however they are spelled.
//! - `trace` and `subscriptions`: what the answers say; `tracks`: one track for each group.
//! - `groups`: the lag and the retry policy of a group, and how long an instance keeps messages.
//!
//! Calls are signed and sent by the client of `ons`. Every operation only reads.

mod answer;
mod client;
mod fields;
mod groups;
mod service;
mod subscriptions;
#[cfg(test)]
mod tests;
mod trace;
mod tracks;

pub use client::Rmq;
