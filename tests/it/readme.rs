//! The README tells the truth: its commands run, its options exist, and what it shows is what comes out.
//!
//! `UPDATE_README=1 cargo test --test it readme` writes the shown outputs anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::cli::options;
use super::gateway::{Gateway, KEY_ID, SECRET};
use super::rocketmq::cluster::{Cluster, key};
use super::rocketmq::{keys, state};
use super::tool::{Tool, table};

/// A command of ours as the README begins it.
const PROGRAMS: [&str; 2] = ["cargo run --release -- ", "ons-audit "];

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// A fenced block: its language, its lines, and the comment above it.
struct Block<'t> {
    language: &'t str,
    text: &'t str,
    above: &'t str,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((before, fenced)) = rest.split_once("\n```") {
        let (language, fenced) = fenced.split_once('\n').unwrap();
        let (text, after) = fenced.split_once("```").unwrap();
        let above = before.lines().last().unwrap_or_default();
        blocks.push(Block {
            language,
            text,
            above,
        });
        rest = after;
    }
    blocks
}

/// The commands of the `console` blocks, without their comments.
fn commands(text: &str) -> Vec<&str> {
    let console = blocks(text)
        .into_iter()
        .filter(|block| block.language == "console");
    let lines = console.flat_map(|block| block.text.lines());
    lines
        .map(|line| line.split(" #").next().unwrap().trim())
        .collect()
}

/// The command that everything else builds upon, run where the README has its reader run it.
fn after_the_first_command(text: &str) -> (Tool, String) {
    let tool = Tool::new();
    tool.write("target/.keep", "");
    let first = commands(text)[0].strip_prefix(PROGRAMS[0]).unwrap();
    let said = tool.call(first).ends(1);
    assert_eq!(said.stdout, "");
    (tool, said.stderr)
}

#[test]
fn every_command_runs() {
    let text = readme();
    let (tool, _) = after_the_first_command(&text);
    let mut ran = BTreeSet::new();
    for command in &commands(&text)[1..] {
        if *command == "cargo test" {
            continue; // the one that runs this
        }
        let line = command
            .strip_prefix(PROGRAMS[1])
            .unwrap_or_else(|| panic!("can't run {command}"));
        let line = [
            ("[INPUT]...", "samples/incident.csv"),
            ("SOURCE", "samples/cluster.json"),
            (
                "OLD NEW",
                "target/report.results.ndjson target/report.results.ndjson",
            ),
            ("RESULTS...", "target/report.results.ndjson"),
            ("RESULTS", "target/report.results.ndjson"),
            ("FILE", "again.csv"),
            ("MSG_ID...", "0A15030B110F18B4AAC264BE6C450BA2"),
        ]
        .iter()
        .fold(line.to_owned(), |line, (name, value)| {
            line.replace(name, value)
        });
        let name = line.split(' ').next().unwrap().to_owned();
        if name == "snapshot" {
            let cluster = Cluster::start(state());
            let line = line.replace("CLUSTER", &cluster.source());
            tool.call(&line).ends(0);
            ran.insert(name);
            continue;
        }
        if name == "serve" {
            serve(&tool, &text, &line);
            ran.insert(name);
            continue;
        }
        let judges = ["audit", "plan", "report"].contains(&&*name);
        for line in alternatives(&line) {
            let said = tool.call(&line).ends(i32::from(judges));
            assert!(!said.stdout.is_empty() || tool.has("again.csv"), "{line}");
        }
        ran.insert(name);
    }
    tool.call("man").ends(0);
    assert_eq!(ran.len(), 10, "{ran:?}");
}

/// Serves on a free port until told to end, with the keys file that the README shows.
fn serve(tool: &Tool, text: &str, line: &str) {
    let keys = blocks(text)
        .into_iter()
        .find(|block| block.language == "toml");
    tool.write_private("keys.toml", keys.unwrap().text);
    let mut running = tool.call(line).args("--listen 127.0.0.1:0").start();
    assert!(running.line().starts_with("listening on http://127.0.0.1:"));
    running.signal("TERM");
    running.ends(0);
}

/// `completions bash|zsh|fish` is three commands.
fn alternatives(line: &str) -> Vec<String> {
    let (before, last) = line.rsplit_once(' ').unwrap();
    last.split('|')
        .map(|last| format!("{before} {last}"))
        .collect()
}

#[test]
fn the_test_command_is_what_ci_runs() {
    let ci = include_str!("../../.ci/run");
    assert!(commands(&readme()).contains(&"cargo test"));
    assert!(ci.lines().any(|line| line == "cargo test"), "{ci}");
}

/// Runs a block of shell against the gateway, as a person or cron would, with the program on the path; gives what it
/// said on both streams.
pub(crate) fn shell(tool: &Tool, script: &str) -> String {
    let bin = tool.path("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(
            assert_cmd::cargo::cargo_bin!("ons-audit"),
            bin.join("ons-audit"),
        )
        .unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(tool.path(""))
        .env_clear()
        .env("PATH", path)
        .env("HOME", tool.path(""))
        .env("ONS_AUDIT_RATE", "max")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_shell_script_runs() {
    let (text, tool, gateway) = (readme(), Tool::new(), Gateway::setup().start());
    let blocks = blocks(&text);
    let scripts: Vec<_> = blocks
        .iter()
        .filter(|block| block.language == "sh")
        .collect();
    assert_eq!(scripts.len(), 1);
    let script = scripts[0]
        .text
        .replace("KEY_ID=…", &format!("KEY_ID={KEY_ID}"))
        .replace("SECRET=…", &format!("SECRET={SECRET}"))
        .replace("ons://cn-hangzhou", &gateway.url())
        .replace("incident.csv", "samples/incident.csv");
    assert!(!script.contains('…'));
    let said = shell(&tool, &script);
    assert!(
        said.contains("1,000 rows = 986 distinct messages + 8 duplicates + 6 rejected"),
        "{said}"
    );
    assert!(
        said.contains("986 distinct = 982 answered + 4 not found + 0 unanswered (they tie)"),
        "{said}"
    );
    assert!(tool.has("report.csv"));
    assert_eq!(gateway.calls(), 986);
}

#[test]
fn the_script_for_ones_own_cluster_runs() {
    let (text, tool, cluster) = (readme(), Tool::new(), Cluster::start(state()));
    let blocks = blocks(&text);
    let scripts: Vec<_> = blocks
        .iter()
        .filter(|block| block.language == "shell")
        .collect();
    assert_eq!(scripts.len(), 1);
    tool.write("incident.csv", keys((0..8).map(key)));
    let script = scripts[0]
        .text
        .replace("rocketmq://127.0.0.1:9876", &cluster.source());
    let said = shell(&tool, &script);
    assert_eq!(said.matches("8 distinct = 8 answered").count(), 2, "{said}");
    let timeless = |name: &str| {
        let mut rows = table(&tool.read(name));
        for row in &mut rows {
            row.remove("observed_at");
        }
        rows
    };
    assert_eq!(timeless("report.csv"), timeless("same-report.csv"));
}

#[test]
fn the_cron_line_is_that_of_the_sample() {
    let text = readme();
    let blocks = blocks(&text);
    let line = blocks.iter().find(|block| block.language == "crontab");
    let sample = Tool::new().read("samples/nightly.crontab");
    assert!(sample.ends_with(line.unwrap().text), "{sample}");
}

/// The programs of other clients, which `tests/clients/run` runs.
fn client_examples() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/examples");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn the_examples_for_other_clients_are_those_that_the_suite_runs() {
    let text = readme();
    let shown: BTreeSet<_> = blocks(&text)
        .into_iter()
        .filter(|block| ["python", "js", "bash"].contains(&block.language))
        .map(|block| block.text.to_owned())
        .collect();
    assert!(
        shown == client_examples(),
        "the README shows other programs than tests/clients/examples has"
    );
}

#[test]
fn every_option_exists_and_every_option_of_audit_is_told() {
    let tool = Tool::new();
    // The options of other programs are not ours.
    let text = client_examples()
        .iter()
        .fold(readme(), |text, example| text.replace(example, ""));
    let known: String = [
        "audit", "plan", "report", "diff", "serve", "snapshot", "inspect",
    ]
    .map(|command| tool.call(&format!("{command} --help")).ends(0).stdout)
    .concat();
    let known = options(&known);
    let ours = text
        .replace(PROGRAMS[0], "")
        .replace("cargo doc --no-deps --open", "");
    for option in options(&ours) {
        assert!(
            option == "--help" || known.contains(&option),
            "there is no {option}"
        );
    }
    let (_, table) = text.split_once("| group | options of `audit` |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut told = options(table);
    told.insert("--help".to_owned());
    assert_eq!(told, options(&tool.call("audit --help").ends(0).stdout));
}

#[test]
fn the_expectations_file_is_read() {
    let (text, tool) = (readme(), Tool::new());
    let blocks = blocks(&text);
    let expectations = blocks.iter().find(|block| block.language == "csv").unwrap();
    tool.write("expected.csv", expectations.text);
    let call = tool.call("audit samples/incident.csv --source samples/cluster.json -o a.csv");
    call.args("--expect-file expected.csv").ends(1);
    let report = tool.read("a.csv");
    assert!(report.contains(",GID_invoices,,absent,yes,break,"));
    assert!(!report.contains("GID_legacy"), "none was born that early");
}

#[test]
fn the_policy_is_json() {
    let text = readme();
    let blocks = blocks(&text);
    let json = blocks.iter().filter(|block| block.language == "json");
    let json: Vec<_> = json.collect();
    assert_eq!(json.len(), 1, "the policy is the one block tagged json");
    let policy: serde_json::Value = serde_json::from_str(json[0].text).unwrap();
    assert!(policy["Statement"].is_array(), "{policy}");
}

/// What the README shows of the first command, made anew.
fn outputs(text: &str) -> [(&'static str, String); 3] {
    let (tool, said) = after_the_first_command(text);
    let summary = said
        .lines()
        .skip_while(|line| line.starts_with([' ', '\t']))
        .collect::<Vec<_>>();
    let csv = tool.read("target/report.csv");
    let first = |what: &str| csv.lines().find(|line| line.contains(what)).unwrap();
    let telling = [
        "row,",
        ",passed,yes,reconciled,",
        ",open,yes,break,",
        ",absent,yes,break,",
        ",not_found,",
        ",rejected,",
    ];
    let rows = telling.map(first);
    tool.call("report target/report.results.ndjson -o ticket.md")
        .ends(1);
    let ticket = tool.read("ticket.md");
    let ticket: Vec<_> = ticket.lines().map(without_hex).collect();
    [
        ("summary", summary.join("\n")),
        ("csv", rows.join("\n")),
        ("markdown", ticket.join("\n")),
    ]
}

/// Run ID and seal are different in every run.
fn without_hex(line: &str) -> String {
    let parts = line.split('`').map(|part| {
        let is_hash = part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { "…" } else { part }
    });
    parts.collect::<Vec<_>>().join("`")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the README is a plain file of the repository"
)]
fn what_is_shown_is_what_comes_out() {
    let mut text = readme();
    let outputs = outputs(&text);
    if std::env::var_os("UPDATE_README").is_some() {
        for (name, output) in &outputs {
            let above = format!("<!-- output: {name} -->\n```text\n");
            let (before, rest) = text
                .split_once(&above)
                .unwrap_or_else(|| panic!("no {above}"));
            let (_, after) = rest.split_once("\n```").unwrap();
            text = format!("{before}{above}{output}\n```{after}");
        }
        std::fs::write(path(), &text).unwrap();
    }
    for (name, output) in outputs {
        let marker = format!("<!-- output: {name} -->");
        let blocks = blocks(&text);
        let block = blocks.iter().find(|block| block.above == marker);
        let shown = block.unwrap_or_else(|| panic!("no {marker}")).text;
        assert!(
            shown.trim_end() == output,
            "the {name} is now:\n{output}\nrun UPDATE_README=1 cargo test --test it readme"
        );
    }
}
