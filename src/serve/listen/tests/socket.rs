//! The accept loop, over real sockets.

use tokio::net::{TcpListener, TcpStream};

use super::super::accept::{ConnectionSource, accept_connections};
use super::super::{ServeOutcome, ServerTls, run};
use super::*;

/// A listener that runs.
pub(super) struct RunningListener {
    pub(super) address: SocketAddr,
    handler: Arc<TestHandler>,
    log: Sink,
    stop: CancellationToken,
    outcome: JoinHandle<ServeOutcome>,
}

impl RunningListener {
    pub(super) async fn start(limits: Limits, tls: Option<Arc<ServerTls>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (handler, log) = (Arc::new(TestHandler::default()), Sink::default());
        let stop = CancellationToken::new();
        let server = Server {
            handler: handler.clone(),
            tls,
            limits,
            log: Some(Box::new(log.clone())),
            clock: crate::clock::system,
        };
        let running = run(listener, server, stop.clone());
        let outcome = TaskTracker::new().spawn(async { running.await.unwrap() });
        Self {
            address,
            handler,
            log,
            stop,
            outcome,
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own.
    async fn send(&self, path: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: ons\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn get(&self, path: &str) -> String {
        rest(&mut self.send(path).await).await
    }

    /// Stops it; returns how it ended, and the lines of the log.
    pub(super) async fn end(self) -> (ServeOutcome, Vec<Value>) {
        self.stop.cancel();
        let outcome = self.outcome.await.unwrap();
        (outcome, self.log.lines())
    }
}

/// Reads until the connection is closed, which must not be by a reset.
pub(super) async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    rest
}

#[tokio::test]
async fn a_refused_client_receives_the_answer() {
    let listener = RunningListener::start(Limits::default(), None).await;
    let megabyte = "x".repeat(1 << 20);
    let post = "POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 1048576\r\n\r\n";
    for (request, status) in [
        (format!("GET /?{megabyte} HTTP/1.1\r\n\r\n"), "431"),
        (format!("\x01garbage{megabyte}"), "400"),
        (format!("{post}{megabyte}"), "413"),
    ] {
        let mut stream = listener.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let received = rest(&mut stream).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(received.starts_with(&expected), "{received}");
    }
    let (_, log) = listener.end().await;
    assert_eq!(log.len(), 3, "{log:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let limits = Limits {
        connections: 2,
        idle: Duration::from_millis(500),
        ..Limits::default()
    };
    let listener = RunningListener::start(limits, None).await;
    let (mut one, mut two) = (listener.connect().await, listener.connect().await);
    // Served when the first ones have been idle for too long.
    assert!(listener.get("/?waited").await.ends_with("GET waited \n"));
    assert_eq!(rest(&mut one).await + &rest(&mut two).await, "");
    let page = listener.get("/metrics").await;
    for line in [
        "ons_audit_serve_connections_open 1",
        "ons_audit_serve_connections_total 4",
        r#"ons_audit_serve_connections_aborted_total{reason="idle_timeout"} 2"#,
    ] {
        assert!(page.contains(line), "{line} in\n{page}");
    }
    listener.end().await;
}

/// Fails to accept now and then.
struct Failing {
    listener: TcpListener,
    errors: Vec<io::ErrorKind>,
}

impl ConnectionSource for Failing {
    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        match self.errors.pop() {
            Some(error) => Err(error.into()),
            None => self.listener.accept().await,
        }
    }
}

#[tokio::test]
async fn accepting_goes_on_after_errors() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let failing = Failing {
        listener,
        errors: vec![
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::Other, // such as too many open files: the loop pauses
            io::ErrorKind::ConnectionReset,
        ],
    };
    let fixture = Fixture::new();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nhost: ons\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        rest(&mut stream).await
    };
    tokio::select! {
        () = accept_connections(failing, &fixture.connections, &fixture.state) => panic!("it goes on"),
        answer = client => assert!(answer.ends_with("ok\n"), "{answer}"),
    }
}

#[tokio::test]
async fn the_end_awaits_requests_in_flight_only() {
    let listener = RunningListener::start(Limits::default(), None).await;
    let mut idle = listener.connect().await;
    let mut busy = listener.send("/held").await;
    // Accepted after the busy one and answered, so that one is in flight.
    assert!(listener.get("/healthz").await.ends_with("ok\n"));
    listener.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(listener.address).await.is_err());
    assert!(!listener.outcome.is_finished());
    listener.handler.released.cancel();
    assert!(rest(&mut busy).await.starts_with("HTTP/1.1 200 OK"));
    let (outcome, _) = listener.end().await;
    assert_eq!(outcome, ServeOutcome { unfinished: 0 });
}

#[tokio::test]
async fn the_end_comes_when_the_grace_is_over() {
    let limits = Limits {
        grace: Duration::ZERO,
        ..Limits::default()
    };
    let listener = RunningListener::start(limits, None).await;
    let _busy = listener.send("/held").await;
    assert!(listener.get("/healthz").await.ends_with("ok\n"));
    let (outcome, log) = listener.end().await;
    assert_eq!(outcome, ServeOutcome { unfinished: 1 });
    assert_eq!(log[1]["aborted"], "shutdown");
}

#[tokio::test]
async fn a_panic_of_the_handler_ends_its_connection_only() {
    let listener = RunningListener::start(Limits::default(), None).await;
    assert_eq!(listener.get("/panic").await, "");
    let page = listener.get("/metrics").await;
    let open = "ons_audit_serve_connections_open 1";
    assert!(page.contains(open), "{page}");
    let (outcome, _) = listener.end().await;
    assert_eq!(outcome, ServeOutcome { unfinished: 0 });
}
