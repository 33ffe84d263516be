//! Errors of the credential search. None of them contains a secret.

use thiserror::Error;

use super::super::redact::Redactor;
use super::super::{errors, transport};
use super::sts;
use crate::exit::Advice;
use crate::humanize::without_os_codes;
use crate::source::{Failure, FailureKind};

/// The reason why no credentials were found.
#[derive(Debug, Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the message of each variant explains its fields"
)]
pub enum CredentialsError {
    /// The chain ended without a key.
    #[error("no credentials{}; looked at:{}", of_profile(.profile.as_deref()), listed(.searched))]
    NotFound {
        profile: Option<String>,
        searched: Vec<String>,
    },
    /// A file exists and cannot be read.
    #[error("can't read {file}")]
    Unreadable {
        file: String,
        #[source]
        error: std::io::Error,
    },
    /// A file is malformed.
    #[error("{file}, line {line}, column {column}: found {found}, expected {expected}")]
    Syntax {
        file: String,
        line: usize,
        column: usize,
        found: String,
        expected: &'static str,
    },
    /// A value has the wrong type.
    #[error("{file}: {field} is {found}, expected {expected}")]
    Type {
        file: String,
        field: String,
        found: &'static str,
        expected: &'static str,
    },
    /// The selected profile lacks a field of its key.
    #[error("profile {profile} of {file} has no {field}")]
    Incomplete {
        file: String,
        profile: String,
        field: &'static str,
    },
    /// The selected profile has an invalid field.
    #[error("profile {profile} of {file}: {problem}")]
    Wrong {
        file: String,
        profile: String,
        problem: String,
        hint: &'static str,
    },
    /// An environment variable has an invalid value, which the message never quotes.
    #[error("{name}: {problem}")]
    Variable {
        name: &'static str,
        problem: &'static str,
    },
    /// An environment variable is set and leads to no key. Later places are not searched: they might hold the
    /// key of another account.
    #[error("{variable} is set and gives no key:{}", listed(.why))]
    VariableWithoutKey {
        variable: &'static str,
        why: Vec<String>,
    },
    /// A configured provider gave no key.
    #[error("no key from {provider}: {error}{}", before(.searched))]
    NoKey {
        provider: String,
        searched: Vec<String>,
        error: FetchError,
    },
    /// The selected profile is of an unsupported kind, such as `mode CloudSSO` or `type rsa_key_pair`.
    #[error("profile {profile} of {file} is of {kind}, which ons-audit does not support")]
    Unsupported {
        file: String,
        profile: String,
        kind: String,
    },
}

fn before(searched: &[String]) -> String {
    match searched {
        [] => String::new(),
        searched => format!("; before it:{}", listed(searched)),
    }
}

/// Formats one item to stand on the line, several ones as a list with a line for each.
fn listed(items: &[String]) -> String {
    match items {
        [item] => format!(" {item}"),
        items => format!("\n  - {}", items.join("\n  - ")),
    }
}

fn of_profile(profile: Option<&str>) -> String {
    profile.map_or_else(String::new, |name| format!(" of profile {name}"))
}

impl Advice for CredentialsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotFound { profile: None, .. } => {
                "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run `aliyun configure`, or attach a \
                 RAM role to this machine".into()
            }
            Self::NotFound { profile: Some(name), .. } => {
                format!("run `aliyun configure --profile {name}`, or leave --profile out to use the environment")
            }
            Self::Unreadable { file, .. } => format!("make {file} readable for you: chmod 600 {file}"),
            Self::Syntax { file, .. } | Self::Type { file, .. } => {
                format!("repair {file}, or move it away and run `aliyun configure`")
            }
            Self::Incomplete { profile, .. } => {
                format!("run `aliyun configure --profile {profile}` again")
            }
            Self::Wrong { hint, .. } => (*hint).into(),
            Self::Variable { name, .. } => format!("correct {name}, or unset it"),
            Self::VariableWithoutKey { variable, .. } => format!(
                "set what is missing, or unset {variable}: no other account's key is taken in its place"
            ),
            Self::NoKey { error, .. } => {
                return error.hint.clone().or_else(|| {
                    Some("give a key in another way, such as --profile NAME".into())
                });
            }
            Self::Unsupported { .. } => {
                "put temporary keys of that role into ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and \
                 ALIBABA_CLOUD_SECURITY_TOKEN, or choose a profile with plain keys: --profile NAME"
                    .into()
            }
        })
    }
}

/// The reason why a provider gave no key. Cloned because one failed renewal answers every call that waits for the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct FetchError {
    /// A description of what happened, without secrets.
    pub what: String,
    /// A hint for the user about what to do next, if known.
    pub hint: Option<String>,
    /// Whether another attempt may succeed.
    pub is_transient: bool,
}

impl FetchError {
    /// Creates an error that another attempt would repeat.
    pub(in super::super) fn permanent(
        what: impl Into<String>,
        hint: impl Into<Option<&'static str>>,
    ) -> Self {
        Self {
            what: without_os_codes(&what.into()),
            hint: hint.into().map(str::to_owned),
            is_transient: false,
        }
    }

    /// Creates an error that another attempt may avoid.
    pub(in super::super) fn transient(what: impl Into<String>) -> Self {
        Self {
            is_transient: true,
            ..Self::permanent(what, None)
        }
    }

    /// Creates the error of a request without a complete response.
    pub(super) fn transport(origin: &str, error: reqwest::Error, redactor: &Redactor) -> Self {
        let failure = transport::failure(error, redactor);
        let what = failure.message.replace("the gateway's", "its");
        let is_transient = failure.kind.is_retryable();
        let network =
            || format!("check the network, HTTPS_PROXY and NO_PROXY: {origin} must be reachable");
        // A certificate or proxy problem has its own hint.
        let hint = failure.hint.filter(|_| !is_transient);
        Self {
            what: format!("{origin}: {what}"),
            hint: hint.or_else(|| Some(network())),
            is_transient,
        }
    }

    /// Creates the error of a response with an error status. As everywhere, the error code decides.
    pub(super) fn refused(origin: &str, status: u16, body: &[u8], redactor: &Redactor) -> Self {
        let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let text = |name| {
            answer
                .as_ref()?
                .get(name)?
                .as_str()
                .map(|text| redactor.excerpt(text, 300))
        };
        let Some(code) = text("Code").filter(|code| !code.is_empty()) else {
            return Self {
                is_transient: status >= 500 || matches!(status, 408 | 429),
                ..Self::permanent(format!("{origin}: HTTP {status}"), None)
            };
        };
        let message = match text("Message") {
            // The message quotes the string that was signed, with key ID and token.
            _ if errors::quotes_request(&code) => "it computed another signature".to_owned(),
            Some(message) => message,
            None => "no message".to_owned(),
        };
        Self {
            what: format!("{origin}: {code}: {message}"),
            hint: sts::hint(&code).map(str::to_owned),
            is_transient: errors::classify(&code).0.is_retryable(),
        }
    }

    /// Converts the error into the failure of a call that could not be signed.
    pub(crate) fn into_failure(self) -> Failure {
        let kind = if self.is_transient {
            FailureKind::Transport
        } else {
            FailureKind::Fatal
        };
        Failure {
            hint: self.hint,
            ..Failure::new(kind, None, format!("no key to sign with: {}", self.what))
        }
    }
}
