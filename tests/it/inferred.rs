//! `audit --infer` at a gateway whose answers do not follow the order of queues, and with topics that it does not fit.

use serde_json::Value;

use super::gateway::Gateway;
use super::tool::{Tool, table};

fn id(nth: usize) -> String {
    format!("0A15030B110F18B4AAC264BE{nth:08X}")
}

/// Rows of one queue of a topic.
fn rows(topic: &str, count: usize) -> String {
    let header = "msg_id,topic,broker,queue_id,queue_offset,tag,send_status\n".to_owned();
    let rows = (0..count).map(|nth| format!("{},{topic},b,0,{nth},paid,SEND_OK\n", id(nth)));
    header + &rows.collect::<String>()
}

/// A gateway where `GID_a` has passed all messages, and `GID_b` those for which `passed` holds.
fn gateway(
    topic: &str,
    count: usize,
    message_type: i64,
    passed: impl Fn(usize) -> bool,
) -> Gateway {
    let mut setup = Gateway::setup().message_type(topic, message_type);
    for nth in 0..count {
        let word = if passed(nth) {
            "CONSUMED"
        } else {
            "NOT_CONSUME_YET"
        };
        setup = setup.tells(topic, &id(nth), &[("GID_a", "CONSUMED"), ("GID_b", word)]);
    }
    setup.start()
}

fn trailer(tool: &Tool) -> Value {
    let text = tool.read("o.results.ndjson");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

const AUDIT: &str =
    "audit sent.csv --rate max --infer -o o.csv -o o.md -o o.html -o o.xlsx -o o.json";

#[test]
fn delayed_and_transactional_topics_are_asked() {
    for (message_type, calls) in [(0, 2), (1, 2), (4, 50), (5, 50)] {
        let tool = Tool::new();
        tool.write("sent.csv", rows("orders", 50));
        let gateway = gateway("orders", 50, message_type, |_| true);
        let call = tool
            .call(AUDIT)
            .args("--recheck 0% --source")
            .arg(&gateway.url());
        let said = call.key().ends(0);
        assert_eq!(gateway.calls(), calls, "{}", said.stderr);
        let says_why = said.stderr.contains("whose send results name other places");
        assert_eq!(says_why, calls > 2);
    }
}

/// Row 20 is open although the group has passed higher ones: the place of some row is wrong, or the offset was reset.
#[test]
fn a_contradiction_ends_the_inference_and_is_said_everywhere() {
    let tool = Tool::new();
    tool.write("sent.csv", rows("orders", 50));
    let gateway = gateway("orders", 50, 0, |nth| nth != 19);
    let call = tool
        .call(AUDIT)
        .args("--recheck 100% --source")
        .arg(&gateway.url());
    let said = call.key().ends(1);
    assert_eq!(gateway.calls(), 50, "every message is asked");
    let note = "inference failed for GID_b on topic orders: CONSUMED followed for row 20 from row 50, but its answer is";
    assert!(said.stderr.contains(note), "{}", said.stderr);
    for report in ["o.md", "o.html"] {
        let text = tool.read(report).replace('\\', "");
        assert!(text.contains("inference failed for"), "{report}: {text}");
    }
    let json: Value = serde_json::from_str(&tool.read("o.json")).unwrap();
    let contradiction = &json["runs"][0]["inference"]["contradictions"][0];
    assert_eq!(contradiction["row"], 20);
    assert_eq!(contradiction["group"], "GID_b");
    let open: Vec<_> = table(&tool.read("o.csv"))
        .into_iter()
        .filter(|row| row["verdict"] == "open")
        .map(|row| row["row"].clone())
        .collect();
    assert_eq!(open, ["20"]);
    assert_eq!(trailer(&tool)["inference"]["messages"], 0);
}

/// With `--examine failures`, an inferred pair says whether dead letters were examined.
#[test]
fn inferred_pairs_say_whether_dead_letters_were_examined() {
    for examine in ["none", "failures"] {
        let tool = Tool::new();
        tool.write("sent.csv", rows("orders", 50));
        let gateway = gateway("orders", 50, 0, |nth| nth < 50);
        let call = tool
            .call(AUDIT)
            .args("--recheck 0% --source")
            .arg(&gateway.url());
        let call = call.examining_key().env("ONS_AUDIT_EXAMINE", examine);
        call.ends(0);
        let rows = table(&tool.read("o.csv"));
        // The first row is asked, as the lowest of its queue.
        let first = &rows[2];
        assert_eq!(
            (&*first["evidence"], &*first["verdict"]),
            ("inferred", "passed")
        );
        // The IDs are older than dead letters are kept.
        assert_eq!(
            first["evidence_note"], "inferred from row 50; dead letters were not examined",
            "{examine}"
        );
        assert_eq!(rows.last().unwrap()["attempts"], "1");
    }
}

#[test]
fn a_denied_topic_takes_one_call() {
    let tool = Tool::new();
    let more = rows("denied", 40);
    let (_, more) = more.split_once('\n').unwrap();
    tool.write("sent.csv", rows("orders", 40) + more);
    let gateway = gateway("orders", 40, 0, |_| true);
    let call = tool
        .call(AUDIT)
        .args("--recheck 0% --source")
        .arg(&gateway.url());
    // The gateway does not know the messages of the other topic.
    call.key().ends(1);
    let rows = table(&tool.read("o.csv"));
    assert_eq!(
        rows.iter().filter(|row| row["verdict"].is_empty()).count(),
        40
    );
    assert_eq!(gateway.calls(), 2 + 40);
}

/// The oldest messages are deleted first. Those that do not exist any more are asked, and so they are not found.
#[test]
fn messages_that_are_deleted_are_not_found() {
    for deleted in [1, 20, 49, 50] {
        let tool = Tool::new();
        tool.write("sent.csv", rows("orders", 50));
        let mut setup = Gateway::setup();
        for nth in deleted..50 {
            setup = setup.tells("orders", &id(nth), &[("GID_a", "CONSUMED")]);
        }
        let gateway = setup.start();
        let call = tool.call(AUDIT).args("--recheck 0% --source");
        call.arg(&gateway.url()).key().ends(1);
        let rows = table(&tool.read("o.csv"));
        let missing = rows
            .iter()
            .filter(|row| row["message_verdict"] == "not_found");
        assert_eq!(missing.count(), deleted);
        let calls = gateway.calls();
        assert!(calls <= deleted + 8, "{deleted}: {calls}");
    }
}

/// A message of the sample that does not exist, although lower ones do, contradicts the order of the queue.
#[test]
fn a_message_of_the_sample_that_is_not_found_is_a_contradiction() {
    let tool = Tool::new();
    tool.write("sent.csv", rows("orders", 50));
    let mut setup = Gateway::setup();
    for nth in (0..50).filter(|nth| *nth != 30) {
        setup = setup.tells("orders", &id(nth), &[("GID_a", "CONSUMED")]);
    }
    let gateway = setup.start();
    let call = tool.call(AUDIT).args("--recheck 100% --source");
    let said = call.arg(&gateway.url()).key().ends(1);
    assert!(
        said.stderr
            .contains("followed for row 31 from row 50, but its answer is not_found"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 50);
}

/// A row that cannot be inferred shows that a group filters: then nothing is inferred for messages whose tags are unknown.
#[test]
fn what_other_rows_show_about_filters_counts() {
    let tool = Tool::new();
    let text = rows("orders", 40).replace(",tag,", ",colour,");
    // Row 14 was not sent for sure, so it is asked.
    let text = text.replace(
        &format!("{},orders,b,0,13,paid,SEND_OK", id(13)),
        &format!("{},orders,b,0,13,paid,FLUSH_DISK_TIMEOUT", id(13)),
    );
    tool.write("sent.csv", text);
    let mut setup = Gateway::setup();
    for nth in 0..40 {
        let is_filtered = (10..15).contains(&nth);
        let word = if is_filtered {
            "CONSUMED_BUT_FILTERED"
        } else {
            "CONSUMED"
        };
        setup = setup.tells("orders", &id(nth), &[("GID_a", word)]);
    }
    let gateway = setup.start();
    let call = tool.call(AUDIT).args("--recheck 0% --source");
    let said = call.arg(&gateway.url()).key().ends(0);
    assert!(
        said.stderr.contains("the tags of 39 messages are unknown"),
        "{}",
        said.stderr
    );
    let rows = table(&tool.read("o.csv"));
    let filtered = rows
        .iter()
        .filter(|row| row["verdict"] == "filtered")
        .count();
    assert_eq!(filtered, 5);
}

/// Rows that were inferred before an interruption are inferred again: the run may learn better.
#[test]
fn inferred_lines_of_an_unfinished_run_settle_nothing() {
    let tool = Tool::new();
    tool.write("sent.csv", rows("orders", 50));
    let first = gateway("orders", 50, 0, |_| true);
    let call = tool.call(
        "audit sent.csv --rate max --infer --recheck 0% --results r.ndjson -o o.csv --source",
    );
    call.arg(&first.url()).key().ends(0);
    // What an interruption would leave: all lines, but no trailer.
    let whole = tool.read("r.ndjson");
    let lines: Vec<_> = whole.lines().collect();
    let second = gateway("orders", 50, 0, |nth| nth < 5 || nth == 49);
    let partial = lines[..lines.len() - 1]
        .join("\n")
        .replace(&first.url(), &second.url());
    tool.write("q.ndjson.partial", partial + "\n");
    let call = tool.call("audit sent.csv --rate max --infer --recheck 100% --results q.ndjson -o o.csv --resume --source");
    call.arg(&second.url()).key().ends(1);
    let rows = table(&tool.read("o.csv"));
    let open = rows.iter().filter(|row| row["verdict"] == "open").count();
    assert_eq!(open, 44);
}
