//! The listener: from the first connection to the last answer.
//!
//! ```text
//! accept        the accept loop: permits, TLS handshakes
//! timed_stream  the bytes of a connection, with timeouts
//! connection    hyper serves the requests of one connection; access log, metrics
//! router        axum and tower-http: limits of bodies, which path leads where, Reply → HTTP
//! ```

mod accept;
mod access_log;
mod close_reason;
mod connection;
mod limits;
mod log_writer;
mod metrics;
mod router;
#[cfg(test)]
mod tests;
mod timed_stream;
mod tls;

pub use limits::Limits;
pub use router::Handler;
pub use tls::{ServerTls, ServerTlsError};

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use accept::accept_connections;
use access_log::AccessLog;
use metrics::Metrics;
use router::router;

/// Connections that the system holds until they are accepted; the standard library asks for 128.
const BACKLOG: i32 = 4096;

/// What a listener needs.
pub struct Server<H> {
    /// Answers the requests.
    pub handler: Arc<H>,
    /// With a certificate, the listener speaks TLS only.
    pub tls: Option<Arc<ServerTls>>,
    /// What clients may take.
    pub limits: Limits,
    /// Where the access log goes.
    pub log: Option<Box<dyn Write + Send>>,
    /// The clock of the access log.
    pub clock: Clock,
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("tls", &self.tls)
            .field("limits", &self.limits)
            .field("is_logged", &self.log.is_some())
            .finish_non_exhaustive()
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOutcome {
    /// Connections that were cut off because their answers were not there in time.
    pub unfinished: usize,
}

/// What all connections of a listener share.
#[derive(Debug)]
struct ListenerState {
    router: TowerToHyperService<Router>,
    http: http1::Builder,
    tls: Option<Arc<ServerTls>>,
    limits: Limits,
    log: AccessLog,
    metrics: Arc<Metrics>,
    /// Cancelled when no new requests are wanted.
    stop: CancellationToken,
    /// Cancelled when requests in flight are no longer awaited either.
    kill: CancellationToken,
}

impl ListenerState {
    fn new(server: Server<impl Handler>, stop: CancellationToken) -> io::Result<Self> {
        let metrics = Arc::new(Metrics::new());
        let router = router(server.handler, metrics.clone(), &server.limits);
        let mut http = http1::Builder::new();
        // `TimedStream` has the timeouts.
        http.header_read_timeout(None)
            .max_buf_size(server.limits.head_bytes);
        Ok(Self {
            router: TowerToHyperService::new(router),
            http,
            tls: server.tls,
            limits: server.limits,
            log: AccessLog::open(server.log, server.clock, &metrics.lost_lines)?,
            metrics,
            stop,
            kill: CancellationToken::new(),
        })
    }
}

/// Serves until `stop`. Then nothing new is accepted, idle connections are closed, and requests in flight have the
/// grace of [`Limits`] to be answered.
///
/// Raises this process's limit of open files to what the system allows.
///
/// # Errors
///
/// Fails if the thread of the access log cannot be started.
pub async fn run<H: Handler>(
    listener: TcpListener,
    server: Server<H>,
    stop: CancellationToken,
) -> io::Result<ServeOutcome> {
    let state = Arc::new(ListenerState::new(server, stop)?);
    // If the system refuses, the standard library's shorter queue remains.
    let _ = rustix::net::listen(&listener, BACKLOG);
    let connections = TaskTracker::new();
    tokio::select! {
        () = accept_connections(listener, &connections, &state) => {}
        () = state.stop.cancelled() => {}
    }
    connections.close();
    let all_ended = timeout(state.limits.grace, connections.wait()).await;
    let unfinished = connections.len();
    if all_ended.is_err() {
        state.kill.cancel();
        connections.wait().await;
    }
    Ok(ServeOutcome { unfinished })
}
