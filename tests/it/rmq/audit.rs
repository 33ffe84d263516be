//! Audits of the table through the gateway: every pair of message and group has the verdict of its rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::super::gateway::TOKEN;
use super::super::tool::{Call, Tool, table};
use super::gateway::Gateway;
use super::truth::{By, Expected, GROUPS, INSTANCE, Message, NEVER, Pair, Truth};
use super::wire::Operation;

/// The verdict of a message, and of each group: verdict, evidence, deliveries.
type Found = BTreeMap<(String, String), (String, BTreeMap<String, [String; 3]>)>;

/// A folder with the table as input and expectations. The rows name their instance.
fn with_input(truth: &Truth) -> Tool {
    let tool = Tool::new();
    let mut input = "msg_id,topic,instance_id\n".to_owned();
    for message in &truth.messages {
        for cell in [&message.id, ",", &message.topic, ",", INSTANCE, "\n"] {
            input += cell;
        }
    }
    tool.write("in.csv", input);
    let mut expected = "topic,group\n".to_owned();
    for topic in truth.topics() {
        for group in GROUPS.into_iter().chain([NEVER]) {
            for cell in [topic, ",", group, "\n"] {
                expected += cell;
            }
        }
    }
    tool.write("expected.csv", expected);
    tool
}

/// The same without the messages that are never answered.
fn with_answered(truth: &mut Truth) -> Tool {
    let messages = &mut truth.messages;
    messages.retain(|message| message.expected != Expected::Unanswered);
    with_input(truth)
}

fn source(gateway: &Gateway) -> String {
    format!("rmq+http://{}/{INSTANCE}", gateway.address())
}

const AUDIT: &str = "audit in.csv --expect-file expected.csv --raw-csv --rate max";

/// Returns an audit of everything.
fn audit<'t>(tool: &'t Tool, gateway: &Gateway, flags: &str) -> Call<'t> {
    let call = tool.call(AUDIT).args(flags).args("--source");
    call.arg(&source(gateway)).examining_key()
}

/// Reads the long CSV.
fn found_in_csv(tool: &Tool, name: &str) -> Found {
    let mut found = Found::new();
    for row in table(&tool.read(name)) {
        let key = (row["topic"].clone(), row["msg_id"].clone());
        let message = found.entry(key).or_default();
        row["message_verdict"].clone_into(&mut message.0);
        if !row["group"].is_empty() {
            let cells = ["verdict", "evidence", "attempts_seen"].map(|column| row[column].clone());
            assert!(
                message.1.insert(row["group"].clone(), cells).is_none(),
                "{row:?}"
            );
        }
    }
    found
}

/// Reads the NDJSON.
fn found_in_ndjson(tool: &Tool, name: &str) -> Found {
    let text = tool.read(name);
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text_of = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let message = |line: Value| {
        line.get("msg_id")?; // the first line is about the run
        let tracks = line["tracks"].as_array().cloned().unwrap_or_default();
        let tracks = tracks.iter().map(|track| {
            let cells =
                ["verdict", "evidence", "attempts_seen"].map(|field| text_of(&track[field]));
            (text_of(&track["group"]), cells)
        });
        let key = (text_of(&line["topic"]), text_of(&line["msg_id"]));
        let verdict = line.get("message_verdict").unwrap_or(&line["verdict"]);
        Some((key, (text_of(verdict), tracks.collect())))
    };
    lines.filter_map(message).collect()
}

/// What an audit must find. `change` says what follows where a call of the table cannot be made.
fn expected(truth: &Truth, change: impl Fn(&Message, &str, &Pair) -> Option<Pair>) -> Found {
    let of_message = |message: &Message| {
        let key = (message.topic.clone(), message.id.clone());
        let Expected::Groups(pairs) = &message.expected else {
            let verdict = match message.expected {
                Expected::Unanswered => "unanswered",
                _ => "not_found",
            };
            return (key, (verdict.to_owned(), BTreeMap::new()));
        };
        let pairs = pairs.iter().map(|(group, pair)| {
            let pair = change(message, group, pair).unwrap_or_else(|| pair.clone());
            let attempts = match pair.attempts {
                0 => String::new(),
                attempts => attempts.to_string(),
            };
            (
                group.clone(),
                [pair.verdict.to_owned(), pair.evidence.to_owned(), attempts],
            )
        });
        let pairs: BTreeMap<_, _> = pairs.collect();
        (key, (of_groups(&pairs).to_owned(), pairs))
    };
    truth.messages.iter().map(of_message).collect()
}

/// Returns the verdict of a message by those of its groups, all of which are expected.
fn of_groups(pairs: &BTreeMap<String, [String; 3]>) -> &'static str {
    let is_any = |verdicts: &[&str]| {
        let mut found = pairs.values().map(|[verdict, ..]| verdict.as_str());
        found.any(|verdict| verdicts.contains(&verdict))
    };
    if is_any(&[
        "open",
        "absent",
        "retrying",
        "failed",
        "filtered",
        "dead_lettered",
    ]) {
        "break"
    } else if is_any(&["undetermined"]) {
        "undetermined"
    } else {
        "reconciled"
    }
}

fn as_the_table_says(_: &Message, _: &str, _: &Pair) -> Option<Pair> {
    None
}

/// Compares pair by pair, and names the rules of those that differ.
#[track_caller]
fn assert_found(truth: &Truth, found: &Found, expected: &Found) {
    let mut wrong = Vec::new();
    for (key, right) in expected {
        let Some(message) = found.get(key) else {
            wrong.push(format!("{key:?} is missing"));
            continue;
        };
        if message.0 != right.0 {
            wrong.push(format!("{key:?} is {}, expected {}", message.0, right.0));
        }
        let groups: BTreeSet<_> = message.1.keys().chain(right.1.keys()).collect();
        for group in groups {
            let (is, must) = (message.1.get(group), right.1.get(group));
            if is != must {
                let pair = truth.pair(&key.0, &key.1, group);
                let rule = pair.map_or("no pair", |pair| &pair.rule);
                wrong.push(format!(
                    "{key:?} {group}: {is:?}, expected {must:?}: {rule}"
                ));
            }
        }
    }
    assert_eq!(found.len(), expected.len());
    let count = wrong.len();
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{count} differ:\n{}", wrong.join("\n"));
}

/// Returns the numbers of calls that an audit without faults needs.
fn needed(truth: &Truth) -> BTreeMap<Operation, usize> {
    let (mut traces, mut topics) = (0, BTreeSet::new());
    let (mut lags, mut policies) = (BTreeSet::new(), BTreeSet::new());
    for message in &truth.messages {
        traces += match message.expected {
            Expected::Unanswered => 5,
            _ => 1,
        };
        let Expected::Groups(pairs) = &message.expected else {
            continue;
        };
        topics.insert(&message.topic);
        for (group, pair) in pairs {
            if pair.by == By::Lag {
                lags.insert((group, &message.topic));
            }
            if pair.by == By::Policy {
                policies.insert(group);
            }
        }
    }
    let details = truth.messages.iter().filter(|message| message.confirmed);
    BTreeMap::from([
        (Operation::GetTrace, traces),
        (Operation::GetMessageDetail, details.count()),
        (Operation::ListTopicSubscriptions, topics.len()),
        (Operation::GetConsumerGroupLag, lags.len()),
        (Operation::GetConsumerGroup, policies.len()),
        (Operation::GetInstance, 1),
    ])
}

/// What is said beside the verdicts of the table.
fn assert_notes(truth: &Truth, tool: &Tool, name: &str) {
    let (mut deleted, mut offline, mut unknown) = (0, 0, 0);
    for row in table(&tool.read(name)) {
        let Some(pair) = truth.pair(&row["topic"], &row["msg_id"], &row["group"]) else {
            continue;
        };
        let is_deleted = row["evidence_note"].starts_with("not kept");
        assert_eq!(is_deleted, pair.not_kept, "{row:?}");
        deleted += usize::from(is_deleted);
        offline += usize::from(row["mark"].split(' ').any(|mark| mark == "offline"));
        unknown += usize::from(row["mark"].contains("_unknown"));
        let says_why = !row["evidence_note"].is_empty() || !row["mark"].is_empty();
        let is_explained =
            says_why || row["track_type"] != "NO_RECORD" || pair.verdict != "undetermined";
        assert!(is_explained, "{row:?}");
    }
    assert!(
        deleted > 50 && offline > 10 && unknown > 20,
        "{deleted} {offline} {unknown}"
    );
}

#[test]
fn an_audit_equals_the_truth() {
    let truth = Arc::new(Truth::now());
    let (tool, gateway) = (with_input(&truth), Gateway::setup(&truth).start());
    let reports =
        "-o a.csv -o a.ndjson -o a.json -o a.html -o a.xlsx -o a.md --bundle a.zip --worklist work";
    audit(&tool, &gateway, reports).ends(3); // two messages have no answer
    let right = expected(&truth, as_the_table_says);
    assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
    assert_found(&truth, &found_in_ndjson(&tool, "a.ndjson"), &right);
    assert_eq!(gateway.calls(), needed(&truth));
    assert_notes(&truth, &tool, "a.csv");

    tool.call("report a.results.ndjson --expect-file expected.csv --raw-csv -o again.csv -o again.json -o again.html")
        .ends(3);
    for ending in ["csv", "json", "html"] {
        let [first, again] = ["a", "again"].map(|name| tool.read(&format!("{name}.{ending}")));
        assert!(first == again, "{ending}");
    }
    tool.call("verify a.results.ndjson").ends(0);
    tool.call("verify a.zip").ends(0);
    for name in ["a.xlsx", "a.md", "work"] {
        assert!(tool.has(name), "{name}");
    }
    assert!(
        tool.read("a.results.ndjson")
            .starts_with(r#"{"schema":"ons-audit/2","#)
    );
    for report in ["a.results.ndjson", "a.csv", "a.ndjson", "a.html", "a.json"] {
        assert!(
            !tool.read(report).contains("c2VjcmV0"),
            "{report} has the body of a message"
        );
    }
}

#[test]
fn faults_change_nothing() {
    let mut truth = Truth::now();
    let tool = with_answered(&mut truth);
    let truth = Arc::new(truth);
    let gateway = Gateway::setup(&truth).faults(30, 1).start();
    let flags = "--concurrency 64 --max-attempts 12 -o a.csv";
    audit(&tool, &gateway, flags).ends(1);
    let right = expected(&truth, as_the_table_says);
    assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
    let calls: usize = gateway.calls().values().sum();
    let percent = 100 * gateway.faults() / calls;
    assert!((25..35).contains(&percent), "{percent} % of {calls} calls");
    tool.call("verify a.results.ndjson").ends(0);
}

/// What follows for a pair where the key may not call an operation.
fn without(operation: Operation, message: &Message, group: &str, pair: &Pair) -> Option<Pair> {
    let undetermined = Pair {
        verdict: "undetermined",
        evidence: "",
        ..pair.clone()
    };
    if operation == Operation::ListTopicSubscriptions
        && let Some(pair) = &pair.without_model
    {
        return Some((**pair).clone());
    }
    let is_affected = match operation {
        Operation::GetMessageDetail => message.confirmed && !pair.is_recorded() && group != NEVER,
        Operation::ListTopicSubscriptions => !pair.is_recorded(),
        Operation::GetConsumerGroupLag => pair.by == By::Lag,
        Operation::GetConsumerGroup => matches!(pair.verdict, "failed" | "retrying"),
        Operation::GetTrace | Operation::GetInstance => false,
    };
    is_affected.then_some(undetermined)
}

/// The service may say that a message does not exist, but the key may not ask for a confirmation.
fn without_confirmations(mut truth: Truth) -> Truth {
    let unconfirmed = |group: &str| Pair {
        verdict: if group == NEVER {
            "absent"
        } else {
            "undetermined"
        },
        ..truth
            .messages
            .iter()
            .find_map(|message| truth.pair(&message.topic, &message.id, NEVER))
            .unwrap()
            .clone()
    };
    let groups = GROUPS.into_iter().chain([NEVER]);
    let pairs: BTreeMap<_, _> = groups
        .map(|group| (group.to_owned(), unconfirmed(group)))
        .collect();
    for message in &mut truth.messages {
        if message.confirmed && message.expected == Expected::NotFound {
            message.expected = Expected::Groups(pairs.clone());
        }
    }
    truth
}

#[test]
fn a_denied_operation_leaves_its_pairs_undetermined() {
    for operation in Operation::ALL.into_iter().skip(1) {
        let mut truth = Truth::now();
        let tool = with_answered(&mut truth);
        let truth = Arc::new(truth);
        let gateway = Gateway::setup(&truth).start();
        gateway.deny(operation);
        let said = audit(&tool, &gateway, "-o a.csv").ends(1);
        let right = if operation == Operation::GetMessageDetail {
            let mut unconfirmed = Truth::at(truth.now);
            with_answered(&mut unconfirmed);
            let unconfirmed = without_confirmations(unconfirmed);
            expected(&unconfirmed, |m, group, pair| {
                without(operation, m, group, pair)
            })
        } else {
            expected(&truth, |m, group, pair| without(operation, m, group, pair))
        };
        assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
        let action = format!("rocketmq:{} (", operation.as_str());
        let is_logged = |line: &&str| line.starts_with(" WARN") || line.starts_with(" INFO");
        let lines = said.stderr.lines().filter(is_logged);
        let times = lines.filter(|line| line.contains(&action)).count();
        assert_eq!(
            times, 1,
            "{action} is named {times} times:\n{}",
            said.stderr
        );
        tool.call("verify a.results.ndjson").ends(0);
    }
}

#[test]
fn a_resumed_audit_equals_the_truth() {
    let mut truth = Truth::now();
    let tool = with_answered(&mut truth);
    let truth = Arc::new(truth);
    let gateway = Gateway::setup(&truth).holds_every(150).start();
    let flags = "--concurrency 4 --resume --results r.ndjson -o a.csv";
    for (nth, signal) in (1..).zip(["INT", "KILL", "TERM", "KILL"]) {
        let running = audit(&tool, &gateway, flags).start();
        gateway.wait_for_requests(nth * 150);
        running.signal(signal);
        if signal != "KILL" {
            running.signal(signal); // the answer that is held is not awaited
            running.ends(3);
        }
    }
    gateway.release();
    audit(&tool, &gateway, flags).ends(1);
    let right = expected(&truth, as_the_table_says);
    assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
    let (calls, needed) = (gateway.calls(), needed(&truth));
    let twice = calls[&Operation::GetTrace] - needed[&Operation::GetTrace];
    assert!(twice <= 4 * 4, "{twice} messages were asked about twice");
    tool.call("verify r.ndjson").ends(0);
}

/// A folder with one message whose groups are judged by their lag.
fn with_one_message(truth: &mut Truth) -> Tool {
    let is_by_lag = |message: &Message| match &message.expected {
        Expected::Groups(pairs) => pairs.values().any(|pair| pair.by == By::Lag),
        _ => false,
    };
    truth.messages.retain(is_by_lag);
    truth.messages.truncate(1);
    with_input(truth)
}

#[test]
fn a_run_whose_time_is_up_before_the_lags_are_read_is_not_complete() {
    let mut truth = Truth::now();
    let tool = with_one_message(&mut truth);
    let truth = Arc::new(truth);
    // The instance, the trace, the subscriptions: the fourth request is about a lag.
    let gateway = Gateway::setup(&truth).holds_every(4).start();
    let said = audit(&tool, &gateway, "--max-time 2s -o a.csv").ends(3);
    assert!(said.stderr.contains("the time is up"), "{}", said.stderr);
    assert!(!tool.path("a.csv").exists() && !tool.path("a.results.ndjson").exists());
    gateway.release();
    audit(&tool, &gateway, "--resume -o a.csv").ends(1);
    let right = expected(&truth, as_the_table_says);
    assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
    assert_eq!(gateway.calls()[&Operation::GetTrace], 1);
}

#[test]
fn a_signal_stops_a_run_that_asks_the_instance() {
    let mut truth = Truth::now();
    let tool = with_one_message(&mut truth);
    let truth = Arc::new(truth);
    for signal in ["INT", "TERM"] {
        let gateway = Gateway::setup(&truth).holds_every(1).start();
        let running = audit(&tool, &gateway, "-o a.csv").start();
        gateway.wait_for_requests(1);
        running.signal(signal);
        running.ends(3);
        gateway.release();
        assert_eq!(tool.names(), ["expected.csv", "in.csv"]);
        assert_eq!(gateway.calls().get(&Operation::GetTrace), None);
    }
}

#[test]
fn a_second_night_carries_over_what_had_passed() {
    let mut truth = Truth::now();
    let tool = with_answered(&mut truth);
    let truth = Arc::new(truth);
    let gateway = Gateway::setup(&truth).start();
    expect_little(&tool);
    audit(&tool, &gateway, "-o old.csv").ends(1);
    let first = gateway.calls()[&Operation::GetTrace];
    audit(&tool, &gateway, "--previous old.results.ndjson -o new.csv").ends(1);
    let second = gateway.calls()[&Operation::GetTrace] - first;
    assert!(second < first, "{second} of {first}");
    assert_eq!(
        found_in_csv(&tool, "new.csv"),
        found_in_csv(&tool, "old.csv")
    );
    tool.call("verify new.results.ndjson").ends(0);
    tool.call("diff old.results.ndjson new.results.ndjson --expect-file expected.csv -o diff.csv")
        .ends(0);
    let changes: BTreeSet<_> = table(&tool.read("diff.csv"))
        .into_iter()
        .map(|row| row["change"].clone())
        .collect();
    assert_eq!(changes, ["still_open".to_owned()].into());
}

/// Two groups of one topic are expected, so that some messages have passed everywhere.
fn expect_little(tool: &Tool) {
    let [first, second, ..] = GROUPS;
    let expected = format!("topic,group\ntags,{first}\ntags,{second}\n");
    tool.write("expected.csv", expected);
}

#[test]
fn a_lag_that_was_read_before_proves_what_is_carried_over() {
    let mut truth = Truth::now();
    let tool = with_answered(&mut truth);
    expect_little(&tool);
    let truth = Arc::new(truth);
    let gateway = Gateway::setup(&truth).start();
    audit(&tool, &gateway, "-o old.csv").ends(1);
    gateway.deny(Operation::GetConsumerGroupLag);
    audit(&tool, &gateway, "--previous old.results.ndjson -o new.csv").ends(1);
    tool.call("verify new.results.ndjson").ends(0);
    let old = found_in_csv(&tool, "old.csv");
    let mut carried = 0;
    for row in table(&tool.read("new.csv")) {
        let key = (row["topic"].clone(), row["msg_id"].clone());
        let Some(before) = old[&key].1.get(&row["group"]) else {
            continue;
        };
        let cells = ["verdict", "evidence", "attempts_seen"].map(|column| row[column].clone());
        let is_by_lag = before[1] == "lag";
        if row["attempts"] == "0" || !is_by_lag {
            assert_eq!(*before, cells, "{row:?}");
        }
        carried += usize::from(row["attempts"] == "0" && is_by_lag);
    }
    assert!(carried >= 5, "{carried} pairs by lag are carried over");
}

/// Returns an audit that must end before it has asked about many messages.
#[track_caller]
fn assert_fatal(setup: super::gateway::Setup, truth: &Truth, code: &str) {
    let gateway = setup.start();
    let tool = with_input(truth);
    let said = audit(&tool, &gateway, "-o a.csv").ends(2);
    assert!(said.stderr.contains(code), "{}", said.stderr);
    let calls: usize = gateway.calls().values().sum();
    assert!(calls <= 2, "{calls} calls"); // one of them about the instance
}

#[test]
fn what_refuses_every_call_ends_the_run() {
    let truth = Arc::new(Truth::now());
    for code in [
        "Instance.NotFound",
        "InvalidAction.NotFound",
        "InvalidAccessKeyId.NotFound",
    ] {
        let setup = Gateway::setup(&truth).refuses(Operation::GetTrace, 404, code);
        assert_fatal(setup, &truth, code);
    }
    let setup = Gateway::setup(&truth).secret("another");
    assert_fatal(setup, &truth, "SignatureDoesNotMatch");
}

#[test]
fn a_plan_asks_nothing() {
    let truth = Arc::new(Truth::now());
    let (tool, gateway) = (with_input(&truth), Gateway::setup(&truth).start());
    let call = tool.call("plan in.csv --source").arg(&source(&gateway));
    call.examining_key().ends(0);
    assert_eq!(gateway.calls(), BTreeMap::new());
}

#[test]
fn rows_name_their_instance_and_keys_have_tokens() {
    let truth = Arc::new(Truth::now());
    let gateway = Gateway::setup(&truth).token(TOKEN).start();
    let tool = with_input(&truth);
    let call = tool.call(AUDIT).args("-o a.csv --source");
    let call = call.arg(&format!("rmq+http://{}", gateway.address()));
    let call = call
        .examining_key()
        .env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN);
    call.ends(3);
    let right = expected(&truth, as_the_table_says);
    assert_found(&truth, &found_in_csv(&tool, "a.csv"), &right);
    assert_eq!(gateway.calls(), needed(&truth));
    let instances: BTreeSet<_> = gateway
        .asked()
        .into_iter()
        .map(|asked| asked.instance)
        .collect();
    assert_eq!(instances, [INSTANCE.to_owned()].into());
    assert!(gateway.bounded() > 0, "born times bound the search");
}
