//! What was examined beyond the offsets, and what was found there.
//!
//! An offset that has passed a message does not prove that the message was processed. Copies of the message prove more: a
//! consumer that fails sends the message back, and a copy waits in the schedule topic, then stands in a retry topic, and
//! ends in the dead-letter topic. Trace records say what a client reported about a delivery
//! (`docs/facts/processing.md`).
//!
//! A source returns an [`Examination`]: the topics that it has read for each group ([`ExaminedTopic`]) and the
//! [`Proof`]s that it has found there. A snapshot and a results file keep both.

mod deliveries;
mod keys;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

pub use deliveries::{DeadLetter, Deliveries, DeliveryRecord, GroupLag, RetryPolicy};
pub use keys::MessageKeys;

/// The topic in which a cluster keeps messages until their delivery: delayed messages, and those that wait for a retry.
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";

/// What a source has found beyond the offsets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// The topics that were read, or that could not be read, for each group.
    pub topics: Vec<ExaminedTopic>,
    /// What was found. Only proofs about messages of the input are needed; others may be here.
    pub proofs: Vec<Proof>,
    /// Number of calls that it took.
    pub calls: u64,
}

impl Examination {
    /// Returns the groups for which some topic was examined, or could not be.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<&str> {
        self.topics.iter().map(|topic| &*topic.group).collect()
    }
}

/// A topic that was examined for a group, or why it was not examined completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an examined topic")]
pub struct ExaminedTopic {
    /// The consumer group, as the source names it.
    pub group: Arc<str>,
    /// The instance of the group, if the source has instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// The topic: `%DLQ%group`, `%RETRY%group` and its forms for POP, [`SCHEDULE_TOPIC`], or the topic with trace records.
    pub topic: Arc<str>,
    /// Copies that were stored earlier than this were not read, or are deleted. `None`: nothing is missing, whatever its
    /// age.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "some_time"
    )]
    pub from: Option<Timestamp>,
    /// When the topic was read.
    #[serde(serialize_with = "time")]
    pub to: Timestamp,
    /// Why nothing follows from a copy that is not there. `None` if everything since `from` was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Arc<str>>,
}

impl ExaminedTopic {
    /// Returns whether this is a dead-letter topic.
    #[must_use]
    pub fn is_dead_letter_topic(&self) -> bool {
        self.topic.starts_with("%DLQ%")
    }

    /// Returns whether this is a retry topic.
    #[must_use]
    pub fn is_retry_topic(&self) -> bool {
        self.topic.starts_with("%RETRY%")
    }
}

/// Something that proves what became of a message in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a proof")]
pub struct Proof {
    /// The consumer group, as the source names it.
    pub group: Arc<str>,
    /// The instance of the group, if the source has instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<Arc<str>>,
    /// What it proves.
    pub kind: ProofKind,
    /// The key of the message: its unique key (`UNIQ_KEY`), or the ID of the original message (`ORIGIN_MESSAGE_ID`) if the
    /// copy has no unique key.
    pub key: Arc<str>,
    /// The topic of the original message, as the source names it, if the copy names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Arc<str>>,
    /// When the copy was stored, or when the client reported.
    #[serde(serialize_with = "time")]
    pub at: Timestamp,
    /// Number of deliveries to the group that it proves; 0 if it says nothing about them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// The client that reported, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// Why the delivery failed, if the client said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

/// What a copy or a trace record proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// A copy in a retry topic that the group has passed: a delivery failed, and the message was delivered again.
    Retried,
    /// A trace record of a client that reported success.
    Succeeded,
    /// A trace record of a client that reported a failure.
    Failed,
    /// A copy that waits for its next delivery, in the schedule topic or in a retry topic.
    Waiting,
    /// A copy in the dead-letter topic.
    DeadLettered,
}

/// Why a client failed to process a message (`docs/facts/processing.md` §C.1, `contextCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// Processing took longer than the consume timeout.
    Timeout,
    /// The listener threw an exception.
    Exception,
    /// The listener returned null.
    Null,
    /// The listener asked for another delivery later.
    Later,
}

impl FailureReason {
    /// Returns the word in reports and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Exception => "exception",
            Self::Null => "null",
            Self::Later => "later",
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

pub(crate) fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::clock::rfc3339(*time))
}

#[expect(clippy::ref_option, reason = "serde asks so")]
fn some_time<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(some) => self::time(some, serializer),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(crate) const fn is_zero(number: &u32) -> bool {
    *number == 0
}
