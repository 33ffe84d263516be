//! `audit - --stream`: rows from standard input are asked as they arrive, and each gets its line as soon as it is
//! answered.
//!
//! ```text
//! stdin → thread: rows → window → engine → judged → order → thread: stdout
//! ```
//!
//! The engine is the one of every audit. What needs the whole input or the whole run is refused ([`refusals`]).

mod ending;
mod job;
mod output;
mod refusals;
mod sink;

pub(super) use job::audit;

/// The order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::command) enum StreamOrder {
    /// As the answers come
    Unordered,
    /// As the rows came
    Ordered,
}
