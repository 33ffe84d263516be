//! Writes a snapshot file, message by message.

use std::io::{self, Write};

use super::{MessageEntry, MissingMessage, SnapshotDocument};

/// A writer of snapshot files: first the cluster, then its messages, then the messages that were not found.
#[derive(Debug)]
pub struct SnapshotWriter<W> {
    out: W,
    /// Number of entries written to the current list.
    entries: u64,
    list: ListKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListKind {
    Messages,
    Missing,
}

impl<W: Write> SnapshotWriter<W> {
    /// Writes everything except the messages.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn new(mut out: W, document: &SnapshotDocument) -> io::Result<Self> {
        let mut head = serde_json::to_vec(document)?;
        head.pop(); // the closing brace, which comes last
        out.write_all(&head)?;
        out.write_all(b",\n\"messages\":[")?;
        Ok(Self {
            out,
            entries: 0,
            list: ListKind::Messages,
        })
    }

    /// Writes a message. All messages must come before those that were not found.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn message(&mut self, message: &MessageEntry<'_>) -> io::Result<()> {
        debug_assert_eq!(self.list, ListKind::Messages, "the other list has begun");
        self.entry(message)
    }

    /// Writes a message that was not found.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn missing(&mut self, missing: &MissingMessage<'_>) -> io::Result<()> {
        if self.list == ListKind::Messages {
            self.list = ListKind::Missing;
            self.entries = 0;
            self.out.write_all(b"],\n\"missing\":[")?;
        }
        self.entry(missing)
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// If writing fails.
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
    use super::super::{QueueRange, SnapshotTime, TopicEntry, read};
    use super::*;
    use crate::evidence::{Examination, ExaminedTopic, Proof, ProofKind};

    #[expect(clippy::too_many_lines, reason = "one of every field")]
    #[test]
    fn what_is_written_is_read_again() {
        let document = SnapshotDocument {
            cluster: "demo".into(),
            captured_at: SnapshotTime("2026-11-20T03:00:00.125Z".parse().unwrap()),
            rules: crate::offsets::Rules::Offsets,
            unreachable: [("b".into(), "it is down".into())].into(),
            topics: vec![TopicEntry {
                topic: "orders".into(),
                is_static: true,
                read_queue_nums: [("a".into(), 4)].into(),
                queues: vec![QueueRange {
                    broker: "a".into(),
                    queue_id: 3,
                    min_offset: 1,
                    max_offset: 9,
                }],
            }],
            ..SnapshotDocument::default()
        };
        for (messages, missing) in [(0, 0), (2, 0), (0, 2), (2, 2)] {
            let mut writer = SnapshotWriter::new(Vec::new(), &document).unwrap();
            for nth in 0..messages {
                let message = MessageEntry {
                    msg_id: format!("0{nth}").into(),
                    unique_key: (nth == 1).then(|| "KEY-1".into()),
                    topic: "orders".into(),
                    broker: "a".into(),
                    queue_id: 3,
                    queue_offset: nth,
                    tag: None,
                    stored_at: None,
                    born_at: Some(SnapshotTime("2026-11-20T02:59:59.875Z".parse().unwrap())),
                    store_host: Some("10.0.0.1:10911".into()),
                };
                writer.message(&message).unwrap();
            }
            for nth in 0..missing {
                let gone = MissingMessage {
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
            assert_eq!(state.examination, None);
            let keys = (messages > 0).then_some([("00", None), ("01", Some("KEY-1"))]);
            for (id, key) in keys.into_iter().flatten() {
                let stored = state.messages.copies(id).next().unwrap();
                assert_eq!((stored.msg_id(), stored.unique_key()), (id, key));
            }
            let topic = &state.topics["orders"];
            assert!(topic.is_static && topic.read_queues["a"] == 4);
            assert_eq!(topic.queues.get("a", 3), Some(&(1..9)));
        }
    }

    #[test]
    fn what_was_examined_is_read_again_and_left_out_if_nothing_was() {
        let at = || "2026-11-20T03:00:00.125Z".parse().unwrap();
        let topic = ExaminedTopic {
            group: "g".into(),
            instance_id: None,
            topic: "%DLQ%g".into(),
            from: Some(at()),
            to: at(),
            incomplete: Some("7 copies".into()),
        };
        let proof = Proof {
            group: "g".into(),
            instance_id: None,
            kind: ProofKind::DeadLettered,
            key: "KEY-1".into(),
            topic: Some("orders".into()),
            at: at(),
            attempts: 3,
            host: None,
            reason: None,
        };
        let table = [
            (None, Vec::new(), false),
            (Some(Vec::new()), Vec::new(), true),
            (Some(vec![topic]), vec![proof], true),
        ];
        for (examined, proofs, is_examined) in table {
            let document = SnapshotDocument {
                examined: examined.clone(),
                proofs: proofs.clone(),
                ..SnapshotDocument::default()
            };
            let writer = SnapshotWriter::new(Vec::new(), &document).unwrap();
            let bytes = writer.finish().unwrap();
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert_eq!(text.contains("examined"), is_examined, "{text}");
            assert_eq!(text.contains("proofs"), !proofs.is_empty(), "{text}");
            let topics = examined.map(|topics| Examination {
                topics,
                proofs,
                calls: 0,
            });
            assert_eq!(read("demo.json", &*bytes).unwrap().examination, topics);
        }
    }
}
