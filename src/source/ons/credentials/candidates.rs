//! What the chain found, asked in order.

use tracing::info;

use super::recipe::{Issued, Provider, Recipe};
use super::{Credentials, CredentialsError, Fetcher};

/// What the chain found without a call.
#[derive(Debug)]
pub struct Candidates {
    /// Those to ask, in order. The last one looked at is set up; those before it are asked on the chance.
    pub(super) providers: Vec<(Provider, Chance)>,
    /// What the other places said.
    pub(super) looked: Vec<String>,
    pub(super) profile: Option<String>,
}

/// What it means that a provider gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// Somebody set it up: the search ends with its error, lest another account answers in its place.
    SetUp,
    /// It was worth a look: the chain goes on.
    Perhaps,
}

impl Candidates {
    /// The one provider that needs no call, if it comes first.
    #[must_use]
    pub fn ready(&self) -> Option<&Credentials> {
        match self.providers.first() {
            Some((
                Provider {
                    recipe: Recipe::Key(key),
                    ..
                },
                _,
            )) => Some(key),
            _ => None,
        }
    }

    /// Asks one after the other until a key comes.
    pub async fn first(
        mut self,
        fetcher: &Fetcher,
    ) -> Result<(Issued, Provider), CredentialsError> {
        for (provider, chance) in self.providers {
            let answer = match chance {
                Chance::SetUp => fetcher.fetch(&provider).await,
                Chance::Perhaps => fetcher.probe(&provider).await,
            };
            match (answer, chance) {
                (Ok(issued), _) => return Ok((issued, provider)),
                (Err(error), Chance::Perhaps) => {
                    info!("{}: {error}", provider.name);
                    self.looked.push(format!("{}: {error}", provider.name));
                }
                (Err(error), Chance::SetUp) => {
                    return Err(CredentialsError::NoKey {
                        provider: provider.name,
                        looked: self.looked,
                        error,
                    });
                }
            }
        }
        Err(CredentialsError::NotFound {
            profile: self.profile,
            looked: self.looked,
        })
    }
}
