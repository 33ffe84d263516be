//! A query's end: its answer, or the error that stands in its place.

use std::sync::Arc;

use jiff::Timestamp;

use super::Previously;
use crate::source::{Failure, Trace};

/// What became of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The answer or the error.
    pub answer: Result<Trace, Failure>,
    /// When it was observed: each answer has its own moment, a run is no snapshot (`facts/users.md` §3b, trap 6).
    pub observed_at: Timestamp,
    /// Calls made for it.
    pub attempts: u32,
    /// How many of them were throttled.
    pub throttled: u32,
    /// The earlier run that was answered, where this run did not ask.
    pub carried_from: Option<Arc<str>>,
    /// What an earlier run was answered that some groups had passed.
    pub previously: Option<Box<Previously>>,
}
