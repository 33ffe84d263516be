//! Unusual IDs and topics that clients and brokers make are what they are in every command.

use serde_json::{Value, json};

use super::tool::{Row, Tool, table};

/// Two IDs that differ in the process ID only. The client wrote none into the first.
const WITHOUT_PROCESS: &str = "0A0B0C0D000018B4AAC2562A9AC70003";
const WITH_PROCESS: &str = "0A0B0C0D110F18B4AAC2562A9AC70003";

/// Returns a snapshot with both messages. `GID_a` has consumed them, and `GID_b` has not.
fn snapshot() -> Value {
    let group = |name: &str, offset: u64| {
        json!({"group": name, "online": true, "consume_type": "push", "message_model": "clustering",
               "subscriptions": [{"topic": "orders", "expression": "*", "expression_type": "TAG"}],
               "offsets": [{"topic": "orders", "broker": "b", "queue_id": 0, "offset": offset}]})
    };
    let message = |id: &str, offset: u64| {
        json!({"msg_id": id, "topic": "orders", "broker": "b", "queue_id": 0, "queue_offset": offset,
               "stored_at": "2026-11-17T09:33:52.800Z"})
    };
    json!({"schema": "ons-audit-snapshot/1", "cluster": "t", "captured_at": "2026-11-28T00:00:00.000Z",
           "brokers": ["b"],
           "topics": [{"topic": "orders", "queues": [{"broker": "b", "queue_id": 0, "min_offset": 0, "max_offset": 100}]}],
           "groups": [group("GID_a", 50), group("GID_b", 5)],
           "messages": [message(WITHOUT_PROCESS, 10), message(WITH_PROCESS, 11)]})
}

#[test]
fn an_id_without_process_id_is_a_unique_key() {
    let tool = Tool::new();
    let ipv6 = "FD00000000000000000000000001007A000018B4AAC2562A9AC70003";
    let call = format!("inspect {WITHOUT_PROCESS} {ipv6} --as-of 2026-11-29T00:00:00Z");
    let said = tool.call(&call).ends(0).stdout;
    for (field, count) in [
        ("unique key (4.x client)", 2),
        ("10.11.12.13\n", 1),
        ("fd00::1:7a\n", 1),
        ("18b4aac2", 2),
        ("2026-11-17T17:33:52.711+08:00", 2),
        ("likely, not proven", 2),
    ] {
        assert_eq!(said.matches(field).count(), count, "{field}: {said}");
    }

    // The born time decides whether a group was expected already.
    tool.write("s.json", snapshot().to_string());
    tool.write(
        "e.csv",
        "topic,group,valid_from,valid_to\norders,GID_a,,\norders,GID_b,2026-11-25,\n",
    );
    tool.write(
        "in.csv",
        format!("msg_id,topic\n{WITHOUT_PROCESS},orders\n{WITH_PROCESS},orders\n"),
    );
    tool.call("audit in.csv --source s.json --expect-file e.csv -q -o out.csv")
        .ends(0);
    let rows = table(&tool.read("out.csv"));
    let fields = |row: &Row| {
        ["group", "verdict", "expected", "message_verdict", "born_at"].map(|name| row[name].clone())
    };
    assert_eq!(rows.len(), 4);
    for (without, with) in rows[..2].iter().zip(&rows[2..]) {
        assert_eq!(fields(without), fields(with));
        assert_eq!(without["born_at"], "2026-11-17T09:33:52.711Z");
        assert_eq!(without["message_verdict"], "reconciled");
    }
    let plan = tool.call("plan in.csv --source ons://cn-hangzhou").ends(0);
    assert!(plan.stdout.contains("oldest    row 1, "), "{}", plan.stdout);
    assert!(!plan.stdout.contains("not tell"), "{}", plan.stdout);
}

#[test]
fn retry_topics_of_pop_consumers_are_asked_about() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        "msg_id,topic\n\
         0A15030B110F18B4AAC264BE6C450BA2,%RETRY%GID_a+orders\n\
         0A15030B110F18B4AAC264BE6C450BA2,%RETRY%GID_a_orders\n\
         0A15030C140018B4AAC264BE73D821D1,orders\n\
         0A15030C140018B4AAC264BE73D821D1,GID_a+orders\n",
    );
    tool.call("audit in.csv --source samples/cluster.json -q --expect GID_billing -o out.csv --matrix m.csv")
        .ends(1);
    let rows = table(&tool.read("m.csv"));
    let verdicts = rows.iter().map(|row| &*row["message_verdict"]);
    assert_eq!(
        verdicts.collect::<Vec<_>>(),
        ["not_found", "not_found", "reconciled", "rejected"]
    );
}
