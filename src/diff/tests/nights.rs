//! Writes small results files row by row.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::{Timestamp, ToSpan};

use super::super::Side;
use crate::input::{Entry, KeptCells, Reject, Row, Survey};
use crate::message::Query;
use crate::offsets::{Rules, TrackType};
use crate::report::locale::Locale;
use crate::report::{CsvDialect, Rendered, ReportContext, Targets, render};
use crate::results::{Durability, Header, Outcome, ResultsFile, ResultsWriter, SCHEMA};
use crate::source::{Failure, FailureKind, Trace, Track};
use crate::verdict::Expectations;

use Held::{NotFound, Rejected, SameAs, Tracks, Unanswered};

/// What a row of a results file contains.
#[derive(Debug, Clone)]
pub(super) enum Held {
    Tracks(Vec<(&'static str, &'static str)>),
    NotFound,
    Unanswered,
    SameAs(u64),
    Rejected,
}

pub(super) fn says(group: &'static str, word: &'static str) -> Held {
    Tracks(vec![(group, word)])
}

pub(super) const PASSED: &str = "CONSUMED";
pub(super) const OPEN: &str = "NOT_CONSUME_YET";

/// A results file in the making: its moment, its expectations, and its rows as (topic, ID, content).
#[derive(Debug)]
pub(super) struct Night {
    pub(super) at: Timestamp,
    expect: &'static str,
    pub(super) source: &'static str,
    rows: Vec<(&'static str, u32, Held)>,
}

pub(super) fn night(at: &str, rows: impl IntoIterator<Item = (&'static str, u32, Held)>) -> Night {
    Night {
        at: at.parse().unwrap(),
        expect: "",
        source: "ons://cn-hangzhou",
        rows: rows.into_iter().collect(),
    }
}

impl Night {
    pub(super) fn expecting(mut self, expect: &'static str) -> Self {
        self.expect = expect;
        self
    }

    fn expectations(&self) -> Expectations {
        let mut expectations = Expectations::default();
        if !self.expect.is_empty() {
            expectations.add(self.expect).unwrap();
        }
        expectations
    }

    pub(super) fn write(&self, path: &Path) {
        let header = Header {
            schema: SCHEMA.to_owned(),
            run_id: path.display().to_string(),
            tool: "ons-audit 0".to_owned(),
            source: self.source.to_owned(),
            inputs: vec![Survey {
                path: "in.csv".to_owned(),
                sha256: "00".repeat(32),
                rows: self.rows.len() as u64,
            }],
            started_at: self.at.to_string(),
            as_of: None,
            rules: Rules::default(),
            brokers: BTreeSet::new(),

            unasked_brokers: std::collections::BTreeMap::new(),
            expectations: self.expectations(),
            producer_zone: "+08:00".to_owned(),
            born_column: None,
            rate: None,
            options: std::collections::BTreeMap::new(),
        };
        let mut recorder = ResultsWriter::create(path, &header, Durability::Relaxed).unwrap();
        for (row, (topic, id, held)) in (1..).zip(&self.rows) {
            let (row, outcome) = settled(row, topic, *id, held, self.at);
            recorder.push(&row, outcome.as_ref()).unwrap();
        }
        recorder.finish(self.at + 1.hour()).unwrap();
    }
}

fn settled(row: u64, topic: &str, id: u32, held: &Held, at: Timestamp) -> (Row, Option<Outcome>) {
    let kept = KeptCells {
        columns: vec!["order".into()].into(),
        json: Some(format!(r#"{{"order":"A-{id}"}}"#).into()),
    };
    let failed = |kind| Err(Failure::new(kind, None, "no"));
    let answer = match held {
        SameAs(of) => {
            let entry = Entry::Duplicate { of: *of };
            return (Row { row, kept, entry }, None);
        }
        Rejected => {
            let entry = Entry::Rejected(Box::new(Reject {
                file: "in.csv".into(),
                line: row,
                column: "msg_id".into(),
                found: "*".to_owned(),
                reason: "masked".to_owned(),
                msg_id: None,
                topic: None,
            }));
            return (Row { row, kept, entry }, None);
        }
        NotFound => failed(FailureKind::NotFound),
        Unanswered => failed(FailureKind::Transport),
        Tracks(tracks) => {
            let track = |&(group, word): &(&str, &str)| Track::new(group, TrackType::from(word));
            Ok(Trace::new(tracks.iter().map(track).collect()))
        }
    };
    let entry = Entry::Query(Query {
        instance_id: None,
        topic: topic.into(),
        msg_id: format!("{id:032X}").into(),
        position: None,
        born_after: None,
        send_result: None,
    });
    let outcome = Outcome {
        attempts: 1,
        ..Outcome::new(answer, at)
    };
    (Row { row, kept, entry }, Some(outcome))
}

pub(super) fn side(results_file: &ResultsFile) -> Side<'_> {
    let expectations = results_file.header().expectations.clone();
    let context = ReportContext {
        groups: Vec::new(),
        sheet_groups: None,
        columns: Vec::new(),
        file_column: None,
        number_columns: BTreeSet::new(),
        marks: false,
        examined: false,
        evidence: false,
        expectations: expectations.clone(),
        csv: CsvDialect::default(),
        locale: Locale::default(),
    };
    let Rendered { summary, .. } = render(
        std::slice::from_ref(results_file),
        &context,
        Targets::default(),
        true,
    )
    .unwrap();
    Side {
        results_file,
        summary,
        expectations,
    }
}
