//! `audit --infer` against `serve`: far fewer calls, and the answers are those that asking every message gives.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::tool::{Tool, table};
use super::{Served, with_key};

const QUEUES: u32 = 16;
const TAGS: [&str; 3] = ["created", "paid", "closed"];

/// The place of the nth message, with holes between the offsets.
fn place(nth: u32) -> (String, u32, u64) {
    let queue = nth % QUEUES;
    let broker = format!("broker-{}", queue / 8);
    (broker, queue % 8, u64::from(nth / QUEUES) * 3 + 7)
}

fn tag(nth: u32) -> &'static str {
    TAGS[(nth / 5 % 3) as usize]
}

fn id(nth: u32) -> String {
    format!("0A15030B110F18B4AAC264BE{nth:08X}")
}

/// Writes a snapshot with so many messages and five groups: two that are caught up, one of which filters; one that lags in
/// every queue, one that lags in some and filters; one that is offline.
fn write_snapshot(tool: &Tool, messages: u32) {
    let end = u64::from(messages / QUEUES) * 3 + 100;
    let queues: Vec<_> = (0..QUEUES)
        .map(|queue| json!({"broker": format!("broker-{}", queue / 8), "queue_id": queue % 8, "min_offset": 0, "max_offset": end}))
        .collect();
    let group = |name: &str, expression: &str, lag: &dyn Fn(u32) -> u64, online: bool| {
        let offsets: Vec<_> = (0..QUEUES)
            .map(|queue| {
                json!({"topic": "orders", "broker": format!("broker-{}", queue / 8), "queue_id": queue % 8,
                    "offset": end.saturating_sub(lag(queue))})
            })
            .collect();
        json!({"group": name, "online": online, "consume_type": "push", "message_model": "clustering", "offsets": offsets,
            "subscriptions": [{"topic": "orders", "expression": expression}]})
    };
    let groups = [
        group("GID_billing", "*", &|_| 0, true),
        group("GID_mail", "paid", &|_| 0, true),
        group(
            "GID_stock",
            "*",
            &|queue| u64::from(queue) * 150 + 400,
            true,
        ),
        group(
            "GID_search",
            "created||paid",
            &|queue| u64::from(queue % 4) * 700,
            true,
        ),
        group("GID_old", "*", &|_| 0, false),
    ];
    let stored: Vec<_> = (0..messages)
        .map(|nth| {
            let (broker, queue_id, queue_offset) = place(nth);
            json!({"msg_id": id(nth), "topic": "orders", "broker": broker, "queue_id": queue_id,
                "queue_offset": queue_offset, "tag": tag(nth)})
        })
        .collect();
    let snapshot = json!({"schema": "ons-audit-snapshot/1", "cluster": "demo", "captured_at": "2026-11-20T06:00:00Z",
        "brokers": ["broker-0", "broker-1"], "topics": [{"topic": "orders", "queues": queues}], "groups": groups,
        "messages": stored});
    tool.write("state.json", snapshot.to_string());
}

/// Writes the rows of the messages, with their places and with what `status` gives for each.
fn write_rows(tool: &Tool, messages: u32, status: impl Fn(u32) -> &'static str) {
    let mut rows = "msg_id,topic,broker,queue_id,queue_offset,tag,send_status,order\n".to_owned();
    for nth in 0..messages {
        let (broker, queue, offset) = place(nth);
        let status = status(nth);
        writeln!(
            rows,
            "{},orders,{broker},{queue},{offset},{},{status},{nth}",
            id(nth),
            tag(nth)
        )
        .unwrap();
    }
    tool.write("sent.csv", rows);
}

fn serve(tool: &Tool) -> Served {
    tool.write_private("keys.toml", super::KEYS);
    let call = tool.call("serve --source state.json --listen 127.0.0.1:0 --keys keys.toml");
    Served::of(call)
}

/// Verdict and track type by row and group.
fn verdicts(csv: &str) -> BTreeMap<(String, String), (String, String)> {
    let rows = table(csv).into_iter();
    rows.map(|row| {
        let of = |column: &str| row[column].clone();
        ((of("row"), of("group")), (of("verdict"), of("track_type")))
    })
    .collect()
}

/// Returns the last line of a results file.
fn trailer(tool: &Tool, results: &str) -> Value {
    let text = tool.read(results);
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

const AUDIT: &str = "audit sent.csv --concurrency 8 --examine none";

#[test]
fn twenty_thousand_messages_take_few_calls_and_have_the_same_verdicts() {
    let tool = Tool::new();
    write_snapshot(&tool, 20_000);
    write_rows(&tool, 20_000, |_| "SEND_OK");
    tool.call("audit sent.csv --source state.json --examine none -o direct.csv")
        .ends(1);
    let served = serve(&tool);
    let call = tool
        .call(AUDIT)
        .args("--rate max --infer -o inferred.csv -o s.md --source");
    let ended = with_key(call.arg(&served.url)).ends(1);
    let calls = served
        .end()
        .lines()
        .filter(|line| line.starts_with('{'))
        .count();
    assert!(calls <= 1_200, "{calls} calls");
    let (inferred, direct) = (tool.read("inferred.csv"), tool.read("direct.csv"));
    assert!(verdicts(&inferred) == verdicts(&direct));
    let trailer = trailer(&tool, "inferred.results.ndjson");
    let inference = &trailer["inference"];
    let messages = inference["messages"].as_u64().unwrap();
    let asked = 20_000 - messages;
    assert_eq!(calls as u64, asked + 1, "and one for the type of the topic");
    let rechecked = inference["rechecked"].as_u64().unwrap();
    assert!((250..550).contains(&rechecked), "{rechecked}");
    assert_eq!(inference["contradictions"], Value::Null);
    assert_eq!(inference["unknown_types"][0]["topic"], "orders");
    assert!(ended.stderr.contains("message type"), "{}", ended.stderr);
    for row in table(&inferred) {
        let is_inferred = row["evidence"] == "inferred";
        assert_eq!(is_inferred, row["attempts"] == "0", "{row:?}");
        assert_eq!(
            is_inferred,
            row["evidence_note"].starts_with("inferred from row ")
        );
    }
    let summary = tool.read("s.md");
    assert!(
        summary.contains(&format!(
            "20,000 messages settled by {} calls",
            commas(calls)
        )),
        "{summary}"
    );
    tool.call("verify inferred.results.ndjson").ends(0);
}

fn commas(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

#[test]
fn a_plan_shows_the_saving() {
    let tool = Tool::new();
    write_rows(&tool, 640, |nth| if nth < 600 { "SEND_OK" } else { "" });
    let plan = "plan sent.csv --source https://gateway.example --infer --expect a,b --format json";
    let said = tool.call(plan).args("--recheck 10%").ends(0);
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    let infer = &plan["infer"];
    assert_eq!(
        (&infer["placed"], &infer["queues"], &infer["groups"]),
        (&json!(600), &json!(16), &json!(2))
    );
    // 40 messages without a place, a call for the type of the topic, two in each queue, and a tenth of the rest.
    assert_eq!(infer["fewest_calls"], 40 + 1 + 32 + 57);
    // 16 queues of 37 or 38 messages: 2 + 2 × 6 calls in each.
    assert_eq!(infer["most_calls"], 40 + 1 + 16 * 14 + 38);
    let plan = "plan sent.csv --source https://gateway.example --infer --recheck 0%";
    let said = tool.call(plan).ends(0).stdout;
    let line = said
        .lines()
        .find(|line| line.starts_with("infer "))
        .unwrap();
    assert!(line.contains("73 to 553 calls instead of 640, "), "{line}");
    write_rows(&tool, 640, |_| "");
    let said = tool.call(plan).ends(0).stdout;
    assert!(
        said.contains("infer     saves nothing: no message has a place"),
        "{said}"
    );
}

#[test]
fn only_rows_that_were_sent_are_inferred() {
    let tool = Tool::new();
    write_snapshot(&tool, 640);
    let served = serve(&tool);
    let asked = |flags: &str, status: fn(u32) -> &'static str| {
        write_rows(&tool, 640, status);
        let call = tool
            .call(AUDIT)
            .args("--rate max --infer --recheck 0% -o o.csv --source");
        with_key(call.arg(&served.url)).args(flags).ends(1);
        let trailer = trailer(&tool, "o.results.ndjson");
        let inferred = trailer["inference"]["messages"].as_u64().unwrap();
        640 - inferred
    };
    let few = asked("", |_| "SEND_OK");
    assert!(few < 200, "{few}");
    assert_eq!(asked("--restart", |_| "FLUSH_DISK_TIMEOUT"), 640);
    assert_eq!(asked("--restart", |_| ""), 640);
    assert_eq!(asked("--restart --trust-input", |_| ""), few);
    let half = asked("--restart", |nth| if nth < 320 { "SEND_OK" } else { "" });
    assert!(half > 320 && half <= 320 + few, "{half}");
}

#[test]
fn an_interrupted_run_goes_on_with_its_answers() {
    let tool = Tool::new();
    write_snapshot(&tool, 2_000);
    write_rows(&tool, 2_000, |_| "SEND_OK");
    let served = serve(&tool);
    let audit = |flags: &str| {
        let call = tool.call(AUDIT).args("--source");
        with_key(call.arg(&served.url)).args(flags)
    };
    audit("--rate max --infer -o whole.csv --results whole.ndjson").ends(1);
    // The answers of a run that did not infer are anchors, too.
    audit("-o o.csv --rate 100 --max-time 1s").ends(3);
    let partial = tool.read("o.results.ndjson.partial").lines().count() - 1;
    assert!((10..2_000).contains(&partial), "{partial}");
    audit("-o o.csv --infer --rate 100 --max-time 1s --resume").ends(3);
    audit("-o o.csv --rate max --infer --resume").ends(1);
    assert!(verdicts(&tool.read("o.csv")) == verdicts(&tool.read("whole.csv")));
    let trailer = trailer(&tool, "o.results.ndjson");
    let inferred = trailer["inference"]["messages"].as_u64().unwrap();
    assert!(inferred > 1_000, "{inferred}");
    let lines = tool.read("o.results.ndjson");
    let marked = lines
        .lines()
        .filter(|line| line.contains("\"inferred_from\":"))
        .count();
    assert_eq!(marked as u64, inferred);
}

#[test]
fn answers_that_were_inferred_are_not_carried_over() {
    let tool = Tool::new();
    write_snapshot(&tool, 640);
    write_rows(&tool, 640, |_| "SEND_OK");
    let served = serve(&tool);
    let audit = |flags: &str| {
        let call = tool
            .call(AUDIT)
            .args(flags)
            .args("--expect GID_billing --source");
        with_key(call.arg(&served.url)).ends(0);
    };
    audit("--rate max --infer -o first.csv");
    audit("--rate max --infer -o second.csv --previous first.results.ndjson");
    let first = table(&tool.read("first.csv"));
    let second = table(&tool.read("second.csv"));
    let asked = |rows: &[BTreeMap<String, String>]| {
        rows.iter()
            .filter(|row| row["attempts"] != "0" && row["group"] == "GID_billing")
            .count()
    };
    let results = tool.read("second.results.ndjson");
    let carried = results
        .lines()
        .filter(|line| line.contains("\"carried_from\":"))
        .count();
    assert_eq!(carried, asked(&first));
    assert!(asked(&second) < 200);
    assert!(verdicts(&tool.read("first.csv")) == verdicts(&tool.read("second.csv")));
}

#[test]
fn other_sources_refuse_it() {
    let tool = Tool::new();
    for (source, why) in [
        ("samples/cluster.json", "a snapshot needs no calls"),
        (
            "rocketmq://127.0.0.1:1",
            "a cluster needs no call for each message",
        ),
        (
            "rmq://cn-hangzhou/rmq-cn-1",
            "5.x acknowledges each message alone",
        ),
    ] {
        let call = tool.call("audit samples/incident.csv -o o.csv --infer --source");
        let ended = call.arg(source).ends(2);
        assert!(
            ended
                .stderr
                .contains("--infer does not work with this source"),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}
