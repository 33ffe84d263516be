//! Judging by offsets: the state of a group and the position of a message give a track type.
//!
//! Everything here is a pure function, without clock, network or files. A snapshot names its decision table
//! ([`Rules`]): [`judge_as_gateway`] answers like `OnsMessageTrace`, [`judge_by_offsets`] says what offsets
//! prove and marks what they do not. [`judge_as_mqadmin`] gives the answer of Apache's own tool.
//!
//! The inputs are [`GroupState`] and [`Position`](crate::message::Position). [`snapshot`] reads both for a
//! whole cluster from a file.

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
