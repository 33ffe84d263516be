//! All reports of a run have the same counts, and the totals are consistent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tool::{Row, Said, Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json \
                     --expect-file samples/expected.csv --accept filtered \
                     -o a.csv -o a.ndjson -o a.json -o a.md --matrix m.csv --rejects r.csv";

const GROUP_VERDICTS: [&str; 8] = [
    "passed",
    "filtered",
    "open",
    "undetermined",
    "absent",
    "dead_lettered",
    "retrying",
    "failed",
];

type Counts = BTreeMap<String, u64>;

/// The sums of the long CSV.
struct Recount {
    rows: Vec<Row>,
    messages: Counts,
    groups: BTreeMap<String, Counts>,
}

impl Recount {
    /// Duplicates are rows of the report but not messages of their own.
    fn of(rows: Vec<Row>) -> Self {
        let (mut messages, mut groups) = (Counts::new(), BTreeMap::<_, Counts>::new());
        let (mut asked, mut first_rows) = (BTreeSet::new(), BTreeSet::new());
        for row in &rows {
            let rejected = row["message_verdict"] == "rejected";
            if rejected || asked.insert((row["topic"].clone(), row["msg_id"].clone())) {
                first_rows.insert(row["row"].clone());
                *messages.entry(row["message_verdict"].clone()).or_default() += 1;
            }
            if first_rows.contains(&row["row"]) && !row["group"].is_empty() {
                let group = groups.entry(row["group"].clone()).or_default();
                *group.entry(row["verdict"].clone()).or_default() += 1;
            }
        }
        Self {
            rows,
            messages,
            groups,
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns the counts of an object, without zeros and other values.
fn counts(value: &Value) -> Counts {
    let all = value.as_object().unwrap().iter();
    all.filter_map(|(name, count)| Some((name.clone(), count.as_u64()?)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn every_report_counts_the_same() {
    let tool = Tool::new();
    let said = tool.call(AUDIT).ends(1);
    let recount = Recount::of(table(&tool.read("a.csv")));
    assert_eq!(recount.messages.values().sum::<u64>(), 992);
    assert_eq!(recount.messages["break"], 290);
    assert_eq!(
        recount.groups["GID_ledger"],
        [("absent".to_owned(), 43)].into()
    );
    assert_eq!(table(&tool.read("r.csv")).len(), 6);

    let summary = json(&tool.read("a.json"));
    as_data(&summary, &recount);
    row_by_row(&tool, &recount, &summary);
    in_words(
        &tool,
        &said,
        &recount,
        summary["headline"].as_str().unwrap(),
    );
}

fn as_data(summary: &Value, recount: &Recount) {
    assert_eq!(counts(&summary["messages"]), recount.messages);
    for (name, group) in &recount.groups {
        let mut counted = counts(&summary["groups"][name]);
        counted.retain(|verdict, _| GROUP_VERDICTS.contains(&&**verdict));
        assert_eq!(&counted, group, "{name}");
    }
    assert_eq!(
        summary["groups"].as_object().unwrap().len(),
        recount.groups.len()
    );
    assert_eq!(
        (&summary["totals_tie"], &summary["complete"]),
        (&true.into(), &true.into())
    );
    let total = |name: &str| summary["totals"][name].as_u64().unwrap();
    let [rows, distinct, duplicates, rejected] =
        ["rows", "distinct", "duplicates", "rejected"].map(total);
    assert_eq!(rows, distinct + duplicates + rejected);
    assert_eq!(
        distinct,
        total("answered") + total("not_found") + total("unanswered")
    );
    assert_eq!((rows, duplicates, rejected), (1000, 8, 6));
    let tracks = recount
        .groups
        .values()
        .flatten()
        .filter(|(verdict, _)| *verdict != "absent");
    assert_eq!(total("tracks"), tracks.map(|(_, count)| count).sum::<u64>());
}

fn row_by_row(tool: &Tool, recount: &Recount, summary: &Value) {
    let lines: Vec<Value> = tool.read("a.ndjson").lines().map(json).collect();
    let matrix = table(&tool.read("m.csv"));
    assert_eq!((matrix.len(), lines.len()), (1000, 1001));
    assert_eq!(&lines[1000]["summary"], summary);
    for row in &recount.rows {
        let number: usize = row["row"].parse().unwrap();
        let (line, wide) = (&lines[number - 1], &matrix[number - 1]);
        assert_eq!(line["row"], number);
        assert_eq!(wide["row"], row["row"]);
        assert_eq!(line["verdict"], *row["message_verdict"]);
        assert_eq!(wide["message_verdict"], row["message_verdict"]);
        assert_eq!(line["extra"]["order_id"], *row["order_id"]);
        assert_eq!(wide["customer"], row["customer"]);
        if let Some(cell) = wide.get(&row["group"]) {
            assert_eq!(cell, &row["verdict"], "row {number}, {}", row["group"]);
        }
    }
}

fn in_words(tool: &Tool, said: &Said, recount: &Recount, headline: &str) {
    let ticket = tool.read("a.md");
    for (name, group) in &recount.groups {
        let cells =
            GROUP_VERDICTS.map(|verdict| group.get(verdict).copied().unwrap_or(0).to_string());
        let line = format!("| {name} | {} |\n", cells.join(" | "));
        assert!(ticket.contains(&line), "{ticket}");
        let line = said
            .stderr
            .lines()
            .find(|line| line.starts_with(&format!(" {name} ")))
            .unwrap();
        let shown: Vec<_> = line
            .split_whitespace()
            .skip(1)
            .take(GROUP_VERDICTS.len())
            .collect();
        assert_eq!(shown, cells, "{line}");
    }
    for (verdict, count) in &recount.messages {
        assert!(ticket.contains(&format!("{verdict} {count}")), "{ticket}");
        assert!(
            said.stderr.contains(&format!("{count} {verdict}")),
            "{}",
            said.stderr
        );
    }
    assert!(ticket.starts_with(&format!("**{headline}**\n")));
    assert!(ticket.lines().count() <= 20, "{ticket}");
    assert!(said.stderr.contains(headline) && said.stderr.contains("(they tie)"));
}
