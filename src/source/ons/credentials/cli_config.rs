//! Parser for `~/.aliyun/config.json`, the file of the official command line (`docs/facts/ons-api.md` §7.2).
//! Supports every mode except those that need a browser or an RSA key.

use serde_json::{Map, Value};

use super::provider::KeyUri;
use super::provider::{AssumedRole, OidcRole, RamRole};
use super::role::{RoleDefaults, RoleFields};
use super::{ChainStep, Credentials, CredentialsError, Provider, ProviderKind, external};

/// Limit for profiles that refer to other profiles; a longer chain is a cycle.
const LONGEST_CHAIN: usize = 5;
const REPAIR: &str = "run `aliyun configure` for this profile again, or repair the file";
const UNSET: &str = "unset the variable, or choose another profile: --profile NAME";

/// Searches for the profile `wanted`, or the file's `current` profile. `file` is the name of the file in
/// messages.
///
/// # Errors
///
/// If the file is malformed, or the profile is incomplete or of an unsupported mode.
pub fn parse(
    text: &str,
    file: &str,
    wanted: Option<&str>,
    defaults: &RoleDefaults,
) -> Result<ChainStep, CredentialsError> {
    let text = text.trim_start_matches('\u{feff}');
    // Parsed into untyped JSON: a type error of serde would quote the value, which may be a secret.
    let config: Value = serde_json::from_str(text).map_err(|error| syntax(file, &error))?;
    let config = config
        .as_object()
        .ok_or_else(|| wrong_type(file, "the top level", &config, "an object"))?;
    let name = match wanted {
        Some(name) => name,
        None => text_of(config, "current", file, "")?.unwrap_or("default"),
    };
    let profiles = match config.get("profiles") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(profiles)) => profiles,
        Some(other) => return Err(wrong_type(file, "profiles", other, "a list")),
    };
    let Some(fields) = profile(profiles, name) else {
        let names: Vec<&str> = profiles.iter().filter_map(name_of).collect();
        return Ok(ChainStep::no_profile(file, name, &names));
    };
    let profile = Profile {
        file,
        config: profiles,
        name,
        fields,
        defaults,
    };
    profile.look(0)
}

fn profile<'a>(profiles: &'a [Value], name: &str) -> Option<&'a Map<String, Value>> {
    profiles
        .iter()
        .find(|profile| name_of(profile) == Some(name))?
        .as_object()
}

fn name_of(profile: &Value) -> Option<&str> {
    profile.get("name")?.as_str()
}

/// A profile, and the file that its `source_profile` refers to.
struct Profile<'a> {
    file: &'a str,
    config: &'a [Value],
    name: &'a str,
    fields: &'a Map<String, Value>,
    defaults: &'a RoleDefaults,
}

impl<'a> Profile<'a> {
    fn look(&self, depth: usize) -> Result<ChainStep, CredentialsError> {
        let mode = self.text("mode")?.unwrap_or("AK");
        let provider_kind = match mode.to_ascii_lowercase().as_str() {
            "ak" | "ststoken" => return self.key(mode),
            "ramrolearn" => self.assumed(ProviderKind::Key(self.plain_key(false)?))?,
            "chainableramrolearn" => self.assumed(self.source(depth)?)?,
            "oidc" => ProviderKind::Oidc(Box::new(OidcRole {
                role: self.role()?,
                provider_arn: self.needed("oidc_provider_arn")?.to_owned(),
                token_file: self.needed("oidc_token_file")?.into(),
            })),
            "ecsramrole" if self.defaults.disabled.ecs => {
                return Err(self.wrong(
                    "ALIBABA_CLOUD_ECS_METADATA_DISABLED switches mode EcsRamRole off",
                    UNSET,
                ));
            }
            "ecsramrole" => ProviderKind::Ecs(self.defaults.ecs(self.text("ram_role_name")?)),
            "credentialsuri" | "external" if self.defaults.disabled.process => {
                let problem =
                    format!("ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS switches mode {mode} off");
                return Err(self.wrong(problem, UNSET));
            }
            "credentialsuri" => {
                let uri = KeyUri::parse(self.needed("credentials_uri")?, self.defaults.allow.http)
                    .map_err(|problem| self.wrong(format!("credentials_uri: {problem}"), REPAIR))?;
                ProviderKind::Uri(uri)
            }
            "external" => self.command()?,
            _ => {
                return Err(CredentialsError::Unsupported {
                    file: self.file.to_owned(),
                    profile: self.name.to_owned(),
                    kind: format!("mode {mode}"),
                });
            }
        };
        Ok(ChainStep::Found(Provider {
            name: format!("{} ({mode})", self.provider()),
            kind: provider_kind,
        }))
    }

    /// Reads a profile of mode `AK` or `StsToken`.
    fn key(&self, mode: &str) -> Result<ChainStep, CredentialsError> {
        if self.text("access_key_id")?.is_none() && self.text("access_key_secret")?.is_none() {
            // The CLI writes such a profile before it is configured.
            let why = format!("{}: profile {} has no access key yet", self.file, self.name);
            return Ok(ChainStep::Nothing(why));
        }
        self.plain_key(mode.eq_ignore_ascii_case("StsToken"))
            .map(ChainStep::key)
    }

    fn plain_key(&self, is_temporary: bool) -> Result<Credentials, CredentialsError> {
        Ok(Credentials {
            provider: self.provider(),
            access_key_id: self.needed("access_key_id")?.to_owned(),
            access_key_secret: self.needed("access_key_secret")?.into(),
            security_token: if is_temporary {
                Some(self.needed("sts_token")?.into())
            } else {
                None
            },
        })
    }

    fn assumed(&self, base: ProviderKind) -> Result<ProviderKind, CredentialsError> {
        Ok(ProviderKind::Role(Box::new(AssumedRole {
            base,
            role: self.role()?,
            external_id: self.text("external_id")?.map(str::to_owned),
        })))
    }

    fn role(&self) -> Result<RamRole, CredentialsError> {
        let message = RoleFields {
            arn: self.needed("ram_role_arn")?,
            // The Python SDK reads a different field than the CLI writes.
            session: self
                .text("ram_session_name")?
                .or(self.text("role_session_name")?),
            policy: self.text("policy")?,
            seconds: self.seconds()?,
            region: self.text("sts_region")?,
            host: self.text("sts_endpoint")?,
            vpc: matches!(self.fields.get("enable_vpc"), Some(Value::Bool(true))),
        };
        self.defaults
            .role(message)
            .map_err(|problem| self.wrong(problem, REPAIR))
    }

    /// Returns the provider of the key that `source_profile` names.
    fn source(&self, depth: usize) -> Result<ProviderKind, CredentialsError> {
        let name = self.needed("source_profile")?;
        if depth == LONGEST_CHAIN {
            let problem = format!(
                "the chain of source_profile is too long, expected at most {LONGEST_CHAIN} steps"
            );
            return Err(self.wrong(problem, REPAIR));
        }
        let Some(fields) = profile(self.config, name) else {
            return Err(self.wrong(format!("source_profile: no profile {name}"), REPAIR));
        };
        let source = Profile {
            name,
            fields,
            ..*self
        };
        match source.look(depth + 1)? {
            ChainStep::Found(provider) => Ok(provider.kind),
            ChainStep::Nothing(why) => Err(self.wrong(format!("source_profile: {why}"), REPAIR)),
        }
    }

    fn command(&self) -> Result<ProviderKind, CredentialsError> {
        let words = external::split(self.needed("process_command")?).ok_or_else(|| {
            self.wrong("process_command is not a command: is a quote open?", REPAIR)
        })?;
        if self.defaults.allow.external {
            return Ok(ProviderKind::Command(words));
        }
        let problem = "mode External runs a command, which is not allowed unasked";
        let hint = "look at the profile's process_command, and if it is yours, add --allow-external-credentials";
        Err(self.wrong(problem, hint))
    }

    fn seconds(&self) -> Result<Option<u32>, CredentialsError> {
        match self.fields.get("expired_seconds") {
            None | Some(Value::Null) => Ok(None),
            Some(found) => match found.as_u64().map(u32::try_from) {
                Some(Ok(0)) => Ok(None), // the CLI writes 0 for an unset value
                Some(Ok(seconds)) => Ok(Some(seconds)),
                _ => {
                    let path = format!("expired_seconds of profile {}", self.name);
                    Err(wrong_type(self.file, &path, found, "a number of seconds"))
                }
            },
        }
    }

    fn provider(&self) -> String {
        format!("profile {} of {}", self.name, self.file)
    }

    fn text(&self, field: &str) -> Result<Option<&'a str>, CredentialsError> {
        text_of(self.fields, field, self.file, self.name)
    }

    fn needed(&self, field: &'static str) -> Result<&'a str, CredentialsError> {
        self.text(field)?
            .ok_or_else(|| CredentialsError::Incomplete {
                file: self.file.to_owned(),
                profile: self.name.to_owned(),
                field,
            })
    }

    fn wrong(&self, problem: impl Into<String>, hint: &'static str) -> CredentialsError {
        CredentialsError::Wrong {
            file: self.file.to_owned(),
            profile: self.name.to_owned(),
            problem: problem.into(),
            hint,
        }
    }
}

/// Returns a text field; null and blank count as missing.
fn text_of<'a>(
    object: &'a Map<String, Value>,
    field: &str,
    file: &str,
    profile: &str,
) -> Result<Option<&'a str>, CredentialsError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(other) if profile.is_empty() => Err(wrong_type(file, field, other, "a text")),
        Some(other) => {
            let path = format!("{field} of profile {profile}");
            Err(wrong_type(file, &path, other, "a text"))
        }
    }
}

fn wrong_type(file: &str, field: &str, found: &Value, expected: &'static str) -> CredentialsError {
    CredentialsError::Type {
        file: file.to_owned(),
        field: field.to_owned(),
        found: match found {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        },
        expected,
    }
}

fn syntax(file: &str, error: &serde_json::Error) -> CredentialsError {
    let found = if error.is_eof() {
        "the end of the file".to_owned()
    } else {
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or_default();
        format!("broken JSON ({reason})")
    };
    CredentialsError::Syntax {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
        found,
        expected: "the JSON that `aliyun configure` writes",
    }
}
