//! The samples for cron, systemd and Kubernetes: their commands run against a gateway that knows one message.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::documentation::shell;
use super::gateway::{Gateway, KEY_ID, SECRET};
use super::tool::Tool;

const ID: &str = "AC10323E00002A9F0000000000983278";

/// Runs a night in which `GID_a` has consumed the one message and `expected` should have.
fn night(script: &str, expected: &str) -> (String, BTreeSet<String>) {
    let tool = Tool::new();
    let gateway = Gateway::setup().knows("orders", ID, "GID_a").start();
    tool.write("expected.csv", format!("topic,group\norders,{expected}\n"));
    let mut list = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(list, "msg_id,topic\n{ID},orders").unwrap();
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

#[test]
fn the_cron_line_is_silent_when_all_is_well_and_only_then() {
    let crontab = sample("crontab");
    let fields: Vec<_> = crontab.lines().last().unwrap().splitn(6, ' ').collect();
    let is_time = |field: &&str| *field == "*" || field.parse::<u8>().is_ok();
    assert!(fields[..5].iter().all(is_time), "{fields:?}");
    let command = fields[5].trim();
    // An unescaped % would end the command.
    assert_eq!(command.matches('%').count(), command.matches("\\%").count());
    let command = command.replace("\\%", "%");
    let (said, files) = night(&command, "GID_a");
    assert_eq!(said, "ended 0\n");
    for ending in ["csv", "results.ndjson"] {
        assert!(files.contains(ending), "{files:?}");
    }
    let (said, _) = night(&command, "GID_b");
    assert!(said.contains("exit status 1: see data/audit-"), "{said}");
}

#[test]
fn the_unit_for_systemd_leaves_reports_and_metrics() {
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
    let script = script.replace("$$", "$").replace("%%", "%");
    for (expected, status) in [("GID_a", 0), ("GID_b", 1)] {
        let (said, files) = night(&script, expected);
        assert!(said.ends_with(&format!("ended {status}\n")), "{said}");
        for ending in ["csv", "html", "prom", "results.ndjson"] {
            assert!(files.contains(ending), "{files:?}");
        }
    }
}

#[test]
fn the_cron_job_for_kubernetes_leaves_reports() {
    let job = sample("cronjob.yaml");
    let folded = job.split_once("- >-\n").unwrap().1;
    let indent = " ".repeat(folded.len() - folded.trim_start().len());
    let lines = folded.lines().map_while(|line| line.strip_prefix(&indent));
    let script = lines.collect::<Vec<_>>().join(" ");
    let (said, files) = night(&script, "GID_a");
    assert!(said.ends_with("ended 0\n"), "{said}");
    for ending in ["csv", "html", "results.ndjson"] {
        assert!(files.contains(ending), "{files:?}");
    }
}
