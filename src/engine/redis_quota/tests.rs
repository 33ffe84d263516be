//! A scripted server on a socket for every error, and a real `redis-server` for what the script does. Tests with the real
//! one are run by `tests/redis/run`.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::script::arguments;
use super::*;
use crate::engine::Pacer;
use crate::exit::{Advice as _, Status};

const RATE: &str = "10/s";

/// The reply to a change at 5 s by the server's clock.
const OK: &str = "*8\r\n$2\r\nok\r\n$2\r\nat\r\n$7\r\n5000000\r\n$7\r\n5000000\r\n$1\r\n0\r\n$1\r\n0\r\n$7\r\n4900000\r\n$1\r\n7\r\n";

fn server(address: &str) -> RedisServer {
    RedisServer {
        url: format!("redis://{address}/quota").parse().unwrap(),
        password: None,
        tls: None,
    }
}

fn rate() -> Rate {
    RATE.parse().unwrap()
}

/// A server that sends these replies, the lists to one connection after the other, and then closes it.
struct Scripted {
    server: RedisServer,
    received: Arc<Mutex<String>>,
    task: tokio::task::JoinHandle<()>,
}

impl Scripted {
    #[expect(clippy::disallowed_methods, reason = "a server beside the client")]
    async fn start(connections: &'static [&'static [&'static str]]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let received = Arc::new(Mutex::default());
        let address = listener.local_addr().unwrap().to_string();
        let heard: Arc<Mutex<String>> = Arc::clone(&received);
        let task = tokio::spawn(async move {
            for replies in connections {
                let (mut stream, _) = listener.accept().await.unwrap();
                for reply in *replies {
                    let command = received_command(&mut stream).await;
                    heard.lock().unwrap().push_str(&command);
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            }
        });
        Self {
            server: server(&address),
            received,
            task,
        }
    }
}

/// Reads one command: `*N` and so many texts with their lengths.
async fn received_command(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut block = vec![0; 65536];
    loop {
        let length = stream.read(&mut block).await.unwrap();
        assert!(length > 0, "closed after {text}");
        text += std::str::from_utf8(&block[..length]).unwrap();
        if is_complete(&text) == Some(true) {
            return text;
        }
    }
}

fn is_complete(text: &str) -> Option<bool> {
    let (head, mut rest) = text.split_once("\r\n")?;
    for _ in 0..head.strip_prefix('*')?.parse::<usize>().ok()? {
        let (length, after) = rest.split_once("\r\n")?;
        let length: usize = length.strip_prefix('$')?.parse().ok()?;
        rest = after.get(length + 2..)?;
    }
    Some(rest.is_empty())
}

#[tokio::test]
async fn the_script_is_sent_only_if_the_server_lacks_it() {
    let fake = Scripted::start(&[&["-NOSCRIPT No matching script\r\n", OK, OK]]).await;
    let quota = RedisQuota::connect(fake.server, rate()).await.unwrap();
    let changed = quota.apply(QuotaChange::Reserve).await.unwrap();
    assert_eq!(changed.outcome, QuotaOutcome::At(Duration::from_secs(5)));
    assert_eq!(changed.now, Duration::from_secs(5));
    assert_eq!(changed.state.begun, 7);
    fake.task.await.unwrap();
    let received = fake.received.lock().unwrap().clone();
    let names: Vec<_> = received
        .split("\r\n")
        .filter(|line| line.starts_with("EVAL"))
        .collect();
    assert_eq!(names, ["EVALSHA", "EVAL", "EVALSHA"]);
    assert_eq!(received.matches("redis.call('TIME')").count(), 1);
    assert!(received.contains("\r\nquota\r\n$4\r\n10/s\r\n$6\r\n100000\r\n$5\r\ncheck\r\n"));
}

/// The replies to a connection, the status, and parts of the error and of its hint.
type Refusal = (
    &'static [&'static [&'static str]],
    Status,
    &'static str,
    &'static str,
);

const REFUSALS: [Refusal; 11] = [
    (
        &[&["-NOAUTH Authentication required.\r\n"]],
        Status::Incomplete,
        "NOAUTH",
        "ONS_AUDIT_REDIS_PASSWORD",
    ),
    (
        &[&["-NOPERM this user has no permissions\r\n"]],
        Status::Incomplete,
        "NOPERM",
        "must be allowed",
    ),
    (
        &[&["-MOVED 3999 127.0.0.1:6381\r\n"]],
        Status::Incomplete,
        "MOVED",
        "Redis Cluster",
    ),
    (
        &[&["-LOADING Redis is loading\r\n"]],
        Status::Incomplete,
        "LOADING",
        "check that",
    ),
    (
        &[&["-ERR unknown command 'EVALSHA'\r\n"]],
        Status::Incomplete,
        "unknown command",
        "Redis 5",
    ),
    (&[&["+OK\r\n"]], Status::Incomplete, "", "Redis 5"),
    (
        &[&["*1\r\n$3\r\nwhy\r\n"]],
        Status::Incomplete,
        "unexpected answer: why",
        "Redis 5",
    ),
    (
        &[&["*1\r\n$7\r\nforeign\r\n"]],
        Status::Refused,
        "holds something else",
        "another key",
    ),
    (
        &[&["*2\r\n$4\r\nrate\r\n$3\r\n8/s\r\n"]],
        Status::Refused,
        "its rate is 8/s, and the rate of this run is 10/s",
        "the same --rate",
    ),
    (
        &[&["*2\r\n$4\r\nrate\r\n$4\r\n10/s\r\n"]],
        Status::Refused,
        "the key holds a damaged quota: its rate is 10/s, but its interval is that of another rate",
        "another key",
    ),
    (&[&[]], Status::Incomplete, "", "check that"),
];

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    for (replies, status, says, hints) in REFUSALS {
        let fake = Scripted::start(replies).await;
        let place = format!("the shared quota {} can't be used: ", fake.server.url);
        let error = RedisQuota::connect(fake.server, rate()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&place) && text.contains(says), "{text}");
        assert!(
            error.hint().unwrap().contains(hints),
            "{text}: {:?}",
            error.hint()
        );
        assert_eq!(error.status(), status, "{text}");
    }
}

#[tokio::test]
async fn a_password_is_sent_and_never_shown() {
    let fake = Scripted::start(&[&["-WRONGPASS invalid username-password pair\r\n"]]).await;
    let server = RedisServer {
        password: Some("s3cret".into()),
        ..fake.server
    };
    let error = RedisQuota::connect(server, rate()).await.unwrap_err();
    assert!(
        fake.received
            .lock()
            .unwrap()
            .contains("AUTH\r\n$6\r\ns3cret\r\n")
    );
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(
        error.hint().unwrap().contains("ONS_AUDIT_REDIS_PASSWORD"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let fake = Scripted::start(&[&[OK], &[], &["-LOADING Redis is loading\r\n"], &[OK]]).await;
    let quota = RedisQuota::connect(fake.server, rate()).await.unwrap();
    quota.apply(QuotaChange::Take).await.unwrap();
    fake.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let start = Instant::now();
    let error = RedisQuota::connect(server(&address), rate())
        .await
        .unwrap_err();
    assert!(
        error.to_string().ends_with("no answer within 5 s"),
        "{error}"
    );
    assert_eq!(start.elapsed(), ANSWER);
}

#[tokio::test]
async fn without_the_server_no_turn_comes_and_the_reason_is_known() {
    let fake = Scripted::start(&[&[OK, "-NOAUTH Authentication required.\r\n"]]).await;
    let quota = RedisQuota::connect(fake.server, rate()).await.unwrap();
    let pacer = Pacer::new(rate(), std::num::NonZeroU32::MIN).sharing(quota);
    tokio::select! {
        _ = pacer.turn() => panic!("a turn"),
        lost = pacer.lost() => assert!(lost.to_string().contains("NOAUTH"), "{lost}"),
    }
    assert!(pacer.why_lost().unwrap().hint().is_some());
    let turn = timeout(Duration::from_millis(20), pacer.turn()).await;
    assert!(turn.is_err(), "no later turn either");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_is_given_up_after_some_seconds() {
    let fake = Scripted::start(&[&[OK]]).await;
    let quota = RedisQuota::connect(fake.server, rate()).await.unwrap();
    fake.task.await.unwrap();
    let start = Instant::now();
    quota.apply(QuotaChange::Take).await.unwrap_err();
    assert!(
        start.elapsed() <= PATIENCE + ANSWER,
        "{:?}",
        start.elapsed()
    );
}

/// A real server on a free port, without a file.
struct RealServer {
    process: Child,
    server: RedisServer,
}

impl RealServer {
    fn start() -> Self {
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &port.to_string(),
        ]);
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        Self {
            process,
            server: server(&format!("127.0.0.1:{port}")),
        }
    }

    async fn connection(&self) -> RedisConnection {
        for _ in 0..200 {
            if let Ok(connection) = RedisConnection::open(&self.server).await {
                return connection;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("redis-server does not start");
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A quota whose clock the test sets.
struct TimedQuota {
    connection: RedisConnection,
    script: Script,
    key: String,
}

impl TimedQuota {
    async fn new(server: &RealServer) -> Self {
        Self {
            connection: server.connection().await,
            script: Script::with_clock("local clock = tonumber(ARGV[6])\n"),
            key: "timed".to_owned(),
        }
    }

    async fn apply(&mut self, rate: Rate, change: Option<QuotaChange>, clock: u64) -> Changed {
        let mut words = arguments(rate, change).to_vec();
        words.push(clock.to_string());
        let reply = self.connection.run(&self.script, &self.key, &words).await;
        match Reply::parse(&reply.unwrap()).unwrap() {
            Reply::Changed(changed) => changed,
            other => panic!("{other:?}"),
        }
    }
}

fn near(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= Duration::from_micros(2)
}

fn same(one: &Changed, other: &Changed) -> bool {
    let outcome = match (one.outcome, other.outcome) {
        (QuotaOutcome::At(one), QuotaOutcome::At(other)) => near(one, other),
        (one, other) => one == other,
    };
    let (one, other) = (one.state, other.state);
    let lowered = match (one.adaptive_rate.slowed, other.adaptive_rate.slowed) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            let rates = [
                (one.from, other.from),
                (one.knee, other.knee),
                (one.full, other.full),
                (one.slowdown.top, other.slowdown.top),
            ];
            let of = |slowed: &crate::engine::adaptive_rate::Slowed| {
                (
                    slowed.calls,
                    slowed.answers,
                    slowed.slowdown.answers,
                    slowed.slowdown.throttled,
                )
            };
            near(one.since, other.since)
                && of(&one) == of(&other)
                && rates
                    .iter()
                    .all(|(one, other)| (one / other - 1.0).abs() < 1e-6)
        }
        _ => false,
    };
    outcome
        && lowered
        && near(one.hold, other.hold)
        && near(one.free, other.free)
        && near(one.last.unwrap(), other.last.unwrap())
        && one.begun == other.begun
}

fn steps() -> impl Strategy<Value = Vec<(u64, u8, u64)>> {
    // Mostly a call that is answered; now and then one is throttled, and sometimes long after.
    prop::collection::vec(
        (
            prop_oneof![8 => 0..400_u64, 1 => 0..90_000_u64],
            0..12_u8,
            0..3_u64,
        ),
        1..120,
    )
}

#[test]
#[ignore = "needs redis-server: tests/redis/run"]
fn the_script_changes_the_state_as_the_program_does() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let real = RealServer::start();
    let quota = RefCell::new(runtime.block_on(TimedQuota::new(&real)));
    let nth = Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(
            &(steps(), prop_oneof!["7/s", "8/s", "480/m", "24/m", "300/s"]),
            |(steps, rate)| {
                nth.set(nth.get() + 1);
                let mut quota = quota.borrow_mut();
                quota.key = format!("timed{}", nth.get());
                let rate: Rate = rate.parse().unwrap();
                let full = 1.0 / rate.interval().unwrap().as_secs_f64();
                let mut clock = 1_800_000_000_000_123_u64;
                let mut state = runtime.block_on(quota.apply(rate, None, clock)).state;
                for (millis, kind, back) in steps {
                    clock += millis * 1000 + 7;
                    let call = state.begun.saturating_sub(1 + back);
                    let change = match kind {
                        0..3 => QuotaChange::Reserve,
                        3..6 => QuotaChange::Take,
                        6..9 => QuotaChange::Answered(call),
                        9 => QuotaChange::Pause(Duration::from_millis(250)),
                        _ => QuotaChange::Throttled {
                            call,
                            hold: Duration::from_millis(1000 * back),
                        },
                    };
                    let now = Duration::from_micros(clock);
                    let outcome = state.apply(change, now, full);
                    let ours = Changed {
                        outcome,
                        state,
                        now,
                    };
                    let theirs = runtime.block_on(quota.apply(rate, Some(change), clock));
                    prop_assert!(same(&ours, &theirs), "{change:?}: {ours:?} and {theirs:?}");
                    state = theirs.state; // rounding does not add up
                }
                Ok(())
            },
        )
        .unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server: tests/redis/run"]
async fn a_clock_that_jumps_back_gives_no_more_than_the_rate() {
    let real = RealServer::start();
    let mut quota = TimedQuota::new(&real).await;
    let mut clock = 1_800_000_000_000_000_u64;
    let mut begun = Vec::new();
    for step in 0..2000_u64 {
        clock += 10_000;
        if step % 301 == 300 {
            clock -= 3_600_000_000 * (step / 301 + 1);
        }
        let changed = quota.apply(rate(), Some(QuotaChange::Take), clock).await;
        if let QuotaOutcome::Begun(_) = changed.outcome {
            begun.push(step);
        }
    }
    assert!(
        begun.windows(2).all(|pair| pair[1] - pair[0] >= 10),
        "{begun:?}"
    );
    assert!(begun.len() >= 190, "and time goes on: {}", begun.len());
}

#[tokio::test]
#[ignore = "needs redis-server: tests/redis/run"]
async fn a_key_is_gone_an_hour_after_its_last_use_and_has_one_rate() {
    let real = RealServer::start();
    let mut connection = real.connection().await;
    let quota = RedisQuota::connect(real.server.clone(), rate())
        .await
        .unwrap();
    let turn = quota.apply(QuotaChange::Take).await.unwrap();
    let QuotaOutcome::At(turn) = turn.outcome else {
        panic!("the first call waits for a turn")
    };
    sleep(Duration::from_millis(110)).await;
    let taken = quota.apply(QuotaChange::Take).await.unwrap();
    assert_eq!(taken.outcome, QuotaOutcome::Begun(0));
    assert!(taken.now >= turn);
    let left = "return {tostring(redis.call('TTL', KEYS[1]))}";
    let script = Script {
        text: left.to_owned(),
        hash: String::new(),
    };
    let left = connection.run(&script, "quota", &[]).await.unwrap();
    assert!(
        (3590..=3601).contains(&left[0].parse().unwrap()),
        "{left:?}"
    );
    let other = RedisQuota::connect(real.server.clone(), "20/s".parse().unwrap()).await;
    let text = other.unwrap_err().to_string();
    assert!(
        text.ends_with("its rate is 10/s, and the rate of this run is 20/s"),
        "{text}"
    );
    let same = RedisQuota::connect(real.server.clone(), "600/m".parse().unwrap()).await;
    same.expect("600/m is 10/s");
    for foreign in [
        "redis.call('SET', KEYS[1], 'x')",
        "redis.call('HSET', KEYS[1], 'a', 'b')",
    ] {
        let text = format!("redis.call('DEL', KEYS[1]) {foreign} return {{'x'}}");
        let script = Script {
            text,
            hash: String::new(),
        };
        connection.run(&script, "quota", &[]).await.unwrap();
        let error = RedisQuota::connect(real.server.clone(), rate())
            .await
            .unwrap_err();
        assert!(
            error.to_string().ends_with("the key holds something else"),
            "{error}"
        );
    }
}
