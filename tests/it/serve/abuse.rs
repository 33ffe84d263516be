//! Clients that mean ill, all at once: the real program stays up, small, and answers the others.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::tool::Tool;
use super::Served;

const IDLE: usize = 10_000;
const SLOW: usize = 300;
const GARBAGE: usize = 50;
const MEGABYTES: usize = 20;
const PIPELINED: usize = 1000;

/// The program's promise.
const MOST_MIB: u64 = 200;

/// How many connections this process and the server may hold, up to [`IDLE`].
fn idle() -> usize {
    let limit = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    // The rest is for the other tests of this process.
    let files = limit.map_or(IDLE, |limit| usize::try_from(limit).unwrap());
    IDLE.min(files.saturating_sub(2000))
}

impl Served {
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap()
    }

    /// Asks on a connection of its own, and hears all until its end.
    #[track_caller]
    fn hears(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    }

    #[track_caller]
    fn is_well(&self) {
        let heard = self.hears("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        assert!(heard.ends_with("ok\n"), "{heard}");
    }
}

#[test]
fn it_bears_ten_thousand_idle_clients_and_all_that_is_worse() {
    let tool = Tool::new();
    let served = Served::of(
        tool.call("serve --source samples/cluster.json --listen 127.0.0.1:0 --latency 500ms"),
    );
    let (count, ok) = (idle(), "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut clients: Vec<_> = (0..count).map(|_| served.connect()).collect();
    // Half of them have asked something before.
    for client in &mut clients[..count / 2] {
        client.write_all(ok.as_bytes()).unwrap();
        let mut answer = [0; 256];
        let read = client.read(&mut answer).unwrap();
        assert!(answer[..read].ends_with(b"ok\n"));
    }
    served.is_well();

    let mut slow: Vec<_> = (0..SLOW).map(|_| served.connect()).collect();
    for client in &mut slow {
        client
            .write_all(b"GET /?AccessKeyId=so-far HTTP/1.1\r\nx-")
            .unwrap();
    }
    served.is_well();

    for _ in 0..GARBAGE {
        let heard = served.hears(b"\x16\x03\x01\x00 this is no HTTP \xFF\xFF");
        assert!(heard.starts_with("HTTP/1.1 400 "), "{heard}");
    }
    let query = "x".repeat(1 << 20);
    for _ in 0..MEGABYTES {
        let heard = served.hears(format!("GET /?{query} HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
    }
    let last = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let heard = served.hears(ok.repeat(PIPELINED - 1) + last);
    assert_eq!(heard.matches("ok\n").count(), PIPELINED);
    served.is_well();
    drop(slow);

    // One is in flight when the end is asked for; all others are idle, and not waited for.
    let mut busy = served.connect();
    let call = "GET /?Action=OnsRegionList&Version=2019-02-14 HTTP/1.1\r\nhost: a\r\n\r\n";
    busy.write_all(call.as_bytes()).unwrap();
    served.is_well();
    let peak = served.running.peak_mib();
    let said = served.end();
    let mut answer = String::new();
    busy.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    assert!(peak < MOST_MIB, "{peak} MiB with {count} idle clients");
    let lines = |words: &str| said.lines().filter(|line| line.contains(words)).count();
    assert_eq!(lines(r#""aborted":"bad_request""#), GARBAGE + MEGABYTES);
    // Those that waited for ten seconds on a slow machine were shown out.
    let slow = lines(r#""aborted":"client_left""#) + lines(r#""aborted":"head_timeout""#);
    assert_eq!(slow, SLOW);
    assert_eq!(lines(r#""aborted""#), GARBAGE + MEGABYTES + SLOW);
    assert_eq!(lines(r#""action":"healthz""#), count / 2 + PIPELINED + 4);
    assert!(!said.contains("so-far"), "no query is written");
}
