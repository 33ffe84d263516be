//! Where results of sends begin in a line.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::scan;

/// What every result has at its start or soon after. Nearly all lines of a log have none of these, so a line costs six
/// substring searches.
const MARKERS: [&str; 6] = [
    CLASS,
    STATUS,
    STATUS_OF_CGO,
    SENTENCE,
    SPRING,
    RECALL_HANDLE,
];

/// `SendResult` and `SendReceipt`.
const CLASS: &str = "SendRe";
/// A key that only results of sends have.
const STATUS: &str = "sendStatus";
/// Go client 1.x.
const STATUS_OF_CGO: &str = "[status: Send";
/// Messages of the clients for gRPC, and of the examples that come with clients.
const SENTENCE: &str = "message success";
/// `RocketMQTemplate`: `send message cost: 5 ms, msgId:…`.
const SPRING: &str = " ms, msgId:";
/// The C# client, whose receipt begins with the key `MessageId`, as a consumed message does.
const RECALL_HANDLE: &str = ", RecallHandle:";

/// Longest text between `MessageId: ` and `, RecallHandle:`.
const ID_ROOM: usize = 200;

static FINDERS: LazyLock<[Finder<'static>; MARKERS.len()]> =
    LazyLock::new(|| MARKERS.map(Finder::new));

/// Where a result begins.
#[derive(Debug)]
pub(super) struct ResultStart {
    /// Where its first key or value may be.
    pub(super) content: usize,
    /// Nothing before is part of the result.
    pub(super) begin: usize,
    /// The search for the next result begins here or later.
    pub(super) marker_end: usize,
    pub(super) extent: Extent,
}

/// How far a result goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// To the bracket that closes it.
    Brackets,
    /// To the next result; no bracket opens it.
    Open,
    /// To its IDs, which are the last part of a sentence that counts.
    Sentence,
}

/// Finds the results of a line from left to right.
#[derive(Debug)]
pub(super) struct ResultStarts<'a> {
    text: &'a str,
    /// Where each marker is found next.
    markers: [Option<usize>; MARKERS.len()],
}

impl<'a> ResultStarts<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let find = |at: usize| FINDERS[at].find(text.as_bytes());
        Self {
            text,
            markers: std::array::from_fn(find),
        }
    }

    /// Returns the next result whose marker begins at `from` or later.
    pub(super) fn next(&mut self, from: usize) -> Option<ResultStart> {
        if self.markers == [None; MARKERS.len()] {
            return None;
        }
        let mut search_from = from;
        loop {
            for (marker, finder) in self.markers.iter_mut().zip(FINDERS.iter()) {
                if marker.is_some_and(|at| at < search_from) {
                    let found = finder.find(&self.text.as_bytes()[search_from..]);
                    *marker = found.map(|at| search_from + at);
                }
            }
            let found = (0..).zip(self.markers);
            let (at, kind) = found.filter_map(|(kind, at)| Some((at?, kind))).min()?;
            if let Some(start) = start(self.text, MARKERS[kind], at, from) {
                return Some(start);
            }
            search_from = at + 1;
        }
    }
}

/// Returns the result to which the marker at `at` belongs, if it belongs to one. Nothing before `from` is part of it.
fn start(text: &str, marker: &str, at: usize, from: usize) -> Option<ResultStart> {
    let marker_end = at + marker.len();
    let content = match marker {
        CLASS => scan::is_word_start(text, at)
            .then(|| scan::content_of_class(text, at))
            .flatten(),
        STATUS => content_of_status(text, at, from),
        STATUS_OF_CGO => Some(at + 1),
        SENTENCE => content_of_sentence(text, at),
        SPRING => content_of_spring(text, at),
        _ => content_of_receipt(text, at, from),
    };
    let content = content?;
    let (extent, begin) = match marker {
        SENTENCE | SPRING | RECALL_HANDLE => (Extent::Sentence, content),
        STATUS if content == at => (Extent::Open, at),
        _ => (Extent::Brackets, content - 1),
    };
    Some(ResultStart {
        content,
        begin: begin.min(at),
        marker_end,
        extent,
    })
}

/// Returns the begin of the object around a key `"sendStatus"`, because JSON may have the ID before it. Other results
/// have the status first and begin there.
fn content_of_status(text: &str, at: usize, from: usize) -> Option<usize> {
    let end = at + STATUS.len();
    if !scan::is_word_start(text, at) || scan::word_end(text, at) != end {
        return None;
    }
    scan::value_start(text, end)?;
    let is_quoted = text[end..].starts_with(['"', '\'', '\\']);
    let object = is_quoted.then(|| open_brace(&text[from..at])).flatten();
    Some(object.map_or(at, |brace| from + brace + 1))
}

/// Returns the last brace that is not closed.
fn open_brace(text: &str) -> Option<usize> {
    let mut closed = 0_usize;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b'}' => closed += 1,
            b'{' if closed == 0 => return Some(at),
            b'{' => closed -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the text after `Send message successfully, `, `Resend message successfully, `, `send message success. ` or
/// `Send mq message success. `.
fn content_of_sentence(text: &str, at: usize) -> Option<usize> {
    let before = &text.as_bytes()[..at];
    let is_send = ["send ", "send mq ", "send transaction "]
        .iter()
        .any(|verb| {
            let begin = before.len().checked_sub(verb.len());
            begin.is_some_and(|begin| before[begin..].eq_ignore_ascii_case(verb.as_bytes()))
        });
    let rest = &text[at + SENTENCE.len()..];
    let rest = rest.strip_prefix("fully").unwrap_or(rest);
    let rest = rest.strip_prefix([',', '.'])?.strip_prefix(' ')?;
    is_send.then_some(text.len() - rest.len())
}

/// Returns the key `msgId` of `send message cost: 5 ms, msgId:`.
fn content_of_spring(text: &str, at: usize) -> Option<usize> {
    let before = text[..at].trim_end_matches(|c: char| c.is_ascii_digit());
    let is_send = ["send message cost: ", "send messages cost: "]
        .iter()
        .any(|words| before.ends_with(words));
    is_send.then_some(at + " ms, ".len())
}

/// Returns the key `MessageId` of `MessageId: …, RecallHandle:`.
fn content_of_receipt(text: &str, at: usize, from: usize) -> Option<usize> {
    let from = from.max(text.floor_char_boundary(at.saturating_sub(ID_ROOM)));
    let key = text.get(from..at)?.rfind("MessageId: ")?;
    let id = &text[from + key + "MessageId: ".len()..at];
    (!id.contains([',', ' '])).then_some(from + key)
}
