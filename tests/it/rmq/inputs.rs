//! Rows with and without the instance that the source names are about the same messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::super::tool::{Tool, table};
use super::gateway::Gateway;
use super::truth::{Expected, INSTANCE, Truth};
use super::wire::Operation;

/// Ten answered messages, each in two rows: one names the instance, the other does not.
fn with_each_message_twice(truth: &Truth) -> Tool {
    let messages = truth.messages.iter();
    let messages = messages.filter(|message| matches!(message.expected, Expected::Groups(_)));
    let mut input = "msg_id,topic,instance_id\n".to_owned();
    for message in messages.take(10) {
        for instance in ["", INSTANCE] {
            input += &[&message.id, &*message.topic, instance].join(",");
            input += "\n";
        }
    }
    let tool = Tool::new();
    tool.write("in.csv", input);
    tool
}

#[test]
fn rows_without_an_instance_are_about_that_of_the_source() {
    let truth = Arc::new(Truth::now());
    let (tool, gateway) = (
        with_each_message_twice(&truth),
        Gateway::setup(&truth).start(),
    );
    let source = format!("rmq+http://{}/{INSTANCE}", gateway.address());
    let call = tool.call("plan in.csv --format json --source").arg(&source);
    let plan: Value = serde_json::from_str(&call.ends(0).stdout).unwrap();
    assert_eq!(
        (&plan["distinct"], &plan["duplicates"]),
        (&10.into(), &10.into())
    );
    assert_eq!(plan["examination"]["instance_calls"], 1);
    let topics = plan["examination"]["topic_calls"].as_u64().unwrap();

    let call = tool.call("audit in.csv --rate max --raw-csv -o a.csv --source");
    call.arg(&source).examining_key().ends(1);
    let calls = gateway.calls();
    assert_eq!(calls[&Operation::GetTrace], 10);
    assert_eq!(calls[&Operation::ListTopicSubscriptions] as u64, topics);
    let policies = gateway.asked().into_iter();
    let policies = policies.filter(|asked| asked.operation == Operation::GetConsumerGroup);
    let groups: BTreeSet<_> = policies.clone().map(|asked| asked.group).collect();
    assert_eq!(policies.count(), groups.len());
    let rows = table(&tool.read("a.csv"));
    let instances: BTreeSet<_> = rows.iter().map(|row| row["instance_id"].as_str()).collect();
    assert_eq!(instances, [INSTANCE].into());
    let header = tool.read("a.results.ndjson");
    let header: Value = serde_json::from_str(header.lines().next().unwrap()).unwrap();
    assert!(
        header.get("options").is_none(),
        "no flag was given: {header}"
    );
    tool.call("verify a.results.ndjson").ends(0);
}
