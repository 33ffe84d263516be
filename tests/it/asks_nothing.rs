//! `inspect` and `plan`, which make no call.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use super::tool::Tool;

/// The worked examples of the fact sheet: the ID, a day of the query, the producer's time zone, and the decoded fields.
/// The last one was born on another day than its page says.
const EXAMPLES: [&str; 8] = [
    "1E0578FE110F18B4AAC235C0C8460BA2 2019-10-12 Asia/Shanghai \
     30.5.120.254 4367 18b4aac2 901826630 2978 2019-10-11T10:30:26.630+08:00",
    "1E0578FE110F18B4AAC235C0C8460BA2 2019-10-12 UTC 2019-10-11T10:30:26.630+00:00",
    "1E05791C117818B4AAC23B1BB0CE0000 2019-10-13 +08:00 \
     30.5.121.28 4472 991670478 0 2019-10-12T11:27:50.478+08:00",
    "0BC16699165C03B925DB8A404E2D0000 2021-01-31 +08:00 \
     11.193.102.153 5724 2319470125 2021-01-27T20:17:50.125+08:00",
    "AC10323E00002A9F0000000000983278 2026-11-22 UTC 172.16.50.62:10911 9974392",
    "0156F7E71C361B21BC024CCDBE00000000 2026-11-22 UTC \
     56:f7:e7:1c:36:1b 8636 38587838 0 2022-03-23T14:50:38.000+00:00",
    "012A5AB0BBEC8A000104C6342B00001ECF 2026-11-22 UTC \
     2a:5a:b0:bb:ec:8a 1 80098347 7887 2023-07-17T01:32:27.000+00:00",
    "0A79275A00207A4F0F2916C92F9A0B94 2023-03-23 +08:00 2023-03-05T10:11:23.",
];

#[test]
fn ids_are_decoded() {
    let tool = Tool::new();
    let inspect = |id: &str, as_of: &str, flags: &str| {
        let call = tool.call(&format!("inspect {id} --as-of {as_of}T00:00:00Z {flags}"));
        call.ends(0).stdout
    };
    for example in EXAMPLES {
        let words: Vec<_> = example.split_whitespace().collect();
        let text = inspect(words[0], words[1], &format!("--producer-zone {}", words[2]));
        for value in &words[3..] {
            assert!(text.contains(&format!("  {value}")), "{value}: {text}");
        }
    }
    assert_snapshot!(inspect("1E0578FE110F18B4AAC235C0C8460BA2", "2019-10-12", "--format json"), @r#"{"msg_id":"1E0578FE110F18B4AAC235C0C8460BA2","kind":"uniq_key","producer":"30.5.120.254","pid":4367,"class_loader":"18b4aac2","month_millis":901826630,"counter":2978,"born_at":"2019-10-11T02:30:26.630Z","caveat":"the born time assumes the producer's time zone, and this month or the last"}"#);
    let two = inspect(
        "AC10323E00002A9F0000000000983278 0156F7E71C361B21BC024CCDBE00000000",
        "2026-11-22",
        "--format json",
    );
    assert_eq!(two.lines().count(), 2);
    let said = tool.call("inspect 1.23E+15").ends(2);
    assert!(
        said.stderr.contains("`1.23E+15` is not a message ID") && said.stderr.contains("\nhint: ")
    );
    // The earlier name of this flag.
    tool.call("inspect AC10323E00002A9F0000000000983278 --tz UTC")
        .ends(0);
}

#[test]
fn one_bad_id_hides_no_good_one() {
    let tool = Tool::new();
    let good = "AC10323E00002A9F0000000000983278";
    for format in ["text", "json"] {
        let call = tool.call(&format!("inspect zz {good} 1.23E+15 --format {format}"));
        let said = call.ends(1);
        assert!(said.stdout.contains(good), "{}", said.stdout);
        for id in ["zz", "1.23E+15"] {
            let error = format!("error: `{id}` is not a message ID: ");
            assert!(said.stderr.contains(&error), "{}", said.stderr);
        }
        assert_eq!(said.stderr.matches("hint: ").count(), 1, "{}", said.stderr);
    }
}

/// No process listens on that port and there is no key, and still the plan is complete.
#[test]
fn a_plan_states_the_calls_for_dead_letters_and_traces() {
    let tool = Tool::new();
    let plan = "plan samples/incident.csv --source ons://cn-hangzhou";
    for (flags, says) in [
        (
            "--expect GID_a,GID_b",
            Some("dead letters: 1 call for each of 2 groups, and for each 50 more, at 480/m"),
        ),
        (
            "--expect orders=GID_a --trace-sample 200 --rate 5/s",
            Some(
                "dead letters: 1 call for 1 group, and for each 50 more, at 300/m; traces: at most 400 messages, 800 calls, \
                 at 15/m; together 26 min 36 s more",
            ),
        ),
        (
            "--trace-sample 3000 --rate max",
            Some(
                "dead letters: 1 call for each group that answers, and for each 50 more; traces: at most 986 messages, \
                 1,972 calls",
            ),
        ),
        ("--examine none --trace-sample 200", None),
    ] {
        let said = tool.call(plan).args(flags).ends(0);
        let line = said
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("examine   "));
        assert_eq!(line, says, "{flags}");
        let json = tool
            .call(plan)
            .args(flags)
            .args("--format json")
            .ends(0)
            .stdout;
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["examination"].is_object(), says.is_some(), "{flags}");
    }
    let said = tool
        .call("plan samples/incident.csv --source samples/cluster.json")
        .ends(0);
    assert!(!said.stdout.contains("examine"), "{}", said.stdout);
}

#[test]
fn a_plan_asks_nothing() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        "msg_id,topic\nAC10323E00002A9F0000000000983278,orders\n0156F7E71C361B21BC024CCDBE00000000,orders\n\
         AC10323E00002A9F0000000000983278,orders\n1.23E+15,orders\n",
    );
    let plan = "plan in.csv --source http://127.0.0.1:9 --rate 30/m --retention 48h";
    let said = tool.call(plan).ends(0);
    let columns = " INFO in.csv: message ID from `msg_id`, topic from `topic`\n";
    assert_eq!(said.stderr, columns);
    let text = said
        .stdout
        .split(" +08:00, ")
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let [before, after] = &*text else {
        panic!("{}", said.stdout)
    };
    assert_snapshot!(before, @r"
    4 rows = 2 distinct messages + 1 duplicate + 1 rejected
    source    http://127.0.0.1:9
    calls     2 without retries, at 30/m
    time      2 s
    examine   dead letters: 1 call for each group that answers, and for each 50 more, at 30/m
    oldest    row 2, 0156F7E71C361B21BC024CCDBE00000000: born 2022-03-23 22:50:38
    ");
    let (_, after) = after.split_once(" ago\n").unwrap();
    assert_snapshot!(after, @r"
    expiry    1 is already older than 2 days; 0 more will be by the time they are asked; 1 message has no born time
    rejected  in.csv:5, column msg_id: `1.23E+15` has lost digits: a spreadsheet turned it into a number; export the column again as text
    writes    in.results.ndjson (results file)
              standard output (report)
    ");
    let json: Value =
        serde_json::from_str(&tool.call(plan).args("--format json").ends(0).stdout).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "rows": 4, "distinct": 2, "duplicates": 1, "rejected": 1, "seconds": 2.0, "dated": 1, "expired": 1, "expiring": 0,
            "oldest": {"row": 2, "msg_id": "0156F7E71C361B21BC024CCDBE00000000", "born_at": "2022-03-23T14:50:38Z"},
            "carried": 0, "settled": 0, "deadline": null,
            "examination": {"dead_letter_calls": null, "traced_messages": 0, "trace_calls": 0, "seconds": 0.0},
            "writes": [
                {"what": "results file", "path": "in.results.ndjson"},
                {"what": "report", "path": "-"},
            ],
        })
    );
    assert_eq!(tool.names(), ["in.csv"], "a plan leaves nothing behind");
}

#[test]
fn a_plan_of_a_snapshot_has_no_rate_limit() {
    let tool = Tool::new();
    let snapshot = tool
        .call("plan samples/incident.csv --source samples/cluster.json")
        .ends(0);
    assert!(
        snapshot
            .stdout
            .starts_with("1,000 rows = 986 distinct messages + 8 duplicates + 6 rejected\n")
    );
    assert!(
        snapshot
            .stdout
            .contains("\ncalls     986 without retries, no rate limit\n"),
        "{}",
        snapshot.stdout
    );
}

/// A snapshot keeps its messages, however old they are.
#[test]
fn nothing_of_a_snapshot_expires() {
    let tool = Tool::new();
    let ask = "samples/incident.csv --source samples/cluster.json";
    for format in ["text", "json"] {
        let plan = tool.call(&format!("plan {ask} --format {format}")).ends(0);
        assert!(!plan.stdout.contains("expir"), "{}", plan.stdout);
    }
    // With a limit of rejected rows the audit counts them before it asks.
    let audit = tool.call(&format!("audit {ask} -o a.csv --max-rejects 10"));
    let said = audit.ends(1);
    assert!(said.stderr.contains("asking about"), "{}", said.stderr);
    assert!(!said.stderr.contains("older than"), "{}", said.stderr);
}

/// Describes a folder and all that is in it: times, length, permissions and inode. A file that was created and removed again
/// changes the time of its folder.
fn listing(path: &Path) -> Vec<String> {
    let about = fs::symlink_metadata(path).unwrap();
    let mut found = vec![format!(
        "{} {}.{} {}.{} {} {:o} {}",
        path.display(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec(),
        about.len(),
        about.mode(),
        about.ino()
    )];
    if about.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            found.extend(listing(&entry.unwrap().path()));
        }
    }
    found.sort();
    found
}

const EVERYTHING: &str = "-o r.csv -o r.xlsx -o r.html -o r.json -o r.md -o r.ndjson --matrix m.csv --rejects bad.csv \
                          --worklist redrive --bundle b.zip --metrics run.prom --results r.ndjson.results --split 100 \
                          --expect-file samples/expected.csv --exit-zero --no-progress --max-time 10s --rate 20/s \
                          --quota-file quota";

#[test]
fn a_plan_takes_the_arguments_of_an_audit() {
    let tool = Tool::new();
    let ask = format!("samples/incident.csv --source samples/cluster.json {EVERYTHING}");
    let before = listing(&tool.path("."));
    let plan = tool.call(&format!("plan {ask}")).ends(0);
    let json = tool.call(&format!("plan {ask} --format json")).ends(0);
    assert_eq!(listing(&tool.path(".")), before);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let reached = json["deadline"]["reached"].as_u64().unwrap();
    assert!((195..=205).contains(&reached), "{json}");
    assert_eq!(json["deadline"]["given_by"], "--max-time 10s");
    assert!(
        plan.stdout.contains(&format!(
            "): time for about {reached} of 986 messages; the oldest"
        )),
        "{}",
        plan.stdout
    );

    // The audit then writes just these files.
    let (_, files) = plan.stdout.split_once("\nwrites    ").unwrap();
    let planned: Vec<_> = files.lines().map(str::trim_start).collect();
    assert_eq!(
        planned,
        [
            "r.ndjson.results (results file)",
            "r.csv (report in parts)",
            "r.xlsx (report)",
            "r.html (report)",
            "r.json (report)",
            "r.md (report)",
            "r.ndjson (report)",
            "m.csv (report in parts)",
            "bad.csv (rejected rows)",
            "redrive (worklist)",
            "b.zip (bundle)",
            "run.prom (metrics)",
            "quota (quota file)",
        ]
    );
    let whole = ask
        .replace(" --max-time 10s --rate 20/s", "")
        .replace(" --quota-file quota", "")
        .replace(" --split 100", "");
    tool.call(&format!("audit {whole}")).ends(0);
    let mut written: Vec<_> = planned[..planned.len() - 1]
        .iter()
        .map(|line| line.split_once(" (").unwrap().0)
        .collect();
    written.sort_unstable();
    assert_eq!(tool.names(), written);
}

#[test]
fn a_plan_says_what_previous_and_resume_save() {
    let tool = Tool::new();
    let ask =
        "samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv";
    tool.call(&format!("audit {ask} -o a.csv")).ends(1);
    let plan = format!("plan {ask} --previous a.results.ndjson -o b.csv");
    let before = listing(&tool.path("."));
    let said = tool.call(&plan).ends(0);
    let json = tool.call(&format!("{plan} --format json")).ends(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let carried = json["carried"].as_u64().unwrap();
    assert!(carried > 0);
    assert_eq!(json["distinct"], 986 - carried, "{json}");
    assert_eq!(json["rows"], 1000);
    let line = format!(
        "\nprevious  {carried} answers are carried from a.results.ndjson, which saves as many calls\n"
    );
    assert!(said.stdout.contains(&line), "{}", said.stdout);
    assert!(
        said.stdout
            .starts_with(&format!("1,000 rows = {} distinct", 986 - carried)),
        "{}",
        said.stdout
    );

    let again = tool.call(&format!("plan {ask} -o a.csv --resume")).ends(0);
    assert!(
        again
            .stdout
            .contains("calls     none: a.results.ndjson is whole"),
        "{}",
        again.stdout
    );
    assert_eq!(listing(&tool.path(".")), before);
}

#[test]
fn a_plan_counts_what_resume_finds_settled() {
    let tool = Tool::new();
    let ask =
        "samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv";
    tool.call(&format!("audit {ask} -o a.csv")).ends(1);
    // An unfinished run: the header and 300 lines of the results file, the last of them torn.
    let whole = tool.read("a.results.ndjson");
    let lines: Vec<_> = whole.split_inclusive('\n').collect();
    tool.write(
        "c.results.ndjson.partial",
        lines[..301].concat() + "{\"row\":3",
    );
    let before = listing(&tool.path("."));
    let resumed = tool.call(&format!("plan {ask} -o c.csv --resume")).ends(0);
    assert!(
        resumed.stdout.contains(" + 300 settled\n"),
        "{}",
        resumed.stdout
    );
    let line = "\nresume    300 rows are settled by an earlier run of c.results.ndjson; only the others are asked\n";
    assert!(resumed.stdout.contains(line), "{}", resumed.stdout);
    assert_eq!(listing(&tool.path(".")), before, "nothing is cut off");
    // The bad rows are settled, too.
    tool.write("d.results.ndjson.partial", lines[..901].concat());
    let resumed = tool.call(&format!("plan {ask} -o d.csv --resume")).ends(0);
    let start = "1,000 rows = 100 distinct messages + 0 duplicates + 0 rejected + 900 settled\n";
    assert!(
        resumed.stdout.starts_with(start) && !resumed.stdout.contains("\nrejected"),
        "{}",
        resumed.stdout
    );
    for command in ["audit", "plan"] {
        let refused = tool.call(&format!("{command} {ask} -o c.csv")).ends(2);
        assert!(
            refused.stderr.contains("c.results.ndjson.partial"),
            "{}",
            refused.stderr
        );
    }
    tool.call(&format!("audit {ask} -o c.csv --resume")).ends(1);
}

/// Arguments that `audit` refuses. SNAPSHOT and GATEWAY stand for `--source` with one.
const REFUSED: [&str; 64] = [
    "ids.csv",
    "none.csv SNAPSHOT",
    "header.csv SNAPSHOT",
    "all-bad.csv SNAPSHOT",
    "bad.csv SNAPSHOT --max-rejects 0",
    "bad.csv SNAPSHOT --max-rejects many",
    "ids.csv SNAPSHOT --msg-id-column id",
    "ids.csv SNAPSHOT --born-column created",
    "ids.csv SNAPSHOT --born-column topic",
    "ids.csv SNAPSHOT --expect-file groups.csv",
    "ids.csv SNAPSHOT --expect-file none.csv",
    "ids.csv SNAPSHOT --accept all",
    "ids.csv SNAPSHOT -o report.pdf",
    "ids.csv SNAPSHOT -o nowhere/report.csv",
    "ids.csv SNAPSHOT -o full",
    "ids.csv SNAPSHOT -o r.csv -o ./r.csv",
    "ids.csv SNAPSHOT -o r.csv --matrix r.csv",
    "ids.csv SNAPSHOT -o ids.csv",
    "ids.csv SNAPSHOT -o - --split 10",
    "ids.csv SNAPSHOT -o r.csv --split none",
    "ids.csv SNAPSHOT -o r.csv --output-delimiter ab",
    "ids.csv SNAPSHOT -o r.csv --tz Mars/Olympus",
    "ids.csv SNAPSHOT -o r.csv --lang de",
    "ids.csv SNAPSHOT -o r.csv --worklist full",
    "ids.csv SNAPSHOT -o r.csv --worklist nowhere/redrive",
    "ids.csv SNAPSHOT -o r.csv --bundle r.csv",
    "ids.csv SNAPSHOT -o r.csv --bundle -",
    "ids.csv SNAPSHOT -o r.csv --bundle nowhere/b.zip",
    "ids.csv SNAPSHOT -o r.csv --metrics run.txt",
    "ids.csv SNAPSHOT -o r.csv --metrics text.prom",
    "ids.csv SNAPSHOT -o r.csv --metrics nowhere/run.prom",
    "ids.csv SNAPSHOT -o r.csv --notify-when never",
    "ids.csv SNAPSHOT -o r.csv --results groups.csv",
    "ids.csv SNAPSHOT -o r.csv --results nowhere/r.ndjson",
    "ids.csv SNAPSHOT -o begun.csv",
    "ids.csv SNAPSHOT -o begun.csv --resume",
    "ids.csv SNAPSHOT -o a.csv --resume",
    "ids.csv SNAPSHOT -o r.csv --previous none.ndjson",
    "ids.csv SNAPSHOT -o r.csv --previous changed.ndjson",
    "ids.csv SNAPSHOT -o r.csv --recheck 5%",
    "ids.csv SNAPSHOT -o r.csv --previous a.results.ndjson --recheck x",
    "ids.csv SNAPSHOT -o r.csv --finish-by 25:00",
    "ids.csv SNAPSHOT -o r.csv --finish-by 2020-01-01T00:00Z",
    "ids.csv SNAPSHOT -o r.csv --max-time 0s",
    "ids.csv SNAPSHOT -o r.csv --producer-zone Mars",
    "ids.csv SNAPSHOT -o r.csv --removed-broker broker-a",
    "ids.csv SNAPSHOT -o r.csv --rate fast",
    "ids.csv SNAPSHOT -o r.csv --config none.toml",
    "ids.csv SNAPSHOT -o r.csv --config open.toml",
    "ids.csv SNAPSHOT -o r.csv --log-format xml",
    "ids.csv SNAPSHOT -o r.csv --unknown",
    "ids.csv GATEWAY -o r.csv --previous a.results.ndjson",
    "ids.csv GATEWAY -o r.csv --quota-file ids.csv",
    "ids.csv GATEWAY -o r.csv --quota-file text.prom",
    "ids.csv GATEWAY -o r.csv --quota-file nowhere/quota",
    "ids.csv GATEWAY -o r.csv --rate max --quota-file quota",
    "ids.csv GATEWAY -o r.csv --signature v9",
    "ids.csv GATEWAY -o r.csv --timeout long",
    "ids.csv GATEWAY -o r.csv --ca-cert none.pem",
    "ids.csv GATEWAY -o r.csv --proxy http://u:p@proxy.example:3128",
    "ids.csv --source http://gateway.example -o r.csv",
    "ids.csv --source none.json -o r.csv",
    "ids.csv --source rocketmq:// -o r.csv",
    "ids.csv --source rocketmq://127.0.0.1:9 -o r.csv --tls --ca-cert ids.csv",
];

#[test]
fn a_plan_refuses_what_an_audit_refuses() {
    let tool = Tool::new();
    tool.write(
        "ids.csv",
        "msg_id,topic\n0156F7E71C361B21BC024CCDBE00000000,orders\n",
    );
    tool.write(
        "bad.csv",
        "msg_id,topic\n1.23E+15,orders\n0156F7E71C361B21BC024CCDBE00000000,orders\n",
    );
    tool.write("all-bad.csv", "msg_id,topic\n1.23E+15,orders\n");
    tool.write("header.csv", "msg_id,topic\n");
    tool.write("groups.csv", "topic\norders\n");
    tool.write("open.toml", "notify_url = \"https://h.example/x\"\n");
    tool.write("full/other.txt", "mine");
    tool.write("text.prom", "mine");
    tool.write("begun.results.ndjson.partial", "{}\n");
    let ask = "samples/incident.csv --source samples/cluster.json -o a.csv";
    tool.call(&format!("audit {ask}")).ends(1);
    tool.write(
        "changed.ndjson",
        tool.read("a.results.ndjson")
            .replace("\"row\":7,", "\"row\":8,"),
    );
    let snapshot = "--source samples/cluster.json";
    let api = "--source http://127.0.0.1:9";
    for arguments in REFUSED {
        let arguments = arguments
            .replace("SNAPSHOT", snapshot)
            .replace("GATEWAY", api);
        let refused = |command: &str| {
            let said = tool.call(&format!("{command} {arguments}")).key().ends(2);
            let usage = format!("Usage: ons-audit {command} ");
            let text = said.stderr.replace(&usage, "Usage: ons-audit COMMAND ");
            // A plan replaces nothing at any time.
            let lines = text.split_inclusive('\n');
            lines
                .filter(|line| !line.starts_with("hint: this run did not replace"))
                .collect::<String>()
        };
        let audit = refused("audit");
        let before = listing(&tool.path("."));
        let plan = refused("plan");
        assert_eq!(plan, audit, "{arguments}");
        assert!(plan.contains("error: "), "{arguments}: {plan}");
        assert_eq!(listing(&tool.path(".")), before, "{arguments}");
    }
}
