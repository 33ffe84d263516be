//! A gateway with every fault of gateways, proxies and networks. Every answer stays correct, none is lost, nothing is
//! sent twice, and memory stays bounded.
//!
//! [`each`] tests the faults one by one; [`storm`] uses all of them in one run.

mod each;
mod storm;

use std::time::Duration;

use super::gateway::Fault;

/// The value of `--timeout`: `1500ms`.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// Returns the faults that replace the correct answer, so that the query must be retried.
fn no_answers() -> Vec<Fault> {
    vec![
        Fault::Internal,
        Fault::BadGateway,
        Fault::Unavailable,
        Fault::Xml,
        Fault::Reset,
        Fault::ResetInside,
        Fault::Truncated,
        Fault::Empty,
        Fault::Huge { announced: true },
        Fault::Huge { announced: false },
        Fault::Bomb,
        Fault::Held,
        Fault::Slow(TIMEOUT * 4),
        Fault::Trickle(TIMEOUT * 4),
        // They are last because they slow down the queries that start after them.
        Fault::Throttled(Some(20)),
        Fault::ThrottledApi(20),
        Fault::Busy(429, "0.02"),
        Fault::Busy(503, "0.02"),
    ]
}

/// Returns the faults that still contain the correct answer.
fn answers() -> Vec<Fault> {
    vec![
        Fault::Slow(TIMEOUT / 50),
        Fault::Trickle(TIMEOUT / 30),
        Fault::WrongType,
        Fault::Twice,
    ]
}
