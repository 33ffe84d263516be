//! What an examination of a cluster finds beyond the offsets, and what it costs.

use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ons_audit::engine::Pacer;
use ons_audit::evidence::{Examination, ExaminedTopic, FailureReason, MessageKeys, Proof};
use ons_audit::source::rocketmq::remoting::{Remoting, RemotingOptions};
use ons_audit::source::rocketmq::{self as source, ClusterConfig, ExamineRequest, GroupToExamine};

use super::cluster::{Cluster, Group, Lie, Message, State, key};
use super::{audit, input};
use crate::tool::Tool;

/// When the messages and their copies were stored.
const STORED: i64 = 1_763_600_000_000;

/// Examines groups for messages of `orders` and returns what was found.
fn examine(cluster: &Cluster, groups: &[&str], keys: &[String], limit: u64) -> Examination {
    examine_with(cluster, groups, keys, (limit, None))
}

/// Also reads a topic with trace records.
fn examine_with(
    cluster: &Cluster,
    groups: &[&str],
    keys: &[String],
    (limit, trace_topic): (u64, Option<&str>),
) -> Examination {
    let address = cluster.source();
    let servers = address.trim_start_matches("rocketmq://").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let reader = source::Cluster::new(ClusterConfig {
            remoting: Remoting::new(servers, RemotingOptions::default()),
            clock: || "2026-11-22T12:00:00Z".parse().unwrap(),
        });
        let topics = BTreeSet::from([(None, Arc::from("orders"))]);
        let document = reader.capture(&topics).await.unwrap();
        let pacer = Pacer::new("1000000/s".parse().unwrap(), NonZeroU32::new(1000).unwrap());
        let request = ExamineRequest {
            groups: groups
                .iter()
                .map(|group| GroupToExamine {
                    group: (*group).into(),
                    messages: keys.len() as u64,
                })
                .collect(),
            keys: &keys.iter().map(String::as_str).collect::<MessageKeys>(),
            since: Timestamp::from_millisecond(STORED - 300_000).ok(),
            limit,
            trace_topic: trace_topic.map(Into::into),
            keys_of: &|_| Ok(keys.iter().map(|key| key.as_str().into()).collect()),
        };
        reader.examine(&document, &request, &pacer).await
    })
}

/// Shows proofs as `kind group nth topic attempts`.
fn proofs(found: &Examination) -> Vec<String> {
    let shown = found.proofs.iter().map(|proof| {
        let nth = (0..100).find(|nth| *key(*nth) == *proof.key).unwrap();
        let topic = proof.topic.as_deref().unwrap_or("-");
        format!(
            "{:?} {} {nth} {topic} {}",
            proof.kind, proof.group, proof.attempts
        )
    });
    shown.collect()
}

fn topic<'e>(found: &'e Examination, group: &str, topic: &str) -> &'e ExaminedTopic {
    let mut topics = found.topics.iter();
    let is_it = |examined: &&ExaminedTopic| *examined.group == *group && *examined.topic == *topic;
    topics
        .find(is_it)
        .unwrap_or_else(|| panic!("{topic} of {group} in {:?}", found.topics))
}

fn why<'e>(found: &'e Examination, group: &str, name: &str) -> &'e str {
    topic(found, group, name)
        .incomplete
        .as_deref()
        .unwrap_or("complete")
}

/// Eight messages. Of `GID_a`, four have copies in every state.
pub(super) fn state() -> State {
    let message = Message::nth;
    let waiting = Message {
        queue_id: 15,
        properties: vec![
            ("RETRY_TOPIC", "orders".to_owned()),
            ("REAL_TOPIC", "%RETRY%GID_a".to_owned()),
        ],
        ..message(2).copied("SCHEDULE_TOPIC_XXXX", 1, 1)
    };
    let delivered = Message {
        queue_offset: 0,
        key: key(3),
        ..waiting.clone()
    };
    let copies = [
        message(0).copied("%DLQ%GID_a", 0, 3),
        message(1).copied("%RETRY%GID_a", 0, 1), // passed
        message(0).copied("%RETRY%GID_a", 1, 2), // passed
        message(4).copied("%RETRY%GID_a", 2, 1), // not passed
        waiting,
        delivered,
        message(60).copied("%DLQ%GID_a", 1, 3), // of another message
    ];
    let mut group = Group::push(2);
    group.offsets.insert("%RETRY%GID_a".to_owned(), 2);
    let groups = [("GID_a", group), ("GID_clean", Group::push(2))];
    State {
        messages: (0..8).map(message).chain(copies).collect(),
        groups: groups.map(|(name, group)| (name.to_owned(), group)).into(),
        delivered: [(16, 1)].into(),
        ..State::default()
    }
}

fn keys() -> Vec<String> {
    (0..8).map(key).collect()
}

const FOUND: [&str; 5] = [
    "DeadLettered GID_a 0 orders 3",
    "Retried GID_a 0 orders 3",
    "Retried GID_a 1 orders 2",
    "Waiting GID_a 2 orders 1",
    "Waiting GID_a 4 orders 1",
];

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn dead_letters_and_retries_are_found_in_their_topics() {
    let cluster = Cluster::start(state());
    let found = examine(&cluster, &["GID_a", "GID_clean"], &keys(), 1000);
    assert_eq!(sorted(proofs(&found)), FOUND);
    for group in ["GID_a", "GID_clean"] {
        let topics = [
            "SCHEDULE_TOPIC_XXXX".to_owned(),
            format!("%RETRY%{group}"),
            format!("%DLQ%{group}"),
        ];
        for name in topics {
            let topic = topic(&found, group, &name);
            assert_eq!(
                (topic.from, topic.incomplete.as_deref()),
                (None, None),
                "{name}"
            );
        }
    }
    let calls = cluster.calls();
    assert_eq!(calls.get(&12), None, "nothing is looked up: {calls:?}");
    assert!(found.calls < 200, "{}", found.calls);
}

#[test]
fn what_can_be_missing_is_dated() {
    let at = |millis| Timestamp::from_millisecond(millis).ok();
    let table = [
        // earliest message of the brokers, first offset of the queues, from when on copies are there
        (Some(STORED - 900_000), 1, at(STORED - 900_000)),
        (Some(STORED + 7), 1, at(STORED + 7)),
        (None, 1, at(STORED + 3_600_004)), // the time of the first copy that is there
        (None, 0, None),
    ];
    for (earliest, min_offset, from) in table {
        let mut state = state();
        state.earliest = earliest;
        state.min_offset = min_offset;
        // All queues of the topic have copies, so that each has a first one.
        let copies = (0..4).flat_map(|place: u32| {
            (0..2).map(move |offset| Message {
                queue_id: place % 2,
                broker: usize::from(place >= 2),
                stored_at: STORED + 3_600_000 + i64::from(place) + i64::from(min_offset == 1),
                ..Message::nth(50).copied("%DLQ%GID_clean", offset, 3)
            })
        });
        state.messages.extend(copies);
        let cluster = Cluster::start(state);
        let found = examine(&cluster, &["GID_clean"], &keys(), 1000);
        let topic = topic(&found, "GID_clean", "%DLQ%GID_clean");
        assert_eq!(
            (topic.from, topic.incomplete.as_deref()),
            (from, None),
            "{earliest:?} {min_offset}"
        );
    }
}

#[test]
fn a_topic_that_cannot_be_pulled_is_looked_up() {
    let refuse: Lie = |asked| {
        let is_pull = asked.code == 11 && asked.fields["topic"].starts_with("%DLQ%");
        is_pull
            .then(|| vec![asked.refuse(16, "the topic[%DLQ%GID_a] pulling message is forbidden")])
    };
    let mut refusing = state();
    refusing.lie = Some(refuse);
    let cluster = Cluster::start(refusing);
    let found = examine(&cluster, &["GID_a"], &keys(), 1000);
    assert_eq!(sorted(proofs(&found)), FOUND);
    assert_eq!(why(&found, "GID_a", "%DLQ%GID_a"), "complete");
    assert_eq!(cluster.calls()[&12], 16, "eight messages at two brokers");

    // Too many messages for the limit: it is named, and everything else is found.
    let many: Vec<_> = (0..3000).map(key).collect();
    let found = examine(&cluster, &["GID_a"], &many, 1000);
    assert_eq!(sorted(proofs(&found)), FOUND[1..]);
    let why = why(&found, "GID_a", "%DLQ%GID_a");
    assert!(
        why.ends_with("refuses PULL_MESSAGE: the topic[%DLQ%GID_a] pulling message is forbidden"),
        "{why}"
    );
}

fn is_examining(code: i64) -> bool {
    matches!(code, 11 | 12 | 29 | 45 | 201)
}

#[test]
fn refusals_and_failures_are_named_and_end_nothing() {
    let codes = [11, 12, 14, 28, 29, 30, 31, 45, 201];
    let lies: [(Lie, &str); 3] = [
        (
            |asked| {
                Some(vec![asked.refuse(16, "no permission")]).filter(|_| is_examining(asked.code))
            },
            "no permission",
        ),
        (
            |asked| {
                Some(vec![asked.refuse(1, "AclException: no")]).filter(|_| is_examining(asked.code))
            },
            "AclException",
        ),
        (
            |asked| Some(vec![asked.ok("nonsense")]).filter(|_| is_examining(asked.code)),
            "can't be read",
        ),
    ];
    assert!(codes.iter().filter(|code| is_examining(**code)).count() == 5);
    for (lie, says) in lies {
        let mut lying = state();
        lying.lie = Some(lie);
        let cluster = Cluster::start(lying);
        let found = examine(&cluster, &["GID_a"], &keys(), 1000);
        assert_eq!(proofs(&found), [""; 0]);
        for name in ["SCHEDULE_TOPIC_XXXX", "%RETRY%GID_a", "%DLQ%GID_a"] {
            let why = why(&found, "GID_a", name);
            assert!(why.contains(says), "{name}: {why}");
        }
    }
}

#[test]
fn the_cheaper_way_is_taken_within_the_limit() {
    // 4,000 copies of other messages: 125 pulls, or 8 messages at 2 brokers.
    let mut crowded = state();
    crowded
        .messages
        .extend((2..4000).map(|offset| Message::nth(70).copied("%DLQ%GID_a", offset, 3)));
    let cluster = Cluster::start(crowded);
    let found = examine(&cluster, &["GID_a"], &keys(), 1000);
    assert_eq!(sorted(proofs(&found)), FOUND);
    assert_eq!(cluster.calls()[&12], 16);

    // Pulls are cheaper than look-ups of 100 messages, but both are too many.
    let many: Vec<_> = (0..100).map(key).collect();
    let cluster = Cluster::start(State {
        messages: cluster_messages(),
        ..state()
    });
    let found = examine(&cluster, &["GID_a"], &many, 1000);
    assert_eq!(why(&found, "GID_a", "%DLQ%GID_a"), "complete");
    let found = examine(&cluster, &["GID_a"], &many, 110);
    let why = why(&found, "GID_a", "%DLQ%GID_a");
    assert_eq!(why, "3,966 copies, more than --examine-limit allows");
    assert!(found.calls <= 110, "{}", found.calls);
}

fn cluster_messages() -> Vec<Message> {
    let mut messages = state().messages;
    messages.extend((2..4000).map(|offset| Message::nth(70).copied("%DLQ%GID_a", offset, 3)));
    messages
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn an_absent_retry_proves_nothing_about_some_groups() {
    let with = |online| Group {
        online: Some(online),
        ..Group::push(2)
    };
    let table = [
        ("push", Group::push(2), "complete"),
        (
            "offline",
            Group {
                offsets: [("orders".to_owned(), 2), ("%RETRY%offline".to_owned(), 0)].into(),
                ..Group::offline(2)
            },
            "complete",
        ),
        (
            "retryless",
            Group::offline(2),
            "the group is offline and never read a retry topic",
        ),
        (
            "broadcast",
            with(("CONSUME_PASSIVELY", "BROADCASTING")),
            "broadcasting",
        ),
        (
            "pull",
            with(("CONSUME_ACTIVELY", "CLUSTERING")),
            "a pull consumer",
        ),
        ("pop", with(("CONSUME_POP", "CLUSTERING")), "POP"),
        (
            "other",
            with(("CONSUME_LITE", "CLUSTERING")),
            "the way in which the group consumes",
        ),
        (
            "homeless",
            Group {
                homeless: true,
                ..Group::offline(2)
            },
            "the group is offline and never read a retry topic",
        ),
        (
            "drops",
            Group {
                without_retries: true,
                ..Group::push(2)
            },
            "retryQueueNums is 0",
        ),
    ];
    let groups = table
        .iter()
        .map(|(name, group, _)| ((*name).to_owned(), group.clone()));
    let mut messages: Vec<_> = (0..8).map(Message::nth).collect();
    let pop_retry = Message {
        properties: vec![
            ("ORIGIN_GROUP", "pop".to_owned()),
            ("1ST_POP_TIME", "1".to_owned()),
        ],
        ..Message::nth(5).copied("%RETRY%pop_orders", 0, 1)
    };
    // Where clients broadcast, nobody reads the retry topic: the copy does not wait.
    messages.extend([pop_retry, Message::nth(1).copied("%RETRY%broadcast", 0, 1)]);
    let cluster = Cluster::start(State {
        groups: groups.collect(),
        messages,
        ..State::default()
    });
    let names: Vec<_> = table.iter().map(|(name, ..)| *name).collect();
    let found = examine(&cluster, &names, &keys(), 2000);
    for (name, _, expected) in &table {
        let why = why(&found, name, &format!("%RETRY%{name}"));
        assert!(why.starts_with(expected), "{name}: {why}");
    }
    assert_eq!(
        sorted(proofs(&found)),
        ["Retried broadcast 1 orders 2", "Waiting pop 5 orders 1"]
    );
    assert_eq!(why(&found, "pop", "%RETRY%pop_orders"), "complete");
}

#[test]
fn a_broker_that_is_away_is_named() {
    let cluster = Cluster::start(state());
    cluster.change(|state| {
        state.forgotten.insert("broker-b".to_owned());
        state.keeps_queues = true;
    });
    let found = examine(&cluster, &["GID_a"], &keys(), 1000);
    for name in ["SCHEDULE_TOPIC_XXXX", "%RETRY%GID_a", "%DLQ%GID_a"] {
        let why = why(&found, "GID_a", name);
        assert!(why.starts_with("broker-b can't be asked"), "{name}: {why}");
    }
    assert_eq!(proofs(&found).len(), 4, "the copies on broker-a");
}

#[test]
fn groups_that_are_not_asked_about_cost_no_call() {
    let calls = |others: u32| {
        let mut state = state();
        state.topics.insert("%DLQ%GID_clean".to_owned());
        for nth in 0..others {
            let name = format!("GID_{nth:03}");
            state.topics.insert(format!("%DLQ%{name}"));
            let mut group = Group::push(2);
            group.subscriptions = vec![("refunds", "*", "TAG")];
            group.offsets = [("refunds".to_owned(), 2)].into();
            state.groups.insert(name, group);
        }
        let cluster = Cluster::start(state);
        let found = examine(&cluster, &["GID_a", "GID_clean"], &keys(), 1000);
        (found.calls, cluster.calls())
    };
    assert_eq!(calls(0), calls(495));
}

/// 20,000 messages at four brokers, five groups that have passed all of them, and 10,000 copies of other messages.
fn large() -> State {
    const COPIES: u64 = 10_000 / (5 * 2 * 4);
    let place = |nth: u64| Message {
        broker: usize::try_from(nth / 2 % 4).unwrap(),
        queue_id: u32::try_from(nth % 2).unwrap(),
        queue_offset: nth / 8,
        ..Message::nth(nth)
    };
    let mut state = State {
        messages: (0..20_000).map(place).collect(),
        more_brokers: 2,
        ..State::default()
    };
    for name in FIVE {
        let mut group = Group::push(2500);
        group.offsets.insert(format!("%RETRY%{name}"), COPIES);
        state.groups.insert(name.to_owned(), group);
        let topics = ["%DLQ%", "%RETRY%"].map(|prefix| format!("{prefix}{name}"));
        for (topic, broker) in topics
            .iter()
            .flat_map(|topic| (0..4).map(move |at| (topic, at)))
        {
            state.messages.extend((0..COPIES).map(|offset| Message {
                broker,
                ..Message::nth(70_000).copied(topic, offset, 3)
            }));
        }
    }
    state
}

const FIVE: [&str; 5] = ["GID_0", "GID_1", "GID_2", "GID_3", "GID_4"];

#[test]
fn the_cost_depends_on_the_copies_not_on_the_messages() {
    let cluster = Cluster::start(large());
    let keys: Vec<_> = (0..20_000).map(key).collect();
    let found = examine(&cluster, &FIVE, &keys, 20_000);
    assert!(
        found.topics.iter().all(|topic| topic.incomplete.is_none()),
        "{:?}",
        found.topics
    );
    // 10,000 copies take 320 pulls. The rest is two calls for each queue.
    assert!(found.calls <= 1000, "{}", found.calls);
    assert_eq!(cluster.calls().get(&12), None, "{:?}", cluster.calls());
}

/// A message with trace records of deliveries of a message to `GID_a`, one a line: `NUMBER SUCCESS CODE`.
fn trace(nth: u64, records: &str, place: u64) -> Message {
    let key = key(nth);
    let mut body = String::new();
    for record in records.lines() {
        let [request, success, code] =
            <[&str; 3]>::try_from(record.split(' ').collect::<Vec<_>>()).unwrap();
        let at = STORED + request.parse::<i64>().unwrap();
        let before = [
            "SubBefore",
            &at.to_string(),
            "r",
            "GID_a",
            request,
            &key,
            "0",
            "null",
        ];
        let after = [
            "SubAfter",
            request,
            &key,
            "0",
            success,
            "null",
            code,
            &at.to_string(),
            "GID_a",
        ];
        for fields in [&before[..], &after[..]] {
            body.push_str(&fields.join("\u{1}"));
            body.push('\u{2}');
        }
    }
    Message {
        properties: vec![("KEYS", format!("other {key}"))],
        body: body.into_bytes(),
        queue_offset: place,
        stored_at: STORED + 60_000 * i64::try_from(place).unwrap(),
        broker: 0,
        ..Message::nth(90_000 + place).copied("traces", place, 0)
    }
}

/// The same message with a compressed body.
fn compressed(message: Message) -> Message {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&message.body).unwrap();
    Message {
        body: encoder.finish().unwrap(),
        system_flag: 769, // zlib, as clients of 5.5 write it
        ..message
    }
}

/// Shows what clients have reported about a message: `kind reason`, by time.
fn reports(found: &Examination, nth: u64) -> Vec<String> {
    let proofs = found.proofs.iter().filter(|proof| *proof.key == key(nth));
    let reports = proofs.filter(|proof| proof.host.is_some());
    let reason = |proof: &Proof| proof.reason.map_or("-", FailureReason::as_str);
    reports
        .map(|proof| format!("{:?} {}", proof.kind, reason(proof)))
        .collect()
}

#[test]
fn trace_records_are_read_by_pulling_their_topic_or_by_look_ups() {
    let records = [
        trace(5, "1 false 2\n2 true 0", 0),
        compressed(trace(6, "3 false 4", 1)),
        trace(70, "4 true 0", 2), // of another message
    ];
    let mut few = state();
    few.messages.extend(records.iter().cloned());
    let mut many = few.clone();
    let others = (3..2000).map(|place| trace(80, "5 true 0", place));
    many.messages.extend(others);
    for (state, looked_up) in [(few, None), (many, Some(16))] {
        let cluster = Cluster::start(state);
        let found = examine_with(&cluster, &["GID_a"], &keys(), (1000, Some("traces")));
        assert_eq!(why(&found, "GID_a", "traces"), "complete");
        assert_eq!(reports(&found, 5), ["Failed exception", "Succeeded -"]);
        assert_eq!(reports(&found, 6), ["Failed later"]);
        assert_eq!(
            cluster.calls().get(&12).copied(),
            looked_up,
            "8 messages, 2 brokers"
        );
        let none = examine_with(&cluster, &["GID_a"], &keys(), (1000, Some("nowhere")));
        assert_eq!(
            why(&none, "GID_a", "nowhere"),
            "the cluster has no topic nowhere"
        );
    }
}

#[test]
fn an_answer_about_traces_that_is_cut_is_asked_for_in_parts() {
    // A message of which 120 messages name a delivery, so that a look-up returns the newest 64. The oldest 32 are pulled.
    let mut crowded = state();
    crowded
        .messages
        .extend((0..120).map(|place| compressed(trace(5, &format!("{place} false 1"), place))));
    crowded
        .messages
        .extend((120..2000).map(|place| trace(80, "5 true 0", place)));
    let cluster = Cluster::start(crowded);
    let found = examine_with(&cluster, &["GID_a"], &keys(), (1000, Some("traces")));
    assert_eq!(reports(&found, 5), ["Failed timeout"; 120]);
    assert_eq!(why(&found, "GID_a", "traces"), "complete");
    let calls = cluster.calls()[&12];
    assert!((20..60).contains(&calls), "{calls}");

    // All at the same time: no span of time is short enough.
    cluster.change(|state| {
        let traces = state
            .messages
            .iter_mut()
            .filter(|message| message.topic == "traces");
        traces.for_each(|message| message.stored_at = STORED);
    });
    let found = examine_with(&cluster, &["GID_a"], &keys(), (1000, Some("traces")));
    assert_eq!(
        why(&found, "GID_a", "traces"),
        "a broker returns only some of the copies of a message"
    );
    assert_eq!(reports(&found, 5).len(), 64);
}

#[test]
fn a_body_of_an_unknown_compression_is_counted() {
    let mut state = state();
    let lz4 = Message {
        system_flag: 0x101,
        ..trace(6, "3 false 4", 1)
    };
    state.messages.extend([trace(5, "1 true 0", 0), lz4]);
    let cluster = Cluster::start(state);
    let found = examine_with(&cluster, &["GID_a"], &keys(), (1000, Some("traces")));
    assert_eq!(reports(&found, 5), ["Succeeded -"]);
    let why = why(&found, "GID_a", "traces");
    assert_eq!(
        why,
        "the compression of 1 message with trace records is unknown or damaged"
    );
}

#[test]
fn an_audit_judges_by_what_clients_have_reported() {
    let (tool, mut state) = (Tool::new(), state());
    state.messages.extend([
        trace(5, "1 false 2\n2 true 0", 0),
        compressed(trace(6, "3 false 4", 1)),
    ]);
    let cluster = Cluster::start(state);
    tool.write(
        "in.csv",
        input(
            "msg_id,topic",
            [5, 6, 7].map(|nth| format!("{},orders", key(nth))),
        ),
    );
    let rows = audit(
        &tool,
        &cluster,
        "--exit-zero --examine failures,traces --trace-topic traces",
        0,
    );
    let shown = rows
        .iter()
        .filter(|row| row["group"] == "GID_a")
        .map(|row| {
            let columns = [
                "verdict",
                "evidence",
                "attempts_seen",
                "evidence_host",
                "evidence_note",
            ];
            columns.map(|column| &*row[column]).join(",")
        });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "passed,trace,1,127.0.0.1,",
            "failed,,1,127.0.0.1,later",
            "passed,no_failure,,,"
        ]
    );
}

#[test]
fn an_id_of_another_zone_hides_no_copy() {
    let cluster = Cluster::start(state());
    let tool = Tool::new();
    let columns = "msg_id,topic,broker,queue_id,queue_offset,tag";
    // Its position is given, so the cluster is not asked about the message, and only its ID says when it was born.
    tool.write(
        "in.csv",
        input(columns, [format!("{},orders,broker-a,0,1,paid", key(4))]),
    );
    let clean = || {
        let rows = audit(&tool, &cluster, "--exit-zero", 0);
        rows.into_iter()
            .find(|row| row["group"] == "GID_clean")
            .unwrap()
    };
    let first = clean();
    assert_eq!(first["evidence"], "no_failure");
    let born: Timestamp = first["born_at"].parse().unwrap();
    let of_zone = born - SignedDuration::from_hours(8);

    // Copies of this age are deleted.
    cluster.change(|state| {
        state.earliest = Some(of_zone.as_millisecond() + 1000);
        state.min_offset = 1;
    });
    let row = clean();
    assert_eq!((&*row["verdict"], &*row["evidence"]), ("passed", "offset"));
    assert_eq!(
        row["evidence_note"],
        "not examined: copies of this age are deleted"
    );

    // A copy was stored right after the message was born.
    cluster.change(|state| {
        state.earliest = None;
        state.min_offset = 0;
        state.messages.extend([
            Message {
                stored_at: of_zone.as_millisecond() + 1000,
                ..Message::nth(4).copied("%DLQ%GID_clean", 0, 3)
            },
            Message {
                stored_at: born.as_millisecond() + 1000,
                ..Message::nth(60).copied("%DLQ%GID_clean", 1, 3)
            },
        ]);
    });
    assert_eq!(clean()["verdict"], "dead_lettered");
}
