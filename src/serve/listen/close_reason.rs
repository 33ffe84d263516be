//! Why a connection ended before its time. Each kind is a label of a metric, so the set is closed.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use super::timed_stream::{Phase, Timeout};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseKind {
    /// The TLS handshake failed.
    Handshake,
    HandshakeTimeout,
    /// No request came for too long.
    IdleTimeout,
    HeadTimeout,
    BodyTimeout,
    /// The client did not take its answer in time.
    WriteTimeout,
    /// The bytes received are no HTTP request, or its head is too long.
    BadRequest,
    /// The client or its network broke the connection in the middle of a request or an answer.
    ClientLeft,
    /// The server stopped before the answer was there.
    Shutdown,
}

impl CloseKind {
    pub(super) const ALL: [Self; 9] = [
        Self::Handshake,
        Self::HandshakeTimeout,
        Self::IdleTimeout,
        Self::HeadTimeout,
        Self::BodyTimeout,
        Self::WriteTimeout,
        Self::BadRequest,
        Self::ClientLeft,
        Self::Shutdown,
    ];

    /// Returns the word for metrics and log.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::BadRequest => "bad_request",
            Self::ClientLeft => "client_left",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A kind with a detail for the log. The detail quotes nothing that the client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CloseReason {
    pub(super) kind: CloseKind,
    pub(super) detail: Cow<'static, str>,
}

impl CloseReason {
    pub(super) fn new(kind: CloseKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    pub(super) fn shutdown() -> Self {
        let detail = "the server ended before the answer was there";
        Self::new(CloseKind::Shutdown, detail)
    }

    pub(super) fn body_timeout() -> Self {
        let detail = "the body of a request took too long";
        Self::new(CloseKind::BodyTimeout, detail)
    }

    pub(super) fn left_during_body() -> Self {
        Self::new(CloseKind::ClientLeft, "left in the midst of a body")
    }

    pub(super) fn timeout(timeout: Timeout) -> Self {
        let (kind, detail) = match timeout {
            Timeout::Idle => (CloseKind::IdleTimeout, "no request came for too long"),
            Timeout::Head => (
                CloseKind::HeadTimeout,
                "the head of a request took too long",
            ),
            Timeout::Write => (
                CloseKind::WriteTimeout,
                "the client did not take its answer",
            ),
        };
        Self::new(kind, detail)
    }

    /// Returns why hyper gave up in `phase`. `None` for an end that is no incident.
    pub(super) fn of_error(error: &hyper::Error, phase: Phase) -> Option<Self> {
        if error.is_parse() {
            return Some(Self::new(CloseKind::BadRequest, error.to_string()));
        }
        if let Some(unanswered) = error.source().and_then(|cause| cause.downcast_ref()) {
            return match unanswered {
                Unanswered::Dropped => None,
                Unanswered::Closed(reason) => Some(reason.clone()),
            };
        }
        let detail = match phase {
            // Clients may close an idle connection as they please.
            Phase::Idle => return None,
            Phase::Head => "left in the midst of a request's head",
            Phase::Answering => "left before its answer",
            Phase::Writing => "left in the midst of its answer",
        };
        Some(Self::new(CloseKind::ClientLeft, detail))
    }
}

/// Why a request gets no answer. It is the error of our HTTP service, at which hyper closes the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The fault injector wants it so.
    Dropped,
    Closed(CloseReason),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dropped => "dropped on purpose",
            Self::Closed(reason) => &reason.detail,
        })
    }
}

impl Error for Unanswered {}
