//! Whatever groups, codes, columns, cells and files are called, every output is what its parser expects: the same
//! records, tags, cells and series as with a harmless name. Notices to chats are tested where they are written
//! (`src/telemetry/chat_text.rs`).

use calamine::{Data, Reader as _, Xlsx, open_workbook};
use html5gum::Token;
use html5gum::emitters::default::DefaultEmitter;
use ons_audit::report::ReportFormat;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};
use serde_json::{Value, json};

use super::hostile_text::assert_harmless;
use super::tool::Tool;

/// A harmless name that stands on the same side of `GID_other` in sorted tables.
fn harmless_for(name: &str) -> &'static str {
    if name < "GID_other" { "A1" } else { "x1" }
}

/// Two groups, of which one has the name, messages that the name's group missed, and a missing one with the name as its
/// code and reason.
fn cluster(name: &str, offset: u64) -> String {
    let group = |group: &str, offset: u64| {
        json!({"group": group, "online": true, "consume_type": "push", "message_model": "clustering",
            "subscriptions": [{"topic": "orders", "expression": "*", "expression_type": "TAG"}],
            "offsets": [{"topic": "orders", "broker": "a", "queue_id": 0, "offset": offset}]})
    };
    json!({"schema": "ons-audit-snapshot/1", "cluster": name, "captured_at": "2026-11-20T06:25:00Z", "brokers": ["a"],
        "topics": [{"topic": "orders", "queues": [{"broker": "a", "queue_id": 0, "min_offset": 0, "max_offset": 90}]}],
        "groups": [group(name, offset), group("GID_other", 40)],
        "missing": [{"msg_id": "0A15030B110F18B4AAC264DB000000FF", "topic": "orders", "kind": "refused", "code": name,
            "message": name}]})
    .to_string()
}

fn list(name: &str) -> String {
    let mut lines = csv::Writer::from_writer(Vec::new());
    let head = [
        "msg_id",
        "topic",
        "broker",
        "queue_id",
        "queue_offset",
        name,
    ];
    lines.write_record(head).unwrap();
    for nth in [10, 50, 80] {
        let id = format!("0A15030B110F18B4AAC264DB{nth:08X}");
        let cells = [&*id, "orders", "a", "0", &nth.to_string(), name];
        lines.write_record(cells).unwrap();
    }
    let missing = "0A15030B110F18B4AAC264DB000000FF";
    lines
        .write_record([missing, "orders", "", "", "", name])
        .unwrap();
    lines
        .write_record([name, "orders", "", "", "", name])
        .unwrap();
    String::from_utf8(lines.into_inner().unwrap()).unwrap()
}

/// Two audits with all reports and a comparison.
struct Outputs {
    tool: Tool,
    said: [String; 3],
}

impl Outputs {
    fn of(name: &str) -> Self {
        let tool = Tool::new();
        let allowed = |c: &char| *c != '/' && *c != '\0';
        let file: String = name.chars().filter(allowed).take(40).collect();
        let input = format!("in/{file}.csv");
        tool.write(&input, list(name));
        let audit = |night: &str, offset: u64| {
            let cluster_file = format!("cluster{night}.json");
            tool.write(&cluster_file, cluster(name, offset));
            let reports = REPORTS.iter().map(|&format| {
                let path = path(format, night);
                match format {
                    ReportFormat::Matrix => format!("--matrix {path}"),
                    ReportFormat::Rejects => format!("--rejects {path}"),
                    _ => format!("-o {path}"),
                }
            });
            let call = tool.call("audit").arg(&input).args(&format!(
                "--source {cluster_file} --max-rejects 100% --results r{night}.ndjson --worklist work{night} --metrics \
                 m{night}.prom {}",
                reports.collect::<Vec<_>>().join(" ")
            ));
            call.ends(3).stderr
        };
        let (first, second) = (audit("1", 20), audit("2", 60));
        let diff = "diff r1.ndjson r2.ndjson -o d.csv -o d.json -o d.md";
        let third = tool.call(diff).ends(3).stderr;
        Self {
            said: [first, second, third],
            tool,
        }
    }

    fn read(&self, path: &str) -> String {
        self.tool.read(path)
    }
}

const REPORTS: &[ReportFormat] = &[
    ReportFormat::Csv,
    ReportFormat::Matrix,
    ReportFormat::Ndjson,
    ReportFormat::Rejects,
    ReportFormat::Json,
    ReportFormat::Markdown,
    ReportFormat::Xlsx,
    ReportFormat::Html,
    #[cfg(feature = "parquet")]
    ReportFormat::Parquet,
];

fn path(format: ReportFormat, night: &str) -> String {
    match format.ending() {
        Some(ending) => format!("a{night}{ending}"),
        None => format!("{format:?}{night}.csv"),
    }
}

/// Checks a report by a parser of its format.
fn check(format: ReportFormat, name: &str, hostile: &Outputs, harmless: &Outputs) {
    let path = path(format, "1");
    let read = || [hostile.read(&path), harmless.read(&path)];
    match format {
        ReportFormat::Csv | ReportFormat::Matrix | ReportFormat::Rejects => {
            check_csv(name, read());
        }
        ReportFormat::Ndjson => check_lines(name, &read()[0]),
        ReportFormat::Json => {
            let [summary, _] = read().map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert!(summary["groups"].get(name).is_some(), "{summary}");
        }
        ReportFormat::Markdown => check_markdown(read()),
        ReportFormat::Xlsx => check_workbook(name, [hostile, harmless], &path),
        ReportFormat::Html => check_page(&read()),
        #[cfg(feature = "parquet")]
        ReportFormat::Parquet | ReportFormat::ParquetMatrix => {
            let rows =
                [hostile, harmless].map(|outputs| super::parquet::cells(&outputs.tool, &path));
            assert_eq!(rows[0].len(), rows[1].len());
            assert!(
                rows[0].iter().flatten().any(|cell| cell == name),
                "{rows:?}"
            );
        }
    }
}

/// The same records with the same number of fields; the name is whole, and no spreadsheet runs a cell.
fn check_csv(name: &str, texts: [String; 2]) {
    let [records, others] = texts.map(|text| {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let records = reader.records().map(|record| record.unwrap());
        records.collect::<Vec<_>>()
    });
    assert_eq!(records.len(), others.len());
    let mut names = 0;
    for (record, other) in records.iter().zip(&others) {
        assert_eq!(record.len(), other.len(), "{record:?}");
        for (cell, other) in record.iter().zip(other) {
            let is_number = cell.parse::<f64>().is_ok();
            assert!(
                is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{cell:?}"
            );
            names += usize::from(other == harmless_for(name));
            if other == harmless_for(name) {
                let cell = if cell == name {
                    cell
                } else {
                    cell.strip_prefix('\'').unwrap_or(cell)
                };
                assert!(is_whole_or_cut(cell, name), "{record:?}: {cell:?}");
            }
        }
    }
    assert!(names > 0);
}

/// Returns whether a text is the name, or its beginning with a mark that says so.
fn is_whole_or_cut(text: &str, name: &str) -> bool {
    let beginning = match text.rsplit_once(" … [cut: ") {
        Some((beginning, _)) => Some(beginning),
        None => text.strip_suffix('…'),
    };
    text == name || beginning.is_some_and(|beginning| name.starts_with(beginning))
}

fn check_lines(name: &str, text: &str) {
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let has_name = |line: &Value| line.to_string().contains(&Value::from(name).to_string());
    assert!(lines.iter().any(has_name), "{text}");
}

/// Returns all of a Markdown text but its words.
fn structure(markdown: &str) -> Vec<String> {
    let options = Options::ENABLE_GFM
        | Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let events = Parser::new_ext(markdown, options);
    let mut structure: Vec<_> = events
        .map(|event| match event {
            Event::Text(_) => "text".to_owned(),
            // hashes and run IDs
            Event::Code(_) => "code".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    structure.dedup();
    structure
}

fn check_markdown([hostile, harmless]: [String; 2]) {
    assert_harmless("Markdown", &hostile);
    assert_eq!(structure(&hostile), structure(&harmless), "{hostile}");
    for obeyed in ["://", "www.", " @", "(@"] {
        let unescaped = hostile.replace("\\:", "").replace("\\.", "");
        assert!(!unescaped.contains(obeyed), "{obeyed}: {hostile}");
    }
}

fn check_workbook(name: &str, outputs: [&Outputs; 2], path: &str) {
    let [mut book, mut other] =
        outputs.map(|outputs| open_workbook::<Xlsx<_>, _>(outputs.tool.path(path)).unwrap());
    assert_eq!(book.sheet_names(), other.sheet_names());
    for sheet in book.sheet_names() {
        let formulas = book.worksheet_formula(&sheet).unwrap();
        assert!(formulas.used_cells().next().is_none(), "{sheet}");
        let (cells, others) = (
            book.worksheet_range(&sheet).unwrap(),
            other.worksheet_range(&sheet).unwrap(),
        );
        assert_eq!(cells.get_size(), others.get_size(), "{sheet}");
        for (row, column, cell) in others.used_cells() {
            if *cell != Data::String(harmless_for(name).to_owned()) {
                continue;
            }
            let Some(Data::String(text)) = cells.get((row, column)) else {
                panic!("{sheet}: {:?}", cells.get((row, column)));
            };
            assert!(text.encode_utf16().count() <= 32_767, "{sheet}");
            assert!(is_whole_or_cut(text, name), "{sheet}: {text:?}");
        }
    }
}

/// Returns the tags of a page with their attributes. Options in sentences are marked wherever they stand.
fn tags(page: &str) -> Vec<String> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut is_option = false;
    let tokens = html5gum::Tokenizer::new_with_emitter(page, emitter);
    tokens
        .filter_map(|token| match token.unwrap() {
            Token::StartTag(tag) => {
                let attributes = format!("{:?}", tag.attributes);
                is_option = attributes.contains("option");
                (!is_option).then(|| format!("<{:?} {attributes}>", tag.name))
            }
            Token::EndTag(_) if std::mem::take(&mut is_option) => None,
            Token::EndTag(tag) => Some(format!("</{:?}>", tag.name)),
            Token::Comment(_) | Token::Doctype(_) => Some("!".to_owned()),
            // U+FFFE and its like are shown as a replacement character.
            Token::Error(error) if *error == html5gum::Error::NoncharacterInInputStream => None,
            Token::Error(error) => panic!("{error:?}"),
            Token::String(_) => None,
        })
        .collect()
}

fn check_page([hostile, harmless]: &[String; 2]) {
    assert_harmless("page", hostile);
    let (tags, others) = (tags(hostile), tags(harmless));
    let differs = tags.iter().zip(&others).find(|(tag, other)| tag != other);
    assert_eq!(differs, None);
    assert_eq!(tags.len(), others.len());
}

/// Returns the series of a metrics file without their values, with `*` for each label's value.
fn series(page: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (mut shape, mut chars, mut is_value) = (String::new(), line.chars(), false);
            while let Some(c) = chars.next() {
                match (is_value, c) {
                    (true, '\\') => {
                        let escaped = chars.next();
                        assert!(matches!(escaped, Some('\\' | '"' | 'n')), "{line}");
                    }
                    (_, '"') => {
                        is_value = !is_value;
                        shape.push('*');
                    }
                    (true, _) => {}
                    (false, ' ') => break,
                    (false, c) => shape.push(c),
                }
            }
            let value: String = chars.collect();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            shape
        })
        .collect()
}

fn check_all(name: &str) {
    let (hostile, harmless) = (Outputs::of(name), Outputs::of(harmless_for(name)));
    for said in &hostile.said {
        assert_harmless("terminal", said);
    }
    for &format in REPORTS {
        check(format, name, &hostile, &harmless);
    }
    let read = |path: &str| [&hostile, &harmless].map(|outputs| outputs.read(path));
    check_csv(name, read("d.csv"));
    check_markdown(read("d.md"));
    serde_json::from_str::<Value>(&read("d.json")[0]).unwrap();
    let [metrics, others] = read("m1.prom").map(|page| series(&page));
    assert_eq!(metrics, others);
    let worklists: Value = serde_json::from_str(&read("work1/worklist.json")[0]).unwrap();
    assert!(
        worklists
            .to_string()
            .contains(&Value::from(name).to_string()),
        "{worklists}"
    );
}

#[test]
fn hostile_names_are_data_in_every_output() {
    for name in [
        "=cmd|'/c calc'!A1",
        "</title><script>alert(1)</script><!--",
        "\u{1b}[31m\u{202e}\u{7}\r\n\u{0}\u{fffe}_x0041_",
        "**b** [t](https://a.cn) <b> `c` ~~d~~ &lt; @all $x$ # | --all",
        "\n\n# h\n- l\n1. n\n---\n```\n| a | b |\n|--|--|\n",
        "\" } 1\nonsaudit_x{a=\"\\",
    ] {
        check_all(name);
    }
}

#[test]
fn a_name_of_64_kib_breaks_no_output() {
    check_all(&"長_<@".repeat(64 * 1024 / 6));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_name_is_obeyed_by_an_output(
        name in "(\\PC|[ -~]|[\0-\x1f\u{85}\u{200b}-\u{202e}]|[=+@-]1|</td>|<script>|&#60;|\\]\\]>|\"|'|\n# |\n- |\\||```|\\*\\*|~~\
                 |https://b\\.cn|_x0041_|\\{a=\"){2,10}"
    ) {
        check_all(&name);
    }
}
