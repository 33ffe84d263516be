//! `inspect` and `plan`, which make no call.

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
fn a_plan_asks_nothing() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        "msg_id,topic\nAC10323E00002A9F0000000000983278,orders\n0156F7E71C361B21BC024CCDBE00000000,orders\n\
         AC10323E00002A9F0000000000983278,orders\n1.23E+15,orders\n",
    );
    let plan = "plan in.csv --source http://127.0.0.1:9 --rate 30/m --retention 48h";
    let said = tool.call(plan).ends(1);
    assert_eq!(said.stderr, "");
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
    oldest    row 2, 0156F7E71C361B21BC024CCDBE00000000: born 2022-03-23 22:50:38
    ");
    let (_, after) = after.split_once(" ago\n").unwrap();
    assert_snapshot!(after, @r"
    expiry    1 is already older than 2 days; 0 more will be by the time they are asked; 1 message has no born time
    rejected  in.csv:5, column msg_id: `1.23E+15` has lost digits: a spreadsheet turned it into a number; export the column again as text
    ");
    let json: Value =
        serde_json::from_str(&tool.call(plan).args("--format json").ends(1).stdout).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "rows": 4, "distinct": 2, "duplicates": 1, "rejected": 1, "seconds": 2.0, "dated": 1, "expired": 1, "expiring": 0,
            "oldest": {"row": 2, "msg_id": "0156F7E71C361B21BC024CCDBE00000000", "born_at": "2022-03-23T14:50:38Z"},
        })
    );
    assert_eq!(tool.names(), ["in.csv"], "a plan leaves nothing behind");
    let snapshot = tool
        .call("plan samples/incident.csv --source samples/cluster.json")
        .ends(1);
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
        let plan = tool.call(&format!("plan {ask} --format {format}")).ends(1);
        assert!(!plan.stdout.contains("expir"), "{}", plan.stdout);
    }
    // With a limit of rejected rows the audit counts them before it asks.
    let audit = tool.call(&format!("audit {ask} -o a.csv --max-rejects 10"));
    let said = audit.ends(1);
    assert!(said.stderr.contains("asking about"), "{}", said.stderr);
    assert!(!said.stderr.contains("older than"), "{}", said.stderr);
}
