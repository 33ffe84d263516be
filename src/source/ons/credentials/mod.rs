//! Where the access key comes from: the official chain, as far as it needs no further calls
//! (`facts/ons-api.md` §7).
//!
//! 1. The environment: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, for temporary keys,
//!    `ALIBABA_CLOUD_SECURITY_TOKEN`.
//! 2. The CLI's `~/.aliyun/config.json`, unless `ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true`.
//! 3. `~/.alibabacloud/credentials.ini`, then `~/.alibabacloud/credentials`; or only the file that
//!    `ALIBABA_CLOUD_CREDENTIALS_FILE` names.
//!
//! The profile is the one given, else `ALIBABA_CLOUD_PROFILE`, else the file's own default. A profile that was
//! *given* is looked up in the files only: the environment never stands in for it. A selected profile that needs
//! what we don't do (assuming roles, running commands) is refused by name, never passed over.

pub mod cli_config;
mod error;
pub mod ini;

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tracing::warn;

pub use error::CredentialsError;

const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

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
pub enum Look {
    /// The key.
    Found(Credentials),
    /// No key: the chain goes on, and says so if it ends without one.
    Nothing(String),
}

impl Look {
    fn no_profile(file: &str, wanted: &str, names: &[&str]) -> Self {
        let has = match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        Self::Nothing(format!("{file}: no profile {wanted} (it has {has})"))
    }
}

/// One place of the chain.
type Place<'a> = fn(&Lookup<'a>) -> Result<Look, CredentialsError>;

/// Where to look.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The home directory, if there is one.
    pub home: Option<&'a Path>,
    /// A profile that was given explicitly (`--profile`).
    pub profile: Option<&'a str>,
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("home", &self.home)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl<'a> Lookup<'a> {
    /// The first key of the chain.
    pub fn find(&self) -> Result<Credentials, CredentialsError> {
        let mut looked = Vec::new();
        let chain: [Place<'a>; 3] = [
            |lookup| Ok(lookup.environment()),
            Self::cli_config,
            Self::ini_files,
        ];
        for place in chain {
            match place(self)? {
                Look::Found(credentials) => return Ok(credentials),
                Look::Nothing(why) => looked.push(why),
            }
        }
        Err(CredentialsError::NotFound {
            profile: self.profile.map(str::to_owned),
            looked,
        })
    }

    fn environment(&self) -> Look {
        if self.profile.is_some() {
            return Look::Nothing("environment: not asked, a profile was given".into());
        }
        let missing = match (self.variable(KEY_ID), self.variable(KEY_SECRET)) {
            (Some(access_key_id), Some(secret)) => {
                return Look::Found(Credentials {
                    provider: "environment".into(),
                    access_key_id,
                    access_key_secret: secret.into(),
                    security_token: self.variable(TOKEN).map(Into::into),
                });
            }
            (None, None) => return Look::Nothing(format!("environment: {KEY_ID} is not set")),
            (None, Some(_)) => KEY_ID,
            (Some(_), None) => KEY_SECRET,
        };
        let why = format!("environment: {missing} is not set, only its other half is");
        warn!("{why}");
        Look::Nothing(why)
    }

    fn cli_config(&self) -> Result<Look, CredentialsError> {
        let file = "~/.aliyun/config.json";
        if self
            .variable("ALIBABA_CLOUD_CLI_PROFILE_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        {
            let why = format!("{file}: switched off by ALIBABA_CLOUD_CLI_PROFILE_DISABLED");
            return Ok(Look::Nothing(why));
        }
        let profile = self.profile_name();
        match self.read(file)? {
            Some(text) => cli_config::parse(&text, file, profile.as_deref()),
            None => Ok(Look::Nothing(format!("{file}: no such file"))),
        }
    }

    fn ini_files(&self) -> Result<Look, CredentialsError> {
        let files = match self.variable("ALIBABA_CLOUD_CREDENTIALS_FILE") {
            Some(file) => vec![file],
            None => [
                "~/.alibabacloud/credentials.ini",
                "~/.alibabacloud/credentials",
            ]
            .map(str::to_owned)
            .into(),
        };
        let section = self.profile_name().unwrap_or_else(|| "default".into());
        let mut looked = Vec::new();
        for file in &files {
            match self.read(file)? {
                Some(text) => match ini::parse(&text, file, &section)? {
                    Look::Nothing(why) => looked.push(why),
                    found @ Look::Found(_) => return Ok(found),
                },
                None => looked.push(format!("{file}: no such file")),
            }
        }
        Ok(Look::Nothing(looked.join("; ")))
    }

    /// A variable that is set to something.
    fn variable(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn profile_name(&self) -> Option<String> {
        self.profile
            .map(str::to_owned)
            .or_else(|| self.variable("ALIBABA_CLOUD_PROFILE"))
    }

    /// A file's text; nothing where there is no such file.
    fn read(&self, file: &str) -> Result<Option<String>, CredentialsError> {
        let path = match (file.strip_prefix("~/"), self.home) {
            (Some(below), Some(home)) => home.join(below),
            (Some(_), None) => return Ok(None),
            (None, _) => PathBuf::from(file),
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                warn_if_others_can_read(&path, file);
                Ok(Some(text))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CredentialsError::Unreadable {
                file: file.to_owned(),
                error,
            }),
        }
    }
}

#[cfg(unix)]
fn warn_if_others_can_read(path: &Path, file: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o044 != 0 {
        warn!("{file} holds secrets and other users can read it: chmod 600 {file}");
    }
}

#[cfg(not(unix))]
fn warn_if_others_can_read(_: &Path, _: &str) {}

#[cfg(test)]
mod tests;
