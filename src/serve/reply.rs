//! What goes back to the client, and what the log and the metrics are told of it.

use std::borrow::Cow;
use std::time::Duration;

/// One answer of the gateway, good or bad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `application/json;charset=utf-8` or `text/xml;charset=utf-8`.
    pub content_type: &'static str,
    /// The body, complete.
    pub body: Vec<u8>,
    /// Sent as `x-acs-retry-after`, in milliseconds.
    pub retry_after: Option<Duration>,
    /// What the log says of the call.
    pub note: Note,
}

impl Reply {
    /// One that asks nobody to wait.
    #[must_use]
    pub const fn new(status: u16, content_type: &'static str, body: Vec<u8>, note: Note) -> Self {
        Self {
            status,
            content_type,
            body,
            retry_after: None,
            note,
        }
    }
}

/// A call as the log and the metrics know it: no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// The request ID that the body names too.
    pub request_id: String,
    /// The operation, if it is one we serve: a bounded set, so it may be a metric's label.
    pub action: Option<&'static str>,
    /// The error code, from our own bounded set.
    pub code: Option<Cow<'static, str>>,
    /// The access key ID; masked, unless it is one of our own.
    pub key: Option<String>,
    /// The topic asked about.
    pub topic: Option<String>,
    /// The message asked about.
    pub msg_id: Option<String>,
    /// A drill's fault: the connection is to be dropped without an answer.
    pub dropped: bool,
}
