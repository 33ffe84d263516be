//! What a trace can say about one group.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::written;

/// What follows for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A client has processed the message.
    Passed,
    /// The newest delivery failed; how the group retries decides the rest.
    Failed,
    /// A client has the message.
    Open,
    /// The words say nothing certain.
    Unknown,
    /// The message is a dead letter.
    Dead {
        /// The trace names the topic that keeps it.
        names_topic: bool,
    },
    /// There is no record; subscription and lag decide.
    NoRecord,
}

/// What a trace says about a group.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) name: String,
    /// Elements of `consumerInfos` without the group's name.
    pub(super) infos: Vec<Value>,
    pub(super) outcome: Outcome,
    pub(super) attempts: usize,
}

const SUCCESSES: [&str; 4] = ["SUCCESS", "OK", "CONSUME_SUCCESS", "consume_ok"];
const FAILURES: [&str; 4] = ["FAIL", "FAILED", "CONSUME_FAIL", "CONSUME_FAILURE"];
const IN_PROCESS: [&str; 3] = ["CONSUMING", "PROCESSING", "PENDING"];
const UNCERTAIN: [&str; 8] = [
    "UNKNOWN",
    "NOT_CONSUMED",
    "CONSUME_NOT_OK",
    "SUCCESS_FAILED",
    "TOKEN",
    "PRODUCING",
    "PULL",
    "",
];

const DEAD: Outcome = Outcome::Dead { names_topic: false };

/// Makes the shapes of a message that was stored at a time.
pub(super) struct Shapes {
    stored: Timestamp,
    shapes: Vec<Shape>,
}

/// Returns all shapes. Eight of them are of groups without a record.
pub(super) fn all(stored: Timestamp) -> Vec<Shape> {
    let shapes = Vec::new();
    let mut all = Shapes { stored, shapes };
    all.words();
    all.deliveries();
    all.incomplete();
    all.dead_letters();
    all.successes_after_dead_letters();
    for _ in 0..8 {
        all.shapes.push(Shape {
            name: "no record".into(),
            infos: Vec::new(),
            outcome: Outcome::NoRecord,
            attempts: 0,
        });
    }
    all.shapes
}

/// Returns a client's success at the first delivery.
pub(super) fn success(stored: Timestamp) -> Shape {
    all(stored).swap_remove(0)
}

impl Shapes {
    fn add(
        &mut self,
        name: impl Into<String>,
        infos: Vec<Value>,
        outcome: Outcome,
        attempts: usize,
    ) {
        self.shapes.push(Shape {
            name: name.into(),
            infos,
            outcome,
            attempts,
        });
    }

    fn time(&self, seconds: i64) -> String {
        written(self.stored + SignedDuration::from_secs(seconds))
    }

    /// Returns a delivery whose newest operation was so many seconds after the message was stored.
    fn record(&self, word: &str, seconds: i64) -> Value {
        json!({
            "consumeStatus": word, "clientHost": format!("10.0.2.{seconds}@1@x"), "userName": "", "fifoEnable": false,
            "popCk": "1 1 60000 0 0 broker-a 0 0",
            "operations": [
                {"operateType": "POP", "operateTime": self.time(seconds - 1), "invisibleTime": 60_000},
                {"operateType": "ACK", "operateTime": self.time(seconds), "deadMessage": false},
            ],
        })
    }

    fn records(&self, records: &[(&str, i64)]) -> Vec<Value> {
        let records = records.iter();
        records
            .map(|(word, seconds)| self.record(word, *seconds))
            .collect()
    }

    /// Adds a shape of one element with these records; the last of them gives the status of the group.
    fn delivered(&mut self, name: &str, records: &[(&str, i64)], outcome: Outcome) {
        let status = records.last().unwrap().0;
        let info = json!({"consumeStatus": status, "deadMessage": false, "records": self.records(records)});
        self.add(name, vec![info], outcome, records.len());
    }

    fn words(&mut self) {
        for (words, outcome) in [
            (&SUCCESSES[..], Outcome::Passed),
            (&FAILURES, Outcome::Failed),
            (&IN_PROCESS, Outcome::Open),
            (&UNCERTAIN, Outcome::Unknown),
        ] {
            for word in words {
                self.delivered(&format!("the word {word:?}"), &[(word, 10)], outcome);
            }
        }
    }

    fn deliveries(&mut self) {
        let fail = |seconds| ("FAILED", seconds);
        let passed = Outcome::Passed;
        self.delivered(
            "success at the third",
            &[fail(5), fail(15), ("SUCCESS", 25)],
            passed,
        );
        let unordered = [("SUCCESS", 25), fail(5), fail(15)];
        self.delivered("success, newest first", &unordered, passed);
        let unordered = [fail(30), ("SUCCESS", 5), ("SUCCESS", 9)];
        self.delivered("failure after success", &unordered, Outcome::Failed);
        self.delivered("two failures", &[fail(5), fail(15)], Outcome::Failed);
        let three = [fail(5), fail(15), fail(25)];
        self.delivered("three failures", &three, Outcome::Failed);
        let four = [fail(5), fail(15), fail(25), fail(35)];
        self.delivered("four failures", &four, Outcome::Failed);
        let many: Vec<_> = (1..=17).map(|number| fail(number * 5)).collect();
        self.delivered("seventeen failures", &many, Outcome::Failed);
        self.delivered(
            "in process again",
            &[fail(5), ("CONSUMING", 15)],
            Outcome::Open,
        );
        self.delivered(
            "an unknown word last",
            &[fail(5), ("UNKNOWN", 15)],
            Outcome::Unknown,
        );
        self.delivered(
            "success after an unknown word",
            &[("TOKEN", 5), ("OK", 15)],
            passed,
        );
        let same = [("SUCCESS", 15), fail(15)];
        self.delivered("failure and success in one second", &same, Outcome::Failed);
        self.in_process_after_success();
        let infos = vec![
            json!({"consumeStatus": "FAILED", "records": self.records(&[fail(5)])}),
            json!({"consumeStatus": "SUCCESS", "records": self.records(&[("SUCCESS", 15)])}),
        ];
        self.add("two elements of one group", infos, passed, 2);
    }

    /// An acknowledgement stays one, whatever is delivered again.
    fn in_process_after_success(&mut self) {
        for word in ["CONSUMING", "UNKNOWN"] {
            let records = [("FAILED", 5), ("SUCCESS", 15), (word, 25)];
            let info = json!({"consumeStatus": word, "records": self.records(&records)});
            self.add(
                format!("{word} after success"),
                vec![info],
                Outcome::Passed,
                2,
            );
        }
    }

    /// Fields that are missing, and null elements.
    fn incomplete(&mut self) {
        let timeless = json!({"consumeStatus": "SUCCESS", "records": [
            {"consumeStatus": "FAILED"}, {"consumeStatus": "SUCCESS", "operations": []},
        ]});
        self.add(
            "without times, in order",
            vec![timeless],
            Outcome::Passed,
            2,
        );
        let mut success = self.record("SUCCESS", 10);
        success["operations"] = json!([null, success["operations"][1], null]);
        let nulls = json!({"consumeStatus": "SUCCESS", "deadLetterInfo": null, "records": [null, success, null]});
        self.add("null elements", vec![nulls], Outcome::Passed, 1);
        let bare = json!({"records": [self.record("SUCCESS", 10)]});
        self.add("nothing but records", vec![bare], Outcome::Passed, 1);
        let null = json!({"consumeStatus": null, "deadMessage": null, "records": [self.record("FAILED", 10)]});
        self.add("the group's status null", vec![null], Outcome::Failed, 1);
        let empty = json!({"records": [{"operations": [{"operateTime": self.time(5)}]}]});
        self.add("a record without status", vec![empty], Outcome::Unknown, 1);
        for (word, outcome) in [
            ("SUCCESS", Outcome::Passed),
            ("CONSUME_FAIL", Outcome::Failed),
            ("PROCESSING", Outcome::Open),
            ("STRANGE", Outcome::Unknown),
        ] {
            let name = format!("the group's {word} without a record");
            let info = json!({"consumeStatus": word, "deadMessage": false});
            self.add(name, vec![info], outcome, 0);
        }
    }

    fn dead(&self, to_dlq: Option<i64>, records: &[(&str, i64)]) -> Value {
        let mut info = json!({"consumeStatus": "FAILED", "deadMessage": true, "records": self.records(records)});
        if let Some(seconds) = to_dlq {
            info["deadLetterInfo"] = json!({"messageId": "7F000001001F7A4F0F29463F0376047D", "toDlqTime": self.time(seconds)});
        }
        info
    }

    fn dead_letters(&mut self) {
        let failed = [("FAILED", 5), ("FAILED", 15)];
        let info = self.dead(Some(20), &failed);
        self.add("dead letter", vec![info], DEAD, 2);
        let mut info = self.dead(Some(20), &failed);
        info["deadLetterInfo"]["topicName"] = "DLQ_named".into();
        let named = Outcome::Dead { names_topic: true };
        self.add("dead letter, its topic named", vec![info], named, 2);
        let info = json!({"consumeStatus": "FAILED", "deadMessage": true, "deadLetterInfo": null});
        self.add("dead letter without time and records", vec![info], DEAD, 0);
        let mut record = self.record("FAILED", 10);
        record["operations"][1]["deadMessage"] = true.into();
        let info = json!({"consumeStatus": "FAILED", "records": [record]});
        self.add("dead letter by an operation", vec![info], DEAD, 1);
        let mut info = self.dead(Some(20), &failed);
        info.as_object_mut().unwrap().remove("deadMessage");
        self.add("dead letter by its time", vec![info], DEAD, 2);
        let mut info = self.dead(Some(20), &[("SUCCESS", 5)]);
        info["deadMessage"] = false.into();
        self.add(
            "no dead letter, though with its time",
            vec![info],
            Outcome::Passed,
            1,
        );
        let empty = json!({"consumeStatus": "SUCCESS", "deadLetterInfo": {"messageId": "", "toDlqTime": "", "topicName": ""},
                           "records": [self.record("SUCCESS", 10)]});
        self.add(
            "empty texts of a dead letter",
            vec![empty],
            Outcome::Passed,
            1,
        );
    }

    fn successes_after_dead_letters(&mut self) {
        for (name, success, outcome) in [
            ("success long after the dead letter", 60, Outcome::Passed),
            ("success 6 s after the dead letter", 26, Outcome::Passed),
            ("success 5 s after the dead letter", 25, DEAD),
            ("success 3 s after the dead letter", 23, DEAD),
            ("success before the dead letter", 12, DEAD),
        ] {
            let info = self.dead(Some(20), &[("FAILED", 5), ("SUCCESS", success)]);
            self.add(name, vec![info], outcome, 2);
        }
        let info = self.dead(None, &[("SUCCESS", 60)]);
        self.add(
            "success and a dead letter without time",
            vec![info],
            DEAD,
            1,
        );
        let info = self.dead(Some(20), &[("FAILED", 5), ("FAILED", 50)]);
        self.add("failure after the dead letter", vec![info], DEAD, 2);
    }
}
