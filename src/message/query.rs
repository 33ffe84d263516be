//! One thing to ask: which groups consumed this message?

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// `(instance_id?, topic, msg_id)`, spelled exactly as the input had them.
///
/// Topics and instances repeat from row to row, so they are shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The instance the topic lives in; formally optional, needed for a namespaced instance (`docs/facts/ons-api.md` §1.1).
    pub instance_id: Option<Arc<str>>,
    /// The topic the message was sent to.
    pub topic: Arc<str>,
    /// The message ID, never re-cased.
    pub msg_id: Box<str>,
    /// Where the message is stored, when the input says so (`broker`, `queue_id`, `queue_offset`, `tag` columns).
    pub position: Option<Position>,
}

/// Where a message is stored: enough to judge it against a group's committed offsets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Broker name (not its address: that changes on failover).
    pub broker: Arc<str>,
    /// Queue of the topic on that broker.
    pub queue_id: u32,
    /// Logical offset in the queue.
    pub queue_offset: u64,
    /// The message's tag, by which subscriptions filter.
    pub tag: Tag,
    /// The address that it was stored at, `ip:port`, where that is known: `mqadmin` judges by it (never we).
    pub store: Option<Arc<str>>,
}

/// What is known of a message's tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tag {
    /// It has this one.
    Named(Arc<str>),
    /// It has none, as most messages.
    None,
    /// Nobody said: the input gives positions without tags.
    Unknown,
}

impl From<Option<&str>> for Tag {
    /// The tag of a stored message, which has one or has none.
    fn from(tag: Option<&str>) -> Self {
        tag.map_or(Self::None, |tag| Self::Named(tag.into()))
    }
}
