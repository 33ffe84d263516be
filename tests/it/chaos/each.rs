//! Each fault alone.

use super::super::audit_http::{audit, some_messages};
use super::super::gateway::{Call, Fault, Gateway};
use super::super::tool::{Tool, table};
use super::{answers, no_answers};

const FLAGS: &str = "--rate max --concurrency 32 --timeout 1500ms";

/// Plans one message without a fault, which opens the gate, and one with each fault: at first, or always.
fn one_each(tool: &Tool, faults: Vec<Fault>, for_ever: bool) -> Gateway {
    let many = faults.len() + 1;
    let plan = move |call: Call<'_>| {
        let nth = usize::from_str_radix(&call.msg_id[16..], 16).unwrap();
        let fault = faults.get(nth.checked_sub(2)?)?;
        (for_ever || call.attempt == 1).then(|| fault.clone())
    };
    some_messages(tool, many, Gateway::setup().plan(plan)).start()
}

/// Returns a report column of the messages that had a fault.
fn column(tool: &Tool, name: &str) -> Vec<String> {
    let rows = table(&tool.read("out.csv"));
    rows[1..].iter().map(|row| row[name].clone()).collect()
}

#[test]
fn what_is_no_answer_is_asked_for_again() {
    let tool = Tool::new();
    let gateway = one_each(&tool, no_answers(), false);
    audit(&tool, &gateway, FLAGS).ends(0);
    assert_eq!(column(&tool, "attempts"), vec!["2"; no_answers().len()]);
    assert_eq!(column(&tool, "group"), vec!["GID_a"; no_answers().len()]);
}

#[test]
fn what_is_one_is_taken_as_it_comes() {
    let tool = Tool::new();
    let gateway = one_each(&tool, answers(), true);
    audit(&tool, &gateway, FLAGS).ends(0);
    assert_eq!(
        gateway.calls(),
        answers().len() + 1,
        "nothing was asked twice"
    );
    assert_eq!(
        column(&tool, "group"),
        vec!["GID_a"; answers().len()],
        "nor counted twice"
    );
}

#[test]
fn a_fault_that_stays_is_named() {
    let tool = Tool::new();
    let gateway = one_each(&tool, no_answers(), true);
    audit(&tool, &gateway, FLAGS)
        .args("--max-attempts 2")
        .ends(3);
    assert_eq!(gateway.calls(), 2 * no_answers().len() + 1);
    let named = [
        "The request processing has failed.",
        "HTTP 502: not an answer of OnsMessageTrace",
        "HTTP 503: not an answer of OnsMessageTrace: an empty body",
        "Try later.",
        "the connection broke",
        "the response ended too early",
        "HTTP 200: not an answer of OnsMessageTrace",
        "HTTP 200: not an answer of OnsMessageTrace: an empty body",
        "an answer of more than 1 MiB",
        "an answer of more than 1 MiB",
        "compressed, which was not requested",
        "no answer in time",
        "no answer in time",
        "no answer in time",
        "Request was denied due to user flow control.",
        "the gateway gave no message",
        "HTTP 429: not an answer of OnsMessageTrace: an empty body",
        "HTTP 503: not an answer of OnsMessageTrace: an empty body",
    ];
    assert_eq!(named.len(), no_answers().len());
    let messages = column(&tool, "error_message");
    for (message, name) in messages.iter().zip(named) {
        assert!(message.contains(name), "`{name}` in {messages:#?}");
    }
    assert!(
        column(&tool, "message_verdict")
            .iter()
            .all(|verdict| verdict == "unanswered")
    );
}
