//! Where the access key comes from: the official chain (`docs/facts/ons-api.md` §7).
//!
//! 1. The environment: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, for temporary keys,
//!    `ALIBABA_CLOUD_SECURITY_TOKEN`.
//! 2. The identity token of a pod (RRSA), for which STS gives a role's key.
//! 3. The CLI's `~/.aliyun/config.json`, unless `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true`.
//! 4. `~/.alibabacloud/credentials.ini`, then `~/.alibabacloud/credentials`; or only the file that
//!    `ALIBABA_CLOUD_CREDENTIALS_FILE` names.
//! 5. The metadata service of an ECS instance, unless `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true`.
//! 6. The address in `ALIBABA_CLOUD_CREDENTIALS_URI`.
//!
//! [`chain`] looks, without a call; what it finds is a [`Provider`] with a [`ProviderKind`]; [`Fetcher`] follows the recipe,
//! now and again before the key ends.
//!
//! The order is the official one. One thing is stricter: a place that somebody set up and that gives no key ends the
//! search with its error. The official chain would ask the next place, and an audit with another account's key finds
//! nothing and looks complete. Half of a pair of variables, or a file or profile that a variable names and that is not
//! there, is such a place, too. Only the metadata service, which nobody sets up, is passed over.
//!
//! The profile is the one given, else `ALIBABA_CLOUD_PROFILE`, else the file's own default. A profile that was
//! *given* is looked up in the files only: no other place ever stands in for it.
//!
//! All of it is our own code. The one maintained crate, `reqsign-aliyun-oss` 3.2, knows no role profiles of the CLI, no
//! policy and no `External`, sends the identity token in the URL, quotes whole answers in its errors, holds secrets as
//! plain text, and would bring thirteen crates for what is left: the few GETs of the metadata service.

pub mod chain;
pub mod cli_config;
mod ecs;
mod error;
mod external;
mod fetcher;
pub mod ini;
mod issued;
mod provider;
pub mod role;
mod sts;

use std::fmt;

use secrecy::SecretString;

pub use chain::ProviderChain;
pub use error::{CredentialsError, FetchError};
pub use external::KeyUri;
pub use fetcher::Fetcher;
pub use provider::{
    AssumedRole, Candidates, EcsRole, Issued, OidcRole, Provider, ProviderKind, RamRole,
};
pub use role::{Allowed, Disabled, RoleDefaults};

/// An access key, and where it was found.
#[derive(Clone)]
pub struct Credentials {
    /// Where it was found, for the log: `environment`, `profile prod of ~/.aliyun/config.json`.
    pub provider: String,
    /// The key's public half; shown masked only.
    pub access_key_id: String,
    /// The key's secret half: signs, is never sent.
    pub access_key_secret: SecretString,
    /// The token that goes with a temporary key.
    pub security_token: Option<SecretString>,
}

impl Credentials {
    /// The key ID as it may be shown.
    #[must_use]
    pub fn masked_id(&self) -> String {
        masked(&self.access_key_id)
    }
}

/// A key ID as it may be shown: at most its first and last three characters.
#[must_use]
pub fn masked(id: &str) -> String {
    match (id.get(..3), id.get(id.len().saturating_sub(3)..)) {
        (Some(first), Some(last)) if id.len() >= 12 => format!("{first}***{last}"),
        _ => "***".to_owned(),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("provider", &self.provider)
            .field("access_key_id", &self.masked_id())
            .field("temporary", &self.security_token.is_some())
            .finish_non_exhaustive()
    }
}

/// What one place of the chain held.
#[derive(Debug)]
pub enum ChainStep {
    /// A key, or who gives one.
    Found(Provider),
    /// No key: the chain goes on, and says so if it ends without one.
    Nothing(String),
}

impl ChainStep {
    /// A key that needs no call.
    fn key(credentials: Credentials) -> Self {
        Self::Found(Provider {
            name: credentials.provider.clone(),
            kind: ProviderKind::Key(credentials),
        })
    }

    fn no_profile(file: &str, wanted: &str, names: &[&str]) -> Self {
        let has = match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Self::Nothing(format!("{file}: no profile {wanted} (it has {has})"))
    }
}

#[cfg(test)]
mod tests;
