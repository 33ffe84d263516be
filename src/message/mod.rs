//! Messages: their IDs, and the [`Query`] about one message.
//!
//! [`MessageId`] decodes the three kinds of ID. [`BadId`] explains why a text is not an ID, so that no call is
//! spent on it. [`Decoded`] presents the contents of an ID. [`BadName`] explains why a text cannot be the name
//! of a topic or group.

mod bad_id;
mod born;
mod contains;
mod cow_text;
mod decoded;
mod id;
mod letter_case;
mod names;
mod query;
mod zone;

pub use bad_id::BadId;
pub use born::BornClock;
pub(crate) use contains::{contains_id, first_id, upper_case_ids};
pub use cow_text::CowText;
pub use decoded::{Decoded, DecodedField};
pub use id::{Mac, MessageId, OffsetId, UniqKey, V1};
pub(crate) use letter_case::is_lower_case_key;
pub use names::BadName;
pub(crate) use names::{check_group, check_instance, check_topic};
pub use query::{Position, Query, SendResult, Tag};
pub use zone::Zone;
