//! Lists in every format, encoding and naming of columns give the same audit.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::tool::{Call, Row, Tool, table};

const INSTANCE: &str = "MQ_INST_1234567890123456_BXdemo";

/// Three messages of the sample with their orders and topics.
const MESSAGES: [(&str, &str, &str); 3] = [
    ("A-10001", "0A15030B110F18B4AAC264BE6C450BA2", "orders"),
    ("P-10003", "0A150421038618B4AAC264BE7FAE7702", "payments"),
    ("A-10002", "0A15030C140018B4AAC264BE73D821D1", "orders"),
];

/// Returns `header`, then each message formatted by `row`, each line with `end`.
fn list(header: &str, end: &str, row: impl Fn(&str, &str, &str) -> String) -> String {
    let rows = MESSAGES.map(|(order, id, topic)| row(order, id, topic) + end);
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("{header}{end}")
    };
    header + &rows.concat()
}

fn csv() -> String {
    list("order,msg_id,topic", "\n", |order, id, topic| {
        format!("{order},{id},{topic}")
    })
}

pub(crate) fn audit<'t>(tool: &'t Tool, line: &str) -> Call<'t> {
    tool.call(&format!("audit --source samples/cluster.json --expect GID_billing --matrix m.csv -o /dev/null {line}"))
}

/// Returns one row per message, as in the matrix.
fn matrix(tool: &Tool) -> Vec<Row> {
    table(&tool.read("m.csv"))
}

/// Checks that the three messages were asked, and that each kept its order in the column `kept`, if there is one.
#[track_caller]
fn all_three(tool: &Tool, kept: Option<&str>) {
    let rows = matrix(tool);
    assert_eq!(rows.len(), 3, "{rows:?}");
    for (row, (order, id, topic)) in rows.iter().zip(MESSAGES) {
        assert_eq!((&*row["msg_id"], &*row["topic"]), (id, topic));
        assert_eq!(row["message_verdict"], "reconciled");
        if let Some(column) = kept {
            assert_eq!(row[column], order, "{row:?}");
        }
    }
}

#[test]
fn formats_are_known_by_their_looks() {
    let tool = Tool::new();
    let ndjson = list("", "\n", |order, id, topic| {
        format!(r#"{{"order":"{order}","Message ID":"{id}","topic":"{topic}","n":[1]}}"#)
    });
    let tsv = list("order\tMsgId\tTopic", "\r\n", |order, id, topic| {
        format!("{order}\t{id}\t{topic}")
    });
    let semicolon = list("order;MESSAGE-ID;topic", "\n", |order, id, topic| {
        format!("\"{order}\";{id};{topic}")
    });
    let pipes = list("topic|order|message_id", "\n", |order, id, topic| {
        format!("{topic}|{order}|{id}")
    });
    for (name, text) in [
        ("a.csv", csv()),
        ("b.txt", tsv),
        ("c.csv", semicolon),
        ("d", pipes),
        ("e.log", ndjson),
        ("f.csv", format!("\u{feff}{}", csv().replace('\n', "\r\n"))),
        ("g.csv", csv().trim_end().to_owned()),
        (
            "h.csv",
            csv()
                .replace("A-10001", "\"A-10001\"")
                .replace("msg_id", "\"msg_id\""),
        ),
    ] {
        tool.write(name, text);
        audit(&tool, name).ends(0);
        all_three(&tool, Some("order"));
    }
}

#[test]
fn compressed_lists_are_known_by_their_first_bytes() {
    let tool = Tool::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(csv().as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    tool.write("gzip.csv", &gzip);
    tool.write(
        "zstd",
        compress_to_vec(csv().as_bytes(), CompressionLevel::Fastest),
    );
    for name in ["gzip.csv", "zstd"] {
        audit(&tool, name).ends(0);
        all_three(&tool, Some("order"));
    }
    tool.write("cut.csv.gz", &gzip[..gzip.len() - 12]);
    let said = audit(&tool, "cut.csv.gz").ends(2);
    assert!(
        said.stderr.contains("can't read cut.csv.gz to its end"),
        "{}",
        said.stderr
    );
}

#[test]
fn standard_input_is_a_list_like_any_other() {
    let tool = Tool::new();
    for line in ["-", ""] {
        audit(&tool, line).stdin(csv()).ends(0);
        all_three(&tool, Some("order"));
    }
    // Both ends of a pipe.
    let said = tool
        .call("audit - --source samples/cluster.json --expect GID_billing")
        .stdin(csv())
        .ends(0);
    assert!(table(&said.stdout).len() > 3);
    tool.call("verify audit.results.ndjson").ends(0);
}

#[test]
fn bare_ids_need_a_topic() {
    let tool = Tool::new();
    let ids = MESSAGES.map(|(_, id, _)| id);
    tool.write("ids.txt", format!("{}\r\n\r\n{}\n", ids[0], ids[2]));
    let said = audit(&tool, "ids.txt").ends(2);
    assert!(said.stderr.contains(
        "ids.txt has message IDs only, and no topic is given\nhint: name it with --topic NAME"
    ));
    audit(
        &tool,
        &format!("ids.txt --topic orders --instance {INSTANCE}"),
    )
    .ends(0);
    let rows = matrix(&tool);
    assert_eq!([&*rows[0]["msg_id"], &*rows[1]["msg_id"]], [ids[0], ids[2]]);
    assert_eq!(
        (&*rows[1]["topic"], &*rows[1]["instance_id"]),
        ("orders", INSTANCE)
    );
    // Messages of another instance are unknown.
    audit(&tool, "ids.txt --topic orders --instance MQ_INST_other").ends(1);
    assert_eq!(matrix(&tool)[0]["message_verdict"], "not_found");
}

#[test]
fn several_files_are_one_list() {
    let tool = Tool::new();
    tool.write(
        "a.csv",
        "msg_id,topic,order,note\n0A15030B110F18B4AAC264BE6C450BA2,orders,A-1,x\n",
    );
    tool.write("b.ndjson", r#"{"topic":"payments","msg_id":"0A150421038618B4AAC264BE7FAE7702","order":"B-1","shop":7}"#);
    tool.write(
        "c.csv",
        "topic;msg_id;order\norders;0A15030B110F18B4AAC264BE6C450BA2;C-1\norders;bad;C-2\n",
    );
    audit(&tool, "a.csv b.ndjson c.csv --rejects r.csv").ends(1);
    let rows = matrix(&tool);
    let column = |name: &str| rows.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("row"), ["1", "2", "3", "4"], "numbers go on");
    assert_eq!(column("order"), ["A-1", "B-1", "C-1", "C-2"]);
    assert_eq!(column("note"), ["x", "", "", ""], "columns are united");
    assert_eq!(column("shop"), ["", "7", "", ""]);
    assert_eq!(
        column("message_verdict"),
        ["reconciled", "reconciled", "reconciled", "rejected"]
    );
    let rejects = table(&tool.read("r.csv"));
    assert_eq!(
        (
            &*rejects[0]["file"],
            &*rejects[0]["line"],
            &*rejects[0]["row"]
        ),
        ("c.csv", "3", "4")
    );
    // Row 3 repeats row 1 of another file.
    let said = tool.call("verify a.results.ndjson").ends(0);
    assert!(
        said.stdout
            .contains("4 rows = 2 distinct + 1 duplicate + 1 rejected"),
        "{}",
        said.stdout
    );
}

#[test]
fn columns_are_kept_as_told() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        list(
            "order,msg_id,topic,secret,shop",
            "\n",
            |order, id, topic| format!("{order},{id},{topic},s,7"),
        ),
    );
    let header = |tool: &Tool| tool.read("m.csv").lines().next().unwrap().to_owned();
    audit(&tool, "in.csv").ends(0);
    assert!(
        header(&tool).contains("message_verdict,order,secret,shop,GID_"),
        "{}",
        header(&tool)
    );
    audit(&tool, "in.csv --keep shop,order").ends(0);
    assert!(!header(&tool).contains("secret"), "{}", header(&tool));
    assert!(
        !tool.read("in.results.ndjson").contains("secret"),
        "not even in the results file"
    );
    all_three(&tool, Some("order"));
    let said = audit(&tool, "in.csv --keep orders").ends(2);
    assert!(
        said.stderr
            .contains("there is no column `orders` to keep; its columns are `order`, `msg_id`"),
        "{}",
        said.stderr
    );
}

#[test]
fn columns_can_be_named_or_numbered() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        list("a,b,c", "\n", |order, id, topic| {
            format!("{order},{id},{topic}")
        }),
    );
    audit(&tool, "in.csv --msg-id-column b --topic-column c").ends(0);
    all_three(&tool, Some("a"));
    audit(&tool, "in.csv --msg-id-column 2 --topic-column 3").ends(0);
    all_three(&tool, Some("a"));
    tool.write(
        "bare.csv",
        list("", "\n", |order, id, topic| format!("{order}#{id}#{topic}")),
    );
    audit(
        &tool,
        "bare.csv --delimiter # --no-header --msg-id-column 2 --topic-column 3",
    )
    .ends(0);
    all_three(&tool, None);
    assert!(matrix(&tool)[0].values().any(|cell| cell == "A-10001"));
    audit(
        &tool,
        "bare.csv --delimiter # --input-format csv --no-header --msg-id-column 2 --topic-column 3",
    )
    .ends(0);
}

#[test]
fn the_ndjson_sample_is_the_csv_sample() {
    let tool = Tool::new();
    let reports = |input: &str| {
        tool.call(&format!(
            "audit {input} --source samples/cluster.json --matrix m.csv -o /dev/null"
        ))
        .ends(1);
        tool.read("m.csv")
    };
    assert!(reports("samples/incident.csv") == reports("samples/incident.ndjson"));
}

#[test]
fn chinese_and_nested_columns_are_taken_and_logged_once() {
    let tool = Tool::new();
    for (name, (order, id, topic)) in ["1.csv", "2.csv", "3.csv"].into_iter().zip(MESSAGES) {
        tool.write(name, format!("订单,消息 ID,主题\n{order},{id},{topic}\n"));
    }
    let said = audit(&tool, "1.csv 2.csv 3.csv").ends(0);
    let taken = " INFO 1.csv: message ID from `消息 ID`, topic from `主题`\n";
    assert!(said.plain_stderr().contains(taken), "{}", said.stderr);
    assert_eq!(said.stderr.matches("消息 ID").count(), 1, "{}", said.stderr);
    all_three(&tool, Some("订单"));

    let nested = list("", "\n", |order, id, topic| {
        format!(r#"{{"order":"{order}","payload":{{"id":"{id}"}},"topic":"{topic}"}}"#)
    });
    tool.write("in.ndjson", nested);
    let said = audit(&tool, "in.ndjson --msg-id-column payload.id").ends(0);
    let taken = "in.ndjson: topic from `topic`, message ID from `payload.id`";
    assert!(said.stderr.contains(taken), "{}", said.stderr);
    all_three(&tool, Some("order"));
}

#[test]
fn a_position_needs_no_list_of_messages() {
    let tool = Tool::new();
    let snapshot: serde_json::Value =
        serde_json::from_str(&tool.read("samples/cluster.json")).unwrap();
    let message = &snapshot["messages"][0];
    let text = |field: &str| message[field].to_string().replace('"', "");
    let [topic, broker, queue, offset, tag] =
        ["topic", "broker", "queue_id", "queue_offset", "tag"].map(text);
    tool.write(
        "in.csv",
        format!("msg_id,topic,broker,queue_id,queue_offset,tag\nAC10323E00002A9F0000000000983278,{topic},{broker},{queue},{offset},{tag}\n"),
    );
    audit(&tool, "in.csv").ends(0);
}
