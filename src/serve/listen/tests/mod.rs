//! The listener, tested with connections in memory and a paused clock; with real sockets where they matter.

mod log;
mod requests;
mod shutdown;
mod socket;
mod timeouts;
mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::close_reason::CloseReason;
use super::connection::serve_connection;
use super::{Handler, Limits, ListenerState, Server};
use crate::serve::{CallDetails, GatewayReply, GatewayRequest};

/// Repeats the request in its answer; some paths have an effect.
#[derive(Debug, Default)]
struct TestHandler {
    /// `/held` is answered when this is cancelled.
    released: CancellationToken,
}

impl Handler for TestHandler {
    async fn answer(&self, incoming: &GatewayRequest<'_>) -> GatewayReply {
        let body = String::from_utf8_lossy(incoming.body);
        let mut reply = GatewayReply {
            status: 200,
            content_type: "application/json;charset=utf-8",
            body: format!("{} {} {body}\n", incoming.method, incoming.query).into_bytes(),
            retry_after: None,
            details: CallDetails {
                request_id: "0A1B2C3D-0000-4000-8000-000000000001".to_owned(),
                action: Some("OnsMessageTrace"),
                ..CallDetails::default()
            },
        };
        match incoming.path {
            "/held" => self.released.cancelled().await,
            "/panic" => panic!("the handler panics"),
            "/slow" => tokio::time::sleep(Duration::from_secs(5)).await,
            "/large" => reply.body = vec![b'x'; 1 << 20],
            "/dropped" => reply.details.dropped = true,
            "/throttled" => {
                reply.status = 400;
                reply.retry_after = Some(Duration::from_millis(1500));
                reply.details.code = Some("Throttling.User".into());
            }
            "/traced" => {
                reply.details.key = Some("LTA***Key".to_owned());
                reply.details.topic = Some("orders".to_owned());
                reply.details.msg_id = Some("1E0578FE110F18B4AAC235C0C8460BA2".to_owned());
            }
            _ => {}
        }
        reply
    }
}

/// A log that a test reads.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// The state of a listener, without a socket.
struct Fixture {
    state: Arc<ListenerState>,
    handler: Arc<TestHandler>,
    log: Sink,
    connections: TaskTracker,
}

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4711);

impl Fixture {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let (handler, log) = (Arc::new(TestHandler::default()), Sink::default());
        let server = Server {
            handler: handler.clone(),
            tls: None,
            limits,
            log: Some(Box::new(log.clone())),
            clock: || "2026-11-22T12:00:00.123Z".parse().unwrap(),
        };
        Self {
            state: Arc::new(ListenerState::new(server, CancellationToken::new()).unwrap()),
            handler,
            log,
            connections: TaskTracker::new(),
        }
    }

    /// A client that has connected.
    fn client(&self) -> Client {
        self.client_with_pipe(1 << 20)
    }

    /// A client whose connection holds that many bytes on their way.
    fn client_with_pipe(&self, bytes: usize) -> Client {
        let (ours, theirs) = duplex(bytes);
        let state = self.state.clone();
        let task = self.connections.spawn(async move {
            let reason = serve_connection(theirs, PEER, &state).await;
            if let Some(reason) = &reason {
                state.metrics.aborted(reason);
                state.log.connection(PEER, reason);
            }
            reason
        });
        Client { stream: ours, task }
    }

    /// Waits for all connections to end; returns the lines of the log.
    async fn log(self) -> Vec<Value> {
        self.connections.close();
        self.connections.wait().await;
        drop(self.state);
        self.log.lines()
    }
}

/// A client's end of a connection.
struct Client {
    stream: DuplexStream,
    task: JoinHandle<Option<CloseReason>>,
}

impl Client {
    async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    /// Sends a request for `path`.
    async fn get(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: ons\r\n\r\n");
        self.send(request).await;
    }

    /// Begins a request with a body of `length` bytes.
    async fn post_of(&mut self, length: usize) {
        let head = format!("POST / HTTP/1.1\r\nhost: ons\r\ncontent-length: {length}\r\n\r\n");
        self.send(head).await;
    }

    /// Reads one answer: its status and its body.
    async fn answer(&mut self) -> (u16, String) {
        let (head, body) = self.whole_answer().await;
        (head[9..12].parse().unwrap(), body)
    }

    /// Reads one answer: its head and its body.
    async fn whole_answer(&mut self) -> (String, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        self.stream.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// Waits for the server to close; nothing more may come before.
    async fn is_closed(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = self.stream.read_to_end(&mut rest).await;
        assert_eq!(String::from_utf8(rest).unwrap(), "");
    }

    /// Leaves; returns why the server closed the connection.
    async fn close_reason(self) -> Option<CloseReason> {
        drop(self.stream);
        self.task.await.unwrap()
    }
}
