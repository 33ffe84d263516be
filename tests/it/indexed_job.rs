//! The samples for Kubernetes: an Indexed Job that audits shards, and the job that makes one report of them.

use super::gateway::Gateway;
use super::tool::{Tool, table};

/// Returns a sample and the command of its container.
fn job(tool: &Tool, name: &str) -> (String, Vec<String>) {
    let text = tool.read(&format!("samples/kubernetes/{name}.job.yaml"));
    let (_, command) = text.split_once(" command: ").unwrap();
    let command = command.lines().next().unwrap();
    let words: Vec<String> = serde_json::from_str(command).unwrap();
    assert_eq!(words[0], "ons-audit");
    (text, words[1..].to_vec())
}

/// Runs the command of a pod in this folder instead of the volume.
fn run(tool: &Tool, words: &[String], gateway: &Gateway, index: usize, status: i32) {
    let mut words = words.iter().map(|word| {
        word.replace("/data/", "")
            .replace("/etc/ons-audit/", "samples/")
            .replace("$(JOB_COMPLETION_INDEX)", &index.to_string())
            .replace("ons://cn-hangzhou", &gateway.url())
            .replace("8/s", "1000/s")
    });
    let mut call = tool.call("");
    while let Some(word) = words.next() {
        // A file in place of the server.
        call = if word == "--shared-quota" {
            assert!(words.next().unwrap().starts_with("redis://"));
            call.args("--quota-file quota")
        } else {
            call.arg(&word)
        };
    }
    call.key().ends(status);
}

#[test]
fn the_shards_of_an_indexed_job_make_one_report() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    tool.write("incident.csv", tool.read("samples/incident.csv"));
    let (shards, audit) = job(&tool, "shards");
    let (_, report) = job(&tool, "merge");
    let count = audit
        .iter()
        .find_map(|word| word.strip_prefix("$(JOB_COMPLETION_INDEX)/"));
    let count: usize = count.unwrap().parse().unwrap();
    for key in ["completions", "parallelism"] {
        assert!(shards.contains(&format!("  {key}: {count}\n")), "{key}");
    }
    for index in 0..count {
        run(&tool, &audit, &gateway, index, 0);
    }
    assert_eq!(gateway.calls(), 986, "each message is asked about once");
    run(&tool, &report, &gateway, 0, 1);
    let call = tool.call(
        "audit incident.csv --rate max --expect-file samples/expected.csv -o one.csv --source",
    );
    call.arg(&gateway.url()).key().ends(1);
    let without_times = |name: &str| {
        let mut rows = table(&tool.read(name));
        for row in &mut rows {
            row.retain(|column, _| !["observed_at", "request_id"].contains(&column.as_str()));
        }
        rows
    };
    assert!(without_times("report.csv") == without_times("one.csv"));
    tool.call("diff incident.results.ndjson one.results.ndjson -o d.csv")
        .ends(0);
}
