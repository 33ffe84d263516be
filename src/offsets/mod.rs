//! The offset mechanism, pure: a group's state and a message's position give a track type.
//!
//! There are two tables, and a snapshot says by which it is judged ([`Rules`]): [`judge_as_gateway`] answers as `OnsMessageTrace`
//! does, [`judge_by_offsets`] says all that offsets prove and marks what they don't. [`judge_as_mqadmin`] is what Apache's own tool
//! would say. None of them knows a clock, a network or a file. What they need to know of a group is [`GroupState`], of
//! a message [`Position`](crate::message::Position). [`snapshot`] reads both for a whole cluster from a file.

mod by_queue;
mod group;
mod judge;
mod mqadmin;
mod rules;
pub mod snapshot;
mod track_type;

pub use by_queue::ByQueue;
pub use group::{ConsumeType, GroupState, GroupTraces, MessageModel, Subscribed, TagFilter};
pub use judge::judge_as_gateway;
pub use mqadmin::{BrokerContext, judge_as_mqadmin};
pub use rules::{Marks, Rules, judge_by_offsets};
pub use snapshot::SnapshotError;
pub use track_type::TrackType;
