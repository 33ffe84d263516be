//! Our own decision table: what offsets prove, and what they do not.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ConsumeType, GroupState, MessageModel, Subscribed, TrackType};
use crate::message::Position;

/// The decision table for a cluster's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// Like `OnsMessageTrace` ([`judge_as_gateway`](super::judge_as_gateway)): offsets of offline and pull
    /// groups are ignored.
    #[default]
    Gateway,
    /// Everything that offsets prove ([`judge_by_offsets`]): used for captures of Apache RocketMQ clusters.
    Offsets,
}

/// Qualifications of a track type. Several may apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Marks(u8);

impl Marks {
    /// No client of the group is connected; its offsets are the last ones committed, and its filter is unknown.
    pub const OFFLINE: Self = Self(1);
    /// A pull consumer: its application decides when to commit the offset.
    pub const PULL: Self = Self(1 << 1);
    /// The group consumes by POP: the offset passes messages that were delivered and perhaps not acknowledged.
    pub const POP: Self = Self(1 << 2);
    /// The group is connected and no longer subscribes to the topic; its offset is old.
    pub const UNSUBSCRIBED: Self = Self(1 << 3);
    /// The group filters by SQL92 or a class: the message was passed, and may have been delivered or filtered.
    pub const FILTER_UNKNOWN: Self = Self(1 << 4);
    /// The group filters by tag, and the message's tag is unknown.
    pub const TAG_UNKNOWN: Self = Self(1 << 5);

    /// The committed offset is past the end of the queue: the broker has lost messages, the topic was made again, or an
    /// answer was wrong.
    pub const PAST_END: Self = Self(1 << 6);

    /// All marks with their names, in the order in which they are written.
    const WORDS: [(Self, &'static str); 7] = [
        (Self::OFFLINE, "offline"),
        (Self::PULL, "pull"),
        (Self::POP, "pop"),
        (Self::UNSUBSCRIBED, "unsubscribed"),
        (Self::FILTER_UNKNOWN, "filter_unknown"),
        (Self::TAG_UNKNOWN, "tag_unknown"),
        (Self::PAST_END, "past_end"),
    ];

    /// Returns whether there are no marks.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the union of two sets of marks.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns these marks if the condition holds, else none.
    #[must_use]
    pub const fn when(self, so: bool) -> Self {
        if so { self } else { Self(0) }
    }

    /// Returns the name of each mark.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let ours = move |(mark, _): &(Self, _)| self.0 & mark.0 != 0;
        Self::WORDS.into_iter().filter(ours).map(|(_, word)| word)
    }

    /// Parses names separated by spaces; ignores unknown names.
    #[must_use]
    pub fn named(words: &str) -> Self {
        let known = |word: &str| Self::WORDS.into_iter().find(|(_, known)| *known == word);
        words
            .split(' ')
            .filter_map(known)
            .fold(Self::default(), |marks, (mark, _)| marks.and(mark))
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, word) in self.words().enumerate() {
            let space = if nth > 0 { " " } else { "" };
            write!(f, "{space}{word}")?;
        }
        Ok(())
    }
}

/// Judges one group and one message by what the offsets prove. The first row that matches decides:
///
/// | group | committed offset of the queue | track type | mark |
/// |---|---|---|---|
/// | online, push or pull, broadcasting | any | `CONSUME_BROADCASTING` | |
/// | online, consume type or model unknown | any | `UNKNOWN` | |
/// | offline | none | `NOT_ONLINE` | |
/// | pull | none | `PULL` | |
/// | any other | none | `NOT_CONSUME_YET` | |
/// | any | ≤ queue offset | `NOT_CONSUME_YET` | as below |
/// | any | past the end of the queue | `UNKNOWN` | `past_end` |
/// | filters by SQL92 or a class | > queue offset | `UNKNOWN` | `filter_unknown` |
/// | filters by tags, message's tag unknown | > queue offset | `UNKNOWN` | `tag_unknown` |
/// | filters by tags, message's tag not among them | > queue offset | `CONSUMED_BUT_FILTERED` | as below |
/// | any other | > queue offset | `CONSUMED` | as below |
///
/// The offsets of a POP consumer are kept by the broker, whatever its model. If an offset decides, marks qualify it:
/// `offline`, `pull`, `pop`, `unsubscribed`.
///
/// The filter of an offline group is unknown, so `CONSUMED` marked `offline` may have been filtered. No table can tell
/// a processed message from one that was skipped by an offset reset, skipped at the first start, or sent back for retry
/// (`docs/facts/rocketmq.md` §1.5).
#[must_use]
pub fn judge_by_offsets(group: &GroupState, message: &Position) -> (TrackType, Marks) {
    let plain = |word| (word, Marks::default());
    let pops = group.traces.pops || group.consume_type == ConsumeType::Pop;
    if group.online {
        match (group.consume_type, group.message_model) {
            // Each client keeps its own offsets; offsets on the broker would be outdated.
            (ConsumeType::Push | ConsumeType::Pull, MessageModel::Broadcasting) => {
                return plain(TrackType::CONSUME_BROADCASTING);
            }
            (ConsumeType::Other, _)
            | (ConsumeType::Push | ConsumeType::Pull, MessageModel::Other) => {
                return plain(TrackType::UNKNOWN);
            }
            _ => {}
        }
    }
    let pulls = group.online && group.consume_type == ConsumeType::Pull;
    let Some(next) = group.offsets.get(&message.broker, message.queue_id) else {
        return plain(match group.online {
            false => TrackType::NOT_ONLINE,
            true if pulls => TrackType::PULL,
            true => TrackType::NOT_CONSUME_YET,
        });
    };
    let qualifiers = Marks::OFFLINE
        .when(!group.online)
        .and(Marks::PULL.when(pulls))
        .and(Marks::POP.when(pops))
        .and(Marks::UNSUBSCRIBED.when(group.subscribed == Subscribed::Elsewhere));
    if *next <= message.queue_offset {
        return (TrackType::NOT_CONSUME_YET, qualifiers);
    }
    if group
        .past_end
        .get(&message.broker, message.queue_id)
        .is_some()
    {
        return (TrackType::UNKNOWN, qualifiers.and(Marks::PAST_END));
    }
    if group.filter.is_opaque() {
        return (TrackType::UNKNOWN, qualifiers.and(Marks::FILTER_UNKNOWN));
    }
    match group.filter.admits_tag(&message.tag) {
        Some(true) => (TrackType::CONSUMED, qualifiers),
        Some(false) => (TrackType::CONSUMED_BUT_FILTERED, qualifiers),
        None => (TrackType::UNKNOWN, qualifiers.and(Marks::TAG_UNKNOWN)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Tag;
    use crate::offsets::judge::tests::{group, message};

    /// Every row of the table above, for a message at offset 17 of queue 1 on broker-a, without a tag or with
    /// the tag `paid`; `?` is an unknown tag.
    const TABLE: &str = "
        online type  model         committed   subscription   tag   word                   marks
        yes    push  broadcasting  18          *              -     CONSUME_BROADCASTING
        yes    push  broadcasting  17          *              -     CONSUME_BROADCASTING
        yes    push  broadcasting  none        *              -     CONSUME_BROADCASTING
        yes    lite  clustering    18          *              -     UNKNOWN
        yes    push  lite          18          *              -     UNKNOWN
        no     -     -             none        -              -     NOT_ONLINE
        no     -     -             17          -              -     NOT_CONSUME_YET        offline
        no     -     -             18          -              -     CONSUMED               offline
        no     -     -             18          -              ?     CONSUMED               offline
        yes    pull  clustering    none        *              -     PULL
        yes    pull  clustering    17          *              -     NOT_CONSUME_YET        pull
        yes    pull  clustering    18          *              -     CONSUMED               pull
        yes    pull  broadcasting  18          created        paid  CONSUME_BROADCASTING
        yes    pull  broadcasting  17          *              -     CONSUME_BROADCASTING
        yes    pull  lite          18          *              -     UNKNOWN
        yes    pop   broadcasting  18          *              -     CONSUMED               pop
        yes    pop   clustering    none        *              -     NOT_CONSUME_YET
        yes    pop   clustering    17          *              -     NOT_CONSUME_YET        pop
        yes    pop   clustering    18          *              -     CONSUMED               pop
        yes    push  clustering    none        *              -     NOT_CONSUME_YET
        yes    push  clustering    17          *              -     NOT_CONSUME_YET
        yes    push  clustering    17          amount>3:SQL92 -     NOT_CONSUME_YET
        yes    push  clustering    18          *              -     CONSUMED
        yes    push  clustering    18          created||paid  paid  CONSUMED
        yes    push  clustering    18          created        paid  CONSUMED_BUT_FILTERED
        yes    push  clustering    18          created        -     CONSUMED_BUT_FILTERED
        yes    push  clustering    18          created        ?     UNKNOWN                tag_unknown
        yes    push  clustering    18          *              ?     CONSUMED
        yes    push  clustering    18          amount>3:SQL92 paid  UNKNOWN                filter_unknown
        yes    push  clustering    18          unsubscribed   paid  CONSUMED               unsubscribed
        yes    push  clustering    17          unsubscribed   paid  NOT_CONSUME_YET        unsubscribed
    ";

    #[test]
    fn offsets_past_the_end_of_the_queue_prove_nothing() {
        for (subscription, committed, expected) in [
            ("*", 18, (TrackType::UNKNOWN, Marks::PAST_END)),
            ("amount>3:SQL92", 18, (TrackType::UNKNOWN, Marks::PAST_END)),
            ("*", 17, (TrackType::NOT_CONSUME_YET, Marks::default())),
        ] {
            let kind = ["push", "clustering", subscription];
            let mut group = group(true, kind, [("broker-a", 1, committed)]);
            group.past_end.insert("broker-a".into(), 1, ());
            assert_eq!(judge_by_offsets(&group, &message(None)), expected);
            let elsewhere = Position {
                queue_id: 2,
                ..message(None)
            };
            let (word, marks) = judge_by_offsets(&group, &elsewhere);
            assert_eq!(
                (word, marks),
                (TrackType::NOT_CONSUME_YET, Marks::default())
            );
        }
    }

    #[test]
    fn every_row_of_the_table() {
        for row in TABLE.trim().lines().skip(1) {
            let mut cells = row.split_whitespace();
            let [online, kind, model, committed, subscription, tag, word] =
                std::array::from_fn(|_| cells.next().unwrap());
            let committed = committed.parse().ok().map(|offset| ("broker-a", 1, offset));
            let subscription = if online == "no" { "*" } else { subscription };
            let group = group(online == "yes", [kind, model, subscription], committed);
            let message = match tag {
                "?" => Position {
                    tag: Tag::Unknown,
                    ..message(None)
                },
                tag => message(Some(tag).filter(|tag| *tag != "-")),
            };
            let (found, marks) = judge_by_offsets(&group, &message);
            let expected = cells.collect::<Vec<_>>().join(" ");
            assert_eq!(
                (found.as_str(), marks.to_string()),
                (word, expected),
                "{row}"
            );
        }
    }

    #[test]
    fn a_group_with_a_pop_retry_topic_is_always_marked() {
        let mut popping = group(false, ["-", "-", "*"], [("broker-a", 1, 18)]);
        popping.traces.pops = true;
        let (word, marks) = judge_by_offsets(&popping, &message(None));
        assert_eq!(
            (word, marks.to_string().as_str()),
            (TrackType::CONSUMED, "offline pop")
        );
    }

    proptest! {
        #[test]
        fn marks_are_read_as_they_are_written(bits in 0..128_u8) {
            let marks = Marks(bits);
            prop_assert_eq!(Marks::named(&marks.to_string()), marks);
        }

        #[test]
        fn whoever_is_judged_by_an_offset_never_reopens_a_message(
            online in any::<bool>(), kind in prop::sample::select(vec!["push", "pull", "pop"]), from in 0..40_u64, by in 0..40_u64,
        ) {
            let at = |offset| judge_by_offsets(&group(online, [kind, "clustering", "*"], [("broker-a", 1, offset)]), &message(None)).0;
            let (before, after) = (at(from), at(from + by));
            prop_assert!(before == after || (before, after) == (TrackType::NOT_CONSUME_YET, TrackType::CONSUMED));
        }
    }
}
