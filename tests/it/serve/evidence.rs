//! Dead letters and traces over sockets: this program's client finds in `serve` what the snapshot has.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use ons_audit::engine::{Pacer, Rate};
use ons_audit::evidence::{MessageKeys, ProofKind};
use ons_audit::source::Ons;
use ons_audit::source::ons::{
    ApiConfig, Credentials, DeadLetterRequest, Endpoint, LastCall, Network, Signature,
    TraceOutcome, TraceQuery,
};
use serde_json::json;

use super::super::tool::Tool;
use super::http::get;
use super::{Served, with_key};

const INSTANCE: &str = "MQ_INST_1_demo";
const TO: &str = "2026-11-20T06:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The store time of the nth dead letter: one each second.
fn stored(nth: u32) -> Timestamp {
    time("2026-11-20T02:00:00Z") + Duration::from_secs(nth.into())
}

/// A snapshot with so many dead letters of a group, one group that was not read completely, and a trace.
fn write_snapshot(tool: &Tool, letters: u32) {
    let letter = |nth: u32| {
        json!({"group": "GID_a", "kind": "dead_lettered", "key": format!("{nth:032X}"), "topic": "orders",
            "at": stored(nth).to_string(), "attempts": 16})
    };
    let mut proofs: Vec<_> = (0..letters).map(letter).collect();
    for (kind, at, attempts) in [("failed", 10, 1), ("succeeded", 20, 2)] {
        proofs.push(json!({"group": "GID_a", "kind": kind, "key": format!("{:032X}", 7), "at": stored(at).to_string(),
            "attempts": attempts, "host": "10.0.0.7"}));
    }
    let examined = |group: &str, incomplete: Option<&str>| {
        let mut topic = json!({"group": group, "topic": format!("%DLQ%{group}"), "to": TO});
        if let Some(reason) = incomplete {
            topic["incomplete"] = reason.into();
        }
        topic
    };
    let group = |name: &str| json!({"group": name, "online": true, "subscriptions": [{"topic": "orders", "expression": "*"}]});
    let groups = ["GID_a", "GID_b", "GID_c"].map(group);
    let snapshot = json!({"schema": "ons-audit-snapshot/1", "cluster": "demo", "captured_at": TO, "instance_id": INSTANCE,
        "topics": [{"topic": "orders"}], "groups": groups,
        "examined": [examined("GID_a", None), examined("GID_b", None), examined("GID_c", Some("it was refused"))],
        "proofs": proofs});
    tool.write("examined.json", snapshot.to_string());
}

fn serve(tool: &Tool, flags: &str) -> Served {
    tool.write_private("keys.toml", super::KEYS);
    let call = tool.call("serve --source examined.json --listen 127.0.0.1:0 --keys keys.toml");
    Served::of(call.args(flags))
}

fn client(served: &Served, signature: Signature) -> Ons {
    let key = Credentials {
        provider: "a test".into(),
        access_key_id: "served-key-id".into(),
        access_key_secret: "served-key-secret".into(),
        security_token: None,
    };
    Ons::new(ApiConfig {
        endpoint: Endpoint::parse(&served.url, false).unwrap(),
        key: key.into(),
        signature,
        timeout: Duration::from_secs(10),
        clock: ons_audit::clock::system,
        network: Network::default(),
    })
    .unwrap()
}

fn unlimited() -> Pacer {
    Pacer::new(Rate::Max, NonZeroU32::MIN)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.enable_all().build().unwrap().block_on(future)
}

#[test]
fn every_dead_letter_is_found_although_pages_are_limited() {
    let tool = Tool::new();
    // More than 50 pages of 50, so the time must be split.
    write_snapshot(&tool, 3_000);
    for (signature, flags) in [
        (Signature::V3, ""),
        (Signature::V1, "--fault-rate 20% --seed 7"),
    ] {
        let served = serve(&tool, flags);
        let ids: Vec<_> = (0..3_000)
            .step_by(7)
            .map(|nth| format!("{nth:032X}"))
            .collect();
        let keys: MessageKeys = ids.iter().map(String::as_str).collect();
        let groups = ["GID_a", "GID_b", "GID_c", "GID_x"];
        let request = DeadLetterRequest {
            last_call: LastCall::AT_ANY_TIME,
            groups: groups.map(|group| (None, group.into())).into(),
            from: time("2026-11-20T00:00:00Z"),
            to: time(TO),
            keys: &keys,
            limit: 20_000,
        };
        let found = block_on(client(&served, signature).dead_letters(&request, &unlimited()));
        let mut read: Vec<_> = found.proofs.iter().map(|proof| &*proof.key).collect();
        read.sort_unstable();
        assert_eq!(read, ids, "{flags}");
        assert!(found.proofs.iter().all(|proof| {
            proof.kind == ProofKind::DeadLettered
                && proof.topic.as_deref() == Some("orders")
                && proof.attempts == 16
        }));
        let reasons: Vec<_> = found
            .topics
            .iter()
            .map(|topic| topic.incomplete.as_deref())
            .collect();
        assert_eq!(reasons[..2], [None, None]);
        assert!(
            reasons[2].unwrap().ends_with("group GID_c: it was refused"),
            "{reasons:?}"
        );
        assert!(
            reasons[3].unwrap().contains("BIZ_SUBSCRIPTION_NOT_FOUND"),
            "{reasons:?}"
        );
        if flags.is_empty() {
            // Two halves with 60 pages together, the pages that show the need to split, and the other groups.
            assert!(found.calls <= 70, "{} calls", found.calls);
        }
        served.end();
    }
}

#[test]
fn a_trace_is_found_and_a_message_without_one_says_so() {
    let tool = Tool::new();
    write_snapshot(&tool, 1);
    let served = serve(&tool, "");
    let query = |topic: &str, nth: u32| TraceQuery {
        instance_id: Some(INSTANCE.into()),
        topic: topic.into(),
        msg_id: format!("{nth:032X}").into(),
        born_at: Some(stored(0)),
    };
    let messages = [query("orders", 7), query("orders", 8), query("refunds", 7)];
    let found = block_on(client(&served, Signature::V3).traces(
        &messages,
        LastCall::AT_ANY_TIME,
        &unlimited(),
    ));
    let reports: Vec<_> = found
        .proofs
        .iter()
        .map(|proof| (proof.kind, proof.at, proof.attempts, proof.host.as_deref()))
        .collect();
    assert_eq!(
        reports,
        [
            (ProofKind::Failed, stored(10), 1, Some("10.0.0.7")),
            (ProofKind::Succeeded, stored(20), 2, Some("10.0.0.7"))
        ]
    );
    assert_eq!(
        found.outcomes[..2],
        [TraceOutcome::Reported, TraceOutcome::NoReport]
    );
    let TraceOutcome::Untraced(reason) = &found.outcomes[2] else {
        panic!("{:?}", found.outcomes);
    };
    assert!(reason.contains("BIZ_TOPIC_NOT_FOUND"), "{reason}");
    assert_eq!(found.calls, 5);
    served.end();
}

#[test]
fn a_snapshot_that_was_not_examined_has_no_such_operations() {
    let tool = Tool::new();
    tool.write(
        "examined.json",
        r#"{"schema":"ons-audit-snapshot/1","cluster":"demo","captured_at":"2026-11-20T06:00:00Z"}"#,
    );
    let served = serve(&tool, "");
    let keys = MessageKeys::default();
    let request = DeadLetterRequest {
        last_call: LastCall::AT_ANY_TIME,
        groups: vec![(None, "GID_a".into()), (None, "GID_b".into())],
        from: time("2026-11-20T00:00:00Z"),
        to: time(TO),
        keys: &keys,
        limit: 100,
    };
    let found = block_on(client(&served, Signature::V3).dead_letters(&request, &unlimited()));
    let reason =
        "the gateway does not serve OnsDLQMessagePageQueryByGroupId (InvalidAction.NotFound)";
    let reasons: Vec<_> = found
        .topics
        .iter()
        .map(|topic| topic.incomplete.as_deref())
        .collect();
    assert_eq!(reasons, [Some(reason); 2]);
    assert_eq!(found.calls, 1, "the second group is not asked for");
    served.end();
}

#[test]
fn dead_letters_are_counted_against_the_quota_and_logged() {
    let tool = Tool::new();
    write_snapshot(&tool, 1);
    let call = tool.call("serve --source examined.json --listen 127.0.0.1:0 --quota 2/h");
    let served = Served::of(call);
    let target = "/?Action=OnsDLQMessageGetById&Version=2019-02-14&Format=JSON&GroupId=GID_a&MsgId=\
                  00000000000000000000000000000000";
    for status in ["200 OK", "200 OK", "400 Bad Request"] {
        let answer = get(&served, target);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
    let log = served.end();
    assert!(log.contains(r#""action":"OnsDLQMessageGetById""#), "{log}");
    assert!(log.contains(r#""code":"Throttling.User""#), "{log}");
}

/// A service without these operations costs the evidence, and the reasons are stated once.
#[test]
fn messages_that_cannot_be_traced_are_named_with_the_reason() {
    let tool = Tool::new();
    let whole = tool.read("samples/cluster.json");
    let mut snapshot: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let parts = snapshot.as_object_mut().unwrap();
    parts.remove("examined");
    parts.remove("proofs");
    tool.write("plain.json", snapshot.to_string());
    let served = Served::of(tool.call("serve --source plain.json --listen 127.0.0.1:0"));
    let rows: Vec<_> = whole_input(&tool);
    tool.write("few.csv", rows.concat());
    let call = tool.call(
        "audit few.csv --rate max --trace-sample 3 --exit-zero -o few.csv.report.csv --source",
    );
    let said = with_key(call.arg(&served.url)).ends(0);
    for says in ["WARN not examined completely: ", "WARN not traced: "] {
        assert_eq!(said.stderr.matches(says).count(), 1, "{}", said.stderr);
    }
    assert!(
        said.stderr.contains("could not be traced"),
        "{}",
        said.stderr
    );
}

/// Returns the heading of the sample's input and its first rows.
fn whole_input(tool: &Tool) -> Vec<String> {
    let input = tool.read("samples/incident.csv");
    input
        .split_inclusive('\n')
        .take(20)
        .map(str::to_owned)
        .collect()
}
