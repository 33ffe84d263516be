//! The accept loop, over real sockets.

use std::future::pending;

use tokio::net::{TcpListener, TcpStream};

use super::super::accept::{Acceptor, Queue};
use super::super::{Ended, Server, Tls, run};
use super::*;

/// A listener that runs.
pub(super) struct Outside {
    pub(super) address: SocketAddr,
    pub(super) clerk: Arc<Clerk>,
    pub(super) log: Sink,
    stop: CancellationToken,
    tasks: TaskTracker,
    ended: JoinHandle<Ended>,
}

impl Outside {
    pub(super) async fn start(limits: Limits, tls: Option<Arc<Tls>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (clerk, log, stop) = (
            Arc::new(Clerk::default()),
            Sink::default(),
            CancellationToken::new(),
        );
        let server = Server {
            gateway: clerk.clone(),
            tls,
            limits,
            log: Some(Box::new(log.clone())),
            clock: crate::clock::system,
        };
        let tasks = TaskTracker::new();
        let stopped = stop.clone();
        let ended = tasks.spawn(async move { run(listener, server, stopped).await.unwrap() });
        Self {
            address,
            clerk,
            log,
            stop,
            tasks,
            ended,
        }
    }

    /// A client that has connected; its stream is whole.
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks for a path on a connection of its own, and gives all that comes.
    async fn get(&self, path: &str) -> String {
        let mut stream = self.connect().await;
        ask(&mut stream, path).await;
        rest(&mut stream).await
    }

    /// Stops it and waits for its end: how it ended, and what the log says.
    pub(super) async fn end(self) -> (Ended, Vec<Value>) {
        self.stop.cancel();
        let ended = self.ended.await.unwrap();
        self.tasks.close();
        self.tasks.wait().await;
        (ended, self.log.lines())
    }
}

/// Asks for a path, and for the connection to be closed behind the answer.
async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: ons\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// All that comes until the connection is closed, and closed well.
pub(super) async fn rest(stream: &mut TcpStream) -> String {
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn whoever_is_refused_hears_it_before_the_connection_ends() {
    let outside = Outside::start(Limits::default(), None).await;
    let megabyte = "x".repeat(1 << 20);
    let cases = [
        (format!("GET /?{megabyte} HTTP/1.1\r\n\r\n"), "431"),
        (format!("\x01garbage{megabyte}"), "400"),
        (
            format!("POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: 1048576\r\n\r\n{megabyte}"),
            "413",
        ),
    ];
    for (request, status) in cases {
        let mut stream = outside.connect().await;
        let (mut from, mut to) = stream.split();
        let mut heard = String::new();
        let (said, read) = tokio::join!(
            to.write_all(request.as_bytes()),
            from.read_to_string(&mut heard)
        );
        said.unwrap();
        read.unwrap();
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
    }
    let (_, log) = outside.end().await;
    assert_eq!(log.len(), 3, "{log:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_seat() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let outside = Outside::start(limits, None).await;
    let idle = outside.connect().await;
    let mut seated = outside.connect().await;
    // This one is accepted behind the two, which hold all seats by now.
    let mut waits = outside.connect().await;
    ask(&mut waits, "/?waited").await;
    ask(&mut seated, "/metrics").await;
    let mut page = String::new();
    while !page.contains("# EOF") {
        page.push(char::from(seated.read_u8().await.unwrap()));
    }
    assert!(
        page.contains("ons_audit_serve_connections_open 2"),
        "{page}"
    );
    assert!(
        page.contains("ons_audit_serve_connections_total 2"),
        "{page}"
    );
    drop(idle);
    assert!(rest(&mut waits).await.ends_with("GET waited \n"));
    outside.end().await;
}

/// Has nothing to accept with, now and then.
struct Failing {
    listener: TcpListener,
    errors: Vec<io::ErrorKind>,
}

impl Queue for Failing {
    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        match self.errors.pop() {
            Some(error) => Err(error.into()),
            None => self.listener.accept().await,
        }
    }
}

#[tokio::test]
async fn errors_of_accepting_are_survived() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Other (too many open files) makes the loop rest, the others are those of a client that is gone.
    let queue = Failing {
        listener,
        errors: vec![
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::Other,
            io::ErrorKind::ConnectionReset,
        ],
    };
    let inside = Inside::new();
    let acceptor = Acceptor::new(inside.house.clone());
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream, "/healthz").await;
        rest(&mut stream).await
    };
    tokio::select! {
        () = acceptor.accept(queue) => panic!("it goes on"),
        answer = client => assert!(answer.ends_with("ok\n"), "{answer}"),
    }
}

#[tokio::test]
async fn the_end_awaits_requests_in_flight_and_no_idle_client() {
    let outside = Outside::start(Limits::default(), None).await;
    let mut idle = outside.connect().await;
    let mut busy = outside.connect().await;
    ask(&mut busy, "/held").await;
    // Accepted and asked behind it, so the busy one is in flight.
    assert!(outside.get("/healthz").await.ends_with("ok\n"));
    outside.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert!(
        TcpStream::connect(outside.address).await.is_err(),
        "nobody is let in any more"
    );
    assert!(!outside.ended.is_finished());
    outside.clerk.released.cancel();
    assert!(rest(&mut busy).await.starts_with("HTTP/1.1 200 OK"));
    let (ended, _) = outside.end().await;
    assert_eq!(ended, Ended { unfinished: 0 });
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let limits = Limits {
        grace: Duration::ZERO,
        ..Limits::default()
    };
    let outside = Outside::start(limits, None).await;
    let mut busy = outside.connect().await;
    ask(&mut busy, "/held").await;
    assert!(outside.get("/healthz").await.ends_with("ok\n"));
    let (ended, log) = outside.end().await;
    assert_eq!(ended, Ended { unfinished: 1 });
    assert_eq!(log[1]["aborted"], "shutdown");
}

#[tokio::test]
async fn a_gateway_that_panics_ends_its_connection_only() {
    struct Panics;
    impl Answer for Panics {
        async fn answer(&self, incoming: &Incoming<'_>) -> Reply {
            assert_ne!(incoming.path, "/panic");
            pending().await
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server {
        gateway: Arc::new(Panics),
        tls: None,
        limits: Limits::default(),
        log: None,
        clock: crate::clock::system,
    };
    let stop = CancellationToken::new();
    let client = async {
        let mut panics = TcpStream::connect(address).await.unwrap();
        ask(&mut panics, "/panic").await;
        assert_eq!(rest(&mut panics).await, "");
        let mut fine = TcpStream::connect(address).await.unwrap();
        ask(&mut fine, "/metrics").await;
        let page = rest(&mut fine).await;
        assert!(
            page.contains("ons_audit_serve_connections_open 1"),
            "{page}"
        );
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(run(listener, server, stop.clone()), client);
    assert_eq!(ended.unwrap(), Ended { unfinished: 0 });
}
