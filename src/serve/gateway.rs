//! One request through all steps, without a socket, and its reply.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::header::HOST;

use super::action::{Action, ActionContext, VERSION};
use super::authenticator::Authenticator;
use super::fault_injector::{FaultInjector, InjectedFault};
use super::quota::Quota;
use super::request::ApiCall;
use super::upstream::Upstream;
use super::{ApiError, BodyFormat, GatewayRequest};
use crate::source::ons::credentials::masked;

/// Answers requests.
#[derive(Debug)]
pub struct Gateway {
    /// Checks whose request it is.
    pub authenticator: Authenticator,
    /// Counts calls.
    pub quota: Quota,
    /// Delays and fails requests on purpose.
    pub fault_injector: FaultInjector,
    /// The source.
    pub upstream: Upstream,
}

/// The answer of the gateway, of an operation or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayReply {
    /// The HTTP status.
    pub status: u16,
    /// `application/json;charset=utf-8` or `text/xml;charset=utf-8`.
    pub content_type: &'static str,
    /// The complete body.
    pub body: Vec<u8>,
    /// Sent as `x-acs-retry-after`, in milliseconds.
    pub retry_after: Option<Duration>,
    /// What access log and metrics may contain.
    pub details: CallDetails,
}

/// What access log and metrics may contain of a call. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallDetails {
    /// The request ID, which is also in the body.
    pub request_id: String,
    /// The operation, if it is one of ours. The set is closed, so it may be a label of a metric.
    pub action: Option<&'static str>,
    /// The error code. Borrowed codes are from our own closed set.
    pub code: Option<Cow<'static, str>>,
    /// The access key ID, masked unless the key is one of our own.
    pub key: Option<String>,
    /// The parameter `Topic`.
    pub topic: Option<String>,
    /// The parameter `MsgId`.
    pub msg_id: Option<String>,
    /// Set if the fault injector wants the connection closed without an answer.
    pub dropped: bool,
}

impl GatewayReply {
    /// Builds a reply without a time to wait.
    #[must_use]
    pub const fn new(
        status: u16,
        content_type: &'static str,
        body: Vec<u8>,
        details: CallDetails,
    ) -> Self {
        Self {
            status,
            content_type,
            body,
            retry_after: None,
            details,
        }
    }
}

impl Gateway {
    /// Answers one request.
    pub async fn answer(&self, request: &GatewayRequest<'_>) -> GatewayReply {
        let format = request.format();
        let mut details = CallDetails {
            request_id: request_id(),
            ..CallDetails::default()
        };
        let answer = match request.call() {
            Ok(call) => self.answer_call(&call, format, &mut details).await,
            Err(error) => Err(InjectedFault::Error(error)),
        };
        let fault = match answer {
            Ok(body) => return GatewayReply::new(200, format.content_type(), body, details),
            Err(fault) => fault,
        };
        match fault {
            InjectedFault::Error(error) => {
                let host = request.headers.get(HOST);
                let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
                let body = format.error(&error, &details.request_id, host);
                details.code = Some(error.code());
                GatewayReply {
                    retry_after: error.retry_after(),
                    ..GatewayReply::new(error.status(), format.content_type(), body, details)
                }
            }
            InjectedFault::BadGateway => {
                details.code = Some("drill".into());
                let page = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
                GatewayReply::new(502, "text/html", page.to_vec(), details)
            }
            InjectedFault::Dropped => {
                details.code = Some("drill".into());
                details.dropped = true;
                GatewayReply::new(502, "text/plain", Vec::new(), details)
            }
        }
    }

    /// Returns the body of the answer. Names of operations and versions need no key, everything else does.
    async fn answer_call(
        &self,
        call: &ApiCall<'_>,
        format: BodyFormat,
        details: &mut CallDetails,
    ) -> Result<Vec<u8>, InjectedFault> {
        let id = call.signature.as_ref().map(|signature| &*signature.key_id);
        details.key = id.map(masked);
        let action = Action::named(call.action()?)?;
        details.action = Some(action.name());
        if call.version()? != VERSION {
            return Err(ApiError::UnknownVersion(call.version()?.to_owned()).into());
        }
        let principal = self.authenticator.authenticate(call.signature.as_ref())?;
        if let Some(ours) = principal.key_id() {
            details.key = Some(ours.to_owned()); // the ID of our own key is no secret
        }
        details.topic = call.parameters.get("Topic").map(str::to_owned);
        details.msg_id = call.parameters.get("MsgId").map(str::to_owned);
        if let Some(fault) = self.fault_injector.inject().await {
            return Err(fault);
        }
        self.quota.count(&principal.account, action)?;
        let context = ActionContext {
            parameters: &call.parameters,
            principal: &principal,
            upstream: &self.upstream,
        };
        Ok(action.answer(&context, format, &details.request_id).await?)
    }
}

/// Returns a random request ID in the cloud's form: `EAE5BE23-37A1-4BEF-8B9C-8E6D2A2D5C53`.
fn request_id() -> String {
    let [a, b, c, d] = [(); 4].map(|()| fastrand::u32(..));
    format!(
        "{a:08X}-{:04X}-4{:03X}-{:04X}-{:04X}{d:08X}",
        b >> 16,
        b & 0xFFF,
        c >> 18 | 0x8000,
        c & 0xFFFF
    )
}
