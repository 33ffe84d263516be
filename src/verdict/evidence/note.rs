//! What is to be said beside a verdict.

use std::fmt;
use std::num::NonZeroU64;

use jiff::Timestamp;

use crate::clock::rfc3339;
use crate::evidence::{FailureReason, ProofKind};
use crate::humanize::counted;

/// A remark on a verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EvidenceNote<'a> {
    /// None.
    #[default]
    Nothing,
    /// Why the delivery failed.
    Reason(FailureReason),
    /// Why nothing follows from the absence of copies.
    NotExamined(&'a str),
    /// The message is older than the oldest copy that a topic could still hold.
    TooOld,
    /// The time of the message is unknown, and old copies are deleted.
    BornUnknown,
    /// The group consumes by POP, which leaves no copy of a message that is not acknowledged yet.
    Pop,
    /// The group pulls: its application decides what happens after a failure.
    Pull,
    /// The message was in the dead-letter topic and succeeded later.
    SucceededAfter(Timestamp),
    /// The message was in the dead-letter topic and is retried again.
    RetriedAfter(Timestamp),
    /// The offset has not reached the message although this was found.
    Beyond(ProofKind, Timestamp),
    /// The group has no dead-letter topic, so the dead letter is gone.
    NotKept,
    /// The topic that keeps the dead letter.
    KeptIn(&'a str),
    /// Why it is unknown whether the dead letter is kept.
    KeptUnknown(&'a str),
    /// The status word of the record that decides; that of the group says something else.
    DecidedBy(&'a str),
    /// There is no record of a delivery, and the filter of the group is unknown.
    FilterUnknown,
    /// There is no record of a delivery, and the group filters by tags while the tag of the message is unknown.
    TagUnknown,
    /// Every client of the group receives every message.
    Broadcasting,
    /// There is no record of a delivery, and whether every client receives every message is unknown.
    ModelUnknown,
    /// A status word that is not understood; empty if there is none.
    UnclearStatus(&'a str),
    /// A client reported a failure, and this is why it is unknown whether the message is delivered again.
    RetryUnknown(&'a str),
    /// There is no record of a delivery, and this is why the lag is unknown.
    LagUnknown(&'a str),
    /// There is no record of a delivery, and so many messages of the topic were not consumed.
    Backlog(u64),
    /// There is no record of a delivery, and the lag was read too early.
    LagTooEarly,
    /// There is no record of a delivery, and this is why it is unknown when consumers could receive the message; may be
    /// empty.
    AvailableUnknown(&'a str),
    /// There is no trace, and whether the message exists is unknown.
    Unconfirmed,
    /// The groups of the topic are unknown, for this reason.
    Unlisted(&'a str),
    /// The verdict follows from the answer about another message of the queue.
    Inferred {
        /// The row of that message.
        row: NonZeroU64,
        /// Whether dead letters were examined, if the group has passed the message.
        examined: Option<bool>,
    },
}

/// Why a group is undetermined, in classes that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UndeterminedReason {
    /// The status word is not understood, or there is none.
    Status,
    /// The newest delivery failed, and the retry policy is unknown.
    RetryPolicy,
    /// The group had a lag on the topic.
    Backlog,
    /// The lag was read too early.
    Early,
    /// The lag is unknown.
    Lag,
    /// It is unknown when consumers could receive the message.
    Available,
    /// The filter of the group or the tag of the message is unknown.
    Filter,
    /// Every client receives every message.
    Broadcasting,
    /// It is unknown whether the message exists.
    Existence,
    /// The groups of the topic are unknown.
    Groups,
}

impl UndeterminedReason {
    /// All reasons, in the order of the reports.
    pub const ALL: [Self; 10] = [
        Self::Status,
        Self::RetryPolicy,
        Self::Backlog,
        Self::Early,
        Self::Lag,
        Self::Available,
        Self::Filter,
        Self::Broadcasting,
        Self::Existence,
        Self::Groups,
    ];

    /// Returns the name in machine formats.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::RetryPolicy => "retry_policy",
            Self::Backlog => "backlog",
            Self::Early => "early",
            Self::Lag => "lag",
            Self::Available => "available",
            Self::Filter => "filter",
            Self::Broadcasting => "broadcasting",
            Self::Existence => "existence",
            Self::Groups => "groups",
        }
    }
}

impl EvidenceNote<'_> {
    /// Returns why a group is undetermined, if this note says so.
    #[must_use]
    pub const fn undetermined_reason(&self) -> Option<UndeterminedReason> {
        Some(match self {
            Self::UnclearStatus(_) => UndeterminedReason::Status,
            Self::RetryUnknown(_) => UndeterminedReason::RetryPolicy,
            Self::Backlog(_) => UndeterminedReason::Backlog,
            Self::LagTooEarly => UndeterminedReason::Early,
            Self::LagUnknown(_) => UndeterminedReason::Lag,
            Self::AvailableUnknown(_) => UndeterminedReason::Available,
            Self::FilterUnknown | Self::TagUnknown => UndeterminedReason::Filter,
            Self::Broadcasting | Self::ModelUnknown => UndeterminedReason::Broadcasting,
            Self::Unconfirmed => UndeterminedReason::Existence,
            Self::Unlisted(_) => UndeterminedReason::Groups,
            _ => return None,
        })
    }

    /// Returns whether there is nothing to say.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::Nothing
    }
}

impl EvidenceNote<'_> {
    /// Returns the text of a note that says the same of every message.
    fn fixed_text(&self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => "",
            Self::TooOld => "not examined: copies of this age are deleted",
            Self::BornUnknown => "not examined: the message's time is unknown",
            Self::Pop => "not examined: POP keeps no copy while a delivery is open",
            Self::Pull => "not examined: a pull consumer leaves no copies",
            Self::NotKept => "not kept: the group has no dead-letter topic",
            Self::FilterUnknown => {
                "no record, and whether the filter of the group accepts the message is unknown"
            }
            Self::TagUnknown => "no record; the group filters by tags, and the tag is unknown",
            Self::Broadcasting => {
                "broadcasting: every client receives it, and no record says which"
            }
            Self::ModelUnknown => {
                "no record, and whether every client receives each message is unknown"
            }
            Self::UnclearStatus("UNKNOWN") => {
                "the newest delivery has no status, or the status `UNKNOWN`"
            }
            Self::UnclearStatus("") => "the newest delivery has no status",
            Self::LagTooEarly => {
                "no record, and the lag was read less than 5 minutes after the message was stored"
            }
            Self::AvailableUnknown("") => {
                "no record, and when consumers could receive the message is unknown"
            }
            Self::Unconfirmed => "no trace, and whether the message exists is unknown",
            _ => return None,
        })
    }
}

impl fmt::Display for EvidenceNote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = self.fixed_text() {
            return f.write_str(text);
        }
        match self {
            Self::Reason(reason) => f.write_str(reason.as_str()),
            Self::Inferred { row, examined } => {
                write!(f, "inferred from row {row}")?;
                match examined {
                    None => Ok(()),
                    Some(true) => f.write_str("; dead letters were examined, without a copy"),
                    Some(false) => f.write_str("; dead letters were not examined"),
                }
            }
            Self::NotExamined(why) => write!(f, "not examined: {why}"),
            Self::SucceededAfter(at) => {
                write!(f, "dead-lettered at {}, succeeded later", rfc3339(*at))
            }
            Self::RetriedAfter(at) => {
                write!(f, "dead-lettered at {}, retried again", rfc3339(*at))
            }
            Self::Beyond(kind, at) => {
                let what = match kind {
                    ProofKind::DeadLettered => "a copy is in the dead-letter topic since",
                    ProofKind::Waiting => "a copy waits for its next delivery since",
                    ProofKind::Retried => "a copy is in a retry topic since",
                    ProofKind::Succeeded => "a client reported success at",
                    ProofKind::Failed => "a client reported a failure at",
                };
                write!(f, "{what} {}", rfc3339(*at))
            }
            Self::KeptIn(topic) => write!(f, "kept in the topic {topic}"),
            Self::KeptUnknown(why) => write!(f, "whether it is kept is unknown: {why}"),
            Self::DecidedBy(word) => write!(f, "decided by the record with the status `{word}`"),
            Self::UnclearStatus(word) => write!(f, "the status `{word}` is not understood"),
            Self::RetryUnknown(why) => write!(
                f,
                "a client reported a failure; whether it is retried is unknown: {why}"
            ),
            Self::LagUnknown(why) => write!(f, "no record, and the lag is unknown: {why}"),
            Self::Backlog(messages) => {
                let waiting = counted(*messages, "message", "messages");
                write!(
                    f,
                    "no record, and the group's lag on the topic is {waiting}"
                )
            }
            Self::AvailableUnknown(why) => write!(
                f,
                "no record, and when consumers could receive the message is unknown: {why}"
            ),
            Self::Unlisted(why) => write!(f, "the groups of the topic are unknown: {why}"),
            _ => Ok(()), // it has a fixed text
        }
    }
}
