//! `diff`: changes between the results files of two nights.

use std::collections::BTreeMap;

use serde_json::Value;

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Fault, Gateway};
use super::tool::{Row, Tool, table};

const AUDIT: &str =
    "audit samples/incident.csv --expect-file samples/expected.csv --accept filtered";

/// Returns the sample cluster twenty hours later: `GID_billing` passed everything on broker-a, the offsets of
/// `GID_shipping` in `orders` were reset there, and `GID_wallboard` was deleted.
fn tonight(cluster: &str) -> String {
    let mut cluster: Value = serde_json::from_str(cluster).unwrap();
    cluster["captured_at"] = "2026-11-21T02:25:00.000Z".into();
    let groups = cluster["groups"].as_array_mut().unwrap();
    groups.retain(|group| group["group"] != "GID_wallboard");
    for group in groups {
        let name = group["group"].clone();
        for queue in group["offsets"].as_array_mut().unwrap() {
            if queue["broker"] != "broker-a" {
                continue;
            }
            let offset = queue["offset"].as_u64().unwrap();
            if name == "GID_billing" {
                queue["offset"] = (offset + 1000).into();
            } else if name == "GID_shipping" && queue["topic"] == "orders" {
                queue["offset"] = (offset - 20).into();
            }
        }
    }
    cluster.to_string()
}

/// Returns two nights of the sample incident: `old.results.ndjson` and `new.results.ndjson`.
fn two_nights() -> Tool {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("--source samples/cluster.json -o old.csv")
        .ends(1);
    tool.write("tonight.json", tonight(&tool.read("samples/cluster.json")));
    tool.call(AUDIT)
        .args("--source tonight.json -o new.csv")
        .ends(1);
    tool
}

const DIFF: &str = "diff old.results.ndjson new.results.ndjson";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the change of each message × group, derived only from the CSV reports of the two nights.
fn worked_out(tool: &Tool) -> BTreeMap<(String, String), &'static str> {
    let verdicts = |file: &str| -> BTreeMap<(String, String), Row> {
        let rows = table(&tool.read(file)).into_iter();
        rows.filter(|row| !row["group"].is_empty() && row["expected"] == "yes")
            .map(|row| ((row["msg_id"].clone(), row["group"].clone()), row))
            .collect()
    };
    let (old, new) = (verdicts("old.csv"), verdicts("new.csv"));
    let faults = ["open", "absent", "dead_lettered", "retrying"];
    let is_fault = |row: &Row| faults.contains(&&*row["verdict"]);
    let mut changes = BTreeMap::new();
    for (key, row) in &new {
        let change = match (is_fault(&old[key]), is_fault(row)) {
            (true, true) => "still_open",
            (true, false) => "resolved",
            (false, true) => "regressed",
            (false, false) => continue,
        };
        changes.insert(key.clone(), change);
    }
    changes
}

#[test]
fn every_change_is_listed_once_and_every_report_counts_the_same() {
    let tool = two_nights();
    let said = tool.call(DIFF).args("-o c.csv -o c.json -o c.md").ends(1);
    let rows = table(&tool.read("c.csv"));
    let listed: BTreeMap<_, _> = rows
        .iter()
        .map(|row| {
            (
                (row["msg_id"].clone(), row["group"].clone()),
                &*row["change"],
            )
        })
        .collect();
    assert_eq!(rows.len(), listed.len());
    assert_eq!(listed, worked_out(&tool));
    for row in &rows {
        assert!(
            row["order_id"].starts_with(|c: char| c.is_ascii_uppercase()),
            "kept columns travel"
        );
        let (remark, age) = match &*row["change"] {
            "regressed" => ("likely offset reset", ""),
            "still_open" => ("", "20.0"),
            _ => ("", ""),
        };
        assert_eq!(
            (&*row["remark"], &*row["age_hours"]),
            (remark, age),
            "{row:?}"
        );
    }

    let summary = json(&tool.read("c.json"));
    let mut counts = BTreeMap::<_, u64>::new();
    for change in listed.values() {
        *counts.entry(*change).or_default() += 1;
    }
    assert_eq!(counts["regressed"], 73);
    let ticket = tool.read("c.md");
    for change in ["regressed", "new", "still_open", "unconfirmed", "resolved"] {
        let count = counts.get(change).copied().unwrap_or_default();
        assert_eq!(summary["changes"][change], count, "{change}");
        let told = format!("{count} {}", change.replace('_', " "));
        assert!(
            ticket.contains(&told) && said.stderr.contains(&told),
            "{told}"
        );
    }
    assert_eq!(summary["totals_tie"], true);
    assert!(said.stderr.contains("(they tie)") && ticket.contains("(they tie)"));
    assert_eq!(said.stdout, "");
}

#[test]
fn resets_and_gone_groups_are_reported() {
    let tool = two_nights();
    let said = tool.call(DIFF).args("-o c.json -o c.md").ends(1);
    let summary = json(&tool.read("c.json"));
    let reset = &summary["likely_resets"];
    assert_eq!(reset.as_array().unwrap().len(), 1, "{reset}");
    assert_eq!(reset[0]["group"], "GID_shipping");
    assert_eq!(reset[0]["topics"], Value::from(vec!["orders"]));
    assert_eq!(reset[0]["passed_until"], "2026-11-20T06:25:00.000Z");
    assert_eq!(reset[0]["open_from"], "2026-11-21T02:25:00.000Z");
    assert_eq!(summary["groups_gone"][0]["group"], "GID_wallboard");
    assert_eq!(summary["groups_gone"][0]["topic"], "payments");
    assert_eq!(summary["groups_appeared"], Value::Array(Vec::new()));
    for says in [
        "GID_shipping: 73 messages of orders that it had passed are open again: its offset was likely reset \
         between 2026-11-20T06:25:00.000Z and 2026-11-21T02:25:00.000Z",
        "GID_wallboard is gone in payments: only OLD names it, for 294 messages",
    ] {
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(tool.read("c.md").contains(says));
    }
    // Other snapshots are other sources. The warning appears in the log and in the report.
    let warning = "the sources differ: OLD asked samples/cluster.json, NEW asked tonight.json";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
    assert!(
        summary["warnings"][0]
            .as_str()
            .unwrap()
            .starts_with(warning)
    );
}

#[test]
fn exit_status_1_means_something_opened() {
    let tool = two_nights();
    tool.call(DIFF).args("--exit-zero").ends(0);
    // One results file against itself: much is open, and nothing opened.
    let said = tool
        .call("diff old.results.ndjson old.results.ndjson")
        .ends(0);
    assert!(
        said.stderr
            .contains("nothing regressed, nothing new; 298 still open"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("results files of the same run"),
        "{}",
        said.stderr
    );
    // Expectations given by flags judge both: GID_analytics is absent from refunds in both.
    let said = tool.call(DIFF).args("--expect GID_analytics").ends(0);
    let rows = table(&said.stdout);
    assert_eq!(rows.len(), 43);
    assert!(rows.iter().all(|row| row["change"] == "still_open"
        && row["new_verdict"] == "absent"
        && row["group"] == "GID_analytics"));
    assert!(!said.stderr.contains("the expectations differ"));
    // `--quiet` keeps warnings.
    let said = tool.call(DIFF).args("--quiet").ends(1);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("the sources differ"),
        "{}",
        said.stderr
    );
}

#[test]
fn unanswered_messages_end_with_3() {
    let tool = Tool::new();
    let broken =
        |call: Call<'_>| (call.number > 3 && call.msg_id.ends_with('2')).then_some(Fault::Internal);
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(broken)).start();
    audit(&tool, &gateway, "--rate max --results old.ndjson").ends(0);
    audit(
        &tool,
        &gateway,
        "--rate max --max-attempts 1 --results new.ndjson",
    )
    .ends(3);
    let says =
        "INCOMPLETE: NEW has no answer about 1 of 3 messages. nothing regressed, nothing new;";
    for flags in ["", "--exit-zero"] {
        let said = tool.call("diff old.ndjson new.ndjson").args(flags).ends(3);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
    }
    let asked_again = "audit in.csv --rate max --results third.ndjson -o third.csv --source";
    let mended = some_messages(&tool, 3, Gateway::setup()).start();
    tool.call(asked_again).arg(&mended.url()).key().ends(0);
    // OLD may lack answers that NEW has.
    tool.call("diff new.ndjson third.ndjson").ends(0);
}

#[test]
fn csv_on_stdout_follows_the_settings() {
    let tool = two_nights();
    let plain = tool.call(DIFF).ends(1).stdout;
    tool.call(DIFF).args("-o c.csv").ends(1);
    assert_eq!(plain, tool.read("c.csv"));
    assert_eq!(tool.mode("c.csv"), 0o600);
    let marked = tool.call(DIFF).args("-o - --bom --raw-csv").ends(1).stdout;
    assert!(marked.starts_with("\u{feff}change,group,old_verdict,new_verdict,msg_id,"));
}

#[test]
fn damaged_files_are_refused_and_nothing_is_written() {
    let tool = two_nights();
    let text = tool.read("new.results.ndjson");
    tool.write(
        "changed.ndjson",
        text.replacen("NOT_CONSUME_YET", "CONSUMED", 1),
    );
    let cut = text.trim_end().rfind('\n').unwrap();
    tool.write("cut.ndjson", &text[..=cut]);
    let before = tool.names();
    for (line, says) in [
        (
            "diff old.results.ndjson changed.ndjson",
            "was changed after it was sealed",
        ),
        (
            "diff changed.ndjson changed.ndjson",
            "was changed after it was sealed",
        ),
        ("diff old.results.ndjson cut.ndjson", "has no trailer"),
        (
            "diff nowhere.ndjson new.results.ndjson",
            "can't read nowhere.ndjson",
        ),
        (
            "diff old.csv new.results.ndjson",
            "expected the header of a results file",
        ),
        (
            "diff new.results.ndjson old.results.ndjson",
            "expected the earlier results file first",
        ),
    ] {
        for output in ["-o c.csv -o c.md", ""] {
            let said = tool.call(line).args(output).ends(2);
            assert!(said.stderr.contains(says), "{line}: {}", said.stderr);
            assert!(said.stderr.contains("\nhint: "), "{line}: {}", said.stderr);
            assert_eq!(said.stdout, "", "{line}");
        }
    }
    for (output, says) in [
        ("-o c.ndjson", "the endings are .csv, .json and .md"),
        ("-o c.xlsx", "the endings are .csv, .json and .md"),
        ("-o old.results.ndjson", "is a results file: no report may"),
        ("-o c.csv -o ./c.csv", "is to hold two reports"),
        ("-o missing/c.csv", "can't write missing/c.csv"),
    ] {
        let said = tool.call(DIFF).args(output).ends(2);
        assert!(said.stderr.contains(says), "{output}: {}", said.stderr);
    }
    assert_eq!(tool.names(), before, "nothing is left behind");
}
