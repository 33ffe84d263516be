//! Access keys and rights, and addresses on which the program refuses to listen.

use super::super::tool::{Tool, table};
use super::{Served, with_key};

#[test]
fn an_address_that_others_reach_needs_keys_and_tls() {
    let tool = Tool::new();
    tool.write_private("keys.toml", super::KEYS);
    let serve = "serve --source samples/cluster.json --listen 0.0.0.0:0";
    for (flags, says, hint) in [
        ("", "there are no access keys", "--keys FILE"),
        ("--behind-proxy", "there are no access keys", "--keys FILE"),
        ("--keys keys.toml", "there is no TLS", "--behind-proxy"),
    ] {
        let said = tool.call(serve).args(flags).ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(said.stderr.contains(hint), "{}", said.stderr);
    }
    let call = tool.call(serve).args("--keys keys.toml --behind-proxy");
    let served = Served::of(call);
    assert!(served.url.starts_with("http://0.0.0.0:"));
    served.end();
}

#[test]
fn bad_settings_are_reported_before_the_port_is_open() {
    let tool = Tool::new();
    tool.write("open.toml", super::KEYS);
    tool.write_private(
        "broken.toml",
        "[[keys]]\nid = 'a'\nsecret = 'hush'\nsecrt = 1\n",
    );
    for (flags, says) in [
        ("--keys open.toml", "mode 0644, expected 0600"),
        ("--keys broken.toml", "broken.toml:4: unknown field `secrt`"),
        (
            "--keys none.toml",
            "can't read the access keys in none.toml",
        ),
        (
            "--tls-cert a.pem",
            "one of --tls-cert and --tls-key is missing",
        ),
        ("--tls-cert a.pem --tls-key a.key", "can't read a.pem"),
        ("--fault-rate 2", "`2` is not a share"),
        ("--listen here", "--listen"),
        ("--source none.json", "can't read snapshot none.json"),
    ] {
        let call = tool.call("serve --source samples/cluster.json");
        let call = if flags.contains("--source") {
            tool.call("serve")
        } else {
            call
        };
        let said = call.args("--listen 127.0.0.1:0").args(flags).ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(!said.stderr.contains("listening"), "{}", said.stderr);
        assert!(!said.stderr.contains("hush"), "{}", said.stderr);
    }
}

#[test]
fn a_signal_reloads_keys_unless_the_file_is_broken() {
    let tool = Tool::new();
    let mut served = Served::start(&tool, "");
    let url = served.url.clone();
    let ask = |status| {
        let audit = "audit samples/incident.csv -q -o a.csv --results a.results.ndjson --source";
        let _ = std::fs::remove_file(tool.path("a.results.ndjson.partial"));
        with_key(tool.call(audit).arg(&url).args("--rate max"))
            .ends(status)
            .stderr
    };
    ask(1);
    tool.write_private("keys.toml", "[[keys]]\nid = 'another'\n");
    served.running.signal("HUP");
    served.running.hear("the access keys stay as they were");
    ask(1);
    tool.write_private("keys.toml", "[[keys]]\nid = 'another'\nsecret = 'x'\n");
    served.running.signal("HUP");
    served.running.hear("access keys read again: 1");
    let said = ask(2);
    assert!(said.contains("InvalidAccessKeyId.NotFound"), "{said}");
    served.end();
}

#[test]
fn a_key_without_any_right_stops_the_audit() {
    let tool = Tool::new();
    let keys = format!("{}topics = ['payments']\n", super::KEYS);
    tool.write_private("narrow.toml", &keys);
    let served = Served::start(&tool, "--keys narrow.toml");
    let audit = "audit samples/incident.csv -o a.csv --rate max --concurrency 1 --source";
    let said = with_key(tool.call(audit).arg(&served.url)).ends(2);
    assert!(said.stderr.contains("NoPermission"), "{}", said.stderr);
    served.end();
}

#[test]
fn a_key_without_a_right_to_one_topic_gets_the_others() {
    let tool = Tool::new();
    let keys = format!("{}topics = ['payments', 'refunds']\n", super::KEYS);
    tool.write_private("narrow.toml", &keys);
    let whole = tool.read("samples/incident.csv");
    let rows = |topic: &str, most: usize| -> Vec<&str> {
        let of_topic = whole.lines().filter(|row| row.contains(topic));
        of_topic.take(most).collect()
    };
    let [header, payments, orders, refunds] = [
        rows("msg_id", 1),
        rows(",payments,", 3),
        rows(",orders,", 40),
        rows(",refunds,", 30),
    ];
    tool.write(
        "mixed.csv",
        [header, payments, orders, refunds].concat().join("\n"),
    );
    let served = Served::start(&tool, "--keys narrow.toml");
    let audit = |flags: &str| {
        let audit = "audit mixed.csv -o a.csv --rate max --concurrency 4 --source";
        let said = with_key(tool.call(audit).arg(&served.url).args(flags)).ends(3);
        let report = table(&tool.read("a.csv"));
        for row in &report {
            let is_unanswered = row["message_verdict"] == "unanswered";
            assert_eq!(is_unanswered, row["topic"] == "orders", "{row:?}");
        }
        said.stderr
    };
    let first = audit("");
    let again = audit("--resume");
    for said in [first, again] {
        for part in [
            "the key may not ask about topic orders (NoPermission), so its messages stay unanswered: grant",
            "%orders, or leave that topic out",
            "INCOMPLETE: ",
            "errors       NoPermission ",
            " NoPermission: grant the RAM user mq:QueryMessageTrace",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let calls = served.end().matches("\"code\":\"NoPermission\"").count();
    assert!((2..=8).contains(&calls), "{calls} calls were in vain");
}

#[test]
fn keys_come_from_the_environment_or_are_not_needed_locally() {
    let tool = Tool::new();
    let serve = "serve --source samples/cluster.json --listen 127.0.0.1:0";
    let call = tool.call(serve);
    let served = Served::of(call.env("ONS_AUDIT_SERVE_KEYS", "served-key-id:served-key-secret"));
    let audit = "audit samples/incident.csv -q -o a.csv --rate max --source";
    with_key(tool.call(audit).arg(&served.url)).ends(1);
    assert!(!served.end().contains("no access keys"));

    let mut served = Served::of(tool.call(serve));
    served
        .running
        .hear("no access keys: every client that reaches this port is answered");
    tool.call(audit)
        .arg(&served.url)
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "anybody")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "anything")
        .ends(1);
    served.end();
}
