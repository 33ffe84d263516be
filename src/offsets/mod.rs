//! The offset mechanism, pure: a group's state and a message's position give a track type.
//!
//! [`judge`] is the whole of it: no clock, no network, no file. What it needs to know of a group is [`GroupState`],
//! of a message [`Position`](crate::message::Position). [`snapshot`] reads both for a whole cluster from a file.

mod by_queue;
mod group;
mod judge;
pub mod snapshot;
mod track_type;

pub use by_queue::ByQueue;
pub use group::{ConsumeType, GroupState, MessageModel, TagFilter};
pub use judge::judge;
pub use snapshot::Error;
pub use track_type::TrackType;
