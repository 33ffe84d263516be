//! Why a provider gave no key, told without secrets.

use thiserror::Error;

use super::super::redact::Redactor;
use super::super::{errors, transport};
use super::sts_errors;
use crate::source::{Failure, FailureKind};

/// Why a provider gave no key. Cloned, since one refusal answers everyone who waits for the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct FetchError {
    /// What happened.
    pub what: String,
    /// What the person should do next, where we know.
    pub hint: Option<String>,
    /// May it be otherwise in a moment?
    pub is_transient: bool,
}

impl FetchError {
    /// It will be the same next time.
    pub(in super::super) fn permanent(
        what: impl Into<String>,
        hint: impl Into<Option<&'static str>>,
    ) -> Self {
        Self {
            what: what.into(),
            hint: hint.into().map(str::to_owned),
            is_transient: false,
        }
    }

    /// It may be otherwise in a moment.
    pub(in super::super) fn transient(what: impl Into<String>) -> Self {
        Self {
            is_transient: true,
            ..Self::permanent(what, None)
        }
    }

    /// No answer, or half of one.
    pub(super) fn transport(who: &str, error: reqwest::Error, redactor: &Redactor) -> Self {
        let failure = transport::failure(error, redactor);
        let what = failure.message.replace("the gateway's", "its");
        let is_transient = failure.kind.is_retryable();
        let network =
            || format!("check the network, HTTPS_PROXY and NO_PROXY: {who} must be reachable");
        // A certificate or a proxy that stands in the way has its own remedy.
        let hint = failure.hint.filter(|_| !is_transient);
        Self {
            what: format!("{who}: {what}"),
            hint: hint.or_else(|| Some(network())),
            is_transient,
        }
    }

    /// An answer that is an error by its status. The code decides, as everywhere.
    pub(super) fn refused(who: &str, status: u16, body: &[u8], redactor: &Redactor) -> Self {
        let said: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let text = |name| {
            said.as_ref()?
                .get(name)?
                .as_str()
                .map(|text| redactor.excerpt(text, 300))
        };
        let Some(code) = text("Code").filter(|code| !code.is_empty()) else {
            return Self {
                is_transient: status >= 500 || matches!(status, 408 | 429),
                ..Self::permanent(format!("{who}: HTTP {status}"), None)
            };
        };
        let message = match text("Message") {
            // It quotes the string that was signed, with key ID and token in it.
            _ if errors::quotes_request(&code) => "it computed another signature".to_owned(),
            Some(message) => message,
            None => "no message".to_owned(),
        };
        Self {
            what: format!("{who}: {code}: {message}"),
            hint: sts_errors::hint(&code).map(str::to_owned),
            is_transient: errors::classify(&code).0.is_retryable(),
        }
    }

    /// The failure of a call that had no key to be signed with.
    pub(crate) fn into_failure(self) -> Failure {
        let kind = if self.is_transient {
            FailureKind::Transport
        } else {
            FailureKind::Fatal
        };
        Failure {
            hint: self.hint,
            ..Failure::new(kind, None, format!("no key to ask with: {}", self.what))
        }
    }
}
