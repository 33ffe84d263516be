//! What happened on 20 November 2026, told in UTC+8.
//!
//! Orders, payments and refunds go to two brokers with four queues a topic each.
//! - 13:48 `GID_loyalty` goes offline.
//! - 14:02:07 the order listener of `GID_billing` hangs: its offsets on `orders` stop, its other listeners go on.
//! - 14:11:30 `GID_shipping` loses the way to broker-b and stops there on `payments`; broker-a goes on.
//! - `GID_billing` can't read what the one 5.x client sends to `payments`: each of these messages fails four times, all
//!   there are, and ends in the dead-letter topic. `GID_search` has no retry queues, so its failures leave no copy.
//! - 13:50 the carrier that `GID_shipping` calls is out of order for 40 seconds, and again from 14:18:30 on: orders fail,
//!   and are delivered again later.
//! - 14:19 order intake is halted; 14:25 the offsets are captured, and somebody lists what was sent since 13:30.
//!
//! `GID_search` takes only orders tagged `created` or `paid`, `GID_analytics` pulls, `GID_wallboard` broadcasts, and
//! `GID_ledger`, expected on `refunds`, was never started.

use jiff::Timestamp;

use super::traffic::{Message, V5_PREFIX};

pub(super) const INSTANCE: &str = "MQ_INST_1234567890123456_BXdemo";

pub(super) const MONTH_START: &str = "2026-11-01T00:00:00+08:00";
pub(super) const LONG_EXPIRED: &str = "2026-11-16T09:12:44.120+08:00";
pub(super) const OPENED: &str = "2026-11-20T13:30:00+08:00";
const LOYALTY_LEFT: &str = "2026-11-20T13:48:00+08:00";
pub(super) const BILLING_HUNG: &str = "2026-11-20T14:02:07+08:00";
pub(super) const NEVER_STORED: &str = "2026-11-20T14:07:31.402+08:00";
const SHIPPING_CUT: &str = "2026-11-20T14:11:30+08:00";
pub(super) const HALTED: &str = "2026-11-20T14:19:00+08:00";
pub(super) const CAPTURED: &str = "2026-11-20T14:25:00+08:00";

/// When the carrier was out of order: from, to.
const CARRIER_OUT: [(&str, &str); 2] = [
    ("2026-11-20T13:50:00+08:00", "2026-11-20T13:50:40+08:00"),
    ("2026-11-20T14:18:30+08:00", "2026-11-20T15:00:00+08:00"),
];

/// The number of attempts that `GID_billing` makes.
pub(super) const BILLING_ATTEMPTS: usize = 4;

/// The expected groups of each topic.
pub(super) const EXPECTED: &str = "\
topic,group
orders,GID_billing
orders,GID_search
orders,GID_shipping
payments,GID_billing
payments,GID_shipping
refunds,GID_billing
refunds,GID_ledger
";

/// Returns what the groups of the message's topic must answer, in name order.
pub(super) fn words(message: &Message) -> Vec<(&'static str, &'static str)> {
    let consumed_if = |consumed| {
        if consumed {
            "CONSUMED"
        } else {
            "NOT_CONSUME_YET"
        }
    };
    let stored_before = |moment| message.stored_at < millis(moment);
    match message.topic {
        "orders" => vec![
            ("GID_analytics", "PULL"),
            ("GID_billing", consumed_if(stored_before(BILLING_HUNG))),
            ("GID_loyalty", "NOT_ONLINE"),
            (
                "GID_search",
                match message.tag {
                    Some("created" | "paid") => "CONSUMED",
                    _ => "CONSUMED_BUT_FILTERED",
                },
            ),
            ("GID_shipping", "CONSUMED"),
        ],
        "payments" => vec![
            ("GID_analytics", "PULL"),
            ("GID_billing", "CONSUMED"),
            (
                "GID_shipping",
                consumed_if(message.broker == "broker-a" || stored_before(SHIPPING_CUT)),
            ),
            ("GID_wallboard", "CONSUME_BROADCASTING"),
        ],
        "refunds" => vec![("GID_billing", "CONSUMED"), ("GID_loyalty", "NOT_ONLINE")],
        other => panic!("the story has no topic {other}"),
    }
}

/// Returns whether `GID_billing` can't read a message.
pub(super) fn unreadable(message: &Message) -> bool {
    message.topic == "payments" && message.msg_id.starts_with(V5_PREFIX)
}

/// Returns until when a message fails in `GID_shipping`, if its first attempt does.
pub(super) fn carrier_failures(message: &Message) -> Option<i64> {
    let mut outages = CARRIER_OUT
        .iter()
        .map(|(from, to)| (millis(from), millis(to)));
    let outage = outages.find(|(from, to)| (*from..*to).contains(&message.stored_at));
    outage
        .filter(|_| message.topic == "orders")
        .map(|(_, to)| to)
}

/// Returns the verdict about a group and a message if copies decide, and what `passed` rests on.
pub(super) fn evidence(group: &str, word: &str, message: &Message) -> (&'static str, &'static str) {
    let is_waiting = carrier_failures(message).is_some_and(|end| end > millis(CAPTURED));
    match (group, word) {
        ("GID_billing", "CONSUMED") if unreadable(message) => ("dead_lettered", ""),
        ("GID_shipping", "CONSUMED") if is_waiting => ("retrying", ""),
        ("GID_shipping", "CONSUMED") if carrier_failures(message).is_some() => {
            ("passed", "retried")
        }
        ("GID_search", "CONSUMED") => ("passed", "offset"),
        (_, "CONSUMED") => ("passed", "no_failure"),
        (_, "CONSUMED_BUT_FILTERED") => ("filtered", ""),
        (_, "NOT_CONSUME_YET") => ("open", ""),
        _ => ("undetermined", ""),
    }
}

/// A consumer group as brokers store it.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) online: bool,
    pub(super) consume_type: &'static str,
    pub(super) message_model: &'static str,
    /// Topic and expression. None for a group that is offline.
    pub(super) subscriptions: &'static [(&'static str, &'static str)],
    /// Topic, and the times at which the offsets stopped on broker-a and on broker-b.
    pub(super) offsets: &'static [(&'static str, [&'static str; 2])],
    /// Why a message without a copy in the retry topics may have failed nevertheless.
    pub(super) retries_prove_nothing: Option<&'static str>,
}

#[rustfmt::skip]
pub(super) const GROUPS: [Group; 6] = [
    Group {
        name: "GID_analytics", online: true, consume_type: "pull", message_model: "clustering",
        subscriptions: &[("orders", "*"), ("payments", "*")],
        offsets: &[("orders", [OPENED; 2]), ("payments", [OPENED; 2])],
        retries_prove_nothing: Some("a pull consumer decides itself what becomes of a message that fails"),
    },
    Group {
        name: "GID_billing", online: true, consume_type: "push", message_model: "clustering",
        subscriptions: &[("orders", "*"), ("payments", "*"), ("refunds", "*")],
        offsets: &[("orders", [BILLING_HUNG; 2]), ("payments", [CAPTURED; 2]), ("refunds", [CAPTURED; 2])],
        retries_prove_nothing: None,
    },
    Group {
        name: "GID_loyalty", online: false, consume_type: "push", message_model: "clustering",
        subscriptions: &[],
        offsets: &[("orders", [LOYALTY_LEFT; 2]), ("refunds", [LOYALTY_LEFT; 2])],
        retries_prove_nothing: None,
    },
    Group {
        name: "GID_search", online: true, consume_type: "push", message_model: "clustering",
        subscriptions: &[("orders", "created||paid")],
        offsets: &[("orders", [CAPTURED; 2])],
        retries_prove_nothing: Some("retryQueueNums is 0: a failed message leaves no copy"),
    },
    Group {
        name: "GID_shipping", online: true, consume_type: "push", message_model: "clustering",
        subscriptions: &[("orders", "*"), ("payments", "*")],
        offsets: &[("orders", [CAPTURED; 2]), ("payments", [CAPTURED, SHIPPING_CUT])],
        retries_prove_nothing: None,
    },
    Group {
        name: "GID_wallboard", online: true, consume_type: "push", message_model: "broadcasting",
        subscriptions: &[("payments", "*")],
        offsets: &[],
        retries_prove_nothing: Some("broadcasting: a message that fails is not delivered again"),
    },
];

/// Returns a moment of the story in milliseconds since 1970.
pub(super) fn millis(moment: &str) -> i64 {
    moment.parse::<Timestamp>().unwrap().as_millisecond()
}
