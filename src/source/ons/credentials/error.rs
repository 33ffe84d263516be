//! What can be wrong with credentials, told without any of them.

use thiserror::Error;

use super::FetchError;
use crate::exit::Advice;

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
