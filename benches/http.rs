//! Queries per second over HTTP, compared with those of wrk against the same nginx in the same minute.
//!
//! nginx returns a fixed answer of 450 bytes. ons-audit signs, parses, keeps the answers and writes the CSV.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::yardstick::{have, measure, median, program};

const ROUNDS: usize = 5;
const QUERIES: usize = 100_000;

pub(crate) fn bench() {
    if !(have("nginx", "HTTP") && have("wrk", "HTTP")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let nginx = Nginx::start(folder.path(), port);
    let input = folder.path().join("ids.csv");
    write_input(&input);
    let (mut ratios, mut cpu, mut peak, mut best) = (Vec::new(), Vec::new(), 0.0_f64, 0.0_f64);
    for round in 1..=ROUNDS {
        let wrk = wrk(port);
        let cost = measure(&mut audit(folder.path(), &input, port));
        let ours = QUERIES as f64 / cost.wall.as_secs_f64();
        println!(
            "round {round}: wrk {wrk:.0}/s, ons-audit {ours:.0}/s, ratio {:.3}, {:.1} µs CPU a query",
            ours / wrk,
            per_query(cost.cpu)
        );
        ratios.push(ours / wrk);
        cpu.push(per_query(cost.cpu));
        peak = peak.max(cost.peak_mib);
        best = best.max(ours);
    }
    println!(
        "median ratio {:.3} (at least 0.28), median {:.1} µs CPU a query (at most 45), peak {peak:.0} MiB",
        median(ratios),
        median(cpu)
    );
    drop(nginx);
}

fn per_query(cpu: Duration) -> f64 {
    cpu.as_secs_f64() * 1e6 / QUERIES as f64
}

fn write_input(path: &Path) {
    let ids = (0..QUERIES).map(|nth| {
        format!(
            "1E0578FE110F18B4AAC2{nth:012X},orders
"
        )
    });
    let lines: Vec<_> = std::iter::once(
        "msg_id,topic
"
        .to_owned(),
    )
    .chain(ids)
    .collect();
    fs::write(path, lines.concat()).expect("a file");
}

fn audit(folder: &Path, input: &Path, port: u16) -> Command {
    for old in ["out.results.ndjson", "out.csv"] {
        let _ = fs::remove_file(folder.join(old));
    }
    let mut command = Command::new(program());
    command
        .arg("audit")
        .arg(input)
        .args([
            "--source",
            &format!("http://127.0.0.1:{port}"),
            "--rate",
            "max",
            "--quiet",
            "-o",
        ])
        .arg(folder.join("out.csv"))
        .env("ONS_AUDIT_EXAMINE", "none") // only answers about messages are measured
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "bench-key-id")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "bench-key-secret");
    command
}

fn wrk(port: u16) -> f64 {
    let out = Command::new("wrk")
        .args(["-t1", "-c64", "-d3s", &format!("http://127.0.0.1:{port}/")])
        .output()
        .expect("wrk runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok())
        .expect("wrk says its rate")
}

/// nginx in the foreground with one worker. Killed when dropped.
struct Nginx(Child);

impl Nginx {
    fn start(folder: &Path, port: u16) -> Self {
        let groups: Vec<_> = ["GID_billing", "GID_shipping", "GID_search", "GID_analytics"]
            .iter()
            .map(|group| format!(r#"{{"ConsumerGroup":"{group}","TrackType":"CONSUMED","InstanceId":"MQ_INST_1234567890123456_BXdemo"}}"#))
            .collect();
        let body = format!(
            r#"{{"RequestId":"EAE5BE23-0000-4000-8000-000000000000","Data":{{"MessageTrack":[{}]}}}}"#,
            groups.join(",")
        );
        let config = folder.join("nginx.conf");
        let mut file = fs::File::create(&config).expect("a file");
        write!(
            file,
            "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log; events {{ worker_connections 1024; }}
             http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}/b; proxy_temp_path {0}/p;
             fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; default_type application/json;
             server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }} }}",
            folder.display()
        )
        .expect("a file");
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&config)
            .arg("-p")
            .arg(folder)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("answer of {} bytes", body.len());
        Self(child)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}
