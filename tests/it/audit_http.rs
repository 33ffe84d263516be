//! An audit over HTTP: the answers are those of the snapshot, whatever the gateway does on the way.

use std::time::Duration;

use insta::assert_snapshot;

use super::gateway::{Call, Fault, Gateway, Setup, TOKEN};
use super::tool::{Row, Tool, table};

pub(crate) const AUDIT: &str =
    "audit samples/incident.csv --expect-file samples/expected.csv --accept filtered --rate max";

/// Returns the rows without what depends on the time or the source: when and how often a message was asked, and the
/// text for a missing message. Born times depend on the month of the run, too.
pub(crate) fn essence(csv: &str) -> Vec<Row> {
    let mut rows = table(csv);
    for row in &mut rows {
        for column in ["observed_at", "attempts", "request_id", "born_at"] {
            row.remove(column).unwrap();
        }
        if row["message_verdict"] == "not_found" {
            row.remove("error_message");
        }
    }
    rows
}

/// Audits the sample and compares the report with that of the snapshot. Returns the report.
pub(crate) fn same_as_snapshot(
    tool: &Tool,
    gateway: &Gateway,
    flags: &str,
    token: bool,
) -> Vec<Row> {
    let snapshot = "--source samples/cluster.json --examine none -o direct.csv";
    tool.call(AUDIT).args(snapshot).ends(1);
    let call = tool
        .call(AUDIT)
        .args("-o http.csv --source")
        .arg(&gateway.url())
        .args(flags)
        .key();
    let call = if token {
        call.env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN)
    } else {
        call
    };
    let said = call.ends(1);
    assert!(said.stderr.contains("280 break"), "{}", said.stderr);
    assert!(
        essence(&tool.read("http.csv")) == essence(&tool.read("direct.csv")),
        "{flags}"
    );
    tool.call("verify http.results.ndjson").ends(0);
    let report = table(&tool.read("http.csv"));
    for row in report
        .iter()
        .filter(|row| row["message_verdict"] != "rejected")
    {
        assert!(
            row["request_id"].starts_with("0A1B2C3D-0000-4000-8000-"),
            "{row:?}"
        );
        assert!(row["observed_at"].ends_with('Z'), "{row:?}");
    }
    report
}

#[test]
fn the_sample_signed_with_v3() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().start());
    let report = same_as_snapshot(&tool, &gateway, "", false);
    assert_eq!(
        gateway.calls(),
        986,
        "a call for each message and none for a duplicate"
    );
    assert_eq!(gateway.signatures(), ["v3"].into());
    assert!(
        report
            .iter()
            .all(|row| row["attempts"] == "1" || row["message_verdict"] == "rejected")
    );
}

#[test]
fn the_sample_signed_with_v1_and_a_security_token() {
    let (tool, gateway) = (Tool::new(), Gateway::setup().token(TOKEN).start());
    same_as_snapshot(&tool, &gateway, "--signature v1", true);
    assert_eq!(gateway.signatures(), ["v1"].into());
    assert_eq!(gateway.calls(), 986);
}

/// Returns a list of `count` messages, and a gateway that knows them. Their IDs have no born time.
pub(crate) fn some_messages(tool: &Tool, count: usize, setup: Setup) -> Setup {
    let id = |n: usize| format!("AC10323E00002A9F{n:016X}");
    let list: Vec<_> = (1..=count).map(|n| id(n) + ",orders\n").collect();
    tool.write("in.csv", format!("msg_id,topic\n{}", list.concat()));
    (1..=count).fold(setup, |setup, n| setup.knows("orders", &id(n), "GID_a"))
}

pub(crate) fn audit<'t>(tool: &'t Tool, gateway: &Gateway, flags: &str) -> super::tool::Call<'t> {
    let call = tool
        .call("audit in.csv -o out.csv --source")
        .arg(&gateway.url());
    call.args(flags).key()
}

#[test]
fn no_message_is_an_answer_under_either_status() {
    let tool = Tool::new();
    let never = |call: Call<'_>| Some(Fault::NoMessage([400, 404][call.number % 2]));
    let gateway = some_messages(&tool, 2, Gateway::setup().plan(never)).start();
    let said = audit(&tool, &gateway, "--rate max").ends(1);
    let next =
        "next         BIZ_NO_MESSAGE: check ID, topic and instance; messages are kept about 3 days";
    assert!(said.stderr.contains(next), "{}", said.stderr);
    for row in table(&tool.read("out.csv")) {
        assert_eq!(
            (&*row["message_verdict"], &*row["error_code"]),
            ("not_found", "BIZ_NO_MESSAGE")
        );
    }
    assert_eq!(gateway.calls(), 2, "nothing was asked twice");
}

#[test]
fn the_rate_holds() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 11, Gateway::setup()).start();
    let began = std::time::Instant::now();
    audit(&tool, &gateway, "--rate 10/s").ends(0);
    assert!(
        began.elapsed() >= Duration::from_secs(1),
        "ten calls after the first take a second"
    );
}

#[test]
fn a_quiet_run_that_ends_well_says_nothing() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 2, Gateway::setup()).start();
    let said = audit(&tool, &gateway, "--rate max --quiet").ends(0);
    assert_eq!((&*said.stdout, &*said.stderr), ("", ""));
}

#[test]
fn a_run_says_what_it_does_and_what_came_out() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 2, Gateway::setup()).start();
    let said = audit(&tool, &gateway, "--rate max").ends(0);
    // Both answers may arrive in one millisecond.
    let said = said
        .plain_stderr()
        .replace("as of [TIME] UTC", "observed [TIME] to [TIME] UTC");
    assert_snapshot!(said.replace(&gateway.url(), "[GATEWAY]"), @r"
     INFO in.csv: message ID from `msg_id`, topic from `topic`
     INFO asking [GATEWAY] with access key LTA***Key from environment
     INFO asking about 2 messages (2 rows, 0 duplicates, 0 rejected)
    no group that answered missed any of the 2 messages (no expectations were given)

     group  passed  filtered  open  undetermined  absent  missed messages were produced (UTC)
     GID_a       2         0     0             0       0

    messages     2 reconciled
    totals       2 rows = 2 distinct + 0 duplicates + 0 rejected
                 2 distinct = 2 answered + 0 not found + 0 unanswered (they tie)
    evidence     source [GATEWAY], observed [TIME] to [TIME] UTC
    calls        2 (0 retries, 0 throttled)
    expectations none; a group that was never started is invisible, use --expect or --expect-file; filtered messages were accepted
    ");
}
