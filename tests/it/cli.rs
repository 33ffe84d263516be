//! The command line: help, usage errors, completions, settings.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use super::tool::Tool;

pub(crate) const COMMANDS: [&str; 11] = [
    "audit",
    "plan",
    "report",
    "diff",
    "expect",
    "serve",
    "snapshot",
    "verify",
    "inspect",
    "completions",
    "man",
];

/// The options that `audit` must have.
const OPTIONS: &str = "--source --output --matrix --results --msg-id-column --topic-column --instance-column --topic \
    --instance --input-format --encoding --sheet --log-column --trust-coordinates --delimiter --no-header --keep --shard --stream --expect --expect-file --accept --examine --examine-limit --trace-topic --trace-sample --rate --burst --quota-file --shared-quota \
    --concurrency --max-attempts --max-rejects --rejects --removed-broker --timeout --profile --signature --allow-http --quiet \
    --log-format --no-progress --exit-zero --raw-csv --bom --tz --lang --output-delimiter --split --bundle --worklist --producer-zone --tls --ca-cert --proxy --allow-external-credentials \
    --metrics --notify-template --notify-when --numbers \
    --resume --restart --finish-by --max-time --born-column --previous --infer --trust-input --recheck --config --show-settings --help";

/// Returns the options in a text.
pub(crate) fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| c != '-' && !c.is_ascii_alphanumeric());
    words
        .filter(|word| {
            let name = word.strip_prefix("--");
            name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn help_is_complete_plain_and_no_wider_than_a_page() {
    let tool = Tool::new();
    for command in [""].into_iter().chain(COMMANDS) {
        for flag in ["--help", "-h"] {
            let said = tool.call(&format!("{command} {flag}")).ends(0);
            assert_eq!(said.stderr, "");
            assert!(
                !said.stdout.contains('\u{1b}'),
                "escape codes go to terminals only"
            );
            for line in said.stdout.lines() {
                assert!(line.chars().count() <= 120, "{line}");
            }
        }
    }
    let help = tool.call("audit --help").ends(0).stdout;
    assert_eq!(options(&help), options(OPTIONS));
    assert!(
        help.matches("Example").count() >= 5,
        "long help has examples"
    );
    let overview = tool.call("--help").ends(0).stdout;
    for command in COMMANDS {
        assert!(overview.contains(&format!("\n  {command} ")), "{overview}");
    }
    assert!(overview.contains("Exit status: 0 all reconciled, 1 something to look at, 2 refused"));
}

/// Checks that help has no words that only other kinds of commands use.
#[test]
fn help_shows_only_what_the_command_can_do() {
    let tool = Tool::new();
    let snapshot = tool.call("snapshot --help").ends(0).stdout;
    for flag in [
        "--profile",
        "--signature",
        "--allow-external-credentials",
        "--proxy",
        "--allow-http",
        "ons://",
        "https://",
        "ons-audit audit",
        "8/s for ons://",
        "rmq",
    ] {
        assert!(!snapshot.contains(flag), "{flag}: {snapshot}");
    }
    for flag in ["--tls", "--ca-cert", "--timeout", "[default: 500/s]"] {
        assert!(snapshot.contains(flag), "{flag}: {snapshot}");
    }
    let audit = tool.call("audit --help").ends(0).stdout;
    for words in [
        "Most flags can be set there or as ONS_AUDIT_… variables; --show-settings lists",
        "Notifications:",
        "Resume and reuse:",
        "Where to ask: ons://REGION",
        "Examples: ons-audit audit ids.txt --topic orders --source ons://cn-hangzhou",
    ] {
        // Line breaks do not count.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&audit).contains(&flat(words)), "{words}: {audit}");
    }
}

#[test]
fn help_is_a_command_for_those_who_try_it_first() {
    let tool = Tool::new();
    for (asked, same_as) in [
        ("help", "--help"),
        ("help audit", "audit --help"),
        ("help expect learn", "expect learn --help"),
    ] {
        let told = tool.call(asked).ends(0);
        assert_eq!(told.stdout, tool.call(same_as).ends(0).stdout, "{asked}");
    }
    let said = tool.call("help adit").ends(2);
    assert!(
        said.stderr.contains("a similar subcommand exists: 'audit'"),
        "{}",
        said.stderr
    );
}

#[test]
fn the_version_is_the_packages() {
    let version = Tool::new().call("--version").ends(0);
    assert_snapshot!(version.plain_stdout(), @"ons-audit [VERSION]");
}

#[test]
fn a_usage_error_ends_with_2_and_says_what_was_meant() {
    let tool = Tool::new();
    for (line, says) in [
        ("", "Usage: ons-audit <COMMAND>"),
        ("adit", "a similar subcommand exists: 'audit'"),
        ("audit --sorce x", "a similar argument exists: '--source'"),
        (
            "audit --source",
            "a value is required for '--source <SOURCE>'",
        ),
        (
            "audit --input-format word",
            "`word` is not an input format, expected csv, tsv, ndjson, json, log, ids or parquet",
        ),
        ("audit --delimiter ab", "`ab` is not one ASCII character"),
        ("audit --resume --restart", "cannot be used with"),
        ("report", "<RESULTS>..."),
        ("diff old.ndjson", "<NEW>"),
        ("inspect", "<MSG_ID>..."),
        ("completions klingon", "invalid value 'klingon'"),
        ("man klingon", "there is no command `klingon`"),
    ] {
        let said = tool.call(line).ends(2);
        assert!(said.stderr.contains(says), "{line}: {}", said.stderr);
        assert_eq!(said.stdout, "", "{line}");
        assert!(!said.stderr.contains('\u{1b}'), "{line}");
    }
}

#[test]
fn a_bad_value_ends_with_2_and_says_what_was_expected() {
    let tool = Tool::new();
    for (flag, says) in [
        (
            "--rate 0",
            "expected calls per second, minute or hour such as 10/s, 600/m",
        ),
        ("--rate fast", "\nhint: for example --rate 8/s\n"),
        ("--max-time 5x", "\nhint: for example --max-time 2h\n"),
        (
            "--finish-by 25:00",
            "\nhint: for example --finish-by 06:00\n",
        ),
        (
            "--accept filterd",
            "\nhint: for example --accept filtered\n",
        ),
        ("--burst 0", "burst (from --burst)"),
        ("--concurrency none", "concurrency (from --concurrency)"),
        ("--max-attempts 0", "max_attempts (from --max-attempts)"),
        ("--timeout 5", "timeout (from --timeout)"),
        ("--signature v4", "signature (from --signature)"),
        ("--accept open", "accept (from --accept)"),
        (
            "--producer-zone Mars/Base",
            "producer_zone (from --producer-zone)",
        ),
        (
            "--tz Mars/Base",
            "tz (from --tz): `Mars/Base` is not a time zone",
        ),
        (
            "--lang fr",
            "lang (from --lang): `fr` is no language of the reports",
        ),
        ("--log-format xml", "log_format (from --log-format)"),
        ("--expect-file nowhere.csv", "nowhere.csv"),
    ] {
        let call = tool
            .call("audit samples/incident.csv --source http://127.0.0.1:9 -o a.csv")
            .args(flag);
        let said = call.key().ends(2);
        assert!(said.stderr.contains(says), "{flag}: {}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{flag}: {}", said.stderr);
        assert_eq!(tool.names(), [""; 0]);
    }
}

#[test]
fn flags_that_would_be_ignored_are_refused() {
    let tool = Tool::new();
    for (flags, says) in [
        (
            "--recheck 5%",
            "--recheck needs --previous RESULTS or --infer",
        ),
        ("--trust-input", "--infer"),
        (
            "--burst 5 --quota-file q",
            "'--burst <N>' cannot be used with '--quota-file <FILE>'",
        ),
        (
            "--trace-topic T",
            "--trace-topic has no effect on this source",
        ),
        (
            "--examine failures,traces",
            "--trace-sample N traces some messages",
        ),
    ] {
        let call = tool.call("audit samples/incident.csv --source http://127.0.0.1:9 -o a.csv");
        let said = call.args(flags).ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
    }
    for (source, flags) in [
        ("samples/cluster.json", "--trace-sample 5"),
        ("samples/cluster.json", "--trace-topic T"),
        ("rocketmq://127.0.0.1:9", "--trace-sample 5"),
    ] {
        let call = tool.call("audit samples/incident.csv -o a.csv --source");
        let said = call.args(source).args(flags).ends(2);
        let says = format!(
            "{} has no effect on this source",
            &flags[..flags.find(' ').unwrap()]
        );
        assert!(said.stderr.contains(&says), "{flags}: {}", said.stderr);
    }
}

#[test]
fn shells_know_every_option() {
    let tool = Tool::new();
    let names: Vec<_> = OPTIONS
        .split_whitespace()
        .map(|option| &option[2..])
        .collect();
    for shell in ["bash", "zsh", "fish"] {
        let script = tool.call(&format!("completions {shell}")).ends(0).stdout;
        assert!(script.contains("ons-audit"));
        for name in &names {
            assert!(script.contains(name), "{shell} does not know {name}");
        }
    }
}

#[test]
fn settings_are_shown_with_their_origins() {
    let tool = Tool::new();
    tool.write(
        "mine.toml",
        "burst = 3\nmax_attempts = 7\ntimeout = \"3s\"\n",
    );
    let call = tool.call("audit --show-settings --config mine.toml --rate 3/s --bom");
    let said = call
        .env("ONS_AUDIT_TIMEOUT", "4s")
        .env("ONS_AUDIT_RATE", "4/s")
        .ends(0);
    for line in [
        "rate = \"3/s\"  # --rate\n",
        "timeout = \"4s\"  # ONS_AUDIT_TIMEOUT\n",
        "burst = \"3\"  # mine.toml\n",
        "max_attempts = \"7\"  # mine.toml\n",
        "bom = \"true\"  # --bom\n",
        "source = \"\"  # default\n",
    ] {
        assert!(said.stdout.contains(line), "{line}{}", said.stdout);
    }
    assert_eq!(said.stderr, "");
    // The printed settings are a valid settings file, as is the sample.
    tool.write("shown.toml", said.stdout.replace("  # --rate", ""));
    tool.call("audit --show-settings --config shown.toml")
        .ends(0);
    let said = tool
        .call("audit --show-settings")
        .env("ONS_AUDIT_CONFIG", "samples/settings.toml")
        .ends(0);
    assert!(said.stdout.contains("# samples/settings.toml"));

    for (file, says, hint) in [
        (
            "raet = \"1/s\"",
            "mine.toml: `raet` is not a setting",
            "did you mean rate?",
        ),
        ("rate = ", "mine.toml:1: ", "a line is NAME = VALUE"),
        (
            "rate = [1]",
            "rate (from mine.toml): expected a text, a whole number",
            "for example rate = ",
        ),
    ] {
        tool.write("mine.toml", file);
        let said = tool
            .call("audit --show-settings --config mine.toml")
            .ends(2);
        assert!(
            said.stderr.contains(says) && said.stderr.contains(hint),
            "{}",
            said.stderr
        );
    }
    let said = tool.call("plan --config nowhere.toml").ends(2);
    assert!(
        said.stderr
            .contains("can't read the settings file nowhere.toml"),
        "{}",
        said.stderr
    );
}

#[test]
fn settings_hold_wherever_they_come_from() {
    let tool = Tool::new();
    tool.write(
        "mine.toml",
        "source = \"samples/cluster.json\"\nexpect_file = \"samples/expected.csv\"\n",
    );
    let call = tool.call("audit samples/incident.csv -o a.json --config mine.toml");
    let said = call.env("ONS_AUDIT_ACCEPT", "filtered").ends(1);
    assert!(said.stderr.contains("290 break"), "{}", said.stderr);
}

#[test]
fn a_source_without_a_scheme_gets_one_in_the_hint() {
    let tool = Tool::new();
    for (source, hint) in [
        ("127.0.0.1:8181", "--source http://127.0.0.1:8181"),
        (
            "mq.example.test:443",
            "--source https://mq.example.test:443",
        ),
        (
            "mq.example.test:9876",
            "--source rocketmq://mq.example.test:9876 for a name server, --source https://mq.example.test:9876 for a gateway",
        ),
    ] {
        for command in ["audit", "plan"] {
            let call = tool.call(&format!("{command} samples/incident.csv --source {source}"));
            let said = call.ends(2).stderr;
            let says = format!(
                "error: the source `{source}` has no scheme, and there is no such file\nhint: {hint}\n"
            );
            assert!(said.ends_with(&says), "{said}");
        }
    }
    let said = tool
        .call("plan samples/incident.csv --source C:8x")
        .ends(2)
        .stderr;
    assert!(said.contains("can't read snapshot C:8x"), "{said}");
}

#[test]
fn errors_show_no_number_of_the_system() {
    let tool = Tool::new();
    let said = tool
        .call("audit missing.csv --source samples/cluster.json -o out.csv")
        .ends(2)
        .stderr;
    assert!(said.contains("No such file or directory\n"), "{said}");
    // The failure of a call in reports.
    let call = tool.call("audit samples/incident.csv --source http://127.0.0.1:1 -o out.csv --max-attempts 1 --max-rejects 100%");
    let said = call.arg("--rate").arg("max").key().ends(3).stderr;
    let report = tool.read("out.csv");
    assert!(report.contains("Connection refused"), "{report}");
    assert!(!said.contains("os error") && !report.contains("os error"));
}

#[test]
fn a_zone_west_of_greenwich_is_a_value_of_its_own() {
    let tool = Tool::new();
    let audit = "audit samples/incident.csv --source samples/cluster.json -o r.md";
    tool.call(audit)
        .args("--tz -05:00 --producer-zone -03:00")
        .ends(1);
    assert!(tool.read("r.md").contains("UTC-05:00"));
    let id = "0A15030B110F18B4AAC264BE6C450BA2";
    let said = tool
        .call(&format!("inspect {id} --producer-zone -03:00"))
        .ends(0);
    assert!(said.stdout.contains("-03:00"), "{}", said.stdout);
}
