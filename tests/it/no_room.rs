//! Files that cannot be written: the error names the file, answers are kept, and the exit status is 3.

use std::fs;

use super::audit_http::{audit, some_messages};
use super::gateway::{Call, Fault, Gateway};
use super::tool::Tool;

#[test]
fn a_results_file_that_cannot_grow_keeps_its_answers() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 400, Gateway::setup()).start();
    let said = audit(&tool, &gateway, "--rate max --concurrency 4")
        .under("ulimit -f 40; exec \"$@\"")
        .ends(3);
    for part in [
        "error: can't write out.results.ndjson: File too large",
        "the answers so far are in out.results.ndjson.partial; make room, then run the same command with --resume to continue",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    assert_eq!(tool.names(), ["in.csv", "out.results.ndjson.partial"]);
    let lines = tool
        .read("out.results.ndjson.partial")
        .matches("\"tracks\":")
        .count();
    assert!(lines > 50, "{lines}");
    audit(&tool, &gateway, "--rate max --resume").ends(0);
    assert!(gateway.calls() <= 400 + 8, "{} calls", gateway.calls());
    tool.call("verify out.results.ndjson").ends(0);
}

#[test]
fn a_report_that_finds_no_room_can_be_made_again() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    let call = tool.call("audit in.csv --results r.ndjson -o /dev/full --rate max --source");
    let said = call.arg(&gateway.url()).key().ends(3);
    for part in [
        "error: can't write /dev/full: No space left on device",
        "hint: make room, or name a file elsewhere; the results file is whole: `ons-audit report r.ndjson -o /dev/full`",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    tool.call("verify r.ndjson").ends(0);
    tool.call("report r.ndjson -o again.csv").ends(0);
}

#[test]
fn a_report_that_outgrows_its_limit_is_an_error_and_leaves_nothing() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json --results r.ndjson";
    tool.call(&format!("{audit} -o first.csv")).ends(1);
    let before = tool.names();
    let said = tool
        .call("report r.ndjson -o big.csv")
        .under("ulimit -f 40; exec \"$@\"")
        .ends(3);
    let told = "error: can't write big.csv: File too large";
    assert!(said.stderr.contains(told), "{}", said.stderr);
    assert_eq!(tool.names(), before);
}

#[test]
fn a_reader_that_goes_away_costs_only_its_own_report() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    let call = tool.call("audit in.csv --results r.ndjson --rate max --source");
    let call = call.arg(&gateway.url()).key();
    let said = call.under("{ \"$@\"; echo $? > status; } | true").ends(0);
    assert_eq!(tool.read("status"), "3\n", "{}", said.stderr);
    for part in [
        "error: can't write standard output: Broken pipe",
        "hint: the reader has closed the pipe; the results file is whole: `ons-audit report r.ndjson -o -`",
    ] {
        assert!(said.stderr.contains(part), "{}", said.stderr);
    }
    tool.call("verify r.ndjson").ends(0);
    for (command, hint) in [
        ("report r.ndjson", "the results file is whole"),
        ("diff r.ndjson r.ndjson", "both results files are whole"),
    ] {
        let call = tool.call(command);
        let said = call.under("{ \"$@\"; echo $? > status; } | true").ends(0);
        assert_eq!(tool.read("status"), "3\n", "{}", said.stderr);
        let hint = format!("\nhint: the reader has closed the pipe; {hint}");
        assert!(said.stderr.contains(&hint), "{}", said.stderr);
        assert!(!said.stderr.contains("make room"), "{}", said.stderr);
    }
}

#[test]
fn a_report_that_fails_takes_no_other_with_it() {
    let tool = Tool::new();
    fs::create_dir(tool.path("gone")).unwrap();
    let slow = |call: Call<'_>| {
        (call.number > 3).then_some(Fault::Slow(std::time::Duration::from_millis(5)))
    };
    let gateway = some_messages(&tool, 100, Gateway::setup().plan(slow)).start();
    let call = tool.call(
        "audit in.csv --results r.ndjson -o a.csv -o gone/b.json -o c.html -o gone/d.xlsx --worklist w --lang zh --bom \
         --bundle e.zip --metrics m.prom --rate max --concurrency 2 --source",
    );
    let running = call.arg(&gateway.url()).key().start();
    gateway.wait_for_calls(5);
    fs::remove_dir_all(tool.path("gone")).unwrap();
    let (_, stderr) = running.ends(3);
    let why = "No such file or directory";
    for part in [
        "no group that answered missed any of the 100 messages",
        "error: 3 outputs could not be written:\n",
        &format!("  - can't write gone/b.json: {why}\n  - can't write gone/d.xlsx: {why}\n"),
        "  - e.zip was not written, because it would lack gone/b.json, gone/d.xlsx\n",
        "hint: make its folder again, or name another; the results file is whole: `ons-audit report r.ndjson \
         -o a.csv -o gone/b.json -o c.html -o gone/d.xlsx --worklist w --bundle e.zip --bom --lang=zh`",
        "asks nothing again",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let made = ["a.csv", "c.html", "in.csv", "m.prom", "r.ndjson", "w"];
    assert_eq!(tool.names(), made);
    let metrics = tool.read("m.prom");
    for line in [
        "ons_audit_last_run_exit_status{audit=\"m\"} 3.0\n",
        "ons_audit_last_run_complete{audit=\"m\"} 1.0\n",
        "ons_audit_messages{audit=\"m\",verdict=\"reconciled\"} 100.0\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains("last_success"), "{metrics}");
    tool.call("verify r.ndjson").ends(0);
    assert_eq!(gateway.calls(), 100);
}

#[test]
fn rendering_again_and_comparing_write_what_they_can() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json --results r.ndjson";
    tool.call(&format!("{audit} -o whole.csv")).ends(1);
    for (command, error, made) in [
        (
            "report r.ndjson -o big.csv -o small.json --bundle e.zip",
            "error: 2 outputs could not be written:\n  - can't write big.csv: File too large\n  - e.zip was not written, \
             because it would lack big.csv\nhint: make room, or name a file elsewhere; the results file is whole: \
             the same command makes the reports again",
            "small.json",
        ),
        (
            "report r.ndjson -o ticket.md --bundle e.zip",
            "error: can't write e.zip: File too large\nhint: make room, or name a file elsewhere; the results file is \
             whole: the same command makes the reports again",
            "ticket.md",
        ),
        (
            "report r.ndjson -o - -o page.json",
            "error: can't write standard output: No space left on device\nhint: make room, or name a file elsewhere; \
             the results file is whole: the same command makes the reports again",
            "page.json",
        ),
        (
            "diff r.ndjson r.ndjson -o - -o same.json",
            "error: can't write standard output: No space left on device\nhint: make room, or name a file elsewhere; \
             both results files are whole: compare them again",
            "same.json",
        ),
    ] {
        let script = "ulimit -f 40; exec \"$@\" >/dev/full";
        let said = tool.call(command).under(script).ends(3);
        assert!(said.stderr.contains(error), "{command}: {}", said.stderr);
        assert!(!said.stderr.contains("ZipWriter"), "{}", said.stderr);
        assert!(tool.has(made), "{command}");
        assert!(!tool.has("big.csv") && !tool.has("e.zip"), "{command}");
    }
}

#[test]
fn a_removed_results_file_ends_the_run_at_once() {
    let tool = Tool::new();
    fs::create_dir(tool.path("sub")).unwrap();
    let slow = |call: Call<'_>| {
        (call.number > 3).then_some(Fault::Slow(std::time::Duration::from_millis(50)))
    };
    let gateway = some_messages(&tool, 4000, Gateway::setup().plan(slow)).start();
    let call = tool.call("audit in.csv --results sub/r.ndjson --rate max --concurrency 2 --source");
    let running = call.arg(&gateway.url()).key().start();
    gateway.wait_for_calls(5);
    fs::remove_dir_all(tool.path("sub")).unwrap();
    let (stdout, stderr) = running.ends(3);
    assert_eq!(stdout, "");
    for part in [
        "the file was removed while the run wrote to it",
        "the partial file is gone",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
    assert!(
        gateway.calls() < 1000,
        "{} calls were wasted",
        gateway.calls()
    );
}

#[test]
fn an_unwritable_results_file_is_refused_before_any_query() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    fs::create_dir(tool.path("out.results.ndjson.partial")).unwrap();
    for flag in ["", "--resume", "--restart"] {
        let said = audit(&tool, &gateway, flag).ends(2);
        assert!(
            said.stderr.contains("out.results.ndjson.partial"),
            "{flag}: {}",
            said.stderr
        );
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_stderr_that_is_full_or_gone_ends_no_run() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    for (nth, script) in ["exec \"$@\" 2>/dev/full", "exec \"$@\" 2>&1 >out | true"]
        .into_iter()
        .enumerate()
    {
        let call = tool.call("audit in.csv --rate max --log-format json --source");
        let call = call.arg(&gateway.url()).key();
        let results = format!("--results r{nth}.ndjson -o r{nth}.csv");
        call.args(&results).under(script).ends(0);
        let began = std::time::Instant::now();
        while !tool.has(&format!("r{nth}.csv")) {
            assert!(began.elapsed() < super::tool::PATIENCE, "{script}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        tool.call(&format!("verify r{nth}.ndjson")).ends(0);
    }
}

#[test]
fn a_results_file_is_a_regular_file() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 3, Gateway::setup()).start();
    let call = tool.call("audit in.csv --results /dev/full -o out.csv --source");
    let said = call.arg(&gateway.url()).key().ends(2);
    assert!(
        said.stderr.contains("/dev/full: it is not a regular file"),
        "{}",
        said.stderr
    );
    for command in ["report", "verify"] {
        let said = tool.call(command).args("/dev/zero").ends(2);
        assert!(
            said.stderr.contains("it is not a regular file"),
            "{}",
            said.stderr
        );
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_folder_that_is_missing_is_what_the_error_names() {
    let tool = Tool::new();
    let missing = "can't write t2/a.csv: the folder t2 does not exist\nhint: make it (mkdir -p t2)";
    let audit = "audit samples/incident.csv --source samples/cluster.json";
    for (command, says) in [
        (format!("{audit} -o t2/a.csv"), missing),
        (
            format!("{audit} -o t2/a.csv --metrics t2/x.prom"),
            "the folder t2 does not exist\nhint: make it (mkdir -p t2)",
        ),
        (
            format!("{audit} --results t2/r.ndjson -o a.csv"),
            "the folder t2 does not exist\nhint: make it (mkdir -p t2)",
        ),
        (
            format!("{audit} --worklist t2/w"),
            "can't write t2/w: the folder t2 does not exist",
        ),
    ] {
        let said = tool.call(&command).ends(2);
        assert!(said.stderr.contains(says), "{command}: {}", said.stderr);
        assert!(!said.stderr.contains("asking about"), "{}", said.stderr);
        assert!(!said.stderr.contains(".ons-audit-"), "{}", said.stderr);
        assert_eq!((said.stdout.as_str(), tool.names().len()), ("", 0));
    }
}

#[test]
fn every_limit_of_open_files_is_an_error_that_names_it() {
    let tool = Tool::new();
    let targets = "-o r.xlsx -o r.html -o r.csv --bundle r.zip --worklist w --matrix m.csv";
    let audit =
        format!("audit samples/incident.csv --source samples/cluster.json --restart {targets}");
    let mut statuses = std::collections::BTreeSet::new();
    for limit in 5..32 {
        let script = format!("(ulimit -n {limit}; exec \"$@\"); echo $? > status");
        let said = tool.call(&audit).under(&script).ends(0);
        let status = tool.read("status");
        if status != "1\n" {
            for part in ["\nerror: ", "Too many open files", "`ulimit -n 1024`"] {
                let stderr = format!("\n{}", said.stderr);
                assert!(stderr.contains(part), "{limit}: {stderr}");
                assert!(!stderr.contains(".ons-audit-"), "{limit}: {stderr}");
            }
        }
        statuses.insert(status);
    }
    let kinds = ["1\n", "2\n", "3\n"].map(str::to_owned);
    assert_eq!(statuses, kinds.into());
}

#[test]
fn few_open_files_lower_the_concurrency_and_nothing_else() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    let audit = "audit samples/incident.csv --rate max --concurrency 200 -o r.csv --source";
    for (limit, says) in [
        (
            60,
            Some("concurrency 20 instead of 200: only 60 files may be open at once"),
        ),
        (1024, None),
    ] {
        let call = tool.call(audit).arg(&gateway.url()).key();
        let script = format!("ulimit -S -n 24; ulimit -H -n {limit}; exec \"$@\"");
        let said = call.args("--restart").under(&script).ends(1);
        assert_eq!(said.stderr.contains("files may be open"), says.is_some());
        assert!(
            said.stderr.contains(says.unwrap_or_default()),
            "{}",
            said.stderr
        );
        assert!(!tool.read("r.csv").contains("unanswered"));
    }
}

#[test]
fn an_error_names_the_outputs_that_it_leaves_as_they_were() {
    let tool = Tool::new();
    let audit =
        "audit samples/incident.csv --source samples/cluster.json -o r.csv -o r.json --worklist w";
    tool.call(audit).ends(1);
    for name in ["r.csv", "w", "r.results.ndjson"] {
        let file = fs::File::open(tool.path(name)).unwrap();
        let day = std::time::Duration::from_hours(24);
        file.set_modified(file.metadata().unwrap().modified().unwrap() - day)
            .unwrap();
    }
    fs::remove_file(tool.path("r.json")).unwrap();
    let hint =
        "hint: this run did not replace r.csv (1 d old), w (1 d old), r.results.ndjson (1 d old)\n";
    for (refused, source) in [
        ("--expect-file missing.csv", "samples/cluster.json"),
        ("--rate many", "samples/cluster.json"),
        ("", "ons://cn-hangzhou"),
    ] {
        let call = tool.call(&audit.replace("samples/cluster.json", source));
        let said = call.args(refused).ends(2);
        assert!(said.stderr.ends_with(hint), "{}", said.stderr);
    }
    let said = tool.call("report missing.ndjson -o r.csv").ends(2);
    let hint = "hint: this run did not replace r.csv (1 d old)\n";
    assert!(said.stderr.ends_with(hint), "{}", said.stderr);
    let said = tool.call(audit).ends(1);
    assert!(!said.stderr.contains("did not replace"), "{}", said.stderr);
    // An input is no earlier report.
    let input = "audit samples/incident.csv --source samples/cluster.json -o samples/incident.csv";
    let said = tool.call(input).ends(2);
    assert!(!said.stderr.contains("did not replace"), "{}", said.stderr);
}
