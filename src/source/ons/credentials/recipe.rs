//! How a key is had: it stands in a file, or somebody issues one for a while.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use reqwest::Url;

use super::Credentials;

/// What a place of the chain leads to.
#[derive(Debug, Clone)]
pub struct Provider {
    /// For the log: `environment`, `profile prod of ~/.aliyun/config.json (RamRoleArn)`.
    pub name: String,
    /// How its key is had.
    pub recipe: Recipe,
}

/// How a key is had.
#[derive(Debug, Clone)]
pub enum Recipe {
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
pub struct Role {
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
    pub base: Recipe,
    /// The role.
    pub role: Role,
    /// What the role's owner wants to hear.
    pub external_id: Option<String>,
}

/// A role that an identity token may assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcRole {
    /// The role.
    pub role: Role,
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

/// An address that gives keys. Its path and query may hold a secret, so only its host is shown.
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
