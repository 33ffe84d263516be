//! The accept loop: a permit for each connection, and TLS handshakes.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::ListenerState;
use super::close_reason::CloseReason;
use super::connection::serve_connection;
use crate::file::raise_open_files;

/// How long the loop pauses when the system cannot accept, for example without free file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// The same warning is logged once in this time.
const QUIET: Duration = Duration::from_mins(1);

/// Where connections come from: a listening socket, or its stand-in in a test.
pub(super) trait ConnectionSource {
    fn next(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl ConnectionSource for TcpListener {
    fn next(&mut self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

/// Accepts connections for ever, as long as there are permits. Each connection is a task of `connections`.
pub(super) async fn accept_connections(
    mut listener: impl ConnectionSource,
    connections: &TaskTracker,
    state: &Arc<ListenerState>,
) {
    let most = state.limits.max_connections(raise_open_files());
    let permits = Arc::new(Semaphore::new(most));
    let (mut full, mut failing) = (RareWarning::default(), RareWarning::default());
    loop {
        if permits.available_permits() == 0 && full.is_due() {
            warn!("all {most} connections are taken: new ones wait");
        }
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        match listener.next().await {
            Ok((stream, peer)) => {
                let permit = ConnectionPermit::new(state, permit);
                let state = state.clone();
                connections.spawn(async move {
                    let reason = serve_stream(stream, peer, &state).await;
                    if let Some(reason) = reason {
                        state.metrics.aborted(&reason);
                        state.log.connection(peer, &reason);
                    }
                    drop(permit);
                });
            }
            Err(error) if is_of_one_connection(error.kind()) => {}
            Err(error) => {
                if failing.is_due() {
                    warn!("can't accept connections for the time being: {error}");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_stream(
    stream: TcpStream,
    peer: SocketAddr,
    state: &Arc<ListenerState>,
) -> Option<CloseReason> {
    // Answers are written in one piece; none should wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    // hyper and TLS take their buffers only for a client that has sent something.
    let mut first_byte = [0];
    let has_begun = tokio::select! {
        biased;
        has_begun = timeout(state.limits.idle, stream.peek(&mut first_byte)) => has_begun,
        () = state.stop.cancelled() => return None,
    };
    match has_begun {
        Ok(Ok(1..)) => {}
        // A port check leaves without a byte.
        Ok(_) => return None,
        Err(_) => return Some(CloseReason::IdleTimeout),
    }
    let Some(tls) = &state.tls else {
        return serve_connection(stream, peer, state).await;
    };
    let acceptor = TlsAcceptor::from(tls.current());
    // The future is boxed because an idle connection would otherwise keep the space of its handshake.
    let handshake = Box::pin(acceptor.accept(stream));
    let shaken = tokio::select! {
        biased;
        shaken = timeout(state.limits.handshake, handshake) => shaken,
        () = state.stop.cancelled() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => serve_connection(Box::new(stream), peer, state).await,
        Ok(Err(error)) => Some(CloseReason::Handshake(error.to_string())),
        Err(_) => Some(CloseReason::HandshakeTimeout),
    }
}

/// A permit for one open connection. The gauge counts the connection until the permit is dropped.
struct ConnectionPermit {
    state: Arc<ListenerState>,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionPermit {
    fn new(state: &Arc<ListenerState>, permit: OwnedSemaphorePermit) -> Self {
        state.metrics.accepted.inc();
        state.metrics.open.inc();
        Self {
            state: state.clone(),
            _permit: permit,
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.state.metrics.open.dec();
    }
}

/// Returns whether the error is that of a client that has left, and not of this machine.
fn is_of_one_connection(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Limits how often a lasting problem is logged.
#[derive(Debug, Default)]
struct RareWarning {
    last: Option<Instant>,
}

impl RareWarning {
    /// Returns whether the warning should be logged now.
    fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= QUIET);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lasting_problem_is_logged_once_a_minute() {
        let mut warning = RareWarning::default();
        let mut due = Vec::new();
        for _ in 0..6 {
            due.push(warning.is_due());
            sleep(Duration::from_secs(25)).await;
        }
        assert_eq!(due, [true, false, false, true, false, false]);
    }
}
