//! Why a connection was closed before its time. Each reason is a label of a metric, so the set is closed.

use std::error::Error;
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The TLS handshake failed; the text is the error of rustls.
    Handshake(String),
    HandshakeTimeout,
    /// No request came for too long.
    IdleTimeout,
    HeadTimeout,
    BodyTimeout,
    /// The client did not take its answer in time.
    WriteTimeout,
    /// The bytes received are no HTTP request, or its head is too long; the text is the error of hyper, which quotes
    /// nothing that the client sent.
    BadRequest(String),
    /// The client or its network broke the connection.
    ClientLeft(&'static str),
    /// The server stopped before the answer was there.
    Shutdown,
}

impl CloseReason {
    pub(super) fn all() -> [Self; 9] {
        [
            Self::Handshake(String::new()),
            Self::HandshakeTimeout,
            Self::IdleTimeout,
            Self::HeadTimeout,
            Self::BodyTimeout,
            Self::WriteTimeout,
            Self::BadRequest(String::new()),
            Self::ClientLeft(""),
            Self::Shutdown,
        ]
    }

    /// Returns the word for metrics and log.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Handshake(_) => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::BadRequest(_) => "bad_request",
            Self::ClientLeft(_) => "client_left",
            Self::Shutdown => "shutdown",
        }
    }

    /// Returns why hyper gave up in `phase`. `None` for an end that is no incident.
    pub(super) fn of_error(error: &hyper::Error, phase: Phase) -> Option<Self> {
        if error.is_parse() {
            return Some(Self::BadRequest(error.to_string()));
        }
        if let Some(Unanswered(reason)) = error.source().and_then(|cause| cause.downcast_ref()) {
            return reason.clone();
        }
        Some(Self::ClientLeft(match phase {
            // Clients may close an idle connection as they please.
            Phase::Idle => return None,
            Phase::Head => "left in the midst of a request's head",
            Phase::Answering => "left before its answer",
            Phase::Writing => "left in the midst of its answer",
        }))
    }
}

/// The detail for the log.
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake(detail) | Self::BadRequest(detail) => detail,
            Self::HandshakeTimeout => "the TLS handshake took too long",
            Self::IdleTimeout => "no request came for too long",
            Self::HeadTimeout => "the head of a request took too long",
            Self::BodyTimeout => "the body of a request took too long",
            Self::WriteTimeout => "the client did not take its answer",
            Self::ClientLeft(detail) => detail,
            Self::Shutdown => "the server ended before the answer was there",
        })
    }
}

/// A request gets no answer: for a reason, or because the fault injector wants it so.
///
/// It is the error of our HTTP service, at which hyper closes the connection.
#[derive(Debug, Clone)]
pub(super) struct Unanswered(pub(super) Option<CloseReason>);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request gets no answer")
    }
}

impl Error for Unanswered {}

/// What a connection does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// No byte of the next request has come.
    #[default]
    Idle,
    /// Request line and headers are being received.
    Head,
    /// The request has been handed to the service, which may still read its body.
    Answering,
    /// The answer is being sent.
    Writing,
}
