//! The provider chain: which places are searched for an access key, in which order.

use std::path::{Path, PathBuf};

use tracing::warn;

use super::provider::KeyUri;
use super::provider::{OidcRole, Presence, Provider, ProviderKind};
use super::role::{Allowed, Disabled, RoleDefaults, RoleFields};
use super::{Candidates, ChainStep, Credentials, CredentialsError, cli_config, ini};

pub(super) const KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
pub(super) const KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
pub(super) const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
const PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
/// Names of the profile variable that only the command line tool `aliyun` reads, and no official SDK.
const PROFILE_OF_ALIYUN: [&str; 2] = ["ALIBABACLOUD_PROFILE", "ALICLOUD_PROFILE"];
const INI_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
const KEY_URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

/// One step of the chain.
type LookupStep<'a> = fn(&ProviderChain<'a>) -> Result<ChainStep, CredentialsError>;

/// Everything that the search depends on.
#[derive(Clone, Copy)]
pub struct ProviderChain<'a> {
    /// Looks up an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The home directory, if there is one.
    pub home: Option<&'a Path>,
    /// The profile given by `--profile`.
    pub profile: Option<&'a str>,
    /// The permissions that the user has given.
    pub allow: Allowed,
}

impl std::fmt::Debug for ProviderChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderChain")
            .field("home", &self.home)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl<'a> ProviderChain<'a> {
    /// Searches the environment and the files, without making a call.
    ///
    /// # Errors
    ///
    /// If a place that the user configured is broken or has no key.
    pub fn candidates(&self) -> Result<Candidates, CredentialsError> {
        let mut found = Candidates {
            providers: Vec::new(),
            searched: Vec::new(),
            profile: self.profile.map(str::to_owned),
        };
        let chain: [LookupStep<'a>; 4] = [
            Self::environment,
            Self::oidc,
            Self::cli_config,
            Self::ini_files,
        ];
        for step in chain {
            match step(self)? {
                ChainStep::Found(provider) => {
                    found.providers.push((provider, Presence::Required));
                    return Ok(found);
                }
                ChainStep::Nothing(why) => found.searched.push(why),
            }
        }
        if self.profile.is_some() {
            return Ok(found);
        }
        if self.variable(PROFILE).is_some() {
            // The last two steps are the ones that have profiles.
            let files = found
                .searched
                .split_off(found.searched.len().saturating_sub(2));
            return Err(CredentialsError::VariableWithoutKey {
                variable: PROFILE,
                why: files,
            });
        }
        self.services(&mut found)?;
        Ok(found)
    }

    fn environment(&self) -> Result<ChainStep, CredentialsError> {
        if self.profile.is_some() {
            let why = "environment: not asked, a profile was given";
            return Ok(ChainStep::Nothing(why.into()));
        }
        match (self.variable(KEY_ID), self.variable(KEY_SECRET)) {
            (Some(access_key_id), Some(secret)) => Ok(ChainStep::key(Credentials {
                provider: "environment".into(),
                access_key_id,
                access_key_secret: secret.into(),
                security_token: self.variable(TOKEN).map(Into::into),
            })),
            (None, None) => Ok(ChainStep::Nothing(format!(
                "environment: {KEY_ID} is not set"
            ))),
            (None, Some(_)) => Err(variable_without_key(
                KEY_SECRET,
                format!("{KEY_ID} is not set"),
            )),
            (Some(_), None) => Err(variable_without_key(
                KEY_ID,
                format!("{KEY_SECRET} is not set"),
            )),
        }
    }

    /// Returns the provider for a pod's identity token (RRSA). All three variables must be set; the role
    /// variable alone may be meant for another step.
    fn oidc(&self) -> Result<ChainStep, CredentialsError> {
        if self.profile.is_some() {
            return Ok(ChainStep::Nothing(
                "OIDC: not asked, a profile was given".into(),
            ));
        }
        let parts =
            [TOKEN_FILE, ROLE_ARN, PROVIDER_ARN].map(|name| self.variable(name).ok_or(name));
        let [Ok(token_file), Ok(arn), Ok(provider_arn)] = &parts else {
            let missing: Vec<_> = parts.iter().filter_map(|part| part.clone().err()).collect();
            let why = format!("{} not set", missing.join(", "));
            let begun = [TOKEN_FILE, PROVIDER_ARN]
                .into_iter()
                .find(|name| !missing.contains(name));
            return match begun {
                Some(variable) => Err(variable_without_key(variable, why)),
                None => Ok(ChainStep::Nothing(format!("OIDC: {why}"))),
            };
        };
        let fields = RoleFields {
            arn,
            ..RoleFields::default()
        };
        let role =
            self.role_defaults()
                .role(fields)
                .map_err(|problem| CredentialsError::Variable {
                    name: "ALIBABA_CLOUD_STS_REGION",
                    problem,
                })?;
        Ok(ChainStep::Found(Provider {
            name: "OIDC role of the environment".into(),
            kind: ProviderKind::Oidc(Box::new(OidcRole {
                role,
                provider_arn: provider_arn.clone(),
                token_file: token_file.into(),
            })),
        }))
    }

    fn cli_config(&self) -> Result<ChainStep, CredentialsError> {
        let file = "~/.aliyun/config.json";
        if self.is_on("ALIBABA_CLOUD_CLI_PROFILE_DISABLED") {
            let why = format!("{file}: switched off by ALIBABA_CLOUD_CLI_PROFILE_DISABLED");
            return Ok(ChainStep::Nothing(why));
        }
        let profile = self.profile_name();
        let mut misnamed = PROFILE_OF_ALIYUN.into_iter();
        if profile.is_none()
            && let Some(name) = misnamed.find(|name| self.variable(name).is_some())
        {
            warn!("{name} is not read, as in the official SDKs: set {PROFILE}, or give --profile");
        }
        match self.read(file)? {
            Some(text) => cli_config::parse(&text, file, profile.as_deref(), &self.role_defaults()),
            None => Ok(ChainStep::Nothing(format!("{file}: no such file"))),
        }
    }

    /// Searches the credentials files of the SDKs. If an environment variable names the file, the file must
    /// exist and contain the profile. Otherwise the search ends with an error; later providers are not tried.
    fn ini_files(&self) -> Result<ChainStep, CredentialsError> {
        let named = self.variable(INI_FILE);
        let files = match &named {
            Some(file) => vec![&**file],
            None => vec![
                "~/.alibabacloud/credentials.ini",
                "~/.alibabacloud/credentials",
            ],
        };
        let section = self.profile_name().unwrap_or_else(|| "default".into());
        let defaults = self.role_defaults();
        let mut searched = Vec::new();
        for file in files {
            match self.read(file)? {
                Some(text) => match ini::parse(&text, file, &section, &defaults)? {
                    ChainStep::Nothing(why) => searched.push(why),
                    found @ ChainStep::Found(_) => return Ok(found),
                },
                None => searched.push(format!("{file}: no such file")),
            }
        }
        let searched = searched.join("; ");
        match named {
            Some(_) if self.profile.is_none() => Err(variable_without_key(INI_FILE, searched)),
            _ => Ok(ChainStep::Nothing(searched)),
        }
    }

    /// Adds the metadata service, which is optional, and the credentials URI, which is required if it is
    /// configured.
    fn services(&self, found: &mut Candidates) -> Result<(), CredentialsError> {
        let defaults = self.role_defaults();
        if defaults.disabled.ecs {
            let why = "ECS role: switched off by ALIBABA_CLOUD_ECS_METADATA_DISABLED";
            found.searched.push(why.into());
        } else {
            let role = defaults.ecs(self.variable("ALIBABA_CLOUD_ECS_METADATA").as_deref());
            let provider = Provider {
                name: "ECS role".into(),
                kind: ProviderKind::Ecs(role),
            };
            found.providers.push((provider, Presence::Optional));
        }
        let Some(uri) = self.variable(KEY_URI) else {
            found.searched.push(format!("{KEY_URI} is not set"));
            return Ok(());
        };
        let uri =
            KeyUri::parse(&uri, self.allow.http).map_err(|problem| CredentialsError::Variable {
                name: KEY_URI,
                problem,
            })?;
        let provider = Provider {
            name: format!("credentials URI {uri}"),
            kind: ProviderKind::Uri(uri),
        };
        found.providers.push((provider, Presence::Required));
        Ok(())
    }

    fn role_defaults(&self) -> RoleDefaults {
        RoleDefaults {
            session: self.variable("ALIBABA_CLOUD_ROLE_SESSION_NAME"),
            sts_region: self.variable("ALIBABA_CLOUD_STS_REGION"),
            vpc: self.is_on("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"),
            disabled: Disabled {
                ecs: self.is_on("ALIBABA_CLOUD_ECS_METADATA_DISABLED"),
                imds_v1: self.is_on("ALIBABA_CLOUD_IMDSV1_DISABLED"),
                process: self.is_on("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS"),
            },
            allow: self.allow,
        }
    }

    /// Returns an environment variable that is set and not blank.
    fn variable(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn is_on(&self, name: &str) -> bool {
        self.variable(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn profile_name(&self) -> Option<String> {
        self.profile
            .map(str::to_owned)
            .or_else(|| self.variable(PROFILE))
    }

    /// Returns the text of a file, or `None` if the file does not exist.
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

fn variable_without_key(variable: &'static str, why: String) -> CredentialsError {
    CredentialsError::VariableWithoutKey {
        variable,
        why: vec![why],
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
