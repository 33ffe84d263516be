//! The samples for cron, systemd and Kubernetes: their commands run against a gateway that knows one message.

use std::collections::BTreeSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::documentation::{only_block, page, shell};
use super::gateway::{Call, Fault, Gateway, KEY_ID, SECRET, Setup};
use super::tool::Tool;

const ID: &str = "AC10323E00002A9F0000000000983278";

/// 02:15 of UTC+8 on 28 November. In UTC, it is the 27th still, and yesterday would be the 26th.
const NOW: u32 = 1_795_803_300;

/// A `date` whose present is [`NOW`].
const DATE: &str =
    "#!/bin/sh\nif [ \"$*\" = +%s ]; then echo NOW; else exec /bin/date \"$@\"; fi\n";

const DAY: &str = "2026-11-27";

/// The keys in the format of the samples.
fn credentials() -> String {
    format!("ALIBABA_CLOUD_ACCESS_KEY_ID={KEY_ID}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={SECRET}\n")
}

/// A night in a folder that stands for the machine.
struct Night {
    tool: Tool,
    gateway: Gateway,
}

impl Night {
    /// Prepares a night in which `GID_a` has consumed the one message and `expected` should have.
    fn new(expected: &str, setup: Setup, outbox: &[u8]) -> Self {
        let tool = Tool::new();
        let gateway = setup.knows("orders", ID, "GID_a").start();
        tool.write(
            "etc/expected.csv",
            format!("topic,group\norders,{expected}\n"),
        );
        tool.write("etc/credentials", credentials());
        let mut list = GzEncoder::new(Vec::new(), Compression::fast());
        list.write_all(outbox).unwrap();
        tool.write(&format!("data/outbox-{DAY}.csv.gz"), list.finish().unwrap());
        tool.write("fake/date", DATE.replace("NOW", &NOW.to_string()));
        tool.write("fake/sleep", "#!/bin/sh\necho \"slept $1\"\n");
        let night = Self { tool, gateway };
        let script = night.here(&night.tool.read("samples/nightly.sh"));
        night.tool.write("etc/nightly.sh", script);
        let programs = "chmod +x fake/date fake/sleep etc/nightly.sh";
        shell(&night.tool, programs);
        night
    }

    fn plain(expected: &str) -> Self {
        let outbox = format!("msg_id,topic\n{ID},orders\n");
        Self::new(expected, Gateway::setup(), outbox.as_bytes())
    }

    /// Returns a text with the folders and the source of this night.
    fn here(&self, text: &str) -> String {
        let folder = |name: &str| self.tool.path(name).display().to_string();
        text.replace("ons://cn-hangzhou", &self.gateway.url())
            .replace("/etc/ons-audit", &folder("etc"))
            .replace("/var/lib/ons-audit", "/data")
            .replace("/data", &folder("data"))
    }

    /// Runs a command as the shell of cron does and returns what it says.
    fn run(&self, command: &str) -> String {
        let path = self.tool.path("fake").display().to_string();
        let command = self.here(command);
        shell(
            &self.tool,
            &format!("PATH={path}:$PATH\n({command})\necho \"ended $?\""),
        )
    }

    fn has(&self, ending: &str) -> bool {
        self.tool.has(&format!("data/audit-{DAY}.{ending}"))
    }
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
    assert!(!fields[5].contains('%'), "% would end the command");
    fields[5].trim().to_owned()
}

/// Returns the values of a key in a unit of systemd.
fn unit<'u>(text: &'u str, key: &str) -> Vec<&'u str> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(known, _)| *known == key)
        .map(|(_, value)| value)
        .collect()
}

/// Returns the command of the service, as systemd runs it: in its folder, with the keys in the environment.
fn service_command() -> String {
    let service = sample("service");
    assert_eq!(
        unit(&service, "EnvironmentFile"),
        ["/etc/ons-audit/credentials"]
    );
    let [folder] = unit(&service, "WorkingDirectory")[..] else {
        panic!("{service}")
    };
    let [command] = unit(&service, "ExecStart")[..] else {
        panic!("{service}")
    };
    assert!(
        !command.contains(['$', '%', '\'', '"']),
        "systemd would replace them"
    );
    format!(
        "set -a; . /etc/ons-audit/credentials; chmod 0 /etc/ons-audit/credentials; cd {folder}; exec {command}"
    )
}

/// Returns the command of the job for Kubernetes, run in its folder with the keys in the environment.
fn job_command() -> String {
    let job = sample("cronjob.yaml");
    let after = |key: &str| {
        let (_, rest) = job.split_once(key).unwrap();
        rest.lines().next().unwrap().trim().to_owned()
    };
    let words: Vec<String> = serde_json::from_str(&after(" command:")).unwrap();
    let folder = after(" workingDir:");
    let keys = "set -a; . /etc/ons-audit/credentials; rm /etc/ons-audit/credentials";
    format!("{keys}; cd {folder}; exec {}", words.join(" "))
}

#[test]
fn each_sample_audits_yesterday_by_the_calendar_of_utc_8() {
    for (command, endings) in [
        (cron_line(), &["csv", "html", "results.ndjson"] as &[_]),
        (service_command(), &["csv", "html", "results.ndjson"]),
        (job_command(), &["csv", "html", "results.ndjson"]),
    ] {
        for (expected, status) in [("GID_a", 0), ("GID_b", 1)] {
            let night = Night::plain(expected);
            let said = night.run(&command);
            let ends = format!("ended {status}\n");
            assert!(
                said.ends_with(&ends) || said.contains(&format!("exit status {status}:")),
                "{said}"
            );
            for ending in endings {
                assert!(
                    night.has(ending),
                    "{command}: {ending}: {:?}",
                    night.tool.names()
                );
            }
        }
    }
}

#[test]
fn cron_is_silent_when_all_is_well_and_only_then() {
    assert_eq!(Night::plain("GID_a").run(&cron_line()), "ended 0\n");
    let said = Night::plain("GID_b").run(&cron_line());
    assert!(
        said.contains("exit status 1: see the reports in "),
        "{said}"
    );
}

#[test]
fn the_service_leaves_metrics() {
    let night = Night::plain("GID_a");
    night.run(&service_command());
    assert!(
        night.tool.has("data/nightly.prom"),
        "{:?}",
        night.tool.names()
    );
}

#[test]
fn each_sample_starts_again_three_times_after_exit_3() {
    let service = sample("service");
    assert_eq!(unit(&service, "Restart"), ["on-failure"]);
    assert_eq!(unit(&service, "RestartPreventExitStatus"), ["1 2"]);
    assert_eq!(unit(&service, "StartLimitBurst"), ["4"]);
    let job = sample("cronjob.yaml");
    assert!(
        job.contains("backoffLimit: 3") && job.contains("values: [1, 2]"),
        "{job}"
    );

    let outbox = format!("msg_id,topic\n{ID},orders\n");
    let late = |call: Call<'_>| (call.number <= 3).then_some(Fault::Internal);
    let night = Night::new("GID_a", Gateway::setup().plan(late), outbox.as_bytes());
    // One attempt for each start.
    let script = night.tool.read("etc/nightly.sh");
    let script = script.replace("--resume", "--resume --max-attempts 1");
    night.tool.write("etc/nightly.sh", script);
    shell(&night.tool, "chmod +x etc/nightly.sh");
    let said = night.run(&cron_line());
    assert_eq!(said.matches("slept 600").count(), 3, "{said}");
    assert!(
        said.ends_with("ended 0\n") && !said.contains("exit status"),
        "{said}"
    );
    assert_eq!(night.gateway.calls(), 4);
}

#[test]
fn a_byte_that_is_not_utf_8_costs_its_line_only() {
    let outbox = format!("msg_id,topic,customer\n{ID},orders,a\n{ID},orders,caf\u{e9}\n");
    let outbox: Vec<u8> = outbox
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let night = Night::new("GID_a", Gateway::setup(), &outbox);
    let said = night.run(&job_command());
    assert!(said.ends_with("ended 1\n"), "{said}");
    assert!(night.has("results.ndjson"), "{:?}", night.tool.names());
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
