//! Several runs that share one quota.

use std::time::{Duration, Instant};

use super::audit_http::some_messages;
use super::gateway::{Call, Fault, Gateway};
use super::running::Running;
use super::tool::Tool;

/// Starts a run over `in.csv`.
fn run(tool: &Tool, gateway: &Gateway, nth: usize) -> Running {
    let call = tool
        .call("audit in.csv --rate 20/s --quota-file quota --source")
        .arg(&gateway.url());
    call.args(&format!("-o out{nth}.csv")).key().start()
}

#[test]
fn three_runs_never_exceed_one_rate_together() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 20, Gateway::setup()).start();
    let runs: Vec<_> = (1..=3).map(|nth| run(&tool, &gateway, nth)).collect();
    for run in runs {
        run.ends(0);
    }
    let arrivals = gateway.arrivals();
    assert_eq!(arrivals.len(), 60);
    // A call needs some time from its permit to the gateway, and more on a busy machine.
    let late = Duration::from_millis(300);
    for window in arrivals.windows(21) {
        let second = window[20] - window[0] + late;
        assert!(second >= Duration::from_secs(1), "21 calls in {second:?}");
    }
    let all = arrivals[59] - arrivals[0] + late;
    assert!(all >= Duration::from_millis(59 * 50), "{all:?}");
    assert_eq!(tool.mode("quota"), 0o600);
}

#[test]
fn a_run_that_is_killed_leaves_the_quota_to_the_others() {
    let tool = Tool::new();
    let held = |call: Call<'_>| (call.number == 1).then_some(Fault::Held);
    let gateway = some_messages(&tool, 5, Gateway::setup().plan(held)).start();
    let killed = run(&tool, &gateway, 1);
    gateway.wait_for_calls(1);
    killed.signal("KILL");
    drop(killed);
    run(&tool, &gateway, 2).ends(0);
}

/// Checks that the lock of a crashed run is released.
#[test]
fn a_holder_that_crashes_holds_up_nobody() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 2, Gateway::setup()).start();
    let holder = std::process::Command::new("flock")
        .args(["--no-fork", "quota", "sleep", "60"])
        .current_dir(tool.path("."))
        .spawn();
    let mut holder = holder.expect("flock(1) of util-linux");
    while !tool.has("quota") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut waits = run(&tool, &gateway, 1);
    waits.hear("waiting for the quota file quota: another process has kept it locked for 5 s");
    assert_eq!(gateway.calls(), 0);
    holder.kill().unwrap();
    holder.wait().unwrap();
    waits.ends(0);
    assert_eq!(gateway.calls(), 2);
}

#[test]
fn what_holds_one_run_holds_all() {
    let tool = Tool::new();
    let first = |call: Call<'_>| (call.number == 1).then_some(Fault::Throttled(Some(1500)));
    let gateway = some_messages(&tool, 1, Gateway::setup().plan(first)).start();
    let began = Instant::now();
    let one = run(&tool, &gateway, 1);
    gateway.wait_for_calls(1);
    // The second run's call may start before the first one's answer arrives, but not both of its calls.
    let two = run(&tool, &gateway, 2);
    one.ends(0);
    two.ends(0);
    assert!(began.elapsed() >= Duration::from_millis(1500));
    let text = tool.read("quota");
    assert!(
        text.contains("\"schema\":\"ons-audit-quota/1\"") && text.contains("\"knee\":"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let tool = Tool::new();
    for (flags, says) in [
        (
            "--rate max --quota-file quota",
            "no limit that runs could share",
        ),
        (
            "--quota-file samples/expected.csv",
            "samples/expected.csv is not a quota file",
        ),
        ("--quota-file no/quota", "can't use the quota file no/quota"),
    ] {
        let call = tool.call("audit samples/incident.csv --source http://127.0.0.1:9 -o a.csv");
        let said = call.args(flags).key().ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{flags}: {}", said.stderr);
        assert_eq!(tool.names(), [""; 0], "{flags}");
    }
}
