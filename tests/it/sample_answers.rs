//! The sample cluster gives the correct answers about the sample incident.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ons_audit::message::{Position, Query};
use ons_audit::source::snapshot::Snapshot;
use ons_audit::source::{Failure, FailureKind, Trace};

use super::tool::{Row, Tool, table};

/// A message by topic and ID.
type Key = (String, String);

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn cluster() -> Snapshot {
    Snapshot::open(&path("samples/cluster.json")).unwrap()
}

fn trace(snapshot: &Snapshot, query: &Query) -> Result<Trace, Failure> {
    snapshot.answer(query)
}

fn query((topic, msg_id): &Key) -> Query {
    Query {
        instance_id: Some("MQ_INST_1234567890123456_BXdemo".into()),
        topic: topic.as_str().into(),
        msg_id: msg_id.as_str().into(),
        position: None,
        born_after: None,
        send_result: None,
    }
}

fn words(trace: &Trace) -> Vec<(String, String)> {
    let word =
        |track: &ons_audit::source::Track| (track.group.to_string(), track.track_type.to_string());
    trace.tracks.iter().map(word).collect()
}

/// Returns group and track type, in name order, of every message that has an answer.
fn truth() -> BTreeMap<Key, Vec<(String, String)>> {
    let mut truth = BTreeMap::<_, Vec<_>>::new();
    let mut rows = csv::Reader::from_path(path("tests/data/sample_truth.csv")).unwrap();
    for row in rows.deserialize() {
        let (msg_id, topic, group, word): (String, String, String, String) = row.unwrap();
        truth
            .entry((topic, msg_id))
            .or_default()
            .push((group, word));
    }
    truth
}

/// Returns the distinct messages of the incident list.
fn asked() -> Vec<Key> {
    let mut rows = csv::Reader::from_path(path("samples/incident.csv")).unwrap();
    rows.records()
        .map(|row| row.unwrap())
        .map(|row| (row[2].to_owned(), row[1].to_owned()))
        .collect()
}

#[test]
fn every_answer_is_the_truth() {
    let (snapshot, truth) = (cluster(), truth());
    assert_eq!(truth.len(), 982);
    for (key, expected) in &truth {
        let trace = trace(&snapshot, &query(key)).unwrap();
        assert_eq!(&words(&trace), expected, "{key:?}");
    }
}

#[test]
fn every_verdict_and_its_evidence_are_the_truth() {
    let tool = Tool::new();
    tool.call("audit samples/incident.csv --source samples/cluster.json -o a.csv")
        .ends(1);
    let report = table(&tool.read("a.csv"));
    let cells = |row: &Row| {
        let columns = ["topic", "msg_id", "group", "verdict", "evidence"];
        columns.map(|column| row[column].clone())
    };
    let judged = report.iter().filter(|row| !row["group"].is_empty());
    let judged: BTreeSet<_> = judged.map(cells).collect();
    let truth = table(&std::fs::read_to_string(path("tests/data/sample_truth.csv")).unwrap());
    let truth: BTreeSet<_> = truth.iter().map(cells).collect();
    for kind in ["dead_lettered", "retrying", "open"] {
        assert!(truth.iter().any(|row| row[3] == kind), "{kind}");
    }
    for kind in ["offset", "no_failure", "retried"] {
        assert!(truth.iter().any(|row| row[4] == kind), "{kind}");
    }
    assert_eq!(judged, truth);
}

#[test]
fn a_position_answers_as_the_id_does() {
    let (snapshot, truth) = (cluster(), truth());
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path("samples/cluster.json")).unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for message in file["messages"].as_array().unwrap() {
        let text = |field: &str| message[field].as_str().map(str::to_owned);
        let key = (text("topic").unwrap(), text("msg_id").unwrap());
        // Messages are listed by store time, so the first copy is the oldest.
        let Some(expected) = truth.get(&key).filter(|_| seen.insert(key.clone())) else {
            continue;
        };
        let position = Position {
            broker: text("broker").unwrap().into(),
            queue_id: message["queue_id"].as_u64().unwrap().try_into().unwrap(),
            queue_offset: message["queue_offset"].as_u64().unwrap(),
            tag: text("tag").as_deref().into(),
            store: None,
        };
        let query = Query {
            msg_id: "FF".into(),
            position: Some(position),
            ..query(&key)
        };
        assert_eq!(
            &words(&trace(&snapshot, &query).unwrap()),
            expected,
            "{key:?}"
        );
    }
    assert_eq!(seen.len(), truth.len());
}

#[test]
fn the_list_has_a_thousand_rows_and_ten_without_an_answer() {
    let (snapshot, truth, asked) = (cluster(), truth(), asked());
    assert_eq!(asked.len(), 1000);
    let strays: Vec<_> = asked
        .iter()
        .filter(|key| !truth.contains_key(*key))
        .collect();
    assert_eq!(strays.len(), 10);
    let distinct: BTreeSet<_> = asked.iter().collect();
    assert_eq!(asked.len() - distinct.len(), 8);

    let failures: Vec<_> = strays
        .into_iter()
        .map(|key| trace(&snapshot, &query(key)).unwrap_err())
        .collect();
    assert!(
        failures
            .iter()
            .all(|failure| failure.kind == FailureKind::NotFound)
    );
    let saying = |what: &str| {
        failures
            .iter()
            .filter(|failure| failure.message.contains(what))
            .count()
    };
    assert_eq!(saying("expired"), 1);
    assert_eq!(saying("the snapshot has it under topic payments"), 1);
    assert_eq!(saying("no topic orders(v2)"), 1);
}

#[test]
fn the_sample_says_what_it_is() {
    let snapshot = cluster();
    assert_eq!(snapshot.cluster(), "demo");
    assert_eq!(
        snapshot.instance_id(),
        Some("MQ_INST_1234567890123456_BXdemo")
    );
    assert_eq!(snapshot.captured_at().to_string(), "2026-11-20T06:25:00Z");
}
