//! Requests per second of `serve` with every signature checked, compared with the same server answering a constant
//! (`/healthz`). Both get requests in turns from the same keep-alive clients, which sign their requests beforehand.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::join_all;
use ons_audit::clock;
use ons_audit::source::ons::percent::canonical_query;
use ons_audit::source::ons::sign_v3::{EMPTY_SHA256, Signed, V3SigningKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::yardstick::{cpu_of, median, peak_mib_of, program};

const ROUNDS: usize = 7;
const REQUESTS: usize = 60_000;
const CONNECTIONS: usize = 64;

const KEY_ID: &str = "bench-key-id";
const SECRET: &str = "bench-key-secret";

pub(crate) fn bench() {
    let folder = tempfile::tempdir().expect("a folder");
    keys(&folder.path().join("keys.toml"));
    for (name, flags) in [("no log", &["--quiet"][..]), ("access log", &[])] {
        let served = Served::start(folder.path(), flags);
        let (mut ratios, mut constant_cpu, mut signed_cpu) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let constant = served.load(&requests(served.address, "/healthz"));
            let signed = served.load(&requests(served.address, "/"));
            let ratio = signed.rate / constant.rate;
            println!(
                "{name}, round {round}: constant {:.0}/s with {:.1} µs CPU, signed {:.0}/s with {:.1} µs CPU, ratio {ratio:.2}",
                constant.rate, constant.cpu, signed.rate, signed.cpu
            );
            // The first round warms up.
            if round > 0 {
                ratios.push(ratio);
                constant_cpu.push(constant.cpu);
                signed_cpu.push(signed.cpu);
            }
        }
        println!(
            "{name}: median ratio {:.2} (at least 0.5), median {:.1} µs CPU a signed request, {:.1} µs a constant, peak {:.0} MiB",
            median(ratios),
            median(signed_cpu),
            median(constant_cpu),
            peak_mib_of(served.child.id()),
        );
    }
}

fn keys(path: &Path) {
    let text = format!("[[keys]]\nid = \"{KEY_ID}\"\nsecret = \"{SECRET}\"\n");
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("our own file");
}

/// Builds the requests of a round, each with a fresh nonce. `/` is the trace of one message of the sample; `/healthz`
/// answers its constant to any request.
fn requests(host: SocketAddr, path: &str) -> Vec<String> {
    let (host, date) = (
        host.to_string(),
        clock::system().strftime("%FT%TZ").to_string(),
    );
    let query = canonical_query(&[
        ("InstanceId", "MQ_INST_1234567890123456_BXdemo"),
        ("MsgId", "0A15030B110F18B4AAC264BE6C450BA2"),
        ("Topic", "orders"),
    ]);
    let key = V3SigningKey::new(SECRET);
    let sign = |()| {
        let nonce = format!("{:032x}", fastrand::u128(..));
        let headers = [
            ("accept", "application/json"),
            ("host", &host),
            ("x-acs-action", "OnsMessageTrace"),
            ("x-acs-content-sha256", EMPTY_SHA256),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce),
            ("x-acs-version", "2019-02-14"),
        ];
        let signed = Signed {
            method: "POST",
            uri: "/",
            query: &query,
            headers: &headers,
            payload_sha256: EMPTY_SHA256,
        };
        let method = if path == "/" { signed.method } else { "GET" };
        let mut request = format!("{method} {path}?{query} HTTP/1.1\r\n");
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        let authorization = signed.authorization(KEY_ID, &key);
        let _ = write!(
            request,
            "authorization: {authorization}\r\ncontent-length: 0\r\n\r\n"
        );
        request
    };
    (0..REQUESTS).map(|_| sign(())).collect()
}

/// The results of a round.
struct Load {
    /// Requests per second.
    rate: f64,
    /// Processor time of the server per request, in µs.
    cpu: f64,
}

/// A server that is killed when this is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(folder: &Path, flags: &[&str]) -> Self {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/cluster.json");
        let mut child = Command::new(program())
            .current_dir(folder)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--keys",
                "keys.toml",
                "--source",
            ])
            .arg(sample)
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("serve says its address");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address.and_then(|address| address.parse().ok());
        // A full pipe would lose log lines.
        std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("its first line was {line}")),
        }
    }

    fn load(&self, requests: &[String]) -> Load {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let connect = (0..CONNECTIONS).map(|_| TcpStream::connect(self.address));
            let streams: Vec<_> = join_all(connect).await;
            let (cpu, start) = (cpu_of(self.child.id()), Instant::now());
            let shares = requests.chunks(requests.len().div_ceil(CONNECTIONS));
            let asked = streams
                .into_iter()
                .zip(shares)
                .map(|(stream, share)| ask(stream.expect("it listens"), share));
            join_all(asked).await;
            let (took, cpu) = (start.elapsed(), cpu_of(self.child.id()).saturating_sub(cpu));
            let count = requests.len() as f64;
            Load {
                rate: count / took.as_secs_f64(),
                cpu: micros(cpu) / count,
            }
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Sends one request after the other on one connection; every answer must have status 200.
async fn ask(mut stream: TcpStream, requests: &[String]) {
    stream.set_nodelay(true).expect("a socket");
    let mut answer = Vec::with_capacity(16 * 1024);
    for request in requests {
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        answer.clear();
        while !is_whole(&answer) {
            let read = stream.read_buf(&mut answer).await.expect("it answers");
            assert_ne!(read, 0, "it closed the connection");
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

/// Returns whether the answer has arrived with head and body.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return false;
    };
    let name = b"content-length: ";
    let at = memchr::memmem::find(&answer[..end], name).expect("answers have a length");
    let digits = answer[at + name.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    answer.len() >= end + 4 + length
}
