//! Finds the messages that a line of a producer's log says were sent.
//!
//! Each client prints the result of a send in a form of its own (`docs/facts/rocketmq.md` §10):
//!
//! ```text
//! SendResult [sendStatus=SEND_OK, msgId=ID, offsetMsgId=ID, messageQueue=MessageQueue [topic=T, …], queueOffset=7]
//! SendReceiptImpl{messageId=ID, recallHandle=}
//! {"msgId":"ID","messageQueue":{"topic":"T",…},"sendStatus":"SEND_OK",…}
//! ```
//!
//! `starts` finds where a result begins: a name of a class, the key `sendStatus`, or a sentence of a client. From there
//! `fields` reads keys and values (`scan`) until the result ends. An ID without such a start is not taken, because
//! consumers print IDs, too.

mod fields;
mod scan;
mod starts;

use fields::ResultFields;
use starts::{Extent, ResultStarts};

/// A message that a line says was sent. Texts are parts of the line, except for the names of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SentMessage<'a> {
    /// As the line has it, also if it is damaged. If the result has only an offset ID, this is the offset ID.
    pub(super) msg_id: &'a str,
    pub(super) offset_msg_id: Option<&'a str>,
    /// `MQ_INST_1_B` of a topic `MQ_INST_1_B%orders`.
    pub(super) instance: Option<&'a str>,
    /// Without the instance.
    pub(super) topic: Option<&'a str>,
    pub(super) broker: Option<&'a str>,
    pub(super) queue_id: Option<u32>,
    pub(super) queue_offset: Option<u64>,
    /// A name of the Java client's `SendStatus`, or what the line has if it is none of them.
    pub(super) send_status: Option<&'a str>,
}

/// Returns the messages of a line, in order. Results without any ID are left out: nothing was stored.
///
/// A line that ends within a result gives what it has. The IDs of a batch become a message each.
pub(super) fn sent_messages(line: &str) -> Vec<SentMessage<'_>> {
    let mut messages = Vec::new();
    let mut starts = ResultStarts::new(line);
    let mut from = 0;
    while let Some(start) = starts.next(from) {
        let mut fields = ResultFields::default();
        let next = match start.extent {
            Extent::Open => starts.next(start.marker_end),
            Extent::Brackets | Extent::Sentence => None,
        };
        let limit = next.map_or(line.len(), |next| next.begin);
        let end = fields.read(&line[..limit], &start);
        fields.push_messages(&mut messages);
        from = end.max(start.marker_end);
    }
    messages
}

#[cfg(test)]
mod tests;
