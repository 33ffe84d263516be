//! The records in a message with traces (`docs/facts/processing.md` §C.1). Fields end with `\x01`, records with `\x02`.

use crate::evidence::FailureReason;

const FIELD: char = '\u{1}';
const RECORD: char = '\u{2}';

const TYPES: [&str; 5] = ["Pub", "SubBefore", "SubAfter", "EndTransaction", "Recall"];

/// A record about a delivery to a consumer. Those of producers are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TraceRecord<'a> {
    /// A client is about to process a message.
    Before(Before<'a>),
    /// A client has processed a message.
    After(After<'a>),
}

/// The beginning of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before<'a> {
    /// In ms of the Unix epoch, by the client's clock.
    pub(super) at: i64,
    /// The group, without its namespace.
    pub(super) group: &'a str,
    /// Identifies the delivery; messages that are delivered together share it.
    pub(super) request: &'a str,
    /// The unique key of the message, or its offset ID if it has none.
    pub(super) key: &'a str,
    /// Number of earlier deliveries.
    pub(super) retries: u32,
}

/// The end of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct After<'a> {
    pub(super) request: &'a str,
    pub(super) key: &'a str,
    /// How long it took, in ms.
    pub(super) cost: i64,
    pub(super) is_success: bool,
    /// Why it failed, if it did and the client says why.
    pub(super) reason: Option<FailureReason>,
    /// In ms of the Unix epoch, if the client says so: not before 4.8, nor in 4.9.1.
    pub(super) at: Option<i64>,
    /// The group, if the client says so.
    pub(super) group: Option<&'a str>,
}

/// Returns the records of consumers. What is no record is skipped.
pub(super) fn records(text: &str) -> impl Iterator<Item = TraceRecord<'_>> {
    text.split(RECORD).flat_map(|chunk| {
        let mut rest = Some(chunk.split(FIELD).collect::<Vec<_>>());
        let mut found = Vec::new();
        while let Some(fields) = rest.take() {
            let (record, next) = first(&fields);
            found.extend(record);
            rest = next;
        }
        found
    })
}

/// Returns the record that these fields begin with, and the fields of the next one. Some clients do not end a record of
/// the type `SubAfter`, so that its last field runs into the type of the next.
fn first<'a>(fields: &[&'a str]) -> (Option<TraceRecord<'a>>, Option<Vec<&'a str>>) {
    match fields {
        ["SubBefore", at, _region, group, request, key, retries, ..] => {
            let before = Before {
                at: at.parse().unwrap_or_default(),
                group,
                request,
                key,
                retries: retries.parse().unwrap_or_default(),
            };
            (Some(TraceRecord::Before(before)), None)
        }
        ["SubAfter", request, key, cost, success, rest @ ..] => {
            let (code, next) = match rest.get(1).map(|code| cut(code)) {
                Some((code, Some(next))) => {
                    let others = rest.iter().skip(2).copied();
                    (
                        Some(code),
                        Some(std::iter::once(next).chain(others).collect()),
                    )
                }
                Some((code, None)) => (Some(code), None),
                None => (None, None),
            };
            let rest = if next.is_some() { &[] } else { rest };
            let is_success = *success == "true";
            let after = After {
                request,
                key,
                cost: cost.parse().unwrap_or_default(),
                is_success,
                reason: code.filter(|_| !is_success).and_then(reason),
                at: rest.get(2).and_then(|at| at.parse().ok()),
                group: rest.get(3).copied().filter(|group| is_named(group)),
            };
            let is_whole = matches!(*success, "true" | "false");
            (is_whole.then_some(TraceRecord::After(after)), next)
        }
        _ => (None, None),
    }
}

/// Returns a number and the type of the record that runs into it.
fn cut(field: &str) -> (&str, Option<&str>) {
    let end = field.find(|c: char| !c.is_ascii_digit() && c != '-');
    let (number, rest) = field.split_at(end.unwrap_or(field.len()));
    (number, TYPES.iter().copied().find(|name| *name == rest))
}

/// Returns whether a field has a value: Java writes a missing one as the text `null`.
fn is_named(field: &str) -> bool {
    !matches!(field, "" | "null")
}

/// Returns the meaning of `contextCode` (`ConsumeReturnType`).
fn reason(code: &str) -> Option<FailureReason> {
    match code {
        "1" => Some(FailureReason::Timeout),
        "2" => Some(FailureReason::Exception),
        "3" => Some(FailureReason::Null),
        "4" => Some(FailureReason::Later),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
