//! A server that answers wrongly: the audit says what is wrong, judges nothing by it, and stays small.

use super::super::broker::{Asked, Step, frame};
use serde_json::json;

use super::cluster::{Cluster, Lie, key};
use super::{keys, of, state};
use crate::tool::{Row, Said, Tool, released, table};

/// Returns the most memory that an audit may use, in MiB. A debug build has 20 MiB more code in memory than a release
/// build, and its figures vary with the load of the machine. A release build needs 25 MiB for honest servers. The most is
/// needed by a topic list of 16 MiB, which an audit reads three times: 49 MiB, or 66 if the memory of the list before is not
/// returned yet. These figures are older than the features `parquet` and `redis`; 4 MiB are allowed for their code.
fn most_mib() -> u64 {
    released().map_or(96, |_| 72)
}

const MIB: usize = 1024 * 1024;

/// Audits the messages of [`state`] at servers that lie.
fn audit(lie: Lie, status: i32) -> (Said, Vec<Row>) {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    cluster.change(|state| state.lie = Some(lie));
    tool.write("in.csv", keys((0..8).map(key)));
    let call = tool.call("audit in.csv -o out.csv --max-attempts 1 --source");
    let said = call.arg(&cluster.source()).ends(status);
    let rows = tool.has("out.csv").then(|| table(&tool.read("out.csv")));
    (said, rows.unwrap_or_default())
}

/// Returns the start of a frame that is announced with these lengths.
fn announced(length: u32, head: u32) -> Vec<Step> {
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(head.to_be_bytes());
    bytes.extend(br#"{"code":0,"flag":1,"opaque":1}"#);
    vec![Step::Write(bytes)]
}

/// Returns a response of exactly `length` bytes: a body of `start`, repeated `item`s and `end`.
fn filled(asked: &Asked, length: usize, [start, item, end]: [&str; 3]) -> Vec<Step> {
    let Step::Write(empty) = asked.ok("") else {
        unreachable!("a response is written")
    };
    let room = length + 4 - empty.len() - start.len() - end.len();
    let mut body = start.to_owned() + &item.repeat(room / item.len());
    body.pop(); // the comma behind the last item
    body += end;
    vec![asked.ok(body)]
}

#[test]
fn name_servers_with_wrong_frames_are_refused() {
    let cases: [(Lie, &str); 6] = [
        (
            |asked| {
                let head = serde_json::json!({"code": 0, "flag": 1, "opaque": asked.opaque + 1000});
                Some(vec![Step::Write(frame(&head, b"{}"))])
            },
            "no answer in 10s",
        ),
        (
            |asked| (asked.code == 106).then(|| announced(2 << 20, 30)),
            "a frame of 2097152 bytes, expected at most 1048576 for GET_BROKER_CLUSTER_INFO (106)",
        ),
        (
            |_| Some(announced(u32::MAX, 30)),
            "a frame of 4294967295 bytes, which no RocketMQ server sends",
        ),
        (
            |_| Some(announced(0x8000_0000, 30)),
            "a frame of 2147483648 bytes, which no RocketMQ server sends",
        ),
        (
            |_| Some(announced(60, u32::MAX)),
            "a frame that can't be read: its head is of form 255",
        ),
        (
            |_| Some(announced(40, 0x00FF_FFFF)),
            "a frame whose head has 16777215 bytes of 36",
        ),
    ];
    for (lie, says) in cases {
        let (said, _) = audit(lie, 2);
        assert!(said.stderr.contains(says), "{says}: {}", said.stderr);
        assert!(
            said.stderr.contains("\nhint: ") || says.contains("no answer"),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn routes_without_end_end_the_run_with_3() {
    let cases: [(Lie, &str); 2] = [
        (
            |asked| {
                (asked.code == 105).then(|| {
                    filled(
                        asked,
                        2 * MIB,
                        [r#"{"brokerDatas":[],"queueDatas":["#, "{},", "]}"],
                    )
                })
            },
            "expected at most 1048576 for GET_ROUTEINFO_BY_TOPIC (105)",
        ),
        (
            |asked| {
                let queues = r#"{"brokerName":"broker-a","perm":6,"readQueueNums":4000000000,"writeQueueNums":8}"#;
                (asked.code == 105).then(|| {
                    vec![asked.ok(format!(r#"{{"brokerDatas":[],"queueDatas":[{queues}]}}"#))]
                })
            },
            "a topic with 4000000000 queues, expected at most 65536",
        ),
    ];
    for (lie, says) in cases {
        let (said, rows) = audit(lie, 3);
        assert!(rows.is_empty(), "no message is judged: {rows:?}");
        for says in [
            "the offsets can't be read: ",
            says,
            "same command with --resume",
        ] {
            assert!(said.stderr.contains(says), "{says}: {}", said.stderr);
        }
    }
}

#[test]
fn offsets_that_contradict_each_other_prove_nothing() {
    // The queues begin behind their ends.
    let lie: Lie =
        |asked| (asked.code == 31).then(|| vec![asked.answer(0, &[("offset", "1000")], "")]);
    let (said, rows) = audit(lie, 3);
    let why = "its offsets contradict each other: queue 0 of topic orders begins at 1000 and ends before 2";
    assert!(said.stderr.contains(why), "{}", said.stderr);
    for row in rows {
        assert_eq!(row["message_verdict"], "unanswered", "{row:?}");
        assert!(
            row["error_message"].contains("its offsets contradict each other"),
            "{row:?}"
        );
    }
    // A group has read messages that the queue does not have.
    let lie: Lie = |asked| {
        let table = r#"{"offsetTable":{"orders@GID_offline":{0:9000,1:9000},"orders@GID_caught_up":{0:2,1:2}}}"#;
        (asked.code == 43).then(|| vec![asked.ok(table)])
    };
    let (_, rows) = audit(lie, 1);
    for row in 1..=8 {
        let rows = of(&rows, row);
        let group = |name: &str| rows.iter().find(|row| row["group"] == name).unwrap();
        let offline = group("GID_offline");
        assert_eq!(
            (&*offline["track_type"], &*offline["verdict"]),
            ("UNKNOWN", "undetermined")
        );
        assert!(offline["mark"].contains("past_end"), "{offline:?}");
        assert_eq!(group("GID_caught_up")["verdict"], "passed");
    }
}

#[test]
fn queues_that_shrink_after_the_lookup_answer_no_message() {
    let lie: Lie =
        |asked| (asked.code == 30).then(|| vec![asked.answer(0, &[("offset", "0")], "")]);
    let (_, rows) = audit(lie, 3);
    for row in rows {
        assert_eq!(row["message_verdict"], "unanswered", "{row:?}");
        assert_eq!(row["error_code"], "MESSAGE_LOST", "{row:?}");
    }
}

#[test]
fn a_message_under_another_topic_is_not_found() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let offset_id = cluster.offset_id(&state().messages[0]);
    tool.write("in.csv", keys([key(0), offset_id]));
    cluster.change(|state| {
        state.topics.insert("orders".to_owned());
        state.moved = true;
    });
    let call = tool.call("audit in.csv -o out.csv --source");
    call.arg(&cluster.source()).ends(1);
    for row in table(&tool.read("out.csv")) {
        assert_eq!(row["message_verdict"], "not_found", "{row:?}");
    }
}

/// Returns the offsets of as many groups as a response has room for.
fn many_groups(asked: &Asked) -> Option<Vec<Step>> {
    (asked.code == 43).then(|| {
        let entry = |nth| format!("\"orders@GID_{nth}\":{{0:{nth}}},");
        let entries: String = (0..1_000_000).map(entry).collect();
        let entries = &entries[..16 * MIB - 200];
        filled(asked, 16 * MIB, [r#"{"offsetTable":{"#, entries, "}}"])
    })
}

/// Returns a hundred groups, each with as many subscriptions as a response has room for.
fn many_subscriptions(asked: &Asked) -> Option<Vec<Step>> {
    match asked.code {
        300 => {
            let groups: Vec<_> = (0..100).map(|nth| format!("GID_{nth}")).collect();
            Some(vec![asked.ok(json!({"groupList": groups}).to_string())])
        }
        203 => {
            let entry = |nth| format!("\"t{nth}\":{{\"topic\":\"t{nth}\",\"subString\":\"*\"}},");
            let entries: String = (0..18_000).map(entry).collect();
            let body = format!(
                "{{\"connectionSet\":[{{\"clientId\":\"c\"}}],\"subscriptionTable\":{{{}}}}}",
                entries.trim_end_matches(',')
            );
            Some(vec![asked.ok(body)])
        }
        _ => None,
    }
}

#[test]
fn the_longest_frames_need_little_memory() {
    let cases: [(Lie, i32); 8] = [
        (|_| None, 1),
        (many_groups, 3),
        (many_subscriptions, 3),
        (
            |asked| {
                (asked.code == 206)
                    .then(|| filled(asked, 16 * MIB, [r#"{"topicList":["#, "\"\",", "]}"]))
            },
            1,
        ),
        (
            |asked| {
                let name = format!("\"{}\",", "t".repeat(117));
                (asked.code == 206)
                    .then(|| filled(asked, 16 * MIB, [r#"{"topicList":["#, &name, "]}"]))
            },
            1,
        ),
        (
            |asked| {
                let entry = r#""other@GID":{0:1,1:1,2:1,3:1,4:1,5:1,6:1,7:1},"#;
                (asked.code == 43)
                    .then(|| filled(asked, 16 * MIB, [r#"{"offsetTable":{"#, entry, "}}"]))
            },
            1,
        ),
        (
            |asked| {
                let entry = r#""orders@GID_offline":{0:1},"#;
                (asked.code == 43)
                    .then(|| filled(asked, 16 * MIB, [r#"{"offsetTable":{"#, entry, "}}"]))
            },
            3,
        ),
        (
            |asked| (asked.code == 12).then(|| filled(asked, 8 * MIB, ["", "    ", ""])),
            3,
        ),
    ];
    for (nth, (lie, status)) in cases.into_iter().enumerate() {
        let (tool, cluster) = (Tool::new(), Cluster::start(state()));
        cluster.change(|state| (state.lie, state.liar) = (Some(lie), Some("broker-a")));
        tool.write("in.csv", keys((0..8).map(key)));
        let call = tool.call("audit in.csv -o out.csv --max-attempts 1 --source");
        let mut running = call.arg(&cluster.source()).start();
        let peak = running.watch_peak();
        let (_, stderr) = running.ends(status);
        assert!(peak < most_mib(), "{nth}: {peak} MiB\n{stderr}");
    }
}
