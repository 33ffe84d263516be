//! Slow, idle and broken clients: the real program stays up and small, and answers the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::tool::Tool;
use super::Served;

/// The connections that `serve` accepts; more of them wait.
const LIMIT: usize = 2048;
/// Each of them pipelines requests until `serve` cannot write any more, which takes a while in a debug build.
const SLOW_READERS: usize = 20;
const IDLE: usize = 900;
const PARTIAL_HEADS: usize = LIMIT - SLOW_READERS - IDLE;
/// Length of each partial head, in bytes: nearly that of the longest allowed head.
const PARTIAL_HEAD: usize = 15 * 1024;

/// The most memory that `serve` may use, in MiB: 100 MB.
const MOST_MIB: u64 = 95;

const GARBAGE: usize = 50;
const MEGABYTES: usize = 20;
const PIPELINED: usize = 1000;

const OK: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
const OK_AND_CLOSE: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// Lets this process open as many files as the system allows.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let enough = limit.is_none_or(|limit| limit >= 2 * LIMIT as u64);
    assert!(enough, "this test needs {} open files", 2 * LIMIT);
}

impl Served {
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap()
    }

    fn connect_and_send(&self, bytes: impl AsRef<[u8]>) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        stream
    }

    /// Sends bytes on a connection of its own, and reads to the end.
    #[track_caller]
    fn answer_to(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut answer = String::new();
        let mut stream = self.connect_and_send(bytes);
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[track_caller]
    fn is_well(&self) {
        let answer = self.answer_to(OK_AND_CLOSE);
        assert!(answer.ends_with("ok\n"), "{answer}");
    }
}

fn count(text: &str, words: &str) -> usize {
    text.lines().filter(|line| line.contains(words)).count()
}

/// Slow, because it waits for the timeout of heads, ten seconds.
#[test]
fn slow_and_idle_clients_at_the_limit_make_room_in_time() {
    raise_open_files();
    let tool = Tool::new();
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let served = Served::of(call);
    // Their answers are longer than the 4 MiB to which Linux lets the send buffer of a socket grow.
    let metrics = "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2000);
    let readers: Vec<_> = (0..SLOW_READERS)
        .map(|_| {
            let mut stream = served.connect();
            // Otherwise the system may hold all answers for the client, and `serve` has nothing left to write.
            set_socket_recv_buffer_size(&stream, 4096).unwrap();
            stream.write_all(metrics.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut idle: Vec<_> = (0..IDLE).map(|_| served.connect()).collect();
    // Half of them have sent a request before.
    for client in &mut idle[..IDLE / 2] {
        client.write_all(OK.as_bytes()).unwrap();
        let mut answer = [0; 256];
        let read = client.read(&mut answer).unwrap();
        assert!(answer[..read].ends_with(b"ok\n"));
    }
    served.is_well();

    let started = Instant::now();
    let partial_head = format!("GET / HTTP/1.1\r\nx: {}", "x".repeat(PARTIAL_HEAD));
    let heads: Vec<_> = (0..PARTIAL_HEADS)
        .map(|_| served.connect_and_send(&partial_head))
        .collect();
    served.is_well();
    let waited = started.elapsed();
    let peak = served.running.peak_mib();
    assert!(waited < Duration::from_secs(30), "served after {waited:?}");
    assert!(peak < MOST_MIB, "{peak} MiB");

    drop((readers, idle, heads));
    let log = served.end();
    let full = format!("all {LIMIT} connections are taken: new ones wait");
    assert!(log.contains(&full), "{log}");
    // Clients whose timeout was not over have closed their connections themselves.
    let left = count(&log, "left in the midst of a request's head");
    let expired = count(&log, r#""aborted":"head_timeout""#);
    assert!(expired > 0);
    assert_eq!(left + expired, PARTIAL_HEADS);
    let reading = count(&log, "left in the midst of its answer");
    assert_eq!(reading, SLOW_READERS);
    assert_eq!(count(&log, r#""aborted""#), PARTIAL_HEADS + SLOW_READERS);
}

#[test]
fn broken_requests_are_refused_and_others_answered() {
    let tool = Tool::new();
    let call = tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0");
    let served = Served::of(call.args("--latency 500ms"));
    for _ in 0..GARBAGE {
        let answer = served.answer_to(b"\x16\x03\x01\x00 this is no HTTP \xFF\xFF");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let query = "x".repeat(1 << 20);
    for _ in 0..MEGABYTES {
        let answer = served.answer_to(format!("GET /?so-far={query} HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let answer = served.answer_to(OK.repeat(PIPELINED - 1) + OK_AND_CLOSE);
    assert_eq!(answer.matches("ok\n").count(), PIPELINED);

    // One request is in flight when the server is stopped.
    let call = "GET /?Action=OnsRegionList&Version=2019-02-14 HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut busy = served.connect_and_send(call);
    served.is_well();
    let log = served.end();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let refused = count(&log, r#""aborted":"bad_request""#);
    assert_eq!(refused, GARBAGE + MEGABYTES);
    assert_eq!(count(&log, r#""aborted""#), refused);
    assert_eq!(count(&log, r#""action":"healthz""#), PIPELINED + 1);
    assert!(!log.contains("so-far"), "no query is written");
}
