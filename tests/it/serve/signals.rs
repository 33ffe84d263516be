//! Signals work whatever the program waits for, and key files that could block it are refused.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Command;

use super::super::tool::Tool;
use super::Served;
use super::http::get;

/// Makes a pipe with a name, which nobody writes to.
fn pipe(tool: &Tool, name: &str) {
    let path = tool.path(name);
    let _ = std::fs::remove_file(&path);
    let made = Command::new("mkfifo")
        .args(["-m", "600"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn key_files_that_are_not_regular_files_are_refused() {
    let tool = Tool::new();
    pipe(&tool, "pipe");
    tool.write_private("keys.toml", super::KEYS);
    for (flags, says) in [
        (
            "--keys pipe",
            "can't read the access keys in pipe: it is not a regular file",
        ),
        (
            "--keys /dev/zero",
            "can't read the access keys in /dev/zero: it is not a regular file",
        ),
        (
            "--tls-cert pipe --tls-key pipe",
            "can't read pipe: it is not a regular file",
        ),
    ] {
        let serve = "serve --source samples/cluster.json --listen 127.0.0.1:0";
        let said = tool.call(serve).args(flags).ends(2);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(said.stderr.contains("\nhint: "), "{}", said.stderr);
    }
}

#[test]
fn a_pipe_in_place_of_the_keys_changes_and_delays_nothing() {
    let tool = Tool::new();
    let mut served = Served::start(&tool, "");
    pipe(&tool, "keys.toml");
    served.running.signal("HUP");
    served
        .running
        .hear("it is not a regular file; the access keys stay as they were");
    assert!(get(&served, "/healthz").ends_with("ok\n"));
    served.end();
}

#[test]
fn a_reader_of_stderr_that_stops_does_not_keep_the_server() {
    let tool = Tool::new();
    pipe(&tool, "stderr");
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let running = call.under("exec \"$@\" 2>stderr").start();
    let mut lines = BufReader::new(File::open(tool.path("stderr")).unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let url = line
        .trim()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned();
    let served = Served { running, url };
    // Their lines in the access log are more than a pipe holds.
    for _ in 0..500 {
        let answer = get(&served, "/none");
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    served.end();
}

#[test]
fn a_server_that_is_not_open_yet_ends_at_once() {
    let tool = Tool::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let source = format!("rocketmq://{}", silent.local_addr().unwrap());
    let call = tool.call("serve --listen 127.0.0.1:0 --source");
    let script = "\"$@\" & echo $! >&2; wait $!; echo \"ended with $?\" >&2";
    let mut running = call.arg(&source).under(script).start();
    let id = running.line();
    let _asked = silent.accept().unwrap();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
    running.hear("ended with 143");
    running.ends(0);
}

#[test]
fn an_empty_variable_for_keys_is_refused() {
    let tool = Tool::new();
    let serve = "serve --source samples/cluster.json --listen 127.0.0.1:0";
    for text in ["", " "] {
        let said = tool.call(serve).env("ONS_AUDIT_SERVE_KEYS", text).ends(2);
        for part in [
            "error: ONS_AUDIT_SERVE_KEYS: it is empty, expected id:secret,…",
            "\nhint: ",
            "unset it to serve without keys",
        ] {
            assert!(said.stderr.contains(part), "{}", said.stderr);
        }
    }
}
