//! Calls through a proxy, and around it.

use super::small::Small;
use super::{knowing, tells_nothing, tool};
use crate::gateway::Gateway;
use crate::tool::{Call, Tool};

/// A gateway on another host that only the proxy can resolve.
fn elsewhere(tool: &Tool) -> Call<'_> {
    tool.call("audit in.csv -o out.csv --allow-http --timeout 5s --max-attempts 1 --source http://ons.example.test")
        .key()
}

#[test]
fn a_proxy_is_named_by_flag_or_environment() {
    let tool = tool();
    let proxy = knowing().start(); // a proxy receives the same request as the gateway, with the address before the path
    elsewhere(&tool).args("--proxy").arg(&proxy.url()).ends(0);
    for (number, variable) in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]
        .into_iter()
        .enumerate()
    {
        let _ = std::fs::remove_file(tool.path("out.results.ndjson"));
        elsewhere(&tool).env(variable, &proxy.url()).ends(0);
        assert_eq!(proxy.calls(), number + 2);
    }
}

/// Every name of this machine used here is not loopback: without `NO_PROXY` it is reached through the proxy.
#[test]
fn no_proxy_is_kept_to() {
    let (tool, gateway, proxy) = (tool(), knowing().start(), knowing().start());
    let source = gateway.url().replace("127.0.0.1", "0.0.0.0");
    let call = || {
        let _ = std::fs::remove_file(tool.path("out.results.ndjson"));
        tool.call("audit in.csv -o out.csv --allow-http --source")
            .arg(&source)
            .key()
    };
    for variable in ["NO_PROXY", "no_proxy"] {
        let by_flag = call().args("--proxy").arg(&proxy.url());
        by_flag.env(variable, "example.test,0.0.0.0").ends(0);
        call()
            .env("HTTP_PROXY", &proxy.url())
            .env(variable, "0.0.0.0")
            .ends(0);
    }
    assert_eq!((gateway.calls(), proxy.calls()), (4, 0));
    call().env("HTTP_PROXY", &proxy.url()).ends(0);
    assert_eq!((gateway.calls(), proxy.calls()), (4, 1));
}

/// The HTTP client's own reader knows no ports and takes `*` for names only.
#[test]
fn entries_of_no_proxy_are_read_as_go_reads_them() {
    let (tool, gateway, proxy) = (tool(), knowing().start(), knowing().start());
    let source = gateway.url().replace("127.0.0.1", "0.0.0.0");
    let port = source.rsplit(':').next().unwrap();
    let call = |no_proxy: &str| {
        let _ = std::fs::remove_file(tool.path("out.results.ndjson"));
        let call = tool.call("audit in.csv -o out.csv --allow-http --source");
        let call = call.arg(&source).key().env("HTTP_PROXY", &proxy.url());
        call.env("NO_PROXY", no_proxy)
    };
    let exempting = ["*", "x.test,*", "0.0.0.0/8", &format!("0.0.0.0:{port}")];
    for entries in exempting {
        call(entries).ends(0);
    }
    assert_eq!((gateway.calls(), proxy.calls()), (exempting.len(), 0));
    call("0.0.0.0:1,*.test").ends(0);
    assert_eq!((gateway.calls(), proxy.calls()), (exempting.len(), 1));
    let said = call("x.test,0.0.*").ends(2);
    let says = "error: NO_PROXY has an entry `0.0.*` that can't be read\nhint: entries of NO_PROXY";
    assert!(said.stderr.contains(says), "{}", said.stderr);
    assert_eq!((gateway.calls(), proxy.calls()), (exempting.len(), 1));
}

#[test]
fn nothing_on_this_machine_is_reached_through_a_proxy() {
    let (tool, gateway, proxy) = (tool(), knowing().start(), Gateway::setup().start());
    let call = super::audit(&tool, &gateway).key();
    let call = call.args("--proxy").arg(&proxy.url());
    call.env("HTTP_PROXY", &proxy.url()).ends(0);
    assert_eq!((gateway.calls(), proxy.calls()), (1, 0));
}

/// If the variable were ignored, the request and its key would bypass the proxy.
#[test]
fn a_proxy_that_is_none_is_not_gone_past() {
    let (tool, gateway) = (tool(), knowing().start());
    // An address of this machine that is not loopback.
    let source = gateway.url().replace("127.0.0.1", "0.0.0.0");
    for (variable, value) in [
        ("HTTP_PROXY", "http://bob:pr0xy-pass@[bad"),
        ("http_proxy", "http://"),
        ("ALL_PROXY", "ftp://pr0xy-pass"),
    ] {
        let call = tool.call("audit in.csv -o out.csv --allow-http --source");
        let said = call.arg(&source).key().env(variable, value).ends(2);
        let says = format!(
            "error: {variable} is set, but not to the address of a proxy\nhint: set {variable} to http://HOST:PORT"
        );
        assert!(said.stderr.contains(&says), "{}", said.stderr);
        assert!(!said.stderr.contains("pr0xy-pass"), "{}", said.stderr);
    }
    assert_eq!(gateway.calls(), 0);
}

/// The system's certificate authorities apply to a proxy too.
#[test]
fn a_proxy_may_be_reached_by_tls() {
    let tool = tool();
    tool.write("ca.pem", super::small::CERTIFICATE);
    let answer = r#"{"RequestId":"r","Data":{"MessageTrack":[{"ConsumerGroup":"GID_a","TrackType":"CONSUMED"}]}}"#;
    let proxy = Small::tls(|_| (200, answer.to_owned()));
    let address = format!("https://{}", proxy.address);
    let call = elsewhere(&tool).env("HTTP_PROXY", &address);
    call.env("SSL_CERT_FILE", "ca.pem").ends(0);
    let [asked] = &*proxy.asked() else { panic!() };
    assert!(
        asked.starts_with("POST http://ons.example.test/?"),
        "{asked}"
    );
}

/// The password of a proxy is sent to the proxy only.
#[test]
fn tls_goes_through_a_tunnel_with_the_environments_password() {
    let tool = tool();
    tool.write("ca.pem", super::small::CERTIFICATE);
    let proxy = Small::plain(|_| (502, String::new()));
    let call = tool
        .call(
            "audit in.csv -o out.csv --ca-cert ca.pem --max-attempts 1 --source ons://cn-hangzhou",
        )
        .key()
        .env(
            "HTTPS_PROXY",
            &format!("http://bob:pr0xy-pass@{}", proxy.address),
        );
    let said = call.ends(2);
    let [asked] = &*proxy.asked() else {
        panic!("{}", said.stderr)
    };
    assert!(
        asked.starts_with("CONNECT ons.cn-hangzhou.aliyuncs.com:443 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked
            .to_ascii_lowercase()
            .contains("proxy-authorization: basic "),
        "{asked}"
    );
    assert!(
        !asked.contains("x-acs") && !asked.contains("Authorization: ACS3"),
        "{asked}"
    );
    assert!(!said.stderr.contains("pr0xy-pass"), "{}", said.stderr);
    tells_nothing(&tool, &said);
}

/// No call could succeed, so no call is repeated.
#[test]
fn a_proxy_that_lets_nobody_through_ends_the_run_at_once() {
    for (status, says, hint) in [
        (
            407,
            "the proxy wants a user and a password",
            "\nhint: give the proxy's user and password in HTTPS_PROXY",
        ),
        (
            403,
            "the proxy refuses a connection to the host",
            "\nhint: have the proxy allow CONNECT to the host",
        ),
    ] {
        let tool = tool();
        tool.write("ca.pem", super::small::CERTIFICATE);
        let proxy = Small::plain(move |_| (status, String::new()));
        let call = tool.call("audit samples/incident.csv -o out.csv --ca-cert ca.pem --source ons://cn-hangzhou --proxy");
        let said = call.arg(&format!("http://{}", proxy.address)).key().ends(2);
        for says in [says, hint] {
            assert!(said.stderr.contains(says), "{}", said.stderr);
        }
        assert_eq!(proxy.asked().len(), 1);
    }
}

#[test]
fn a_password_is_no_flag() {
    let tool = tool();
    for (proxy, says) in [
        (
            "http://bob:pr0xy-pass@proxy:3128",
            "secrets are never settings: give the whole address in the environment variable HTTPS_PROXY",
        ),
        ("proxy:3128", "expected http://HOST:PORT"),
        ("socks5://proxy:1080", "expected http://HOST:PORT"),
    ] {
        let said = elsewhere(&tool).args("--proxy").arg(proxy).ends(2);
        for says in [
            says,
            "\nhint: for example --proxy http://proxy.example:3128",
        ] {
            assert!(said.stderr.contains(says), "{}", said.stderr);
        }
        assert!(!said.stderr.contains("pr0xy-pass"), "{}", said.stderr);
        let shown = elsewhere(&tool)
            .args("--show-settings --proxy")
            .arg(proxy)
            .ends(0);
        assert!(!shown.stdout.contains("pr0xy-pass"), "{}", shown.stdout);
    }
}
