use std::fmt::Write as _;
use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::exit::Advice;

const HEAD: &str =
    r#""schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2026-11-20T03:00:00Z""#;

/// Parses a snapshot with a valid head and the fields in `rest`.
fn parse(rest: &str) -> Result<ClusterState, SnapshotError> {
    let comma = if rest.is_empty() { "" } else { "," };
    read("c.json", format!("{{{HEAD}{comma}{rest}}}").as_bytes())
}

fn oddities(rest: &str) -> Vec<(&'static str, u64)> {
    let document = serde_json::from_str(&format!("{{{HEAD},{rest}}}")).unwrap();
    layout::lay_out(document).unwrap().1.counts()
}

#[test]
fn missing_lists_are_empty_and_unknown_fields_ignored() {
    let state = parse("").unwrap();
    assert_eq!(&*state.cluster, "demo");
    assert_eq!(state.instance_id, None);
    assert!(state.topics.is_empty() && state.messages.is_empty());
    assert_eq!(state.messages.copies("0A").count(), 0);

    let state = parse(r#""nodes":[{"x":1}],"topics":[{"topic":"orders","perm":6}]"#).unwrap();
    assert!(state.topics["orders"].groups.is_empty());
}

#[test]
fn compressed_snapshots_read_the_same() {
    let text = format!("{{{HEAD}}}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(
        text.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    for bytes in [gzip.finish().unwrap(), zstd] {
        assert_eq!(&*read("c", &*bytes).unwrap().cluster, "demo");
        let torn = read("c", &bytes[..bytes.len() - 1]).unwrap_err();
        assert!(matches!(torn, SnapshotError::Unreadable { .. }), "{torn}");
    }
}

#[test]
fn a_topics_groups_subscribe_to_it_or_hold_an_offset() {
    let state = parse(
        r#""topics":[{"topic":"orders"},{"topic":"payments"}],"groups":[
            {"group":"GID_c","online":true,"subscriptions":[{"topic":"orders"},{"topic":"%RETRY%GID_c"}]},
            {"group":"GID_a","online":false,"offsets":[{"topic":"orders","broker":"b","queue_id":0,"offset":7}]},
            {"group":"GID_b","online":true,"subscriptions":[{"topic":"orders","expression":"paid"}],
             "offsets":[{"topic":"orders","broker":"b","queue_id":0,"offset":8}]}]"#,
    )
    .unwrap();
    let groups = &state.topics["orders"].groups;
    let names: Vec<_> = groups.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["GID_a", "GID_b", "GID_c"]);
    let (_, b) = &groups[1];
    assert_eq!(b.offsets.get("b", 0), Some(&8));
    assert!(b.filter.admits(Some("paid")) && !b.filter.admits(None));
    assert!(state.topics["payments"].groups.is_empty());
}

#[test]
fn errors_name_the_file_the_place_and_what_was_expected() {
    for (text, place, says) in [
        ("", "c.json, line 1, column 0:", "EOF"),
        (
            "msg_id,topic\n",
            "c.json, line 1, column 1:",
            "expected value",
        ),
        ("[]", "line 1, column ", "expected a snapshot object"),
        ("{}", "line 1, column ", "missing field `schema`"),
        (
            "{\"schema\":\n\"x/9\"}",
            "line 2, column ",
            "schema is `x/9`, expected `ons-audit-snapshot/1`",
        ),
        (
            "{\"schema\":\"ons-audit/1\"}",
            "line 1, column ",
            "results file",
        ),
        (
            &format!("{{{HEAD},\n\"messages\":[{{\"msg_id\":7}}]}}"),
            "line 2, column ",
            "expected a string",
        ),
        (
            &format!("{{{HEAD},\n\"messages\":{{}}}}"),
            "line 2, column ",
            "expected a list of messages",
        ),
        (
            &format!("{{{HEAD},\n\"groups\":[{{\"group\":\"g\"}}]}}"),
            "line 2,",
            "missing field `online`",
        ),
        (&format!("{{{HEAD}}} x"), "line 1,", "trailing characters"),
        (
            &format!("{{{}}}", HEAD.replace("03:00:00Z", "3 am")),
            "line 1,",
            "is not a time such as",
        ),
    ] {
        let error = read("c.json", text.as_bytes()).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(place), "{message}, expected {place}");
        assert!(message.contains(says), "{message}, expected {says}");
        assert!(error.hint().unwrap().contains("samples/cluster.json"));
    }
}

#[test]
fn contradictions_are_errors() {
    let queue = |min, max| {
        format!(r#"{{"broker":"a","queue_id":0,"min_offset":{min},"max_offset":{max}}}"#)
    };
    let topic = |queues: &str| format!(r#""topics":[{{"topic":"t","queues":[{queues}]}}]"#);
    let group = |rest: &str| format!(r#""groups":[{{"group":"g","online":true,{rest}}}]"#);
    let offset = r#"{"topic":"t","broker":"a","queue_id":0,"offset":1}"#;
    for (rest, says) in [
        (
            r#""topics":[{"topic":"t"},{"topic":"t"}]"#.to_owned(),
            "topic t is listed twice",
        ),
        (
            topic(&format!("{0},{0}", queue(0, 9))),
            "queue 0 of topic t on a is listed twice",
        ),
        (topic(&queue(9, 8)), "min_offset 9 above max_offset 8"),
        (
            r#""groups":[{"group":"g","online":true},{"group":"g","online":false}]"#.to_owned(),
            "group g is listed twice",
        ),
        (
            group(r#""subscriptions":[{"topic":"t"},{"topic":"t"}]"#),
            "two subscriptions to topic t",
        ),
        (
            group(&format!(r#""offsets":[{offset},{offset}]"#)),
            "group g has two offsets for queue 0 of topic t on a",
        ),
    ] {
        let error = parse(&rest).unwrap_err();
        assert!(matches!(error, SnapshotError::Contradicts { .. }));
        assert!(error.to_string().contains(says), "{error}, expected {says}");
    }
}

#[test]
fn oddities_are_counted_not_fatal() {
    let odd = oddities(
        r#""brokers":["a"],
        "topics":[{"topic":"t","queues":[{"broker":"a","queue_id":0,"min_offset":0,"max_offset":9},
                                         {"broker":"z","queue_id":0,"min_offset":0,"max_offset":9}]}],
        "groups":[{"group":"g","online":true,"consume_type":"lite","message_model":"clustering",
                   "offsets":[{"topic":"t","broker":"a","queue_id":5,"offset":1},
                              {"topic":"t","broker":"a","queue_id":6,"offset":1},
                              {"topic":"%RETRY%g","broker":"a","queue_id":0,"offset":1}]}],
        "messages":[{"msg_id":"0A","topic":"t","broker":"a","queue_id":0,"queue_offset":1},
                    {"msg_id":"0A","topic":"t","broker":"z","queue_id":0,"queue_offset":1},
                    {"msg_id":"0B","topic":"t","broker":"a","queue_id":9,"queue_offset":1},
                    {"msg_id":"0C","topic":"u","broker":"a","queue_id":0,"queue_offset":1}]"#,
    );
    let counts: Vec<_> = odd
        .iter()
        .map(|(kind, count)| (kind.split(':').next().unwrap(), *count))
        .collect();
    assert_eq!(
        counts,
        [
            ("message IDs stored more than once", 1),
            ("messages of a topic that is not listed", 1),
            ("messages on a queue that their topic doesn't list", 1),
            ("offsets for a queue that its topic doesn't list", 2),
            ("online groups that consume in a way not known here", 1),
            ("queues on a broker that `brokers` doesn't list", 1),
        ]
    );
}

#[test]
fn a_million_messages_would_take_under_a_hundred_bytes_each() {
    let count = 1 << 12;
    let mut rest = r#""messages":["#.to_owned();
    for n in 0..count {
        let comma = if n == 0 { "" } else { "," };
        write!(rest, r#"{comma}{{"msg_id":"{n:032X}","topic":"orders","broker":"broker-a","queue_id":0,"queue_offset":{n},"tag":"paid"}}"#).unwrap();
    }
    let messages = parse(&format!("{rest}]")).unwrap().messages;
    assert!(
        messages.heap_bytes() / count < 100,
        "{} bytes",
        messages.heap_bytes()
    );
}

proptest! {
    #[test]
    fn every_message_is_found_where_it_was_put(
        places in prop::collection::btree_map("[0-9A-Fa-f]{1,4}", (0..3_u32, 0..50_u64, prop::option::of("[a-c]")), 0..60),
        stranger in "[0-9A-Fa-f]{1,4}",
    ) {
        let rows: Vec<_> = places.iter().map(|(id, (queue, offset, tag))| serde_json::json!({
            "msg_id": id, "topic": "orders", "broker": "a", "queue_id": queue, "queue_offset": offset, "tag": tag,
        })).collect();
        let messages = parse(&format!(r#""messages":{}"#, serde_json::Value::from(rows))).unwrap().messages;
        prop_assert_eq!(messages.len(), places.len());
        for (id, (queue_id, queue_offset, tag)) in &places {
            let found: Vec<_> = messages.copies(id).map(Stored::position).collect();
            let position = crate::message::Position {
                broker: "a".into(), queue_id: *queue_id, queue_offset: *queue_offset, tag: tag.as_deref().into(), store: None,
            };
            prop_assert_eq!(found, vec![position]);
        }
        prop_assert_eq!(messages.copies(&stranger).count(), usize::from(places.contains_key(&stranger)));
    }

    #[test]
    fn copies_come_oldest_first(mut times in prop::collection::vec((0..5_u8, 0..50_u64), 1..8)) {
        let rows: Vec<_> = times.iter().map(|(second, offset)| serde_json::json!({
            "msg_id": "0A", "topic": "orders", "broker": "a", "queue_id": 0, "queue_offset": offset,
            "stored_at": format!("2026-11-20T02:00:0{second}Z"),
        })).collect();
        let messages = parse(&format!(r#""messages":{}"#, serde_json::Value::from(rows))).unwrap().messages;
        let offsets: Vec<_> = messages.copies("0A").map(|copy| copy.position().queue_offset).collect();
        times.sort_unstable();
        prop_assert_eq!(offsets, times.into_iter().map(|(_, offset)| offset).collect::<Vec<_>>());
    }

    #[test]
    fn snapshot_like_text_never_panics_and_messages_are_found(
        parts in prop::collection::vec(prop::sample::select(vec![
            r#""brokers":["a"]"#, r#""topics":["#, r#"{"topic":"t","queues":["#, r#"{"topic":"t"}"#, "]", "}", ",",
            r#"{"broker":"a","queue_id":0,"min_offset":0,"max_offset":9}"#, r#""groups":["#, r#"{"group":"g","online":true"#,
            r#""offsets":[{"topic":"t","broker":"a","queue_id":0,"offset":18446744073709551615}]"#, r#""messages":["#,
            r#"{"msg_id":"","topic":"t","broker":"a","queue_id":4294967295,"queue_offset":0,"tag":""}"#,
            r#"{"msg_id":"0A","topic":"t","broker":"b","queue_id":0,"queue_offset":1,"stored_at":"-009999-01-02T00:00:00Z"}"#,
        ]), 0..24),
        whole: bool,
    ) {
        let text = parts.concat();
        let text = if whole { format!(r#""messages":[{}]"#, text.trim_matches(',')) } else { text };
        if let Ok(state) = parse(&text) {
            for stored in state.messages.iter() {
                prop_assert!(state.messages.copies(stored.msg_id()).any(|copy| copy.position() == stored.position()));
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read("c.json", &*bytes);
    }
}
