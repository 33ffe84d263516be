//! Groups that are expected under conditions: tags and times.

use std::collections::BTreeMap;

use calamine::{Reader as _, Xlsx, open_workbook};

use super::tool::{Said, Tool, table};

/// Born 2026-11-20T05:30:01.157Z. The snapshot has four groups for it, none of them open.
const DATED: &str = "0A15030B110F18B4AAC264BE6C450BA2";

/// Returns `GROUP expectation` of each row, by `row`.
fn expectations(csv: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in table(csv) {
        let seen = format!("{} {} {}", row["group"], row["verdict"], row["expected"]);
        let key = format!("{} {}", row["row"], row["message_verdict"]);
        found.entry(key).or_default().push(seen);
    }
    found
}

/// Returns an audit of four messages with tags and born times, by expectations with both.
fn audited() -> (Tool, Said) {
    let tool = Tool::new();
    let rows = [
        "paid,2026-11-20 14:00:00",
        "cancelled,2026-11-20 14:00:00",
        "paid,2026-11-21 00:00:00",
        ",2026-11-20 14:00:00",
    ];
    let ids = [0, 1, 2, 3].map(|nth| format!("{}{nth:02X}", &DATED[..30]));
    let lines = ids.iter().zip(rows);
    let lines: Vec<_> = lines
        .map(|(id, row)| format!("{id},orders,{row}\n"))
        .collect();
    let list = format!("msg_id,topic,Tag,sent_at\n{}", lines.concat());
    tool.write("list.csv", list);
    tool.write("cluster.json", snapshot(&ids));
    tool.write(
        "expected.csv",
        "topic,group,tags,valid_from,valid_to,owner\n\
         orders,GID_a,,,,li\norders,GID_never,paid || created,2026-11-20,2026-11-20,wang\n",
    );
    let said = tool
        .call(
            "audit list.csv --source cluster.json --expect-file expected.csv --born-column sent_at",
        )
        .args("-o a.csv -o a.json -o a.md -o a.ndjson")
        .ends(1);
    (tool, said)
}

#[test]
fn tags_and_times_decide_which_groups_are_expected() {
    let (tool, said) = audited();
    let seen = expectations(&tool.read("a.csv"));
    let nothing_missed = ["GID_a passed yes", "GID_b open unexpected"];
    assert_eq!(
        seen["1 break"],
        [&nothing_missed[..], &["GID_never absent yes"]].concat()
    );
    for row in ["2 reconciled", "3 reconciled", "4 reconciled"] {
        assert_eq!(seen[row], nothing_missed, "{row}");
    }
    let born = &table(&tool.read("a.csv"))[0]["born_at"];
    assert_eq!(born, "2026-11-20T06:00:00.000Z");
    let told = "groups that answered although no expectation names them (messages): GID_b 4";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    let ticket = tool.read("a.md");
    assert!(
        ticket.contains(
            "groups that answered although no expectation names them (messages): GID_b 4\n"
        ),
        "{ticket}"
    );
    let row = r#""group":"GID_b","track_type":"NOT_CONSUME_YET","verdict":"open","expected":false,"unexpected":true"#;
    assert!(tool.read("a.ndjson").contains(row));
    let summary: serde_json::Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    assert_eq!(summary["groups"]["GID_b"]["unexpected"], 4);
    assert_eq!(summary["groups"]["GID_never"]["expected"], 1);
}

#[test]
fn the_results_file_keeps_the_conditions() {
    let (tool, _) = audited();
    tool.call("report a.results.ndjson -o b.csv -o b.json -o b.md -o b.ndjson")
        .ends(1);
    for ending in ["csv", "json", "md", "ndjson"] {
        let [first, again] = ["a", "b"].map(|name| tool.read(&format!("{name}.{ending}")));
        assert_eq!(first, again, "{ending}");
    }
}

#[test]
fn unknown_tags_hide_no_miss() {
    let tool = Tool::new();
    tool.write("cluster.json", snapshot(&[DATED.to_owned()]));
    tool.write("expected.csv", "topic,group,tags\norders,GID_never,paid\n");
    let said = tool
        .call("audit - --topic orders --source cluster.json --expect-file expected.csv --results r.ndjson")
        .stdin(format!("{DATED}\n"))
        .ends(1);
    assert!(
        said.stdout.contains("GID_never,,absent,yes,break"),
        "{}",
        said.stdout
    );
    assert!(
        said.stderr.contains("1 message: the tag or born time is not known, so groups that are expected only of certain messages count as expected"),
        "{}",
        said.stderr
    );
    // Other expectations judge the same answers differently.
    tool.write(
        "expected.csv",
        "topic,group,valid_from\norders,GID_a,2026-11-21\n",
    );
    let said = tool
        .call("report r.ndjson --expect-file expected.csv -o c.csv")
        .ends(0);
    assert!(
        said.stderr
            .contains("the 1 message was expected of no group")
            && said.stderr.contains("no expectation for the topic applies"),
        "{}",
        said.stderr
    );
    assert_eq!(
        expectations(&tool.read("c.csv"))["1 reconciled"],
        ["GID_a passed no", "GID_b open unexpected"]
    );
}

#[test]
fn a_position_s_tag_travels_and_decides() {
    let tool = Tool::new();
    let ids = [DATED.to_owned()];
    tool.write("cluster.json", snapshot(&ids));
    tool.write("expected.csv", "topic,group,tags\norders,GID_never,paid\n");
    let list =
        format!("msg_id,topic,broker,queue_id,queue_offset,tag\n{DATED},orders,b,0,5,other\n");
    tool.write("list.csv", list);
    tool.call("audit list.csv --source cluster.json --expect-file expected.csv -o a.csv")
        .ends(0);
    assert_eq!(table(&tool.read("a.csv"))[0]["tag"], "other");
}

#[test]
fn without_expectations_every_report_says_so() {
    let tool = Tool::new();
    let reports = "-o a.json -o a.ndjson -o a.md -o a.html -o a.xlsx";
    let said = tool
        .call(&format!(
            "audit samples/incident.csv --source samples/cluster.json --accept filtered {reports}"
        ))
        .ends(1);
    let missed = "messages were missed or not processed by at least one group that answered: ";
    let ending = "(no expectations were given)";
    let none = "none; a group that was never started is invisible, use --expect or --expect-file; filtered messages were \
                accepted";
    let headline = said
        .stderr
        .lines()
        .find(|line| line.contains(missed))
        .unwrap();
    assert!(headline.ends_with(ending), "{headline}");
    assert!(
        said.stderr.contains(&format!("expectations {none}")),
        "{}",
        said.stderr
    );
    assert!(
        tool.read("a.md")
            .contains(&format!("- expectations: {none}"))
    );
    let code = |page: String| {
        page.replace("<code class=\"option\">", "")
            .replace("</code>", "")
    };
    let page = code(tool.read("a.html"));
    assert!(
        page.contains(&format!("<p>expectations: {none}</p>")),
        "{page}"
    );
    assert!(page.contains("<td>every group that answered has passed or filtered it"));
    assert!(page.contains("No expectations were given"));
    for (sheet, text) in [
        ("Summary", format!("expectations: {none}")),
        (
            "Method",
            "every group that answered has passed or filtered it".to_owned(),
        ),
    ] {
        assert!(has_cell(&tool, "a.xlsx", sheet, &text), "{sheet}: {text}");
    }
    let summary: serde_json::Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    assert!(summary.as_object().unwrap().contains_key("expectations"));
    assert!(summary["expectations"].is_null());

    tool.call(&format!("report a.results.ndjson --lang zh {reports}"))
        .ends(1);
    for report in ["a.md", "a.html"] {
        let text = code(tool.read(report));
        assert!(text.contains("（未指定消费约定）"), "{text}");
        assert!(
            text.contains("消费约定：无；从未启动的消费组不会出现在结果中"),
            "{text}"
        );
    }
}

#[test]
fn the_json_report_lists_the_expectations() {
    let tool = Tool::new();
    let audit =
        "audit samples/incident.csv --source samples/cluster.json --accept filtered -o b.json";
    tool.call(audit)
        .args("--expect orders=GID_a,GID_b --expect GID_c")
        .ends(1);
    let summary: serde_json::Value = serde_json::from_str(&tool.read("b.json")).unwrap();
    assert_eq!(
        summary["expectations"],
        serde_json::json!({
            "topics": {"*": ["GID_c"], "orders": ["GID_a", "GID_b"]},
            "groups": ["GID_a", "GID_b", "GID_c"],
            "accept_filtered": true,
        })
    );
    let headline = summary["headline"].as_str().unwrap();
    assert!(!headline.contains("no expectations"), "{headline}");
}

/// Returns whether a cell of a sheet has this text.
fn has_cell(tool: &Tool, file: &str, sheet: &str, text: &str) -> bool {
    let mut workbook: Xlsx<_> = open_workbook(tool.path(file)).unwrap();
    let range = workbook.worksheet_range(sheet).unwrap();
    range.used_cells().any(|(_, _, cell)| cell == text)
}

#[test]
fn expectations_that_apply_to_no_message_do_not_pass_as_met() {
    let tool = Tool::new();
    let passed =
        snapshot(&[DATED.to_owned()]).replace(r#""queue_offset":5"#, r#""queue_offset":1"#);
    tool.write("cluster.json", passed);
    tool.write("list.csv", format!("msg_id,topic\n{DATED},orders\n"));
    let said = tool
        .call("audit list.csv --source cluster.json --expect ordes=GID_never -o a.csv -o a.json -o a.md -o a.html")
        .ends(0);
    for part in [
        "the 1 message was consumed by the groups that answered, but the expectations name none of their topics",
        "the expectations name topics that no message has, check their spelling: ordes",
        "these topics (messages) have no expectations, so there the groups that answered count as expected: orders 1",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        for report in ["a.md", "a.html"] {
            assert!(tool.read(report).contains(part), "{part}: {report}");
        }
    }
    let summary: serde_json::Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    assert_eq!(summary["topics_without_messages"][0], "ordes");
    assert_eq!(summary["topics_without_contract"]["orders"], 1);
    let said = tool
        .call("audit list.csv --source cluster.json --expect orders=GID_a --restart -o a.csv")
        .ends(0);
    assert!(
        said.stderr
            .contains("the 1 message was consumed by every expected group")
    );
    assert!(!said.stderr.contains("spelling"), "{}", said.stderr);
}

#[test]
fn an_id_at_two_places_is_two_queries() {
    let tool = Tool::new();
    tool.write("cluster.json", snapshot(&[]));
    let list = |offsets: [u32; 3]| {
        let lines = offsets.map(|offset| format!("{DATED},orders,b,0,{offset},x\n"));
        format!(
            "msg_id,topic,broker,queue_id,queue_offset,tag\n{}",
            lines.concat()
        )
    };
    tool.write("list.csv", list([1, 5, 1]));
    let audit = "audit list.csv --source cluster.json --expect GID_b";
    tool.call(&format!("{audit} --results old.ndjson -o a.csv"))
        .ends(1);
    let seen = expectations(&tool.read("a.csv"));
    let rows: Vec<_> = seen.keys().map(String::as_str).collect();
    assert_eq!(rows, ["1 reconciled", "2 break", "3 reconciled"]);
    // In the next night, neither answer may replace the other.
    tool.call(&format!(
        "{audit} --previous old.ndjson --results new.ndjson -o b.csv"
    ))
    .ends(1);
    assert_eq!(expectations(&tool.read("b.csv")), seen);
    let said = tool.call("diff old.ndjson new.ndjson").ends(0);
    let told = "nothing regressed, nothing new; 1 still open";
    assert!(said.stderr.contains(told), "{}", said.stderr);
}

#[test]
fn unreadable_born_times_cause_warnings_or_refusal() {
    let tool = Tool::new();
    tool.write("cluster.json", snapshot(&[DATED.to_owned()]));
    let audit = "audit list.csv --source cluster.json --born-column sent_at -o a.csv";
    tool.write(
        "list.csv",
        format!("msg_id,topic,sent_at\n{DATED},orders,20261120\n"),
    );
    let said = tool.call(audit).ends(2);
    for part in [
        "error: the column `sent_at` holds no born time in any row, the first is `20261120` in row 1; expected times such as",
        "hint: write its times in one of these forms",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    let other = format!("{}FF", &DATED[..30]);
    tool.write(
        "list.csv",
        format!("msg_id,topic,sent_at\n{DATED},orders,20261120133001\n{other},orders,46346\n"),
    );
    let said = tool.call(audit).ends(1);
    let told =
        "column sent_at: 1 of 2 values cannot be read as a time, the first is `46346` in row 2";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    let born = &table(&tool.read("a.csv"))[0]["born_at"];
    assert_eq!(born, "2026-11-20T05:30:01.000Z");
}

#[test]
fn a_bad_file_is_refused_with_line_and_column() {
    let tool = Tool::new();
    tool.write(
        "expected.csv",
        "topic,group,valid_from\n# since when?\norders,GID_a,yesterday\n",
    );
    let said = tool
        .call("audit samples/incident.csv --source samples/cluster.json --expect-file expected.csv -o a.csv")
        .ends(2);
    assert!(
        said.stderr.contains("error: expected.csv:3, column valid_from: found `yesterday`, expected a moment with its zone"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("hint: an expectations file is CSV with the header"),
        "{}",
        said.stderr
    );
}

/// `GID_a` has passed all of them, `GID_b` none.
fn snapshot(ids: &[String]) -> String {
    let group = |name: &str, offset: u32| {
        format!(
            r#"{{"group":"{name}","online":true,"consume_type":"push","message_model":"clustering",
                "subscriptions":[{{"topic":"orders","expression":"*","expression_type":"TAG"}}],
                "offsets":[{{"topic":"orders","broker":"b","queue_id":0,"offset":{offset}}}]}}"#
        )
    };
    let message = |id: &String| {
        format!(
            r#"{{"msg_id":"{id}","topic":"orders","broker":"b","queue_id":0,"queue_offset":5}}"#
        )
    };
    let messages: Vec<_> = ids.iter().map(message).collect();
    format!(
        r#"{{"schema":"ons-audit-snapshot/1","cluster":"c","captured_at":"2026-11-20T08:00:00Z","brokers":["b"],
            "topics":[{{"topic":"orders","queues":[{{"broker":"b","queue_id":0,"min_offset":0,"max_offset":9}}]}}],
            "groups":[{},{}],"messages":[{}]}}"#,
        group("GID_a", 9),
        group("GID_b", 2),
        messages.join(",")
    )
}
