//! The files of an audit: the results file and its protection, and what is refused before the first query.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde_json::Value;

use super::audit_http::some_messages;
use super::gateway::Gateway;
use super::tool::{Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json \
                     --expect-file samples/expected.csv --accept filtered";

const REPORTS: [(&str, &str); 6] = [
    ("-o", "csv"),
    ("-o", "ndjson"),
    ("-o", "json"),
    ("-o", "md"),
    ("--matrix", "matrix.csv"),
    ("--rejects", "rejects.csv"),
];

/// Returns `-o NAME.csv -o NAME.ndjson …`.
fn reports(name: &str) -> String {
    REPORTS
        .map(|(flag, ending)| format!("{flag} {name}.{ending}"))
        .join(" ")
}

#[test]
fn a_report_rendered_again_is_equal_byte_for_byte() {
    let tool = Tool::new();
    for (flags, expected) in [("", ""), ("--raw-csv --bom", "\u{feff}")] {
        tool.call(AUDIT).args(&reports("first")).args(flags).ends(1);
        let again = tool
            .call("report first.results.ndjson")
            .args(&reports("again"))
            .args(flags)
            .ends(1);
        assert_eq!(again.stdout, "");
        for (_, ending) in REPORTS {
            let (first, again) = (
                tool.read(&format!("first.{ending}")),
                tool.read(&format!("again.{ending}")),
            );
            assert!(first == again, "{ending} differs");
            assert!(!first.is_empty());
        }
        assert!(
            tool.read("again.csv")
                .starts_with(&format!("{expected}row,"))
        );
        let piped = tool.call("report first.results.ndjson").args(flags).ends(1);
        assert_eq!(piped.stdout, tool.read("first.csv"));
    }
}

#[test]
fn a_results_file_can_be_judged_by_other_expectations() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o first.csv").ends(1);
    let said = tool
        .call("report first.results.ndjson -o again.json --expect GID_nobody")
        .ends(1);
    assert!(
        said.stderr
            .contains("982 of 986 messages were missed by GID_nobody"),
        "{}",
        said.stderr
    );
}

#[test]
fn results_files_are_shards_of_one_run_or_refused() {
    let tool = Tool::new();
    let audit = AUDIT.replace("incident.csv", "incident.ndjson");
    tool.call(AUDIT).args("-o a.csv").ends(1);
    tool.call(&audit).args("-o b.csv").ends(1);
    let said = tool.call("report a.results.ndjson b.results.ndjson -o both.json");
    assert!(!said.ends(1).stderr.contains("different sources"));
    let said = tool
        .call("report a.results.ndjson b.results.ndjson -o both.csv -o both.ndjson -o both.html --bundle both.zip")
        .ends(1);
    assert!(
        said.stderr.contains("first row 657 of a.results.ndjson, "),
        "{}",
        said.stderr
    );
    let rows = table(&tool.read("both.csv"));
    let named = rows.iter().filter(|row| row["row"] == "657");
    let named: BTreeSet<_> = named.map(|row| &*row["results_file"]).collect();
    assert_eq!(named, ["a.results.ndjson", "b.results.ndjson"].into());
    assert!(
        tool.read("both.ndjson")
            .contains(r#""extra":{"results_file":"b.results.ndjson","#)
    );
    assert!(tool.read("both.html").contains(
        "<tr><td>657<td>0A15030B110F18B4AAC264DBD9370E4E<td>06:02:09<td>a.results.ndjson"
    ));
    assert!(
        !tool.read("a.csv").contains("results_file"),
        "one file needs no name"
    );
    tool.call("verify both.zip").ends(0);
    let both: Value = serde_json::from_str(&tool.read("both.json")).unwrap();
    assert_eq!(both["totals"]["rows"], 2000);
    assert_eq!(both["runs"].as_array().unwrap().len(), 2);

    tool.write("copy.json", tool.read("samples/cluster.json"));
    let other = "audit samples/incident.csv --source copy.json --expect GID_billing -o c.csv";
    tool.call(other).ends(1);
    for (shards, says) in [
        ("a.results.ndjson a.results.ndjson", "would count twice"),
        (
            "a.results.ndjson c.results.ndjson",
            "expect different groups",
        ),
        (
            "c.results.ndjson a.results.ndjson",
            "expect different groups",
        ),
    ] {
        let said = tool.call("report -o no.json").args(shards).ends(2);
        assert!(said.stderr.contains(says), "{shards}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: name "), "{}", said.stderr);
        assert!(!tool.has("no.json"));
    }
    let said = tool
        .call("report a.results.ndjson c.results.ndjson --expect GID_billing -o ac.json")
        .ends(1);
    let says = "have different sources: copy.json, samples/cluster.json";
    assert!(said.stderr.contains(says), "{}", said.stderr);
}

#[test]
fn the_results_file_has_a_line_for_each_row_in_order() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let text = tool.read("a.results.ndjson");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["schema"], "ons-audit/2");
    assert_eq!(lines[0]["source"], "samples/cluster.json");
    assert_eq!(lines[0]["inputs"][0]["rows"], 1000);
    for (nth, line) in lines[1..=1000].iter().enumerate() {
        assert_eq!(line["row"], nth + 1);
        let kinds = ["tracks", "error", "same_as", "rejected"].map(|kind| line.get(kind).is_some());
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{line}");
        assert!(line["extra"]["order_id"].is_string(), "{line}");
    }
    let (trailer, examined) = lines[1001..].split_last().unwrap();
    assert_eq!(trailer["totals"]["rows"], 1000);
    assert_eq!(trailer["evidence"]["lines"], examined.len());
    for line in examined {
        let kinds = ["examined", "proof"].map(|kind| line.get(kind).is_some());
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{line}");
    }
    assert!(examined.len() > 18, "topics and proofs");

    tool.call(AUDIT)
        .args("--examine none -o b.csv --results b.ndjson")
        .ends(1);
    let unexamined = tool.read("b.ndjson");
    assert_eq!(
        unexamined.lines().count(),
        1002,
        "header, a thousand rows, trailer"
    );
    assert!(unexamined.starts_with("{\"schema\":\"ons-audit/1\","));
    assert!(!tool.has("a.results.ndjson.partial"));
}

#[test]
fn files_with_answers_are_private() {
    let tool = Tool::new();
    tool.call(AUDIT).args(&reports("a")).ends(1);
    let names = tool.names();
    assert_eq!(
        names.len(),
        7,
        "six reports, the results file, and no litter: {names:?}"
    );
    for name in names {
        assert_eq!(tool.mode(&name), 0o600, "{name}");
    }
}

#[test]
fn a_second_run_keeps_the_earlier_record() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let earlier = tool.read("a.results.ndjson");
    let said = tool.call(AUDIT).args("-o a.csv").ends(1);
    let kept: Vec<_> = tool
        .names()
        .into_iter()
        .filter(|name| name.starts_with("a.results.2"))
        .collect();
    let [kept] = &*kept else { panic!("{kept:?}") };
    assert!(tool.read(kept) == earlier && tool.read("a.results.ndjson") != earlier);
    assert!(said.stderr.contains(kept.as_str()), "{}", said.stderr);
    tool.call(&format!("verify {kept}")).ends(0);
    tool.call("verify a.results.ndjson").ends(0);
}

#[test]
fn the_results_file_is_beside_the_first_report() {
    let tool = Tool::new();
    tool.write("sub/keep", "");
    for (flags, results_file) in [
        ("-o sub/day.csv -o other.md", "sub/day.results.ndjson"),
        ("-o -", "incident.results.ndjson"),
        ("-o /dev/null", "incident.results.ndjson"),
        ("-o /dev/stdout -o x.json", "x.results.ndjson"),
        ("-o y.csv --results mine.ndjson", "mine.ndjson"),
    ] {
        tool.call(AUDIT).args(flags).ends(1);
        let said = tool.call(&format!("verify {results_file}")).ends(0);
        assert!(
            said.stdout
                .starts_with(&format!("{results_file}: the seal holds (sha256 "))
        );
    }
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn verify_sees_every_change() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let said = tool.call("verify a.results.ndjson").ends(0);
    assert!(said.stdout.ends_with(
        "1,000 rows = 986 distinct + 8 duplicates + 6 rejected\n986 distinct = 982 answered + 4 not found + 0 unanswered (they tie)\n"
    ));
    let text = tool.read("a.results.ndjson");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without = |nth: usize| [&lines[..nth], &lines[nth + 1..]].concat().concat();
    for (changed, says) in [
        (
            text.replacen("NOT_CONSUME_YET", "CONSUMED", 1),
            "was changed after it was sealed",
        ),
        (
            text.replacen("A-10001", "A-10002", 1),
            "was changed after it was sealed",
        ),
        (
            text.replacen("samples/cluster.json", "ons://cn-hangzhou", 1),
            "was changed after it was sealed",
        ),
        (
            text.replacen("\"answered\":982", "\"answered\":983", 1),
            "the trailer says",
        ),
        (without(500), "row 500"),
        (without(1001), "line 1 behind its rows can't be read"),
        (
            text.replacen("\"attempts\":4}}", "\"attempts\":5}}", 1),
            "was changed after it was sealed",
        ),
        (without(lines.len() - 1), "has no trailer"),
        (text[..text.len() - 1].to_owned(), "has no trailer"),
        (without(0), "expected the header of a results file"),
        (String::new(), "expected the header of a results file"),
    ] {
        assert!(changed != text);
        tool.write("b.ndjson", changed);
        for command in [
            "verify b.ndjson",
            "report b.ndjson -o b.csv",
            "report b.ndjson",
            "report b.ndjson -o c.json -o /dev/stdout",
        ] {
            let said = tool.call(command).ends(2);
            assert!(said.stderr.contains(says), "{command}: {}", said.stderr);
            assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
            assert_eq!(said.stdout, "");
        }
        let made = ["b.csv", "c.json"].iter().any(|name| tool.has(name));
        assert!(!made, "no report of a file that does not hold");
    }
    let said = tool.call("verify nowhere.ndjson").ends(2);
    assert!(
        said.stderr.contains("can't read nowhere.ndjson"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_would_go_wrong_later_is_refused_at_once() {
    let tool = Tool::new();
    let incident = tool.read("samples/incident.csv");
    tool.write("notes.txt", "mine");
    for (flags, says) in [
        ("-o samples/incident.csv", "is an input: no report may"),
        (
            "-o ./samples/../samples/incident.csv",
            "is an input: no report may",
        ),
        (
            "-o a.ndjson --results a.ndjson",
            "is the results file: no report",
        ),
        (
            "-o a.csv --results samples/incident.csv",
            "is an input, and can't be the results file, too",
        ),
        (
            "-o a.csv --results notes.txt",
            "would replace a file that is none",
        ),
        ("-o a.ods", "no report format has this ending"),
        ("-o report", "no report format has this ending"),
        ("-o a.csv -o a.csv", "is to hold two reports"),
        ("-o a.csv -o ./a.csv", "is to hold two reports"),
        ("-o a.csv --matrix a.csv", "is to hold two reports"),
        ("-o - -o -", "is to hold two reports"),
        ("-o missing/a.csv", "can't write missing/a.csv"),
        (
            "-o samples --matrix m.csv",
            "no report format has this ending",
        ),
        (
            "-o a.csv --results missing/r.ndjson",
            "can't write missing/r.ndjson: the folder missing does not exist",
        ),
    ] {
        let said = tool.call(AUDIT).args(flags).ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{flags}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{flags}");
        assert_eq!(
            tool.names(),
            ["notes.txt"],
            "{flags}: nothing is left behind"
        );
    }
    assert_eq!(tool.read("samples/incident.csv"), incident);

    tool.call(AUDIT).args("--results a.ndjson -o a.csv").ends(1);
    let said = tool.call("report a.ndjson -o a.ndjson").ends(2);
    assert!(
        said.stderr.contains("is the results file: no report may"),
        "{}",
        said.stderr
    );
}

/// A report, a results file, a bundle or metrics at the path of a file that is read or kept, and the error message.
const IN_THE_PLACE_OF_ANOTHER: [(&str, &str); 17] = [
    ("-o y.csv --metrics y.csv", "is the file of metrics"),
    (
        "-o x.csv --results z.ndjson --metrics z.ndjson",
        "and can't be the results file, too",
    ),
    (
        "-o x.csv --metrics x.results.ndjson.partial",
        "can't be where the results file grows, too",
    ),
    (
        "-o x.csv --metrics exp.csv --expect-file exp.csv",
        "is the file of expected groups, and can't be the file of metrics, too",
    ),
    ("-o x.csv --metrics -", "can't be standard output"),
    (
        "-o exp.csv --expect-file exp.csv",
        "no report may replace it",
    ),
    (
        "-o exp.csv --config by-name.toml",
        "no report may replace it",
    ),
    ("--rejects s.toml --config s.toml", "is the settings file"),
    ("-o ca.csv --ca-cert ca.csv", "no report may replace it"),
    ("--matrix q.csv --quota-file q.csv", "is the quota file"),
    (
        "-o b.csv --quota-file b.results.ndjson",
        "and can't be the results file, too",
    ),
    (
        "-o b.csv --restart --quota-file b.results.ndjson.partial",
        "can't be where the results file grows, too",
    ),
    (
        "-o b.csv --bundle b.results.ndjson.partial",
        "is where the results file grows",
    ),
    (
        "-o b.csv --worklist b.results.ndjson.partial",
        "is where the results file grows",
    ),
    ("-o b.csv --results b.partial", "ends with .partial"),
    ("--results -", "the results file can't be standard output"),
    ("-o samples/cluster.json", "is the source"),
];

/// Files of the user who runs the tool.
const MINE: [(&str, &str); 5] = [
    ("exp.csv", "topic,group\norders,GID_billing\n"),
    ("s.toml", "burst = 1\n"),
    ("ca.csv", "no certificate\n"),
    ("in.csv", "msg_id,topic\n"),
    ("by-name.toml", "expect_file = \"exp.csv\"\n"),
];

#[test]
fn no_file_that_is_read_or_kept_is_replaced() {
    let tool = Tool::new();
    for (name, text) in MINE {
        tool.write(name, text);
    }
    let names = tool.names();
    let audit = "audit samples/incident.csv --source samples/cluster.json";
    for (flags, says) in IN_THE_PLACE_OF_ANOTHER {
        let said = tool.call(audit).args(flags).ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{flags}: {}", said.stderr);
        assert_eq!(tool.names(), names, "{flags}");
    }
    tool.call(AUDIT).args("-o a.json").ends(1);
    for line in [
        "report a.results.ndjson -o exp.csv --expect-file exp.csv",
        "report a.results.ndjson --rejects s.toml --config s.toml",
        "diff a.results.ndjson a.results.ndjson -o exp.csv --expect-file exp.csv",
        "snapshot --source rocketmq://127.0.0.1:9 --messages in.csv -o in.csv",
    ] {
        let said = tool.call(line).ends(2);
        assert!(
            said.stderr.contains("no report may replace"),
            "{line}: {}",
            said.stderr
        );
    }
    for (name, text) in MINE {
        assert_eq!(tool.read(name), text, "{name}");
    }
}

fn seal(text: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
}

#[test]
fn what_header_and_trailer_say_is_compared_with_the_lines() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let whole = tool.read("a.results.ndjson");
    let (above, trailer) = whole.trim_end().rsplit_once('\n').unwrap();
    let trailer: Value = serde_json::from_str(trailer).unwrap();
    let changed = |key: &str, value: Value| {
        let mut trailer = trailer.clone();
        trailer[key] = value;
        format!("{above}\n{trailer}\n")
    };
    let mut groups = trailer["groups"].as_array().unwrap().clone();
    groups.pop();
    let columns = serde_json::json!(["order_id"]);
    let header = above.replacen("\"rows\":1000", "\"rows\":99", 1);
    let mut resealed = trailer.clone();
    resealed["sha256"] = seal(&format!("{header}\n")).into();
    for (text, says) in [
        (
            changed("groups", groups.into()),
            "the groups in its answers are ",
        ),
        (changed("columns", columns), "the trailer says order_id\n"),
        (
            changed("finished_at", "x/../../evil".into()),
            "the run ended at `x/../../evil`, expected a time",
        ),
        (
            format!("{header}\n{resealed}\n"),
            "the rows of its inputs are 1000, the header says 99\n",
        ),
    ] {
        tool.write("b.ndjson", text);
        for line in ["verify b.ndjson", "report b.ndjson -o b.csv"] {
            let said = tool.call(line).ends(2);
            assert!(said.stderr.contains(says), "{line}: {}", said.stderr);
            assert!(
                said.stderr.contains("\nhint: don't rely"),
                "{}",
                said.stderr
            );
        }
        assert!(!tool.has("b.csv"));
    }
}

#[test]
fn an_error_says_what_went_wrong_once_and_what_to_do() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let full = tool
        .call("verify a.results.ndjson")
        .under("\"$@\" > /dev/full");
    let said = full.ends(3);
    assert!(
        said.stderr
            .starts_with("error: can't write to standard output: No space left")
            && said.stderr.contains("\nhint: make room"),
        "{}",
        said.stderr
    );
    let swapped = tool
        .read("a.results.ndjson")
        .replacen("{\"row\":4,", "{\"row\":5,", 1);
    tool.write("b.ndjson", swapped);
    let said = tool.call("verify b.ndjson").ends(2);
    let once = "error: b.ndjson, row 4: the line can't be read: found row 5, expected row 4\n";
    assert!(said.stderr.starts_with(once), "{}", said.stderr);
}

#[test]
fn a_source_has_to_be_named_and_has_to_be_one() {
    let tool = Tool::new();
    for (source, says) in [
        ("", "no source is given"),
        ("--source nowhere.json", "can't read snapshot nowhere.json"),
        ("--source samples/expected.csv", "samples/expected.csv"),
        (
            "--source ftp://127.0.0.1",
            "unknown scheme `ftp`; a source is ons://REGION",
        ),
        ("--source ons://cn-atlantis", "cn-atlantis"),
        ("--source http://192.0.2.1", "192.0.2.1"),
    ] {
        let said = tool
            .call("audit samples/incident.csv -o a.csv")
            .args(source)
            .ends(2);
        assert!(said.stderr.contains(says), "{source}: {}", said.stderr);
        assert!(
            said.stderr.contains("\nhint: "),
            "{source}: {}",
            said.stderr
        );
        assert_eq!(tool.names(), [""; 0]);
    }
}

#[test]
fn a_results_file_with_a_duplicate_of_a_reject_is_refused() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o a.csv").ends(1);
    let text = tool.read("a.results.ndjson");
    let at = text.find("\"same_as\":").unwrap() + "\"same_as\":".len();
    let end = at + text[at..].find([',', '}']).unwrap();
    tool.write("b.ndjson", format!("{}441{}", &text[..at], &text[end..]));
    let said = tool
        .call("report b.ndjson -o b.csv --rejects bad.csv")
        .ends(2);
    assert!(
        said.stderr.contains("the same as a bad row"),
        "{}",
        said.stderr
    );
    assert!(!tool.path("bad.csv").exists());
}

#[test]
fn links_to_files_that_are_not_there_are_followed() {
    let tool = Tool::new();
    std::fs::create_dir(tool.path("real")).unwrap();
    let names = [
        "r.csv",
        "r.xlsx",
        "r.html",
        "r.results.ndjson",
        "m.prom",
        "b.zip",
        "j.csv",
        "w",
        "q",
    ];
    for name in names {
        std::os::unix::fs::symlink(format!("real/{name}"), tool.path(name)).unwrap();
    }
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    let call =
        tool.call("audit in.csv -o r.csv -o r.xlsx -o r.html --metrics m.prom --bundle b.zip");
    let call = call.args("--rejects j.csv --worklist w --quota-file q --rate 100/s --source");
    call.arg(&gateway.url()).key().ends(0);
    for name in names {
        assert!(tool.path(name).is_symlink(), "{name}");
        assert!(tool.has(&format!("real/{name}")), "{name}");
    }
}
