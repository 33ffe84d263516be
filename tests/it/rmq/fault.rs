//! Faults in place of answers: the same for the same seed, request and attempt.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::super::gateway::{Breaker, Fault, Refusal, respond};
use super::wire::Asked;

/// After so many faults in a row, a request is answered: fewer than the attempts of a run.
const MOST_IN_A_ROW: usize = 2;

/// How often requests get a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) percent: u64,
    pub(super) seed: u64,
}

impl Rate {
    /// Returns the number of the fault, if this attempt (from 0) gets one.
    pub(super) fn fault(self, asked: &Asked, attempt: usize) -> Option<u64> {
        if attempt % (MOST_IN_A_ROW + 1) == MOST_IN_A_ROW {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        let names = [&asked.instance, &asked.topic, &asked.message, &asked.group];
        (self.seed, asked.operation.as_str(), names, attempt).hash(&mut hasher);
        let number = hasher.finish();
        (number % 100 < self.percent).then_some(number / 100)
    }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json;charset=utf-8")];
const HTML: &str = "<html><head><title>Error</title></head><body>proxy</body></html>";

/// An error of the service itself: other names of fields than those of the gateway before it.
pub(super) fn of_service(status: u16, request_id: &str, code: Option<&str>) -> Response<Body> {
    let mut body = json!({
        "requestId": request_id, "success": false, "httpStatusCode": status,
        "message": "The request cannot be processed.", "dynamicMessage": "Try again.",
    });
    if let Some(code) = code {
        body["code"] = code.into();
        body["dynamicCode"] = code.into();
    }
    respond(status, &JSON, body.to_string())
}

/// Returns the response of a fault.
pub(super) fn response(number: u64, request_id: &str, breaker: &Breaker) -> Response<Body> {
    let of_gateway = |fault: Fault| fault.response(request_id).unwrap();
    // After a throttled call, all calls slow down, so these are rare.
    match number % 60 {
        0 => of_gateway(Fault::Throttled(Some(5))),
        1 => of_gateway(Fault::Busy(429, "0.005")),
        2 => waits(Refusal::new(429, "Throttling.Api", "Slow down.").json(request_id)),
        3 => waits(of_service(429, request_id, Some("Throttling"))),
        4 => waits(of_service(400, request_id, Some("Throttling.User"))),
        5..15 => of_gateway(Fault::Unavailable),
        15..20 => of_gateway(Fault::Internal),
        20..25 => of_gateway(Fault::BadGateway),
        25..30 => of_gateway(Fault::Xml),
        _ => broken(number % 10, request_id, breaker),
    }
}

/// Says when to try again, in milliseconds.
fn waits(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert("x-acs-retry-after", 5.into());
    response
}

/// Returns a response that is no answer.
fn broken(number: u64, request_id: &str, breaker: &Breaker) -> Response<Body> {
    match number {
        0 => respond(200, &[("content-type", "text/html")], HTML),
        1 => respond(200, &JSON, ""),
        2 => respond(
            200,
            &JSON,
            r#"{"requestId":"x","success":true,"data":{"consu"#,
        ),
        3 | 4 => {
            breaker.reset_after(0);
            respond(200, &JSON, "x".repeat(100))
        }
        5 => of_service(200, request_id, Some("InternalError")),
        6 => of_service(200, request_id, None),
        7 => respond(404, &JSON, r#"{"requestId":"x","message":"no page"}"#),
        8 => respond(404, &[("content-type", "text/html")], HTML),
        _ => of_service(500, request_id, Some("InternalServerError")),
    }
}
