//! How a connection came to its end, and which ends are worth a line in the log.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use super::activity::{Activity, Phase};

/// What went wrong with a connection: each is a label of a metric, so the set is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// No TLS came of it.
    Handshake,
    /// The TLS handshake took too long.
    SlowHandshake,
    /// Request line and headers took too long.
    SlowHead,
    /// A body took too long.
    SlowBody,
    /// The client did not take its answer.
    SlowReader,
    /// What was sent is no request.
    BadRequest,
    /// The client left, or its network did, in the midst of something.
    Left,
    /// There was no room for one more large request.
    Crowded,
    /// The server ended before the answer was there.
    Shutdown,
}

impl Fault {
    pub(super) const ALL: [Self; 9] = [
        Self::Handshake,
        Self::SlowHandshake,
        Self::SlowHead,
        Self::SlowBody,
        Self::SlowReader,
        Self::BadRequest,
        Self::Left,
        Self::Crowded,
        Self::Shutdown,
    ];

    /// One word for metrics and log.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::SlowHandshake => "handshake_timeout",
            Self::SlowHead => "head_timeout",
            Self::SlowBody => "body_timeout",
            Self::SlowReader => "write_timeout",
            Self::BadRequest => "bad_request",
            Self::Left => "client_left",
            Self::Crowded => "crowded",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A fault, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) fault: Fault,
    pub(super) detail: String,
}

impl Ending {
    pub(super) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        Self {
            fault,
            detail: detail.into(),
        }
    }

    /// No room.
    pub(super) fn crowded() -> Self {
        Self::new(Fault::Crowded, "no room for one more large request")
    }

    /// No time.
    pub(super) fn shutdown() -> Self {
        let detail = "the server ended before the answer was there";
        Self::new(Fault::Shutdown, detail)
    }

    /// A phase that took too long.
    pub(super) fn overdue(phase: Phase) -> Self {
        let (fault, detail) = match phase {
            Phase::Waiting | Phase::Head | Phase::Next => {
                (Fault::SlowHead, "the head of a request took too long")
            }
            Phase::Body => (Fault::SlowBody, "the body of a request took too long"),
            Phase::Answering | Phase::Writing => {
                (Fault::SlowReader, "the client did not take its answer")
            }
        };
        Self::new(fault, detail)
    }

    /// Why hyper gave up, if that is worth telling. hyper's words quote nothing of what the client sent.
    pub(super) fn of(error: &hyper::Error, activity: &Activity) -> Option<Self> {
        if error.is_parse() {
            return Some(Self::new(Fault::BadRequest, error.to_string()));
        }
        if let Some(unanswered) = error.source().and_then(|cause| cause.downcast_ref()) {
            return match unanswered {
                Unanswered::Drill => None,
                Unanswered::Body => Some(Self::new(Fault::Left, "left in the midst of a body")),
            };
        }
        if is_crowded(error) {
            return Some(Self::crowded());
        }
        let detail = match activity.phase() {
            // Clients may end an idle connection as they please.
            Phase::Waiting => return None,
            Phase::Head | Phase::Next => "left in the midst of a request's head",
            Phase::Body => "left in the midst of a body",
            Phase::Answering => "left before its answer",
            Phase::Writing => "left in the midst of its answer",
        };
        Some(Self::new(Fault::Left, detail))
    }
}

/// Was it the wire that found no room?
pub(super) fn is_crowded(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&cause| cause.source());
    causes.any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == ErrorKind::QuotaExceeded)
    })
}

/// Why a request gets no answer: hyper then closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// A drill wants it so.
    Drill,
    /// The client left while it sent the body.
    Body,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drill => "dropped by a drill",
            Self::Body => "the body broke off",
        })
    }
}

impl Error for Unanswered {}
