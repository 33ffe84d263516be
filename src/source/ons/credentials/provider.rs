//! Credential providers: where a key comes from and how it is fetched.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Url;

use tracing::info;

use super::super::endpoint::is_loopback;
use super::{Credentials, CredentialsError, Fetcher};

/// A provider that one step of the chain has found.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Name for the log: `environment`, `profile prod of ~/.aliyun/config.json (RamRoleArn)`.
    pub name: String,
    /// The way to obtain the key.
    pub kind: ProviderKind,
}

/// The way to obtain the key of a provider.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// A key that was read from a file or the environment and does not change.
    Key(Credentials),
    /// STS `AssumeRole`, signed with another key.
    Role(Box<AssumedRole>),
    /// STS `AssumeRoleWithOIDC`, with an identity token instead of a key.
    Oidc(Box<OidcRole>),
    /// The metadata service of the ECS instance that this process runs on.
    Ecs(EcsRole),
    /// An HTTP address that returns keys.
    Uri(KeyUri),
    /// A command that prints a key: program and arguments.
    Command(Vec<String>),
}

/// A RAM role, and the parameters of the STS request for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamRole {
    /// `acs:ram::ACCOUNT:role/NAME`.
    pub arn: String,
    /// Session name, shown in the audit trail of the account.
    pub session: String,
    /// Policy that narrows the permissions of the role.
    pub policy: Option<String>,
    /// Requested lifetime of the key in seconds.
    pub seconds: u32,
    /// Address of STS.
    pub sts: Url,
}

/// A role that is assumed with another key.
#[derive(Debug, Clone)]
pub struct AssumedRole {
    /// The provider of the other key.
    pub base: ProviderKind,
    /// The role to assume.
    pub role: RamRole,
    /// External ID that the trust policy of the role may require.
    pub external_id: Option<String>,
}

/// A role that is assumed with an identity token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcRole {
    /// The role to assume.
    pub role: RamRole,
    /// `acs:ram::ACCOUNT:oidc-provider/NAME`.
    pub provider_arn: String,
    /// File with the token. It is read for every request because the cluster replaces it.
    pub token_file: PathBuf,
}

/// The RAM role of an ECS instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsRole {
    /// Name of the role; without it, the metadata service is asked for the name.
    pub name: Option<String>,
    /// Whether version 1 of the service, without a token, may be used if version 2 fails.
    pub allow_v1: bool,
}

/// A key and its expiry time.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The key.
    pub credentials: Credentials,
    /// The time when the key expires; `None` if it does not expire or the provider does not say.
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

/// The providers that the chain has found without making a call.
#[derive(Debug)]
pub struct Candidates {
    /// Providers to ask, in order. Only the last one may be required; those before it are optional.
    pub(super) providers: Vec<(Provider, Presence)>,
    /// The reason why the other steps of the chain found nothing.
    pub(super) searched: Vec<String>,
    pub(super) profile: Option<String>,
}

/// The consequence if a provider gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// The user configured this provider. The search ends with its error, because a later provider might hold
    /// the key of another account.
    Required,
    /// The provider may be absent: the chain continues.
    Optional,
}

impl Candidates {
    /// Returns the key of the first provider if it needs no call.
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

    /// Asks one provider after the other until one gives a key.
    ///
    /// # Errors
    ///
    /// If a required provider fails, or no provider gives a key.
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
                    self.searched.push(format!("{}: {error}", provider.name));
                }
                (Err(error), Presence::Required) => {
                    return Err(CredentialsError::NoKey {
                        provider: provider.name,
                        searched: self.searched,
                        error,
                    });
                }
            }
        }
        Err(CredentialsError::NotFound {
            profile: self.profile,
            searched: self.searched,
        })
    }
}

/// Address of the metadata service of ECS.
const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// An address that returns keys. Its path and query may contain a secret, so only scheme and host are shown.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyUri(pub Url);

impl fmt::Display for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.0.scheme())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUri({self})")
    }
}

impl KeyUri {
    /// Parses an address. Plain HTTP is accepted for this machine and link-local addresses, or with
    /// `allow_http`.
    ///
    /// # Errors
    ///
    /// If the address is malformed or its scheme is not allowed.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not a URL")?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if allow_http || is_near(&url) => Ok(Self(url)),
            "http" => Err(
                "plain http would show the key to everyone on the way: use https://, or --allow-http",
            ),
            _ => Err("expected an address that begins with https:// or http://"),
        }
    }

    /// Returns whether the address is reached without a proxy. A proxy on another machine would see the key and
    /// could not reach a local address.
    pub(super) fn is_direct(&self) -> bool {
        self.0.scheme() == "http"
    }
}

fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let link =
        |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.is_link_local() || v4 == METADATA);
    is_loopback(url) || host.parse().is_ok_and(link)
}
