//! The answer of `mqadmin queryMsgById`, shown next to ours where it differs.

use std::net::SocketAddr;

use super::{ConsumeType, GroupState, MessageModel, Subscribed, TrackType};
use crate::message::Position;

/// Properties of the topic and the broker that `mqadmin` misinterprets (`docs/facts/rocketmq.md` §1.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerContext<'a> {
    /// Whether this is a static (logical-queue) topic, whose offsets are listed under a broker that does not
    /// exist.
    pub is_static: bool,
    /// Current address of the broker's master, `ip:port`, if it has one.
    pub master: Option<&'a str>,
    /// The number of queues that consumers may read there, if known; further queues are not listed.
    pub read_queues: Option<u32>,
}

/// Returns the track type that `mqadmin queryMsgById` reports for a group and a message
/// (`docs/facts/rocketmq.md` §1.2). `None` if too little is known: the message's tag, or whether the retry
/// topic exists.
///
/// It differs from [`judge_by_offsets`](super::judge_by_offsets) in these cases:
/// - offline and pull groups: it ignores their offsets;
/// - an online group that has unsubscribed from the topic: it ignores the topic;
/// - a message stored at an address that is no longer the master's; a static topic; stale offsets of a broadcasting
///   group; SQL92, which it takes for no filter.
#[must_use]
pub fn judge_as_mqadmin(
    group: &GroupState,
    context: &BrokerContext<'_>,
    message: &Position,
) -> Option<TrackType> {
    if !group.traces.retry_topic? {
        return Some(TrackType::UNKNOWN); // "no route info of this topic"
    }
    if !group.online {
        return Some(TrackType::NOT_ONLINE);
    }
    match group.consume_type {
        ConsumeType::Pull => return Some(TrackType::PULL),
        ConsumeType::Pop | ConsumeType::Other => return Some(TrackType::UNKNOWN),
        ConsumeType::Push => {}
    }
    if !group.traces.commits {
        return Some(match group.message_model {
            MessageModel::Broadcasting => TrackType::CONSUME_BROADCASTING,
            _ => TrackType::NOT_CONSUME_YET,
        });
    }
    if group.subscribed == Subscribed::Elsewhere || context.is_static {
        return Some(TrackType::NOT_CONSUME_YET);
    }
    let Some(master) = context.master else {
        return Some(TrackType::UNKNOWN); // a NullPointerException in mqadmin
    };
    // mqadmin resolves a host name before it compares, and the result is not known here.
    let is_address = master.parse::<SocketAddr>().is_ok();
    let store = message.store.as_deref().filter(|_| is_address);
    let is_elsewhere = store.is_some_and(|store| store != master);
    let is_listed = context
        .read_queues
        .is_none_or(|count| message.queue_id < count);
    let next = group.offsets.get(&message.broker, message.queue_id);
    if is_elsewhere || !is_listed || next.is_none_or(|next| *next <= message.queue_offset) {
        return Some(TrackType::NOT_CONSUME_YET);
    }
    let admitted = group.filter.admits_tag(&message.tag)?;
    Some(if admitted {
        TrackType::CONSUMED
    } else {
        TrackType::CONSUMED_BUT_FILTERED
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Tag;
    use crate::offsets::judge::tests::{group, message};
    use crate::offsets::judge_by_offsets;

    const MASTER: &str = "10.0.0.1:10911";

    /// Each wrong answer: what changes about a group that has passed the message, mqadmin's answer, ours.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn where_it_misleads_we_know_better() {
        let context = BrokerContext {
            is_static: false,
            master: Some(MASTER),
            read_queues: Some(4),
        };
        let push = |subscription| {
            group(
                true,
                ["push", "clustering", subscription],
                [("broker-a", 1, 18)],
            )
        };
        let offline = group(false, ["-", "-", "*"], [("broker-a", 1, 18)]);
        let mut unregistered = offline.clone();
        unregistered.traces.retry_topic = Some(false);
        let stored = |store: &str| Position {
            store: Some(store.into()),
            ..message(Some("paid"))
        };
        let here = stored(MASTER);
        let moved = stored("10.0.0.7:10911");
        let table = [
            ("nothing", push("*"), context, &here, "CONSUMED", "CONSUMED"),
            (
                "its filter",
                push("created"),
                context,
                &here,
                "CONSUMED_BUT_FILTERED",
                "CONSUMED_BUT_FILTERED",
            ),
            (
                "it is offline",
                offline,
                context,
                &here,
                "NOT_ONLINE",
                "CONSUMED",
            ),
            (
                "it never sent a heartbeat",
                unregistered,
                context,
                &here,
                "UNKNOWN",
                "CONSUMED",
            ),
            (
                "it pulls",
                group(true, ["pull", "clustering", "*"], [("broker-a", 1, 18)]),
                context,
                &here,
                "PULL",
                "CONSUMED",
            ),
            (
                "it pops",
                group(true, ["pop", "clustering", "*"], [("broker-a", 1, 18)]),
                context,
                &here,
                "UNKNOWN",
                "CONSUMED",
            ),
            (
                "it subscribes elsewhere",
                push("unsubscribed"),
                context,
                &here,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "SQL92",
                push("amount>3:SQL92"),
                context,
                &here,
                "CONSUMED",
                "UNKNOWN",
            ),
            (
                "another master",
                push("*"),
                context,
                &moved,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "no master",
                push("*"),
                BrokerContext {
                    master: None,
                    ..context
                },
                &here,
                "UNKNOWN",
                "CONSUMED",
            ),
            (
                "a static topic",
                push("*"),
                BrokerContext {
                    is_static: true,
                    ..context
                },
                &here,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "fewer queues to read",
                push("*"),
                BrokerContext {
                    read_queues: Some(1),
                    ..context
                },
                &here,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "stale offsets",
                group(true, ["push", "broadcasting", "*"], [("broker-a", 1, 18)]),
                context,
                &here,
                "CONSUMED",
                "CONSUME_BROADCASTING",
            ),
            (
                "no offsets",
                group(true, ["push", "broadcasting", "*"], []),
                context,
                &here,
                "CONSUME_BROADCASTING",
                "CONSUME_BROADCASTING",
            ),
            (
                "no commit yet",
                group(true, ["push", "clustering", "*"], []),
                context,
                &here,
                "NOT_CONSUME_YET",
                "NOT_CONSUME_YET",
            ),
        ];
        for (changed, group, context, message, theirs, ours) in table {
            let word = judge_as_mqadmin(&group, &context, message).unwrap();
            assert_eq!(word.as_str(), theirs, "{changed}: mqadmin");
            assert_eq!(
                judge_by_offsets(&group, message).0.as_str(),
                ours,
                "{changed}: we"
            );
        }
    }

    #[test]
    fn what_we_do_not_know_we_do_not_put_into_its_mouth() {
        let mut passed = group(true, ["push", "clustering", "paid"], [("broker-a", 1, 18)]);
        let tagless = Position {
            tag: Tag::Unknown,
            ..message(None)
        };
        let context = BrokerContext {
            master: Some(MASTER),
            ..BrokerContext::default()
        };
        assert_eq!(judge_as_mqadmin(&passed, &context, &tagless), None);
        passed.traces.retry_topic = None;
        assert_eq!(
            judge_as_mqadmin(&passed, &context, &message(Some("paid"))),
            None
        );
    }
}
