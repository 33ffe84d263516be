//! The list to reconcile: a thousand rows as a shop's outbox had them, some of them bad, and the correct answers.

use std::fmt::Write as _;

use serde::Serialize;

use super::story::{INSTANCE, LONG_EXPIRED, NEVER_STORED, evidence, millis, words};
use super::traffic::{Message, Role, java_id};

/// One row. All values are texts, so that both formats have the same.
#[derive(Clone, Serialize)]
pub(super) struct Row {
    order_id: String,
    msg_id: String,
    topic: &'static str,
    instance_id: &'static str,
    amount: String,
    customer: &'static str,
}

const CUSTOMERS: [&str; 12] = [
    "李娜",
    "Anna Berg",
    "王强",
    "张伟",
    "\"Nord\" Handel, Kiel",
    "陈静",
    "O'Brien",
    "刘洋",
    "Łukasz",
    "黄丽",
    "周杰",
    "赵敏",
];

/// Returns the whole list: the messages in order, with duplicates, unanswerable and bad rows between them.
///
/// Two customers have names that a spreadsheet would take for formulas. Refunds have negative amounts, which it may
/// convert.
pub(super) fn rows(traffic: &[Message]) -> Vec<Row> {
    let mut rows: Vec<_> = traffic
        .iter()
        .filter(|m| m.role == Role::Asked)
        .zip(0..)
        .map(row)
        .collect();
    rows[40].customer = "=HYPERLINK(\"http://example.com/pay\",\"pay here\")";
    rows[377].customer = "+86 138 0013 8000";
    for at in (1..=8).map(|n| n * 110) {
        rows.insert(at, rows[at - 73].clone());
    }
    for ((msg_id, topic), n) in strays(traffic).into_iter().zip(1..) {
        let at = n * 87 + 5;
        let stray = Row {
            order_id: format!("A-{}", 9_000 + n),
            msg_id,
            topic,
            ..rows[at].clone()
        };
        rows.insert(at, stray);
    }
    rows
}

fn row((message, n): (&Message, usize)) -> Row {
    let (letter, sign) = match message.topic {
        "orders" => ('A', ""),
        "payments" => ('P', ""),
        _ => ('R', "-"),
    };
    Row {
        order_id: format!("{letter}-{}", 10_001 + n),
        msg_id: message.msg_id.clone(),
        topic: message.topic,
        instance_id: INSTANCE,
        amount: format!("{sign}{}.{:02}", 5 + n * 37 % 400, n * 61 % 100),
        customer: CUSTOMERS[n * 7 % CUSTOMERS.len()],
    }
}

/// Returns IDs and topics without an answer: four that can be asked, six that cannot.
fn strays(traffic: &[Message]) -> Vec<(String, &'static str)> {
    let with = |role, topic| {
        let found = traffic.iter().find(|m| m.role == role && m.topic == topic);
        found.unwrap().msg_id.clone()
    };
    let ip = 0x0A15_030B;
    vec![
        (with(Role::Expired, "orders"), "orders"),
        (
            java_id(ip, 4367, millis(LONG_EXPIRED) + 61_733, 0x1F2A),
            "orders",
        ),
        (with(Role::NotAsked, "payments"), "orders"),
        (java_id(ip, 4367, millis(NEVER_STORED), 0xFFF0), "orders"),
        ("1E05791C117818B4AAC23B1BB0CE****".to_owned(), "orders"), // masked by a console
        ("1.23E+15".to_owned(), "payments"),                       // by way of a spreadsheet
        (String::new(), "orders"),
        ("0A15030B110F18B4".to_owned(), "orders"), // cut
        ("OA15030B110F18B4AAC264BF2D6C0BA2".to_owned(), "orders"), // typed, with the letter O
        (
            java_id(ip, 4367, millis(NEVER_STORED) + 9, 0xFFF1),
            "orders(v2)",
        ),
    ]
}

pub(super) fn csv(rows: &[Row]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

pub(super) fn ndjson(rows: &[Row]) -> String {
    rows.iter()
        .map(|row| serde_json::to_string(row).unwrap() + "\n")
        .collect()
}

/// Returns the correct answer of every group about every message that has an answer.
pub(super) fn truth(traffic: &[Message]) -> String {
    let mut truth = "msg_id,topic,group,track_type,verdict,evidence\n".to_owned();
    for message in traffic.iter().filter(|m| m.role == Role::Asked) {
        for (group, word) in words(message) {
            let (verdict, evidence) = evidence(group, word, message);
            let Message { msg_id, topic, .. } = message;
            writeln!(
                truth,
                "{msg_id},{topic},{group},{word},{verdict},{evidence}"
            )
            .unwrap();
        }
    }
    truth
}
