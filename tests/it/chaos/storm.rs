//! Two thousand queries, of whose calls almost a third fails.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::super::gateway::{Call, Fault, Gateway, Setup};
use super::super::tool::{Tool, table};
use super::{answers, no_answers};

const QUERIES: usize = 2000;
const FAULTY: f64 = 0.3;

/// Returns the gateway's answer about message `nth`: known and unknown track types, no group, or no message.
fn truth(nth: usize) -> Option<&'static [(&'static str, &'static str)]> {
    [
        Some(&[("GID_a", "CONSUMED"), ("GID_b", "CONSUMED")][..]),
        Some(&[
            ("GID_a", "CONSUMED_BUT_FILTERED"),
            ("GID_b", "NOT_CONSUME_YET"),
        ]),
        Some(&[
            ("GID_a", "SubscribedButFilterd"),
            ("GID_b", "NOT_ONLINE"),
            ("GID_c", "PULL"),
        ]),
        Some(&[("GID_a", "consumed"), ("GID_ä", "=\"未知\",\n")]),
        Some(&[]),
        None,
    ][nth % 6]
}

fn id(nth: usize) -> String {
    format!("AC10323E00002A9F{nth:016X}")
}

fn gateway() -> Setup {
    (0..QUERIES).fold(Gateway::setup(), |setup, nth| match truth(nth) {
        Some(tracks) => setup.tells("orders", &id(nth), tracks),
        None => setup,
    })
}

/// Returns the fault of a call. It depends on the message and the attempt only, so every run has the same faults.
fn weather(call: Call<'_>, faults: &[Fault]) -> Option<usize> {
    let nth = u64::from_str_radix(&call.msg_id[16..], 16).unwrap();
    let mut dice = fastrand::Rng::with_seed(nth * 100 + call.attempt as u64);
    dice.u64(..); // the first throws of neighbouring seeds are alike
    (dice.f64() < FAULTY).then(|| dice.usize(..faults.len()))
}

#[test]
fn every_answer_is_right_whatever_happens_on_the_way() {
    let tool = Tool::new();
    let faults: Vec<_> = no_answers().into_iter().chain(answers()).collect();
    let seen = Arc::new(Mutex::new(vec![0; faults.len()]));
    let count = seen.clone();
    let plan = move |call: Call<'_>| {
        let fault = weather(call, &faults)?;
        count.lock().unwrap()[fault] += 1;
        Some(faults[fault].clone())
    };
    let gateway = gateway().plan(plan).start();
    let list: String = (0..QUERIES).map(|nth| id(nth) + ",orders\n").collect();
    tool.write("in.csv", format!("msg_id,topic\n{list}"));

    let flags = "--rate max --concurrency 100 --timeout 1500ms --max-attempts 15 --raw-csv";
    let call = tool
        .call("audit in.csv -o out.csv --source")
        .arg(&gateway.url());
    let mut running = call.args(flags).key().start();
    let peak = running.watch_peak();
    running.ends(1);

    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|&often| often > 15), "{seen:?}");
    let (spoiled, calls) = (seen.iter().sum::<usize>(), gateway.calls());
    let percent = 100 * spoiled / calls;
    assert!((27..33).contains(&percent), "{percent} % of {calls} calls");
    assert!(peak < 100, "{peak} MiB");

    let mut told = BTreeMap::<String, Vec<(String, String)>>::new();
    let rows = table(&tool.read("out.csv"));
    for row in &rows {
        let verdict = &row["message_verdict"];
        assert!(verdict != "unanswered", "{row:?}");
        let tracks = told.entry(row["msg_id"].clone()).or_default();
        if verdict == "not_found" {
            tracks.push((String::new(), "BIZ_NO_MESSAGE".to_owned()));
            assert_eq!(row["error_code"], "BIZ_NO_MESSAGE");
        } else if !row["group"].is_empty() {
            tracks.push((row["group"].clone(), row["track_type"].clone()));
        }
    }
    assert_eq!(told.len(), QUERIES);
    for nth in 0..QUERIES {
        let missing = [("", "BIZ_NO_MESSAGE")];
        let right = truth(nth).unwrap_or(&missing);
        let found = &told[&id(nth)];
        let found: Vec<_> = found
            .iter()
            .map(|(group, word)| (&**group, &**word))
            .collect();
        assert_eq!(found, right, "message {nth}");
    }
    tool.call("verify out.results.ndjson").ends(0);
}
