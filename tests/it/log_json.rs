//! `--log-format json`: every line on stderr is one JSON object, however the run ends.

use serde_json::Value;

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Fault, Gateway};
use super::tool::{Said, Tool};

/// Parses every line. Each has a time, a level and a message.
fn lines(said: &Said) -> Vec<Value> {
    let parsed = said.stderr.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{}", said.stderr));
        for field in ["timestamp", "level", "message"] {
            assert!(value[field].is_string(), "{field}: {line}");
        }
        value
    });
    parsed.collect()
}

/// Returns the last line of a run that ends with this level.
fn last(said: &Said, level: &str) -> Value {
    let last = lines(said).pop().expect("it says something");
    assert_eq!(last["level"], level, "{last}");
    last
}

const AUDIT: &str =
    "audit samples/incident.csv --source samples/cluster.json --log-format json -o a.csv";

#[test]
fn a_run_ends_with_its_summary_and_totals() {
    let tool = Tool::new();
    let said = tool.call(AUDIT).ends(1);
    assert!(lines(&said).iter().any(|line| line["level"] == "WARN"));
    let summary = last(&said, "INFO");
    assert_eq!(summary["summary"]["schema"], "ons-audit-summary/1");
    assert_eq!(summary["summary"]["totals"]["rows"], 1000);
    assert_eq!(summary["message"], summary["summary"]["headline"]);

    let said = tool
        .call("report a.results.ndjson --log-format json -o b.csv")
        .ends(1);
    assert_eq!(last(&said, "INFO")["summary"]["totals"]["distinct"], 986);

    let said = tool
        .call("diff a.results.ndjson a.results.ndjson --log-format json -o d.csv")
        .ends(0);
    assert!(last(&said, "INFO")["summary"]["changes"].is_object());

    let said = tool
        .call(AUDIT)
        .args("--results q.ndjson -o q.json --quiet")
        .ends(1);
    assert!(
        lines(&said).iter().all(|line| line["level"] == "WARN"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_refusal_is_an_error_with_hint_and_status() {
    let tool = Tool::new();
    tool.write("empty.csv", "msg_id,topic\n");
    tool.write("bad.toml", "rate = [");
    for call in [
        // The arguments
        "audit --log-format json --sauce x",
        "audit --log-format=json",
        // A setting, the settings file, the input, the source, a report, the expectations
        "audit samples/incident.csv --source samples/cluster.json --log-format json --rate never",
        "audit samples/incident.csv --source samples/cluster.json --log-format json --config bad.toml",
        "audit none.csv --source samples/cluster.json --log-format json",
        "audit empty.csv --source samples/cluster.json --log-format json",
        "audit samples/incident.csv --source none.json --log-format json",
        "audit samples/incident.csv --source samples/cluster.json --log-format json -o none/a.csv",
        "audit samples/incident.csv --source samples/cluster.json --log-format json --expect-file none.csv",
        "report none.ndjson --log-format json",
        "diff none.ndjson none.ndjson --log-format json",
        "serve --source none.json --log-format json",
    ] {
        let said = tool.call(call).ends(2);
        let error = last(&said, "ERROR");
        assert_eq!(error["status"], 2, "{error}");
        assert!(error["hint"].is_string(), "{call}: {error}");
        assert!(
            !error["message"].as_str().unwrap().contains("error: "),
            "{error}"
        );
    }
    let said = tool
        .call("verify none.ndjson")
        .env("ONS_AUDIT_LOG_FORMAT", "json")
        .ends(2);
    last(&said, "ERROR");
}

#[test]
fn a_run_over_the_network_is_json_too() {
    let tool = Tool::new();
    let throttled = |call: Call<'_>| (call.number == 2).then_some(Fault::Throttled(None));
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(throttled)).start();
    let said = audit(&tool, &gateway, "--rate max --log-format json -o a.csv").ends(0);
    let begins = |text: &str| {
        let mut lines = lines(&said).into_iter();
        lines.any(|line| line["message"].as_str().unwrap().starts_with(text))
    };
    assert!(begins("asking http"), "{}", said.stderr);
    assert!(begins("throttled: "), "{}", said.stderr);
    assert_eq!(last(&said, "INFO")["summary"]["totals"]["answered"], 3);

    let broken = |_: Call<'_>| Some(Fault::Internal);
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(broken)).start();
    let flags = "--rate max --max-attempts 1 --log-format json -o b.csv --results b.ndjson";
    let said = audit(&tool, &gateway, flags).ends(3);
    assert_eq!(last(&said, "INFO")["summary"]["complete"], false);
}
