//! The message: how its ID looks and what it tells, and the [`Query`] that asks about it.
//!
//! Three kinds of ID are around ([`MessageId`]), and many more that only look like one: [`BadId`] says what happened
//! to those, so that no call is spent on them. [`Decoded`] is what an ID tells a person. [`BadName`] says why a text can't be
//! the name of a topic or a group.

mod bad_id;
mod born;
mod cow_text;
mod decoded;
mod id;
mod names;
mod query;
mod zone;

pub use bad_id::BadId;
pub use born::BornClock;
pub use cow_text::CowText;
pub use decoded::{Decoded, DecodedField};
pub use id::{Mac, MessageId, OffsetId, UniqKey, V1};
pub use names::BadName;
pub(crate) use names::{check_group, check_instance, check_topic};
pub use query::{Position, Query, Tag};
pub use zone::Zone;
