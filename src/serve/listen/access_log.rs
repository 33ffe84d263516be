//! The access log: a line with a JSON object for each request, and for each connection that was closed for a reason.
//!
//! Query, headers and body are never written, because V1 has key ID, token and signature in the query. The gateway's
//! [`CallDetails`] says what the call was about, and holds no secret.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, Uri};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use super::close_reason::CloseReason;
use super::log_writer::LogWriter;
use crate::clock::{self, Clock};
use crate::serve::CallDetails;

/// Texts that a client chose are cut after this many bytes.
const SHOWN: usize = 200;

#[derive(Debug)]
pub(super) struct AccessLog {
    /// `None` if no access log is wanted.
    writer: Option<LogWriter>,
    clock: Clock,
}

/// A request and what became of it.
#[derive(Debug)]
pub(super) struct AccessLogEntry<'a> {
    pub(super) peer: SocketAddr,
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    /// The HTTP status; 0 if there is no answer.
    pub(super) status: u16,
    /// The length of the answer's body.
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) details: &'a CallDetails,
}

#[derive(Serialize)]
struct RequestLine<'a> {
    time: String,
    peer: SocketAddr,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg_id: Option<&'a str>,
    bytes: u64,
    duration_ms: f64,
}

#[derive(Serialize)]
struct ConnectionLine<'a> {
    time: String,
    peer: SocketAddr,
    aborted: &'static str,
    detail: &'a str,
}

impl AccessLog {
    /// Opens a log that writes to `sink`. `lost` counts the lines that could not be written.
    pub(super) fn open(
        sink: Option<Box<dyn Write + Send>>,
        clock: Clock,
        lost: &Counter,
    ) -> io::Result<Self> {
        let writer = sink.map(|sink| LogWriter::start(sink, lost.clone()));
        Ok(Self {
            writer: writer.transpose()?,
            clock,
        })
    }

    /// Logs a request that was answered, or left without an answer.
    pub(super) fn request(&self, entry: &AccessLogEntry<'_>) {
        let Some(writer) = &self.writer else {
            return;
        };
        let details = entry.details;
        let line = RequestLine {
            time: clock::rfc3339((self.clock)()),
            peer: entry.peer,
            method: shown(entry.method.as_str()),
            path: shown(entry.uri.path()),
            status: entry.status,
            dropped: (entry.status == 0).then_some(true),
            action: details.action,
            code: details.code.as_deref().map(shown),
            request_id: shown(&details.request_id),
            key: details.key.as_deref().map(shown),
            topic: details.topic.as_deref().map(shown),
            msg_id: details.msg_id.as_deref().map(shown),
            bytes: entry.bytes,
            duration_ms: (entry.took.as_secs_f64() * 1e6).round() / 1e3,
        };
        writer.push(line_of(&line));
    }

    /// Logs why a connection was closed.
    pub(super) fn connection(&self, peer: SocketAddr, reason: &CloseReason) {
        let Some(writer) = &self.writer else {
            return;
        };
        let detail = reason.to_string();
        let line = ConnectionLine {
            time: clock::rfc3339((self.clock)()),
            peer,
            aborted: reason.label(),
            detail: shown(&detail),
        };
        writer.push(line_of(&line));
    }
}

fn line_of(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    // Neither the types nor the vector can fail.
    let _ = serde_json::to_writer(&mut bytes, line);
    bytes.push(b'\n');
    bytes
}

fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(SHOWN)]
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(status: &u16) -> bool {
    *status == 0
}
