//! Fifty thousand rows: all formats show the same numbers. (`xlsx.rs` compares every cell of a workbook.)

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use calamine::{Reader as _, Xlsx, open_workbook};
use serde::Deserialize;
use serde_json::{Value, json};

use super::tool::Tool;

/// Number of copies of the sample, which has 1,000 rows.
const COPIES: u32 = 50;

const ROWS: u64 = 50_000;

/// The number of each verdict: about messages under the name "", about groups under the name of the group.
type Counts = BTreeMap<(String, String), u64>;

/// Returns the ID that another process would have made. IDs of other kinds stay the same, which makes them duplicates.
fn of_copy(msg_id: &str, copy: u32) -> String {
    let is_plain = msg_id.len() == 32 && msg_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if copy == 0 || !is_plain {
        return msg_id.to_owned();
    }
    let process = 0x4000 + copy;
    format!("{}{process:04X}{}", &msg_id[..8], &msg_id[12..])
}

/// Writes `large.csv` and `large.json`: the sample's rows and messages, each [`COPIES`] times.
fn enlarge(tool: &Tool) {
    let incident = tool.read("samples/incident.csv");
    let mut lines = incident.lines();
    let mut rows = format!("{}\n", lines.next().unwrap());
    let lines: Vec<_> = lines.collect();
    let mut snapshot: Value = serde_json::from_str(&tool.read("samples/cluster.json")).unwrap();
    let messages = snapshot["messages"].as_array().unwrap().clone();
    let mut stored = messages.clone();
    for copy in 0..COPIES {
        for line in &lines {
            let mut cells: Vec<_> = line.split(',').map(str::to_owned).collect();
            cells[1] = of_copy(&cells[1], copy);
            rows += &cells.join(",");
            rows.push('\n');
        }
        for message in &messages {
            let msg_id = message["msg_id"].as_str().unwrap();
            let renamed = of_copy(msg_id, copy);
            if renamed != msg_id {
                let mut message = message.clone();
                message["msg_id"] = renamed.into();
                stored.push(message);
            }
        }
    }
    snapshot["messages"] = stored.into();
    tool.write("large.csv", rows);
    tool.write("large.json", snapshot.to_string());
}

/// Selects what is counted once: a rejected row, and the first row of a message.
#[derive(Default)]
struct Firsts(HashSet<(String, String)>);

impl Firsts {
    fn is_first(&mut self, verdict: &str, topic: &str, msg_id: &str) -> bool {
        verdict == "rejected" || self.0.insert((topic.to_owned(), msg_id.to_owned()))
    }
}

fn count(counts: &mut Counts, name: &str, verdict: &str) {
    *counts
        .entry((name.to_owned(), verdict.to_owned()))
        .or_default() += 1;
}

fn of_csv(tool: &Tool) -> Counts {
    let (mut counts, mut firsts) = (Counts::new(), Firsts::default());
    let mut reader = csv::Reader::from_path(tool.path("a.csv")).unwrap();
    let head = reader.headers().unwrap().clone();
    let place = |name: &str| head.iter().position(|cell| cell == name).unwrap();
    let [row, msg_id, topic, group, verdict, message_verdict] = [
        "row",
        "msg_id",
        "topic",
        "group",
        "verdict",
        "message_verdict",
    ]
    .map(place);
    let (mut line, mut current, mut is_first) = (csv::StringRecord::new(), String::new(), false);
    while reader.read_record(&mut line).unwrap() {
        if line[row] != *current {
            line[row].clone_into(&mut current);
            is_first = firsts.is_first(&line[message_verdict], &line[topic], &line[msg_id]);
            if is_first {
                count(&mut counts, "", &line[message_verdict]);
            }
        }
        if is_first && !line[group].is_empty() {
            count(&mut counts, &line[group], &line[verdict]);
        }
    }
    counts
}

fn of_matrix(tool: &Tool) -> Counts {
    let (mut counts, mut firsts) = (Counts::new(), Firsts::default());
    let mut reader = csv::Reader::from_path(tool.path("m.csv")).unwrap();
    let head = reader.headers().unwrap().clone();
    let mut line = csv::StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut line).unwrap() {
        rows += 1;
        if !firsts.is_first(&line[4], &line[2], &line[1]) {
            continue;
        }
        count(&mut counts, "", &line[4]);
        for (name, cell) in head.iter().zip(&line) {
            if name.starts_with("GID_") && !cell.is_empty() {
                count(&mut counts, name, cell);
            }
        }
    }
    assert_eq!(rows, ROWS);
    counts
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    msg_id: String,
    #[serde(default)]
    topic: String,
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    tracks: Vec<Track>,
    summary: Option<Value>,
}

#[derive(Deserialize)]
struct Track {
    group: String,
    verdict: String,
}

/// Also returns the summary at its end.
fn of_ndjson(tool: &Tool) -> (Counts, Value) {
    let (mut counts, mut firsts) = (Counts::new(), Firsts::default());
    let (mut rows, mut summary) = (0, Value::Null);
    for line in BufReader::new(File::open(tool.path("a.ndjson")).unwrap()).lines() {
        let line: Line = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(last) = line.summary {
            summary = last;
            continue;
        }
        rows += 1;
        if firsts.is_first(&line.verdict, &line.topic, &line.msg_id) {
            count(&mut counts, "", &line.verdict);
            for track in &line.tracks {
                count(&mut counts, &track.group, &track.verdict);
            }
        }
    }
    assert_eq!(rows, ROWS);
    (counts, summary)
}

const VERDICTS: [&str; 8] = [
    "passed",
    "filtered",
    "open",
    "undetermined",
    "absent",
    "dead_lettered",
    "retrying",
    "failed",
];

fn of_json(summary: &Value) -> Counts {
    let messages = summary["messages"].as_object().unwrap().iter();
    let messages =
        messages.map(|(verdict, number)| ((String::new(), verdict.clone()), number.clone()));
    let groups = summary["groups"].as_object().unwrap().iter();
    let groups = groups.flat_map(|(name, group)| {
        VERDICTS.map(|verdict| ((name.clone(), verdict.to_owned()), group[verdict].clone()))
    });
    let all = messages.chain(groups);
    all.map(|(key, number)| (key, number.as_u64().unwrap()))
        .filter(|(_, number)| *number > 0)
        .collect()
}

/// Parses a number as people write it: `21,040`.
fn number(text: &str) -> Option<u64> {
    text.trim().replace(',', "").parse().ok()
}

fn of_markdown(tool: &Tool) -> Counts {
    let ticket = tool.read("a.md").replace("\\_", "_");
    let mut counts = Counts::new();
    for line in ticket.lines() {
        if let Some(messages) = line.strip_prefix("- messages: ") {
            for part in messages.split(" · ") {
                let (verdict, shown) = part.rsplit_once(' ').unwrap();
                let key = (String::new(), verdict.to_owned());
                counts.insert(key, number(shown).unwrap());
            }
        } else if line.starts_with("| GID_") {
            let cells: Vec<_> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 1 + VERDICTS.len(), "{line}");
            for (verdict, shown) in VERDICTS.iter().zip(&cells[1..]) {
                let key = (cells[0].trim().to_owned(), (*verdict).to_owned());
                counts.insert(key, number(shown).unwrap());
            }
        }
    }
    counts.retain(|_, number| *number > 0);
    counts
}

/// Returns the text between two others, and the text behind it.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<(&'t str, &'t str)> {
    text.split_once(before)?.1.split_once(after)
}

/// Returns the counts on the page: a tile for each verdict about messages, a list for each group.
fn of_html(tool: &Tool) -> Counts {
    let page = tool.read("a.html");
    let mut counts = Counts::new();
    let (mut tiles, _) = between(&page, "<dl class=\"counts\"", "</dl>").unwrap();
    while let Some((verdict, rest)) = between(tiles, "<div class=\"", "\"") {
        let (shown, rest) = between(rest, "<dd>", "</dd>").unwrap();
        let key = (String::new(), verdict.to_owned());
        counts.insert(key, number(shown).unwrap());
        tiles = rest;
    }
    let (mut groups, _) = between(&page, "<h2 id=\"groups\"", "</section>").unwrap();
    while let Some((name, rest)) = between(groups, "<h3 dir=\"auto\">", "</h3>") {
        let (mut parts, rest) = between(rest, "<ul class=\"parts\">", "</ul>").unwrap();
        while let Some((shown, rest)) = between(parts, "</svg>", "</b>") {
            let (verdict, shown) = shown.split_once(" <b>").unwrap();
            let key = (name.to_owned(), verdict.to_owned());
            counts.insert(key, number(shown).unwrap());
            parts = rest;
        }
        groups = rest;
    }
    counts.retain(|_, number| *number > 0);
    counts
}

/// Returns the counts on the workbook's first sheet.
fn of_workbook(tool: &Tool) -> Counts {
    let mut book: Xlsx<_> = open_workbook(tool.path("a.xlsx")).unwrap();
    let sheet = book.worksheet_range("Summary").unwrap();
    let mut counts = Counts::new();
    let mut section = "";
    let rows: Vec<Vec<_>> = sheet
        .rows()
        .map(|row| row.iter().map(ToString::to_string).collect())
        .collect();
    for row in &rows {
        let numbers = row[1..].iter().map_while(|cell| number(cell));
        let numbers: Vec<_> = numbers.collect();
        match (section, &numbers[..]) {
            (_, []) if row[1].is_empty() => section = &row[0],
            ("By consumer group", [_expected, counted @ ..]) => {
                for (verdict, number) in VERDICTS.iter().zip(counted) {
                    counts.insert((row[0].clone(), (*verdict).to_owned()), *number);
                }
            }
            ("By message", [number, ..]) => {
                counts.insert((String::new(), row[0].clone()), *number);
            }
            _ => {}
        }
    }
    counts.retain(|_, number| *number > 0);
    counts
}

#[test]
fn no_number_differs_between_two_formats() {
    let tool = Tool::new();
    enlarge(&tool);
    tool.call(
        "audit large.csv --source large.json --expect-file samples/expected.csv --accept filtered --quiet \
         --results r.ndjson -o a.csv -o a.ndjson -o a.json -o a.md -o a.html -o a.xlsx --matrix m.csv",
    )
    .ends(1);
    let counts = of_csv(&tool);
    let of_messages = counts.iter().filter(|((name, _), _)| name.is_empty());
    let messages: u64 = of_messages.map(|(_, number)| number).sum();
    assert!(
        messages > ROWS * 9 / 10,
        "{messages} messages are too few to tell"
    );
    assert!(counts[&(String::new(), "break".to_owned())] > 10_000);

    let summary: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    assert_eq!(of_json(&summary), counts);
    assert_eq!(summary["totals"]["rows"], ROWS);
    assert_eq!(summary["totals_tie"], json!(true));
    assert_eq!(of_matrix(&tool), counts);
    assert_eq!(of_ndjson(&tool), (counts.clone(), summary));
    assert_eq!(of_markdown(&tool), counts);
    assert_eq!(of_html(&tool), counts);
    assert_eq!(of_workbook(&tool), counts);
}
