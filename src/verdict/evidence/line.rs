//! The lines of a results file behind its rows.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::{ExaminedTopic, FailureReason, GroupLag, ProofKind, RetryPolicy};

/// A line of a results file behind its rows: what was examined, or what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceLine {
    /// A topic that was examined for a group. Instance and group are named as in the rows.
    Examined(ExaminedTopic),
    /// A proof about the message of a row.
    Proof(RowProof),
    /// A message whose trace was queried.
    Traced(TracedRow),
    /// A message for which nothing could be examined.
    Unexamined(UnexaminedRow),
    /// The lag of a group on a topic. Instance, group and topic are named as in the rows.
    Lag(GroupLag),
    /// How a group retries. Instance and group are named as in the rows.
    Policy(RetryPolicy),
}

/// A proof about the message of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a proof")]
pub struct RowProof {
    /// The row of the first query about the message.
    pub row: u64,
    /// The consumer group, as in the tracks.
    pub group: Arc<str>,
    /// What it proves.
    pub kind: ProofKind,
    /// When the copy was stored, or when the client reported.
    #[serde(serialize_with = "crate::evidence::time")]
    pub at: Timestamp,
    /// Number of deliveries that it proves; 0 if it says nothing about them.
    #[serde(default, skip_serializing_if = "crate::evidence::is_zero")]
    pub attempts: u32,
    /// The client that reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// Why the delivery failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

impl RowProof {
    /// The order of proofs of one kind: the last one decides.
    pub(super) fn rank(&self) -> (Timestamp, u32, Option<&str>, Option<&str>) {
        let reason = self.reason.map(FailureReason::as_str);
        (self.at, self.attempts, self.host.as_deref(), reason)
    }
}

/// A message whose trace was queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a traced row")]
pub struct TracedRow {
    /// The row of the first query about the message.
    pub row: u64,
    /// Whether the message is part of the random sample.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sampled: bool,
    /// Why there is no answer about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Arc<str>>,
}

/// A message for which nothing could be examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a row that was not examined")]
pub struct UnexaminedRow {
    /// The row of the first query about the message.
    pub row: u64,
    /// Why.
    pub why: Arc<str>,
}
