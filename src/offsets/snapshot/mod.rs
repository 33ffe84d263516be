//! The snapshot file: what the offset mechanism needs to know of a cluster, frozen (`ons-audit-snapshot/1`).
//!
//! [`read`] goes through four steps, one a file: the text is decompressed and parsed (`schema`), its messages
//! straight into a compact index (`messages`) so that a million of them cost about 85 bytes each and the JSON tree
//! never exists; what the file claims is checked and laid out by topic, the way it will be asked (`layout`); and
//! whatever is wrong says where (`error`).

mod error;
mod layout;
mod messages;
mod schema;
mod store_times;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

pub use error::{Contradiction, SnapshotError};
pub use messages::{MessageIndex, Stored};
pub use schema::{
    GroupEntry, GroupSubscription, MessageEntry, MissingMessage, OffsetEntry, QueueRange, Schema,
    SnapshotDocument, SnapshotTime, TopicEntry,
};
pub use store_times::{StoreTimes, TimeSpan};
pub use write::SnapshotWriter;

use super::{BrokerContext, ByQueue, GroupState, Rules};

/// A cluster's offsets at one moment.
#[derive(Debug)]
pub struct ClusterState {
    /// The cluster's name, for people.
    pub cluster: Box<str>,
    /// When the offsets were read.
    pub captured_at: Timestamp,
    /// The instance the topics live in, where the cluster serves one.
    pub instance_id: Option<Arc<str>>,
    /// Every topic of the snapshot, by name.
    pub topics: HashMap<Arc<str>, TopicState>,
    /// By which table it is judged.
    pub rules: Rules,
    /// The brokers' names, where the snapshot lists them.
    pub brokers: BTreeSet<Arc<str>>,
    /// The address of each broker's master.
    pub masters: BTreeMap<Arc<str>, Box<str>>,
    /// The brokers that could not be asked, and why.
    pub unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// Where messages are stored.
    pub messages: MessageIndex,
    /// The messages that were looked for in vain, by ID; under each the topics.
    pub missing: HashMap<Box<str>, Vec<MissingMessage<'static>>>,
}

impl ClusterState {
    /// Lays out what was captured of a cluster, without messages. What is odd in it is not warned about: it is the
    /// cluster's business.
    pub fn of(document: SnapshotDocument) -> Result<Self, Contradiction> {
        layout::lay_out(document).map(|(state, _)| state)
    }

    /// What `mqadmin` sees of a topic and a broker.
    #[must_use]
    pub fn around<'a>(&'a self, topic: &TopicState, broker: &str) -> BrokerContext<'a> {
        BrokerContext {
            is_static: topic.is_static,
            master: self.masters.get(broker).map(|address| &**address),
            read_queues: topic.read_queues.get(broker).copied(),
        }
    }
}

/// One topic: its queues and the groups that have to do with it.
#[derive(Debug, Default)]
pub struct TopicState {
    /// The offsets each queue still holds: from the oldest message to one past the newest. Empty if the snapshot
    /// does not list the topic's queues.
    pub queues: ByQueue<Range<u64>>,
    /// The groups subscribed to the topic or holding an offset for it, in name order.
    pub groups: Vec<(Arc<str>, GroupState)>,
    /// The expressions of those that are subscribed, as they were written, by group.
    pub expressions: BTreeMap<Arc<str>, Box<str>>,
    /// A static (logical-queue) topic.
    pub is_static: bool,
    /// How many queues consumers may read, by broker, where the snapshot says.
    pub read_queues: BTreeMap<Arc<str>, u32>,
}

impl TopicState {
    /// Can the topic have this queue? Yes also where the snapshot doesn't list the topic's queues.
    #[must_use]
    pub fn may_have(&self, broker: &str, queue_id: u32) -> bool {
        self.queues.is_empty() || self.queues.get(broker, queue_id).is_some()
    }
}

/// Reads a snapshot: JSON, plain, gzip or zstd. `file` is its name in errors and warnings.
///
/// What contradicts itself is an error; what is merely odd (a message on a queue that is not listed) is warned about
/// once, with a count.
pub fn read(file: &str, input: impl Read + Send) -> Result<ClusterState, SnapshotError> {
    let text =
        crate::file::decompressed(input).map_err(|cause| SnapshotError::unreadable(file, cause))?;
    let document = serde_json::from_reader(BufReader::with_capacity(64 * 1024, text))
        .map_err(|cause| SnapshotError::malformed(file, cause))?;
    let (state, oddities) =
        layout::lay_out(document).map_err(|what| SnapshotError::contradicts(file, what))?;
    oddities.warn(file);
    Ok(state)
}

#[cfg(test)]
mod tests;
