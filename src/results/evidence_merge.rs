//! The lines about what was examined, of all shards of a run.

use std::collections::BTreeMap;

use crate::evidence::{ExaminedTopic, GroupLag, RetryPolicy};
use crate::verdict::{EvidenceLine, RowProof, TracedRow, UnexaminedRow};

/// The lines by kind.
#[derive(Debug, Default)]
struct ByKind {
    topics: Vec<ExaminedTopic>,
    proofs: Vec<RowProof>,
    unexamined: Vec<UnexaminedRow>,
    traced: Vec<TracedRow>,
    lags: Vec<GroupLag>,
    policies: Vec<RetryPolicy>,
}

/// Returns the lines in the order in which one run writes them. A topic that several shards have examined is complete if
/// all of them have read it completely, as far back and as late as all of them have.
pub(super) fn merged(lines: Vec<EvidenceLine>) -> Vec<EvidenceLine> {
    let mut all = ByKind::default();
    for line in lines {
        match line {
            EvidenceLine::Examined(topic) => all.topics.push(topic),
            EvidenceLine::Proof(proof) => all.proofs.push(proof),
            EvidenceLine::Unexamined(row) => all.unexamined.push(row),
            EvidenceLine::Traced(row) => all.traced.push(row),
            EvidenceLine::Lag(lag) => all.lags.push(lag),
            EvidenceLine::Policy(policy) => all.policies.push(policy),
        }
    }
    all.proofs.sort_by(|one, other| {
        let key = |proof: &RowProof| (proof.row, proof.group.clone(), proof.at, proof.kind);
        key(one).cmp(&key(other))
    });
    all.proofs.dedup();
    all.unexamined.sort_by_key(|row| row.row);
    all.traced.sort_by_key(|row| row.row);
    all.lags.sort_by(|one, other| {
        let key = |lag: &GroupLag| {
            (
                lag.instance_id.clone(),
                lag.group.clone(),
                lag.topic.clone(),
                lag.at,
            )
        };
        key(one).cmp(&key(other))
    });
    all.lags.dedup();
    let topics = topics(all.topics).into_iter().map(EvidenceLine::Examined);
    let policies = policies(all.policies).into_iter().map(EvidenceLine::Policy);
    topics
        .chain(all.proofs.into_iter().map(EvidenceLine::Proof))
        .chain(all.unexamined.into_iter().map(EvidenceLine::Unexamined))
        .chain(all.traced.into_iter().map(EvidenceLine::Traced))
        .chain(all.lags.into_iter().map(EvidenceLine::Lag))
        .chain(policies)
        .collect()
}

/// Returns one line for each topic of a group.
fn topics(topics: Vec<ExaminedTopic>) -> Vec<ExaminedTopic> {
    let mut merged = BTreeMap::new();
    for topic in topics {
        let key = (
            topic.group.clone(),
            topic.instance_id.clone(),
            topic.topic.clone(),
        );
        let known = merged.entry(key).or_insert_with(|| topic.clone());
        known.from = known.from.max(topic.from);
        known.to = known.to.min(topic.to);
        if known.incomplete.is_none() {
            known.incomplete = topic.incomplete;
        }
    }
    merged.into_values().collect()
}

/// Returns one policy for each group: one that was read, if any was.
fn policies(policies: Vec<RetryPolicy>) -> Vec<RetryPolicy> {
    let mut merged: BTreeMap<_, RetryPolicy> = BTreeMap::new();
    for policy in policies {
        let key = (policy.instance_id.clone(), policy.group.clone());
        let known = merged.entry(key).or_insert_with(|| policy.clone());
        if known.unknown.is_some() && policy.unknown.is_none() {
            *known = policy;
        }
    }
    merged.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn topic(group: &str, from: Option<i64>, to: i64, incomplete: Option<&str>) -> EvidenceLine {
        EvidenceLine::Examined(ExaminedTopic {
            group: group.into(),
            instance_id: None,
            topic: format!("%DLQ%{group}").into(),
            from: from.map(at),
            to: at(to),
            incomplete: incomplete.map(Into::into),
        })
    }

    fn proof(row: u64) -> EvidenceLine {
        let proof = json!({"row": row, "group": "GID_a", "kind": "dead_lettered", "at": "2026-11-22T03:00:00Z"});
        EvidenceLine::Proof(serde_json::from_value(proof).unwrap())
    }

    fn traced(row: u64) -> EvidenceLine {
        EvidenceLine::Traced(TracedRow {
            row,
            sampled: true,
            error: None,
        })
    }

    #[test]
    fn a_topic_counts_as_read_as_far_as_all_shards_have_read_it() {
        let lines = merged(vec![
            topic("GID_b", None, 9, None),
            topic("GID_a", Some(3), 9, None),
            topic("GID_a", Some(5), 7, Some("the time is up")),
            topic("GID_a", None, 8, Some("later")),
        ]);
        let expected = [
            topic("GID_a", Some(5), 7, Some("the time is up")),
            topic("GID_b", None, 9, None),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_stand_in_the_order_of_one_run_and_none_twice() {
        let lines = [
            traced(5),
            proof(9),
            topic("GID_a", None, 1, None),
            proof(2),
            traced(1),
            proof(9),
        ];
        let ordered = [
            topic("GID_a", None, 1, None),
            proof(2),
            proof(9),
            traced(1),
            traced(5),
        ];
        assert_eq!(merged(lines.to_vec()), ordered);
    }

    #[test]
    fn a_policy_that_was_read_goes_before_one_that_was_not() {
        let policy = |unknown: Option<&str>| RetryPolicy {
            group: "GID_a".into(),
            instance_id: None,
            max_retries: u32::from(unknown.is_none()),
            dead_letter_topic: None,
            unknown: unknown.map(Into::into),
        };
        let known = EvidenceLine::Policy(policy(None));
        let lines = vec![EvidenceLine::Policy(policy(Some("denied"))), known.clone()];
        assert_eq!(merged(lines), [known]);
    }
}
