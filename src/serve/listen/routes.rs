//! Which path leads where: `/healthz`, `/metrics`, and everything else to the gateway.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::get;

use super::metrics::{self, Metrics};
use crate::serve::{Gateway, Incoming, Note, Reply};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-acs-request-id");
/// Milliseconds (`facts/ons-api.md` §4).
const RETRY_AFTER: HeaderName = HeaderName::from_static("x-acs-retry-after");

/// Whoever answers requests: the [`Gateway`], or what a test puts in its place.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request, whose head and body have arrived.
    fn answer(&self, incoming: &Incoming<'_>) -> impl Future<Output = Reply> + Send;
}

impl Answer for Gateway {
    fn answer(&self, incoming: &Incoming<'_>) -> impl Future<Output = Reply> + Send {
        Self::answer(self, incoming)
    }
}

/// The routes. Each response has a [`Note`] among its extensions.
pub(super) fn routes(gateway: Arc<impl Answer>, metrics: Arc<Metrics>) -> Router {
    let healthz = || async { own("healthz", "text/plain; charset=utf-8", "ok\n".to_owned()) };
    let page = move || async move { own("metrics", metrics::CONTENT_TYPE, metrics.page()) };
    let ask = move |request| ask(gateway.clone(), request);
    Router::new()
        .route("/healthz", get(healthz))
        .route("/metrics", get(page))
        .fallback(ask)
}

async fn ask(gateway: Arc<impl Answer>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    // It has been read before, within its limit: nothing is awaited and nothing can fail here.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let incoming = Incoming {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body: &body,
    };
    respond(gateway.answer(&incoming).await)
}

fn respond(reply: Reply) -> Response<Body> {
    let Reply {
        status,
        content_type,
        body,
        retry_after,
        note,
    } = reply;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&note.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(wait) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(millis(wait)));
    }
    response.extensions_mut().insert(note);
    response
}

/// Rounded up: whoever comes back any sooner is refused again, and 0 is no time to clients (`facts/ons-api.md` §4.4).
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// An answer of the listener's own.
fn own(action: &'static str, content_type: &'static str, body: String) -> Response<Body> {
    respond(Reply {
        status: 200,
        content_type,
        body: body.into_bytes(),
        retry_after: None,
        note: Note {
            action: Some(action),
            ..Note::default()
        },
    })
}

/// A refusal before the gateway was asked, for a client that doesn't speak to it.
pub(super) fn refusal(status: StatusCode, reason: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_is_told_to_come_back_too_early() {
        for (micros, told) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (1_500_000, 1500)] {
            assert_eq!(millis(Duration::from_micros(micros)), told, "{micros}");
        }
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
