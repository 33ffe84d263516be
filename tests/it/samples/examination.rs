//! What was examined beyond the offsets, right after the offsets were captured: the copies that failed deliveries have
//! left (`docs/facts/processing.md` §C.2).
//!
//! A message that fails is delivered again after 10 s, 30 s, 1, 2, 3 … minutes. Each time a copy is stored: it waits in
//! the schedule topic, then stands in the group's retry topic. After the last attempt it is in the dead-letter topic.

use super::cluster::{lines, utc};
use super::story::{BILLING_ATTEMPTS, CAPTURED, GROUPS, carrier_failures, millis, unreadable};
use super::traffic::{Message, Role};

/// Seconds between an attempt that fails and the next one.
const DELAYS: [i64; 7] = [10, 30, 60, 120, 180, 240, 300];

/// Milliseconds that an attempt takes.
const ATTEMPT: i64 = 40;

/// How long the brokers keep a copy.
const KEPT: i64 = 72 * 60 * 60 * 1000;

/// What the group was until its next attempt, or for ever.
struct Proof<'m> {
    group: &'static str,
    message: &'m Message,
    kind: &'static str,
    at: i64,
    attempts: usize,
}

/// Returns the two lists of the snapshot.
pub(super) fn json(traffic: &[Message]) -> String {
    let topics = GROUPS.iter().flat_map(|group| {
        let name = group.name;
        [
            topic_json(name, "SCHEDULE_TOPIC_XXXX", None),
            topic_json(name, &format!("%RETRY%{name}"), group.retries_prove_nothing),
            topic_json(name, &format!("%DLQ%{name}"), None),
        ]
    });
    let topics = lines(topics.collect::<Vec<_>>(), 2);
    let mut proofs: Vec<_> = traffic
        .iter()
        .filter(|message| matches!(message.role, Role::Asked | Role::NotAsked))
        .flat_map(proofs)
        .collect();
    proofs.sort_by_key(|proof| (proof.group, proof.at));
    let proofs = lines(proofs.iter().map(proof_json), 2);
    format!(" \"examined\":[{topics}],\n \"proofs\":[{proofs}]")
}

fn topic_json(group: &str, topic: &str, incomplete: Option<&str>) -> String {
    // What waits for its delivery is kept until then.
    let from = (!topic.starts_with("SCHEDULE"))
        .then(|| format!(r#""from":"{}","#, utc(millis(CAPTURED) - KEPT)));
    let from = from.unwrap_or_default();
    let to = utc(millis(CAPTURED) + 1_000);
    let incomplete = incomplete.map(|why| format!(r#","incomplete":"{why}""#));
    let incomplete = incomplete.unwrap_or_default();
    format!(r#"{{"group":"{group}","topic":"{topic}",{from}"to":"{to}"{incomplete}}}"#)
}

fn proof_json(proof: &Proof<'_>) -> String {
    let Proof {
        group,
        message: Message { msg_id, topic, .. },
        kind,
        at,
        attempts,
    } = proof;
    let at = utc(*at);
    format!(
        r#"{{"group":"{group}","kind":"{kind}","key":"{msg_id}","topic":"{topic}","at":"{at}","attempts":{attempts}}}"#
    )
}

/// Returns what the copies of a message prove.
fn proofs(message: &Message) -> Vec<Proof<'_>> {
    let mut proofs = Vec::new();
    if unreadable(message) {
        proofs.extend(failing(message, "GID_billing", BILLING_ATTEMPTS, i64::MAX));
    }
    if let Some(end) = carrier_failures(message) {
        proofs.extend(failing(message, "GID_shipping", usize::MAX, end));
    }
    proofs
}

/// Returns the copies of a message that fails in a group until an attempt after `end` succeeds, or until there were as
/// many attempts as the group makes.
fn failing<'m>(message: &'m Message, group: &'static str, most: usize, end: i64) -> Vec<Proof<'m>> {
    let proof = |kind, at, attempts| Proof {
        group,
        message,
        kind,
        at,
        attempts,
    };
    let mut proofs = Vec::new();
    let mut stored_at = message.stored_at + ATTEMPT;
    for (attempts, delay) in (1..).zip(DELAYS) {
        if attempts == most {
            proofs.push(proof("dead_lettered", stored_at, attempts));
            break;
        }
        let due_at = stored_at + delay * 1_000;
        if due_at > millis(CAPTURED) {
            proofs.push(proof("waiting", stored_at, attempts));
            break;
        }
        // The copy in the retry topic is stored when it is due, and delivered at once.
        proofs.push(proof("retried", due_at, attempts + 1));
        if due_at > end {
            break;
        }
        stored_at = due_at + ATTEMPT;
    }
    proofs
}
