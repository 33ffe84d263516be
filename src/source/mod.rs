//! Whatever answers queries.
//!
//! A [`TraceSource`] is asked one [`Query`] at a time and says what it knows of each consumer group, or why it can't
//! say ([`Failure`]). Pacing and retries are not its business: the engine calls it once per attempt.
//!
//! [`ons`] asks the HTTP API, [`rocketmq`] a cluster's own brokers. [`snapshot`] answers in this process, from offsets
//! frozen in a file.

pub mod ons;
pub mod rocketmq;
pub mod snapshot;

pub use ons::Ons;
pub use rocketmq::Cluster;
pub use snapshot::Snapshot;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::input::Row;
use crate::message::{Position, Query};
use crate::offsets::{Marks, TrackType};

/// Who knows whether a message was consumed.
pub trait TraceSource {
    /// Asks once. Every call stands for one attempt, so the HTTP source signs anew in each.
    fn trace(&self, query: &Query) -> impl Future<Output = Result<Trace, Failure>>;

    /// The answer, where nobody need be called for it: it takes no turn. Where a rate is to be
    /// kept (`is_paced`), a source that could answer everything at once gives `None`, so that each query takes its turn.
    fn answer_locally(&self, _query: &Query, _is_paced: bool) -> Option<Result<Trace, Failure>> {
        None
    }

    /// The same rows, read some way ahead by a source that finds many messages at once.
    fn prefetch<'r, E: 'r>(
        &'r self,
        rows: impl Iterator<Item = Result<Row, E>> + 'r,
    ) -> impl Iterator<Item = Result<Row, E>> + 'r {
        rows
    }

    /// Could it refuse every call for the same reason: a key, a clock, a right? Then the first call goes alone.
    fn may_refuse_everyone(&self) -> bool {
        false
    }

    /// The moment that all answers speak of, where that is not the moment of asking.
    fn as_of(&self) -> Option<Timestamp> {
        None
    }
}

/// Limits the rate of the calls that a source makes beside those the engine asks it for.
pub trait CallPacer {
    /// Leave to make one call.
    type Permit;

    /// Returns when the next call may begin.
    fn turn(&self) -> impl Future<Output = Self::Permit>;

    /// Reports that the call was answered and not throttled.
    fn answered(&self, permit: Self::Permit) -> impl Future<Output = ()>;

    /// Reports that the call was throttled, so that later calls slow down.
    fn throttled(&self, permit: Self::Permit) -> impl Future<Output = ()>;
}

/// The sources there are: a closed set, so a match does, and no call is boxed.
#[derive(Debug)]
pub enum Source {
    /// The HTTP API.
    Ons(Box<Ons>),
    /// An Apache RocketMQ cluster.
    Cluster(Box<Cluster>),
    /// A snapshot file.
    Snapshot(Box<Snapshot>),
}

impl Source {
    /// The snapshot, where it is one: it knows more than traces.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            Self::Ons(_) | Self::Cluster(_) => None,
        }
    }
}

impl TraceSource for Source {
    async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        match self {
            Self::Ons(ons) => ons.trace(query).await,
            Self::Cluster(cluster) => cluster.trace(query).await,
            Self::Snapshot(snapshot) => snapshot.trace(query).await,
        }
    }

    fn answer_locally(&self, query: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        match self {
            Self::Ons(ons) => ons.answer_locally(query, is_paced),
            Self::Cluster(cluster) => cluster.answer_locally(query, is_paced),
            Self::Snapshot(snapshot) => snapshot.answer_locally(query, is_paced),
        }
    }

    fn may_refuse_everyone(&self) -> bool {
        match self {
            Self::Ons(ons) => ons.may_refuse_everyone(),
            Self::Cluster(cluster) => cluster.may_refuse_everyone(),
            Self::Snapshot(snapshot) => snapshot.may_refuse_everyone(),
        }
    }

    fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Ons(ons) => ons.as_of(),
            Self::Cluster(cluster) => cluster.as_of(),
            Self::Snapshot(snapshot) => snapshot.as_of(),
        }
    }
}

/// What a source says of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// One entry a consumer group the source knows for the topic; the order means nothing.
    pub tracks: Vec<Track>,
    /// The gateway's request ID.
    pub request_id: Option<String>,
    /// Where the message is stored, where the source has looked it up to be judged later.
    pub found: Option<Box<LocatedMessage>>,
}

impl Trace {
    /// An answer with nothing but tracks.
    #[must_use]
    pub const fn new(tracks: Vec<Track>) -> Self {
        Self {
            tracks,
            request_id: None,
            found: None,
        }
    }
}

/// A stored message that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedMessage {
    /// The topic it is stored under, as brokers know it.
    pub topic: Arc<str>,
    /// Where it is stored: what it is judged by.
    pub position: Position,
    /// When it was stored, as far as the broker says.
    pub stored_at: Option<Timestamp>,
}

/// What the source says of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Consumer group (GID).
    pub group: Arc<str>,
    /// The source's word, kept verbatim.
    pub track_type: TrackType,
    /// What has to be known beside the word, where offsets were judged.
    pub marks: Marks,
    /// The word of `mqadmin`, where it would be another one.
    pub mqadmin: Option<TrackType>,
}

impl Track {
    /// A word, and nothing beside it.
    #[must_use]
    pub fn new(group: impl Into<Arc<str>>, track_type: TrackType) -> Self {
        Self {
            group: group.into(),
            track_type,
            marks: Marks::default(),
            mqadmin: None,
        }
    }
}

/// Why there is no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What to do about it.
    pub kind: FailureKind,
    /// The source's error code (`BIZ_NO_MESSAGE`, `Throttling.User`), if it gave one.
    pub code: Option<String>,
    /// What happened, free of secrets.
    pub message: String,
    /// HTTP status, if there was an HTTP answer.
    pub http_status: Option<u16>,
    /// The gateway's request ID.
    pub request_id: Option<String>,
    /// How long the source asked us to wait.
    pub retry_after: Option<Duration>,
    /// What the person should do next, where we know.
    pub hint: Option<String>,
    /// Whether the source failed before it made a call, so that this is no attempt for the query.
    pub no_call_made: bool,
}

/// What a failure means for the run. Decided by the error code, by HTTP status only where there is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The message, topic or instance does not exist (or is not ours to see): this is the query's answer.
    NotFound,
    /// Permanent for this query; asking again would say the same.
    Refused,
    /// Too many calls: the whole run waits, then asks again.
    Throttled,
    /// No answer arrived: connection, time-out.
    Transport,
    /// The gateway failed, or its answer can't be read.
    Server,
    /// The key's time has run out: new credentials may do. Where there are none, it ends the run.
    Expired,
    /// The key may not ask this. Rights are given by topic, so the engine tells whether it is the query that is
    /// refused or the run.
    Forbidden,
    /// Every query would get this (key, clock, unknown action): the run stops.
    Fatal,
}

impl FailureKind {
    /// Is another attempt worth a call?
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Transport | Self::Server)
    }

    /// The kind of a word of the results file.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [
            Self::NotFound,
            Self::Refused,
            Self::Throttled,
            Self::Transport,
            Self::Server,
            Self::Expired,
            Self::Forbidden,
            Self::Fatal,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }

    /// Would every further query get the same? Credentials that have expired are replaced by the source, if they can
    /// be: what gets here could not. And a right that is missing is missing everywhere, for all that one answer tells.
    #[must_use]
    pub const fn ends_run(self) -> bool {
        matches!(self, Self::Expired | Self::Forbidden | Self::Fatal)
    }

    /// The word for it in the results file (`error.kind`).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Transport => "transport",
            Self::Server => "server",
            Self::Expired => "expired",
            Self::Forbidden => "forbidden",
            Self::Fatal => "fatal",
        }
    }
}

impl Failure {
    /// Does this prove that key, clock and rights hold? Only an answer about the message itself does: before that
    /// anything may have refused the call, a gateway that checks parameters first included.
    #[must_use]
    pub fn proves_access(&self) -> bool {
        match self.kind {
            FailureKind::NotFound => true,
            FailureKind::Refused => {
                let code = self.code.as_deref();
                code.is_some_and(|code| code.starts_with("BIZ_"))
            }
            _ => false,
        }
    }

    /// A failure that carries nothing but its kind, code and message.
    pub fn new(
        kind: FailureKind,
        code: impl Into<Option<String>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            http_status: None,
            request_id: None,
            retry_after: None,
            hint: None,
            no_call_made: false,
        }
    }
}
