//! The fields of one result of a send.

use super::SentMessage;
use super::scan;
use super::starts::{Extent, ResultStart};

/// The fields that a result has, as far as they were read. The first value of a key counts.
#[derive(Debug, Default)]
pub(super) struct ResultFields<'a> {
    ids: Vec<&'a str>,
    offset_ids: Vec<&'a str>,
    topic: Option<&'a str>,
    broker: Option<&'a str>,
    queue_id: Option<&'a str>,
    queue_offset: Option<&'a str>,
    /// From the key `sendStatus`, which only results of sends have.
    send_status: Option<&'a str>,
    status: Option<&'a str>,
}

impl<'a> ResultFields<'a> {
    /// Reads a result to its end and returns where that is: behind its closing bracket, at the begin of the next result,
    /// or at the end of the line.
    pub(super) fn read(&mut self, line: &'a str, start: &ResultStart) -> usize {
        let mut at = start.content;
        let mut depth = 0_usize;
        let is_sentence = start.extent == Extent::Sentence;
        while let Some(&byte) = line.as_bytes().get(at) {
            match byte {
                b'[' | b'{' | b'(' if is_sentence => return at,
                b'[' | b'{' | b'(' => depth += 1,
                b']' | b'}' | b')' => match depth.checked_sub(1) {
                    Some(less) => depth = less,
                    None => return at + 1,
                },
                byte if scan::is_word(byte) => {
                    let end = scan::word_end(line, at);
                    let word = &line[at..end];
                    let is_status = has_name(word, "sendstatus");
                    if (is_status && self.send_status.is_some())
                        || scan::content_of_class(line, at).is_some()
                    {
                        return at;
                    }
                    at = match scan::value_start(line, end) {
                        Some(value) => {
                            let next = self.set(word, line, value, depth);
                            depth += line[end..value].matches('(').count();
                            next
                        }
                        None => end,
                    };
                    if is_sentence && !self.ids.is_empty() {
                        return at;
                    }
                    continue;
                }
                _ => {
                    at = scan::after_escape(line, at).max(at + 1);
                    continue;
                }
            }
            at += 1;
        }
        line.len()
    }

    /// Keeps the value of a key and returns where to read on. The ID, the status and the offset must be the result's
    /// own, so they are not taken out of brackets within the result.
    fn set(&mut self, key: &str, line: &'a str, at: usize, depth: usize) -> usize {
        let is_own = depth == 0;
        let is = |name| has_name(key, name);
        if is_own && (is("msgid") || is("msgids") || is("messageid")) {
            return set_list(&mut self.ids, line, at);
        }
        if is_own && is("offsetmsgid") {
            return set_list(&mut self.offset_ids, line, at);
        }
        let field = match () {
            () if is("topic") => &mut self.topic,
            () if is("brokername") => &mut self.broker,
            () if is("queueid") => &mut self.queue_id,
            () if is_own && (is("queueoffset") || is("offset")) => &mut self.queue_offset,
            () if is_own && is("sendstatus") => &mut self.send_status,
            () if is_own && is("status") => &mut self.status,
            () => return at,
        };
        let value = scan::value(line, at);
        if field.is_none() && scan::is_present(value) {
            *field = Some(value);
        }
        at + value.len()
    }

    /// Adds a message for each ID, with offsets that count up.
    pub(super) fn push_messages(&self, messages: &mut Vec<SentMessage<'a>>) {
        let has_ids = !self.ids.is_empty();
        let ids = if has_ids { &self.ids } else { &self.offset_ids };
        // The offset IDs of a batch belong to its IDs one by one.
        let has_offset_ids = has_ids && self.ids.len() == self.offset_ids.len();
        let (instance, topic) = self.topic.map_or((None, None), split_topic);
        let first_offset: Option<u64> = self.queue_offset.and_then(|text| text.parse().ok());
        for (nth, msg_id) in ids.iter().enumerate() {
            let nth_offset = u64::try_from(nth).ok();
            messages.push(SentMessage {
                msg_id,
                offset_msg_id: has_offset_ids.then(|| self.offset_ids[nth]),
                instance,
                topic,
                broker: self.broker,
                queue_id: self.queue_id.and_then(|text| text.parse().ok()),
                queue_offset: first_offset
                    .zip(nth_offset)
                    .and_then(|(first, nth)| first.checked_add(nth)),
                send_status: self.send_status.or(self.status).map(java_status),
            });
        }
    }
}

/// Returns whether a key has the name: `msgId`, `MsgID` and `msg_id` are `msgid`.
fn has_name(key: &str, name: &str) -> bool {
    let letters = key.bytes().filter(|byte| *byte != b'_');
    letters
        .map(|byte| byte.to_ascii_lowercase())
        .eq(name.bytes())
}

fn set_list<'a>(field: &mut Vec<&'a str>, line: &'a str, at: usize) -> usize {
    let (values, end) = scan::list(line, at);
    if field.is_empty() {
        *field = values;
    }
    end
}

/// Splits `MQ_INST_1_B%orders` into instance and topic.
fn split_topic(text: &str) -> (Option<&str>, Option<&str>) {
    match text.split_once('%') {
        Some((instance, topic)) if instance.starts_with("MQ_INST_") && !topic.is_empty() => {
            (Some(instance), Some(topic))
        }
        _ => (None, Some(text)),
    }
}

/// Returns the name that the Java client has for a status: Go and C++ print its number, others spell it differently.
fn java_status(text: &str) -> &str {
    let text = text.strip_prefix("<SendStatus.").unwrap_or(text);
    match text.trim_end_matches(':') {
        "0" | "OK" | "Ok" | "SendOK" | "SendOk" => "SEND_OK",
        "1" | "FlushDiskTimeout" | "SendFlushDiskTimeout" => "FLUSH_DISK_TIMEOUT",
        "2" | "FlushSlaveTimeout" | "SendFlushSlaveTimeout" => "FLUSH_SLAVE_TIMEOUT",
        "3" | "SlaveNotAvailable" | "SendSlaveNotAvailable" => "SLAVE_NOT_AVAILABLE",
        other => other,
    }
}
