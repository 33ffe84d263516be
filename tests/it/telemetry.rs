//! What machines are told of a run's end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tool::Tool;

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json \
                     --expect-file samples/expected.csv --accept filtered -o a.json";

/// Each series with its value.
fn series(tool: &Tool, name: &str) -> BTreeMap<String, f64> {
    let page = tool.read(name);
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn metrics_count_what_the_reports_count() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--metrics nightly.prom").ends(1);
    let told = series(&tool, "nightly.prom");
    let summary: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    for (verdict, count) in summary["messages"].as_object().unwrap() {
        let name = format!("ons_audit_messages{{audit=\"nightly\",verdict=\"{verdict}\"}}");
        assert_eq!(told.get(&name).copied(), count.as_f64(), "{name}");
    }
    for (group, counts) in summary["groups"].as_object().unwrap() {
        for verdict in ["passed", "filtered", "open", "undetermined", "absent"] {
            let name = format!(
                "ons_audit_group_messages{{audit=\"nightly\",group=\"{group}\",verdict=\"{verdict}\"}}"
            );
            assert_eq!(told.get(&name).copied(), counts[verdict].as_f64(), "{name}");
        }
    }
    let run = |name: &str| told[&format!("ons_audit_{name}{{audit=\"nightly\"}}")];
    assert_eq!(run("rows"), 1000.0);
    assert_eq!(
        (run("last_run_exit_status"), run("last_run_complete")),
        (1.0, 1.0)
    );
    assert_eq!(
        (run("last_run_calls"), run("last_run_retries")),
        (986.0, 0.0)
    );
    assert_eq!(
        run("last_success_timestamp_seconds"),
        run("last_run_timestamp_seconds")
    );
    assert_eq!(
        tool.mode("nightly.prom"),
        0o644,
        "node_exporter is another user"
    );
    assert_eq!(tool.mode("a.json"), 0o600);
}

#[test]
fn a_run_that_fails_tells_so_and_keeps_the_last_success() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--metrics a.prom").ends(1);
    let last_success = "ons_audit_last_success_timestamp_seconds{audit=\"a\"}";
    let good = series(&tool, "a.prom")[last_success];
    for (line, status) in [
        ("audit samples/none.csv --source samples/cluster.json", 2.0),
        (
            "audit samples/incident.csv --source http://127.0.0.1:9 --max-attempts 1 --rate max",
            3.0,
        ),
    ] {
        let call = tool.call(line).args("-o b.csv --metrics a.prom").key();
        call.ends(if status < 3.0 { 2 } else { 3 });
        let told = series(&tool, "a.prom");
        assert_eq!(told["ons_audit_last_run_exit_status{audit=\"a\"}"], status);
        assert_eq!(told["ons_audit_last_run_complete{audit=\"a\"}"], 0.0);
        assert_eq!(told[last_success], good);
    }
}

#[test]
fn a_metrics_file_that_is_none_is_refused_before_anything_is_asked() {
    let tool = Tool::new();
    for (path, says) in [
        (
            "samples/incident.csv",
            "samples/incident.csv holds something else than our metrics",
        ),
        ("nowhere/a.prom", "can't write metrics to nowhere/a.prom"),
    ] {
        let said = tool.call(AUDIT).args("--metrics").arg(path).ends(2);
        assert!(
            said.stderr.contains(says) && said.stderr.contains("\nhint: "),
            "{}",
            said.stderr
        );
        assert_eq!(tool.names(), [""; 0]);
    }
}
