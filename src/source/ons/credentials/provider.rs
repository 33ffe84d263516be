//! How a key is had: it stands in a file, or somebody issues one for a while.

use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Url;

use tracing::info;

use super::external::KeyUri;
use super::{Credentials, CredentialsError, Fetcher};

/// What a place of the chain leads to.
#[derive(Debug, Clone)]
pub struct Provider {
    /// For the log: `environment`, `profile prod of ~/.aliyun/config.json (RamRoleArn)`.
    pub name: String,
    /// How its key is had.
    pub kind: ProviderKind,
}

/// How a key is had.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// Here it is, for good.
    Key(Credentials),
    /// STS `AssumeRole`, signed with another key.
    Role(Box<AssumedRole>),
    /// STS `AssumeRoleWithOIDC`: an identity token in place of a key.
    Oidc(Box<OidcRole>),
    /// The metadata service of the ECS instance that we run on.
    Ecs(EcsRole),
    /// An address that gives keys.
    Uri(KeyUri),
    /// A command that prints a key: program and arguments.
    Command(Vec<String>),
}

/// A role, and how STS is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamRole {
    /// `acs:ram::ACCOUNT:role/NAME`.
    pub arn: String,
    /// What the account's audit trail will call us.
    pub session: String,
    /// Narrows what the role may do.
    pub policy: Option<String>,
    /// How long a key is to be good for.
    pub seconds: u32,
    /// Where STS is.
    pub sts: Url,
}

/// A role that another key may assume.
#[derive(Debug, Clone)]
pub struct AssumedRole {
    /// The other key.
    pub base: ProviderKind,
    /// The role.
    pub role: RamRole,
    /// What the role's owner wants to hear.
    pub external_id: Option<String>,
}

/// A role that an identity token may assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcRole {
    /// The role.
    pub role: RamRole,
    /// `acs:ram::ACCOUNT:oidc-provider/NAME`.
    pub provider_arn: String,
    /// Read anew each time: the cluster replaces it.
    pub token_file: PathBuf,
}

/// The role of an ECS instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsRole {
    /// The role, where we need not ask for its name.
    pub name: Option<String>,
    /// May the service be asked without a token where it gives none?
    pub allow_v1: bool,
}

/// A key, and until when it is good.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The key.
    pub credentials: Credentials,
    /// When it ends; nothing for a key that lasts, or that does not say.
    pub expires: Option<Timestamp>,
}

impl From<Credentials> for Issued {
    fn from(credentials: Credentials) -> Self {
        Self {
            credentials,
            expires: None,
        }
    }
}

/// What the chain found without a call.
#[derive(Debug)]
pub struct Candidates {
    /// Those to ask, in order. The last one looked at is set up; those before it are asked on the chance.
    pub(super) providers: Vec<(Provider, Presence)>,
    /// What the other places said.
    pub(super) looked: Vec<String>,
    pub(super) profile: Option<String>,
}

/// What it means that a provider gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Somebody set it up: the search ends with its error, lest another account answers in its place.
    Required,
    /// It was worth a look: the chain goes on.
    Optional,
}

impl Candidates {
    /// The one provider that needs no call, if it comes first.
    #[must_use]
    pub fn ready(&self) -> Option<&Credentials> {
        match self.providers.first() {
            Some((
                Provider {
                    kind: ProviderKind::Key(key),
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
                Presence::Required => fetcher.fetch(&provider).await,
                Presence::Optional => fetcher.probe(&provider).await,
            };
            match (answer, chance) {
                (Ok(issued), _) => return Ok((issued, provider)),
                (Err(error), Presence::Optional) => {
                    info!("{}: {error}", provider.name);
                    self.looked.push(format!("{}: {error}", provider.name));
                }
                (Err(error), Presence::Required) => {
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
