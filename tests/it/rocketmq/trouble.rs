//! Failures of clusters: nothing is guessed, nothing is lost, and the message says what to do.

use super::cluster::{Cluster, key};
use super::{audit, keys, of, state};
use crate::tool::Tool;

#[test]
fn an_unreachable_cluster_is_refused_before_any_query() {
    let tool = Tool::new();
    tool.write("in.csv", keys([key(0)]));
    for (source, says, hint) in [
        (
            "rocketmq://127.0.0.1:9",
            "the cluster can't be asked: ",
            "check that the address",
        ),
        ("rocketmq://", "no name server", "rocketmq://HOST:9876"),
        (
            "rocketmq://user:hunter2@host",
            "holds a user or a password",
            "ROCKETMQ_ACCESS_KEY",
        ),
    ] {
        let said = tool
            .call("audit in.csv -o out.csv --source")
            .arg(source)
            .ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(
            said.stderr.contains("\nhint: ") && said.stderr.contains(hint),
            "{}",
            said.stderr
        );
        assert!(!said.stderr.contains("hunter2"), "{}", said.stderr);
    }
    assert_eq!(tool.names(), ["in.csv"]);
}

#[test]
fn messages_of_a_stopped_broker_are_answered_after_its_return() {
    for is_forgotten in [false, true] {
        let (tool, cluster) = (Tool::new(), Cluster::start(state()));
        tool.write("in.csv", keys((0..8).map(key)));
        let whole = audit(&tool, &cluster, "--exit-zero", 0);
        cluster.change(|state| {
            state.down.insert("broker-b".to_owned());
        });
        let rows = audit(&tool, &cluster, "--restart --max-attempts 1", 3);
        let unanswered = rows
            .iter()
            .filter(|row| row["message_verdict"] == "unanswered");
        assert_eq!(unanswered.count(), 4);
        assert!(tool.has("out.results.ndjson.located"), "{:?}", tool.names());
        if is_forgotten {
            // Name servers do this at once: the cluster must not look as if it never had that broker.
            cluster.change(|state| {
                state.forgotten.insert("broker-b".to_owned());
            });
            let rows = audit(&tool, &cluster, "--resume", 3);
            let gone = rows
                .iter()
                .find(|row| row["error_code"] == "BROKER_GONE")
                .unwrap();
            assert!(
                gone["error_message"].contains("broker-b can't be asked"),
                "{gone:?}"
            );
        }
        cluster.change(|state| {
            state.down.clear();
            state.forgotten.clear();
        });
        let mut resumed = audit(&tool, &cluster, "--resume --exit-zero", 0);
        let mut whole = whole;
        for row in resumed.iter_mut().chain(&mut whole) {
            row.remove("observed_at");
        }
        assert_eq!(resumed, whole);
        assert!(!tool.has("out.results.ndjson.located"));
        let said = tool.call("audit in.csv -o out.csv --resume --exit-zero --source");
        let said = said.arg(&cluster.source()).ends(0);
        assert!(said.stderr.contains("nothing is asked"), "{}", said.stderr);
    }
}

#[test]
fn a_deleted_group_and_a_reset_offset_between_runs_are_reported() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let call = "--expect GID_caught_up,GID_offline --results first.ndjson";
    audit(&tool, &cluster, call, 0);
    cluster.change(|state| {
        state.groups.remove("GID_offline");
        state
            .groups
            .insert("GID_caught_up".to_owned(), super::Group::push(0));
    });
    let call = "--expect GID_caught_up,GID_offline --previous first.ndjson --recheck 100% --results second.ndjson";
    let rows = audit(&tool, &cluster, call, 1);
    let first = of(&rows, 1);
    let verdict = |group: &str| {
        let seen = first.iter().find(|row| row["group"] == group).unwrap();
        seen["verdict"].clone()
    };
    assert_eq!(
        (verdict("GID_caught_up"), verdict("GID_offline")),
        ("open".into(), "absent".into())
    );
    let said = tool.call("report second.ndjson -o again.csv").ends(1);
    assert!(
        said.stderr
            .contains("GID_caught_up: 8 messages that it had passed are open now"),
        "{}",
        said.stderr
    );
}

#[test]
fn acl_says_which_permission_is_missing() {
    for (code, permission) in [
        (12, "needs SUB on the topic"),
        (203, "needs GET on the consumer groups"),
        (300, "needs GET on the topic"),
    ] {
        let (tool, cluster) = (Tool::new(), Cluster::start(state()));
        cluster.change(|state| state.refuse = Some((code, 16, u32::MAX)));
        tool.write("in.csv", keys([key(0)]));
        let status = if code == 12 { 2 } else { 3 };
        let call = tool
            .call("audit in.csv -o out.csv --source")
            .arg(&cluster.source());
        let said = call.ends(status);
        assert!(said.stderr.contains(permission), "{}", said.stderr);
    }
    let tool = Tool::new();
    tool.write("in.csv", keys([key(0)]));
    let call = tool.call("audit in.csv --source rocketmq://127.0.0.1:9");
    let said = call.env("ROCKETMQ_ACCESS_KEY", "half").ends(2);
    assert!(
        said.stderr.contains("ROCKETMQ_SECRET_KEY is not set"),
        "{}",
        said.stderr
    );
}

#[test]
fn offsets_are_read_one_by_one_if_bulk_reading_is_refused() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    tool.write("in.csv", keys((0..8).map(key)));
    let mut at_once = audit(&tool, &cluster, "--exit-zero", 0);
    cluster.change(|state| state.refuse = Some((43, 16, u32::MAX)));
    let mut one_by_one = audit(&tool, &cluster, "--exit-zero", 0);
    for row in at_once.iter_mut().chain(&mut one_by_one) {
        row.remove("observed_at");
    }
    assert_eq!(at_once, one_by_one);
    assert!(cluster.calls().contains_key(&14));
}

#[test]
fn a_busy_broker_is_asked_again_more_slowly() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    // The first look-up asks both brokers at once. Both are busy, since it is open which of them is asked first.
    cluster.change(|state| state.refuse = Some((12, 2, 2)));
    tool.write("in.csv", keys((0..3).map(key)));
    let call = tool
        .call("audit in.csv -o out.csv --exit-zero --source")
        .arg(&cluster.source());
    let said = call.ends(0);
    assert!(
        said.stderr.contains("throttled: slowing down"),
        "{}",
        said.stderr
    );
    assert!(!tool.read("out.csv").contains("unanswered"));
}
