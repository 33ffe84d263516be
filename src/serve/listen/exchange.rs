//! One request and its answer: the body is read within its limit, the routes are asked, log and metrics are told.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::time::{Duration, Instant, timeout};

use super::access_log::Visit;
use super::activity::{Activity, Phase};
use super::ending::{Unanswered, is_crowded};
use super::house::House;
use super::routes::refusal;
use crate::serve::Note;

/// What a connection costs while it waits for a body: hyper's buffers, in bytes.
const WAITING_BODY: usize = 32 * 1024;

/// How long a body is awaited where there is no room to wait: enough for one that is here already.
const CROWDED: Duration = Duration::from_millis(100);

/// What hyper calls for each request of one connection.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    pub(super) house: Arc<House>,
    pub(super) activity: Arc<Activity>,
    pub(super) peer: SocketAddr,
}

type Answered = Result<Response<Body>, Unanswered>;

impl Service<Request<Incoming>> for Exchange {
    type Response = Response<Body>;
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Answered> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.activity.enter(Phase::Body);
        Box::pin(self.clone().answer(request))
    }
}

impl Exchange {
    async fn answer(self, request: Request<Incoming>) -> Answered {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let (method, uri) = (head.method.clone(), head.uri.clone());
        let mut response = match self.read(body).await? {
            Ok(body) => {
                self.activity.enter(Phase::Answering);
                let request = Request::from_parts(head, Body::from(body));
                let routed: Result<_, Infallible> = self.house.routes.call(request).await;
                routed.unwrap_or_else(|never| match never {})
            }
            Err(refusal) => refusal,
        };
        let note: Note = response.extensions_mut().remove().unwrap_or_default();
        let answered = if note.dropped {
            Err(Unanswered::Drill)
        } else {
            Ok(response)
        };
        let visit = Visit {
            peer: self.peer,
            method: &method,
            uri: &uri,
            status: answered.as_ref().map_or(0, |found| found.status().as_u16()),
            bytes: answered.as_ref().map_or(0, length),
            took: started.elapsed(),
            note: &note,
        };
        self.house.metrics.answered(&note, visit.status, visit.took);
        self.house.log.request(&visit);
        self.activity.enter(Phase::Writing);
        answered
    }

    /// The whole body, or the answer to one that is too long or malformed.
    async fn read(&self, body: Incoming) -> Result<Result<Bytes, Response<Body>>, Unanswered> {
        let limit = self.house.limits.body_bytes;
        let announced = body.size_hint().lower();
        if announced > limit as u64 {
            self.activity.leave_unread();
            return Ok(Err(too_long()));
        }
        if body.is_end_stream() {
            return Ok(Ok(Bytes::new()));
        }
        let reading = to_bytes(Body::new(body), limit);
        let read = match self.house.room.hold(WAITING_BODY) {
            Some(_room) => Some(reading.await),
            None => timeout(CROWDED, reading).await.ok(),
        };
        let error = match read {
            Some(Ok(body)) => return Ok(Ok(body)),
            Some(Err(error)) => error,
            None => {
                self.activity.leave_unread();
                return Ok(Err(crowded()));
            }
        };
        if self.activity.has_ended() {
            return Err(Unanswered::Body);
        }
        self.activity.leave_unread();
        Ok(Err(if is_crowded(&error) {
            crowded()
        } else if is_of_hyper(&error) {
            refusal(StatusCode::BAD_REQUEST, "the body is malformed\n")
        } else {
            too_long()
        }))
    }
}

/// Did hyper stumble over the body, or was it the limit?
fn is_of_hyper(error: &axum::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.into_iter().any(<dyn Error>::is::<hyper::Error>)
}

fn crowded() -> Response<Body> {
    let reason = "too many large requests\n";
    refusal(StatusCode::SERVICE_UNAVAILABLE, reason)
}

fn too_long() -> Response<Body> {
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n")
}

fn length(response: &Response<Body>) -> u64 {
    response.body().size_hint().exact().unwrap_or_default()
}
