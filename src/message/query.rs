//! A query: which groups have consumed a message.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `(instance_id?, topic, msg_id)`, spelled as in the input.
///
/// Topics and instances repeat from row to row, so they are shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The instance of the topic; formally optional, needed for a namespaced instance (`docs/facts/ons-api.md`
    /// §1.1).
    pub instance_id: Option<Arc<str>>,
    /// The topic the message was sent to.
    pub topic: Arc<str>,
    /// The message ID; its case is preserved.
    pub msg_id: Box<str>,
    /// The position of the message, if the input says so (columns `broker`, `queue_id`, `queue_offset`, `tag`).
    pub position: Option<Position>,
    /// What the producer was told when it sent the message, if the row has it (column `send_status` beside the position,
    /// or a log line).
    pub send_result: Option<Box<SendResult>>,
    /// The producer made the message later than this, if that is known. It is for services that search by time.
    pub born_after: Option<Timestamp>,
}

/// What a broker told the producer of a message.
///
/// The place is that of the message unless it is delayed, timed or transactional: then it is the place of another message
/// that stands for it at first (`docs/facts/processing.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendResult {
    /// Where the message was stored. The tag is unknown if the result is that of a log line.
    pub place: Position,
    /// Whether the status is `SEND_OK`: the message was stored.
    pub is_ok: bool,
}

/// The position of a stored message: everything that is compared with a group's committed offsets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Name of the broker (not its address, which changes on failover).
    pub broker: Arc<str>,
    /// Queue of the topic on that broker.
    pub queue_id: u32,
    /// Logical offset in the queue.
    pub queue_offset: u64,
    /// The message's tag, which subscriptions filter by.
    pub tag: Tag,
    /// The address at which the message was stored, `ip:port`, if known. Only the judgement of `mqadmin` uses
    /// it.
    pub store: Option<Arc<str>>,
}

/// The available knowledge of a message's tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tag {
    /// The message has this tag.
    Named(Arc<str>),
    /// The message has no tag.
    None,
    /// Unknown: the input gives positions without tags.
    Unknown,
}

impl From<Option<&str>> for Tag {
    /// Converts the tag of a stored message.
    fn from(tag: Option<&str>) -> Self {
        tag.map_or(Self::None, |tag| Self::Named(tag.into()))
    }
}
