//! One connection: hyper reads its requests, the router answers them, log and metrics record them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout};

use super::ListenerState;
use super::access_log::AccessLogEntry;
use super::close_reason::{CloseKind, CloseReason, Unanswered};
use super::timed_stream::{ConnectionPhase, Phase, TimedStream};
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
    let service = RequestService {
        state: state.clone(),
        peer,
        phase: phase.clone(),
    };
    let mut connection = state.http.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = state.stop.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = state.kill.cancelled() => return Some(CloseReason::shutdown()),
            }
        }
    };
    if let Some(expired) = phase.expired() {
        return Some(CloseReason::timeout(expired));
    }
    let reason = ended
        .err()
        .and_then(|error| CloseReason::of_error(&error, phase.get()));
    let has_answer = reason
        .as_ref()
        .is_none_or(|reason| reason.kind == CloseKind::BadRequest);
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

/// The service that hyper calls for each request of one connection.
#[derive(Debug, Clone)]
struct RequestService {
    state: Arc<ListenerState>,
    peer: SocketAddr,
    phase: Arc<ConnectionPhase>,
}

type Answered = Result<Response<Body>, Unanswered>;

impl Service<Request<Incoming>> for RequestService {
    type Response = Response<Body>;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Answered> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.phase.enter(Phase::Answering);
        Box::pin(self.clone().answer(request))
    }
}

impl RequestService {
    async fn answer(self, request: Request<Incoming>) -> Answered {
        let started = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let Ok(mut response) = self.state.router.call(request).await;
        let details: CallDetails = response.extensions_mut().remove().unwrap_or_default();
        let answered = match response.extensions_mut().remove() {
            Some(Unanswered::Closed(reason)) => return Err(Unanswered::Closed(reason)),
            Some(Unanswered::Dropped) => Err(Unanswered::Dropped),
            None => Ok(response),
        };
        let entry = AccessLogEntry {
            peer: self.peer,
            method: &method,
            uri: &uri,
            status: answered.as_ref().map_or(0, |found| found.status().as_u16()),
            bytes: answered.as_ref().map_or(0, length),
            took: started.elapsed(),
            details: &details,
        };
        self.state
            .metrics
            .answered(&details, entry.status, entry.took);
        self.state.log.request(&entry);
        self.phase.enter(Phase::Writing);
        answered
    }
}

fn length(response: &Response<Body>) -> u64 {
    response.body().size_hint().exact().unwrap_or_default()
}
