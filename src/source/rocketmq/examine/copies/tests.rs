use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::source::rocketmq::remoting::stored::MessageProperties;

/// Returns the copies in a file of captures (5.5.0), each with the unique key and the topic of its original.
fn captured(name: &str) -> Vec<(String, String, StoredMessage)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/processing");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let copies = text.split("\noriginal: topic ").skip(1).map(|copy| {
        let field = |name: &str| {
            let start = format!("{name} = ");
            let mut lines = copy.lines();
            let value = lines.find_map(|line| line.strip_prefix(&*start));
            value.unwrap_or_else(|| panic!("{name} in {copy}"))
        };
        let (topic, rest) = copy.split_once(", msgId ").unwrap();
        let (key, _) = rest.split_once(',').unwrap();
        let bytes = copy.lines().skip_while(|line| *line != "as bytes:").nth(1);
        let properties = bytes.unwrap().trim_start();
        let properties = properties
            .replace("\\x01", "\u{1}")
            .replace("\\x02", "\u{2}");
        let message = StoredMessage {
            queue_id: field("queue").parse().unwrap(),
            queue_offset: field("queueOffset").parse().unwrap(),
            sys_flag: field("sysFlag").parse().unwrap(),
            store_timestamp: field("stored").parse().unwrap(),
            reconsume_times: field("reconsumeTimes").parse().unwrap(),
            ..copy_of(field("topic"), &properties)
        };
        (key.to_owned(), topic.to_owned(), message)
    });
    copies.collect()
}

fn copy_of(topic: &str, properties: &str) -> StoredMessage {
    StoredMessage {
        size: 0,
        queue_id: 0,
        queue_offset: 7,
        physical_offset: 0,
        sys_flag: 0,
        born_timestamp: 0,
        born_host: "192.0.2.7:50680".parse().unwrap(),
        store_timestamp: 1_795_983_191_466,
        store_host: "192.0.2.1:10911".parse().unwrap(),
        reconsume_times: 2,
        body_crc: 0,
        body_length: 0,
        topic: topic.to_owned(),
        properties: MessageProperties::new(&properties.replace('=', "\u{1}").replace(' ', "\u{2}")),
    }
}

/// Shows a proof as `kind group topic attempts`.
fn show(proof: Option<&Proof>) -> String {
    proof.map_or_else(
        || "nothing".to_owned(),
        |proof| {
            let topic = proof.topic.as_deref().unwrap_or("-");
            format!(
                "{:?} {} {topic} {}",
                proof.kind, proof.group, proof.attempts
            )
        },
    )
}

fn committed(offset: Committed) -> HashMap<Queue, Committed> {
    [(("b".into(), 0), offset)].into()
}

#[expect(clippy::too_many_lines, reason = "one row a capture")]
#[test]
fn copies_of_a_real_cluster_prove_what_happened() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| Arc::from(*name))
            .collect::<BTreeSet<Arc<str>>>()
    };
    let groups = names(&[
        "g_fail",
        "g_fail_some",
        "g_order_fail",
        "g_once",
        "g_pop_fail",
        "g_retrying",
    ]);
    let topics = names(&["events", "orders", "payments"]);
    let delivered = [(("b".into(), 15), 0)].into();
    let (none, all) = (committed(Committed::At(0)), committed(Committed::At(167)));
    let group = |name: &str| groups.get(name).unwrap();
    let events = topics.get("events");
    let retries = |name, pop_topic, committed| Place::Retries {
        group: group(name),
        pop_topic,
        committed,
        is_read: true,
    };
    let schedule = Place::Schedule {
        delivered: &delivered,
        groups: &groups,
        topics: &topics,
    };
    let dead = |name| Place::DeadLetters { group: group(name) };
    let table = [
        (
            "dlq-concurrent.txt",
            dead("g_fail"),
            "DeadLettered g_fail events 3",
            "DeadLettered g_fail events 3",
        ),
        (
            "dlq-exception.txt",
            dead("g_fail_some"),
            "DeadLettered g_fail_some events 3",
            "DeadLettered g_fail_some orders 3",
        ),
        (
            "dlq-orderly.txt",
            dead("g_order_fail"),
            "DeadLettered g_order_fail payments 3",
            "DeadLettered g_order_fail payments 3",
        ),
        (
            "retry-concurrent.txt",
            retries("g_once", None, &all),
            "Retried g_once events 2",
            "Retried g_once events 2",
        ),
        (
            "retry-concurrent.txt",
            retries("g_once", None, &none),
            "Waiting g_once events 1",
            "Waiting g_once events 1",
        ),
        (
            "retry-pop.txt",
            retries("g_pop_fail", events, &all),
            "Retried g_pop_fail events 2",
            "Retried g_pop_fail events 3",
        ),
        (
            "schedule-pending.txt",
            schedule,
            "Waiting g_retrying events 1",
            "Waiting g_retrying events 1",
        ),
    ];
    for (name, place, first, second) in table {
        for ((key, topic, copy), expected) in captured(name).into_iter().zip([first, second]) {
            let keys: MessageKeys = [&*key].into_iter().collect();
            let found = proof((&place, i64::MAX), &"b".into(), &copy, &keys);
            assert_eq!(show(found.as_ref()), expected, "{name}");
            let found = found.unwrap();
            assert_eq!(
                (&*found.key, found.topic.as_deref()),
                (&*key, Some(&*topic))
            );
            assert_eq!(found.at.as_millisecond(), copy.store_timestamp);
            let others: MessageKeys = ["another"].into_iter().collect();
            assert_eq!(proof((&place, i64::MAX), &"b".into(), &copy, &others), None);
        }
    }
}

#[test]
fn the_committed_offset_tells_waiting_copies_from_those_that_were_passed() {
    let keys: MessageKeys = ["K"].into_iter().collect();
    let group = "g".into();
    let copy = copy_of("%RETRY%g", "UNIQ_KEY=K RETRY_TOPIC=t "); // at offset 7
    let table = [
        (Committed::At(7), 9, true, ProofKind::Waiting),
        (Committed::At(8), 9, true, ProofKind::Retried),
        (Committed::Never, 9, true, ProofKind::Waiting),
        (Committed::Unknown, 9, true, ProofKind::Retried),
        // Past the end, it proves nothing; and clients that broadcast read no retry topic.
        (Committed::At(3), 2, true, ProofKind::Retried),
        (Committed::At(7), 9, false, ProofKind::Retried),
    ];
    for (offset, end, is_read, kind) in table {
        let committed = committed(offset);
        let place = Place::Retries {
            group: &group,
            pop_topic: None,
            committed: &committed,
            is_read,
        };
        let found = proof((&place, end), &"b".into(), &copy, &keys).unwrap();
        assert_eq!(found.kind, kind, "{offset:?} of {end}, {is_read}");
        // The offset of another broker says nothing.
        let elsewhere = proof((&place, end), &"c".into(), &copy, &keys).unwrap();
        assert_eq!(elsewhere.kind, ProofKind::Retried);
    }
}

#[test]
fn a_waiting_copy_belongs_to_the_group_that_its_topic_names() {
    let names = |names: &str| {
        names
            .split(' ')
            .map(Arc::from)
            .collect::<BTreeSet<Arc<str>>>()
    };
    let (groups, topics) = (names("a a_b a+b MQ_INST_1%g"), names("b b_c t"));
    let delivered = [(("b".into(), 0), 7)].into();
    let place = Place::Schedule {
        delivered: &delivered,
        groups: &groups,
        topics: &topics,
    };
    let table = [
        ("REAL_TOPIC=%RETRY%a RETRY_TOPIC=t ", "Waiting a t 2"),
        (
            "REAL_TOPIC=%RETRY%MQ_INST_1%g RETRY_TOPIC=MQ_INST_1%t ",
            "Waiting MQ_INST_1%g MQ_INST_1%t 2",
        ),
        // The name is that of a group, and that of another group's retries of a topic.
        ("REAL_TOPIC=%RETRY%a_b RETRY_TOPIC=t ", "Waiting a_b t 2"),
        ("REAL_TOPIC=%RETRY%a_b ORIGIN_GROUP=a ", "Waiting a b 2"),
        ("REAL_TOPIC=%RETRY%a_b ORIGIN_GROUP=a_b ", "Waiting a_b - 2"),
        ("REAL_TOPIC=%RETRY%a+b_c ", "Waiting a b_c 2"),
        (
            "REAL_TOPIC=%RETRY%a_b_t ORIGIN_GROUP=a_b ",
            "Waiting a_b t 2",
        ),
        ("REAL_TOPIC=%RETRY%a_b_c ORIGIN_GROUP=a_b ", "nothing"), // c is no topic
        // Dead letters of ordered consumers (4.9), with the number of retries.
        (
            "REAL_TOPIC=%DLQ%a RETRY_TOPIC=t MAX_RECONSUME_TIMES=2 ",
            "DeadLettered a t 3",
        ),
        (
            "REAL_TOPIC=%DLQ%a RETRY_TOPIC=t MAX_RECONSUME_TIMES=1 ",
            "DeadLettered a t 2",
        ),
        ("REAL_TOPIC=%DLQ%x RETRY_TOPIC=t ", "nothing"),
        ("REAL_TOPIC=%RETRY%x RETRY_TOPIC=t ", "nothing"),
        ("REAL_TOPIC=orders ", "nothing"), // a user's delayed message
        ("", "nothing"),
    ];
    let keys: MessageKeys = ["K"].into_iter().collect();
    for (properties, expected) in table {
        let copy = copy_of("SCHEDULE_TOPIC_XXXX", &format!("UNIQ_KEY=K {properties}"));
        let found = proof((&place, 9), &"b".into(), &copy, &keys);
        assert_eq!(show(found.as_ref()), expected, "{properties}");
        let delivered = StoredMessage {
            queue_offset: 6,
            ..copy
        };
        assert_eq!(proof((&place, 9), &"b".into(), &delivered, &keys), None);
    }
}

#[test]
fn a_copy_names_its_message_by_the_unique_key_or_else_by_the_original() {
    let keys: MessageKeys = ["K"].into_iter().collect();
    let group = "a".into();
    let dead = Place::DeadLetters { group: &group };
    let table = [
        ("UNIQ_KEY=K RETRY_TOPIC=t ", "DeadLettered a t 2"),
        ("ORIGIN_MESSAGE_ID=K RETRY_TOPIC=t ", "DeadLettered a t 2"),
        (
            "UNIQ_KEY=other ORIGIN_MESSAGE_ID=K RETRY_TOPIC=t ",
            "nothing",
        ),
        ("UNIQ_KEY= ORIGIN_MESSAGE_ID=K ", "DeadLettered a - 2"),
        // Forwarded by a proxy: it names the topic that the retry stood in.
        (
            "UNIQ_KEY=K RETRY_TOPIC=%RETRY%a_t_1 ",
            "DeadLettered a t_1 2",
        ),
        ("UNIQ_KEY=K RETRY_TOPIC=%RETRY%a+t ", "DeadLettered a t 2"),
        ("UNIQ_KEY=K RETRY_TOPIC=%RETRY%a ", "DeadLettered a - 2"),
        ("", "nothing"),
    ];
    for (properties, expected) in table {
        let copy = copy_of("%DLQ%a", properties);
        let found = proof((&dead, 9), &"b".into(), &copy, &keys);
        assert_eq!(show(found.as_ref()), expected, "{properties}");
    }
}

#[test]
fn a_retry_topic_with_two_meanings_is_read_for_both_groups() {
    let keys: MessageKeys = ["K"].into_iter().collect();
    let (pop, push, topic) = ("a".into(), "a_b".into(), "b".into());
    let all = committed(Committed::At(9));
    let of = |group, pop_topic| Place::Retries {
        group,
        pop_topic,
        committed: &all,
        is_read: true,
    };
    let table = [
        ("ORIGIN_GROUP=a 1ST_POP_TIME=1 ", "Retried a b 3", "nothing"),
        ("1ST_POP_TIME=1 ", "Retried a b 3", "Retried a_b - 3"),
        ("RETRY_TOPIC=t ", "nothing", "Retried a_b t 3"),
        // An application has sent a retry of another group again.
        (
            "RETRY_TOPIC=t ORIGIN_GROUP=z ",
            "nothing",
            "Retried a_b t 3",
        ),
    ];
    for (properties, by_pop, by_push) in table {
        let copy = copy_of("%RETRY%a_b", &format!("UNIQ_KEY=K {properties}"));
        let found = |place: Place<'_>| show(proof((&place, 9), &"b".into(), &copy, &keys).as_ref());
        assert_eq!(found(of(&pop, Some(&topic))), by_pop, "{properties}");
        assert_eq!(found(of(&push, None)), by_push, "{properties}");
    }
}

proptest! {
    #[test]
    fn no_properties_make_it_panic(text in "(UNIQ_KEY=K )?([A-Z_]{1,12}=[%_+a-zA-Z0-9-]{0,12} ){0,6}", times: i32, at: i64) {
        let keys: MessageKeys = ["K"].into_iter().collect();
        let group = "a".into();
        let copy = StoredMessage { reconsume_times: times, store_timestamp: at, ..copy_of("%DLQ%a", &text) };
        let _ = proof((&Place::DeadLetters { group: &group }, 9), &"b".into(), &copy, &keys);
    }
}
