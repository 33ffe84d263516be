//! One connection: hyper reads its requests, the router answers them, log and metrics record them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout};

use super::ListenerState;
use super::access_log::AccessLogEntry;
use super::close_reason::{CloseReason, Phase, Unanswered};
use super::timed_stream::{ConnectionPhase, TimedStream};
use crate::serve::CallDetails;

/// How long, and up to how many bytes, we read what a client still sends behind its last answer. Unread bytes would
/// reset the connection, and the client could lose the answer that says why it was refused.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 4 * 1024 * 1024;

/// Serves a connection until it ends; returns why, if it ended before its time.
pub(super) async fn serve_connection<S>(
    stream: S,
    peer: SocketAddr,
    state: &Arc<ListenerState>,
) -> Option<CloseReason>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Arc::new(ConnectionPhase::default());
    let stream = TimedStream::new(stream, phase.clone(), state.limits);
    let service = service_fn(|request| {
        phase.enter(Phase::Answering);
        Box::pin(answer(request, peer, state.clone(), phase.clone()))
    });
    let mut connection = state.http.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = state.stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = state.kill.cancelled() => return Some(CloseReason::Shutdown),
            }
        }
    };
    if let Some(expired) = phase.expired() {
        return Some(expired);
    }
    let reason = ended
        .err()
        .and_then(|error| CloseReason::of_error(&error, phase.get()));
    let has_answer = matches!(reason, None | Some(CloseReason::BadRequest(_)));
    if has_answer && !state.stop.is_cancelled() {
        linger(connection.into_parts().io.into_inner().into_inner(), state).await;
    }
    reason
}

/// Closes our side, then reads and discards what the client still sends.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &ListenerState) {
    let drain = async {
        if stream.shutdown().await.is_ok() {
            let mut rest = stream.take(LINGER_BYTES);
            let mut discarded = [0; 4096];
            while matches!(rest.read(&mut discarded).await, Ok(1..)) {}
        }
    };
    tokio::select! {
        _ = timeout(LINGER, Box::pin(drain)) => {}
        () = state.stop.cancelled() => {}
    }
}

/// Answers one request, and records it in log and metrics.
async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    state: Arc<ListenerState>,
    phase: Arc<ConnectionPhase>,
) -> Result<Response<Body>, Unanswered> {
    let started = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let Ok(mut response) = state.router.call(request).await;
    let details: CallDetails = response.extensions_mut().remove().unwrap_or_default();
    let answered = match response.extensions_mut().remove() {
        Some(Unanswered(None)) => Err(Unanswered(None)),
        Some(unanswered) => return Err(unanswered),
        None => Ok(response),
    };
    let entry = AccessLogEntry {
        peer,
        method: &method,
        uri: &uri,
        status: answered
            .as_ref()
            .map_or(0, |response| response.status().as_u16()),
        bytes: answered.as_ref().map_or(0, length),
        took: started.elapsed(),
        details: &details,
    };
    state.metrics.answered(&details, entry.status, entry.took);
    state.log.request(&entry);
    phase.enter(Phase::Writing);
    answered
}

fn length(response: &Response<Body>) -> u64 {
    response.body().size_hint().exact().unwrap_or_default()
}
