//! Runs on several machines that share one quota by a Redis server. Tests with a real `redis-server` are run by
//! `tests/redis/run`.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::audit_http::some_messages;
use super::gateway::{Call, Fault, Gateway};
use super::running::Running;
use super::tool::{Tool, table};

/// A real server without a file, in the folder of the tool.
struct Redis<'t> {
    tool: &'t Tool,
    process: Child,
    port: u16,
    /// What it is started with besides its port.
    flags: String,
}

impl<'t> Redis<'t> {
    fn start(tool: &'t Tool, flags: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = Self::process(tool, port, flags);
        let flags = flags.to_owned();
        Self {
            tool,
            process,
            port,
            flags,
        }
    }

    /// Starts a server and waits until it accepts connections.
    fn process(tool: &Tool, port: u16, flags: &str) -> Child {
        let ports = if flags.contains("--tls") {
            format!("--port 0 --tls-port {port}")
        } else {
            format!("--port {port}")
        };
        let mut command = Command::new("redis-server");
        command
            .args(["--bind", "127.0.0.1", "--save", ""])
            .args(ports.split(' ').chain(flags.split_whitespace()))
            .current_dir(tool.path("."))
            .stdout(Stdio::null());
        let process = command.spawn().expect("redis-server");
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(15),
                "redis-server does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/ons:quota", self.port)
    }

    /// Sends a command with `redis-cli`.
    fn asked(&self, command: &str) -> String {
        let port = self.port.to_string();
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &port]).args(command.split(' '));
        String::from_utf8(cli.output().unwrap().stdout).unwrap()
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill")
            .arg(format!("-{signal}"))
            .arg(id)
            .status();
        assert!(sent.unwrap().success());
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.process = Self::process(self.tool, self.port, &self.flags);
    }

    fn run(&self, gateway: &Gateway, nth: usize, flags: &str) -> Running {
        self.call(gateway, flags)
            .args(&format!("-o out{nth}.csv"))
            .start()
    }

    fn call(&self, gateway: &Gateway, flags: &str) -> super::tool::Call<'t> {
        let call = self.tool.call("audit in.csv --source").arg(&gateway.url());
        let call = call.args(&format!("--shared-quota {} {flags}", self.url()));
        call.key()
    }
}

impl Drop for Redis<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A call needs some time from its permit to the gateway, and more on a busy machine.
const LATE: Duration = Duration::from_millis(300);

/// Checks that a second has at most 20 calls.
#[track_caller]
fn assert_twenty_a_second(arrivals: &[Instant]) {
    for window in arrivals.windows(21) {
        let second = window[20] - window[0] + LATE;
        assert!(second >= Duration::from_secs(1), "21 calls in {second:?}");
    }
    let (first, last) = (arrivals[0], arrivals[arrivals.len() - 1]);
    let calls = u32::try_from(arrivals.len()).unwrap();
    let all = last - first + LATE;
    assert!(
        all >= Duration::from_millis(50) * (calls - 1),
        "{calls} calls in {all:?}"
    );
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let tool = Tool::new();
    for (flags, says) in [
        (
            "--shared-quota redis://h/k --rate max",
            "no limit that runs could share",
        ),
        (
            "--shared-quota redis://h/k --quota-file q",
            "cannot be used with '--quota-file <FILE>'",
        ),
        ("--shared-quota redis://h/k --burst 3", "'--burst <N>'"),
        (
            "--shared-quota http://h/k",
            "shared_quota (from --shared-quota): expected redis://",
        ),
        ("--shared-quota redis://h", "it names no key"),
        (
            "--shared-quota redis://me:s3cret@h/k",
            "put it into ONS_AUDIT_REDIS_PASSWORD",
        ),
        (
            "--shared-quota rediss://h/k --ca-cert none.pem",
            "can't read the certificate authorities in none.pem",
        ),
    ] {
        let call = tool.call("audit samples/incident.csv --source http://127.0.0.1:9 -o a.csv");
        let said = call.args(flags).key().ends(2);
        assert!(said.stderr.contains(says), "{flags}: {}", said.stderr);
        assert!(!said.stderr.contains("s3cret"), "{flags}: {}", said.stderr);
        assert_eq!(tool.names(), [""; 0], "{flags}");
    }
    let call =
        tool.call("audit samples/incident.csv --source http://127.0.0.1:9 -o a.csv --quota-file q");
    let said = call
        .key()
        .env("ONS_AUDIT_SHARED_QUOTA", "redis://h/k")
        .ends(2);
    let both = "quota_file (from --quota-file) and shared_quota (from ONS_AUDIT_SHARED_QUOTA) exclude each other";
    assert!(said.stderr.contains(both), "{}", said.stderr);
    let call = tool.call("audit --show-settings --shared-quota redis://me:s3cret@h/k");
    let shown = call.ends(0).stdout;
    assert!(
        shown.contains("redis://***@h/k") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[test]
fn without_the_server_nothing_is_asked_and_the_run_can_be_repeated() {
    let tool = Tool::new();
    let gateway = some_messages(&tool, 2, Gateway::setup()).start();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let call = tool
        .call("audit in.csv -o out.csv --resume --source")
        .arg(&gateway.url());
    let call = call
        .args(&format!("--shared-quota redis://{address}/k"))
        .key();
    let said = call.ends(3);
    let says = format!(
        "error: the shared quota redis://{address}/k can't be used: can't connect to {address}: "
    );
    assert!(said.stderr.contains(&says), "{}", said.stderr);
    let hint = "hint: without the shared quota no call is made: check that the Redis server runs";
    assert!(said.stderr.contains(hint), "{}", said.stderr);
    assert_eq!(gateway.calls(), 0);
    let plan = tool
        .call("plan in.csv -o out.csv --source")
        .arg(&gateway.url());
    let plan = plan
        .args(&format!("--shared-quota redis://{address}/k"))
        .ends(0);
    let listed = format!("redis://{address}/k.dead-letters");
    assert!(plan.stdout.contains(&listed), "{}", plan.stdout);
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn three_runs_never_exceed_one_rate_together() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 20, Gateway::setup()).start();
    let runs: Vec<_> = (1..=3)
        .map(|nth| redis.run(&gateway, nth, "--rate 20/s"))
        .collect();
    for run in runs {
        run.ends(0);
    }
    assert_eq!(gateway.arrivals().len(), 60);
    assert_twenty_a_second(&gateway.arrivals());
    let lasting = redis.asked("TTL ons:quota").trim().parse::<u64>().unwrap();
    assert!((3500..=3601).contains(&lasting), "{lasting}");
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn a_run_that_is_killed_leaves_the_quota_to_the_others() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let held = |call: Call<'_>| (call.number == 1).then_some(Fault::Held);
    let gateway = some_messages(&tool, 5, Gateway::setup().plan(held)).start();
    let killed = redis.run(&gateway, 1, "--rate 20/s");
    gateway.wait_for_calls(1);
    killed.signal("KILL");
    drop(killed);
    let began = Instant::now();
    redis.run(&gateway, 2, "--rate 20/s").ends(0);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn what_holds_one_run_holds_all_and_slows_all() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let first = |call: Call<'_>| (call.number == 1).then_some(Fault::Throttled(Some(1500)));
    let gateway = some_messages(&tool, 1, Gateway::setup().plan(first)).start();
    let began = Instant::now();
    let one = redis.run(&gateway, 1, "--rate 20/s");
    gateway.wait_for_calls(1);
    let two = redis.run(&gateway, 2, "--rate 20/s");
    one.ends(0);
    two.ends(0);
    assert!(began.elapsed() >= Duration::from_millis(1500));
    let knee = redis.asked("HGET ons:quota knee");
    assert!(knee.trim().parse::<f64>().unwrap() < 20.0, "{knee}");
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn a_server_that_is_lost_ends_the_run_which_can_be_resumed() {
    let tool = Tool::new();
    let mut redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 30, Gateway::setup()).start();
    let run = redis.run(&gateway, 1, "--rate 5/s");
    gateway.wait_for_calls(3);
    redis.kill();
    let (_, said) = run.ends(3);
    let calls = gateway.calls();
    assert!(calls < 30, "{calls}");
    assert!(
        said.contains("hint: without the shared quota no call is made"),
        "{said}"
    );
    assert!(
        said.contains("run the same command with --resume to continue"),
        "{said}"
    );
    redis.start_again();
    redis.run(&gateway, 1, "--rate 5/s --resume").ends(0);
    assert_eq!(gateway.calls(), 30, "no message was asked twice");
    assert_eq!(table(&tool.read("out1.csv")).len(), 30);
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn a_short_restart_of_the_server_ends_nothing() {
    let tool = Tool::new();
    let mut redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 12, Gateway::setup()).start();
    let run = redis.run(&gateway, 1, "--rate 5/s");
    gateway.wait_for_calls(3);
    redis.kill();
    std::thread::sleep(Duration::from_millis(500));
    redis.start_again();
    run.ends(0);
    assert_eq!(gateway.calls(), 12);
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn a_server_that_is_stopped_ends_the_run_in_time() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 30, Gateway::setup()).start();
    let run = redis.run(&gateway, 1, "--rate 5/s");
    gateway.wait_for_calls(2);
    redis.signal("STOP");
    let began = Instant::now();
    let (_, said) = run.ends(3);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert!(said.contains("no answer within 5 s"), "{said}");
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn a_clock_that_was_set_back_gives_no_more_than_the_rate() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 20, Gateway::setup()).start();
    let runs: Vec<_> = (1..=2)
        .map(|nth| redis.run(&gateway, nth, "--rate 20/s"))
        .collect();
    gateway.wait_for_calls(10);
    // All times that are kept move one hour into the future, as if the clock had been set back by an hour.
    let script = "local k = KEYS[1] for _, f in ipairs({'seen','last','free','hold'}) do redis.call('HINCRBYFLOAT', k, f, 3600000000) end return 1";
    let mut cli = Command::new("redis-cli");
    let port = redis.port.to_string();
    cli.args(["-p", &port, "EVAL", script, "1", "ons:quota"]);
    let moved = String::from_utf8(cli.output().unwrap().stdout).unwrap();
    assert_eq!(moved.trim(), "1");
    for run in runs {
        run.ends(0);
    }
    assert_eq!(gateway.arrivals().len(), 40);
    assert_twenty_a_second(&gateway.arrivals());
    let shift = redis.asked("HGET ons:quota shift");
    assert!(shift.trim().parse::<f64>().unwrap() > 3.5e9, "{shift}");
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn another_rate_is_refused_by_name() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 1, Gateway::setup()).start();
    redis.run(&gateway, 1, "--rate 20/s").ends(0);
    let said = redis.call(&gateway, "--rate 10/s -o other.csv").ends(2);
    let says = "can't be used: its rate is 20/s, and the rate of this run is 10/s";
    assert!(said.stderr.contains(says), "{}", said.stderr);
    assert_eq!(gateway.calls(), 1);
    redis.asked("SET text x");
    let url = format!("redis://127.0.0.1:{}/text", redis.port);
    let call = tool
        .call("audit in.csv -o other.csv --source")
        .arg(&gateway.url());
    let said = call.args("--shared-quota").arg(&url).key().ends(2);
    assert!(
        said.stderr.contains("the key holds something else"),
        "{}",
        said.stderr
    );
    assert_eq!(redis.asked("GET text").trim(), "x");
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn users_and_passwords_come_from_the_environment_and_are_never_shown() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "--requirepass s3cret-word");
    let gateway = some_messages(&tool, 1, Gateway::setup()).start();
    let call = || redis.call(&gateway, "--rate 20/s -o out.csv --log-format json");
    for (password, says) in [
        (None, "NOAUTH"),
        (Some("wr0ng-word"), "the user or the password is wrong"),
    ] {
        let call = call();
        let call = match password {
            Some(word) => call.env("ONS_AUDIT_REDIS_PASSWORD", word),
            None => call,
        };
        let said = call.ends(3);
        assert!(said.stderr.contains(says), "{}", said.stderr);
        assert!(
            said.stderr
                .contains("ONS_AUDIT_REDIS_PASSWORD holds the password"),
            "{}",
            said.stderr
        );
        assert!(!said.stderr.contains("-word"), "{}", said.stderr);
    }
    assert_eq!(gateway.calls(), 0);
    call()
        .env("ONS_AUDIT_REDIS_PASSWORD", "s3cret-word")
        .ends(0);
    let asked = |command: &str| redis.asked(&format!("-a s3cret-word --no-auth-warning {command}"));
    let rules =
        "ACL SETUSER auditor on >other-word ~team* +eval +evalsha +time +hgetall +hset +pexpire";
    assert_eq!(asked(rules).trim(), "OK");
    for (key, status) in [("team", 0), ("ours", 3)] {
        let url = format!("redis://auditor@127.0.0.1:{}/{key}", redis.port);
        let call = tool
            .call("audit in.csv --rate 20/s --source")
            .arg(&gateway.url());
        let call = call
            .args(&format!("-o {key}.csv --shared-quota {url}"))
            .key();
        let said = call
            .env("ONS_AUDIT_REDIS_PASSWORD", "other-word")
            .ends(status);
        if status == 3 {
            assert!(
                said.stderr
                    .contains("the user must be allowed the key and EVAL"),
                "{}",
                said.stderr
            );
        }
    }
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn tls_trusts_the_authority_that_is_named_and_no_other() {
    let tool = Tool::new();
    for (name, text) in [
        ("redis.pem", include_str!("../data/tls/gateway.pem")),
        ("redis.key", include_str!("../data/tls/gateway.key")),
        ("stranger.pem", include_str!("../data/tls/stranger.pem")),
    ] {
        tool.write(name, text);
    }
    let flags = "--tls-cert-file redis.pem --tls-key-file redis.key --tls-ca-cert-file redis.pem --tls-auth-clients no";
    let redis = Redis::start(&tool, flags);
    let gateway = some_messages(&tool, 1, Gateway::setup()).start();
    let call = |authority: &str| {
        let call = tool
            .call("audit in.csv --rate 20/s -o out.csv --source")
            .arg(&gateway.url());
        let url = format!("rediss://127.0.0.1:{}/quota?db=3", redis.port);
        call.args(&format!("--shared-quota {url} --ca-cert {authority}"))
            .key()
    };
    let said = call("stranger.pem").ends(3);
    assert!(
        said.stderr.contains("certificate is not trusted"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("hint: --ca-cert FILE names the authority"),
        "{}",
        said.stderr
    );
    assert_eq!(gateway.calls(), 0);
    call("redis.pem").ends(0);
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn calls_for_dead_letters_have_a_quota_of_their_own() {
    let tool = Tool::new();
    let redis = Redis::start(&tool, "");
    let gateway = some_messages(&tool, 1, Gateway::setup()).start();
    let call = redis
        .call(&gateway, "--rate 5/s -o out.csv")
        .env("ONS_AUDIT_EXAMINE", "failures");
    call.status();
    let rate = redis.asked("HGET ons:quota.dead-letters rate");
    assert_eq!(rate.trim(), "300/m");
}
