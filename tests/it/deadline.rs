//! Runs with a deadline: the oldest messages first, and the rest in another night.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Gateway, Setup};
use super::tool::{Tool, table};

/// Returns a gateway that records the order of queries.
fn listening(setup: Setup) -> (Gateway, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let hear = move |call: Call<'_>| {
        heard.lock().unwrap().push(call.msg_id.to_owned());
        None
    };
    (setup.plan(hear).start(), asked)
}

#[test]
fn time_that_is_up_leaves_a_run_to_go_on_with() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 60, Gateway::setup()).start();
    let said = audit(&tool, &gateway, "--rate 20/s --max-time 1s").ends(3);
    for part in [
        "(--max-time 1s): the oldest are asked first, --resume goes on with the others",
        "the time is up (--max-time 1s)",
        " % of the messages) and kept in ",
        "run the same command with --resume to continue",
    ] {
        assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
    }
    let asked = gateway.calls();
    assert!((1..60).contains(&asked), "{asked}");
    assert_eq!(
        tool.names(),
        ["in.csv", "out.results.ndjson.partial"],
        "no report of a part"
    );
    audit(&tool, &gateway, "--rate max --resume --max-time 1h").ends(0);
    assert_eq!(gateway.calls(), 60);
    let rows: Vec<_> = table(&tool.read("out.csv"))
        .iter()
        .map(|row| row["row"].clone())
        .collect();
    assert_eq!(
        rows,
        (1..=60).map(|row| row.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn the_oldest_by_their_ids_are_asked_first_and_reported_in_their_place() {
    let tool = Tool::new();
    let (gateway, asked) = listening(Gateway::setup());
    let call = "audit samples/incident.csv --rate max --concurrency 1 -o r.csv --finish-by 23:59:59 --source";
    tool.call(call).arg(&gateway.url()).key().ends(1);
    let report = table(&tool.read("r.csv"));
    let born: HashMap<_, _> = report
        .iter()
        .map(|row| (&row["msg_id"], &row["born_at"]))
        .collect();
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 986);
    // Messages whose ID has no born time come last. Milliseconds do not count.
    let ages: Vec<_> = asked
        .iter()
        .map(|id| (born[id].is_empty(), born[id].get(..19).unwrap_or_default()))
        .collect();
    assert!(ages.is_sorted(), "{ages:?}");
    let rows: Vec<u64> = report
        .iter()
        .map(|row| row["row"].parse().unwrap())
        .collect();
    assert!(rows.is_sorted());
}

#[test]
fn a_column_can_tell_the_age() {
    let tool = Tool::new();
    let (gateway, asked) = listening(some_messages(&tool, 4, Gateway::setup()));
    let ages = [
        "2026-11-21T10:00:00Z",
        "",
        "2026-11-20 10:00:00",
        "1794000000000",
    ];
    let list = tool.read("in.csv").replacen("topic", "topic,Sent At", 1);
    let mut lines = list.lines();
    let mut dated = format!("{}\n", lines.next().unwrap());
    for (line, age) in lines.zip(ages) {
        dated.extend([line, ",", age, "\n"]);
    }
    tool.write("in.csv", dated);
    audit(
        &tool,
        &gateway,
        "--rate max --concurrency 1 --born-column sent_at",
    )
    .ends(0);
    let order: Vec<_> = asked
        .lock()
        .unwrap()
        .iter()
        .map(|id| id[31..].to_owned())
        .collect();
    assert_eq!(order, ["4", "3", "1", "2"]);
    let said = audit(&tool, &gateway, "--restart --born-column nowhere").ends(2);
    assert!(
        said.stderr
            .contains("no row keeps exactly one column `nowhere`"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 4);
}

#[test]
fn an_end_that_is_over_or_no_time_is_refused() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 1, Gateway::setup()).start();
    for (flags, says) in [
        (
            "--finish-by 2020-01-01T06:00Z",
            "--finish-by 2020-01-01T06:00Z is over",
        ),
        (
            "--finish-by noon",
            "`noon` is not a time; expected for example 06:00",
        ),
        ("--max-time 0s", "`0s` is not a length of time"),
        ("--max-time 1h --finish-by 06:00", "cannot be used with"),
    ] {
        let said = audit(&tool, &gateway, flags).ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_time_of_day_is_shown_with_its_zone_or_refused() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json -o r.csv --restart";
    let call = tool.call(audit).args("--finish-by 12:00");
    let said = call.env("TZ", "Nonsense/Zone").ends(2);
    let error = "error: --finish-by is a time of day, and TZ is `Nonsense/Zone`, which is no time zone\nhint: set TZ";
    assert!(said.stderr.contains(error), "{}", said.stderr);
    for (zone, offset) in [
        ("Asia/Shanghai", "12:00:00 +08:00"),
        ("UTC", "12:00:00 +00:00"),
    ] {
        let call = tool.call(audit).args("--finish-by 12:00");
        let said = call.env("TZ", zone).ends(1);
        assert!(
            said.stderr.contains("--finish-by 12:00 is "),
            "{}",
            said.stderr
        );
        assert!(said.stderr.contains(offset), "{}", said.stderr);
    }
}
