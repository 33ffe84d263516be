//! One input in several shards: each is audited on its own, and `report` puts them together.

use std::collections::BTreeSet;

use serde_json::Value;

use super::audit_http::some_messages;
use super::gateway::{Call, Fault, Gateway};
use super::tool::{Tool, table};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json --expect-file samples/expected.csv -q";

/// Audits all shards, each into `s0.ndjson` and so on.
fn shards(tool: &Tool, count: u32, flags: &str) -> String {
    let mut files = Vec::new();
    for index in 0..count {
        let call = tool.call(AUDIT).args(flags);
        let call = call.args(&format!(
            "--shard {index}/{count} --results s{index}.ndjson -o s{index}.csv"
        ));
        call.args("--exit-zero").ends(0);
        files.push(format!("s{index}.ndjson"));
    }
    files.join(" ")
}

/// Returns the lines between the header and the trailer.
fn lines_of(tool: &Tool, results: &str) -> Vec<String> {
    let text = tool.read(results);
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[1..lines.len() - 1].to_vec()
}

/// Returns the last line without the times and the seal.
fn trailer(tool: &Tool, results: &str) -> Value {
    let text = tool.read(results);
    let mut trailer: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let fields = trailer.as_object_mut().unwrap();
    fields.remove("finished_at");
    fields.remove("sha256");
    trailer
}

#[test]
fn all_shards_together_are_the_run() {
    let tool = Tool::new();
    let reports =
        |name: &str| format!("-o {name}.csv --matrix {name}-m.csv --rejects {name}-r.csv");
    let call = tool.call(AUDIT).args("--results whole.ndjson");
    call.args(&reports("whole")).ends(1);
    for count in [1, 3, 8] {
        let files = shards(&tool, count, "");
        let call = tool.call("report -q --results merged.ndjson").args(&files);
        call.args(&reports("merged")).ends(1);
        for report in [".csv", "-m.csv", "-r.csv"] {
            let [whole, merged] =
                ["whole", "merged"].map(|name| tool.read(&format!("{name}{report}")));
            assert_eq!(whole, merged, "{report} of {count} shards");
        }
        assert_eq!(
            lines_of(&tool, "whole.ndjson"),
            lines_of(&tool, "merged.ndjson")
        );
        assert_eq!(
            trailer(&tool, "whole.ndjson"),
            trailer(&tool, "merged.ndjson")
        );
        tool.call("verify merged.ndjson").ends(0);
        tool.call("diff whole.ndjson merged.ndjson").ends(0);
        let again = tool.call("report -q").args(&files).args("-o again.csv");
        again.ends(1);
        assert_eq!(
            tool.read("again.csv"),
            tool.read("whole.csv"),
            "without --results"
        );
        let next = tool
            .call(AUDIT)
            .args("--previous merged.ndjson -o next.csv --restart");
        next.ends(1);
    }
}

#[test]
fn a_shard_has_its_rows_under_their_numbers_and_is_a_results_file() {
    let tool = Tool::new();
    tool.call(AUDIT).args("-o whole.csv").ends(1);
    shards(&tool, 3, "");
    let rows = |name: &str| -> BTreeSet<String> {
        let rows = table(&tool.read(name)).into_iter();
        rows.map(|row| row["row"].clone()).collect()
    };
    let each = [0, 1, 2].map(|index| rows(&format!("s{index}.csv")));
    let together: BTreeSet<_> = each.iter().flatten().cloned().collect();
    assert_eq!(together, rows("whole.csv"));
    assert_eq!(
        each.iter().map(BTreeSet::len).sum::<usize>(),
        together.len(),
        "each row once"
    );
    assert!(each.iter().all(|rows| rows.len() > 200), "and evenly");
    for index in 0..3 {
        tool.call(&format!("verify s{index}.ndjson")).ends(0);
        let header = tool.read(&format!("s{index}.ndjson"));
        let header: Value = serde_json::from_str(header.lines().next().unwrap()).unwrap();
        assert_eq!(header["options"]["--shard"], format!("{index}/3"));
        assert_eq!(header["inputs"][0]["rows"], 1000);
    }
}

#[test]
fn missing_doubled_and_foreign_shards_are_named() {
    let tool = Tool::new();
    shards(&tool, 3, "");
    let call = tool
        .call(AUDIT)
        .args("--exit-zero --shard 1/4 --results of4.ndjson -o of4.csv");
    call.ends(0);
    let call = tool
        .call(AUDIT)
        .args("--exit-zero --results whole.ndjson -o whole.csv");
    call.ends(0);
    let call =
        tool.call("audit samples/incident.ndjson --source samples/cluster.json -q --exit-zero");
    call.args("--shard 2/3 --results other.ndjson -o other.csv")
        .ends(0);
    for (files, says) in [
        ("s0.ndjson", "error: missing: shard 1/3, 2/3"),
        ("s0.ndjson s1.ndjson", "error: missing: shard 2/3"),
        (
            "s0.ndjson s1.ndjson s1.ndjson",
            "s1.ndjson and s1.ndjson are both shard 1/3",
        ),
        (
            "s0.ndjson of4.ndjson",
            "of4.ndjson is shard 1/4, and s0.ndjson is shard 0/3",
        ),
        (
            "whole.ndjson s0.ndjson",
            "whole.ndjson is not a shard, and s0.ndjson is shard 0/3",
        ),
        (
            "s0.ndjson s1.ndjson other.ndjson",
            "other.ndjson (shard 2/3) is not of the run of s0.ndjson (shard 0/3): the SHA-256 of input",
        ),
        (
            "whole.ndjson --results x.ndjson",
            "--results puts shards together, and none is given",
        ),
        (
            "s0.ndjson s1.ndjson s2.ndjson --bundle x.zip",
            "a bundle holds the results file",
        ),
        (
            "s0.ndjson s1.ndjson s2.ndjson --results s1.ndjson",
            "s1.ndjson is the results file",
        ),
    ] {
        let said = tool.call("report -o no.csv").args(files).ends(2);
        assert!(said.stderr.contains(says), "{files}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{files}: {}", said.stderr);
        assert!(!tool.has("no.csv") && !tool.has("x.ndjson"), "{files}");
    }
}

#[test]
fn a_row_of_another_shard_is_noticed() {
    let tool = Tool::new();
    shards(&tool, 2, "");
    // Shard 1 says that it is shard 0, and the other way round.
    let swapped = |name: &str, from: &str, to: &str| tool.read(name).replacen(from, to, 1);
    let zero = swapped("s0.ndjson", "\"--shard\":\"0/2\"", "\"--shard\":\"1/2\"");
    tool.write("s0.ndjson", zero);
    let one = swapped("s1.ndjson", "\"--shard\":\"1/2\"", "\"--shard\":\"0/2\"");
    tool.write("s1.ndjson", one);
    let said = tool.call("report s0.ndjson s1.ndjson -o no.csv").ends(2);
    assert!(
        said.stderr.contains("does not belong to that shard"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_plan_counts_the_calls_of_a_shard() {
    let tool = Tool::new();
    let calls = |flags: &str| {
        let call = tool.call("plan samples/incident.csv --source ons://cn-hangzhou --format json");
        let plan: Value = serde_json::from_str(&call.args(flags).ends(0).stdout).unwrap();
        plan["distinct"].as_u64().unwrap()
    };
    let of_shards: u64 = (0..3)
        .map(|index| calls(&format!("--shard {index}/3")))
        .sum();
    assert_eq!(of_shards, calls(""));
}

#[test]
fn a_shard_is_resumed_by_its_own_flag_alone() {
    let tool = Tool::new();
    let down = |call: Call<'_>| (call.number <= 2).then_some(Fault::Internal);
    let gateway = some_messages(&tool, 12, Gateway::setup().plan(down)).start();
    let run = |flags: &str| {
        let call = tool
            .call("audit in.csv --rate max --max-attempts 1 -o out.csv --source")
            .arg(&gateway.url());
        call.args(flags).key()
    };
    run("--shard 0/2").ends(3);
    let said = run("--shard 1/2 --resume").ends(2);
    let says = "--shard was `0/2`, now `1/2`";
    assert!(said.stderr.contains(says), "{}", said.stderr);
    run("--shard 0/2 --resume").ends(0);
    run("--shard 1/2 --results one.ndjson").ends(0);
    let said = tool
        .call("report out.results.ndjson one.ndjson -o all.csv")
        .ends(0);
    assert!(said.stderr.contains("12"), "{}", said.stderr);
    let rows: Vec<_> = table(&tool.read("all.csv"))
        .iter()
        .map(|row| row["row"].clone())
        .collect();
    assert_eq!(
        rows,
        (1..=12).map(|row| row.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn an_empty_shard_is_a_complete_run() {
    let tool = Tool::new();
    tool.write(
        "one.csv",
        "msg_id,topic\n0A15030B110F18B4AAC264BE6C450BA2,orders\n",
    );
    let mut files = String::new();
    for index in 0..4 {
        let call = tool.call(
            "audit one.csv --source samples/cluster.json --expect GID_billing -q --exit-zero",
        );
        let call = call.args(&format!(
            "--shard {index}/4 --results e{index}.ndjson -o e{index}.csv"
        ));
        call.ends(0);
        files.push_str(" e");
        files.push_str(&index.to_string());
        files.push_str(".ndjson");
    }
    let said = tool.call("report -q --exit-zero -o all.csv").args(&files);
    said.ends(0);
    assert!(!table(&tool.read("all.csv")).is_empty());
}

#[test]
fn bad_rows_refuse_all_shards_or_none() {
    let tool = Tool::new();
    let good = |n: usize| format!("AC10323E00002A9F{n:016X},orders\n");
    let rows: String = (1..=95).map(good).collect();
    let bad = "nothing,orders\n".repeat(5);
    tool.write("some.csv", format!("msg_id,topic\n{rows}{bad}"));
    for (limit, status) in [("4%", 2), ("5%", 0), ("4", 2)] {
        for index in [0, 19] {
            let call = tool.call(
                "audit some.csv --source samples/cluster.json --exit-zero -q -o r.csv --restart",
            );
            let call = call.args(&format!("--max-rejects {limit} --shard {index}/20"));
            let said = call.ends(status);
            let says = "5 of 100 rows are bad";
            assert!(status == 0 || said.stderr.contains(says), "{}", said.stderr);
        }
    }
}

#[test]
fn what_is_no_shard_is_refused() {
    let tool = Tool::new();
    for (flags, says) in [
        (
            "--shard 3/3",
            "there is no shard 3/3: of 3, the first is 0/3 and the last 2/3",
        ),
        ("--shard 1", "`1` is not a shard; expected I/N"),
        (
            "--shard 0/2 --stream -o -",
            "--shard can't be used with --stream",
        ),
    ] {
        let said = tool
            .call("audit - --source samples/cluster.json")
            .args(flags)
            .ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
    }
}
