//! Faults between a call and its answer: the call is retried or the fault is reported, but no answer changes.

use std::time::Duration;

use serde_json::Value;

use super::audit_http::{audit, same_as_snapshot, some_messages};
use super::gateway::{Call, Fault, Gateway, SECRET, Setup, TOKEN};
use super::tool::{Tool, table};

/// Almost a third of all calls fails: a seventh of the messages needs three calls, another seventh two.
fn storm(faults: Vec<Fault>) -> Setup {
    Gateway::setup().plan(move |call: Call<'_>| {
        let needs = match call.msg_id.bytes().map(usize::from).sum::<usize>() % 7 {
            0 => 2,
            1 => 1,
            _ => 0,
        };
        let fault = &faults[call.number % faults.len()];
        // The gateway throttles only at first; throttling for ever would only slow the test down.
        let past = call.number > 150 && matches!(fault, Fault::Throttled(_));
        (call.attempt <= needs && !past).then(|| fault.clone())
    })
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Throttled(Some(5)),
        Fault::Internal,
        Fault::Reset,
        Fault::BadGateway,
        Fault::Truncated,
        Fault::Unavailable,
        Fault::Xml,
        Fault::Slow(Duration::from_millis(30)),
    ]
}

#[test]
fn a_storm_of_faults_changes_no_answer() {
    let (tool, gateway) = (Tool::new(), storm(faults()).token(TOKEN).start());
    let report = same_as_snapshot(&tool, &gateway, "", true);
    let again = gateway.calls() - 986;
    assert!(again > 250, "only {again} calls were asked again");
    let tried: usize = {
        let mut rows = report;
        rows.dedup_by_key(|row| row["row"].clone());
        let mut seen = std::collections::BTreeSet::new();
        rows.retain(|row| seen.insert((row["topic"].clone(), row["msg_id"].clone())));
        rows.iter()
            .filter_map(|row| row["attempts"].parse::<usize>().ok())
            .sum()
    };
    assert_eq!(tried, gateway.calls(), "the report knows every attempt");
}

#[test]
fn nor_does_a_storm_from_the_other_side() {
    let backwards = faults().into_iter().rev().collect();
    let (tool, gateway) = (Tool::new(), storm(backwards).start());
    same_as_snapshot(&tool, &gateway, "--signature v1", false);
    assert_eq!(gateway.signatures(), ["v1"].into());
}

#[test]
fn a_throttled_answer_without_a_time_holds_the_run_for_a_second() {
    let tool = Tool::new();
    let first = |call: Call<'_>| (call.number == 1).then_some(Fault::Throttled(None));
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(first)).start();
    let began = std::time::Instant::now();
    audit(&tool, &gateway, "--rate max --concurrency 1 -o page.html").ends(0);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(gateway.calls(), 4);
    let page = tool.read("page.html");
    for fact in [
        "calls<td dir=\"auto\">4 (1 retry, 1 throttled)",
        "rate<td dir=\"auto\">max",
    ] {
        assert!(page.contains(fact), "{fact}: {page}");
    }
}

#[test]
fn an_answer_that_is_too_late_is_asked_for_again() {
    let tool = Tool::new();
    let first = |call: Call<'_>| (call.number == 1).then_some(Fault::Held);
    let gateway = some_messages(&tool, 1, Gateway::setup().plan(first)).start();
    audit(&tool, &gateway, "--rate max --timeout 300ms").ends(0);
    assert!(gateway.calls() >= 2);
}

#[test]
fn what_is_never_answered_is_said_everywhere() {
    let tool = Tool::new();
    let broken = |call: Call<'_>| call.msg_id.ends_with('2').then_some(Fault::Internal);
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(broken)).start();
    let more = "--rate max --max-attempts 2 --exit-zero -o out.json -o out.md";
    let said = audit(&tool, &gateway, more).ends(3);
    assert_eq!(gateway.calls(), 4);
    let says = "INCOMPLETE: 1 of 3 messages got no answer.";
    assert!(said.stderr.contains(says) && tool.read("out.md").contains(says));
    assert!(said.stderr.contains("1 unanswered"), "{}", said.stderr);
    let summary: Value = serde_json::from_str(&tool.read("out.json")).unwrap();
    assert_eq!(
        (&summary["complete"], &summary["totals"]["unanswered"]),
        (&false.into(), &1.into())
    );
    let rows = table(&tool.read("out.csv"));
    let [_, row, _] = &*rows else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (&*row["message_verdict"], &*row["attempts"]),
        ("unanswered", "2")
    );
    assert_eq!(row["error_code"], "InternalError");
    // The results file is complete and says the same.
    tool.call("verify out.results.ndjson").ends(0);
    tool.call("report out.results.ndjson -o again.csv").ends(3);
    assert_eq!(tool.read("again.csv"), tool.read("out.csv"));
}

#[test]
fn a_redirect_is_not_followed() {
    for (status, ends) in [(302, 3), (307, 3), (301, 2), (308, 2)] {
        let (tool, elsewhere) = (Tool::new(), Gateway::setup().start());
        let to = elsewhere.url();
        let away = move |_: Call<'_>| Some(Fault::Redirect(status, to.clone()));
        let gateway = some_messages(&tool, 1, Gateway::setup().plan(away)).start();
        let said = audit(&tool, &gateway, "--max-attempts 1").ends(ends);
        let heard = if ends == 2 {
            said.stderr
        } else {
            tool.read("out.csv")
        };
        assert!(
            heard.contains("redirected to 127.0.0.1, not followed"),
            "{heard}"
        );
        assert_eq!((gateway.calls(), elsewhere.calls()), (1, 0));
    }
}

#[test]
fn a_fatal_refusal_after_some_answers_keeps_them() {
    let tool = Tool::new();
    let late = |call: Call<'_>| (call.number > 5).then_some(Fault::Forbidden);
    let gateway = some_messages(&tool, 40, Gateway::setup().plan(late)).start();
    let said = audit(&tool, &gateway, "--rate max --concurrency 2").ends(3);
    assert!(said.stderr.contains("Forbidden.RAM") && said.stderr.contains("mq:QueryMessageTrace"));
    assert!(
        said.stderr
            .contains("on acs:mq:REGION:ACCOUNT:orders, or leave that topic out\n"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains(
        "of 40 rows are done (5 answered, 12.5 % of the messages) and kept in out.results.ndjson.partial"
    ));
    assert!(gateway.calls() <= 8, "{} calls", gateway.calls());
    assert_eq!(
        tool.names(),
        ["in.csv", "out.results.ndjson.partial"],
        "no report of a part"
    );
    let lines = tool.read("out.results.ndjson.partial");
    assert_eq!(lines.lines().count(), 6, "the header and five answers");
    assert!(!lines.contains(SECRET));
}
