//! Resumed runs: no answer is asked for twice, and the reports equal those of one run.

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Fault, Gateway};
use super::tool::{Tool, table};

const AUDIT: &str = "audit samples/incident.csv --expect-file samples/expected.csv --results r.ndjson -o r.csv -o r.json \
    -o r.md -o rows.ndjson --matrix m.csv --rejects bad.csv --rate max --concurrency 4";

const REPORTS: [&str; 6] = ["r.csv", "r.json", "r.md", "rows.ndjson", "m.csv", "bad.csv"];

/// Returns a report without what each run has of its own: times, request IDs, run ID and seal, and the gateway's port.
fn essence(tool: &Tool, name: &str, gateway: &Gateway) -> String {
    let text = tool
        .plain(&tool.read(name))
        .replace(gateway.url().trim_start_matches("http://"), "[SOURCE]");
    let is_random = |word: &str| {
        let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
        (matches!(word.len(), 32 | 64) && is_hex && word.bytes().any(|b| b.is_ascii_lowercase()))
            || word.starts_with("0A1B2C3D-0000-4000-8000-")
    };
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            if is_random(bare) {
                word.replace(bare, "[OWN]")
            } else {
                word.to_owned()
            }
        })
        .collect()
}

#[test]
fn a_resumed_runs_reports_are_those_of_an_uninterrupted_one() {
    let (whole, parts) = (Tool::new(), Tool::new());
    let steady = Gateway::setup().start();
    whole
        .call(AUDIT)
        .args("--source")
        .arg(&steady.url())
        .key()
        .ends(1);

    // Every 150th call is held. There the run is stopped, each time in another way.
    let held = |call: Call<'_>| call.number.is_multiple_of(150).then_some(Fault::Held);
    let gateway = Gateway::setup().plan(held).start();
    for (nth, signal) in (1..).zip(["INT", "KILL", "HUP", "KILL", "TERM"]) {
        let call = parts
            .call(AUDIT)
            .args("--resume --source")
            .arg(&gateway.url())
            .key();
        let running = call.start();
        gateway.wait_for_calls(nth * 150);
        running.signal(signal);
        if signal != "KILL" {
            running.signal(signal); // the answer that is held is not awaited
            running.ends(3);
        }
    }
    gateway.release();
    let said = parts
        .call(AUDIT)
        .args("--resume --source")
        .arg(&gateway.url())
        .key()
        .ends(1);
    assert!(
        said.stderr.contains("continuing with r.ndjson.partial: "),
        "{}",
        said.stderr
    );
    assert!(gateway.calls() <= 986 + 5 * 4, "{} calls", gateway.calls());
    for report in REPORTS {
        assert!(
            essence(&parts, report, &gateway) == essence(&whole, report, &steady),
            "{report} differs"
        );
    }
    parts.call("verify r.ndjson").ends(0);
}

#[test]
fn fifty_kills_lose_no_answer_and_ask_little_twice() {
    const KILLS: usize = 50;
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    let mut random = fastrand::Rng::with_seed(50);
    for kill in 0..KILLS {
        let call = tool
            .call(AUDIT)
            .args("--resume --source")
            .arg(&gateway.url())
            .key();
        let running = call.start();
        if kill % 5 == 0 {
            // Some runs are killed before the first query, or while they read the partial file.
            std::thread::sleep(std::time::Duration::from_millis(random.u64(0..60)));
        } else {
            gateway.wait_for_calls(gateway.calls() + random.usize(1..18));
        }
        running.signal("KILL");
        drop(running);
    }
    assert!(!tool.has("r.ndjson"), "killed before its end");
    tool.call(AUDIT)
        .args("--resume --source")
        .arg(&gateway.url())
        .key()
        .ends(1);
    let twice = gateway.calls() - 986;
    assert!(twice <= KILLS * 4, "{twice} calls were made twice");
    let rows: Vec<_> = tool
        .read("r.ndjson")
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["row"].as_u64())
        .collect();
    assert_eq!(rows, (1..=1000).collect::<Vec<_>>(), "every row once");
    tool.call("verify r.ndjson").ends(0);
    let whole = Tool::new();
    whole
        .call(AUDIT)
        .args("--source")
        .arg(&gateway.url())
        .key()
        .ends(1);
    for report in ["m.csv", "bad.csv"] {
        assert!(
            essence(&tool, report, &gateway) == essence(&whole, report, &gateway),
            "{report} differs"
        );
    }
}

#[test]
fn what_got_no_answer_is_asked_again_and_nothing_else() {
    let tool = Tool::new();
    let broken = |call: Call<'_>| {
        (call.number <= 5 && call.msg_id.ends_with('2')).then_some(Fault::Internal)
    };
    let gateway = some_messages(&tool, 3, Gateway::setup().plan(broken)).start();
    let said = audit(&tool, &gateway, "--rate max --max-attempts 1").ends(3);
    assert!(
        said.stderr
            .contains("the same command with --resume asks about them again"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 3);
    // The gateway fails again, then works.
    audit(&tool, &gateway, "--rate max --max-attempts 2 --resume").ends(3);
    assert_eq!(gateway.calls(), 5);
    audit(&tool, &gateway, "--rate max --resume").ends(0);
    assert_eq!(gateway.calls(), 6);
    let said = audit(&tool, &gateway, "--rate max --resume").ends(0);
    assert_eq!(gateway.calls(), 6);
    let says = "out.results.ndjson is whole and every message in it answered: nothing is asked";
    assert!(said.stderr.contains(says), "{}", said.stderr);
    let verdicts: Vec<_> = table(&tool.read("out.csv"))
        .iter()
        .map(|row| row["message_verdict"].clone())
        .collect();
    assert_eq!(verdicts, ["reconciled"; 3]);
}

#[test]
fn without_a_flag_or_with_another_query_a_resume_is_refused() {
    let tool = Tool::new();
    let late = |call: Call<'_>| (call.number == 6).then_some(Fault::Forbidden);
    let gateway = some_messages(&tool, 40, Gateway::setup().plan(late)).start();
    let said = audit(&tool, &gateway, "--rate max --concurrency 1").ends(3);
    assert!(
        said.stderr
            .contains("run the same command with --resume to continue"),
        "{}",
        said.stderr
    );

    let refused = |flags: &str, says: &[&str]| {
        let said = audit(&tool, &gateway, flags).ends(2);
        for part in says {
            assert!(said.stderr.contains(part), "{flags}: {}", said.stderr);
        }
        assert_eq!(
            (gateway.calls(), tool.has("out.csv")),
            (6, false),
            "{flags}"
        );
    };
    let unfinished = "out.results.ndjson.partial holds the answers of an unfinished run";
    refused("--rate max", &[unfinished, "--resume", "--restart"]);
    refused("--resume --restart", &["cannot be used with"]);
    refused(
        "--resume --instance MQ_INST_1_A",
        &["--instance was not given, now `MQ_INST_1_A`"],
    );
    refused("--resume --expect GID_b", &["other groups are expected"]);
    refused(
        "--resume --producer-zone UTC",
        &["--producer-zone was `+08:00`, now `UTC`"],
    );
    let elsewhere = Gateway::setup().start();
    let said = tool
        .call("audit in.csv -o out.csv --resume --source")
        .arg(&elsewhere.url())
        .key()
        .ends(2);
    assert!(
        said.stderr.contains("the source was `http://127.0.0.1:"),
        "{}",
        said.stderr
    );
    let list = tool.read("in.csv");
    tool.write("in.csv", list.replacen(",orders", ",payments", 1));
    refused("--resume", &["the SHA-256 of input in.csv was `"]);
    tool.write("in.csv", list);

    let left = tool.read("out.results.ndjson.partial");
    let edited = left.replacen("\"msg_id\":\"AC10", "\"msg_id\":\"AC11", 1);
    tool.write("out.results.ndjson.partial", edited);
    refused("--resume", &["an ID, a topic or an instance in it is not"]);
    tool.write("out.results.ndjson.partial", left);

    audit(&tool, &gateway, "--rate max --resume").ends(0);
    assert_eq!(gateway.calls(), 41, "and what was refused did no harm");
    assert_eq!(elsewhere.calls(), 0);
}

#[test]
fn a_finished_file_is_resumed_only_unchanged_and_by_its_run() {
    let tool = Tool::new();
    let broken = |call: Call<'_>| (call.number == 2).then_some(Fault::Internal);
    let gateway = some_messages(&tool, 5, Gateway::setup().plan(broken)).start();
    audit(&tool, &gateway, "--rate max --max-attempts 1").ends(3);
    audit(&tool, &gateway, "--rate max --resume").ends(0);
    let results_file = tool.read("out.results.ndjson");
    let report = tool.read("out.csv");
    assert_eq!(gateway.calls(), 6);

    let refused = |flags: &str, says: &str, hint: &str| {
        let said = audit(&tool, &gateway, flags).ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(said.stderr.contains(hint), "{flags}: {}", said.stderr);
        assert_eq!(gateway.calls(), 6, "{flags}");
        assert_eq!(tool.read("out.csv"), report, "{flags}");
    };
    refused(
        "--resume --expect GID_b",
        "out.results.ndjson holds the answers of another run: other groups are expected",
        "hint: `ons-audit report out.results.ndjson` with the same --expect",
    );
    refused(
        "--resume --topic orders",
        "--topic was not given, now `orders`",
        "hint: name another results file with --results",
    );

    // Changed lines are neither reported nor packed, whether queries are unanswered or not.
    let changed = results_file.replacen("CONSUMED", "UNKNOWN_", 1);
    let kept = tool
        .names()
        .into_iter()
        .find(|name| name.starts_with("out.results.2"));
    let kept = kept.expect("the results file of the first run");
    let unanswered = tool.read(&kept).replacen("CONSUMED", "UNKNOWN_", 1);
    for changed in [changed, unanswered] {
        tool.write("out.results.ndjson", &changed);
        refused(
            "--rate max --resume --bundle all.zip",
            "out.results.ndjson was changed after it was sealed",
            "hint: don't rely on this file",
        );
        assert!(!tool.has("all.zip") && !tool.has("out.results.ndjson.partial"));
        assert_eq!(tool.read("out.results.ndjson"), changed);
    }
}

#[test]
fn restart_asks_everything_again() {
    let tool = Tool::new();
    let late = |call: Call<'_>| (call.number == 6).then_some(Fault::Forbidden);
    let gateway = some_messages(&tool, 10, Gateway::setup().plan(late)).start();
    audit(&tool, &gateway, "--rate max --concurrency 1").ends(3);
    audit(&tool, &gateway, "--rate max --restart").ends(0);
    assert_eq!(gateway.calls(), 16);
    tool.call("verify out.results.ndjson").ends(0);
}
