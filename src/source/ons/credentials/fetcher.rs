//! Fetches keys from providers. STS is reached through a proxy if one is configured; local and link-local
//! services are always reached directly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{Client, Url};

use super::super::http::{self, Network};
use super::provider::KeyUri;
use super::provider::{Issued, Provider, ProviderKind, RamRole};
use super::sts::Sts;
use super::{FetchError, ecs, external};
use crate::clock::Clock;
use crate::exit::Advice as _;
use crate::source::ons::ConfigError;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Attempts for one key, and the pause after the first attempt; the pause doubles.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// Fetches keys from providers.
#[derive(Debug)]
pub struct Fetcher {
    network: Network,
    clock: Clock,
    /// Address of the metadata service.
    metadata: String,
    /// HTTP clients by server, because the route (proxy or direct) depends on the server: one role may be
    /// assumed at one STS with a role of another. Created on first use, because that loads the system's root
    /// certificates.
    distant: Mutex<HashMap<String, Client>>,
}

impl Fetcher {
    /// Creates a fetcher; makes no call.
    #[must_use]
    pub fn new(network: Network, clock: Clock) -> Self {
        Self {
            network,
            clock,
            metadata: ecs::ADDRESS.to_owned(),
            distant: Mutex::default(),
        }
    }

    /// Uses another address for the metadata service.
    #[cfg(test)]
    pub(super) fn with_metadata(self, metadata: &Url) -> Self {
        Self {
            metadata: metadata.to_string(),
            ..self
        }
    }

    /// Fetches the current key of a provider. Retries transient failures; no call of the audit waits meanwhile.
    ///
    /// # Errors
    ///
    /// If the provider gives no key, or the key has already expired.
    pub async fn fetch(&self, provider: &Provider) -> Result<Issued, FetchError> {
        let mut tried = 1;
        loop {
            match self.once(&provider.kind, &provider.name).await {
                Err(error) if error.is_transient && tried < TRIES => {
                    tracing::debug!("{}: {error}; trying again", provider.name);
                    tokio::time::sleep(PAUSE * 2_u32.pow(tried - 1)).await;
                    tried += 1;
                }
                fetched => return fetched.and_then(|issued| self.unexpired(issued)),
            }
        }
    }

    /// Makes one attempt, for optional providers.
    pub(super) async fn probe(&self, provider: &Provider) -> Result<Issued, FetchError> {
        let issued = self.once(&provider.kind, &provider.name).await?;
        self.unexpired(issued)
    }

    /// Rejects a key that has already expired: it would be fetched again and again.
    fn unexpired(&self, issued: Issued) -> Result<Issued, FetchError> {
        match issued.expires {
            Some(end) if end <= (self.clock)() => {
                let hint = "check this machine's clock";
                Err(FetchError::permanent(
                    format!("the key that was given expired at {end:.0}"),
                    hint,
                ))
            }
            _ => Ok(issued),
        }
    }

    /// Makes one attempt. Boxed because a role may be assumed by a role.
    fn once<'a>(
        &'a self,
        kind: &'a ProviderKind,
        provider: &'a str,
    ) -> BoxFuture<'a, Result<Issued, FetchError>> {
        async move {
            match kind {
                ProviderKind::Key(credentials) => Ok(credentials.clone().into()),
                ProviderKind::Role(assumed) => {
                    let base = self.once(&assumed.base, provider).await?;
                    let sts = self.sts(&assumed.role, provider)?;
                    sts.assume_role(&base.credentials, assumed).await
                }
                ProviderKind::Oidc(oidc) => {
                    self.sts(&oidc.role, provider)?
                        .assume_role_with_oidc(oidc)
                        .await
                }
                ProviderKind::Ecs(role) => {
                    let client = http::direct(ecs::TIMEOUT, ecs::TIMEOUT).map_err(no_client)?;
                    ecs::key(&client, &self.metadata, role, provider).await
                }
                ProviderKind::Uri(uri) => {
                    external::key_at(&self.client_of(uri)?, uri, provider).await
                }
                ProviderKind::Command(words) => external::key_printed(words, provider).await,
            }
        }
        .boxed()
    }

    fn sts<'a>(&self, role: &RamRole, provider: &'a str) -> Result<Sts<'a>, FetchError> {
        Ok(Sts {
            client: self.distant(&role.sts)?,
            now: (self.clock)(),
            provider,
        })
    }

    fn client_of(&self, uri: &KeyUri) -> Result<Client, FetchError> {
        if uri.is_direct() {
            http::direct(TIMEOUT / 2, TIMEOUT / 2).map_err(no_client)
        } else {
            self.distant(&uri.0)
        }
    }

    fn distant(&self, url: &Url) -> Result<Client, FetchError> {
        let server = url.origin().ascii_serialization();
        let mut clients = self.distant.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&server) {
            return Ok(client.clone());
        }
        let client = self.network.rare_client(url, TIMEOUT).map_err(no_client)?;
        clients.insert(server, client.clone());
        Ok(client)
    }
}

fn no_client(error: ConfigError) -> FetchError {
    let hint = error.hint();
    FetchError {
        hint,
        ..FetchError::permanent(format!("{:#}", anyhow::Error::from(error)), None)
    }
}
