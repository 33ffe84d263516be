//! Writes a snapshot file, message by message.

use std::io::{self, Write};

use super::{Document, Message, Missing};

/// A snapshot in the making: the cluster first, then its messages, then those that were looked for in vain.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    /// Entries of the list that is being written.
    entries: u64,
    list: List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Messages,
    Missing,
}

impl<W: Write> Writer<W> {
    /// Writes all but the messages.
    pub fn new(mut out: W, document: &Document) -> io::Result<Self> {
        let mut head = serde_json::to_vec(document)?;
        head.pop(); // its closing brace, which comes last
        out.write_all(&head)?;
        out.write_all(b",\n\"messages\":[")?;
        Ok(Self {
            out,
            entries: 0,
            list: List::Messages,
        })
    }

    /// A message; all of them come before those that are missing.
    pub fn message(&mut self, message: &Message<'_>) -> io::Result<()> {
        debug_assert_eq!(self.list, List::Messages, "the other list has begun");
        self.entry(message)
    }

    /// A message that was looked for in vain.
    pub fn missing(&mut self, missing: &Missing<'_>) -> io::Result<()> {
        if self.list == List::Messages {
            self.list = List::Missing;
            self.entries = 0;
            self.out.write_all(b"],\n\"missing\":[")?;
        }
        self.entry(missing)
    }

    /// The end.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"]}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, entry: &impl serde::Serialize) -> io::Result<()> {
        self.out
            .write_all(if self.entries > 0 { b",\n" } else { b"\n" })?;
        self.entries += 1;
        serde_json::to_writer(&mut self.out, entry)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Moment, Queue, Topic, read};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let document = Document {
            cluster: "demo".into(),
            captured_at: Moment("2026-11-20T03:00:00.125Z".parse().unwrap()),
            rules: crate::offsets::Rules::Offsets,
            unreachable: [("b".into(), "it is down".into())].into(),
            topics: vec![Topic {
                topic: "orders".into(),
                is_static: true,
                read_queue_nums: [("a".into(), 4)].into(),
                queues: vec![Queue {
                    broker: "a".into(),
                    queue_id: 3,
                    min_offset: 1,
                    max_offset: 9,
                }],
            }],
            ..Document::default()
        };
        for (messages, missing) in [(0, 0), (2, 0), (0, 2), (2, 2)] {
            let mut writer = Writer::new(Vec::new(), &document).unwrap();
            for nth in 0..messages {
                let message = Message {
                    msg_id: format!("0{nth}").into(),
                    topic: "orders".into(),
                    broker: "a".into(),
                    queue_id: 3,
                    queue_offset: nth,
                    tag: None,
                    stored_at: None,
                    store_host: Some("10.0.0.1:10911".into()),
                };
                writer.message(&message).unwrap();
            }
            for nth in 0..missing {
                let gone = Missing {
                    msg_id: format!("F{nth}").into(),
                    topic: "orders".into(),
                    kind: "not_found".into(),
                    code: "BIZ_NO_MESSAGE".into(),
                    message: "expired".into(),
                };
                writer.missing(&gone).unwrap();
            }
            let bytes = writer.finish().unwrap();
            let state = read("demo.json", &*bytes).unwrap();
            assert_eq!(state.captured_at, document.captured_at.0);
            assert_eq!(state.rules, document.rules);
            assert_eq!(state.unreachable, document.unreachable);
            assert_eq!(
                (state.messages.len() as u64, state.missing.len()),
                (messages, missing)
            );
            let topic = &state.topics["orders"];
            assert!(topic.is_static && topic.read_queues["a"] == 4);
            assert_eq!(topic.queues.get("a", 3), Some(&(1..9)));
        }
    }
}
