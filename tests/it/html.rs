//! The HTML page is complete, harmless, and small enough for a mail.

use super::tool::Tool;

fn page(tool: &Tool, input: &str) -> String {
    tool.call(input).args("-o page.html").ends(1);
    tool.read("page.html")
}

/// Returns the number of messages in the list.
fn listed(page: &str) -> usize {
    page.matches("<tr><td>").count()
}

#[test]
fn the_sample_page_is_complete_and_makes_no_requests() {
    let tool = Tool::new();
    let page = page(
        &tool,
        "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv --accept filtered",
    );
    for says in [
        "<h1>290 of 986 messages were missed or not processed by at least one expected group</h1>",
        "<li>GID_billing 221 (11 dead-lettered, produced 2026-11-20 05:32 to 06:19 UTC)</li>",
        "<li>6 rejected as bad rows</li>",
        "<p class=\"state\">Complete: every message was answered or not found</p>",
        "<tr><th scope=\"row\" dir=\"auto\">orders<td dir=\"auto\">GID_shipping<td dir=\"auto\">",
        "1,000 rows = 986 distinct + 8 duplicates + 6 rejected",
        "</svg>passed <b>761</b>",
        "</svg>open <b>210</b>",
        "</svg>absent <b>43</b>",
        "</svg>dead_lettered <b>11</b>",
        "</svg>retrying <b>7</b>",
        "221 missed, produced 2026-11-20 05:32:59 to 06:18:54; at most 9 a bar",
        "<tr><th scope=\"row\" dir=\"auto\">orders<td class=\"n\">210",
        "<tr><th scope=\"row\">10.21.3.12<td class=\"n\">5120<td class=\"n\">110",
        "<span dir=\"auto\">orders: GID_billing open</span><b>203</b>",
        "<span dir=\"auto\">payments: GID_billing dead_lettered</span><b>10</b>",
        "<tr><td>657<td>0A15030B110F18B4AAC264DBD9370E4E<td>06:02:09<td>A-10645<td>233.84<td>Łukasz",
        "passed means that the group&#39;s offset went past the message; evidence says what else is known",
        "SHA-256 of the results file",
        "time zone of this report<td dir=\"auto\">UTC",
    ] {
        assert!(page.contains(says), "{says}");
    }
    for says in [
        "<li>dead letters: correct what made them fail before they are sent again</li>",
        "<li>absent groups: were they ever started? check their names in the expectations</li>",
        "<dd class=\"meaning\">an expected group is open, absent, retrying or failed, or filtered or dead-lettered where that is not accepted</dd>",
        "<b>absent</b>: the group was expected, and the answer does not name it",
        "<h3>not found <span class=\"quiet\">4</span></h3>",
        "<tr><td>180<td>0A15030B110F18B4AAC24F3A607D1F2A<td>orders<td>BIZ_NO_MESSAGE<td>the snapshot has no message",
        "<tr><td>441<td>samples/incident.csv:442<td>1E05791C117818B4AAC23B1BB0CE****<td>msg_id<td>is masked",
    ] {
        assert!(page.contains(says), "{says}");
    }
    assert_eq!(listed(&page), 290 + 4 + 6);
    assert!(!page.contains(">calls<"), "a snapshot is not called");
    for word in ["http:", "https:", "src=", "@import", "url("] {
        let elsewhere = page.replace("url(#", ""); // its own patterns
        assert!(!elsewhere.contains(word), "{word}");
    }
    assert_eq!(tool.mode("page.html"), 0o600);
}

#[test]
fn input_text_stays_text_on_the_page() {
    let tool = Tool::new();
    tool.write(
        "list.csv",
        "msg_id,topic,note\n0A15030B110F18B4AAC264DBD9370E4E,orders,\"</td><script>alert(1)</script>\"\n",
    );
    let page = page(
        &tool,
        "audit list.csv --instance MQ_INST_1234567890123456_BXdemo --source samples/cluster.json",
    );
    assert_eq!(page.matches("<script>").count(), 1, "ours");
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
}

const CLUSTER: &str = r#"{"schema":"ons-audit-snapshot/1","cluster":"c","captured_at":"2026-11-20T06:25:00Z","brokers":["a"],
    "topics":[{"topic":"orders","queues":[{"broker":"a","queue_id":0,"min_offset":0,"max_offset":20000}]}],
    "groups":[{"group":"GID_slow","online":true,"consume_type":"push","message_model":"clustering",
    "subscriptions":[{"topic":"orders","expression":"*","expression_type":"TAG"}],
    "offsets":[{"topic":"orders","broker":"a","queue_id":0,"offset":500}]}]}"#;

#[test]
fn a_long_list_ends_after_ten_thousand_and_says_so() {
    let tool = Tool::new();
    tool.write("cluster.json", CLUSTER);
    let rows: Vec<_> = (0..11_000)
        .map(|nth| format!("0A15030B110F18B4AAC264DB{nth:08X},orders,a,0,{nth}\n"))
        .collect();
    let head = "msg_id,topic,broker,queue_id,queue_offset\n";
    tool.write("list.csv", [head, &rows.concat()].concat());
    let page = page(&tool, "audit list.csv --source cluster.json");
    assert!(page.contains("10,500 of 11,000 messages were missed by at least one group that answered (no expectations were given)"));
    assert_eq!(listed(&page), 10_000);
    assert!(page.contains("and 500 more in the CSV"));
    assert!(page.contains("10,500 missed, "), "all are in the timeline");
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn zone_and_language_change_texts_for_people_only() {
    let tool = Tool::new();
    tool.call(
        "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv --accept filtered \
         --lang zh --tz Asia/Shanghai -o zh.html -o zh.md -o zh.csv -o zh.json -o zh.xlsx",
    )
    .ends(1);
    tool.call("report zh.results.ndjson --expect-file samples/expected.csv --accept filtered -o again.html")
        .ends(1);
    assert!(tool.read("again.html").contains("<html lang=\"en\">"));
    let page = tool.read("zh.html");
    for says in [
        "<html lang=\"zh-Hans\">",
        "<h1>986 条消息中有 290 条被至少一个应消费的消费组漏消费或处理失败</h1>",
        "<li>GID_billing 221 条（死信 11 条、2026-11-20 13:32 至 14:19 Asia/Shanghai 产生）</li>",
        "</svg>未消费 <b>210</b>",
        "<td>14:02:09<td>A-10645",
        "（open）",
    ] {
        assert!(page.contains(says), "{says}");
    }
    let ticket = tool.read("zh.md");
    assert!(
        ticket.contains("| 消费组 | 已消费 |") && ticket.lines().count() <= 20,
        "{ticket}"
    );
    assert!(tool.read("zh.csv").contains(",2026-11-20T06:02:09.591Z,"));
    let summary: serde_json::Value = serde_json::from_str(&tool.read("zh.json")).unwrap();
    let headline = summary["headline"].as_str().unwrap();
    assert!(headline.contains("05:32 to 06:19 UTC"), "{headline}");
}
