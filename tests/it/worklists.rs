//! Worklists contain exactly the messages that each group has not passed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tool::{Row, Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv \
                     --accept filtered --results r.ndjson -o a.csv -o a.json";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn names(tool: &Tool) -> BTreeSet<String> {
    let files = std::fs::read_dir(tool.path("work")).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The lists of the sample: group and verdict.
const LISTS: [(&str, &str); 5] = [
    ("GID_billing", "dead_lettered"),
    ("GID_billing", "open"),
    ("GID_ledger", "absent"),
    ("GID_shipping", "open"),
    ("GID_shipping", "retrying"),
];

#[test]
fn each_list_has_the_messages_of_one_group_and_verdict_once() {
    let tool = Tool::new();
    let said = tool.call(AUDIT).args("--worklist work").ends(1);
    let expected: BTreeSet<_> = LISTS
        .iter()
        .flat_map(|(group, verdict)| {
            ["csv", "ndjson"].map(|ending| format!("{group}.{verdict}.{ending}"))
        })
        .chain(["worklist.json".to_owned()])
        .collect();
    assert_eq!(names(&tool), expected, "only lists of expected groups");
    assert_eq!(tool.mode("work"), 0o700);
    let counts = json(&tool.read("a.json"));
    let report = table(&tool.read("a.csv"));
    for (group, verdict) in LISTS {
        let number = one_list(&tool, &report, (group, verdict));
        assert_eq!(Some(number), counts["groups"][group][verdict].as_u64());
        let line = format!("work/{group}.{verdict}.csv: {number} rows");
        assert!(said.stderr.contains(&line), "{}", said.stderr);
    }
    let manifest = json(&tool.read("work/worklist.json"));
    let listed = manifest["files"].as_array().unwrap();
    let listed: BTreeSet<_> = listed
        .iter()
        .map(|file| file["file"].as_str().unwrap())
        .collect();
    assert!(listed.len() == 2 * LISTS.len() && manifest["complete"] == true);
    assert!(manifest["records"][0]["run_id"].is_string());
}

/// Compares the two files of a list with the report. Returns the number of messages in them.
fn one_list(tool: &Tool, report: &[Row], (group, verdict): (&str, &str)) -> u64 {
    let name = format!("work/{group}.{verdict}");
    let rows = table(&tool.read(&format!("{name}.csv")));
    let ids: BTreeSet<_> = rows.iter().map(|row| row["msg_id"].clone()).collect();
    assert_eq!(ids.len(), rows.len(), "each message once");
    let missed = report
        .iter()
        .filter(|row| row["group"] == group && row["verdict"] == verdict);
    let missed: BTreeMap<_, _> = missed.map(|row| (row["msg_id"].clone(), row)).collect();
    assert!(ids.iter().eq(missed.keys()));
    for row in &rows {
        for column in ["topic", "instance_id"] {
            assert_eq!(row[column], missed[&row["msg_id"]][column]);
        }
        assert!(!row["order_id"].is_empty());
    }
    let lines = tool.read(&format!("{name}.ndjson"));
    let lines: Vec<_> = lines.lines().map(json).collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(&rows) {
        assert_eq!(line["msg_id"], row["msg_id"]);
        assert_eq!(line["missed"]["group"], group);
        assert_eq!(line["missed"]["verdict"], verdict);
        assert_eq!(line["extra"]["order_id"], row["order_id"]);
    }
    assert_eq!(tool.mode(&format!("{name}.csv")), 0o600);
    rows.len() as u64
}

#[test]
fn beside_other_reports_a_report_prints_no_csv() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    for (flags, prints) in [
        ("--worklist work", false),
        ("--matrix m.csv", false),
        ("--bundle b.zip", false),
        ("--worklist work -o -", true),
        ("--rejects bad.csv", true),
        ("", true),
    ] {
        let said = tool.call("report r.ndjson").args(flags).ends(1);
        assert_eq!(said.stdout.starts_with("row,"), prints, "{flags}");
        assert_eq!(said.stdout.is_empty(), !prints, "{flags}");
    }
}

#[test]
fn undetermined_messages_have_a_list_of_their_own() {
    let tool = Tool::new();
    // All answering groups are expected: wallboard and analytics are undetermined, search filters.
    let flags = "--expect GID_search,GID_wallboard,%RETRY%GID_none --worklist work --quiet";
    let audit =
        "audit samples/incident.csv --source samples/cluster.json --results r.ndjson -o a.json";
    tool.call(audit).args(flags).ends(1);
    let lists: BTreeSet<_> = names(&tool)
        .into_iter()
        .filter_map(|name| Some(name.strip_suffix(".csv")?.to_owned()))
        .collect();
    assert_eq!(
        lists.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "%25RETRY%25GID_none.absent",
            "GID_search.absent",
            "GID_search.filtered",
            "GID_wallboard.absent",
            "GID_wallboard.undetermined",
        ]
    );
    tool.call(
        "report r.ndjson -o a.json --worklist work --quiet --accept filtered --expect GID_search",
    )
    .ends(1);
    assert!(
        !names(&tool)
            .iter()
            .any(|name| name.contains("filtered") || name.contains("wallboard"))
    );
}

#[test]
fn a_worklist_can_be_audited_again() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--worklist work --quiet").ends(1);
    let before = table(&tool.read("work/GID_billing.open.csv"));
    for name in ["GID_billing.open.csv", "GID_billing.open.ndjson"] {
        tool.call("audit --source samples/cluster.json --expect GID_billing --quiet --results again.ndjson -o again.csv")
            .arg(&format!("work/{name}"))
            .ends(1);
        let again = table(&tool.read("again.csv"));
        let billing: Vec<_> = again
            .iter()
            .filter(|row| row["group"] == "GID_billing")
            .collect();
        assert_eq!(billing.len(), before.len());
        assert!(billing.iter().all(|row| row["verdict"] == "open"));
    }
}

#[test]
fn only_an_earlier_worklist_is_replaced() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--worklist work --quiet").ends(1);
    let report = "report r.ndjson --quiet -o b.json --worklist work";
    tool.call(report).args("--expect GID_ledger").ends(1);
    assert_eq!(
        names(&tool).into_iter().collect::<Vec<_>>(),
        [
            "GID_ledger.absent.csv",
            "GID_ledger.absent.ndjson",
            "worklist.json"
        ]
    );
    tool.write("work/notes.txt", "resent until here");
    let said = tool.call(report).ends(2);
    assert!(
        said.stderr
            .contains("work is there and no worklist of an earlier run: it holds notes.txt"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("\nhint: "));
    assert_eq!(names(&tool).len(), 4);
    std::fs::remove_file(tool.path("work/notes.txt")).unwrap();

    for flags in ["-o work/a.csv", "--matrix work/../work/m.csv -o b.csv"] {
        let said = tool
            .call("report r.ndjson --worklist work")
            .args(flags)
            .ends(2);
        assert!(
            said.stderr.contains("would be replaced with"),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn worklists_become_visible_as_a_whole() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    let call = tool.call("report r.ndjson --quiet -o b.json --worklist work");
    let said = call.under("trap '' XFSZ; ulimit -f 8; exec \"$@\"").ends(3);
    assert!(
        said.stderr
            .contains("\n  - can't write work: File too large"),
        "{}",
        said.stderr
    );
    assert_eq!(tool.names(), ["a.csv", "a.json", "r.ndjson"]);
}
