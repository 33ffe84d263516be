//! The message: how its ID looks and what it tells, and the [`Query`] that asks about it.

mod query;

pub use query::{Position, Query};
