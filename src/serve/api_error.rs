//! Errors of the API, with codes, statuses and texts as the cloud has them.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

use crate::source::{Failure, FailureKind};

/// Why a request is not answered. The text is the `Message` that the client gets (`docs/facts/ons-api.md` §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiError {
    /// A parameter that every call needs is missing.
    #[error(
        "The input parameter \"{0}\" that is mandatory for processing this request is not supplied."
    )]
    MissingParameter(&'static str),
    /// A parameter that this operation needs is missing.
    #[error("{0} is mandatory for this action.")]
    MissingField(&'static str),
    /// A parameter is given more than once, so its value is ambiguous.
    #[error("The parameter \"{0}\" is given more than once.")]
    Repeated(String),
    /// There is no operation of this name.
    #[error("Specified api is not found, please check your url and method.")]
    UnknownAction,
    /// The request is for another version of the API.
    #[error("Specified version \"{0}\" does not exist; this gateway knows 2019-02-14.")]
    UnknownVersion(String),
    /// The method is neither GET nor POST.
    #[error("This http method is not supported.")]
    UnsupportedMethod,
    /// A part of the signature is missing, or a header that must be signed is not.
    #[error("The request signature does not conform to Aliyun standards: {0}.")]
    IncompleteSignature(&'static str),
    /// The signature method is not supported.
    #[error("Specified signature method is not valid.")]
    InvalidSignatureMethod,
    /// The date is malformed.
    #[error("Specified time stamp or date value is not well formatted.")]
    TimestampFormat,
    /// The date is more than 15 minutes from now, or before the server started.
    #[error("Specified time stamp or date value is expired.")]
    TimestampExpired,
    /// The request was received before.
    #[error("Specified signature nonce was used already.")]
    NonceUsed,
    /// The memory for nonces is full, so a replay could not be detected.
    #[error("Request was denied due to api flow control.")]
    TooManyNonces(Duration),
    /// There is no such access key.
    #[error("Specified access key is not found.")]
    UnknownKey,
    /// The access key is not active.
    #[error("Specified access key is disabled.")]
    InactiveKey,
    /// The signature does not match. The text is our string to sign, without the token.
    #[error(
        "Specified signature is not matched with our calculation. server string to sign is:{0}"
    )]
    WrongSignature(String),
    /// The token of a temporary key is missing.
    #[error("A security token is mandatory for this access key.")]
    MissingToken,
    /// The token is not the key's.
    #[error("Specified security token does not match the access key.")]
    WrongToken,
    /// The key has no right to the topic or instance.
    #[error("The key is not authorized to access this resource: {0}.")]
    NoPermission(String),
    /// There were too many calls; the next one is allowed after this time.
    #[error("Request was denied due to user flow control.")]
    Throttled(Duration),
    /// The source failed, or the fault was injected.
    #[error("The request has failed due to a temporary failure of the server.")]
    Unavailable,
    /// The source cannot be used, or the fault was injected.
    #[error("The request processing has failed due to some unknown error.")]
    Internal,
    /// The error of the source for this query.
    #[error("{message}")]
    Source {
        /// The error code.
        code: Cow<'static, str>,
        /// The HTTP status.
        status: u16,
        /// The message.
        message: String,
    },
}

impl ApiError {
    /// Builds the error for something that does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::Source {
            code: Cow::Borrowed(code),
            status: 404,
            message: message.into(),
        }
    }

    /// Builds the error for a parameter of an operation that has no valid value.
    pub fn invalid_field(message: impl Into<String>) -> Self {
        Self::Source {
            code: Cow::Borrowed("BIZ_FIELD_CHECK_INVALID"),
            status: 400,
            message: message.into(),
        }
    }

    /// Returns the `Code`.
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

    /// Returns the HTTP status: 400 unless the code has its own. Throttling is 400, too.
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

    /// Returns how long the client should wait.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(wait) | Self::TooManyNonces(wait) => Some(*wait),
            _ => None,
        }
    }
}

impl From<Failure> for ApiError {
    /// Passes on what the source says about the query. Problems between us and the source are hidden from clients and
    /// only logged.
    fn from(failure: Failure) -> Self {
        let passed_on = |fallback, status| Self::Source {
            code: failure
                .code
                .clone()
                .map_or(Cow::Borrowed(fallback), Cow::Owned),
            // Some sources report errors with status 200.
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

    /// Errors, their statuses (`docs/facts/ons-api.md` §4.2), and how our own client classifies them.
    const CASES: [(ApiError, u16, FailureKind); 20] = [
        (ApiError::MissingParameter("Action"), 400, Refused),
        (ApiError::MissingField("MsgId"), 400, Refused),
        (ApiError::UnknownAction, 404, Fatal),
        (ApiError::UnknownVersion(String::new()), 400, Fatal),
        (ApiError::UnsupportedMethod, 405, Fatal),
        (ApiError::IncompleteSignature(""), 400, Fatal),
        (ApiError::InvalidSignatureMethod, 400, Fatal),
        (ApiError::TimestampFormat, 400, Fatal),
        (ApiError::TimestampExpired, 400, Fatal),
        (ApiError::NonceUsed, 400, Server),
        (ApiError::TooManyNonces(SECOND), 400, Throttled),
        (ApiError::UnknownKey, 404, Fatal),
        (ApiError::InactiveKey, 400, Fatal),
        (ApiError::WrongSignature(String::new()), 400, Fatal),
        (ApiError::MissingToken, 400, Fatal),
        (ApiError::WrongToken, 400, Fatal),
        (ApiError::NoPermission(String::new()), 403, Forbidden),
        (ApiError::Throttled(SECOND), 400, Throttled),
        (ApiError::Unavailable, 503, Server),
        (ApiError::Internal, 500, Server),
    ];

    #[test]
    fn the_audit_knows_every_code() {
        for (error, status, kind) in CASES {
            let code = error.code();
            assert_eq!(error.status(), status, "{code}");
            assert_eq!(classify(&code).0, kind, "{code}");
            assert_eq!(error.retry_after().is_some(), kind == Throttled, "{code}");
        }
    }

    #[test]
    fn answers_of_the_source_are_passed_on_but_not_its_failures() {
        let fatal = Failure::new(
            Fatal,
            Some("InvalidAccessKeyId.NotFound".to_owned()),
            "key LTAI…",
        );
        assert_eq!(ApiError::from(fatal), ApiError::Internal);
        let missing = Failure::new(NotFound, None, "no message");
        assert_eq!(
            ApiError::from(missing),
            ApiError::not_found("BIZ_NO_MESSAGE", "no message")
        );
        for (upstream, expected) in [(200, 404), (302, 404), (400, 400), (500, 500)] {
            let missing = Failure {
                http_status: Some(upstream),
                ..Failure::new(NotFound, Some("BIZ_NO_MESSAGE".to_owned()), "no message")
            };
            assert_eq!(ApiError::from(missing).status(), expected, "{upstream}");
        }
        let slow_down = Failure {
            retry_after: Some(SECOND * 7),
            ..Failure::new(Throttled, None, "")
        };
        assert_eq!(ApiError::from(slow_down), ApiError::Throttled(SECOND * 7));
    }
}
