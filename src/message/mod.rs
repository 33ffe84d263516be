//! The message: how its ID looks and what it tells, and the [`Query`] that asks about it.
//!
//! Three kinds of ID are around ([`MessageId`]), and many more that only look like one: [`BadId`] says what happened
//! to those, so that no call is spent on them. [`Decoded`] is what an ID tells a person.

mod bad_id;
mod born;
mod decoded;
mod id;
mod query;

pub use bad_id::BadId;
pub use born::BornClock;
pub use decoded::{Decoded, Line};
pub use id::{Mac, MessageId, OffsetId, UniqKey, V1};
pub use query::{Position, Query, Tag};
