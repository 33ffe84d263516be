//! The access log: one JSON object a line for each request, and for each connection that ended badly.
//!
//! The query is never written (V1 carries key ID, token and signature there), nor a header, nor a body: what is known of
//! a call's content comes from the gateway's [`Note`], which holds no secret.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, Uri};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use super::ending::Ending;
use super::lines::Lines;
use crate::clock::{self, Clock};
use crate::serve::Note;

/// How much of a text that a client chose is written, in bytes.
const SHOWN: usize = 200;

/// Writes lines, or nothing at all.
#[derive(Debug)]
pub(super) struct AccessLog {
    lines: Option<Lines>,
    clock: Clock,
}

/// A request with its answer.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) peer: SocketAddr,
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    /// HTTP status; 0 if there is no answer.
    pub(super) status: u16,
    /// Length of the answer's body.
    pub(super) bytes: u64,
    pub(super) took: Duration,
    pub(super) note: &'a Note,
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
    /// Writes to `sink`, or nothing without one. `lost` counts lines that can't be written.
    pub(super) fn to(
        sink: Option<Box<dyn Write + Send>>,
        clock: Clock,
        lost: &Counter,
    ) -> io::Result<Self> {
        let lines = sink.map(|sink| Lines::to(sink, lost.clone())).transpose()?;
        Ok(Self { lines, clock })
    }

    /// A request was answered, or left without an answer.
    pub(super) fn request(&self, visit: &Visit<'_>) {
        let Some(lines) = &self.lines else {
            return;
        };
        let note = visit.note;
        let line = RequestLine {
            time: clock::rfc3339((self.clock)()),
            peer: visit.peer,
            method: shown(visit.method.as_str()),
            path: shown(visit.uri.path()),
            status: visit.status,
            dropped: (visit.status == 0).then_some(true),
            action: note.action,
            code: note.code.as_deref().map(shown),
            request_id: shown(&note.request_id),
            key: note.key.as_deref().map(shown),
            topic: note.topic.as_deref().map(shown),
            msg_id: note.msg_id.as_deref().map(shown),
            bytes: visit.bytes,
            duration_ms: (visit.took.as_secs_f64() * 1e6).round() / 1e3,
        };
        lines.push(|into| write_line(into, &line));
    }

    /// A connection ended badly.
    pub(super) fn connection(&self, peer: SocketAddr, ending: &Ending) {
        let Some(lines) = &self.lines else {
            return;
        };
        let line = ConnectionLine {
            time: clock::rfc3339((self.clock)()),
            peer,
            aborted: ending.fault.reason(),
            detail: shown(&ending.detail),
        };
        lines.push(|into| write_line(into, &line));
    }
}

fn write_line(into: &mut Vec<u8>, line: &impl Serialize) {
    // Neither the types nor the vector can fail.
    let _ = serde_json::to_writer(&mut *into, line);
    into.push(b'\n');
}

/// The beginning of a text that may be long.
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
