//! A cluster captured into a file, and audited from it.

use super::cluster::{Cluster, key};
use super::{audit, examine, input, keys, state};
use crate::tool::{Tool, table};

/// Removes the columns with times from a report.
fn timeless(report: &str) -> Vec<Vec<String>> {
    let rows = table(report);
    let cells = |row: &crate::tool::Row| {
        let kept = row.iter().filter(|(name, _)| *name != "observed_at");
        kept.map(|(name, cell)| format!("{name}={cell}")).collect()
    };
    rows.iter().map(cells).collect()
}

#[test]
fn an_audit_of_the_file_says_what_one_of_the_cluster_said() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let ids = (0..6).map(key).chain([key(50)]); // one of them is missing
    let unknown = format!("{},nowhere", key(7));
    let known = ids.map(|key| format!("{key},orders"));
    tool.write("in.csv", input("msg_id,topic", known.chain([unknown])));
    audit(&tool, &cluster, "--exit-zero", 0);
    let live = tool.read("out.csv");
    for name in ["c.json", "c.json.gz", "c.json.zst"] {
        let call = tool
            .call("snapshot --messages in.csv --source")
            .arg(&cluster.source());
        let said = call.args("-o").arg(name).ends(1);
        assert!(
            said.stderr
                .contains("6 messages, 2 not found, 0 without an answer"),
            "{}",
            said.stderr
        );
        assert_eq!(tool.mode(name), 0o600);
        let call = tool
            .call("audit in.csv -o frozen.csv --exit-zero --source")
            .arg(name);
        call.ends(0);
        assert_eq!(
            timeless(&tool.read("frozen.csv")),
            timeless(&live),
            "{name}"
        );
    }
    assert!(tool.names().iter().all(|name| !name.contains("located")));
}

#[test]
fn without_messages_all_topics_are_captured() {
    let mut more = state();
    more.topics
        .extend(["refunds", "broker-a", "TBW102"].map(str::to_owned));
    let (tool, cluster) = (Tool::new(), Cluster::start(more));
    let call = tool
        .call("snapshot -o c.json --source")
        .arg(&cluster.source());
    call.ends(0);
    let file: serde_json::Value = serde_json::from_str(&tool.read("c.json")).unwrap();
    let topics: Vec<_> = file["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|topic| topic["topic"].as_str().unwrap())
        .collect();
    assert_eq!(topics, ["orders", "refunds"], "none of the system's");
    let place = format!("{},orders,broker-b,1,1,paid", key(5));
    tool.write(
        "in.csv",
        input("msg_id,topic,broker,queue_id,queue_offset,tag", [place]),
    );
    let call = tool.call("audit in.csv -o out.csv --exit-zero --source c.json");
    call.ends(0);
    assert_eq!(table(&tool.read("out.csv")).len(), 11);
}

#[test]
fn a_broker_that_could_not_be_asked_is_named_in_the_file() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    cluster.change(|state| {
        state.down.insert("broker-b".to_owned());
    });
    tool.write("in.csv", keys((0..8).map(key)));
    let call = tool.call("snapshot --messages in.csv -o c.json --max-attempts 1 --source");
    let said = call.arg(&cluster.source()).ends(3);
    assert!(
        said.stderr
            .contains("messages on broker-b cannot be judged"),
        "{}",
        said.stderr
    );
    let call = tool.call("audit in.csv -o out.csv --source c.json");
    call.ends(3);
    let rows = table(&tool.read("out.csv"));
    let unanswered = rows
        .iter()
        .filter(|row| row["message_verdict"] == "unanswered");
    assert_eq!(
        unanswered.count(),
        4,
        "those of broker-b, and none is guessed"
    );
}

#[test]
fn only_a_cluster_can_be_frozen() {
    let tool = Tool::new();
    let said = tool
        .call("snapshot -o c.json --source samples/cluster.json")
        .ends(2);
    assert!(
        said.stderr.contains("only rocketmq:// can be frozen"),
        "{}",
        said.stderr
    );
    assert!(!tool.has("c.json"));
}

#[test]
fn the_file_holds_what_was_examined_about_its_messages() {
    let (tool, cluster) = (Tool::new(), Cluster::start(examine::state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let frozen = |flags: &str| -> serde_json::Value {
        let call = tool
            .call("snapshot -o c.json --source")
            .arg(&cluster.source());
        call.args(flags).ends(0);
        serde_json::from_str(&tool.read("c.json")).unwrap()
    };
    let file = frozen("--messages in.csv");
    let topics = file["examined"].as_array().unwrap();
    let names: Vec<_> = topics
        .iter()
        .map(|topic| {
            (
                topic["group"].as_str().unwrap(),
                topic["topic"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("GID_a", "SCHEDULE_TOPIC_XXXX"),
        ("GID_clean", "SCHEDULE_TOPIC_XXXX"),
        ("GID_a", "%RETRY%GID_a"),
        ("GID_a", "%DLQ%GID_a"),
        ("GID_clean", "%RETRY%GID_clean"),
        ("GID_clean", "%DLQ%GID_clean"),
    ];
    assert_eq!(names, expected);
    assert!(topics.iter().all(|topic| topic.get("incomplete").is_none()));
    let proofs = file["proofs"].as_array().unwrap();
    let kinds: Vec<_> = proofs
        .iter()
        .map(|proof| proof["kind"].as_str().unwrap())
        .collect();
    let expected = ["retried", "dead_lettered", "retried", "waiting", "waiting"];
    assert_eq!(kinds, expected);
    for flags in ["--messages in.csv --examine none", ""] {
        let file = frozen(flags);
        assert_eq!(
            (file.get("examined"), file.get("proofs")),
            (None, None),
            "{flags}"
        );
    }
}
