//! What was examined beyond the offsets decides about groups, in audits and in reports that are made later.

use serde_json::{Value, json};

use super::tool::{Row, Tool, table};

const CAPTURED: &str = "2026-11-20T20:00:00Z";

/// The message ID of a number, born at 05:30 UTC.
fn key(number: u32) -> String {
    format!("0A15030B110F18B4AAC264BE6C45{:04X}", 0x0BA2 + number)
}

/// A proof about the message of a number in `GID_a`, stored at a time of the day of the capture.
fn proof(number: u32, kind: &str, time: &str) -> Value {
    json!({"group": "GID_a", "kind": kind, "key": key(number), "topic": "orders",
           "at": format!("2026-11-20T{time}Z"), "attempts": 3})
}

/// The topics of a group that were examined completely.
fn examined(group: &str) -> Vec<Value> {
    let topics = [
        "SCHEDULE_TOPIC_XXXX".to_owned(),
        format!("%RETRY%{group}"),
        format!("%DLQ%{group}"),
    ];
    let topics = topics.into_iter();
    topics
        .map(|topic| json!({"group": group, "topic": topic, "to": CAPTURED}))
        .collect()
}

/// A snapshot of ten messages that `GID_a` has passed; `GID_b` has not passed the last five. `None`: nothing was examined.
fn snapshot(examined: Option<Vec<Value>>, proofs: &[Value]) -> String {
    let messages = (0..10).map(|number| {
        json!({"msg_id": key(number), "topic": "orders", "broker": "broker-a", "queue_id": 0, "queue_offset": number})
    });
    let group = |group, offset| {
        json!({"group": group, "online": true, "consume_type": "push", "message_model": "clustering",
               "subscriptions": [{"topic": "orders", "expression": "*"}],
               "offsets": [{"topic": "orders", "broker": "broker-a", "queue_id": 0, "offset": offset}]})
    };
    let mut snapshot = json!({
        "schema": "ons-audit-snapshot/1", "cluster": "c", "captured_at": CAPTURED, "brokers": ["broker-a"],
        "topics": [{"topic": "orders", "queues": [{"broker": "broker-a", "queue_id": 0, "min_offset": 0, "max_offset": 10}]}],
        "groups": [group("GID_a", 10), group("GID_b", 5)],
        "messages": messages.collect::<Vec<_>>(),
    });
    if let Some(examined) = examined {
        snapshot["examined"] = examined.into();
        snapshot["proofs"] = proofs.into();
    }
    snapshot.to_string()
}

fn with_input() -> Tool {
    let tool = Tool::new();
    let mut input = "msg_id,topic\n".to_owned();
    for number in 0..10 {
        input += &key(number);
        input += ",orders\n";
    }
    tool.write("in.csv", input);
    tool
}

/// One proof of every kind, about the first messages.
fn every_kind() -> Vec<Value> {
    vec![
        proof(0, "dead_lettered", "06:00:00"),
        proof(1, "waiting", "06:00:00"),
        proof(2, "failed", "06:00:00"),
        proof(3, "retried", "06:00:00"),
        proof(4, "dead_lettered", "06:00:00"),
        proof(4, "succeeded", "07:00:00"),
    ]
}

/// Returns what a report says about a group, one text for each message.
fn about(tool: &Tool, name: &str, group: &str) -> Vec<String> {
    let rows = table(&tool.read(name));
    let rows = rows.iter().filter(|row| row["group"] == group);
    let cell = |row: &Row, column: &str| row.get(column).cloned().unwrap_or_default();
    rows.map(|row| {
        let cells = ["verdict", "evidence", "attempts_seen", "evidence_note"];
        cells.map(|column| cell(row, column)).join("|")
    })
    .collect()
}

const AUDIT: &str = "audit in.csv --expect GID_a -o a.csv --source";

#[test]
fn every_proof_has_its_verdict_and_reports_made_later_agree() {
    let tool = with_input();
    tool.write("c.json", snapshot(Some(examined("GID_a")), &every_kind()));
    tool.call(AUDIT)
        .args("c.json -o a.json -o a.html -o a.xlsx -o a.md -o rows.ndjson --worklist work --bundle a.zip")
        .ends(1);
    let passed = "passed|no_failure||".to_owned();
    let mut expected = vec![
        "dead_lettered||3|".to_owned(),
        "retrying||3|".to_owned(),
        "failed||3|".to_owned(),
        "passed|retried|3|".to_owned(),
        "passed|trace|3|dead-lettered at 2026-11-20T06:00:00.000Z, succeeded later".to_owned(),
    ];
    expected.resize(10, passed);
    assert_eq!(about(&tool, "a.csv", "GID_a"), expected);
    let unexamined = "passed|offset||".to_owned();
    assert_eq!(about(&tool, "a.csv", "GID_b")[..5], vec![unexamined; 5]);

    let summary: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    let counts = &summary["groups"]["GID_a"];
    for (verdict, number) in [
        ("dead_lettered", 1),
        ("retrying", 1),
        ("failed", 1),
        ("passed", 7),
    ] {
        assert_eq!(counts[verdict], number, "{verdict}");
    }
    assert_eq!(counts["evidence"]["no_failure"], 5);
    assert_eq!(
        summary["headline"],
        "3 of 10 messages were missed or not processed by GID_a (1 dead-lettered, 1 retrying, 1 failed), produced \
         2026-11-20 05:30:01 UTC"
    );
    for verdict in ["dead_lettered", "retrying", "failed"] {
        assert!(tool.has(&format!("work/GID_a.{verdict}.csv")), "{verdict}");
    }
    let header = tool.read("a.results.ndjson");
    assert!(header.starts_with(r#"{"schema":"ons-audit/2","#));

    tool.call("report a.results.ndjson -o again.csv -o again.json -o again.html")
        .ends(1);
    for ending in ["csv", "json", "html"] {
        let [first, again] = ["a", "again"].map(|name| tool.read(&format!("{name}.{ending}")));
        assert!(first == again, "{ending}");
    }
    tool.call("verify a.results.ndjson").ends(0);
    tool.call("verify a.zip").ends(0);
}

#[test]
fn what_is_accepted_is_no_break() {
    let tool = with_input();
    let dead = [proof(0, "dead_lettered", "06:00:00")];
    tool.write("c.json", snapshot(Some(examined("GID_a")), &dead));
    tool.call(AUDIT).args("c.json --results r.ndjson").ends(1);
    for flags in ["--accept dead_lettered", "--accept filtered,dead_lettered"] {
        let report = "report r.ndjson --expect GID_a -o b.csv -o b.md";
        tool.call(report).args(flags).ends(0);
        assert_eq!(about(&tool, "b.csv", "GID_a")[0], "dead_lettered||3|");
        let headline = "**all 10 messages were consumed, or dead-lettered as accepted, by every expected group**";
        assert!(
            tool.read("b.md").starts_with(headline),
            "{}",
            tool.read("b.md")
        );
    }
}

#[test]
fn a_run_that_does_not_examine_writes_what_it_wrote_before() {
    let tool = with_input();
    tool.write("plain.json", snapshot(None, &[]));
    tool.write("c.json", snapshot(Some(examined("GID_a")), &every_kind()));
    let lines = |name: &str| -> Vec<String> {
        let text = tool.read(name);
        let lines = text
            .lines()
            .skip(1)
            .filter(|line| line.starts_with("{\"row\""));
        lines.map(str::to_owned).collect()
    };
    for (source, flags) in [
        ("plain.json", ""),
        ("plain.json", "--examine none"),
        ("c.json", "--examine none"),
    ] {
        tool.call(AUDIT)
            .arg(source)
            .args(flags)
            .args("--results r.ndjson")
            .ends(0);
        let text = tool.read("r.ndjson");
        assert!(
            text.starts_with(r#"{"schema":"ons-audit/1","#),
            "{source} {flags}"
        );
        assert!(
            !text.contains("\"evidence\"") && !text.contains("examined"),
            "{text}"
        );
        assert!(!tool.read("a.csv").contains("evidence"));
    }
    let before = lines("r.ndjson");
    tool.call(AUDIT).args("c.json --results r.ndjson").ends(1);
    assert_eq!(lines("r.ndjson"), before, "the rows are the same");
}

#[test]
fn a_changed_line_behind_the_rows_is_noticed() {
    let tool = with_input();
    tool.write("c.json", snapshot(Some(examined("GID_a")), &every_kind()));
    tool.call(AUDIT).args("c.json --results r.ndjson").ends(1);
    let whole = tool.read("r.ndjson");
    let dead = whole
        .lines()
        .find(|line| line.contains("dead_lettered"))
        .unwrap();
    for (changed, says) in [
        (
            whole.replace("dead_lettered", "succeeded"),
            "behind its rows can't be read",
        ),
        (
            whole.replace("\"dead_lettered\"", "\"succeeded\"    "),
            "was changed after it was sealed",
        ),
        (whole.replace(&format!("{dead}\n"), ""), "r.ndjson"),
        (
            whole.replace("\"evidence\":{\"lines\":9", "\"evidence\":{\"lines\":8"),
            "lines behind its rows",
        ),
    ] {
        assert_ne!(changed, whole, "{says}");
        tool.write(
            "changed.ndjson",
            changed.replace("r.ndjson", "changed.ndjson"),
        );
        let said = tool.call("verify changed.ndjson").ends(2);
        assert!(
            said.stderr.contains(says) || says == "r.ndjson",
            "{says}: {}",
            said.stderr
        );
        tool.call("report changed.ndjson -o x.csv").ends(2);
        assert!(!tool.has("x.csv"));
    }
}

#[test]
fn failures_are_never_carried_and_young_messages_only_once_retries_are_seen() {
    let tool = with_input();
    let first = [
        proof(0, "dead_lettered", "06:00:00"),
        proof(1, "waiting", "06:00:00"),
    ];
    tool.write("c.json", snapshot(Some(examined("GID_a")), &first));
    tool.call(AUDIT).args("c.json --results old.ndjson").ends(1);
    // The messages recover: the first is redriven and the second is delivered.
    let then = [
        proof(0, "dead_lettered", "06:00:00"),
        proof(0, "succeeded", "08:00:00"),
        proof(1, "retried", "06:00:00"),
    ];
    tool.write("c.json", snapshot(Some(examined("GID_a")), &then));
    tool.call(AUDIT)
        .args("c.json --previous old.ndjson --results new.ndjson -o new.md")
        .ends(0);
    let carried = tool.read("new.ndjson").matches("carried_from").count();
    assert_eq!(carried, 8, "all but the two that had failed");
    assert_eq!(
        about(&tool, "a.csv", "GID_a")[..2],
        [
            "passed|trace|3|dead-lettered at 2026-11-20T06:00:00.000Z, succeeded later",
            "passed|retried|3|"
        ]
    );
    let said = tool.call("diff old.ndjson new.ndjson -o d.csv").ends(0);
    assert!(
        said.stderr.contains("GID_a: 2 messages recovered"),
        "{}",
        said.stderr
    );
    let said = tool.call("diff new.ndjson old.ndjson -o d.csv").ends(1);
    let says = "GID_a: 1 message newly dead-lettered";
    assert!(said.stderr.contains(says), "{}", said.stderr);

    // Without retries, `passed` is settled only five hours after the message was born.
    for (captured, carried) in [("2026-11-20T10:00:00Z", 0), ("2026-11-20T11:00:00Z", 10)] {
        let letters = json!({"group": "GID_a", "topic": "%DLQ%GID_a", "to": captured});
        let text = snapshot(Some(vec![letters]), &[]).replace(CAPTURED, captured);
        tool.write("c.json", text);
        tool.call(AUDIT)
            .args("c.json --results young.ndjson")
            .ends(0);
        assert_eq!(about(&tool, "a.csv", "GID_a")[0], "passed|no_dead_letter||");
        tool.call(AUDIT)
            .args("c.json --previous young.ndjson --results next.ndjson")
            .ends(0);
        let found = tool.read("next.ndjson").matches("carried_from").count();
        assert_eq!(found, carried, "{captured}");
    }
}

#[test]
fn what_could_not_be_examined_is_said_once() {
    let tool = with_input();
    let mut topics = examined("GID_a");
    topics.extend(examined("GID_b"));
    for topic in &mut topics {
        topic["incomplete"] = "no permission for it".into();
    }
    tool.write("c.json", snapshot(Some(topics), &[]));
    let said = tool.call(AUDIT).args("c.json -o a.md --lang zh").ends(0);
    let says = "WARN not examined completely: GID_a: no permission for it"; // nothing relies on GID_b
    assert_eq!(said.stderr.matches(says).count(), 1, "{}", said.stderr);
    assert_eq!(
        about(&tool, "a.csv", "GID_a")[0],
        "passed|offset||not examined: no permission for it"
    );
    let page = tool.read("a.md");
    assert_eq!(page.matches("no permission for it").count(), 1, "{page}");
    assert!(
        page.contains("未能完整检查：GID_a、GID_b（no permission for it）"),
        "{page}"
    );
}

#[test]
fn what_only_one_side_has_examined_is_no_change() {
    let tool = with_input();
    tool.write("plain.json", snapshot(None, &[]));
    let dead = [proof(0, "dead_lettered", "06:00:00")];
    tool.write("c.json", snapshot(Some(examined("GID_a")), &dead));
    tool.call(AUDIT)
        .args("plain.json --results plain.ndjson")
        .ends(0);
    tool.call(AUDIT).args("c.json --results c.ndjson").ends(1);
    let change = |from: &str, to: &str, status| {
        let line = format!("diff {from}.ndjson {to}.ndjson -o d.csv");
        let said = tool.call(&line).ends(status);
        assert!(!said.stderr.contains("recovered"), "{}", said.stderr);
        table(&tool.read("d.csv"))[0]["change"].clone()
    };
    let said = tool
        .call("report plain.ndjson c.ndjson -o both.csv")
        .ends(1);
    assert!(
        said.stderr.contains("not examined: plain.ndjson\n"),
        "{}",
        said.stderr
    );
    assert_eq!(change("plain", "c", 1), "new");
    assert_eq!(change("c", "plain", 0), "unconfirmed");
    let said = tool
        .call("diff c.ndjson c.ndjson --accept dead_lettered -o d.csv")
        .ends(0);
    assert!(said.stderr.contains("0 still open"), "{}", said.stderr);
}

#[test]
fn a_snapshot_of_one_instance_answers_rows_without_an_instance() {
    let tool = with_input();
    let mut whole: Value = serde_json::from_str(&snapshot(
        Some(examined("GID_a")),
        &[proof(0, "dead_lettered", "06:00:00")],
    ))
    .unwrap();
    whole["instance_id"] = "MQ_INST_1".into();
    for named in ["MQ_INST_1", "MQ_INST_2"] {
        for part in ["examined", "proofs"] {
            for entry in whole[part].as_array_mut().unwrap() {
                entry["instance_id"] = named.into();
            }
        }
        tool.write("c.json", whole.to_string());
        let is_it = named == "MQ_INST_1";
        tool.call(AUDIT)
            .args("c.json --results r.ndjson")
            .ends(i32::from(is_it));
        let expected = if is_it {
            "dead_lettered||3|"
        } else {
            "passed|offset||"
        };
        assert_eq!(about(&tool, "a.csv", "GID_a")[0], expected, "{named}");
    }
}

#[test]
fn times_at_the_end_of_the_calendar_are_times() {
    let tool = with_input();
    let mut dead = proof(0, "dead_lettered", "06:00:00");
    dead["at"] = "9999-12-30T22:00:00Z".into();
    let proofs = [dead, proof(0, "succeeded", "07:00:00")];
    tool.write("c.json", snapshot(Some(examined("GID_a")), &proofs));
    tool.call(AUDIT).args("c.json").ends(1);
    assert_eq!(about(&tool, "a.csv", "GID_a")[0], "dead_lettered||3|");
}
