//! `serve` with 5.x as its source: clients get the words and codes of 4.x.

use std::sync::Arc;

use super::super::rmq::{Expected, Gateway, INSTANCE, Message, Operation, Truth};
use super::super::tool::{Tool, table};
use super::{Served, with_key};

/// Returns the verdict about the answer of `serve`, which says less than 5.x: it reads no lags, and has no word for a failure.
fn by_4(verdict: &str, evidence: &str) -> &'static str {
    match (verdict, evidence) {
        ("passed", "trace") => "passed",
        ("open", _) => "open",
        ("filtered", _) => "filtered",
        ("absent", _) => "absent",
        _ => "undetermined",
    }
}

#[test]
fn answers_of_5_are_those_of_its_records() {
    let (tool, truth) = (Tool::new(), Arc::new(Truth::now()));
    let gateway = Gateway::setup(&truth).start();
    let has_groups = |message: &&Message| matches!(message.expected, Expected::Groups(_));
    let orders = truth.messages.iter().filter(|m| m.topic == "orders");
    let orders: Vec<_> = orders.filter(has_groups).collect();
    // Every other row names its instance; the source has one for the others.
    let rows = orders.iter().enumerate().map(|(nth, message)| {
        let instance = if nth % 2 == 0 { INSTANCE } else { "" };
        format!("{},orders,{instance}\n", message.id)
    });
    let rows: String = rows.collect();
    let missing = "01DA97D4F2A81B0A5CFFFFFFFFFFFFFFFF";
    tool.write(
        "in.csv",
        format!("msg_id,topic,instance_id\n{rows}{missing},orders,\n"),
    );
    tool.write_private("keys.toml", super::KEYS);
    let source = format!("rmq+http://{}/{INSTANCE}", gateway.address());
    let call = tool.call("serve --listen 127.0.0.1:0 --rate max --keys keys.toml --source");
    let served = Served::of(call.arg(&source).key());

    let call = tool.call("audit in.csv --rate max --examine none -o out.csv --source");
    with_key(call.arg(&served.url)).ends(1);
    let rows = table(&tool.read("out.csv"));
    let mut compared = 0;
    for message in &orders {
        let Expected::Groups(groups) = &message.expected else {
            continue;
        };
        for row in rows.iter().filter(|row| row["msg_id"] == message.id) {
            let pair = &groups[&row["group"]];
            let expected = by_4(pair.verdict, pair.evidence);
            assert_eq!(row["verdict"], expected, "{pair:?} {row:?}");
            compared += 1;
        }
    }
    assert!(compared > 400 * 5, "{compared}");
    let found = rows.iter().find(|row| row["msg_id"] == missing).unwrap();
    assert_eq!(found["error_code"], "BIZ_NO_MESSAGE", "{found:?}");
    let calls = gateway.calls();
    assert_eq!(calls[&Operation::ListTopicSubscriptions], 1);
    assert!(!calls.contains_key(&Operation::GetConsumerGroupLag));
    served.end();
}
