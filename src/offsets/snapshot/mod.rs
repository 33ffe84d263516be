//! The snapshot file: the state of a cluster that judging by offsets needs (`ons-audit-snapshot/1`).
//!
//! [`read`] decompresses and parses the text (`schema`). Messages are packed into a compact index while they
//! are parsed (`messages`): about 95 bytes each, without a JSON tree. The content is then checked and arranged
//! by topic (`layout`). Errors name the place (`error`).

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
use crate::evidence::Examination;

/// A cluster's offsets at one moment.
#[derive(Debug)]
pub struct ClusterState {
    /// The cluster's name, for display.
    pub cluster: Box<str>,
    /// The time when the offsets were read.
    pub captured_at: Timestamp,
    /// The instance of the topics, if the cluster serves one.
    pub instance_id: Option<Arc<str>>,
    /// Every topic of the snapshot, by name.
    pub topics: HashMap<Arc<str>, TopicState>,
    /// The decision table that the snapshot is judged by.
    pub rules: Rules,
    /// Names of the brokers, if the snapshot lists them.
    pub brokers: BTreeSet<Arc<str>>,
    /// Address of each broker's master.
    pub masters: BTreeMap<Arc<str>, Box<str>>,
    /// The brokers that could not be asked, with the reason.
    pub unreachable: BTreeMap<Arc<str>, Box<str>>,
    /// The stored messages.
    pub messages: MessageIndex,
    /// The messages that were not found, by ID; one entry per topic.
    pub missing: HashMap<Box<str>, Vec<MissingMessage<'static>>>,
    /// What was examined beyond the offsets, and what was found there. `None` if nothing was examined.
    pub examination: Option<Examination>,
}

impl ClusterState {
    /// Arranges the captured state of a cluster, without messages. Oddities are not logged, because the capture
    /// is not a file that the user could correct.
    ///
    /// # Errors
    ///
    /// If the document contradicts itself.
    pub fn from_document(document: SnapshotDocument) -> Result<Self, Contradiction> {
        layout::lay_out(document).map(|(state, _)| state)
    }

    /// Returns what `mqadmin` sees of a topic and a broker.
    #[must_use]
    pub fn broker_context<'a>(&'a self, topic: &TopicState, broker: &str) -> BrokerContext<'a> {
        BrokerContext {
            is_static: topic.is_static,
            master: self.masters.get(broker).map(|address| &**address),
            read_queues: topic.read_queues.get(broker).copied(),
        }
    }
}

/// One topic: its queues and the groups related to it.
#[derive(Debug, Default)]
pub struct TopicState {
    /// The offsets that each queue still holds: from the oldest message to one past the newest. Empty if the
    /// snapshot does not list the topic's queues.
    pub queues: ByQueue<Range<u64>>,
    /// The groups that subscribe to the topic or have an offset for it, sorted by name.
    pub groups: Vec<(Arc<str>, GroupState)>,
    /// The subscription expressions by group, verbatim.
    pub expressions: BTreeMap<Arc<str>, Box<str>>,
    /// Whether this is a static (logical-queue) topic.
    pub is_static: bool,
    /// The number of queues that consumers may read, by broker, if known.
    pub read_queues: BTreeMap<Arc<str>, u32>,
}

impl TopicState {
    /// Returns whether the topic can have this queue. True also if the snapshot does not list the topic's
    /// queues.
    #[must_use]
    pub fn may_have(&self, broker: &str, queue_id: u32) -> bool {
        self.queues.is_empty() || self.queues.get(broker, queue_id).is_some()
    }
}

/// Reads a snapshot: JSON, plain, gzip or zstd. `file` is its name in errors and warnings. Oddities, such as a
/// message on an unlisted queue, are logged once per kind with a count.
///
/// # Errors
///
/// If the text cannot be read, is malformed, or contradicts itself.
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
