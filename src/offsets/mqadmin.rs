//! What `mqadmin queryMsgById` would say, to be shown beside our word where it differs.

use std::net::SocketAddr;

use super::{ConsumeType, GroupState, MessageModel, Subscribed, TrackType};
use crate::message::{Position, Tag};

/// What `mqadmin` finds out of a topic and the message's broker and misreads (`docs/facts/rocketmq.md` §1.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerContext<'a> {
    /// A static (logical-queue) topic: its offsets are listed under a broker that does not exist.
    pub is_static: bool,
    /// The address of the broker's master today, `ip:port`, where it has one.
    pub master: Option<&'a str>,
    /// How many queues consumers may read there, where that is known: further ones are not listed.
    pub read_queues: Option<u32>,
}

/// The word of `mqadmin queryMsgById` for a group and a message, found as it finds it (`docs/facts/rocketmq.md` §1.2). None
/// where we know too little to say: the message's tag, or that anybody looked for the group's retry topic.
///
/// It differs from ours wherever a decision of its own goes wrong: it never looks at the offsets of groups that are
/// offline or pull; it drops the topics that an online group no longer subscribes to; it compares the address a message
/// was stored at with the master's of today; it can't read static topics; it judges a broadcasting group by stale
/// offsets; it takes SQL92 for no filter.
#[must_use]
pub fn judge_as_mqadmin(
    group: &GroupState,
    around: &BrokerContext<'_>,
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
    if group.subscribed == Subscribed::Elsewhere || around.is_static {
        return Some(TrackType::NOT_CONSUME_YET);
    }
    let Some(master) = around.master else {
        return Some(TrackType::UNKNOWN); // a NullPointerException
    };
    // A host name is looked up before it is compared, and nothing is known of what comes out.
    let is_address = master.parse::<SocketAddr>().is_ok();
    let store = message.store.as_deref().filter(|_| is_address);
    let is_elsewhere = store.is_some_and(|store| store != master);
    let is_listed = around
        .read_queues
        .is_none_or(|count| message.queue_id < count);
    let next = group.offsets.get(&message.broker, message.queue_id);
    if is_elsewhere || !is_listed || next.is_none_or(|next| *next <= message.queue_offset) {
        return Some(TrackType::NOT_CONSUME_YET);
    }
    let admitted = match &message.tag {
        Tag::Named(tag) => group.filter.admits(Some(tag)),
        Tag::None => group.filter.admits(None),
        Tag::Unknown if group.filter.is_all() => true,
        Tag::Unknown => return None,
    };
    Some(if admitted {
        TrackType::CONSUMED
    } else {
        TrackType::CONSUMED_BUT_FILTERED
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offsets::judge::tests::{group, message};
    use crate::offsets::judge_by_offsets;

    const MASTER: &str = "10.0.0.1:10911";

    /// Each wrong answer: what is changed about a group that has passed the message, what mqadmin says, what we say.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn where_it_misleads_we_know_better() {
        let around = BrokerContext {
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
        let mut homeless = offline.clone();
        homeless.traces.retry_topic = Some(false);
        let stored = |store: &str| Position {
            store: Some(store.into()),
            ..message(Some("paid"))
        };
        let here = stored(MASTER);
        let moved = stored("10.0.0.7:10911");
        let table = [
            ("nothing", push("*"), around, &here, "CONSUMED", "CONSUMED"),
            (
                "its filter",
                push("created"),
                around,
                &here,
                "CONSUMED_BUT_FILTERED",
                "CONSUMED_BUT_FILTERED",
            ),
            (
                "it is offline",
                offline,
                around,
                &here,
                "NOT_ONLINE",
                "CONSUMED",
            ),
            (
                "it never sent a heartbeat",
                homeless,
                around,
                &here,
                "UNKNOWN",
                "CONSUMED",
            ),
            (
                "it pulls",
                group(true, ["pull", "clustering", "*"], [("broker-a", 1, 18)]),
                around,
                &here,
                "PULL",
                "CONSUMED",
            ),
            (
                "it pops",
                group(true, ["pop", "clustering", "*"], [("broker-a", 1, 18)]),
                around,
                &here,
                "UNKNOWN",
                "CONSUMED",
            ),
            (
                "it subscribes elsewhere",
                push("unsubscribed"),
                around,
                &here,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "SQL92",
                push("amount>3:SQL92"),
                around,
                &here,
                "CONSUMED",
                "UNKNOWN",
            ),
            (
                "another master",
                push("*"),
                around,
                &moved,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "no master",
                push("*"),
                BrokerContext {
                    master: None,
                    ..around
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
                    ..around
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
                    ..around
                },
                &here,
                "NOT_CONSUME_YET",
                "CONSUMED",
            ),
            (
                "stale offsets",
                group(true, ["push", "broadcasting", "*"], [("broker-a", 1, 18)]),
                around,
                &here,
                "CONSUMED",
                "CONSUME_BROADCASTING",
            ),
            (
                "no offsets",
                group(true, ["push", "broadcasting", "*"], []),
                around,
                &here,
                "CONSUME_BROADCASTING",
                "CONSUME_BROADCASTING",
            ),
            (
                "no commit yet",
                group(true, ["push", "clustering", "*"], []),
                around,
                &here,
                "NOT_CONSUME_YET",
                "NOT_CONSUME_YET",
            ),
        ];
        for (changed, group, around, message, theirs, ours) in table {
            let word = judge_as_mqadmin(&group, &around, message).unwrap();
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
        let around = BrokerContext {
            master: Some(MASTER),
            ..BrokerContext::default()
        };
        assert_eq!(judge_as_mqadmin(&passed, &around, &tagless), None);
        passed.traces.retry_topic = None;
        assert_eq!(
            judge_as_mqadmin(&passed, &around, &message(Some("paid"))),
            None
        );
    }
}
