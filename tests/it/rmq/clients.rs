//! Serves the table for clients that we did not write: `tests/clients/run` starts this test and the clients.

use std::io::Read as _;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::gateway::{KEY_ID, SECRET};
use super::gateway::Gateway;
use super::truth::{Reply, Truth, written};
use super::wire::{Asked, Operation};

/// Returns what a client asks and what it must get.
fn ask(truth: &Truth, number: usize, asked: &Asked, reply: &Reply) -> Value {
    let mut query = json!({});
    match asked.operation {
        Operation::GetConsumerGroupLag => query["topicName"] = asked.topic.clone().into(),
        Operation::GetTrace if number.is_multiple_of(2) => {
            let mut messages = truth.messages.iter();
            let message = messages
                .find(|message| message.id == asked.message)
                .unwrap();
            query["startTime"] = written(message.born - SignedDuration::from_hours(24)).into();
            query["endTime"] = written(truth.now).into();
        }
        _ => {}
    }
    json!({
        "name": format!("{} {number}", asked.operation.as_str()), "operation": asked.operation.as_str(),
        "instance": asked.instance, "topic": asked.topic, "message": asked.message, "group": asked.group,
        "query": query, "status": reply.status, "body": reply.body,
    })
}

#[test]
#[ignore = "serves until stdin ends; tests/clients/run calls it"]
#[expect(clippy::print_stdout, reason = "the client reads the job")]
fn serves_the_official_clients() {
    let truth = Arc::new(Truth::now());
    let gateway = Gateway::setup(&truth).start();
    let asks = truth.askable().enumerate();
    let asks: Vec<_> = asks
        .map(|(number, (asked, reply))| ask(&truth, number, asked, reply))
        .collect();
    let job = json!({"endpoint": gateway.address(), "id": KEY_ID, "secret": SECRET, "asks": asks});
    println!("\n{job}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
