//! The documentation tells the truth: its commands run, its options exist, its links lead somewhere, and what it shows is
//! what comes out.
//!
//! `UPDATE_README=1 cargo test --test it documentation` writes the shown outputs anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cli::{COMMANDS, options};
use super::gateway::{Gateway, KEY_ID, SECRET};
use super::rmq;
use super::rocketmq::cluster::{Cluster, key};
use super::rocketmq::{keys, state};
use super::tool::{Row, Tool, table};

/// How the README runs the program from a clone.
const FROM_A_CLONE: &str = "cargo run -- ";

const PROGRAM: &str = "ons-audit ";

/// The commands that the test does not run: the one that runs the test, and the installation.
const NOT_RUN: [&str; 2] = ["cargo test", "cargo install --path . --locked"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a page by its path in the repository.
pub(crate) fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the paths of all Markdown files at the top and in `docs/`.
fn pages() -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join("docs"), &mut found);
    for entry in std::fs::read_dir(root()).unwrap() {
        found.push(entry.unwrap().path());
    }
    let is_page = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "md");
    let name = |path: PathBuf| {
        let path = path.strip_prefix(root()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let mut pages: Vec<_> = found.into_iter().filter(is_page).map(name).collect();
    pages.sort();
    pages
}

/// Returns the pages whose commands are tested: those for users.
fn user_pages() -> Vec<String> {
    let for_users = |path: &String| {
        path == "README.md"
            || path.starts_with("docs/guide/")
            || path.starts_with("docs/reference/")
    };
    pages().into_iter().filter(for_users).collect()
}

/// A fenced block: its language, its lines, and the line above it.
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

/// Returns the text of the page's only block in a language.
pub(crate) fn only_block<'t>(text: &'t str, language: &str) -> &'t str {
    let mut found = blocks(text)
        .into_iter()
        .filter(|block| block.language == language);
    let block = found
        .next()
        .unwrap_or_else(|| panic!("no block in {language}"));
    assert!(found.next().is_none(), "two blocks in {language}");
    block.text
}

/// Returns the commands of the `console` blocks, without their comments.
fn commands(text: &str) -> Vec<&str> {
    let console = blocks(text)
        .into_iter()
        .filter(|block| block.language == "console");
    let lines = console.flat_map(|block| block.text.lines());
    lines
        .map(|line| line.split(" #").next().unwrap().trim())
        .collect()
}

/// Runs the first command of the README, on which everything else builds, in a folder without `target/`.
fn after_the_first_command() -> (Tool, String) {
    let tool = Tool::new();
    let text = page("README.md");
    let first = commands(&text)[0].strip_prefix(FROM_A_CLONE).unwrap();
    let said = tool.call(first).ends(1);
    assert_eq!(said.stdout, "");
    (tool, said.stderr)
}

#[test]
fn the_first_command_works_twice_in_a_row() {
    let (tool, _) = after_the_first_command();
    let text = page("README.md");
    let first = commands(&text)[0].strip_prefix(FROM_A_CLONE).unwrap();
    tool.call(first).ends(1);
    let ignored = page(".gitignore");
    assert!(ignored.lines().any(|line| line == "/report.*"), "{ignored}");
    for name in tool.names() {
        assert!(name.starts_with("report."), "{name} is not ignored");
    }
}

/// Returns the rows of messages with the places that their producers were told.
fn sent_messages() -> String {
    let rows = (0..8).map(|nth| {
        format!(
            "{},orders,broker-a,{},{nth},paid,SEND_OK\n",
            key(nth),
            nth % 2
        )
    });
    let header = "msg_id,topic,broker,queue_id,queue_offset,tag,send_status\n";
    header.to_owned() + &rows.collect::<String>()
}

/// Where the commands of a page run: the files that pages name, gateways for the cloud, and a cluster.
struct Stage {
    tool: Tool,
    gateway: Gateway,
    rmq: rmq::Gateway,
    cluster: Cluster,
}

impl Stage {
    fn new() -> Self {
        let (tool, _) = after_the_first_command();
        // Some good rows and a bad one: enough for any page, and few calls.
        let sample = tool.read("samples/incident.csv");
        let lines = sample.lines().enumerate();
        let some = lines.filter(|(nth, _)| *nth <= 30 || *nth == 441);
        let some: Vec<_> = some.map(|(_, line)| line).collect();
        tool.write("incident.csv", some.join("\n"));
        tool.write("expected.csv", tool.read("samples/expected.csv"));
        tool.write("ids.csv", keys((0..8).map(key)));
        tool.write("sent.csv", sent_messages());
        let certificate = rcgen::generate_simple_self_signed(["gateway.example".to_owned()]);
        tool.write("ca.pem", certificate.unwrap().cert.pem());
        let truth = Arc::new(rmq::Truth::now());
        let answered = truth.messages.iter();
        let answered =
            answered.filter(|message| matches!(message.expected, rmq::Expected::Groups(_)));
        let rows = answered.take(20).map(|m| format!("{},{}\n", m.id, m.topic));
        let rows: String = rows.collect();
        tool.write("rmq.csv", format!("msg_id,topic\n{rows}"));
        let gateway = Gateway::setup().start();
        let call = tool.call("audit incident.csv --expect-file expected.csv --rate max");
        let call = call.args("-o yesterday.csv --source").arg(&gateway.url());
        call.key().ends(1);
        let results = tool.read("yesterday.results.ndjson");
        tool.write("today.results.ndjson", &results);
        Self {
            tool,
            gateway,
            rmq: rmq::Gateway::setup(&truth).start(),
            cluster: Cluster::start(state()),
        }
    }

    /// Runs all commands of a page in their order; returns their names.
    fn run(&self, page_text: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for command in commands(page_text) {
            if NOT_RUN.contains(&command) || command.starts_with("export ") {
                continue; // `Call::key` sets the variables
            }
            let line = command
                .strip_prefix(FROM_A_CLONE)
                .or_else(|| command.strip_prefix(PROGRAM))
                .unwrap_or_else(|| panic!("can't run {command}"));
            let line = self.mapped(line);
            let name = line.split(' ').next().unwrap().to_owned();
            if name == "serve" {
                self.serve(page_text, &line);
            } else {
                let has_findings = ["audit", "report"].contains(&&*name);
                for line in alternatives(&line) {
                    let call = self.tool.call(&line).key().env("ONS_AUDIT_RATE", "max");
                    let call = if line.contains("--stream") {
                        call.stdin(self.tool.read("incident.csv"))
                    } else {
                        call
                    };
                    call.ends(i32::from(has_findings));
                }
            }
            names.insert(name);
        }
        names
    }

    /// Replaces placeholders and remote sources.
    fn mapped(&self, line: &str) -> String {
        let is_cluster = line.contains("rocketmq://") || line.contains("cluster.json.gz");
        let (cluster, gateway) = (self.cluster.source(), self.gateway.url());
        let rmq = format!("rmq+http://{}/{}", self.rmq.address(), rmq::INSTANCE);
        let input = if is_cluster {
            "ids.csv"
        } else if line.contains("rmq://") {
            "rmq.csv"
        } else {
            "incident.csv"
        };
        [
            ("[INPUT]...", "samples/incident.csv"),
            ("--source SOURCE", "--source samples/cluster.json"),
            ("--source CLUSTER", &format!("--source {cluster}")),
            ("OLD NEW", "yesterday.results.ndjson today.results.ndjson"),
            ("RESULTS...", "report.results.ndjson"),
            ("RESULTS", "report.results.ndjson"),
            ("FILE", "again.csv"),
            ("MSG_ID...", "0A15030B110F18B4AAC264BE6C450BA2"),
            (" incident.csv", &format!(" {input}")),
            ("rocketmq://127.0.0.1:9876", &cluster),
            ("ons://cn-hangzhou", &gateway),
            ("rmq://cn-hangzhou/rmq-cn-abc123", &rmq),
            ("https://gateway.example", &gateway),
            ("http://127.0.0.1:8181", &gateway),
        ]
        .iter()
        .fold(line.to_owned(), |line, (name, value)| {
            line.replace(name, value)
        })
    }

    /// Serves on a free port until told to end, with the keys file that the page shows.
    fn serve(&self, page_text: &str, line: &str) {
        if line.contains("keys.toml") {
            let keys = only_block(page_text, "toml");
            self.tool.write_private("keys.toml", keys);
        }
        let call = self.tool.call(line).args("--listen 127.0.0.1:0");
        let mut running = call.start();
        assert!(running.line().starts_with("listening on http://127.0.0.1:"));
        running.signal("TERM");
        running.ends(0);
    }
}

/// `completions bash|zsh|fish` is three commands.
fn alternatives(line: &str) -> Vec<String> {
    match line.rsplit_once(' ') {
        None => vec![line.to_owned()],
        Some((before, last)) => last
            .split('|')
            .map(|last| format!("{before} {last}"))
            .collect(),
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    Stage::new().run(&page("README.md"));
}

#[test]
fn every_command_of_the_guide_runs() {
    for path in user_pages() {
        if path.starts_with("docs/guide/") {
            assert!(!Stage::new().run(&page(&path)).is_empty(), "{path}");
        }
    }
}

#[test]
fn the_reference_shows_every_command_and_all_run() {
    let mut names = BTreeSet::new();
    for path in user_pages() {
        let text = page(&path);
        if path.starts_with("docs/reference/") && !commands(&text).is_empty() {
            names.append(&mut Stage::new().run(&text));
        }
    }
    let all = COMMANDS.map(str::to_owned);
    assert_eq!(names, BTreeSet::from(all));
}

#[test]
fn a_snapshot_gives_the_report_of_its_cluster() {
    let stage = Stage::new();
    stage.run(&page("docs/guide/your-own-cluster.md"));
    let timeless = |name: &str| {
        let mut rows = table(&stage.tool.read(name));
        for row in &mut rows {
            row.remove("observed_at");
        }
        rows
    };
    assert_eq!(timeless("cluster.csv"), timeless("same-report.csv"));
}

#[test]
fn each_page_of_the_guide_begins_with_an_example() {
    for path in user_pages() {
        if path.starts_with("docs/guide/") {
            let text = page(&path);
            let before = text.split("```console").next().unwrap();
            assert!(!before.contains("\n## "), "{path}");
            assert!(before.lines().count() <= 8, "{path}");
        }
    }
}

#[test]
fn the_test_command_is_what_ci_runs() {
    let ci = include_str!("../../.ci/run");
    assert!(commands(&page("README.md")).contains(&"cargo test"));
    assert!(ci.lines().any(|line| line.trim() == "cargo test"), "{ci}");
}

#[test]
fn the_justfile_has_every_step_of_ci() {
    let (ci, justfile) = (page(".ci/run"), page("justfile"));
    let (_, steps) = ci.split_once("\nsteps=(").unwrap();
    let (steps, _) = steps.split_once(')').unwrap();
    let contributing = page("CONTRIBUTING.md");
    for step in steps.split_whitespace() {
        assert!(ci.contains(&format!("\nstep_{step}() {{")), "{step}");
        let recipe = format!("\n{step}:\n    .ci/run {step}\n");
        assert!(justfile.contains(&recipe), "no recipe {step}");
        assert!(contributing.contains(&format!("`{step}`")), "{step}");
    }
}

/// Runs a block of shell as cron would, with the program on the path; returns both streams.
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

/// Returns the commands of the page about inputs that name good sample inputs, by their arguments after `plan`.
fn sample_inputs(text: &str) -> Vec<&str> {
    let plans = commands(text)
        .into_iter()
        .filter_map(|command| command.strip_prefix("ons-audit plan "));
    plans.collect()
}

#[test]
fn the_sample_inputs_name_the_same_messages() {
    let (text, tool) = (page("docs/guide/inputs.md"), Tool::new());
    let inputs = sample_inputs(&text);
    assert!(inputs.len() > 10);
    let expected = [
        "0A15030B110F18B4AAC264BE6C450BA2",
        "0A15030C140018B4AAC264BE73D821D1",
    ];
    for input in inputs {
        tool.call(&format!("audit {input} -o rows.csv --restart"))
            .ends(1);
        let rows = table(&tool.read("rows.csv"));
        let asked = rows.iter().map(|row| (&*row["topic"], &*row["msg_id"]));
        let asked: BTreeSet<_> = asked.collect();
        assert_eq!(asked, expected.map(|id| ("orders", id)).into(), "{input}");
    }
}

#[test]
fn each_sample_input_is_on_the_page() {
    let text = page("docs/guide/inputs.md");
    for file in std::fs::read_dir(root().join("samples/inputs")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("samples/inputs/{name}")), "{name}");
    }
}

#[test]
fn shown_files_are_those_of_the_samples() {
    let mut shown = 0;
    for path in user_pages() {
        let text = page(&path);
        for block in blocks(&text) {
            if let Some(file) = block.above.strip_prefix("<!-- file: ") {
                let file = file.strip_suffix(" -->").unwrap();
                assert_eq!(block.text, page(file), "{path}: {file}");
                shown += 1;
            }
        }
    }
    assert!(shown > 0);
}

#[test]
fn the_commands_for_the_cloud_run_as_they_are_typed() {
    let (text, tool, gateway) = (page("README.md"), Tool::new(), Gateway::setup().start());
    let blocks = blocks(&text);
    let script = blocks
        .iter()
        .find(|block| block.text.starts_with("export "))
        .unwrap();
    let script = script
        .text
        .replace("KEY_ID=…", &format!("KEY_ID={KEY_ID}"))
        .replace("SECRET=…", &format!("SECRET={SECRET}"))
        .replace("ons://cn-hangzhou", &gateway.url())
        .replace("incident.csv", "samples/incident.csv")
        .replace("expected.csv", "samples/expected.csv");
    assert!(!script.contains('…'));
    let said = shell(&tool, &script);
    for totals in [
        "1,000 rows = 986 distinct messages + 8 duplicates + 6 rejected",
        "986 distinct = 982 answered + 4 not found + 0 unanswered (they tie)",
    ] {
        assert!(said.contains(totals), "{said}");
    }
    assert!(tool.has("cloud.csv"));
    assert_eq!(gateway.calls(), 986, "plan asks nothing");
}

/// The programs of other clients, which `tests/clients/run` runs.
fn client_examples() -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join("tests/clients/examples")).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

#[test]
fn client_examples_are_those_that_the_suite_runs() {
    let text = page("docs/guide/serve.md");
    let shown: BTreeSet<_> = blocks(&text)
        .into_iter()
        .filter(|block| ["python", "js", "bash"].contains(&block.language))
        .map(|block| block.text.to_owned())
        .collect();
    assert!(
        shown == client_examples(),
        "docs/guide/serve.md shows other programs than tests/clients/examples has"
    );
}

#[test]
fn every_option_exists_and_every_option_of_audit_is_listed() {
    let tool = Tool::new();
    let helps = COMMANDS.map(|command| match command {
        "expect" => tool.call("expect learn --help").ends(0).stdout,
        command => tool.call(&format!("{command} --help")).ends(0).stdout,
    });
    let mut known = options(&helps.concat());
    known.insert("--help".to_owned());
    for path in user_pages() {
        // The options of other programs are not ours.
        let others = client_examples().into_iter();
        let others = others.chain(NOT_RUN.map(str::to_owned));
        let text = others.fold(page(&path), |text, other| text.replace(&other, ""));
        for option in options(&text) {
            assert!(known.contains(&option), "{path}: there is no {option}");
        }
    }
    let text = page("docs/reference/commands.md");
    let (_, table) = text.split_once("| group | options of `audit` |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut listed = options(table);
    listed.insert("--help".to_owned());
    assert_eq!(listed, options(&tool.call("audit --help").ends(0).stdout));
}

#[test]
fn the_settings_page_equals_the_sample() {
    let sample = page("samples/settings.toml");
    let lines = sample.lines().filter(|line| !line.starts_with('#'));
    let settings: Vec<_> = lines.filter_map(|line| line.split_once(" = ")).collect();
    let text = page("docs/reference/settings.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | `")?;
        Some((name, rest.split_once("` |")?.0))
    });
    assert_eq!(rows.collect::<Vec<_>>(), settings);
}

#[test]
fn the_expectations_file_is_read() {
    let tool = Tool::new();
    let text = page("docs/guide/expectations.md");
    tool.write("expected.csv", only_block(&text, "csv"));
    let call = tool.call("audit samples/incident.csv --source samples/cluster.json -o a.csv");
    call.args("--expect-file expected.csv").ends(1);
    let report = tool.read("a.csv");
    assert!(report.contains(",GID_invoices,,absent,yes,break,"));
    assert!(!report.contains("GID_legacy"), "none was born that early");
}

#[test]
fn the_snapshot_example_is_a_source() {
    let tool = Tool::new();
    let text = page("docs/reference/snapshot-file.md");
    tool.write("example.json", only_block(&text, "json"));
    tool.write("ids.txt", "0A15030B110F18B4AAC264BE6C450BA2\n");
    let call = tool.call("audit ids.txt --topic orders --source example.json -o a.csv");
    call.ends(0);
    assert!(tool.read("a.csv").contains(",GID_billing,CONSUMED,passed,"));
}

#[test]
fn the_policy_is_json() {
    let policy = |text: &str| {
        let policy: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(policy["Statement"].is_array(), "{policy}");
        policy
    };
    policy(only_block(&page("docs/guide/credentials.md"), "json"));
    let shown = policy(only_block(&page("docs/guide/rocketmq-5.md"), "json"));
    assert_eq!(shown, policy(&page("samples/ram-policy-5.json")));
}

#[test]
fn the_readme_is_short() {
    let lines = page("README.md").lines().count();
    assert!(lines <= 150, "{lines} lines");
}

/// Returns the text without code, in which nothing is a link.
fn without_code(text: &str) -> String {
    let mut is_code = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            let parts = line.split('`').enumerate();
            kept.extend(parts.filter(|(nth, _)| nth % 2 == 0).map(|(_, part)| part));
            kept.push('\n');
        }
    }
    kept
}

/// Returns the anchors of a page as GitHub makes them from its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        is_code ^= line.starts_with("```");
        if !is_code && line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
            let title: String = title.chars().filter(kept).collect();
            anchors.insert(title.replace(' ', "-"));
        }
    }
    anchors
}

#[test]
fn every_link_leads_somewhere() {
    for path in pages() {
        let prose = without_code(&page(&path));
        let targets = prose.split("](").skip(1);
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = root().join(&path);
            let place = match file {
                "" => place,
                file => place.parent().unwrap().join(file),
            };
            assert!(place.exists(), "{path}: {target} leads nowhere");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&place).unwrap();
                assert!(
                    anchors(&text).contains(anchor),
                    "{path}: {target} names no heading"
                );
            }
        }
    }
}

/// Makes what the pages show anew, by the names of their markers.
fn outputs() -> BTreeMap<&'static str, String> {
    let (tool, said) = after_the_first_command();
    let summary: Vec<_> = said
        .lines()
        .skip_while(|line| line.starts_with([' ', '\t']))
        .collect();
    let csv = tool.read("report.csv");
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
    let processing = processing(&csv);
    let call = tool.call("report report.results.ndjson -o report.csv -o ticket.md");
    call.args("--bundle evidence.zip").ends(1);
    let verified = tool.call("verify evidence.zip").ends(0);
    let learned = tool.call("expect learn report.results.ndjson").ends(0);
    let bad_rows =
        "audit samples/inputs/bad-rows.csv --source samples/cluster.json -o good-rows.csv";
    let call = tool.call(bad_rows).args("--rejects bad-rows.csv");
    call.ends(1);
    let inspect = "inspect 0A15030B110F18B4AAC264BE6C450BA2 --as-of 2026-11-20T06:25:00Z";
    BTreeMap::from([
        ("head", summary[..10].join("\n")),
        ("summary", summary.join("\n")),
        ("csv", rows.join("\n")),
        ("processing", processing),
        ("deliveries", deliveries()),
        ("markdown", without_hashes(&tool.read("ticket.md"))),
        (
            "verify",
            without_hashes(&verified.plain_stdout())
                .replace("[TIME]", "…")
                .replace("[VERSION]", env!("CARGO_PKG_VERSION")),
        ),
        ("rejects", tool.read("bad-rows.csv").trim_end().to_owned()),
        ("learn", learned.stdout.trim_end().to_owned()),
        (
            "inspect",
            tool.call(inspect).ends(0).stdout.trim_end().to_owned(),
        ),
    ])
}

/// Returns what a report about 5.x says about the first message of each kind.
fn deliveries() -> String {
    const COLUMNS: [&str; 6] = [
        "group",
        "track_type",
        "verdict",
        "evidence",
        "attempts_seen",
        "evidence_note",
    ];
    let truth = Arc::new(rmq::Truth::now());
    let gateway = rmq::Gateway::setup(&truth).start();
    let tool = Tool::new();
    let is_shown = |message: &&rmq::Message| {
        message.topic == "orders" && matches!(message.expected, rmq::Expected::Groups(_))
    };
    let messages = truth.messages.iter().filter(is_shown);
    let rows: Vec<_> = messages
        .map(|m| format!("{},{}\n", m.id, m.topic))
        .collect();
    let rows = rows.concat();
    tool.write("in.csv", format!("msg_id,topic\n{rows}"));
    let call = tool.call("audit in.csv --rate max -o a.csv --source");
    let source = format!("rmq+http://{}/{}", gateway.address(), rmq::INSTANCE);
    call.arg(&source).examining_key().ends(1);
    let rows = table(&tool.read("a.csv"));
    let telling = [
        ("passed", "trace", ""),
        ("dead_lettered", "", ""),
        ("dead_lettered", "", "not kept"),
        ("retrying", "", ""),
        ("failed", "", ""),
        ("open", "", ""),
        ("passed", "lag", ""),
        ("undetermined", "", "lag"),
        ("undetermined", "", "status"),
    ];
    let first = telling.map(|(verdict, evidence, note)| {
        let is_it = |row: &&Row| {
            let is_noted = row["evidence_note"].contains(note);
            row["verdict"] == verdict && row["evidence"] == evidence && is_noted
        };
        let row = rows.iter().find(is_it).unwrap();
        COLUMNS.map(|column| row[column].as_str()).join(",")
    });
    let head = [COLUMNS.join(",")];
    head.into_iter().chain(first).collect::<Vec<_>>().join("\n")
}

/// Returns what a report says about the first message with each evidence.
fn processing(csv: &str) -> String {
    const COLUMNS: [&str; 7] = [
        "row",
        "group",
        "verdict",
        "evidence",
        "attempts_seen",
        "evidence_at",
        "evidence_note",
    ];
    let rows = table(csv);
    let telling = [
        ("dead_lettered", ""),
        ("retrying", ""),
        ("passed", "retried"),
        ("passed", "no_failure"),
        ("passed", "offset"),
    ];
    let first = telling.map(|(verdict, evidence)| {
        let is_it = |row: &&Row| row["verdict"] == verdict && row["evidence"] == evidence;
        let row = rows.iter().find(is_it).unwrap();
        COLUMNS.map(|column| row[column].as_str()).join(",")
    });
    let head = [COLUMNS.join(",")];
    head.into_iter().chain(first).collect::<Vec<_>>().join("\n")
}

/// Replaces run IDs in backticks and hashes by `…`: they are different in every run.
fn without_hashes(text: &str) -> String {
    let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let line = |line: &str| {
        let parts = line.split('`').map(|part| {
            if part.len() >= 32 && is_hex(part) {
                return "…".to_owned();
            }
            let words = part.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
            let words = words.map(|word| match word.get(..64) {
                Some(hash) if is_hex(hash) => format!("…{}", &word[64..]),
                _ => word.to_owned(),
            });
            words.collect()
        });
        parts.collect::<Vec<_>>().join("`")
    };
    text.trim_end()
        .lines()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "pages are plain files of the repository"
)]
fn what_is_shown_is_what_comes_out() {
    let outputs = outputs();
    let mut unused: BTreeSet<_> = outputs.keys().copied().collect();
    for path in user_pages() {
        let mut text = page(&path);
        if std::env::var_os("UPDATE_README").is_some() {
            let shown = text.clone();
            for (name, output) in &outputs {
                let above = format!("<!-- output: {name} -->\n```text\n");
                if let Some((before, rest)) = text.split_once(&above) {
                    let (_, after) = rest.split_once("```").unwrap();
                    text = format!("{before}{above}{output}\n```{after}");
                }
            }
            if text != shown {
                std::fs::write(root().join(&path), &text).unwrap();
            }
        }
        for block in blocks(&text) {
            let Some(name) = block.above.strip_prefix("<!-- output: ") else {
                continue;
            };
            let name = name.strip_suffix(" -->").unwrap();
            let output = outputs
                .get(name)
                .unwrap_or_else(|| panic!("{path}: {name} is not made"));
            unused.remove(name);
            assert!(
                block.text.trim_end() == output,
                "{path}: the {name} is now:\n{output}\nrun UPDATE_README=1 cargo test --test it documentation"
            );
        }
    }
    assert!(unused.is_empty(), "no page shows {unused:?}");
}
