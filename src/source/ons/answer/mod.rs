//! What the gateway's bytes say: a [`Trace`] or a [`Failure`].
//!
//! Nothing is taken on trust. The content type is ignored (gateways label XML as JSON and the other way round), the
//! first byte decides; every shape of `OnsMessageTrace` that an official SDK reads as "no groups" is read so. What is
//! not its answer (a login page, another operation's, one that says it failed) must never look like a topic without
//! groups: that would be asserted of every group that is expected.

mod json;
mod xml;

use super::errors;
use super::redact::Redactor;
use crate::offsets::TrackType;
use crate::source::{Failure, Trace, Track};

/// How much of a body that can't be read is shown, in characters.
const EXCERPT: usize = 200;
/// How much of a gateway's own message is shown, in characters.
const MESSAGE: usize = 500;
/// How much of an unreadable body is looked at for the excerpt, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// Reads an answer: its HTTP status and its body, in JSON or XML.
///
/// The `redactor` hides the caller's key ID and token where the gateway echoes them. What stands in headers (waiting
/// time, clock) is not looked at here.
pub fn parse(status: u16, body: &[u8], redactor: &Redactor) -> Result<Trace, Failure> {
    let is_success = (200..300).contains(&status);
    let unreadable = |reason: String| unreadable(status, &reason, body, redactor);
    let judged = match read(body) {
        Ok(said) => match said.error_code(is_success) {
            Some(code) => Err(said.refusal(code, redactor)),
            None if !is_success => Err(said.refusal_without_code(status, redactor)),
            None => said.into_trace(redactor).map_err(unreadable),
        },
        Err(reason) => Err(unreadable(reason)),
    };
    judged.map_err(|failure| Failure {
        http_status: Some(status),
        ..failure
    })
}

/// Where `Success` is false.
const NO_SUCCESS: &str = "it says that it is no success";
/// Where there is an `errorCode`, which is how others than this operation say that they failed.
const ERROR_CODE: &str = "an errorCode in place of groups";

/// A body that could be read, in either format.
struct Body {
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    /// The groups, nothing where it says nothing of them, or why they can't be read; that matters only where they are
    /// needed.
    tracks: Result<Option<Vec<Track>>, String>,
    /// Is there any sign that `OnsMessageTrace` spoke?
    is_answer: bool,
    /// A sign that somebody else did, or that it failed.
    denial: Option<&'static str>,
}

/// What a code or a message says where all went well: a success has code 200 (`docs/facts/ons-api.md` §5). No page knows 0,
/// but nowhere it is an error.
fn says_success(text: &str) -> bool {
    let words = ["", "0", "200", "ok", "success"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Body {
    /// The error code. A success may carry `200` or `OK` in its place, and one with groups in it is a success.
    fn error_code(&self, is_success: bool) -> Option<&str> {
        let code = self.code.as_deref()?.trim();
        let has_tracks = matches!(&self.tracks, Ok(Some(tracks)) if !tracks.is_empty());
        (!says_success(code) && (!is_success || !has_tracks)).then_some(code)
    }

    fn refusal(&self, code: &str, redactor: &Redactor) -> Failure {
        let (kind, hint) = errors::classify(code);
        let message = if errors::quotes_request(code) {
            "the gateway computed another signature (its message is left out: it quotes the request)".into()
        } else {
            self.message(redactor)
        };
        Failure {
            request_id: self.request_id(redactor),
            hint: hint.map(str::to_owned),
            ..Failure::new(kind, redactor.excerpt(code, EXCERPT), message)
        }
    }

    fn refusal_without_code(&self, status: u16, redactor: &Redactor) -> Failure {
        Failure {
            request_id: self.request_id(redactor),
            ..without_code(status, &self.message(redactor))
        }
    }

    fn message(&self, redactor: &Redactor) -> String {
        match self.message.as_deref() {
            Some(message) if !message.trim().is_empty() => redactor.excerpt(message, MESSAGE),
            _ => "the gateway gave no message".into(),
        }
    }

    fn request_id(&self, redactor: &Redactor) -> Option<String> {
        let id = self.request_id.as_deref()?;
        Some(redactor.excerpt(id, EXCERPT))
    }

    /// One that says nothing of groups is one about a topic without groups, unless it has something else to say.
    fn nothing_said(&self) -> Result<Vec<Track>, String> {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.as_deref().unwrap_or_default();
        if code.trim() == "0" {
            Err("Code 0 without groups, and no documented success".into())
        } else if says_success(message.trim()) {
            Ok(Vec::new())
        } else {
            Err("a message in place of groups".into())
        }
    }

    fn into_trace(self, redactor: &Redactor) -> Result<Trace, String> {
        if let Some(denial) = self.denial {
            return Err(denial.into());
        }
        if !self.is_answer {
            return Err("neither RequestId nor Data in it".into());
        }
        let request_id = self.request_id(redactor);
        let nothing_said = self.nothing_said();
        let mut tracks = self.tracks?.map_or(nothing_said, Ok)?;
        // Their order means nothing, and the record sorts them so.
        tracks.sort_by(|a, b| key(a).cmp(&key(b)));
        tracks.dedup();
        Ok(Trace {
            tracks,
            request_id,
            found: None,
        })
    }
}

fn key(track: &Track) -> (&str, &str) {
    (&track.group, track.track_type.as_str())
}

/// JSON or XML, by the first byte that is not blank.
fn read(body: &[u8]) -> Result<Body, String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match body.trim_ascii_start().first() {
        None => Err("an empty body".into()),
        Some(b'{' | b'[') => json::read(body),
        Some(b'<') => xml::read(body),
        Some(0x1f) if body.starts_with(b"\x1f\x8b") => {
            Err("compressed, which was not asked for".into())
        }
        Some(_) => Err("neither JSON nor XML".into()),
    }
}

/// One entry of the answer. A group without a word about it is one the source can't tell about.
fn track(group: Option<&str>, track_type: Option<&str>) -> Result<Track, &'static str> {
    let group = group
        .filter(|group| !group.trim().is_empty())
        .ok_or("a MessageTrack without ConsumerGroup")?;
    let word = track_type.filter(|word| !word.trim().is_empty());
    let word = word.map_or(TrackType::UNKNOWN, TrackType::from);
    Ok(Track::new(group, word))
}

fn without_code(status: u16, message: &str) -> Failure {
    let (kind, hint) = errors::classify_status(status);
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(kind, None, format!("HTTP {status}: {message}"))
    }
}

/// A failure whose body is no answer: a page of a proxy, half an answer, nothing.
fn unreadable(status: u16, reason: &str, body: &[u8], redactor: &Redactor) -> Failure {
    let start = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let reason = redactor.excerpt(reason, EXCERPT);
    let excerpt = redactor.excerpt(&start, EXCERPT);
    let begins = if excerpt.is_empty() {
        String::new()
    } else {
        format!("; it begins with `{excerpt}`")
    };
    without_code(
        status,
        &format!("not an answer of OnsMessageTrace: {reason}{begins}"),
    )
}

#[cfg(test)]
mod tests;
