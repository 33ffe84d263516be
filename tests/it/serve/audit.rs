//! `audit` against `serve`: the whole sample over real sockets gives the report that the snapshot gives directly.

use super::super::audit_http::{AUDIT, essence};
use super::super::tool::{Tool, table};
use super::{Served, with_key};

/// Audits the sample through a server and compares the report with that of the snapshot.
fn same_as_direct(tool: &Tool, served: &Served, flags: &str) {
    same_about(AUDIT, tool, served, flags);
}

fn same_about(audit: &str, tool: &Tool, served: &Served, flags: &str) {
    // What the service keeps beyond the answers expires, and the sample is old.
    let snapshot = "--source samples/cluster.json -o direct.csv --examine none";
    tool.call(audit).args(snapshot).ends(1);
    let call = tool
        .call(audit)
        .args("-o served.csv --examine none --source");
    with_key(call.arg(&served.url).args(flags)).ends(1);
    assert!(
        essence(&tool.read("served.csv")) == essence(&tool.read("direct.csv")),
        "{flags}"
    );
    tool.call("verify served.results.ndjson").ends(0);
}

/// Makes an audit of some rows of the sample, with breaks among them.
fn audit_of_some(tool: &Tool) -> String {
    let whole = tool.read("samples/incident.csv");
    let rows: Vec<_> = whole.split_inclusive('\n').collect();
    tool.write("some.csv", [rows[0], &rows[650..710].concat()].concat());
    AUDIT.replace("samples/incident.csv", "some.csv")
}

/// Returns every line of the access log, as JSON.
fn log(text: &str) -> Vec<serde_json::Value> {
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn both_signatures_give_the_report_of_the_snapshot() {
    let tool = Tool::new();
    let served = Served::start(&tool, "");
    same_as_direct(&tool, &served, "");
    same_as_direct(
        &tool,
        &served,
        "--signature v1 --results served.results.ndjson",
    );
    let report = table(&tool.read("served.csv"));
    let said = served.end();
    let log = log(&said);
    assert_eq!(log.len(), 2 * 986, "a line for each call");
    let mut ids: Vec<_> = log.iter().map(|line| line["request_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2 * 986, "a request ID for each call");
    for row in report.iter().filter(|row| !row["request_id"].is_empty()) {
        let id = Some(row["request_id"].as_str());
        assert!(ids.binary_search(&id).is_ok(), "{id:?} is not in the log");
    }
    for secret in ["served-key-secret", "Signature"] {
        assert!(!said.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn temporary_keys_need_their_token() {
    let tool = Tool::new();
    let keys =
        "[[keys]]\nid='served-key-id'\nsecret='served-key-secret'\nsecurity_token='CAIS+token/='\n";
    tool.write_private("sts.toml", keys);
    let served = Served::start(&tool, "--keys sts.toml");
    for signature in ["v3", "v1"] {
        let audit = |token| {
            let call = tool.call(AUDIT).args("-o served.csv --source");
            let call = call.arg(&served.url).args("--signature").arg(signature);
            with_key(call).env("ALIBABA_CLOUD_SECURITY_TOKEN", token)
        };
        audit("CAIS+token/=").ends(1);
        let said = audit("CAIS+other").ends(2);
        assert!(
            said.stderr.contains("InvalidSecurityToken"),
            "{}",
            said.stderr
        );
    }
    assert!(!served.end().contains("CAIS"));
}

#[test]
fn tls_works_with_an_own_certificate() {
    let tool = Tool::new();
    for (name, content) in [
        ("gateway.pem", include_str!("../../data/tls/gateway.pem")),
        ("gateway.key", include_str!("../../data/tls/gateway.key")),
    ] {
        tool.write_private(name, content);
    }
    let served = Served::start(&tool, "--tls-cert gateway.pem --tls-key gateway.key");
    assert!(
        served.url.starts_with("https://127.0.0.1:"),
        "{}",
        served.url
    );
    same_as_direct(&tool, &served, "--ca-cert gateway.pem");
    let call = tool.call(AUDIT).args("-o no.csv --source").arg(&served.url);
    let said = with_key(call).ends(2);
    assert!(said.stderr.contains("certificate"), "{}", said.stderr);
    served.end();
}

#[test]
fn an_audit_completes_within_a_quota() {
    let tool = Tool::new();
    let served = Served::start(&tool, "--quota 20/s");
    let audit = audit_of_some(&tool);
    same_about(&audit, &tool, &served, "--concurrency 8 --max-attempts 50");
    let log = log(&served.end());
    let throttled = log.iter().filter(|line| line["code"] == "Throttling.User");
    assert!(throttled.count() > 0);
}

#[test]
fn injected_faults_do_not_change_the_report() {
    let tool = Tool::new();
    let served = Served::start(&tool, "--fault-rate 30% --seed 7 --latency 1ms");
    // The fault injection throttles at any pace, so the audit is slow and uses only a few messages.
    let audit = audit_of_some(&tool);
    same_about(&audit, &tool, &served, "--max-attempts 30 --concurrency 32");
    let said = served.end();
    assert!(
        said.contains("DRILL: 1 ms of latency, 30 % faults"),
        "{said}"
    );
}
