//! An audit of the sample snapshot: what the reports say about each message.

use serde_json::Value;

use super::tool::{Tool, table};

/// The README's main command, without its reports.
const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json \
                     --expect-file samples/expected.csv --accept filtered";

/// The first line of the incident list.
const HEADER: &str = "order_id,msg_id,topic,instance_id,amount,customer";

/// Returns the first row of the incident list that matches.
fn sample_row(is_it: impl Fn(&str) -> bool) -> String {
    let list = include_str!("../../samples/incident.csv");
    list.lines()
        .skip(1)
        .find(|line| is_it(line))
        .unwrap()
        .to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn stdout_carries_data_only() {
    let tool = Tool::new();
    let said = tool.call(AUDIT).ends(1);
    let dash = tool.call(AUDIT).args("-o -").ends(1);
    tool.call(AUDIT).args("-o a.csv").ends(1);
    assert!(
        said.stdout
            .starts_with("row,msg_id,topic,instance_id,group,")
    );
    assert_eq!(said.stdout, tool.read("a.csv"));
    assert_eq!(dash.stdout, said.stdout);
    assert!(said.stderr.contains("290 break"), "{}", said.stderr);

    let quiet = tool.call(AUDIT).args("--quiet -o a.csv").ends(1);
    assert_eq!(quiet.stdout, "");
    assert!(!quiet.stderr.contains("290"), "{}", quiet.stderr);
}

#[test]
fn duplicates_have_the_answer_and_their_own_columns() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv -o a.ndjson").ends(1);
    let lines = tool.read("a.ndjson");
    let lines: Vec<Value> = lines.lines().map(json).collect();
    let again: Vec<_> = lines
        .iter()
        .filter(|line| line.get("same_as").is_some())
        .collect();
    assert_eq!(again.len(), 8);
    for line in again {
        let nth = usize::try_from(line["same_as"].as_u64().unwrap()).unwrap();
        let first = &lines[nth - 1];
        assert_eq!(line["msg_id"], first["msg_id"]);
        assert_eq!(line["tracks"], first["tracks"]);
        assert_eq!(line["verdict"], first["verdict"]);
    }
}

#[test]
fn the_exit_status_says_what_there_is_to_look_at() {
    let tool = Tool::new();
    let good = sample_row(|line| line.starts_with("A-10001,"));
    let audit = "audit in.csv --source samples/cluster.json -o out.csv --expect GID_billing";
    tool.write("in.csv", format!("{HEADER}\n{good}\n"));
    tool.call(audit).ends(0);
    for bad in [
        sample_row(|line| line.contains("0A15030B110F18B4AAC264DBD9370E4E")), // open
        sample_row(|line| line.starts_with("A-9001,")),                       // not found
        sample_row(|line| line.starts_with("A-9006,")),                       // rejected
    ] {
        tool.write("in.csv", format!("{HEADER}\n{good}\n{bad}\n"));
        tool.call(audit).ends(1);
        tool.call(audit).args("--exit-zero").ends(0);
    }
    // Undetermined, because no flag says that a pull consumer matters.
    tool.write("in.csv", format!("{HEADER}\n{good}\n"));
    let audit = "audit in.csv --source samples/cluster.json -o out.csv";
    tool.call(audit).ends(1);
    assert!(tool.read("out.csv").contains(",undetermined,2026-"));
}

#[test]
fn expectations_decide_what_is_a_break() {
    let tool = Tool::new();
    // Filtered for GID_search.
    let row = sample_row(|line| line.contains("0A15030B110F18B4AAC264DC02E00E52"));
    let paid = sample_row(|line| line.starts_with("P-10003,"));
    tool.write("in.csv", format!("{HEADER}\n{row}\n{paid}\n"));
    tool.write(
        "e.csv",
        "topic,group\norders,GID_search\npayments,GID_billing\n",
    );
    let verdicts = |flags: &str, status| {
        let audit = "audit in.csv --source samples/cluster.json --matrix m.csv -o /dev/null";
        tool.call(audit).args(flags).ends(status);
        let rows = table(&tool.read("m.csv"));
        rows.iter()
            .map(|row| row["message_verdict"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(verdicts("--expect GID_billing", 1), ["break", "reconciled"]);
    assert_eq!(verdicts("--expect GID_search", 1), ["break", "break"]);
    assert_eq!(
        verdicts(
            "--expect orders=GID_search --accept filtered --expect payments=GID_billing",
            0
        ),
        ["reconciled", "reconciled"]
    );
    assert_eq!(verdicts("--expect-file e.csv", 1), ["break", "reconciled"]);
    assert_eq!(
        verdicts("--expect-file e.csv --accept filtered", 0),
        ["reconciled", "reconciled"]
    );

    // A group in no answer is a finding, with a row and a column of its own.
    assert_eq!(
        verdicts("--expect orders=GID_never --expect payments=GID_billing", 1),
        ["break", "reconciled"]
    );
    let rows = table(&tool.read("m.csv"));
    assert_eq!(
        (&*rows[0]["GID_never"], &*rows[1]["GID_never"]),
        ("absent", "")
    );
    let said = tool.call("report in.results.ndjson").ends(1);
    let absent = table(&said.stdout);
    let absent: Vec<_> = absent
        .iter()
        .filter(|row| row["group"] == "GID_never")
        .collect();
    assert_eq!(absent.len(), 1);
    assert_eq!(
        (&*absent[0]["track_type"], &*absent[0]["verdict"]),
        ("", "absent")
    );
    assert!(
        said.stderr
            .contains("absent groups: were they ever started?")
    );
}

#[test]
fn cells_are_harmless_in_a_spreadsheet() {
    let tool = Tool::new();
    let id = "0A15030B110F18B4AAC264BE6C450BA2";
    let nasty = [
        r#"=HYPERLINK(""http://x"";""y"")"#,
        "+1+cmd",
        "-2-3",
        "@SUM(A1)",
        "-12.5",
        "plain",
    ];
    let mut list = "msg_id,topic,note,=head\n".to_owned();
    for cell in nasty {
        list += &format!("{id},orders,\"{cell}\",{cell:?}\n").replace("\\\"\\\"", "\"\"");
    }
    tool.write("in.csv", list);
    let audit = "audit in.csv --source samples/cluster.json -o a.csv --matrix m.csv -o a.ndjson";
    tool.call(audit).ends(1);
    let notes = |file: &str, column: &str| {
        let mut rows = table(&tool.read(file));
        rows.dedup_by_key(|row| row["row"].clone());
        rows.iter()
            .map(|row| row[column].clone())
            .collect::<Vec<_>>()
    };
    let raw = [
        "=HYPERLINK(\"http://x\";\"y\")",
        "+1+cmd",
        "-2-3",
        "@SUM(A1)",
        "-12.5",
        "plain",
    ];
    let safe = [
        "'=HYPERLINK(\"http://x\";\"y\")",
        "'+1+cmd",
        "'-2-3",
        "'@SUM(A1)",
        "-12.5",
        "plain",
    ];
    for file in ["a.csv", "m.csv"] {
        assert_eq!(notes(file, "note"), safe);
        assert_eq!(notes(file, "'=head"), safe, "names of columns, too");
    }
    for (line, note) in tool.read("a.ndjson").lines().zip(raw) {
        assert_eq!(json(line)["extra"]["note"], note, "NDJSON is never altered");
    }

    tool.call(audit).args("--raw-csv --bom").ends(1);
    for file in ["a.csv", "m.csv"] {
        assert!(tool.read(file).starts_with("\u{feff}row,"));
        assert_eq!(notes(file, "note"), raw);
    }
}

#[test]
fn old_ids_of_a_snapshot_are_dated_by_the_snapshot() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let rows = table(&tool.read("a.csv"));
    // This holds at any time of the test: an ID has only the time within a month, and the snapshot has the month.
    assert_eq!(rows[0]["born_at"], "2026-11-20T05:30:01.157Z");
    assert_eq!(rows[0]["observed_at"], "2026-11-20T06:25:00.000Z");
    let header = tool.read("a.results.ndjson");
    let header = json(header.lines().next().unwrap());
    assert_eq!(header["as_of"], "2026-11-20T06:25:00.000Z");
}
