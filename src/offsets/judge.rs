//! The gateway's decision table.

use super::{ConsumeType, GroupState, MessageModel, TrackType};
use crate::message::Position;

/// Judges one group and one message like `OnsMessageTrace` (`docs/facts/rocketmq.md` §1.2,
/// `docs/facts/ons-api.md` §1.4). The first row that matches decides:
///
/// | online | consume type | message model | committed offset | subscription | track type |
/// |---|---|---|---|---|---|
/// | no | any | any | any | any | `NOT_ONLINE` |
/// | yes | pull | any | any | any | `PULL` |
/// | yes | other (POP) | any | any | any | `UNKNOWN` |
/// | yes | push | broadcasting | any | any | `CONSUME_BROADCASTING` |
/// | yes | push | other | any | any | `UNKNOWN` |
/// | yes | push | clustering | none for the queue, or ≤ queue offset | any | `NOT_CONSUME_YET` |
/// | yes | push | clustering | > queue offset | accepts the tag | `CONSUMED` |
/// | yes | push | clustering | > queue offset | tags, message's tag not among them | `CONSUMED_BUT_FILTERED` |
/// | yes | push | clustering | > queue offset | tags, message's tag unknown | `UNKNOWN` |
///
/// A committed offset is that of the next message to read, hence `>`. Every tag subscription filters out a message
/// without a tag. SQL92 expressions are evaluated by brokers only and filter nothing here.
///
/// Known errors of `mqadmin` are avoided:
/// - It compares the *address* a message was stored at with the broker's current address, so a failover turns consumed
///   messages into `NOT_CONSUME_YET`. Here the broker's **name** counts.
/// - It judges a broadcasting group by stale offsets if the group ever ran in clustering mode. Here the model decides.
/// - It reports `NOT_CONSUME_YET` for an online group that has unsubscribed, whatever its offset. Here the offset
///   decides, and no filter applies.
#[must_use]
pub fn judge_as_gateway(group: &GroupState, message: &Position) -> TrackType {
    if !group.online {
        return TrackType::NOT_ONLINE;
    }
    match (group.consume_type, group.message_model) {
        (ConsumeType::Pull, _) => TrackType::PULL,
        (ConsumeType::Push, MessageModel::Broadcasting) => TrackType::CONSUME_BROADCASTING,
        (ConsumeType::Push, MessageModel::Clustering) => by_offset(group, message),
        (ConsumeType::Pop | ConsumeType::Other, _) | (_, MessageModel::Other) => TrackType::UNKNOWN,
    }
}

fn by_offset(group: &GroupState, message: &Position) -> TrackType {
    let committed = group.offsets.get(&message.broker, message.queue_id);
    if committed.is_none_or(|next| *next <= message.queue_offset) {
        TrackType::NOT_CONSUME_YET
    } else {
        match group.filter.admits_tag(&message.tag) {
            Some(true) => TrackType::CONSUMED,
            Some(false) => TrackType::CONSUMED_BUT_FILTERED,
            None => TrackType::UNKNOWN,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Tag;
    use crate::offsets::{ByQueue, GroupTraces, Subscribed, TagFilter};

    /// Every row of the table above, for a message at offset 17 of queue 1 on broker-a.
    ///
    /// `committed` is `queue@broker=offset` or `none`; `-` is a message without a tag.
    const TABLE: &str = "
        online type  model         committed             subscription   tag    word
        no     push  clustering    1@broker-a=18         *              -      NOT_ONLINE
        no     push  clustering    none                  *              -      NOT_ONLINE
        no     pull  broadcasting  1@broker-a=18         *              -      NOT_ONLINE
        no     pop   lite          1@broker-a=18         paid           -      NOT_ONLINE
        yes    pull  clustering    1@broker-a=18         *              -      PULL
        yes    pull  clustering    none                  *              -      PULL
        yes    pull  broadcasting  1@broker-a=18         *              -      PULL
        yes    pull  lite          1@broker-a=18         created        paid   PULL
        yes    pop   clustering    1@broker-a=18         *              -      UNKNOWN
        yes    lite  clustering    1@broker-a=18         *              -      UNKNOWN
        yes    pop   broadcasting  1@broker-a=18         *              -      UNKNOWN
        yes    push  lite          1@broker-a=18         *              -      UNKNOWN
        yes    push  broadcasting  none                  *              -      CONSUME_BROADCASTING
        yes    push  broadcasting  1@broker-a=18         created        paid   CONSUME_BROADCASTING
        yes    push  clustering    none                  *              -      NOT_CONSUME_YET
        yes    push  clustering    0@broker-a=99         *              -      NOT_CONSUME_YET
        yes    push  clustering    1@broker-b=99         *              -      NOT_CONSUME_YET
        yes    push  clustering    1@broker-a=17         *              -      NOT_CONSUME_YET
        yes    push  clustering    1@broker-a=17         created        paid   NOT_CONSUME_YET
        yes    push  clustering    1@broker-a=18         *              -      CONSUMED
        yes    push  clustering    1@broker-a=18         *              paid   CONSUMED
        yes    push  clustering    1@broker-a=18         paid||*        -      CONSUMED
        yes    push  clustering    1@broker-a=18         created||paid  paid   CONSUMED
        yes    push  clustering    1@broker-a=18         created||paid  sent   CONSUMED_BUT_FILTERED
        yes    push  clustering    1@broker-a=18         created||paid  -      CONSUMED_BUT_FILTERED
        yes    push  clustering    1@broker-a=18         amount>3:SQL92 -      CONSUMED
        yes    push  clustering    1@broker-a=18         unsubscribed   paid   CONSUMED
    ";

    #[test]
    fn every_row_of_the_table() {
        for row in TABLE.trim().lines().skip(1) {
            let mut cells = row.split_whitespace();
            let [online, kind, model, committed, subscription, tag, word] =
                std::array::from_fn(|_| cells.next().unwrap());
            let committed = match committed.split(['@', '=']).collect::<Vec<_>>()[..] {
                [queue, broker, offset] => {
                    Some((broker, queue.parse().unwrap(), offset.parse().unwrap()))
                }
                _ => None,
            };
            let group = group(online == "yes", [kind, model, subscription], committed);
            let tag = Some(tag).filter(|tag| *tag != "-");
            assert_eq!(
                judge_as_gateway(&group, &message(tag)).as_str(),
                word,
                "{row}"
            );
        }
    }

    /// Builds a group. A subscription is `unsubscribed`, an expression, or `expression:type`.
    pub(in crate::offsets) fn group<'a>(
        online: bool,
        [kind, model, subscription]: [&str; 3],
        committed: impl IntoIterator<Item = (&'a str, u32, u64)>,
    ) -> GroupState {
        let mut offsets = ByQueue::default();
        for (broker, queue_id, offset) in committed {
            offsets.insert(broker.into(), queue_id, offset);
        }
        GroupState {
            online,
            consume_type: ConsumeType::named(kind),
            message_model: MessageModel::named(model),
            filter: match subscription.split_once(':') {
                _ if subscription == "unsubscribed" => TagFilter::all(),
                Some((sql, kind)) => TagFilter::parse(Some(sql), Some(kind)),
                None => TagFilter::parse(Some(subscription), None),
            },
            subscribed: match (online, subscription) {
                (false, _) => Subscribed::Unknown,
                (true, "unsubscribed") => Subscribed::Elsewhere,
                (true, _) => Subscribed::Yes,
            },
            traces: GroupTraces {
                retry_topic: Some(true),
                pops: false,
                commits: !offsets.is_empty(),
            },
            offsets,
            past_end: ByQueue::default(),
        }
    }

    pub(in crate::offsets) fn message(tag: Option<&str>) -> Position {
        Position {
            broker: "broker-a".into(),
            queue_id: 1,
            queue_offset: 17,
            tag: tag.into(),
            store: None,
        }
    }

    fn any_group() -> impl Strategy<Value = GroupState> {
        let queue = (prop::sample::select(vec!["broker-a", "broker-b"]), 0..3_u32);
        let kind = prop::sample::select(vec!["push", "push", "push", "pull", "pop"]);
        let model = prop::sample::select(vec!["clustering", "clustering", "broadcasting", "lite"]);
        let subscription = prop::sample::select(vec!["*", "created||paid", "created"]);
        let committed = prop::collection::btree_map(queue, 0..40_u64, 0..6);
        (any::<bool>(), kind, model, subscription, committed).prop_map(
            |(online, kind, model, subscription, committed)| {
                let committed = committed.into_iter().map(|((b, q), o)| (b, q, o));
                group(online, [kind, model, subscription], committed)
            },
        )
    }

    fn any_tag() -> impl Strategy<Value = Option<&'static str>> {
        prop::sample::select(vec![None, Some("created"), Some("paid"), Some("sent")])
    }

    /// Returns whether the track type means that the offset has passed the message.
    fn is_past(word: &TrackType) -> bool {
        [TrackType::CONSUMED, TrackType::CONSUMED_BUT_FILTERED].contains(word)
    }

    #[test]
    fn a_tag_that_nobody_knows_decides_nothing() {
        let unknown = Position {
            tag: Tag::Unknown,
            ..message(None)
        };
        for (subscription, committed, word) in [
            ("*", 18, TrackType::CONSUMED),
            ("paid", 18, TrackType::UNKNOWN),
            ("paid", 17, TrackType::NOT_CONSUME_YET),
        ] {
            let group = group(
                true,
                ["push", "clustering", subscription],
                [("broker-a", 1, committed)],
            );
            assert_eq!(
                judge_as_gateway(&group, &unknown),
                word,
                "{subscription} {committed}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_raised_offset_never_reopens_a_message(
            mut group in any_group(), tag in any_tag(), from in 0..40_u64, by in 0..40_u64,
        ) {
            group.offsets.insert("broker-a".into(), 1, from);
            let before = judge_as_gateway(&group, &message(tag));
            group.offsets.insert("broker-a".into(), 1, from + by);
            let after = judge_as_gateway(&group, &message(tag));
            prop_assert!(before == after || (before == TrackType::NOT_CONSUME_YET && is_past(&after)));
        }

        #[test]
        fn only_the_messages_own_queue_matters(
            mut group in any_group(), tag in any_tag(), offset in 0..40_u64,
        ) {
            let before = judge_as_gateway(&group, &message(tag));
            for (broker, queue_id) in [("broker-a", 0), ("broker-a", 2), ("broker-b", 1)] {
                group.offsets.insert(broker.into(), queue_id, offset);
            }
            prop_assert_eq!(before, judge_as_gateway(&group, &message(tag)));
        }

        #[test]
        fn a_tag_decides_only_what_has_passed(group in any_group(), one in any_tag(), other in any_tag()) {
            let (one, other) = (judge_as_gateway(&group, &message(one)), judge_as_gateway(&group, &message(other)));
            prop_assert!(one == other || (is_past(&one) && is_past(&other)));
        }

        #[test]
        fn an_offline_group_is_never_judged_by_its_offsets(mut group in any_group(), tag in any_tag()) {
            group.online = false;
            prop_assert_eq!(judge_as_gateway(&group, &message(tag)), TrackType::NOT_ONLINE);
        }

        #[test]
        fn only_words_known_today(group in any_group(), tag in any_tag()) {
            prop_assert!(TrackType::KNOWN.contains(&judge_as_gateway(&group, &message(tag))));
        }
    }
}
