//! Partial files that the version before the module `results` wrote (commit 6291018) can be resumed. Only the port of
//! the source is replaced in their headers, since each test server has its own.

use super::gateway::{Gateway, KEY_ID};
use super::rocketmq::cluster::{Cluster, Message};
use super::rocketmq::state;
use super::tool::{Tool, table};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/partial");

fn data(name: &str) -> String {
    std::fs::read_to_string(format!("{FOLDER}/{name}")).unwrap()
}

/// Returns a file of the earlier version whose header names `source`.
fn of_source(name: &str, source: &str) -> String {
    let text = data(name);
    let (before, after) = text.split_once("\"source\":\"").unwrap();
    let (_, after) = after.split_once('"').unwrap();
    format!("{before}\"source\":\"{source}\"{after}")
}

/// Seals the lines of a results file again after its header was changed.
pub(crate) fn sealed(text: &str) -> String {
    let lines = text.trim_end().rfind('\n').unwrap() + 1;
    let hash = ring::digest::digest(&ring::digest::SHA256, &text.as_bytes()[..lines]);
    let hash = data_encoding::HEXLOWER.encode(hash.as_ref());
    let (before, _) = text[lines..].split_once("\"sha256\":\"").unwrap();
    format!("{}{before}\"sha256\":\"{hash}\"}}\n", &text[..lines])
}

/// Returns the rows of a report without what a fresh run has of its own. The earlier version took born times from IDs, mqadmin's word depends on the port of the
/// broker that stored a message, and later versions may change error messages.
fn rows(tool: &Tool) -> Vec<super::tool::Row> {
    let mut rows = table(&tool.read("out.csv"));
    for row in &mut rows {
        for own in [
            "observed_at",
            "request_id",
            "attempts",
            "born_at",
            "mqadmin_track_type",
            "error_message",
        ] {
            row.remove(own);
        }
    }
    rows
}

/// Compares row by row, so that a failure shows the first difference only.
fn assert_same(resumed: &[super::tool::Row], fresh: &[super::tool::Row]) {
    assert_eq!(resumed.len(), fresh.len());
    for (resumed, fresh) in resumed.iter().zip(fresh) {
        assert_eq!(resumed, fresh);
    }
}

#[test]
fn a_partial_file_of_an_api_audit_is_resumed() {
    let gateway = Gateway::setup().start();
    let (fresh, resumed) = (Tool::new(), Tool::new());
    for tool in [&fresh, &resumed] {
        tool.write("in.csv", data("asked.csv"));
    }
    let partial = of_source("asked.partial.ndjson", &gateway.url());
    let settled = partial.lines().count() - 1;
    resumed.write_private("out.results.ndjson.partial", &partial);
    let call = "audit in.csv -o out.csv --rate max --source";
    fresh.call(call).arg(&gateway.url()).key().ends(1);
    let before = gateway.calls();
    let said = resumed
        .call(call)
        .arg(&gateway.url())
        .args("--resume")
        .key()
        .ends(1);
    let wanted = format!("{settled} of 42 rows are done");
    assert!(said.stderr.contains(&wanted), "{}", said.stderr);
    assert!(gateway.calls() - before < before, "{KEY_ID} asked again");
    assert_same(&rows(&resumed), &rows(&fresh));
}

/// Returns a cluster with messages at the positions in the files.
fn cluster() -> Cluster {
    let mut state = state();
    state.messages = (0..8).map(Message::nth).collect();
    Cluster::start(state)
}

fn fresh_rows(cluster: &Cluster) -> Vec<super::tool::Row> {
    let tool = Tool::new();
    tool.write("in.csv", data("in.csv"));
    let call = tool.call("audit in.csv -o out.csv --source");
    call.arg(&cluster.source()).ends(1);
    rows(&tool)
}

#[test]
fn a_partial_file_of_the_lookup_stage_is_resumed() {
    let (tool, cluster) = (Tool::new(), cluster());
    tool.write("in.csv", data("in.csv"));
    let partial = of_source("located.partial.ndjson", &cluster.source());
    tool.write_private("out.results.ndjson.located.partial", &partial);
    let call = tool.call("audit in.csv -o out.csv --resume --source");
    let said = call.arg(&cluster.source()).ends(1);
    let wanted = format!("{} of 16 rows are done", partial.lines().count() - 1);
    assert!(said.stderr.contains(&wanted), "{}", said.stderr);
    assert_same(&rows(&tool), &fresh_rows(&cluster));
    assert!(
        !tool.has("out.results.ndjson.located"),
        "{:?}",
        tool.names()
    );
}

#[test]
fn an_audit_that_ended_in_the_judge_stage_is_resumed() {
    let (tool, cluster) = (Tool::new(), cluster());
    tool.write("in.csv", data("in.csv"));
    let located = sealed(&of_source("located.ndjson", &cluster.source()));
    tool.write_private("out.results.ndjson.located", &located);
    let judged = of_source("judged.partial.ndjson", &cluster.source());
    tool.write_private("out.results.ndjson.partial", &judged);
    let call = tool.call("audit in.csv -o out.csv --resume --source");
    let said = call.arg(&cluster.source()).ends(1);
    assert!(
        said.stderr.contains("read the offsets of"),
        "{}",
        said.stderr
    );
    let lookups = cluster.calls().get(&12).copied().unwrap_or_default();
    assert_eq!(lookups, 0, "no message is looked up again");
    assert_same(&rows(&tool), &fresh_rows(&cluster));
    for left in ["out.results.ndjson.partial", "out.results.ndjson.located"] {
        assert!(!tool.has(left), "{:?}", tool.names());
    }
}
