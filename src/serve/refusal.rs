//! What the gateway says instead of an answer: codes, statuses and texts as clients know them.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

use crate::source::{Failure, FailureKind};

/// Why a request is not answered. The text is the `Message` that the client gets (`facts/ons-api.md` §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A parameter that every call needs.
    #[error(
        "The input parameter \"{0}\" that is mandatory for processing this request is not supplied."
    )]
    MissingParameter(&'static str),
    /// A parameter that this operation needs.
    #[error("{0} is mandatory for this action.")]
    MissingField(&'static str),
    /// A parameter that stands there more than once: nobody knows which one is meant.
    #[error("The parameter \"{0}\" is given more than once.")]
    Repeated(String),
    /// No operation of this name.
    #[error("Specified api is not found, please check your url and method.")]
    UnknownAction,
    /// Another version of the API.
    #[error("Specified version \"{0}\" does not exist; this gateway knows 2019-02-14.")]
    UnknownVersion(String),
    /// Neither GET nor POST.
    #[error("This http method is not supported.")]
    UnsupportedMethod,
    /// Not all that a signature needs, or not all signed that must be.
    #[error("The request signature does not conform to Aliyun standards: {0}.")]
    IncompleteSignature(&'static str),
    /// A signature of a kind we don't check.
    #[error("Specified signature method is not valid.")]
    InvalidSignatureMethod,
    /// The date can't be read.
    #[error("Specified time stamp or date value is not well formatted.")]
    TimestampFormat,
    /// The date is more than 15 minutes from now.
    #[error("Specified time stamp or date value is expired.")]
    TimestampExpired,
    /// The request was seen before.
    #[error("Specified signature nonce was used already.")]
    NonceUsed,
    /// More requests than nonces can be remembered: none is let in that could be a replay.
    #[error("Request was denied due to api flow control.")]
    TooManyNonces(Duration),
    /// No such key.
    #[error("Specified access key is not found.")]
    UnknownKey,
    /// The key is switched off.
    #[error("Specified access key is disabled.")]
    InactiveKey,
    /// Not what the key's owner would have signed; the text is what we signed, without the token.
    #[error(
        "Specified signature is not matched with our calculation. server string to sign is:{0}"
    )]
    WrongSignature(String),
    /// A temporary key without its token.
    #[error("A security token is mandatory for this access key.")]
    MissingToken,
    /// A token that is not the key's.
    #[error("Specified security token does not match the access key.")]
    WrongToken,
    /// The key may not ask this.
    #[error("The key is not authorized to access this resource: {0}.")]
    NoPermission(String),
    /// Too many calls; the time is that until the next one.
    #[error("Request was denied due to user flow control.")]
    Throttled(Duration),
    /// The source failed, or a drill says so.
    #[error("The request has failed due to a temporary failure of the server.")]
    Unavailable,
    /// The source can't be asked, or a drill says so.
    #[error("The request processing has failed due to some unknown error.")]
    Internal,
    /// What the source says of this query.
    #[error("{message}")]
    Source {
        /// Its code.
        code: Cow<'static, str>,
        /// Its HTTP status.
        status: u16,
        /// Its text.
        message: String,
    },
}

impl Refusal {
    /// Something that does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::Source {
            code: Cow::Borrowed(code),
            status: 404,
            message: message.into(),
        }
    }

    /// The `Code`.
    #[must_use]
    pub fn code(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::MissingParameter(_) => "MissingParameter",
            Self::MissingField(field) => return Cow::Owned(format!("Missing{field}")),
            Self::Repeated(_) => "InvalidParameter",
            Self::UnknownAction => "InvalidAction.NotFound",
            Self::UnknownVersion(_) => "NoSuchVersion",
            Self::UnsupportedMethod => "UnsupportedHTTPMethod",
            Self::IncompleteSignature(_) => "IncompleteSignature",
            Self::InvalidSignatureMethod => "InvalidSignatureMethod",
            Self::TimestampFormat => "InvalidTimeStamp.Format",
            Self::TimestampExpired => "InvalidTimeStamp.Expired",
            Self::NonceUsed => "SignatureNonceUsed",
            Self::TooManyNonces(_) => "Throttling.Api",
            Self::UnknownKey => "InvalidAccessKeyId.NotFound",
            Self::InactiveKey => "InvalidAccessKeyId.Inactive",
            Self::WrongSignature(_) => "SignatureDoesNotMatch",
            Self::MissingToken => "MissingSecurityToken",
            Self::WrongToken => "InvalidSecurityToken.MismatchWithAccessKey",
            Self::NoPermission(_) => "NoPermission",
            Self::Throttled(_) => "Throttling.User",
            Self::Unavailable => "ServiceUnavailable",
            Self::Internal => "InternalError",
            Self::Source { code, .. } => return code.clone(),
        })
    }

    /// The HTTP status: 400 unless the code has another of its own. Throttling too is a 400.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownAction | Self::UnknownKey => 404,
            Self::UnsupportedMethod => 405,
            Self::NoPermission(_) => 403,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Source { status, .. } => *status,
            _ => 400,
        }
    }

    /// How long the client is asked to wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) | Self::TooManyNonces(wait) => Some(*wait),
            _ => None,
        }
    }
}

impl From<Failure> for Refusal {
    /// What a source can't answer is passed on; what is wrong between us and the source is nobody else's business,
    /// and stands in our log.
    fn from(failure: Failure) -> Self {
        let passed_on = |fallback, status| Self::Source {
            code: failure
                .code
                .clone()
                .map_or(Cow::Borrowed(fallback), Cow::Owned),
            // Some sources answer 200 and mean it not.
            status: failure
                .http_status
                .filter(|status| *status >= 400)
                .unwrap_or(status),
            message: failure.message.clone(),
        };
        match failure.kind {
            FailureKind::NotFound => passed_on("BIZ_NO_MESSAGE", 404),
            FailureKind::Refused => passed_on("BIZ_FIELD_CHECK_INVALID", 400),
            FailureKind::Throttled => {
                Self::Throttled(failure.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            FailureKind::Transport | FailureKind::Server => Self::Unavailable,
            FailureKind::Expired | FailureKind::Forbidden | FailureKind::Fatal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use FailureKind::{Fatal, Forbidden, NotFound, Refused, Server, Throttled};

    use super::*;
    use crate::source::ons::errors::classify;

    const SECOND: Duration = Duration::from_secs(1);

    /// With the status of `facts/ons-api.md` §4.2, and what our own client makes of it.
    const CASES: [(Refusal, u16, FailureKind); 20] = [
        (Refusal::MissingParameter("Action"), 400, Refused),
        (Refusal::MissingField("MsgId"), 400, Refused),
        (Refusal::UnknownAction, 404, Fatal),
        (Refusal::UnknownVersion(String::new()), 400, Fatal),
        (Refusal::UnsupportedMethod, 405, Fatal),
        (Refusal::IncompleteSignature(""), 400, Fatal),
        (Refusal::InvalidSignatureMethod, 400, Fatal),
        (Refusal::TimestampFormat, 400, Fatal),
        (Refusal::TimestampExpired, 400, Fatal),
        (Refusal::NonceUsed, 400, Server),
        (Refusal::TooManyNonces(SECOND), 400, Throttled),
        (Refusal::UnknownKey, 404, Fatal),
        (Refusal::InactiveKey, 400, Fatal),
        (Refusal::WrongSignature(String::new()), 400, Fatal),
        (Refusal::MissingToken, 400, Fatal),
        (Refusal::WrongToken, 400, Fatal),
        (Refusal::NoPermission(String::new()), 403, Forbidden),
        (Refusal::Throttled(SECOND), 400, Throttled),
        (Refusal::Unavailable, 503, Server),
        (Refusal::Internal, 500, Server),
    ];

    #[test]
    fn every_code_is_one_that_the_audit_understands() {
        for (refusal, status, kind) in CASES {
            let code = refusal.code();
            assert_eq!(refusal.status(), status, "{code}");
            assert_eq!(classify(&code).0, kind, "{code}");
            assert_eq!(refusal.retry_after().is_some(), kind == Throttled, "{code}");
        }
    }

    #[test]
    fn a_sources_answer_is_passed_on_and_its_troubles_are_not() {
        let fatal = Failure::new(
            Fatal,
            Some("InvalidAccessKeyId.NotFound".to_owned()),
            "key LTAI…",
        );
        assert_eq!(Refusal::from(fatal), Refusal::Internal);
        let missing = Failure::new(NotFound, None, "no message");
        assert_eq!(
            Refusal::from(missing),
            Refusal::not_found("BIZ_NO_MESSAGE", "no message")
        );
        for (said, told) in [(200, 404), (302, 404), (400, 400), (500, 500)] {
            let missing = Failure {
                http_status: Some(said),
                ..Failure::new(NotFound, Some("BIZ_NO_MESSAGE".to_owned()), "no message")
            };
            assert_eq!(Refusal::from(missing).status(), told, "{said}");
        }
        let slow_down = Failure {
            retry_after: Some(SECOND * 7),
            ..Failure::new(Throttled, None, "")
        };
        assert_eq!(Refusal::from(slow_down), Refusal::Throttled(SECOND * 7));
    }
}
