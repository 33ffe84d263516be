//! Sources: where the consumption state of messages comes from.
//!
//! A [`TraceSource`] answers one [`Query`] at a time, with a track per consumer group or with a [`Failure`]. It
//! does not pace or retry: the engine calls it once per attempt.
//!
//! [`ons`] calls the HTTP API of 4.x, [`rmq`] that of 5.x, [`rocketmq`] the brokers of a cluster. [`snapshot`] answers from
//! offsets stored in a file.

pub mod ons;
mod operation;
pub mod rmq;
pub mod rocketmq;
pub mod snapshot;

pub use ons::Ons;
pub use operation::{OPERATIONS, Operation};
pub use rmq::Rmq;
pub use rocketmq::Cluster;
pub use snapshot::Snapshot;

use std::future::{Future, ready};
use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;

use crate::evidence::Deliveries;
use crate::input::Row;
use crate::message::{Position, Query};
use crate::offsets::{Marks, TrackType};

/// Returns whether no more files can be open in this process or on this machine.
fn is_out_of_files(error: &io::Error) -> bool {
    let number = Errno::from_io_error(error);
    matches!(number, Some(Errno::MFILE | Errno::NFILE))
}

/// A source of traces.
pub trait TraceSource {
    /// Makes one attempt to answer a query. The HTTP source signs each attempt anew. By default, answers locally.
    ///
    /// The caller has waited for the turn of one call. If the answer takes more calls, each of the others waits for its
    /// turn of `more`.
    ///
    /// # Errors
    ///
    /// If the attempt gets no answer. The failure says why, and whether to retry.
    fn trace<P: CallPacer>(
        &self,
        query: &Query,
        _more: &P,
    ) -> impl Future<Output = Result<Trace, Failure>> {
        let answer = self.answer_locally(query, false);
        ready(answer.unwrap_or_else(|| {
            let message = "the source has no answer";
            Err(Failure::new(FailureKind::Fatal, None, message))
        }))
    }

    /// Returns the answer if it needs no call and so no turn. If the run is paced (`is_paced`), a source that
    /// answers everything locally returns `None`, so that each query waits for its turn.
    fn answer_locally(&self, _query: &Query, _is_paced: bool) -> Option<Result<Trace, Failure>> {
        None
    }

    /// Passes the rows through. A source that can find many messages at once reads them ahead.
    fn prefetch<'r, E: 'r>(
        &'r self,
        rows: impl Iterator<Item = Result<Row, E>> + 'r,
    ) -> impl Iterator<Item = Result<Row, E>> + 'r {
        rows
    }

    /// Returns whether one cause (key, clock, permission) can make the source refuse every call. If so, the
    /// first call is made alone.
    fn may_refuse_everyone(&self) -> bool {
        false
    }

    /// Returns the time that all answers refer to, if it is not the time of asking.
    fn as_of(&self) -> Option<Timestamp> {
        None
    }
}

/// Limits the rate of the calls that a source makes in addition to those requested by the engine.
pub trait CallPacer {
    /// Permission to make one call.
    type Permit;

    /// Returns when the next call may begin.
    fn turn(&self) -> impl Future<Output = Self::Permit>;

    /// Reports that the call was answered and not throttled.
    fn answered(&self, permit: Self::Permit) -> impl Future<Output = ()>;

    /// Reports that the call was throttled, so that later calls slow down. `asked` is the wait that the source asked for.
    fn throttled(&self, permit: Self::Permit, asked: Option<Duration>) -> impl Future<Output = ()>;
}

/// Lets every call begin at once, for tests.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Unpaced;

#[cfg(test)]
impl CallPacer for Unpaced {
    type Permit = ();

    async fn turn(&self) {}

    async fn answered(&self, (): ()) {}

    async fn throttled(&self, (): (), _asked: Option<Duration>) {}
}

/// All sources: a closed set, so a `match` suffices and no call is boxed.
#[derive(Debug)]
pub enum Source {
    /// The HTTP API of 4.x.
    Ons(Box<Ons>),
    /// The HTTP API of 5.x.
    Rmq(Box<Rmq>),
    /// An Apache RocketMQ cluster.
    Cluster(Box<Cluster>),
    /// A snapshot file.
    Snapshot(Box<Snapshot>),
}

impl Source {
    /// Returns the snapshot, if the source is one; it offers more than traces.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            Self::Ons(_) | Self::Rmq(_) | Self::Cluster(_) => None,
        }
    }
}

impl TraceSource for Source {
    async fn trace<P: CallPacer>(&self, query: &Query, more: &P) -> Result<Trace, Failure> {
        match self {
            Self::Ons(ons) => ons.trace(query, more).await,
            Self::Rmq(rmq) => rmq.trace(query, more).await,
            Self::Cluster(cluster) => cluster.trace(query, more).await,
            Self::Snapshot(snapshot) => snapshot.trace(query, more).await,
        }
    }

    fn answer_locally(&self, query: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        match self {
            Self::Ons(ons) => ons.answer_locally(query, is_paced),
            Self::Rmq(rmq) => rmq.answer_locally(query, is_paced),
            Self::Cluster(cluster) => cluster.answer_locally(query, is_paced),
            Self::Snapshot(snapshot) => snapshot.answer_locally(query, is_paced),
        }
    }

    fn may_refuse_everyone(&self) -> bool {
        match self {
            Self::Ons(ons) => ons.may_refuse_everyone(),
            Self::Rmq(rmq) => rmq.may_refuse_everyone(),
            Self::Cluster(cluster) => cluster.may_refuse_everyone(),
            Self::Snapshot(snapshot) => snapshot.may_refuse_everyone(),
        }
    }

    fn as_of(&self) -> Option<Timestamp> {
        match self {
            Self::Ons(ons) => ons.as_of(),
            Self::Rmq(rmq) => rmq.as_of(),
            Self::Cluster(cluster) => cluster.as_of(),
            Self::Snapshot(snapshot) => snapshot.as_of(),
        }
    }
}

/// The answer about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// One track per consumer group that the source knows for the topic, in no particular order.
    pub tracks: Vec<Track>,
    /// Request ID of the gateway.
    pub request_id: Option<String>,
    /// The position of the message, if the source only looked it up for a later judgement.
    pub found: Option<Box<LocatedMessage>>,
    /// When the producer made the message, if the source has its record.
    pub born_at: Option<Timestamp>,
    /// The message's unique key, if the query names it by another ID; empty if it is unknown.
    pub unique_key: Option<Arc<str>>,
    /// Since when consumers can receive the message, if the source says so and judges groups by their lag.
    pub available_at: Option<Timestamp>,
    /// Why it is unknown since when consumers can receive the message, if groups are judged by their lag.
    pub unavailable: Option<Arc<str>>,
    /// Why the tracks may lack groups that subscribe to the topic. `None` if they are complete.
    pub unlisted: Option<Arc<str>>,
}

impl Trace {
    /// Returns a trace with nothing but tracks.
    #[must_use]
    pub const fn new(tracks: Vec<Track>) -> Self {
        Self {
            tracks,
            request_id: None,
            found: None,
            born_at: None,
            unique_key: None,
            available_at: None,
            unavailable: None,
            unlisted: None,
        }
    }
}

/// A stored message that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedMessage {
    /// The topic it is stored under, by its name on the brokers.
    pub topic: Arc<str>,
    /// Its unique key (`UNIQ_KEY`), if it was looked up by another ID.
    pub unique_key: Option<Arc<str>>,
    /// Its position.
    pub position: Position,
    /// The time when it was stored, if the broker says.
    pub stored_at: Option<Timestamp>,
    /// The time when the producer made it, by the producer's clock, if the broker says.
    pub born_at: Option<Timestamp>,
}

/// The answer about one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Consumer group (GID).
    pub group: Arc<str>,
    /// The track type, verbatim.
    pub track_type: TrackType,
    /// Qualifications of the track type, if it was judged by offsets.
    pub marks: Marks,
    /// The track type that `mqadmin` would report, if it differs.
    pub mqadmin: Option<TrackType>,
    /// What the source says about the deliveries of the message to the group, if it records them.
    pub deliveries: Option<Arc<Deliveries>>,
    /// The row whose answer the track type follows from by the order of the queue, if the source was not asked about this
    /// message.
    pub inferred_from: Option<NonZeroU64>,
}

impl Track {
    /// Returns a track with nothing but its type.
    #[must_use]
    pub fn new(group: impl Into<Arc<str>>, track_type: TrackType) -> Self {
        Self {
            group: group.into(),
            track_type,
            marks: Marks::default(),
            mqadmin: None,
            deliveries: None,
            inferred_from: None,
        }
    }
}

/// The reason why there is no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The class of the failure.
    pub kind: FailureKind,
    /// Error code of the source, if any (`BIZ_NO_MESSAGE`, `Throttling.User`).
    pub code: Option<String>,
    /// A description of what happened, without secrets.
    pub message: String,
    /// HTTP status, if there was an HTTP response.
    pub http_status: Option<u16>,
    /// Request ID of the gateway.
    pub request_id: Option<Box<str>>,
    /// The wait that the source asked for.
    pub retry_after: Option<Duration>,
    /// A hint for the user about what to do next, if known.
    pub hint: Option<String>,
    /// Whether the source failed before it made a call. Such a failure does not count as an attempt.
    pub no_call_made: bool,
    /// Whether this process cannot open the connection because too many files are open. The call waits until others
    /// are finished, and it does not count as an attempt.
    pub out_of_files: bool,
    /// When the producer made the message, if the source has its record although it cannot answer.
    pub born_at: Option<Box<Timestamp>>,
}

/// The meaning of a failure for the run. The error code decides; the HTTP status counts only without a code and for
/// temporary errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The message, topic or instance does not exist or is not visible to this account. This is the answer to
    /// the query.
    NotFound,
    /// Permanent for this query.
    Refused,
    /// Too many calls: the whole run waits, then asks again.
    Throttled,
    /// No response: connection failure or timeout.
    Transport,
    /// The gateway failed, or its response cannot be read.
    Server,
    /// The key has expired. New credentials may help; without them the run ends.
    Expired,
    /// The key lacks a permission. Permissions are granted by topic, so the engine decides whether the query or
    /// the run is affected.
    Forbidden,
    /// Every query would fail the same way (key, clock, unknown action): the run stops.
    Fatal,
}

impl FailureKind {
    /// Returns whether another attempt is worth a call.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Transport | Self::Server)
    }

    /// Parses the kind from its name in the results file.
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

    /// Returns whether the failure ends the run. The source renews expired credentials itself if it can. A
    /// missing permission counts as missing for every topic until the engine knows better.
    #[must_use]
    pub const fn ends_run(self) -> bool {
        matches!(self, Self::Expired | Self::Forbidden | Self::Fatal)
    }

    /// Returns the name in the results file (`error.kind`).
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
    /// Returns whether the failure shows that key, clock and permission are accepted. Only an answer about the
    /// message does: a gateway may check parameters before it checks the key.
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

    /// Returns whether the source is overloaded and states no wait: HTTP 503. The run pauses briefly.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        self.kind == FailureKind::Server && self.http_status == Some(503)
    }

    /// Creates a failure with nothing but kind, code and message.
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
            out_of_files: false,
            born_at: None,
        }
    }
}
