//! Faults between a call and its response.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;

use super::bodies;

/// A response instead of the correct one.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// `Throttling.User` as HTTP 400; with `x-acs-retry-after` in milliseconds, if any.
    Throttled(Option<u32>),
    /// `Throttling.Api` in XML as HTTP 200, with `TimeLeft` in milliseconds.
    ThrottledApi(u32),
    /// A bare 429 or 503, with `Retry-After`.
    Busy(u16, &'static str),
    /// 500 with a JSON error body.
    Internal,
    /// 502 with a proxy's HTML.
    BadGateway,
    /// 503 without a body.
    Unavailable,
    /// 503 with an error body in XML.
    Xml,
    /// The connection is reset.
    Reset,
    /// The connection is reset in the middle of the correct response.
    ResetInside,
    /// 200 with the first half of a JSON response.
    Truncated,
    /// 200 with an empty body.
    Empty,
    /// 200 with ten megabytes that look like a response without groups; `announced`: with a length header.
    Huge { announced: bool },
    /// 200 with half a gigabyte of the same, as half a megabyte of unrequested gzip.
    Bomb,
    /// The correct response, labelled as a page.
    WrongType,
    /// The correct response, with every group in it twice.
    Twice,
    /// The correct response in pieces, the last of them after this time.
    Trickle(Duration),
    /// The correct response after this time.
    Slow(Duration),
    /// The correct response, when the test releases it.
    Held,
    /// `BIZ_NO_MESSAGE` with this status.
    NoMessage(u16),
    /// `Forbidden.RAM`: the key is allowed for no topic.
    Forbidden,
    /// `InvalidTimeStamp.Expired`, and a `Date` that is more than 16 minutes ahead.
    Expired,
    /// `InvalidSecurityToken.Expired`: another key is needed.
    KeyExpired,
    /// 302, 307, 308 to another address.
    Redirect(u16, String),
}

/// An error response with a code.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// Returns the response in the gateway's format.
    pub(crate) fn json(&self, request_id: &str) -> Response<Body> {
        let Self {
            status,
            code,
            message,
        } = self;
        let body = serde_json::json!({
            "RequestId": request_id, "HostId": "ons.cn-hangzhou.aliyuncs.com", "Code": code, "Message": message,
        });
        respond(*status, &[], body.to_string())
    }
}

pub(crate) fn respond(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let response = Response::builder().status(status);
    let response = headers.iter().fold(response, |response, (name, value)| {
        response.header(*name, *value)
    });
    response.body(body.into()).unwrap()
}

impl Fault {
    /// Returns the response of the fault; `None` if the correct response follows.
    pub(crate) fn response(&self, request_id: &str) -> Option<Response<Body>> {
        let throttled = self.throttled(request_id);
        let refused = throttled.or_else(|| self.refused(request_id));
        refused.or_else(|| self.broken(request_id))
    }

    fn throttled(&self, request_id: &str) -> Option<Response<Body>> {
        Some(match self {
            Self::Throttled(wait) => {
                let said = "Request was denied due to user flow control.";
                let mut response = Refusal::new(400, "Throttling.User", said).json(request_id);
                if let Some(wait) = wait {
                    let headers = response.headers_mut();
                    headers.insert("x-acs-retry-after", (*wait).into());
                }
                response
            }
            Self::ThrottledApi(wait) => {
                let left = format!("Limit:10,Remain:0,TimeLeft:{wait},Reset:1");
                let body = format!(
                    "<Error><RequestId>{request_id}</RequestId><Code>Throttling.Api</Code></Error>"
                );
                respond(200, &[("x-ratelimit-user-api", &left)], body)
            }
            Self::Busy(status, wait) => respond(*status, &[("retry-after", wait)], Body::empty()),
            _ => return None,
        })
    }

    /// Returns an error response with a code.
    fn refused(&self, request_id: &str) -> Option<Response<Body>> {
        let refusal = match self {
            Self::Internal => {
                Refusal::new(500, "InternalError", "The request processing has failed.")
            }
            Self::KeyExpired => Refusal::new(400, "InvalidSecurityToken.Expired", "expired"),
            Self::NoMessage(status) => {
                Refusal::new(*status, "BIZ_NO_MESSAGE", "The message does not exist.")
            }
            Self::Forbidden => Refusal::new(403, "Forbidden.RAM", "User not authorized."),
            Self::Expired => {
                let said = "Specified time stamp or date value is expired.";
                Refusal::new(400, "InvalidTimeStamp.Expired", said)
            }
            _ => return None,
        };
        let mut response = refusal.json(request_id);
        if matches!(self, Self::Expired) {
            let ahead = ons_audit::clock::system() + jiff::SignedDuration::from_secs(16 * 60 + 30);
            let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        Some(response)
    }

    /// Returns a response that no gateway of `OnsMessageTrace` sends.
    fn broken(&self, request_id: &str) -> Option<Response<Body>> {
        Some(match self {
            Self::BadGateway => respond(
                502,
                &[("content-type", "text/html")],
                "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
            ),
            Self::Unavailable => respond(503, &[], Body::empty()),
            Self::Xml => respond(
                503,
                &[("content-type", "text/xml")],
                format!(
                    "<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>{request_id}</RequestId>\
                     <HostId>ons</HostId><Code>ServiceUnavailable</Code><Message>Try later.</Message></Error>"
                ),
            ),
            Self::Truncated => respond(
                200,
                &[("content-type", "application/json")],
                format!(r#"{{"RequestId":"{request_id}","Data":{{"MessageTrack":[{{"Cons"#),
            ),
            Self::Empty => respond(200, &[], Body::empty()),
            Self::Huge { announced } => {
                let length = bodies::TEN_MEGABYTES.to_string();
                let header = [("content-length", &*length)];
                let header = if *announced { &header[..] } else { &[] };
                respond(200, header, bodies::huge(request_id))
            }
            Self::Bomb => {
                let encoding = [("content-encoding", "gzip")];
                respond(200, &encoding, bodies::bomb(request_id))
            }
            Self::Redirect(status, to) => respond(*status, &[("location", to)], Body::empty()),
            // The breaker acts on written bytes, so the body must not be empty.
            Self::Reset => respond(200, &[], "reset"),
            _ => return None,
        })
    }
}
