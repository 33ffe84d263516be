//! What was noticed about the inputs is in the log, the summary, the reports and the trailer, and is the same whichever
//! way the run went.

use calamine::{Reader as _, Xlsx, open_workbook};
use serde_json::{Value, json};

use super::gateway::{Call, Fault, Gateway};
use super::input_files::audit;
use super::rocketmq::cluster::{Cluster, Message, key};
use super::rocketmq::{keys, state};
use super::tool::{Said, Tool, table};

const IDS: [&str; 3] = [
    "0A15030B110F18B4AAC264BE6C450BA2",
    "0A150421038618B4AAC264BE7FAE7702",
    "0A15030C140018B4AAC264BE73D821D1",
];

const INSTANCE: &str = "MQ_INST_1234567890123456_BXdemo";

/// Returns what the trailer of a results file says about the inputs.
fn trailer(tool: &Tool, name: &str) -> Value {
    let text = tool.read(name);
    let trailer: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert!(trailer["totals"].is_object(), "{trailer}");
    trailer["input"].clone()
}

#[track_caller]
fn says(said: &Said, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.stderr.contains(wanted), "{wanted}: {}", said.stderr);
    }
}

/// A list as a spreadsheet saves it, with a title, a comment and marks around the IDs.
fn spreadsheet() -> String {
    let [first, second, third] = IDS;
    format!(
        "Orders of November\n# by hand\norder,msg_id,topic\nA-1, {first} ,orders\nP-1,'{second},payments\n\
         A-2,\"\"\"{third}\"\"\",orders\n"
    )
}

fn notes_of_spreadsheet() -> Value {
    json!({
        "blanks_removed": 1,
        "quotes_removed": 1,
        "text_marks_removed": 1,
        "skipped_lines": {"count": 2, "first": "in.csv:1", "text": "Orders of November"},
    })
}

/// A list whose first row has a stray quote: the second row is in its last cell.
fn stray_quote() -> String {
    let [first, second, third] = IDS;
    format!(
        "msg_id,topic,note\n{first},orders,\"urgent\n{second},payments,\n\"\n{third},orders,none\n"
    )
}

#[test]
fn marks_around_ids_and_skipped_lines_are_counted() {
    let tool = Tool::new();
    tool.write("in.csv", spreadsheet());
    let said = audit(&tool, "in.csv -o r.json").ends(0);
    says(
        &said,
        &[
            "\ninput        blanks around IDs, topics or instances were removed in 1 row\n",
            "quotes around IDs were removed in 1 row\n",
            "the text mark ' of spreadsheets before IDs was removed in 1 row\n",
            "2 title or comment lines were skipped (first: in.csv:1): `Orders of November`\n",
        ],
    );
    assert!(!said.stderr.contains("warning:"), "{}", said.stderr);
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes_of_spreadsheet());
    let report: Value = serde_json::from_str(&tool.read("r.json")).unwrap();
    assert_eq!(report["input"], notes_of_spreadsheet());
}

#[test]
fn an_id_in_a_cell_of_several_lines_ends_with_1() {
    let tool = Tool::new();
    tool.write("in.csv", stray_quote());
    let warning =
        "1 row has a message ID in a cell of several lines (in.csv:2): this ID was not asked about";
    let said = audit(&tool, "in.csv -o r.md -o r.html -o r.json -o r.xlsx").ends(1);
    says(
        &said,
        &[
            "messages     2 reconciled",
            "input        warning: 1 row has",
        ],
    );
    assert_eq!(said.stderr.matches(warning).count(), 2, "{}", said.stderr);
    for report in ["r.md", "r.html"] {
        assert!(
            tool.read(report).contains(&format!("warning: {warning}")),
            "{report}"
        );
    }
    let mut book: Xlsx<_> = open_workbook(tool.path("r.xlsx")).unwrap();
    let summary = book.worksheet_range("Summary").unwrap();
    let mut cells = summary.used_cells();
    assert!(cells.any(|(.., cell)| cell.to_string().contains(warning)));
    let notes = json!({"cells_with_ids": {"count": 1, "first": "in.csv:2"}});
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes);
    let report: Value = serde_json::from_str(&tool.read("r.json")).unwrap();
    assert_eq!(report["input"], notes);

    // Where all rejects are accepted, a snapshot's rows are not read before they are asked.
    let said = audit(&tool, "in.csv --max-rejects 100% --exit-zero").ends(0);
    assert_eq!(said.stderr.matches(warning).count(), 2, "{}", said.stderr);

    let said = tool.call("report r.results.ndjson -o again.md").ends(1);
    says(&said, &[warning]);
    assert_eq!(tool.read("again.md"), tool.read("r.md"));
    tool.call("report r.results.ndjson -o zero.md --exit-zero")
        .ends(0);
    tool.call("report r.results.ndjson -o r.md --lang zh")
        .ends(1);
    assert!(
        tool.read("r.md")
            .contains("警告：1 行的多行单元格中含有消息 ID（in.csv:2）")
    );
    tool.call("verify r.results.ndjson").ends(0);
}

#[test]
fn replaced_characters_are_warned_of() {
    let tool = Tool::new();
    let [first, second, _] = IDS;
    tool.write(
        "in.csv",
        format!("msg_id,topic,shop\n{first},orders,Zürich\n{second},payments,Z\u{fffd}rich\n"),
    );
    let said = audit(&tool, "in.csv -o r.json").ends(0);
    let warning =
        "1 row contains the replacement character U+FFFD (in.csv:3): its text was damaged";
    assert_eq!(said.stderr.matches(warning).count(), 2, "{}", said.stderr);
    assert_eq!(
        trailer(&tool, "r.results.ndjson"),
        json!({"replaced_characters": {"count": 1, "first": "in.csv:3"}})
    );
}

#[test]
fn logs_are_summed_up_by_lines_files_and_statuses() {
    let tool = Tool::new();
    let sent = |status: &str, id: &str, topic: &str| {
        format!(
            "10:00:00 INFO SendResult [sendStatus={status}, msgId={id}, offsetMsgId=null, messageQueue=MessageQueue \
             [topic={topic}, brokerName=a, queueId=0], queueOffset=1]\n"
        )
    };
    let [first, second, third] = IDS;
    let log = [
        "10:00:00 INFO started\n".to_owned(),
        sent("SEND_OK", first, "orders"),
        sent("FLUSH_DISK_TIMEOUT", second, "payments"),
        "10:00:01 WARN slow\n".to_owned(),
        sent("SLAVE_NOT_AVAILABLE", third, "orders"),
    ];
    tool.write("a.log", log.concat());
    tool.write("b.log", "10:00:00 INFO started\n");
    let said = audit(&tool, "a.log b.log -o r.json").ends(0);
    says(
        &said,
        &[
            "3 log lines have no message\n",
            "logs without any message: b.log\n",
            "messages whose send status is not SEND_OK: FLUSH_DISK_TIMEOUT 1, SLAVE_NOT_AVAILABLE 1\n",
        ],
    );
    assert_eq!(
        trailer(&tool, "r.results.ndjson"),
        json!({
            "lines_without_message": 3,
            "files_without_message": ["b.log"],
            "send_status": {"FLUSH_DISK_TIMEOUT": 1, "SLAVE_NOT_AVAILABLE": 1},
        })
    );
}

#[test]
fn a_plan_shows_the_notes() {
    let tool = Tool::new();
    tool.write("in.csv", stray_quote());
    tool.write("titled.csv", spreadsheet());
    let plan = "plan in.csv titled.csv --source samples/cluster.json";
    let said = tool.call(plan).ends(0);
    for wanted in [
        "\ninput     warning: 1 row has a message ID in a cell of several lines (in.csv:2)",
        "\ninput     2 title or comment lines were skipped (first: titled.csv:1)",
    ] {
        assert!(said.stdout.contains(wanted), "{}", said.stdout);
    }
    let said = tool.call(plan).args("--format json").ends(0);
    let plan: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&plan["rows"], &plan["input"]["quotes_removed"]),
        (&json!(5), &json!(1))
    );
    tool.write("in.csv", format!("msg_id,topic\n{},orders\n", IDS[0]));
    let plan = "plan in.csv --source samples/cluster.json --format json";
    assert!(!tool.call(plan).ends(0).stdout.contains("input"));
}

#[test]
fn notes_of_several_results_files_add_up() {
    let tool = Tool::new();
    for (name, id) in [("a", IDS[0]), ("b", IDS[1])] {
        let topic = if name == "a" { "orders" } else { "payments" };
        tool.write(
            &format!("{name}.csv"),
            format!("msg_id,topic\n{id} ,{topic}\n"),
        );
        audit(&tool, &format!("{name}.csv --results {name}.ndjson")).ends(0);
    }
    let said = tool.call("report a.ndjson b.ndjson -o r.json").ends(0);
    says(
        &said,
        &["blanks around IDs, topics or instances were removed in 2 rows"],
    );
    let report: Value = serde_json::from_str(&tool.read("r.json")).unwrap();
    assert_eq!(report["input"], json!({"blanks_removed": 2}));
}

#[test]
fn the_trailer_is_the_same_for_every_order_of_reading() {
    let tool = Tool::new();
    // More rows than are read at once.
    let many = spreadsheet() + &"A-9,bad,orders\n".repeat(5000);
    tool.write("in.csv", many);
    for flags in ["", "--max-time 1h"] {
        let line = format!("in.csv --max-rejects 100% -o r.json {flags}");
        audit(&tool, &line).ends(1);
        assert_eq!(
            trailer(&tool, "r.results.ndjson"),
            notes_of_spreadsheet(),
            "{flags}"
        );
    }
}

#[test]
fn a_resumed_run_has_the_trailer_of_an_uninterrupted_one() {
    let tool = Tool::new();
    tool.write("in.csv", spreadsheet());
    let held = |call: Call<'_>| (call.number == 2).then_some(Fault::Held);
    let gateway = Gateway::setup().plan(held).start();
    let call = || {
        let call = tool.call("audit in.csv -o r.json --rate max --concurrency 1 --resume --source");
        call.arg(&gateway.url()).key()
    };
    let running = call().start();
    gateway.wait_for_calls(2);
    running.signal("KILL");
    drop(running);
    gateway.release();
    let said = call().ends(1);
    says(
        &said,
        &["continuing with r.results.ndjson.partial: 1 of 3 rows"],
    );
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes_of_spreadsheet());
}

#[test]
fn a_cluster_audit_has_the_notes_in_its_trailer() {
    let tool = Tool::new();
    let mut state = state();
    state.messages = (0..2).map(Message::nth).collect();
    let cluster = Cluster::start(state);
    let ids = [key(0), key(1).to_lowercase()];
    tool.write(
        "in.csv",
        format!(
            "# two\nmsg_id,topic\n{} ,orders\n{},orders\n",
            ids[0], ids[1]
        ),
    );
    let call = tool.call("audit in.csv -o r.csv --source");
    let said = call.arg(&cluster.source()).ends(1);
    let notes = json!({
        "blanks_removed": 1,
        "skipped_lines": {"count": 1, "first": "in.csv:1", "text": "# two"},
    });
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes);
    says(
        &said,
        &["1 message that was not found has an ID in lower case"],
    );
    let rows = table(&tool.read("r.csv"));
    let row = rows.iter().find(|row| row["msg_id"] == ids[1]).unwrap();
    let remark = "its broker is down; most clients write IDs in upper case, this one has lower-case letters: try it in upper case";
    assert!(row["error_message"].ends_with(remark), "{row:?}");
}

#[test]
fn a_resumed_cluster_audit_has_the_same_notes() {
    let (tool, cluster) = (Tool::new(), Cluster::start(state()));
    let title = "Messages of November\n";
    tool.write("in.csv", title.to_owned() + &keys((0..8).map(key)));
    let notes = json!({
        "skipped_lines": {"count": 1, "first": "in.csv:1", "text": "Messages of November"},
    });
    let is_down = |is_down: bool| {
        cluster.change(|state| {
            state.down.clear();
            state.down.extend(is_down.then(|| "broker-b".to_owned()));
        });
    };
    let call = tool.call("audit in.csv -o r.csv --rate max --max-attempts 1 --source");
    is_down(true);
    call.arg(&cluster.source()).ends(3);
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes);
    is_down(false);
    let call = tool.call("audit in.csv -o r.csv --rate max --resume --source");
    call.arg(&cluster.source()).ends(1);
    assert_eq!(trailer(&tool, "r.results.ndjson"), notes);
}

/// As in a database that keeps IDs as UUIDs.
#[test]
fn ids_in_lower_case_that_are_not_found_get_a_remark() {
    let tool = Tool::new();
    let lower = IDS[0].to_lowercase();
    tool.write(
        "in.csv",
        format!(
            "msg_id,topic,instance_id\n{lower},orders,{INSTANCE}\n{},orders,{INSTANCE}\n",
            IDS[0]
        ),
    );
    let gateway = Gateway::setup().start();
    for source in ["samples/cluster.json".to_owned(), gateway.url()] {
        let call = tool.call(
            "audit in.csv --expect GID_billing --rate max -o r.csv -o r.json --restart --source",
        );
        let said = call.arg(&source).key().ends(1);
        let counted = "1 message that was not found has an ID in lower case: most clients write IDs in upper case, so try it in upper case";
        says(&said, &["1 reconciled, 1 not_found", counted]);
        for row in table(&tool.read("r.csv")) {
            let is_lower = row["msg_id"] == lower;
            let remark = "; most clients write IDs in upper case, this one has lower-case letters: try it in upper case";
            assert_eq!(row["error_message"].ends_with(remark), is_lower, "{row:?}");
        }
        let report: Value = serde_json::from_str(&tool.read("r.json")).unwrap();
        assert_eq!(report["not_found_lower_case"], 1);
        says(
            &tool.call("report r.results.ndjson -o again.csv").ends(1),
            &[counted],
        );
    }
}
