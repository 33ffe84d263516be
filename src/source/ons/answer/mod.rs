//! Parses the gateway's response into a [`Trace`] or a [`Failure`].
//!
//! The first byte decides about the format, because gateways mislabel JSON and XML. Every shape that an
//! official SDK reads as "no groups" is read so. Any other response (a login page, another operation, a failed
//! call) is a failure. It must not look like a topic without groups, because that would be reported for every
//! expected group.

mod json;
mod xml;

use serde_json::Value;

use super::errors;
use super::redact::Redactor;
use crate::offsets::TrackType;
use crate::source::operation::{MESSAGE_TRACE, Operation};
use crate::source::{Failure, Trace, Track};

/// Length limit for the excerpt of an unreadable body, in characters.
const EXCERPT: usize = 200;
/// Length limit for a message of the gateway, in characters.
const MESSAGE: usize = 500;
/// Size of the part of an unreadable body that is searched for an excerpt, in bytes.
const LOOKED_AT: usize = 16 * 1024;

/// Parses the status and body of a response, in JSON or XML.
///
/// `redactor` hides the caller's key ID and token if the gateway echoes them. Headers are handled elsewhere.
///
/// # Errors
///
/// If the gateway reports an error, or the body is not a response of `OnsMessageTrace`.
pub fn parse(status: u16, body: &[u8], redactor: &Redactor) -> Result<Trace, Failure> {
    let is_success = (200..300).contains(&status);
    let unreadable = |reason: String| unreadable(MESSAGE_TRACE, status, &reason, body, redactor);
    let judged = match read(body, MESSAGE_TRACE.name()) {
        Ok(parsed) => match parsed.error_code(is_success) {
            Some(code) => Err(parsed.refusal(code, redactor)),
            None if !is_success => Err(parsed.refusal_without_code(status, redactor)),
            None => parsed.into_trace(redactor).map_err(unreadable),
        },
        Err(reason) => Err(unreadable(reason)),
    };
    judged.map_err(|failure| Failure {
        http_status: Some(status),
        ..failure
    })
}

/// Parses the status and body of the response of another operation. Returns the value of a field, whose shape the caller
/// checks; `None` if the field is absent or null. An element of XML becomes an object, or a text if it has no elements;
/// elements of the same name become a list.
///
/// # Errors
///
/// If the gateway reports an error, or the body is not a response of the operation.
pub(super) fn parse_field(
    (operation, field): (&Operation, &str),
    status: u16,
    body: &[u8],
    redactor: &Redactor,
) -> Result<Option<Value>, Failure> {
    let is_success = (200..300).contains(&status);
    let unreadable = |reason: &str| unreadable(operation, status, reason, body, redactor);
    let judged = match read(body, operation.name()) {
        Ok(parsed) => match parsed.error_code(is_success) {
            Some(code) => Err(parsed.refusal(code, redactor)),
            None if !is_success => Err(parsed.refusal_without_code(status, redactor)),
            None => match (parsed.denial, read_fields(body)) {
                (Some(denial), _) => Err(unreadable(denial)),
                (None, Err(reason)) => Err(unreadable(&reason)),
                (None, Ok(mut fields)) => match fields.remove(field) {
                    None if parsed.request_id.is_none() => {
                        Err(unreadable(&format!("neither RequestId nor {field} in it")))
                    }
                    value => Ok(value.filter(|value| !value.is_null())),
                },
            },
        },
        Err(reason) => Err(unreadable(&reason)),
    };
    judged.map_err(|failure| Failure {
        http_status: Some(status),
        ..failure
    })
}

/// Returns the fields of a body that [`read`] accepts.
fn read_fields(body: &[u8]) -> Result<serde_json::Map<String, Value>, String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match body.trim_ascii_start().first() {
        Some(b'<') => xml::fields(body),
        _ => serde_json::from_slice(body).map_err(|error| error.to_string()),
    }
}

/// `Success` is false.
const NO_SUCCESS: &str = "Success is false";
/// `errorCode` is present; other operations report errors this way.
const ERROR_CODE: &str = "an errorCode instead of groups";

/// A parsed body of either format.
struct Body {
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    /// The groups; `None` if the body has no list of groups. An error matters only if the groups are needed.
    tracks: Result<Option<Vec<Track>>, String>,
    /// Whether any field shows that `OnsMessageTrace` answered.
    is_answer: bool,
    /// A sign that another service answered, or that the call failed.
    denial: Option<&'static str>,
}

/// Returns whether a code or message stands for success: a success has code 200 (`docs/facts/ons-api.md` §5).
/// Code 0 is undocumented, and nowhere an error.
pub(in crate::source) fn says_success(text: &str) -> bool {
    let words = ["", "0", "200", "ok", "success"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Body {
    /// Returns the error code. A success may have `200` or `OK` as its code, and a response with groups is a
    /// success.
    fn error_code(&self, is_success: bool) -> Option<&str> {
        let code = self.code.as_deref()?.trim();
        let has_tracks = matches!(&self.tracks, Ok(Some(tracks)) if !tracks.is_empty());
        (!says_success(code) && (!is_success || !has_tracks)).then_some(code)
    }

    fn refusal(&self, code: &str, redactor: &Redactor) -> Failure {
        Failure {
            request_id: self.request_id(redactor).map(Into::into),
            ..refusal(code, self.message.as_deref(), redactor)
        }
    }

    fn refusal_without_code(&self, status: u16, redactor: &Redactor) -> Failure {
        Failure {
            request_id: self.request_id(redactor).map(Into::into),
            ..without_code(status, &shown(self.message.as_deref(), redactor))
        }
    }

    fn request_id(&self, redactor: &Redactor) -> Option<String> {
        let id = self.request_id.as_deref()?;
        Some(shown_id(id, redactor))
    }

    /// Handles a body without groups: it means a topic without groups, unless the body says something else.
    fn without_groups(&self) -> Result<Vec<Track>, String> {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.as_deref().unwrap_or_default();
        if code.trim() == "0" {
            Err("Code 0 without groups, and no documented success".into())
        } else if says_success(message.trim()) {
            Ok(Vec::new())
        } else {
            Err("a message instead of groups".into())
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
        let without_groups = self.without_groups();
        let mut tracks = self.tracks?.map_or(without_groups, Ok)?;
        for track in &mut tracks {
            // Group names stay as they are, but an unknown track type may be any text.
            if let Some(shown) = redactor.hidden_in(track.track_type.as_str()) {
                track.track_type = TrackType::from(shown.as_str());
            }
        }
        // The order has no meaning; the results file sorts them in the same way.
        tracks.sort_by(|a, b| key(a).cmp(&key(b)));
        tracks.dedup();
        Ok(Trace {
            request_id,
            ..Trace::new(tracks)
        })
    }
}

fn key(track: &Track) -> (&str, &str) {
    (&track.group, track.track_type.as_str())
}

/// Parses a response of an operation in JSON or XML, decided by the first byte that is not blank.
fn read(body: &[u8], action: &str) -> Result<Body, String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match body.trim_ascii_start().first() {
        None => Err("an empty body".into()),
        Some(b'{' | b'[') => json::read(body),
        Some(b'<') => xml::read(body, action),
        Some(0x1f) if body.starts_with(b"\x1f\x8b") => {
            Err("compressed, which was not requested".into())
        }
        Some(_) => Err("neither JSON nor XML".into()),
    }
}

/// Builds a track. A group without a track type is one that the source cannot tell about.
fn track(group: Option<&str>, track_type: Option<&str>) -> Result<Track, &'static str> {
    let group = group
        .filter(|group| !group.trim().is_empty())
        .ok_or("a MessageTrack without ConsumerGroup")?;
    let word = track_type.filter(|word| !word.trim().is_empty());
    let word = word.map_or(TrackType::UNKNOWN, TrackType::from);
    Ok(Track::new(group, word))
}

/// Returns the failure for an error code.
pub(in crate::source) fn refusal(
    code: &str,
    message: Option<&str>,
    redactor: &Redactor,
) -> Failure {
    let (kind, hint) = errors::classify(code);
    let message = if errors::quotes_request(code) {
        "the gateway computed another signature (its message is left out: it quotes the request)"
            .into()
    } else {
        shown(message, redactor)
    };
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(kind, redactor.excerpt(code, EXCERPT), message)
    }
}

/// Returns the message of an error as it is shown.
pub(in crate::source) fn shown(message: Option<&str>, redactor: &Redactor) -> String {
    match message {
        Some(message) if !message.trim().is_empty() => redactor.excerpt(message, MESSAGE),
        _ => "the gateway gave no message".into(),
    }
}

/// Returns a request ID as it is shown.
pub(in crate::source) fn shown_id(id: &str, redactor: &Redactor) -> String {
    redactor.excerpt(id, EXCERPT)
}

/// Returns the failure for an error without a code.
pub(in crate::source) fn without_code(status: u16, message: &str) -> Failure {
    let (kind, hint) = errors::classify_status(status);
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(kind, None, format!("HTTP {status}: {message}"))
    }
}

/// Returns the failure for an unreadable body: a proxy's page, a truncated response, nothing.
pub(in crate::source) fn unreadable(
    operation: &Operation,
    status: u16,
    reason: &str,
    body: &[u8],
    redactor: &Redactor,
) -> Failure {
    let name = operation.name();
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
        &format!("not an answer of {name}: {reason}{begins}"),
    )
}

#[cfg(test)]
mod tests;
