//! Born times are those that the brokers stored, not those in the IDs.

use super::cluster::{Cluster, Message, key};
use super::{audit, input, keys, of, state};
use crate::earlier_version::sealed;
use crate::tool::{Row, Tool, table};

/// The broker's time of the nth message; its ID says 2026 or 2025 with another time of day.
fn born(nth: u64) -> String {
    let millis = Message::nth(nth).born_at;
    let time = jiff::Timestamp::from_millisecond(millis).unwrap();
    format!("{time:.3}")
}

/// Returns the born time of each row of a report.
fn born_of(rows: &[Row], row: u64) -> &str {
    &of(rows, row)[0]["born_at"]
}

#[test]
fn the_column_precedes_the_broker_and_the_broker_the_id() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let offset_id = cluster.offset_id(&Message::nth(5));
    let rows = [
        format!("{},orders,,,,,", key(0)),
        format!("{offset_id},orders,,,,,"),
        format!("{},orders,,,,,2025-11-19T08:00:00Z", key(2)),
        format!("{},orders,broker-b,1,1,,", key(77)), // placed: not looked up
        format!("{},orders,,,,,", key(99)),           // not found
    ];
    let columns = "msg_id,topic,broker,queue_id,queue_offset,tag,sent";
    tool.write("in.csv", input(columns, rows));
    let rows = audit(&tool, &cluster, "--exit-zero --born-column sent", 0);
    assert_eq!(born_of(&rows, 1), born(0));
    assert_eq!(born_of(&rows, 2), born(5), "an offset ID says no time");
    assert_eq!(born_of(&rows, 3), "2025-11-19T08:00:00.000Z");
    let of_ids = [born_of(&rows, 4), born_of(&rows, 5)];
    assert!(of_ids.iter().all(|time| time.len() == 24), "{of_ids:?}");
    assert!(!of_ids.contains(&&*born(5)), "{of_ids:?}");
    let lines = tool.read("out.results.ndjson");
    let fields = lines.matches(r#","born_at":""#).count();
    assert_eq!(fields, 3, "the messages that were found: {lines}");
}

#[test]
fn expectations_with_times_follow_the_brokers_clock() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let until = born(3); // messages 4 to 7 were born before it
    let expected = format!("topic,group,valid_to\norders,GID_lagging,{until}\n");
    tool.write("expected.csv", expected);
    let flags = "--exit-zero --expect-file expected.csv -o sum.json";
    let rows = audit(&tool, &cluster, flags, 0);
    let breaks = rows
        .iter()
        .filter(|row| row["group"] == "GID_lagging" && row["expected"] == "yes");
    let breaks: Vec<_> = breaks.map(|row| row["row"].as_str()).collect();
    assert_eq!(breaks, ["5", "6", "7", "8"]);
    let summary: serde_json::Value = serde_json::from_str(&tool.read("sum.json")).unwrap();
    let group = &summary["groups"]["GID_lagging"];
    assert_eq!(group["missed_born_from"], born(7));
    assert_eq!(group["missed_born_to"], born(4));
    assert!(summary["born_decoded"].is_null(), "{summary}");
}

#[test]
fn a_snapshot_has_born_times_and_plan_reads_them() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let call = tool.call("snapshot --messages in.csv -o c.json --source");
    call.arg(&cluster.source()).ends(0);
    let file: serde_json::Value = serde_json::from_str(&tool.read("c.json")).unwrap();
    assert_eq!(file["messages"][5]["born_at"], born(5));
    let planned = tool
        .call("plan in.csv --format json --source c.json")
        .ends(0);
    let plan: serde_json::Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(plan["oldest"]["row"], 8);
    assert_eq!(plan["oldest"]["born_at"], born(7).replace(".000", ""));
    // A file without the field is judged by IDs, as before.
    let without = |text: String| {
        let parts: Vec<_> = text.split(r#","born_at":""#).collect();
        let rest = parts[1..].iter().map(|part| &part[25..]);
        std::iter::once(parts[0]).chain(rest).collect::<String>()
    };
    tool.write("old.json", without(tool.read("c.json")));
    let mut reports = Vec::new();
    for name in ["c.json", "old.json"] {
        let call =
            tool.call("audit in.csv --exit-zero --max-time 1h --restart -o out.csv --source");
        call.arg(name).ends(0);
        reports.push(table(&tool.read("out.csv")));
        if name == "c.json" {
            let old = sealed(&without(tool.read("out.results.ndjson")));
            tool.write("stripped.ndjson", old);
        }
    }
    assert_eq!(born_of(&reports[0], 3), born(2));
    let of_id = born_of(&reports[1], 3);
    assert_ne!(of_id, born(2));
    tool.call("report stripped.ndjson -o again.csv --exit-zero")
        .ends(0);
    assert_eq!(born_of(&table(&tool.read("again.csv")), 3), of_id);
}

#[test]
fn previous_carries_the_born_time_and_diff_shows_it() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys([key(0)]));
    let flags = "--expect GID_caught_up --exit-zero";
    audit(&tool, &cluster, flags, 0);
    tool.call("audit in.csv -o two.csv --previous out.results.ndjson --recheck 0% --source")
        .arg(&cluster.source())
        .args(flags)
        .ends(0);
    assert_eq!(born_of(&table(&tool.read("two.csv")), 1), born(0));
    assert!(tool.read("two.results.ndjson").contains("carried_from"));
    let flags = "--expect GID_lagging -o diff.csv --exit-zero";
    let call = tool.call("diff out.results.ndjson two.results.ndjson");
    call.args(flags).ends(0);
    let changes = table(&tool.read("diff.csv"));
    assert_eq!(changes[0]["born_at"], born(0));
}

#[test]
fn every_report_says_that_the_zone_of_ids_is_assumed() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let placed = format!("{},orders,broker-b,1,1", key(77));
    let rows = [placed, format!("{},orders,,,", key(0))];
    tool.write(
        "in.csv",
        input("msg_id,topic,broker,queue_id,queue_offset", rows),
    );
    let call =
        tool.call("audit in.csv -o out.csv -o o.md -o o.html -o o.json --exit-zero --source");
    let said = call.arg(&cluster.source()).ends(0);
    let says = "the born time of 1 message comes from its ID";
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(&said.stderr).contains(says), "{}", said.stderr);
    for name in ["o.md", "o.html", "o.json"] {
        let text = tool.read(name);
        assert_eq!(text.matches(says).count(), 1, "{name}: {text}");
        assert!(text.contains("+08:00"), "{name}");
    }
    let summary: serde_json::Value = serde_json::from_str(&tool.read("o.json")).unwrap();
    assert_eq!(summary["born_decoded"]["messages"], 1);
    let call = tool.call("report out.results.ndjson -o zh.md -o zh.html --lang zh --exit-zero");
    call.ends(0);
    for name in ["zh.md", "zh.html"] {
        let text = tool.read(name);
        assert!(
            text.contains("1 条消息的产生时间由消息 ID 推算"),
            "{name}: {text}"
        );
    }
}
