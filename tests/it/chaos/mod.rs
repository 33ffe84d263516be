//! A gateway that does everything wrong that a gateway, a proxy or a network can: no answer comes out otherwise, none is
//! lost, nothing is sent twice, and memory stays bounded.
//!
//! [`each`] takes the faults one by one and says what becomes of them; [`storm`] throws all of them at one run.

mod each;
mod storm;

use std::time::Duration;

use super::gateway::Fault;

/// What `--timeout` says here: `1500ms`.
const TIMEOUT: Duration = Duration::from_millis(1500);

/// In the place of the right answer: it has to be asked for again.
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
        // Last, because they slow down those that begin behind them.
        Fault::Throttled(Some(20)),
        Fault::ThrottledApi(20),
        Fault::Busy(429, "0.02"),
        Fault::Busy(503, "0.02"),
    ]
}

/// Ugly, but the right answer.
fn answers() -> Vec<Fault> {
    vec![
        Fault::Slow(TIMEOUT / 50),
        Fault::Trickle(TIMEOUT / 30),
        Fault::WrongType,
        Fault::Twice,
    ]
}
