//! A share of the messages of an input, for several machines that share the work.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::row::Reject;
use crate::file::Sha256;
use crate::message::Query;

/// One of several parts of an input: `I/N`, with I from 0 to N - 1. A message belongs to the same shard wherever it stands,
/// so its duplicates are in its shard. Rejected rows belong to shard 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    index: u32,
    count: NonZeroU32,
}

/// A text that is no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadShard {
    /// It has another form.
    #[error("`{0}` is not a shard; expected I/N, for example 0/3")]
    Form(String),
    /// There is no such shard.
    #[error("there is no shard {index}/{count}: of {count}, the first is 0/{count} and the last {last}/{count}", last = count.get() - 1)]
    Index {
        /// The number of the shard.
        index: u32,
        /// The number of shards.
        count: NonZeroU32,
    },
}

impl Shard {
    /// Returns the number of the shard, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Returns the number of shards.
    #[must_use]
    pub const fn count(self) -> NonZeroU32 {
        self.count
    }

    /// Returns all shards of as many as this one is of, in order.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let count = self.count;
        (0..count.get()).map(move |index| Self { index, count })
    }

    /// Returns whether a message belongs to the shard. A missing instance is an empty text.
    #[must_use]
    pub fn has_message(self, instance_id: &str, topic: &str, msg_id: &str) -> bool {
        hash(instance_id, topic, msg_id) % u64::from(self.count.get()) == u64::from(self.index)
    }

    /// Returns whether rejected rows belong to the shard.
    #[must_use]
    pub const fn has_rejects(self) -> bool {
        self.index == 0
    }

    /// Returns whether a row belongs to the shard.
    pub(super) fn has(self, row: &Result<Query, Box<Reject>>) -> bool {
        match row {
            Ok(query) => {
                let instance_id = query.instance_id.as_deref().unwrap_or_default();
                self.has_message(instance_id, &query.topic, &query.msg_id)
            }
            Err(_) => self.has_rejects(),
        }
    }
}

/// Returns the first eight bytes, big-endian, of the SHA-256 of the parts with line feeds between them.
fn hash(instance_id: &str, topic: &str, msg_id: &str) -> u64 {
    let mut hash = Sha256::new();
    for part in [instance_id, "\n", topic, "\n", msg_id] {
        hash.update(part.as_bytes());
    }
    hash.first_eight_bytes()
}

impl FromStr for Shard {
    type Err = BadShard;

    fn from_str(text: &str) -> Result<Self, BadShard> {
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| text.parse::<u32>().ok()).flatten()
        };
        let numbers = text.split_once('/');
        let numbers = numbers.and_then(|(index, count)| Some((number(index)?, number(count)?)));
        let numbers = numbers.and_then(|(index, count)| Some((index, NonZeroU32::new(count)?)));
        let (index, count) = numbers.ok_or_else(|| BadShard::Form(text.to_owned()))?;
        if index < count.get() {
            Ok(Self { index, count })
        } else {
            Err(BadShard::Index { index, count })
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Entry, InputOptions, Inputs, Row};
    use proptest::prelude::*;

    /// The vectors of `docs/reference/commands.md`, computed with another program.
    const VECTORS: [(&str, &str, &str, u64); 3] = [
        (
            "",
            "orders",
            "0A15030B110F18B4AAC264BE6C450BA2",
            0x396c_4cfa_df7d_bf0a,
        ),
        (
            "MQ_INST_1234567890123456_BXdemo",
            "orders",
            "0A15030B110F18B4AAC264BE6C450BA2",
            0x2efa_59cc_6b1f_023a,
        ),
        (
            "rmq-cn-abc123",
            "payments",
            "0A150421038618B4AAC264BE7FAE7702",
            0x5454_3b47_6ec6_1153,
        ),
    ];

    #[test]
    fn a_shard_is_the_hash_modulo_the_number_of_shards() {
        let reference = include_str!("../../docs/reference/commands.md");
        for (instance, topic, id, expected) in VECTORS {
            assert_eq!(hash(instance, topic, id), expected, "{topic}");
            let shard = expected % 3;
            let row =
                format!("| `{instance}` | `{topic}` | `{id}` | `{expected:016x}` | {shard}/3 |");
            let row = row.replace("``", "none");
            assert!(reference.contains(&row), "{row}");
        }
    }

    #[test]
    fn other_texts_are_no_shards() {
        for text in [
            "",
            "1",
            "/",
            "a/3",
            "1/",
            "1/0",
            "-1/3",
            "+1/3",
            "1/3/3",
            "4294967296/3",
        ] {
            let refused = text.parse::<Shard>();
            assert!(matches!(refused, Err(BadShard::Form(_))), "{text}");
        }
        let error = "3/3".parse::<Shard>().unwrap_err();
        let says = "there is no shard 3/3: of 3, the first is 0/3 and the last 2/3";
        assert_eq!(error.to_string(), says);
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
    }

    fn rows(text: &str, shard: Option<Shard>) -> Vec<Row> {
        let options = InputOptions {
            shard,
            ..InputOptions::default()
        };
        let inputs = Inputs::from_bytes("in.csv", text.as_bytes(), options).unwrap();
        inputs.rows().map(Result::unwrap).collect()
    }

    proptest! {
        #[test]
        fn all_shards_together_are_the_input(
            ids in prop::collection::vec((0..12_u32, "orders|payments", "|MQ_INST_1|MQ_INST_2", prop::bool::weighted(0.9)), 1..80),
            count in 1..7_u32,
        ) {
            let line = |(id, topic, instance, is_good): &(u32, String, String, bool)| {
                let id = if *is_good { format!("AC10323E00002A9F{id:016X}") } else { "bad".to_owned() };
                format!("{id},{topic},{instance}\n")
            };
            let text = format!("msg_id,topic,instance_id\n{}", ids.iter().map(line).collect::<String>());
            let whole = rows(&text, None);
            let mut shards = Vec::new();
            for index in 0..count {
                let shard: Shard = format!("{index}/{count}").parse().unwrap();
                for row in rows(&text, Some(shard)) {
                    prop_assert!(index == 0 || !matches!(row.entry, Entry::Rejected(_)));
                    shards.push(row);
                }
            }
            shards.sort_by_key(|row| row.row);
            // Each row once, and duplicates are those of the same rows.
            prop_assert_eq!(format!("{shards:?}"), format!("{whole:?}"));
        }
    }
}
