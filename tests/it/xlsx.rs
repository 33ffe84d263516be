//! The workbook, read back by another library, equals the CSVs and the JSON cell by cell.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use calamine::{Data, Reader as _, Xlsx, open_workbook};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::credentials::small::Small;
use super::tool::{Row, Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv \
                     --accept filtered --quiet --raw-csv --results r.ndjson \
                     -o a.xlsx -o a.csv -o a.json --matrix m.csv";

type Book = Xlsx<std::io::BufReader<File>>;

fn open(tool: &Tool, name: &str) -> Book {
    open_workbook(tool.path(name)).unwrap()
}

/// Returns a cell as the CSV writes it.
fn csv_text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        Data::Float(number) => format!("{number}"),
        Data::DateTime(time) => {
            let days = time.as_f64() - 25_569.0;
            #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our days")]
            let millis = (days * 86_400_000.0).round() as i64;
            format!("{:.3}", Timestamp::from_millisecond(millis).unwrap())
        }
        other => panic!("{other:?} is no cell of ours"),
    }
}

/// Returns a sheet with the CSV's headings.
fn sheet(book: &mut Book, name: &str) -> Vec<Row> {
    let range = book.worksheet_range(name).unwrap();
    let mut rows = range.rows();
    let head: Vec<_> = rows
        .next()
        .unwrap()
        .iter()
        .map(|cell| {
            let name = csv_text(cell);
            name.split(" (").next().unwrap().to_owned()
        })
        .collect();
    rows.map(|row| {
        let cells = row.iter().map(csv_text);
        head.iter().cloned().zip(cells).collect()
    })
    .collect()
}

#[test]
fn every_cell_equals_the_csv() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    let mut book = open(&tool, "a.xlsx");
    assert_eq!(
        book.sheet_names(),
        [
            "Summary",
            "Breaks",
            "Without verdict",
            "Matrix",
            "Detail",
            "Method"
        ]
    );
    let detail = table(&tool.read("a.csv"));
    let unjudged = sheet(&mut book, "Without verdict");
    assert_eq!(unjudged.len(), 10, "4 not found, 6 rejected");
    for row in &unjudged {
        let found = detail
            .iter()
            .find(|other| other["row"] == row["row"])
            .unwrap();
        for (column, cell) in row {
            assert_eq!(&found[column], cell, "{column}");
        }
        assert!(!row["error_message"].is_empty(), "{row:?}");
    }
    assert_eq!(sheet(&mut book, "Detail"), detail);
    assert_eq!(sheet(&mut book, "Matrix"), table(&tool.read("m.csv")));

    let breaks = sheet(&mut book, "Breaks");
    let json: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    let mut by_group = BTreeMap::<_, u64>::new();
    for row in &breaks {
        let is_same = |other: &&Row| other["row"] == row["row"] && other["group"] == row["group"];
        let found = detail.iter().find(is_same).unwrap();
        assert_eq!(found["message_verdict"], "break");
        assert_eq!(found["expected"], "yes");
        for (column, cell) in row {
            assert_eq!(&found[column], cell, "{column}");
        }
        *by_group
            .entry((row["group"].clone(), row["verdict"].clone()))
            .or_default() += 1;
    }
    for (group, verdict) in [
        ("GID_billing", "open"),
        ("GID_shipping", "open"),
        ("GID_ledger", "absent"),
        ("GID_billing", "dead_lettered"),
        ("GID_shipping", "retrying"),
    ] {
        let counted = json["groups"][group][verdict].as_u64();
        let listed = by_group.remove(&(group.to_owned(), verdict.to_owned()));
        assert!(counted.is_some() && listed == counted, "{group} {verdict}");
    }
    assert_eq!(by_group, BTreeMap::new());
}

#[test]
fn plain_numbers_of_named_columns_are_numbers() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    tool.call("report r.ndjson -o n.xlsx --numbers amount,order_id")
        .ends(1);
    let range = open(&tool, "n.xlsx").worksheet_range("Breaks").unwrap();
    let mut rows = range.rows();
    let head: Vec<_> = rows.next().unwrap().iter().map(csv_text).collect();
    let column = |name: &str| head.iter().position(|head| head == name).unwrap();
    let (amount, order) = (column("amount"), column("order_id"));
    for row in rows {
        assert!(matches!(row[amount], Data::Float(_)), "{:?}", row[amount]);
        assert!(matches!(row[order], Data::String(_)), "A-10645 is a text");
    }
    let said = tool
        .call("report r.ndjson -o n.csv --numbers amount")
        .ends(2);
    assert!(
        said.stderr.contains("--numbers is for a workbook"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_column_of_numbers_that_is_not_kept_is_refused() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    for call in [
        "report r.ndjson -o n.xlsx --numbers amount,none",
        // No source listens there: the refusal comes before anything is asked.
        "audit samples/incident.csv --source http://127.0.0.1:9 -o n.xlsx --numbers amount,none",
    ] {
        let said = tool.call(call).ends(2);
        for part in [
            "--numbers: no column `none` is kept",
            "the kept columns are order_id, amount, customer",
        ] {
            assert!(said.stderr.contains(part), "{call}: {}", said.stderr);
        }
        assert!(!tool.path("n.xlsx").exists() && !tool.path("n.results.ndjson.partial").exists());
    }
}

#[test]
fn the_summary_has_the_numbers_of_the_json() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    let json: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    let range = open(&tool, "a.xlsx").worksheet_range("Summary").unwrap();
    let rows: Vec<Vec<String>> = range
        .rows()
        .map(|row| row.iter().map(csv_text).collect())
        .collect();
    assert_eq!(rows[0][0], json["headline"]);
    assert!(
        rows[1][0].contains("986 distinct = 982 answered"),
        "{}",
        rows[1][0]
    );
    let row = |name: &str| rows.iter().find(|row| row[0] == name).unwrap();
    for (group, counts) in json["groups"].as_object().unwrap() {
        let verdicts = [
            "passed",
            "filtered",
            "open",
            "undetermined",
            "absent",
            "dead_lettered",
            "retrying",
            "failed",
        ];
        let found = verdicts.iter().zip(&row(group)[2..]);
        for (verdict, cell) in found {
            assert_eq!(cell, &counts[verdict].to_string(), "{group} {verdict}");
        }
        let born = &row(group)[10..12];
        for (edge, cell) in ["missed_born_from", "missed_born_to"].iter().zip(born) {
            assert_eq!(cell, counts[edge].as_str().unwrap_or(""), "{group} {edge}");
        }
    }
    for (verdict, count) in json["messages"].as_object().unwrap() {
        assert_eq!(row(verdict)[1], count.to_string());
    }
    for (name, rows) in [
        ("Breaks", 298),
        ("Matrix", 1000),
        ("Detail", table(&tool.read("a.csv")).len()),
    ] {
        assert_eq!(row(name)[1], rows.to_string());
    }
}

/// Texts that a spreadsheet would convert.
const TEXTS: [&str; 16] = [
    "=1+1",
    "=HYPERLINK(\"http://127.0.0.1\",\"x\")",
    "http://127.0.0.1/",
    "mailto:a@example.org",
    "00123",
    "1E05",
    "12345678901234567890",
    "2026-11-20",
    "TRUE",
    " leading and trailing ",
    "two\nlines\tand a tab",
    "bell\u{7} and return\r",
    "_x0041_",
    "<a href=\"x\">&amp;</a>",
    "李娜 Łukasz 🀄",
    "مالك الموضوع",
];

#[test]
fn texts_stay_unchanged_in_the_workbook() {
    let tool = Tool::new();
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["msg_id", "topic", "=note", "long"])
        .unwrap();
    let long = "長".repeat(40_000);
    for (nth, text) in TEXTS.into_iter().enumerate() {
        let long = if nth == 0 { &*long } else { "" };
        csv.write_record(["0A15030B110F18B4AAC264BE6C450BA2", "orders", text, long])
            .unwrap();
    }
    tool.write("in.csv", csv.into_inner().unwrap());
    let audit = "audit in.csv --input-format csv --source samples/cluster.json --quiet --expect GID_billing -o a.xlsx";
    tool.call(audit).ends(0);
    let mut book = open(&tool, "a.xlsx");
    let rows = sheet(&mut book, "Matrix");
    let found: Vec<_> = rows.iter().map(|row| &*row["=note"]).collect();
    assert_eq!(found, TEXTS);
    let cut = &rows[0]["long"];
    assert!(cut.ends_with("長 … [cut: 40000 characters]"));
    assert_eq!(cut.chars().count(), 32_767);
    for name in book.sheet_names() {
        let formulas = book.worksheet_formula(&name).unwrap();
        assert!(formulas.rows().flatten().all(String::is_empty), "{name}");
    }
    let mut archive = zip::ZipArchive::new(File::open(tool.path("a.xlsx")).unwrap()).unwrap();
    for name in archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect::<Vec<_>>()
    {
        let mut xml = String::new();
        archive
            .by_name(&name)
            .unwrap()
            .read_to_string(&mut xml)
            .unwrap();
        assert!(!xml.contains("External"), "a link to elsewhere: {name}");
        let links: Vec<_> = xml.match_indices("<hyperlink ").collect();
        assert_eq!(
            links.is_empty(),
            name != "xl/worksheets/sheet1.xml",
            "{name}"
        );
    }
}

#[test]
fn workbooks_are_reproducible_and_whole_or_absent() {
    let tool = Tool::new();
    tool.call(AUDIT).ends(1);
    let bytes = std::fs::read(tool.path("a.xlsx")).unwrap();
    tool.call("report r.ndjson --quiet -o b.xlsx").ends(1);
    assert!(bytes == std::fs::read(tool.path("b.xlsx")).unwrap());
    assert_eq!(tool.mode("b.xlsx"), 0o600);
    let call = tool.call("report r.ndjson --quiet -o c.xlsx");
    let said = call.under("trap '' XFSZ; ulimit -f 8; exec \"$@\"").ends(3);
    assert!(
        said.stderr
            .contains("error: can't write c.xlsx: File too large"),
        "{}",
        said.stderr
    );
    let names = ["a.csv", "a.json", "a.xlsx", "b.xlsx", "m.csv", "r.ndjson"];
    assert_eq!(tool.names(), names);
}

#[test]
fn a_zone_moves_the_times_and_a_language_names_the_sheets() {
    let tool = Tool::new();
    tool.call(AUDIT)
        .args("--tz Asia/Shanghai --lang zh")
        .ends(1);
    let mut book = open(&tool, "a.xlsx");
    assert_eq!(
        book.sheet_names(),
        ["汇总", "差异", "未能判定", "矩阵", "明细", "方法"]
    );
    let breaks = sheet(&mut book, "差异");
    let row = breaks.iter().find(|row| row["row"] == "657").unwrap();
    assert_eq!(row["born_at"], "2026-11-20T14:02:09.591Z", "eight hours on");
    assert_eq!(row["verdict"], "open", "a code is a code");
    let range = book.worksheet_range("差异").unwrap();
    let head: Vec<_> = range.rows().next().unwrap().iter().map(csv_text).collect();
    assert!(
        head.iter().any(|name| name.contains("Asia/Shanghai")),
        "{head:?}"
    );
    let method = book.worksheet_range("方法").unwrap();
    let facts: Vec<_> = method
        .rows()
        .map(|row| (csv_text(&row[0]), csv_text(&row[1])))
        .collect();
    let zone = (
        "本报告时区".to_owned(),
        "Asia/Shanghai, UTC+08:00".to_owned(),
    );
    assert!(facts.contains(&zone), "{facts:?}");
}

#[test]
fn a_matrix_that_is_too_wide_has_the_groups_with_findings() {
    let tool = Tool::new();
    tool.write(
        "in.csv",
        "msg_id,topic\nAC10323E00002A9F0000000000983278,first\nAC10323E00002A9F0000000000983278,second\n",
    );
    let gateway = Small::plain(|request| {
        let is_first = request.contains("Topic=first");
        let groups = (0..17_000).map(|number| {
            let is_missed = number == 6 || (number == 5 && is_first);
            let word = if is_missed {
                "NOT_CONSUME_YET"
            } else {
                "CONSUMED"
            };
            json!({"ConsumerGroup": format!("g{number}"), "TrackType": word})
        });
        let groups: Vec<_> = groups.collect();
        let answer = json!({"RequestId": "r", "Data": {"MessageTrack": groups}});
        (200, answer.to_string())
    });
    let call = tool.call("audit in.csv -o a.xlsx --matrix m.csv --source");
    call.arg(&format!("http://{}", gateway.address))
        .key()
        .ends(1);
    assert!(
        tool.read("m.csv")
            .lines()
            .next()
            .unwrap()
            .ends_with(",g9999")
    );
    let mut book = open(&tool, "a.xlsx");
    let matrix = book.worksheet_range("Matrix").unwrap();
    let rows = matrix
        .rows()
        .map(|row| row.iter().skip(4).map(csv_text).collect::<Vec<_>>());
    let left_out =
        "Matrix: 16,998 of 17,000 groups are left out, a sheet has 16,384 columns; Detail has all";
    let expected = [
        ["message_verdict", left_out, "g6", "g5"],
        ["break", "", "open", "open"],
        ["break", "", "open", "passed"],
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
    let summary = book.worksheet_range("Summary").unwrap();
    assert!(summary.rows().any(|row| csv_text(&row[0]) == left_out));
    assert_eq!(book.worksheet_range("Detail").unwrap().height(), 34_001);
}

#[test]
fn a_workbook_with_too_many_kept_columns_is_the_only_report_that_is_missing() {
    let tool = Tool::new();
    let names: Vec<_> = (0..16_400).map(|number| format!("c{number}")).collect();
    let cells = vec!["1"; names.len()].join(",");
    tool.write(
        "in.csv",
        format!(
            "msg_id,topic,{}\n0A15030B0DB418B4AAC2A40BDAC30AA5,orders,{cells}\n",
            names.join(",")
        ),
    );
    let audit = "audit in.csv --source samples/cluster.json --results r.ndjson -o a.xlsx -o a.csv";
    let said = tool.call(audit).ends(3);
    for part in [
        "error: a.xlsx: the report has 16,420 columns, a sheet holds 16,384\n",
        "hint: make a .csv of it, or keep fewer columns (audit --keep); the results file is whole",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    assert!(tool.has("a.csv") && tool.has("r.ndjson") && !tool.has("a.xlsx"));
}
