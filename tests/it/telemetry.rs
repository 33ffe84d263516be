//! Metrics and webhooks at the end of a run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::credentials::small::{CERTIFICATE, Small};
use super::tool::{Call, Tool};

const AUDIT: &str = "audit samples/incident.csv --source samples/cluster.json \
                     --expect-file samples/expected.csv --accept filtered -o a.json";

/// Returns each series with its value as written.
fn series(tool: &Tool, name: &str) -> BTreeMap<String, String> {
    let page = tool.read(name);
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.to_owned())
        })
        .collect()
}

fn number(count: &Value) -> String {
    format!("{count}.0")
}

#[test]
fn metrics_count_what_the_reports_count() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--metrics nightly.prom").ends(1);
    let told = series(&tool, "nightly.prom");
    let summary: Value = serde_json::from_str(&tool.read("a.json")).unwrap();
    for (verdict, count) in summary["messages"].as_object().unwrap() {
        let name = format!("ons_audit_messages{{audit=\"nightly\",verdict=\"{verdict}\"}}");
        assert_eq!(told[&name], number(count), "{name}");
    }
    for (group, counts) in summary["groups"].as_object().unwrap() {
        for verdict in [
            "passed",
            "filtered",
            "open",
            "undetermined",
            "absent",
            "dead_lettered",
            "retrying",
            "failed",
        ] {
            let name = format!(
                "ons_audit_group_messages{{audit=\"nightly\",group=\"{group}\",verdict=\"{verdict}\"}}"
            );
            assert_eq!(told[&name], number(&counts[verdict]), "{name}");
        }
    }
    let run = |name: &str| &*told[&format!("ons_audit_{name}{{audit=\"nightly\"}}")];
    assert_eq!(run("rows"), "1000.0");
    assert_eq!(
        (run("last_run_exit_status"), run("last_run_complete")),
        ("1.0", "1.0")
    );
    assert_eq!(
        (run("last_run_calls"), run("last_run_retries")),
        ("986.0", "0.0")
    );
    assert_eq!(
        run("last_success_timestamp_seconds"),
        run("last_run_timestamp_seconds")
    );
    assert_eq!(
        tool.mode("nightly.prom"),
        0o644,
        "node_exporter is another user"
    );
    assert_eq!(tool.mode("a.json"), 0o600);
}

#[test]
fn failed_runs_keep_the_last_success() {
    let tool = Tool::new();
    tool.call(AUDIT).args("--metrics a.prom").ends(1);
    let last_success = "ons_audit_last_success_timestamp_seconds{audit=\"a\"}";
    let good = series(&tool, "a.prom")[last_success].clone();
    for (line, status) in [
        ("audit samples/none.csv --source samples/cluster.json", 2),
        (
            "audit samples/incident.csv --source http://127.0.0.1:9 --max-attempts 1 --rate max",
            3,
        ),
    ] {
        let call = tool.call(line).args("-o b.csv --metrics a.prom").key();
        call.ends(status);
        let told = series(&tool, "a.prom");
        assert_eq!(
            told["ons_audit_last_run_exit_status{audit=\"a\"}"],
            format!("{status}.0")
        );
        assert_eq!(told["ons_audit_last_run_complete{audit=\"a\"}"], "0.0");
        assert_eq!(told[last_success], good);
    }
}

#[test]
fn foreign_metrics_files_are_refused_before_queries() {
    let tool = Tool::new();
    tool.write("samples/other.prom", "up 1\n");
    for (path, says) in [
        (
            "samples/other.prom",
            "samples/other.prom holds something else than our metrics",
        ),
        (
            "orders.txt",
            "the metrics file orders.txt does not end in .prom, so node_exporter would not read it",
        ),
        (
            "nowhere/a.prom",
            "can't write nowhere/a.prom: the folder nowhere does not exist",
        ),
    ] {
        let said = tool.call(AUDIT).args("--metrics").arg(path).ends(2);
        assert!(
            said.stderr.contains(says) && said.stderr.contains("\nhint: "),
            "{}",
            said.stderr
        );
        assert_eq!(tool.names(), [""; 0]);
    }
}

/// Returns a webhook address with a token in its path and another in its query.
fn hook(scheme: &str, server: &Small) -> String {
    format!(
        "{scheme}://{}/hook/s3cretpath?access_token=s3crettoken",
        server.address
    )
}

fn notified<'t>(tool: &'t Tool, url: &str, template: &str) -> Call<'t> {
    let call = tool.call(AUDIT).args("--notify-template").arg(template);
    call.env("ONS_AUDIT_NOTIFY_URL", url)
}

#[test]
fn a_webhook_gets_counts_and_no_ids() {
    for template in ["json", "slack", "dingtalk", "feishu", "wecom"] {
        let tool = Tool::new();
        let ok = r#"{"errcode":0,"code":0}"#;
        let server = Small::plain(move |_| (200, ok.to_owned()));
        let call = notified(&tool, &hook("http", &server), template);
        let said = call.env("ONS_AUDIT_NOTIFY_SECRET", "SECs1gning").ends(1);
        assert!(!said.stderr.contains("can't notify"), "{}", said.stderr);
        let asked = server.asked();
        let [request] = &*asked else {
            panic!("{asked:?}")
        };
        assert!(
            request.starts_with("POST /hook/s3cretpath?access_token=s3crettoken"),
            "{request}"
        );
        assert!(
            request.contains("content-type: application/json; charset=utf-8\r\n"),
            "{request}"
        );
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap();
        assert!(body.contains("290 of 986 messages were missed"), "{body}");
        for private in ["0A15030B", "A-10645", "SECs1gning", "MQ_INST"] {
            assert!(
                !request.contains(private),
                "{template} tells {private}: {request}"
            );
        }
        let is_signed = body.contains("\"sign\"") || request.contains("&sign=");
        assert_eq!(
            is_signed,
            ["dingtalk", "feishu"].contains(&template),
            "{request}"
        );
    }
}

#[test]
fn failing_webhooks_change_and_reveal_nothing() {
    let echo = |request: &str| (500, request.to_owned());
    let refuses = |_: &str| {
        (
            200,
            r#"{"errcode":310000,"errmsg":"invalid s3crettoken"}"#.to_owned(),
        )
    };
    let moved = |_: &str| (302, String::new());
    let servers = [
        (Small::plain(echo), "it answers HTTP 500"),
        (
            Small::plain(refuses),
            r#"it answers {"errcode":310000,"errmsg":"invalid ***"}"#,
        ),
        (Small::plain(moved), "it answers HTTP 302"),
    ];
    for (server, says) in servers {
        let tool = Tool::new();
        let said = notified(&tool, &hook("http", &server), "dingtalk").ends(1);
        let warning = said
            .stderr
            .lines()
            .find(|line| line.contains("can't notify"));
        let warning = warning.unwrap_or_else(|| panic!("no warning: {}", said.stderr));
        let address = format!("can't notify http://{}/***: {says}", server.address);
        assert!(warning.contains(&address), "{warning}");
        assert!(!said.stderr.contains("s3cret"), "{}", said.stderr);
        assert_eq!(server.asked().len(), 1, "once, and nowhere else");
        assert!(tool.has("a.json"));
    }
    let tool = Tool::new();
    let said = notified(&tool, "http://127.0.0.1:9/s3cret", "slack").ends(1);
    assert!(
        said.stderr
            .contains("can't notify http://127.0.0.1:9/***: can't connect"),
        "{}",
        said.stderr
    );
}

#[test]
fn tls_webhooks_are_verified_by_their_authority() {
    let tool = Tool::new();
    tool.write("ca.pem", CERTIFICATE);
    let server = Small::tls(|_| (200, "ok".to_owned()));
    let said = notified(&tool, &hook("https", &server), "slack")
        .args("--ca-cert ca.pem")
        .ends(1);
    assert!(!said.stderr.contains("can't notify"), "{}", said.stderr);
    let said = notified(&tool, &hook("https", &server), "slack").ends(1);
    assert!(
        said.stderr.contains("its certificate is not trusted"),
        "{}",
        said.stderr
    );
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn webhooks_get_failures_and_optionally_successes() {
    let tool = Tool::new();
    let server = Small::plain(|_| (200, String::new()));
    let call = |line: &str, url: &str| {
        let call = tool.call(line).args("--notify-when problems -o b.csv");
        call.env("ONS_AUDIT_NOTIFY_URL", url)
    };
    let url = hook("http", &server);
    tool.write(
        "one.csv",
        "msg_id,topic\n0A15030B110F18B4AAC264BE6C450BA2,orders\n",
    );
    tool.call("audit one.csv --source samples/cluster.json --expect GID_billing -o c.csv")
        .ends(0);
    call(
        "audit one.csv --source samples/cluster.json --expect GID_billing",
        &url,
    )
    .ends(0);
    assert_eq!(server.asked().len(), 0);
    call("audit none.csv --source samples/cluster.json", &url).ends(2);
    let asked = server.asked();
    assert!(
        asked[0].contains(r#""audit":"b""#) && asked[0].contains(r#""status":"refused""#),
        "{asked:?}"
    );
}

#[test]
fn the_address_of_a_webhook_is_shown_nowhere() {
    let tool = Tool::new();
    let file = "notify_url = \"https://hooks.example/s3cret\"\n";
    tool.write("open.toml", file);
    for command in ["audit", "plan", "serve"] {
        let said = tool
            .call(command)
            .args("--show-settings --config open.toml");
        assert_eq!(
            said.ends(2).stderr,
            "error: open.toml: mode 0644, expected 0600: it holds notify_url, and others can read it\n\
             hint: chmod 600 open.toml\n"
        );
    }
    tool.write_private("mine.toml", file);
    let said = tool
        .call("audit --show-settings --config mine.toml")
        .ends(0);
    assert!(
        said.stdout.contains("notify_url = \"***\"  # mine.toml\n"),
        "{}",
        said.stdout
    );
    for (url, says) in [
        (
            "hooks.example/s3cret",
            "notify_url (from ONS_AUDIT_NOTIFY_URL): not an address, expected https://HOST/PATH",
        ),
        (
            "http://hooks.example/s3cret",
            "plain http would show the address on its way",
        ),
    ] {
        let said = notified(&tool, url, "json").ends(2);
        assert!(
            said.stderr.contains(says) && !said.stderr.contains("s3cret"),
            "{}",
            said.stderr
        );
    }
    let said = tool.call(AUDIT).args("--notify-template irc").ends(2);
    assert!(
        said.stderr
            .contains("`irc` is no template; expected json, slack"),
        "{}",
        said.stderr
    );
}
