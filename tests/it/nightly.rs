//! The samples for cron, systemd and Kubernetes: their commands run against a gateway that knows one message.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::documentation::{only_block, page, shell};
use super::gateway::{Gateway, KEY_ID, SECRET};
use super::tool::Tool;

const ID: &str = "AC10323E00002A9F0000000000983278";

/// Runs a night in which `GID_a` has consumed the one message and `expected` should have.
fn night(script: &str, expected: &str) -> (String, BTreeSet<String>) {
    let list = format!("msg_id,topic\n{ID},orders\n");
    night_of(script, expected, list.as_bytes())
}

/// Runs a night with this outbox.
fn night_of(script: &str, expected: &str, outbox: &[u8]) -> (String, BTreeSet<String>) {
    let tool = Tool::new();
    let gateway = Gateway::setup().knows("orders", ID, "GID_a").start();
    tool.write("expected.csv", format!("topic,group\norders,{expected}\n"));
    let mut list = GzEncoder::new(Vec::new(), Compression::fast());
    list.write_all(outbox).unwrap();
    tool.write("data/outbox.csv.gz", list.finish().unwrap());
    let script = script
        .replace("ons://cn-hangzhou", &gateway.url())
        .replace("/etc/ons-audit/expected.csv", "expected.csv")
        .replace("/var/lib/ons-audit/", "data/")
        .replace("/data/", "data/");
    let said = shell(
        &tool,
        &format!(
            "export ALIBABA_CLOUD_ACCESS_KEY_ID={KEY_ID} ALIBABA_CLOUD_ACCESS_KEY_SECRET={SECRET}\n\
             mv data/outbox.csv.gz data/outbox-$(date +%F).csv.gz\n({script})\necho \"ended $?\""
        ),
    );
    let files = std::fs::read_dir(tool.path("data")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let endings = names.filter_map(|name| Some(name.split_once('.')?.1.to_owned()));
    (said, endings.collect())
}

fn sample(name: &str) -> String {
    Tool::new().read(&format!("samples/nightly.{name}"))
}

/// Returns the command of the crontab.
fn cron_line() -> String {
    let crontab = sample("crontab");
    let fields: Vec<_> = crontab.lines().last().unwrap().splitn(6, ' ').collect();
    let is_time = |field: &&str| *field == "*" || field.parse::<u8>().is_ok();
    assert!(fields[..5].iter().all(is_time), "{fields:?}");
    let command = fields[5].trim();
    // An unescaped % would end the command.
    assert_eq!(command.matches('%').count(), command.matches("\\%").count());
    command.replace("\\%", "%")
}

#[test]
fn the_cron_line_is_silent_when_all_is_well_and_only_then() {
    let command = cron_line();
    let (said, files) = night(&command, "GID_a");
    assert_eq!(said, "ended 0\n");
    for ending in ["csv", "results.ndjson"] {
        assert!(files.contains(ending), "{files:?}");
    }
    let (said, _) = night(&command, "GID_b");
    assert!(said.contains("exit status 1: see data/audit-"), "{said}");
}

/// Returns the command of the unit for systemd.
fn unit_script() -> String {
    let unit = sample("service");
    let starts = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let script = starts.unwrap().strip_prefix("/bin/sh -c '").unwrap();
    let script = script.strip_suffix('\'').unwrap();
    for (sign, written) in [('$', "$$"), ('%', "%%")] {
        assert_eq!(
            script.matches(sign).count(),
            2 * script.matches(written).count()
        );
    }
    script.replace("$$", "$").replace("%%", "%")
}

#[test]
fn the_unit_for_systemd_leaves_reports_and_metrics() {
    let script = unit_script();
    for (expected, status) in [("GID_a", 0), ("GID_b", 1)] {
        let (said, files) = night(&script, expected);
        assert!(said.ends_with(&format!("ended {status}\n")), "{said}");
        for ending in ["csv", "html", "prom", "results.ndjson"] {
            assert!(files.contains(ending), "{files:?}");
        }
    }
}

/// Returns the command of the job for Kubernetes.
fn job_script() -> String {
    let job = sample("cronjob.yaml");
    let folded = job.split_once("- >-\n").unwrap().1;
    let indent = " ".repeat(folded.len() - folded.trim_start().len());
    let lines = folded.lines().map_while(|line| line.strip_prefix(&indent));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_cron_job_for_kubernetes_leaves_reports() {
    let script = job_script();
    let (said, files) = night(&script, "GID_a");
    assert!(said.ends_with("ended 0\n"), "{said}");
    for ending in ["csv", "html", "results.ndjson"] {
        assert!(files.contains(ending), "{files:?}");
    }
}

#[test]
fn a_byte_that_is_not_utf_8_costs_its_line_only() {
    let outbox = format!("msg_id,topic,customer\n{ID},orders,a\n{ID},orders,caf\u{e9}\n");
    let outbox: Vec<u8> = outbox
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for script in [cron_line(), unit_script(), job_script()] {
        let (said, files) = night_of(&script, "GID_a", &outbox);
        let is_status_1 = said.contains("exit status 1:") || said.ends_with("ended 1\n");
        assert!(is_status_1, "{said}");
        assert!(files.contains("results.ndjson"), "{files:?}");
    }
}

#[test]
fn the_retention_rule_removes_old_reports_and_nothing_else() {
    let tool = Tool::new();
    let files = [
        ("audit-1.csv", 92),
        ("audit-1.results.ndjson", 92),
        ("outbox-1.csv.gz", 92),
        ("audit-2.csv", 88),
        ("audit-2.results.ndjson", 88),
    ];
    for (name, days) in files {
        let name = format!("data/{name}");
        tool.write(&name, "");
        let age = days * std::time::Duration::from_hours(24);
        let file = std::fs::File::open(tool.path(&name)).unwrap();
        file.set_modified(file.metadata().unwrap().modified().unwrap() - age)
            .unwrap();
    }
    let guide = page("docs/guide/every-night.md");
    let rule = only_block(&guide, "sh").replace("/data", "data");
    shell(&tool, &rule);
    let left = std::fs::read_dir(tool.path("data")).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept = ["outbox-1.csv.gz", "audit-2.csv", "audit-2.results.ndjson"];
    assert_eq!(
        left.collect::<BTreeSet<_>>(),
        kept.map(str::to_owned).into()
    );
}
