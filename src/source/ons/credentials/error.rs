//! What can be wrong with credentials, told without any of them.

use thiserror::Error;

use super::super::redact::Redactor;
use super::super::{errors, transport};
use super::sts;
use crate::exit::Advice;
use crate::source::{Failure, FailureKind};

/// Why there are no credentials. No variant carries a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The chain ended.
    #[error("no credentials{}; looked at {}", of_profile(.profile.as_deref()), .looked.join("; "))]
    NotFound {
        /// The profile that was given.
        profile: Option<String>,
        /// Every place, and what it held instead.
        looked: Vec<String>,
    },
    /// A file that is there and can't be read.
    #[error("can't read {file}")]
    Unreadable {
        /// The file, as the person knows it.
        file: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A file that is not in its format.
    #[error("{file}, line {line}, column {column}: found {found}, expected {expected}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What stands there, in our words.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A value of the wrong type.
    #[error("{file}: {field} is {found}, expected {expected}")]
    Type {
        /// The file.
        file: String,
        /// The value's place in the file.
        field: String,
        /// The type found.
        found: &'static str,
        /// The type expected.
        expected: &'static str,
    },
    /// A selected profile that lacks half of its key.
    #[error("profile {profile} of {file} has no {field}")]
    Incomplete {
        /// The file.
        file: String,
        /// The profile.
        profile: String,
        /// The field it lacks.
        field: &'static str,
    },
    /// A selected profile with a field that is wrong.
    #[error("profile {profile} of {file}: {problem}")]
    Wrong {
        /// The file.
        file: String,
        /// The profile.
        profile: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A variable of the environment that is wrong.
    #[error("{name}: {problem}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What is wrong; never its value.
        problem: &'static str,
    },
    /// Variables that were set and lead to no key: the next place would ask with another account's.
    #[error("{variable} is set and gives no key: {why}")]
    LeadsNowhere {
        /// The variable.
        variable: &'static str,
        /// What is missing; never its value, where that is a secret.
        why: String,
    },
    /// A provider that was set up gave no key.
    #[error("no key from {provider}: {error}{}", before(.looked))]
    NoKey {
        /// The provider.
        provider: String,
        /// The places before it, and what they held instead.
        looked: Vec<String>,
        /// What it said.
        error: FetchError,
    },
    /// A selected profile of a kind we don't do.
    #[error("profile {profile} of {file} is of {kind}, which ons-audit does not support")]
    Unsupported {
        /// The file.
        file: String,
        /// The profile.
        profile: String,
        /// Its kind, as the file calls it: `mode CloudSSO`, `type rsa_key_pair`.
        kind: String,
    },
}

fn before(looked: &[String]) -> String {
    match looked {
        [] => String::new(),
        looked => format!("; before it: {}", looked.join("; ")),
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
            Self::LeadsNowhere { variable, .. } => format!(
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
            hint: sts::hint(&code).map(str::to_owned),
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
