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
    for (message_type, calls) in [(0, 1), (1, 1), (4, 50), (5, 50)] {
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
        assert_eq!(says_why, calls > 1);
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
    for (examine, note) in [
        (
            "none",
            "inferred from row 50; dead letters were not examined",
        ),
        (
            "failures",
            "inferred from row 50; dead letters were examined, without a copy",
        ),
    ] {
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
        let first = &rows[0];
        assert_eq!(
            (&*first["evidence"], &*first["verdict"]),
            ("inferred", "passed")
        );
        let is_recent = first["evidence_note"] == note;
        let is_old = first["evidence_note"].starts_with("not examined: ");
        assert!(is_recent || (examine == "failures" && is_old), "{first:?}");
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
    assert_eq!(gateway.calls(), 1 + 40);
}
