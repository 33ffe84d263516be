//! Health, metrics, access log, shutdown, and other operations by a plain GET.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::super::tool::Tool;
use super::Served;

/// Sends one plain request. Returns the response with its head.
pub(super) fn get(served: &Served, target: &str) -> String {
    let address = served.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_and_metrics_are_served() {
    let tool = Tool::new();
    let served = Served::start(&tool, "");
    let health = get(&served, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 OK"), "{health}");
    let refused = get(
        &served,
        "/?Action=OnsMessageTrace&Version=2019-02-14&Format=JSON",
    );
    assert!(refused.starts_with("HTTP/1.1 400 Bad Request"), "{refused}");
    assert!(
        refused.contains(r#""Code":"MissingParameter""#),
        "{refused}"
    );
    let metrics = get(&served, "/metrics");
    let counted = metrics.lines().find(|line| {
        line.contains("OnsMessageTrace")
            && line.contains("MissingParameter")
            && line.ends_with(" 1")
    });
    assert!(counted.is_some(), "{metrics}");
    let said = served.end();
    assert!(said.contains(r#""code":"MissingParameter""#), "{said}");
}

#[test]
fn without_keys_a_browser_is_answered() {
    let tool = Tool::new();
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let served = Served::of(call);
    let answer = get(
        &served,
        "/?Action=OnsTopicSubDetail&Version=2019-02-14&Format=JSON&Topic=orders",
    );
    assert!(
        answer.contains(
            r#""GroupId":"GID_search","MessageModel":"CLUSTERING","SubString":"created||paid""#
        ),
        "{answer}"
    );
    let answer = get(&served, "/?Action=OnsRegionList&Version=2019-02-14");
    assert!(
        answer.contains("<OnsRegionId>demo</OnsRegionId>"),
        "{answer}"
    );
    let answer = get(
        &served,
        "/?Action=OnsTopicCreate&Version=2019-02-14&Format=JSON",
    );
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("InvalidAction.NotFound"), "{answer}");
    served.end();
}

#[test]
fn an_answer_in_flight_is_finished_at_shutdown() {
    let tool = Tool::new();
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let served = Served::of(call.args("--latency 1s"));
    let mut stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
    let call = b"GET /?Action=OnsRegionList&Version=2019-02-14 HTTP/1.1\r\nhost: h\r\n\r\n";
    stream.write_all(call).unwrap();
    get(&served, "/healthz"); // came later and was answered, so the other is in flight
    let said = served.end();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(said.contains("stopping"), "{said}");
}
