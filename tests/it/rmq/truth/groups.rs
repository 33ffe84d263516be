//! The groups: how they retry, and how far they lag behind each topic.

use serde_json::{Value, json};

use super::{By, INSTANCE, Operation, Outcome, Pair, REGION, RETENTION, Reply, Since, Truth};

/// The groups of every topic.
pub(crate) const GROUPS: [&str; 6] = [
    "GID_steady",
    "GID_deep",
    "GID_once",
    "GID_hidden",
    "GID_bare",
    "GID-odd|%_5",
];

/// A group that is expected and does not exist.
pub(crate) const NEVER: &str = "GID_never";

/// How a group retries.
#[derive(Debug, Clone, Copy)]
enum Policy {
    /// So many deliveries after the first, and the topic of dead letters.
    Retries(usize, Option<&'static str>),
    /// The key may not ask.
    Denied,
    /// The answer lacks the number.
    Bare,
}

const POLICIES: [Policy; 6] = [
    Policy::Retries(3, Some("DLQ_steady")),
    Policy::Retries(16, None),
    Policy::Retries(0, Some("")),
    Policy::Denied,
    Policy::Bare,
    Policy::Retries(2, Some("DLQ-odd|%")),
];

/// How far a group lags behind a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lag {
    Zero,
    Backlog,
    Inflight,
    /// The answer is about other topics only.
    NoEntry,
    /// The entry lacks the number of messages in flight.
    NoInflight,
    /// The entry lacks the number of messages that wait.
    NoReady,
    /// The key may not ask.
    Denied,
}

impl Lag {
    /// Returns the entry of the topic.
    fn entry(self) -> Option<Value> {
        let last = 1_700_000_000_123_u64;
        Some(match self {
            Self::Zero => json!({"readyCount": 0, "inflightCount": 0, "deliveryDuration": 0}),
            Self::Backlog => json!({"readyCount": 12, "inflightCount": 0, "deliveryDuration": 60}),
            Self::Inflight => {
                json!({"readyCount": 0, "inflightCount": 3, "lastConsumeTimestamp": last})
            }
            Self::NoInflight => json!({"readyCount": 0, "lastConsumeTimestamp": last}),
            Self::NoReady => json!({"inflightCount": 0}),
            Self::NoEntry | Self::Denied => return None,
        })
    }

    fn reply(self, topic: &str, group: &str) -> Reply {
        if self == Self::Denied {
            return Reply::refused(403, "NoPermission");
        }
        // Other topics of the group, and therefore all topics together, are behind.
        let behind = json!({"readyCount": 7, "inflightCount": 1, "deliveryDuration": 9});
        let mut map = json!({"other-topic": behind.clone()});
        if let Some(entry) = self.entry() {
            map[topic] = entry;
        }
        Reply::data(json!({
            "consumerGroupId": group, "instanceId": INSTANCE, "regionId": REGION, "topicName": topic,
            "totalLag": behind, "topicLagMap": map,
        }))
    }
}

/// Adds the instance and the groups.
pub(super) fn add(truth: &mut Truth) {
    let instance = Reply::data(json!({
        "instanceId": INSTANCE, "regionId": REGION, "status": "RUNNING", "seriesCode": "standard",
        "productInfo": {"messageRetentionTime": RETENTION, "traceOn": false, "sendReceiveRatio": 0.5},
    }));
    truth.answers(Operation::GetInstance, ["", "", ""], instance);
    for (group, policy) in GROUPS.into_iter().zip(POLICIES) {
        let mut data = json!({
            "consumerGroupId": group, "instanceId": INSTANCE, "regionId": REGION, "status": "RUNNING",
            "messageModel": "CLUSTERING", "deliveryOrderType": "Concurrently", "createTime": "2026-01-01 00:00:00",
        });
        let reply = match policy {
            Policy::Retries(most, topic) => {
                data["consumeRetryPolicy"] =
                    json!({"retryPolicy": "DefaultRetryPolicy", "maxRetryTimes": most});
                if let Some(topic) = topic {
                    data["consumeRetryPolicy"]["deadLetterTargetTopic"] = topic.into();
                }
                Reply::data(data)
            }
            Policy::Denied => Reply::refused(403, "NoPermission"),
            Policy::Bare => {
                data["consumeRetryPolicy"] = json!({"retryPolicy": "DefaultRetryPolicy"});
                Reply::data(data)
            }
        };
        truth.answers(Operation::GetConsumerGroup, ["", "", group], reply);
    }
}

/// Adds the lags behind a topic.
pub(super) fn add_lags(truth: &mut Truth, topic: &str, lags: [Lag; 6]) {
    for (group, lag) in GROUPS.into_iter().zip(lags) {
        let reply = lag.reply(topic, group);
        truth.answers(Operation::GetConsumerGroupLag, [topic, "", group], reply);
    }
}

/// Returns the verdict for a group by what the trace says about it.
pub(super) fn judged(outcome: Outcome, attempts: usize, group: usize, rule: &str) -> Pair {
    let pair = |verdict| Pair {
        attempts,
        by: By::Record,
        ..Pair::new(verdict, rule)
    };
    match outcome {
        Outcome::Passed => Pair {
            evidence: "trace",
            ..pair("passed")
        },
        Outcome::Open => pair("open"),
        Outcome::Unknown => pair("undetermined"),
        Outcome::Dead { names_topic } => Pair {
            by: By::Policy,
            not_kept: !names_topic
                && matches!(POLICIES[group], Policy::Retries(_, None | Some(""))),
            ..pair("dead_lettered")
        },
        Outcome::Failed => Pair {
            by: By::Policy,
            ..match POLICIES[group] {
                // There was a delivery, even if there is no record of it.
                Policy::Retries(most, _) if attempts.max(1) > most => pair("failed"),
                Policy::Retries(..) => pair("retrying"),
                Policy::Denied | Policy::Bare => pair("undetermined"),
            }
        },
        Outcome::NoRecord => panic!("{rule}: the lag decides"),
    }
}

/// Returns the verdict for a group without a record that would have received the message.
pub(super) fn by_lag(lag: Lag, since: Since, rule: &str) -> Pair {
    let rule = format!("{rule}, {lag:?}, {since:?}");
    if since == Since::Unknown {
        return Pair::new("undetermined", rule);
    }
    let is_passed = lag == Lag::Zero && since == Since::Long;
    let pair = if is_passed {
        Pair {
            evidence: "lag",
            ..Pair::new("passed", rule)
        }
    } else {
        Pair::new("undetermined", rule)
    };
    Pair {
        by: By::Lag,
        ..pair
    }
}
