//! The used share of a quota, and the number of calls: `--rate 10/s` against a server that allows ten calls in any
//! second. `QUERIES=600 cargo bench -- pace` is a longer run.

use std::collections::VecDeque;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use crate::yardstick::program;

const ANSWER: &str = r#"{"RequestId":"R","Data":{"MessageTrack":[{"ConsumerGroup":"GID_a","TrackType":"CONSUMED"}]}}"#;
const THROTTLED: &str = r#"{"RequestId":"R","Code":"Throttling.User","Message":"Request was denied due to user flow control."}"#;

#[derive(Default)]
struct Quota {
    admitted: VecDeque<Instant>,
    answered: usize,
    throttled: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Quota {
    /// Admits a call if fewer than ten were admitted in the last second.
    fn admit(&mut self) -> bool {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        while self
            .admitted
            .front()
            .is_some_and(|at| now - *at >= Duration::from_secs(1))
        {
            self.admitted.pop_front();
        }
        let free = self.admitted.len() < 10;
        if free {
            self.admitted.push_back(now);
            self.answered += 1;
        } else {
            self.throttled += 1;
        }
        free
    }
}

pub(crate) fn bench() {
    let queries: usize = std::env::var("QUERIES")
        .ok()
        .and_then(|queries| queries.parse().ok())
        .unwrap_or(300);
    let quota = Arc::new(Mutex::new(Quota::default()));
    let address = serve(quota.clone());
    let folder = tempfile::tempdir().expect("a folder");
    let ids: Vec<_> = (0..queries)
        .map(|nth| format!("1E0578FE110F18B4AAC2{nth:012X}\n"))
        .collect();
    fs::write(folder.path().join("ids.txt"), ids.concat()).expect("a file");
    let status = Command::new(program())
        .current_dir(folder.path())
        .args([
            "audit",
            "ids.txt",
            "--topic",
            "orders",
            "--source",
            &format!("http://{address}"),
            "--rate",
            "10/s",
            "--quiet",
            "-o",
            "out.csv",
        ])
        .env("ONS_AUDIT_EXAMINE", "none") // only answers about messages are measured
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "bench-key-id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "bench-key-secret")
        .status()
        .expect("it runs");
    let quota = quota.lock().expect("the server is idle");
    let seconds = quota
        .last
        .zip(quota.first)
        .map_or(0.0, |(last, first)| (last - first).as_secs_f64());
    let possible = seconds * 10.0 + 1.0;
    println!(
        "{} of {queries} answered in {seconds:.1} s: {:.1} % of the quota used (at least 97), {:.2} % of calls throttled (at most 1); {status}",
        quota.answered,
        quota.answered as f64 / possible * 100.0,
        quota.throttled as f64 / (quota.answered + quota.throttled) as f64 * 100.0,
    );
}

/// Serves on a thread of its own until the process ends.
fn serve(quota: Arc<Mutex<Quota>>) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let answer = move || {
        let free = quota.lock().expect("no handler panics").admit();
        async move {
            if free {
                (StatusCode::OK, ANSWER)
            } else {
                (StatusCode::BAD_REQUEST, THROTTLED)
            }
        }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, Router::new().route("/", post(answer)))
                .await
                .expect("it serves");
        });
    });
    address
}
