//! Which path leads where: `/healthz`, `/metrics`, and everything else to the gateway.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::get;
use futures::StreamExt as _;
use tokio::time::timeout;
use tower_http::limit::RequestBodyLimitLayer;

use super::Limits;
use super::close_reason::{CloseReason, Unanswered};
use super::metrics::{self, Metrics};
use crate::serve::{CallDetails, Gateway, GatewayReply, GatewayRequest};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");
/// In milliseconds (`docs/facts/ons-api.md` §4).
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// Answers requests: the [`Gateway`], or its stand-in in a test.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request, whose head and body have been received.
    fn answer(&self, incoming: &GatewayRequest<'_>) -> impl Future<Output = GatewayReply> + Send;
}

impl Handler for Gateway {
    fn answer(&self, incoming: &GatewayRequest<'_>) -> impl Future<Output = GatewayReply> + Send {
        Self::answer(self, incoming)
    }
}

/// Builds the router. Responses carry a [`CallDetails`] or an [`Unanswered`] among their extensions.
pub(super) fn router(handler: Arc<impl Handler>, metrics: Arc<Metrics>, limits: &Limits) -> Router {
    let healthz =
        || async { own_answer("healthz", "text/plain; charset=utf-8", "ok\n".to_owned()) };
    let page = move || async move { own_answer("metrics", metrics::CONTENT_TYPE, metrics.page()) };
    let body = limits.body;
    let call = move |request| call(handler.clone(), body, request);
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(page))
        .fallback(call)
        .layer(RequestBodyLimitLayer::new(limits.body_bytes))
}

async fn call(handler: Arc<impl Handler>, limit: Duration, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = match timeout(limit, read(body.into_data_stream())).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return body_error(&error),
        Err(_) => return unanswered(CloseReason::BodyTimeout),
    };
    let request = GatewayRequest {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    respond(handler.answer(&request).await)
}

/// Reads a body into one buffer. A client may send it in chunks of one byte, and each chunk that is kept would keep the
/// buffer in which it was received. `RequestBodyLimitLayer` limits the length.
async fn read(mut chunks: BodyDataStream) -> Result<Vec<u8>, axum::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk?);
    }
    Ok(body)
}

/// Tells apart the three reasons why a body cannot be read: it is too long, malformed, or broke off.
fn body_error(error: &axum::Error) -> Response<Body> {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if !causes().any(<dyn Error>::is::<hyper::Error>) {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "length limit exceeded");
    }
    let kind = causes().find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()));
    if matches!(kind, Some(ErrorKind::InvalidInput | ErrorKind::InvalidData)) {
        return refusal(StatusCode::BAD_REQUEST, "the body is malformed\n");
    }
    unanswered(CloseReason::ClientLeft("left in the midst of a body"))
}

fn respond(reply: GatewayReply) -> Response<Body> {
    let GatewayReply {
        status,
        content_type,
        body,
        retry_after,
        details,
    } = reply;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&details.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(wait) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(millis(wait)));
    }
    if details.dropped {
        response.extensions_mut().insert(Unanswered(None));
    }
    response.extensions_mut().insert(details);
    response
}

/// Rounds up: a client that comes back too early is refused again, and clients read 0 as no time at all
/// (`docs/facts/ons-api.md` §4.4).
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// Builds an answer of the listener itself.
fn own_answer(action: &'static str, content_type: &'static str, body: String) -> Response<Body> {
    respond(GatewayReply {
        status: 200,
        content_type,
        body: body.into_bytes(),
        retry_after: None,
        details: CallDetails {
            action: Some(action),
            ..CallDetails::default()
        },
    })
}

/// Builds a refusal in plain text, from before the gateway is called.
fn refusal(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

/// Tells the connection to close instead of answering.
fn unanswered(reason: CloseReason) -> Response<Body> {
    let mut response = Response::default();
    response.extensions_mut().insert(Unanswered(Some(reason)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        for (micros, expected) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (1_500_000, 1500)] {
            assert_eq!(millis(Duration::from_micros(micros)), expected, "{micros}");
        }
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
