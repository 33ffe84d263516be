//! Reusing yesterday's answers: passed messages are carried over, and contradictions are reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::gateway::Gateway;
use super::tool::{Row, Tool, table};

const AUDIT: &str = "audit samples/incident.csv --expect-file samples/expected.csv --rate max";

/// Returns the lines of a results file by row.
fn lines(tool: &Tool, name: &str) -> BTreeMap<u64, Value> {
    let values = tool.read(name);
    let values = values
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    values
        .filter_map(|line| Some((line["row"].as_u64()?, line)))
        .collect()
}

fn totals(tool: &Tool, name: &str) -> Value {
    let last = tool.read(name).lines().last().unwrap().to_owned();
    serde_json::from_str::<Value>(&last).unwrap()["totals"].clone()
}

/// Returns what a report says about groups and messages, without times.
fn verdicts(tool: &Tool, name: &str) -> Vec<Row> {
    let mut rows = table(&tool.read(name));
    for row in &mut rows {
        row.retain(|column, _| {
            !matches!(
                &**column,
                "observed_at" | "attempts" | "request_id" | "born_at"
            )
        });
    }
    rows
}

#[test]
fn what_had_passed_is_not_asked_again() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    tool.call(AUDIT)
        .args("-o old.csv --source")
        .arg(&gateway.url())
        .key()
        .ends(1);
    let flags = "--previous old.results.ndjson -o new.csv -o new.md -o rows.ndjson --source";
    let said = tool
        .call(AUDIT)
        .args(flags)
        .arg(&gateway.url())
        .key()
        .ends(1);
    let carried = totals(&tool, "new.results.ndjson")["carried"]
        .as_u64()
        .unwrap();
    assert!(carried > 100, "{carried}");
    assert_eq!(gateway.calls() as u64, 986 + 986 - carried);
    let says = format!("{carried} of 982 answers come from an earlier run; ");
    assert!(
        said.stderr.contains(&says) && tool.read("new.md").contains(&says),
        "{}",
        said.stderr
    );
    assert!(verdicts(&tool, "new.csv") == verdicts(&tool, "old.csv"));

    let (old, new) = (
        lines(&tool, "old.results.ndjson"),
        lines(&tool, "new.results.ndjson"),
    );
    let header: Value =
        serde_json::from_str(tool.read("old.results.ndjson").lines().next().unwrap()).unwrap();
    let mut marked = 0;
    for (row, line) in &new {
        if line.get("carried_from").is_none() {
            continue;
        }
        marked += 1;
        let before = &old[row];
        assert_eq!(line["carried_from"], header["run_id"]);
        assert_eq!(line["attempts"], 0);
        for field in ["tracks", "observed_at", "request_id", "msg_id", "extra"] {
            assert_eq!(line[field], before[field], "{field} of row {row}");
        }
    }
    assert_eq!(marked, carried);
    assert!(tool.read("rows.ndjson").contains("\"carried_from\":"));
    tool.call("verify new.results.ndjson").ends(0);

    // An answer that is carried over again keeps its time.
    let flags = "--previous new.results.ndjson --results third.ndjson -o third.csv --source";
    tool.call(AUDIT)
        .args(flags)
        .arg(&gateway.url())
        .key()
        .ends(1);
    let third = lines(&tool, "third.ndjson");
    let mut carried = third
        .values()
        .filter(|line| line.get("carried_from").is_some());
    assert!(carried.all(|line| line["carried_from"] == header["run_id"]));
}

/// Checks that an input of carried answers and rejected rows only does not count as completely rejected.
#[test]
fn carried_answers_are_no_bad_rows() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    let call = tool.call(AUDIT).args("-o old.csv --source");
    call.arg(&gateway.url()).key().ends(1);
    let flags = "--previous old.results.ndjson --results new.results.ndjson -o new.csv --source";
    tool.call(AUDIT)
        .args(flags)
        .arg(&gateway.url())
        .key()
        .ends(1);
    let new = lines(&tool, "new.results.ndjson");
    let good: Vec<_> = new
        .values()
        .filter(|line| line.get("carried_from").is_some())
        .collect();
    let list = format!(
        "msg_id,topic,instance_id\n{},{},{}\n****,orders,\n",
        good[0]["msg_id"].as_str().unwrap(),
        good[0]["topic"].as_str().unwrap(),
        good[0]["instance_id"].as_str().unwrap_or_default(),
    );
    tool.write("few.csv", list);
    let calls = gateway.calls();
    let few = "audit few.csv --expect-file samples/expected.csv --previous old.results.ndjson -o few.out.csv --source";
    tool.call(few).arg(&gateway.url()).key().ends(1);
    assert_eq!(gateway.calls(), calls);
}

/// Formats a count as people read it: `1,234`.
fn thousands(count: u64) -> String {
    if count < 1000 {
        count.to_string()
    } else {
        format!("{},{:03}", count / 1000, count % 1000)
    }
}

/// Resets all offsets of a group in the sample to the beginning.
fn reset(tool: &Tool, group: &str) {
    let mut cluster: Value = serde_json::from_str(&tool.read("samples/cluster.json")).unwrap();
    for one in cluster["groups"].as_array_mut().unwrap() {
        if one["group"] == group {
            for offset in one["offsets"].as_array_mut().unwrap() {
                offset["offset"] = 0.into();
            }
        }
    }
    tool.write("samples/cluster.json", cluster.to_string());
}

#[test]
fn an_offset_that_went_back_is_said_by_group() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("--source samples/cluster.json -o old.csv")
        .ends(1);
    let old = table(&tool.read("old.csv"));
    let mut passed: BTreeMap<&str, u64> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for row in old.iter().filter(|row| row["verdict"] == "passed") {
        if seen.insert((&row["topic"], &row["msg_id"], &row["group"])) {
            *passed.entry(&row["group"]).or_default() += 1;
        }
    }
    let (group, most) = passed.into_iter().max_by_key(|(_, count)| *count).unwrap();
    reset(&tool, group);

    let previous = "--source samples/cluster.json --previous old.results.ndjson";
    let all = format!("{previous} --recheck 100% -o all.csv -o all.md -o all.json");
    let said = tool.call(AUDIT).args(&all).ends(1);
    let says = format!(
        "{group}: {} messages that it had passed are open now, its offset was likely reset",
        thousands(most)
    );
    assert!(
        said.stderr.contains(&format!("resets       {says}")),
        "{}",
        said.stderr
    );
    assert!(tool.read("all.md").contains("**likely offset reset**: "));
    let summary: Value = serde_json::from_str(&tool.read("all.json")).unwrap();
    assert_eq!(summary["groups"][group]["regressed"], most);
    assert_eq!(summary["totals"].get("carried"), None);

    // A share of them is enough to show it, and the results file can be reported again.
    let half = format!("{previous} --recheck 50% -o half.csv -o half.json");
    let said = tool.call(AUDIT).args(&half).ends(1);
    assert!(
        said.stderr.contains("its offset was likely reset"),
        "{}",
        said.stderr
    );
    let summary: Value = serde_json::from_str(&tool.read("half.json")).unwrap();
    let carried = summary["totals"]["carried"].as_u64().unwrap();
    let rechecked = summary["rechecked"].as_u64().unwrap();
    assert!(carried > 0 && rechecked > 0);
    tool.call("report half.results.ndjson -o again.json")
        .ends(1);
    assert_eq!(tool.read("again.json"), tool.read("half.json"));
}

#[test]
fn an_unsuitable_results_file_is_refused() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("--source samples/cluster.json -o old.csv")
        .ends(1);
    let gateway = Gateway::setup().start();
    let refused = |flags: &str, says: &str| {
        let call = tool.call(AUDIT).args(flags).args("-o new.csv --source");
        let said = call.arg(&gateway.url()).key().ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
    };
    refused(
        "--previous old.results.ndjson",
        "was answered by `samples/cluster.json`",
    );
    refused("--previous old.csv", "found no JSON in the first line");
    refused("--previous nowhere.ndjson", "can't read nowhere.ndjson");
    refused(
        "--previous old.results.ndjson --recheck half",
        "recheck (from --recheck)",
    );
    let changed = tool
        .read("old.results.ndjson")
        .replacen("NOT_CONSUME_YET", "CONSUMED", 1);
    tool.write("old.results.ndjson", changed);
    let call = tool
        .call(AUDIT)
        .args("-o new.csv --previous old.results.ndjson");
    let said = call.args("--source samples/cluster.json").ends(2);
    assert!(
        said.stderr.contains("was changed after it was sealed"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 0);
}
