//! An audit that is stopped by a signal: answers are kept, and no file looks complete.

use std::time::{Duration, Instant};

use super::gateway::{Call, Fault, Gateway};
use super::running::Running;
use super::tool::{PATIENCE, Tool};

/// Number of calls that the gateway answers before it holds the others.
pub(super) const ANSWERED: usize = 5;

pub(super) fn gateway() -> Gateway {
    let slow = |call: Call<'_>| (call.number > ANSWERED).then_some(Fault::Held);
    Gateway::setup().plan(slow).start()
}

/// Starts an audit with four unanswered calls in flight.
fn in_flight(tool: &Tool, gateway: &Gateway) -> Running {
    let call = tool.call(
        "audit samples/incident.csv --results kept.ndjson --rate max --concurrency 4 --source",
    );
    let running = call.arg(&gateway.url()).key().start();
    gateway.wait_for_calls(ANSWERED + 4);
    running
}

/// Checks that the partial results file has complete lines, and this many answers.
#[track_caller]
pub(super) fn kept(tool: &Tool, answers: usize) {
    assert_eq!(tool.names(), ["kept.ndjson.partial"]);
    assert_eq!(tool.mode("kept.ndjson.partial"), 0o600);
    let text = tool.read("kept.ndjson.partial");
    assert!(text.ends_with("}\n"));
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines[0]["schema"], "ons-audit/1");
    assert_eq!(
        lines[1..]
            .iter()
            .filter(|line| line.get("tracks").is_some())
            .count(),
        answers
    );
    tool.call("verify kept.ndjson.partial").ends(2);
}

fn stopped_by(signal: &str) {
    let (tool, gateway) = (Tool::new(), gateway());
    let mut running = in_flight(&tool, &gateway);
    running.signal(signal);
    running.hear("stopping: waiting up to 5 s for the answers in flight; press Ctrl-C again to stop immediately");
    gateway.release();
    let (stdout, stderr) = running.ends(3);
    assert_eq!(stdout, "", "no report of a part");
    assert_eq!(gateway.calls(), ANSWERED + 4, "no new questions");
    let answers = ANSWERED + 4;
    let says = format!("{answers} of 1,000 rows are done ({answers} answered");
    assert!(stderr.contains(&says), "{stderr}");
    let kept_where =
        ") and kept in kept.ndjson.partial; run the same command with --resume to continue\n";
    assert!(stderr.contains(kept_where), "{stderr}");
    kept(&tool, answers);

    // The next run does not overwrite it, and says what to do.
    let again = tool.call("audit samples/incident.csv --results kept.ndjson --source");
    let said = again.arg(&gateway.url()).key().ends(2);
    assert!(
        said.stderr
            .contains("error: kept.ndjson.partial holds the answers of an unfinished run"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("asking about"), "{}", said.stderr);
    assert!(
        said.stderr
            .contains("\nhint: continue with --resume, or throw them away with --restart"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), answers);
    kept(&tool, answers);
}

#[test]
fn an_interrupt_waits_for_the_answers_in_flight() {
    stopped_by("INT");
}

#[test]
fn so_does_a_request_to_terminate() {
    stopped_by("TERM");
}

#[test]
fn and_so_does_a_lost_terminal() {
    stopped_by("HUP");
}

#[test]
fn nohup_is_respected() {
    let (tool, gateway) = (Tool::new(), gateway());
    let call =
        tool.call("audit samples/incident.csv -o out.csv --rate max --concurrency 4 --source");
    let call = call.arg(&gateway.url()).key();
    let running = call.under("trap '' HUP; exec \"$@\"").start();
    gateway.wait_for_calls(ANSWERED + 4);
    running.signal("HUP");
    gateway.release();
    running.ends(1);
    assert_eq!(gateway.calls(), 986);
}

#[test]
fn a_second_interrupt_does_not_wait() {
    let (tool, gateway) = (Tool::new(), gateway());
    let mut running = in_flight(&tool, &gateway);
    running.signal("INT");
    running.hear("stopping:");
    running.signal("INT");
    // The gateway still holds its answers.
    let (stdout, _) = running.ends(3);
    assert_eq!(stdout, "");
    kept(&tool, ANSWERED);
}

#[test]
fn a_kill_loses_no_answer_that_had_arrived() {
    let (tool, gateway) = (Tool::new(), gateway());
    let running = in_flight(&tool, &gateway);
    // The answers are in the file while the run waits for others.
    let began = Instant::now();
    let partial = || tool.read("kept.ndjson.partial");
    while partial().matches("\"tracks\":").count() < ANSWERED {
        assert!(began.elapsed() < PATIENCE, "{}", partial());
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal("KILL");
    drop(running);
    kept(&tool, ANSWERED);
}

#[test]
fn two_runs_do_not_write_one_record() {
    let (tool, gateway) = (Tool::new(), gateway());
    let running = in_flight(&tool, &gateway);
    let second =
        tool.call("audit samples/incident.csv --results kept.ndjson --source samples/cluster.json");
    let said = second.ends(2);
    assert!(
        said.stderr
            .contains("another run is writing kept.ndjson.partial"),
        "{}",
        said.stderr
    );
    assert_eq!(said.stdout, "");
    running.signal("TERM");
    gateway.release();
    running.ends(3);
}

#[test]
fn a_reader_that_hangs_does_not_hold_up_who_wants_out() {
    for signal in ["INT", "TERM"] {
        let tool = Tool::new();
        // Its report is longer than a pipe holds, and the pipe is not read.
        let mut run = tool
            .call("audit samples/incident.csv --source samples/cluster.json --results r.ndjson")
            .start();
        while !tool.has("r.ndjson") {
            std::thread::yield_now();
        }
        // The signal may arrive in the moment when the last query ends, so it may need to be sent again.
        let told = "error: stopped as asked";
        let is_told = (0..100).any(|_| {
            run.signal(signal);
            run.hears_soon(told)
        });
        assert!(is_told, "{signal} is not heard");
        run.hear("hint: the results file is whole: `ons-audit report r.ndjson` makes the reports");
        run.ends(3);
        tool.call("verify r.ndjson").ends(0);
    }
}

#[test]
fn what_a_kill_leaves_is_removed_by_the_next_run() {
    let tool = Tool::new();
    let audit =
        "audit samples/incident.csv --source samples/cluster.json --worklist w -o r.xlsx --results";
    // The report on standard output is longer than a pipe holds, so the run is in the middle of its reports.
    let killed = tool.call(&format!("{audit} killed.ndjson -o -")).start();
    let began = Instant::now();
    while !tool.has("killed.ndjson") {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    let temporary = || {
        let names = tool.names().into_iter();
        names.filter(|name| name.starts_with(".ons-audit-"))
    };
    assert_eq!(temporary().count(), 3, "workbook, worklist and its guard");
    tool.call("report killed.ndjson -o r.csv").ends(1);
    assert_eq!(temporary().count(), 3, "they are in use");
    killed.signal("KILL");
    drop(killed);
    assert_eq!(temporary().count(), 3, "they were left");
    let said = tool.call("report killed.ndjson -o r.csv").ends(1);
    let removed = "temporary files of killed runs removed from [FOLDER]: 2";
    let stderr = said.plain_stderr();
    assert!(stderr.contains(removed), "{stderr}");
    assert_eq!(tool.names(), ["killed.ndjson", "r.csv"]);
}

/// The step `faults` of `.ci/run` runs it.
#[test]
#[ignore = "takes more than a minute; the step `faults` of .ci/run runs it"]
fn a_process_that_was_stopped_for_a_minute_loses_nothing_and_makes_no_burst() {
    let tool = Tool::new();
    let gateway = super::audit_http::some_messages(&tool, 200, Gateway::setup()).start();
    let call = tool.call("audit in.csv --results kept.ndjson -o out.csv --rate 10 --source");
    let running = call.arg(&gateway.url()).key().start();
    gateway.wait_for_calls(25);
    running.signal("STOP");
    std::thread::sleep(Duration::from_mins(1));
    running.signal("CONT");
    let (_, stderr) = running.ends(0);
    assert!(stderr.contains("messages     200 reconciled"), "{stderr}");
    tool.call("verify kept.ndjson").ends(0);
    let arrivals = gateway.arrivals();
    assert!(arrivals.len() <= 200 + 8, "{} calls", arrivals.len());
    let gaps = arrivals.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(
        gaps.max() >= Some(Duration::from_secs(58)),
        "it was stopped"
    );
    // Calls begin 100 ms apart; on their way they may be delayed by a little.
    let soonest = arrivals.windows(12).map(|calls| calls[11] - calls[0]).min();
    assert!(soonest >= Some(Duration::from_secs(1)), "{soonest:?}");
}
