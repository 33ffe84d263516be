//! `expect learn`: the draft of an expectations file.

use insta::assert_snapshot;

use super::tool::Tool;

/// Returns a tool with the results file of the sample incident.
fn audited() -> Tool {
    let tool = Tool::new();
    tool.call("audit samples/incident.csv --source samples/cluster.json -o report.csv")
        .ends(1);
    tool
}

#[test]
fn a_draft_shows_who_answered_and_says_that_it_is_one() {
    let tool = audited();
    let said = tool
        .call("expect learn report.results.ndjson -o draft.csv")
        .ends(0);
    assert!(
        said.stderr
            .contains("it shows who answers, not who should; go through it before you rely on it"),
        "{}",
        said.stderr
    );
    assert_snapshot!(tool.read("draft.csv"), @r#"
    # DRAFT by `ons-audit expect learn`: who answered, not who should. Delete the lines of groups that nobody expects,
    # add those that were never started (no answer names them), then delete these lines.
    topic,group,in_answers,of_answers,had_passed,look_at
    orders,GID_analytics,645,645,0,"passed none: offline, pulling, broadcasting or stuck?"
    orders,GID_billing,645,645,435,
    orders,GID_loyalty,645,645,0,"passed none: offline, pulling, broadcasting or stuck?"
    orders,GID_search,645,645,645,
    orders,GID_shipping,645,645,638,
    payments,GID_analytics,294,294,0,"passed none: offline, pulling, broadcasting or stuck?"
    payments,GID_billing,294,294,283,
    payments,GID_shipping,294,294,267,
    payments,GID_wallboard,294,294,0,"passed none: offline, pulling, broadcasting or stuck?"
    refunds,GID_billing,43,43,43,
    refunds,GID_loyalty,43,43,0,"passed none: offline, pulling, broadcasting or stuck?"
    "#);
    // The draft is a valid expectations file, and every audit says that it is a draft.
    let said = tool
        .call("report report.results.ndjson --expect-file draft.csv -o again.csv")
        .ends(1);
    assert!(
        said.stderr.contains("draft.csv is an unconfirmed draft"),
        "{}",
        said.stderr
    );
    let draft = tool.read("draft.csv");
    let lines = draft.split_inclusive('\n');
    let confirmed: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
    tool.write("expected.csv", confirmed.concat());
    let said = tool
        .call("report report.results.ndjson --expect-file expected.csv -o again.csv")
        .ends(1);
    assert!(!said.stderr.contains("draft"), "{}", said.stderr);
}

#[test]
fn what_people_wrote_is_not_replaced() {
    let tool = audited();
    tool.write("expected.csv", "topic,group\norders,GID_mine\n");
    let said = tool
        .call("expect learn report.results.ndjson -o expected.csv")
        .ends(2);
    assert!(
        said.stderr.contains("expected.csv exists"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("\nhint: name another file"),
        "{}",
        said.stderr
    );
    assert_eq!(tool.read("expected.csv"), "topic,group\norders,GID_mine\n");
    let drafted = tool
        .call("expect learn report.results.ndjson")
        .ends(0)
        .stdout;
    assert!(drafted.starts_with("# DRAFT"), "{drafted}");
}

#[test]
fn nothing_is_learnt_from_nothing() {
    let tool = Tool::new();
    tool.call("audit - --topic nowhere --source samples/cluster.json --results r.ndjson")
        .stdin("0A15030B110F18B4AAC264BE6C450BA2\n".to_owned())
        .ends(1);
    let said = tool.call("expect learn r.ndjson").ends(2);
    assert!(
        said.stderr.contains("nothing to learn from"),
        "{}",
        said.stderr
    );
    let said = tool.call("expect learn missing.ndjson").ends(2);
    assert!(said.stderr.contains("missing.ndjson"), "{}", said.stderr);
}
