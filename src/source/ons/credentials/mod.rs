//! The credential chain: where the access key comes from (`docs/facts/ons-api.md` §7).
//!
//! 1. The environment: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, for temporary keys,
//!    `ALIBABA_CLOUD_SECURITY_TOKEN`.
//! 2. The identity token of a pod (RRSA), exchanged for a role's key at STS.
//! 3. The CLI's `~/.aliyun/config.json`, unless `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true`.
//! 4. `~/.alibabacloud/credentials.ini`, then `~/.alibabacloud/credentials`; or only the file that
//!    `ALIBABA_CLOUD_CREDENTIALS_FILE` names.
//! 5. The metadata service of an ECS instance, unless `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true`.
//! 6. The address in `ALIBABA_CLOUD_CREDENTIALS_URI`.
//!
//! [`chain`] searches these places without making a call and returns [`Provider`]s. [`Fetcher`] fetches a provider's
//! key, and fetches the next one before it expires.
//!
//! The order is the official one, with one stricter rule: a configured place that gives no key ends the search with
//! its error. The official chain would continue, and an audit with the key of another account finds nothing and looks
//! complete. A configured place is also half of a pair of variables, or a variable that names a missing file or profile.
//! The metadata service needs no configuration, so it is skipped if it is absent.
//!
//! The profile is `--profile`, else `ALIBABA_CLOUD_PROFILE`, else the default of the file. A profile given by
//! `--profile` is searched for in files only.
//!
//! The code is our own. The only maintained crate, `reqsign-aliyun-oss` 3.2, supports no role profiles of the CLI, no
//! policy and no `External`. It sends the identity token in the URL, quotes whole responses in its errors, and keeps
//! secrets as plain text. It would add thirteen crates for the few requests to the metadata service.

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

use secrecy::{ExposeSecret, SecretString};

use super::redact::Redactor;

pub use chain::ProviderChain;
pub use error::{CredentialsError, FetchError};
pub use fetcher::Fetcher;
pub use provider::{
    AssumedRole, Candidates, EcsRole, Issued, KeyUri, OidcRole, Provider, ProviderKind, RamRole,
};
pub use role::{Allowed, Disabled, RoleDefaults};

/// An access key, and where it was found.
#[derive(Clone)]
pub struct Credentials {
    /// The place where the key was found, for the log: `environment`, `profile prod of ~/.aliyun/config.json`.
    pub provider: String,
    /// The public half of the key; shown only in masked form.
    pub access_key_id: String,
    /// The secret half of the key; used for signing, never sent.
    pub access_key_secret: SecretString,
    /// The token of a temporary key.
    pub security_token: Option<SecretString>,
}

impl Credentials {
    /// Returns the masked key ID.
    #[must_use]
    pub fn masked_id(&self) -> String {
        masked(&self.access_key_id)
    }

    /// Returns what hides key ID, secret and token in text from servers.
    pub(super) fn redactor(&self) -> Redactor {
        let token = self.security_token.as_ref();
        let secrets = [Some(&self.access_key_secret), token].into_iter().flatten();
        let secrets = secrets.map(ExposeSecret::expose_secret);
        Redactor::new(secrets.chain([&*self.access_key_id]))
    }
}

/// Masks a key ID: at most its first and last three characters remain.
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

/// The result of one step of the chain.
#[derive(Debug)]
pub enum ChainStep {
    /// A provider was found.
    Found(Provider),
    /// Nothing was found, with the reason; the chain continues.
    Nothing(String),
}

impl ChainStep {
    /// Returns a provider whose key needs no call.
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
