//! Brokers that cannot be asked are named, and their messages are never reported as missing.

use super::cluster::{Cluster, key};
use super::{audit, keys, state};
use crate::tool::{Row, Tool};

/// Returns a cluster whose `broker-b` has stopped. If it is forgotten, the name server lists only its queues.
fn without_broker_b(is_forgotten: bool) -> Cluster {
    let cluster = Cluster::start(state());
    cluster.change(|state| {
        state.down.insert("broker-b".to_owned());
        if is_forgotten {
            state.forgotten.insert("broker-b".to_owned());
            state.keeps_queues = true;
        }
    });
    cluster
}

fn count(rows: &[Row], verdict: &str) -> usize {
    let rows = rows.iter();
    rows.filter(|row| row["message_verdict"] == verdict).count()
}

#[test]
fn a_first_audit_names_the_brokers_that_cannot_be_asked() {
    for (is_forgotten, code) in [(true, "BROKER_GONE"), (false, "CONNECTION_LOST")] {
        let (tool, cluster) = (Tool::new(), without_broker_b(is_forgotten));
        tool.write("in.csv", keys((0..8).map(key)));
        let call = tool
            .call("audit in.csv -o out.csv -o o.md -o o.html -o o.json --max-attempts 1 --source");
        let said = call.arg(&cluster.source()).ends(3);
        let says = "brokers that could not be asked: broker-b (";
        assert!(said.stderr.contains(says), "{}", said.stderr);
        let rows = crate::tool::table(&tool.read("out.csv"));
        assert_eq!(
            (count(&rows, "unanswered"), count(&rows, "not_found")),
            (4, 0)
        );
        for row in rows.iter().filter(|row| !row["error_code"].is_empty()) {
            assert_eq!(row["error_code"], code);
            let message = &row["error_message"];
            assert!(message.contains("broker-b can't be asked: "), "{message}");
        }
        for name in ["o.md", "o.html"] {
            assert!(tool.read(name).contains(says), "{name}");
        }
        let summary: serde_json::Value = serde_json::from_str(&tool.read("o.json")).unwrap();
        assert!(
            summary["unasked_brokers"]["broker-b"].is_string(),
            "{summary}"
        );
        let lines = tool.read("out.results.ndjson");
        assert!(
            lines.contains(r#""brokers":["broker-a","broker-b"]"#),
            "{lines}"
        );
        let call = "report out.results.ndjson -o zh.md --lang zh";
        tool.call(call).ends(3);
        let says = "无法查询的 Broker：broker-b（";
        assert!(tool.read("zh.md").contains(says), "{}", tool.read("zh.md"));
    }
}

#[test]
fn a_removed_broker_leaves_the_header() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let expect = "--expect GID_caught_up --max-attempts 1";
    let night = |nth: u32, flags: &str, status| {
        let previous = format!("--previous {}.ndjson --recheck 100%", nth - 1);
        let previous = if nth > 1 { &*previous } else { "" };
        let flags = format!("{expect} --results {nth}.ndjson {previous} {flags}");
        audit(&tool, &cluster, &flags, status)
    };
    let first = night(1, "--removed-broker broker-z", 0);
    assert_eq!(count(&first, "reconciled"), first.len());
    for source in [&*cluster.source(), "samples/cluster.json"] {
        let call = tool.call("audit in.csv -o no.csv --removed-broker broker-b --source");
        let said = call.arg(source).ends(2);
        assert!(said.stderr.contains("--removed-broker"), "{}", said.stderr);
    }
    cluster.change(|state| {
        state.forgotten.insert("broker-b".to_owned());
    });
    let second = night(2, "", 3);
    assert_eq!(count(&second, "unanswered"), 4);
    let resumed = night(2, "--resume --removed-broker broker-b", 1);
    assert_eq!(
        (count(&resumed, "unanswered"), count(&resumed, "not_found")),
        (0, 4)
    );
    let third = night(3, "", 1);
    assert_eq!(
        (count(&third, "unanswered"), count(&third, "not_found")),
        (0, 4)
    );
    let call = tool.call("snapshot --messages in.csv -o c.json --removed-broker broker-b --source");
    call.arg(&cluster.source()).ends(1);
    assert!(!tool.read("c.json").contains("unreachable"));
}

#[test]
fn every_dead_name_server_is_named() {
    let tool = Tool::new();
    tool.write("in.csv", keys([key(0)]));
    let call = tool.call("audit in.csv --source rocketmq://127.0.0.1:9,127.0.0.1:19");
    let said = call.ends(2);
    for address in ["no name server answers: 127.0.0.1:9: ", "; 127.0.0.1:19: "] {
        assert!(said.stderr.contains(address), "{}", said.stderr);
    }
}

#[test]
fn a_port_of_a_broker_gets_a_hint() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys([key(0)]));
    let mut source = String::new();
    cluster.change(|state| source = format!("rocketmq://{}", state.addresses["broker-a"]));
    for source in [source.clone(), format!("{source},127.0.0.1:9")] {
        let said = tool.call("audit in.csv --source").arg(&source).ends(2);
        let hint = "not a name server, but perhaps a broker";
        assert!(said.stderr.contains(hint), "{}", said.stderr);
    }
}
