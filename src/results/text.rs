//! How a line of the results file is put together: JSON by hand, since a million lines are written in a second or two.

use serde::Serialize;

use super::Previously;
use crate::input::Reject;
use crate::source::Failure;

pub(super) fn push_failure(block: &mut Vec<u8>, failure: &Failure) {
    block.extend_from_slice(b",\"error\":{\"kind\":\"");
    block.extend_from_slice(failure.kind.as_str().as_bytes());
    block.push(b'"');
    if let Some(code) = &failure.code {
        push_field(block, "code", code);
    }
    push_field(block, "message", &failure.message);
    if let Some(status) = failure.http_status {
        push_number(block, ",\"http_status\":", u64::from(status));
    }
    block.push(b'}');
}

pub(super) fn push_reject(block: &mut Vec<u8>, reject: &Reject) {
    for (name, found) in [("msg_id", &reject.msg_id), ("topic", &reject.topic)] {
        if let Some(found) = found {
            push_field(block, name, found);
        }
    }
    block.extend_from_slice(b",\"rejected\":{\"file\":");
    push_text(block, &reject.file);
    push_number(block, ",\"line\":", reject.line);
    push_field(block, "column", &reject.column);
    push_field(block, "found", &reject.found);
    push_field(block, "reason", &reject.reason);
    block.push(b'}');
}

pub(super) fn push_previously(block: &mut Vec<u8>, previously: &Previously) {
    block.extend_from_slice(b",\"previously\":{\"run_id\":");
    push_text(block, &previously.run_id);
    push_field(block, "observed_at", &previously.observed_at);
    block.extend_from_slice(b",\"passed\":");
    push_json(block, &previously.passed);
    block.push(b'}');
}

pub(super) fn push_field(block: &mut Vec<u8>, name: &str, value: &str) {
    block.extend_from_slice(b",\"");
    block.extend_from_slice(name.as_bytes());
    block.extend_from_slice(b"\":");
    push_text(block, value);
}

/// A JSON string. Nearly all are plain, and then no serializer is needed.
pub(super) fn push_text(block: &mut Vec<u8>, text: &str) {
    if text
        .bytes()
        .any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        push_json(block, text);
    } else {
        block.push(b'"');
        block.extend_from_slice(text.as_bytes());
        block.push(b'"');
    }
}

pub(super) fn push_number(block: &mut Vec<u8>, before: &str, number: u64) {
    block.extend_from_slice(before.as_bytes());
    push_json(block, &number);
}

pub(super) fn push_json<T: Serialize + ?Sized>(block: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(block, value)
        .expect("our own types serialise, and memory takes all bytes");
}
