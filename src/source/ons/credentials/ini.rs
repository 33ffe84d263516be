//! Parser for `~/.alibabacloud/credentials.ini`, the credentials file of the SDKs (`docs/facts/ons-api.md`
//! §7.2). Supports the types `access_key`, `sts`, `ram_role_arn`, `oidc_role_arn` and `ecs_ram_role`.

use std::collections::HashMap;

use super::provider::{AssumedRole, OidcRole, RamRole};
use super::role::{RoleDefaults, RoleFields};
use super::{ChainStep, Credentials, CredentialsError, Provider, ProviderKind};

/// Searches the text for a section. `file` is the name of the file in messages.
///
/// Comments begin with `#` or `;`. As in the Python SDK, `#` also ends a value.
///
/// # Errors
///
/// If the text is malformed, or the section is incomplete or of an unsupported type.
pub fn parse(
    text: &str,
    file: &str,
    section: &str,
    defaults: &RoleDefaults,
) -> Result<ChainStep, CredentialsError> {
    let mut names = Vec::new();
    let mut values = HashMap::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let syntax = |found: &str, expected| CredentialsError::Syntax {
            file: file.to_owned(),
            line: number + 1,
            column: 1,
            found: found.to_owned(),
            expected,
        };
        if let Some(name) = line.strip_prefix('[') {
            let name = name
                .strip_suffix(']')
                .ok_or_else(|| syntax("`[` without `]`", "[SECTION]"))?;
            names.push(name.trim());
            continue;
        }
        let (key, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| syntax("a line without `=`", "KEY = VALUE or [SECTION]"))?;
        match names.last() {
            None => return Err(syntax("a value before the first section", "[SECTION]")),
            Some(name) if *name == section => {
                values.insert(key.trim().to_ascii_lowercase(), value.trim());
            }
            Some(_) => {}
        }
    }
    if !names.contains(&section) {
        return Ok(ChainStep::no_profile(file, section, &names));
    }
    let section = IniSection {
        file,
        name: section,
        values,
        defaults,
    };
    section.look()
}

struct IniSection<'a> {
    file: &'a str,
    name: &'a str,
    values: HashMap<String, &'a str>,
    defaults: &'a RoleDefaults,
}

impl<'a> IniSection<'a> {
    fn look(&self) -> Result<ChainStep, CredentialsError> {
        let kind = self.value("type").unwrap_or("access_key");
        let provider_kind = match kind {
            "access_key" | "sts" => return Ok(ChainStep::key(self.key(kind == "sts")?)),
            "ram_role_arn" => ProviderKind::Role(Box::new(AssumedRole {
                base: ProviderKind::Key(self.key(false)?),
                role: self.role()?,
                external_id: self.value("external_id").map(str::to_owned),
            })),
            "oidc_role_arn" => ProviderKind::Oidc(Box::new(OidcRole {
                role: self.role()?,
                provider_arn: self.needed("oidc_provider_arn")?.to_owned(),
                token_file: self.needed("oidc_token_file_path")?.into(),
            })),
            "ecs_ram_role" if self.defaults.disabled.ecs => {
                return Err(self
                    .wrong("ALIBABA_CLOUD_ECS_METADATA_DISABLED switches type ecs_ram_role off"));
            }
            "ecs_ram_role" => ProviderKind::Ecs(self.defaults.ecs(self.value("role_name"))),
            _ => {
                return Err(CredentialsError::Unsupported {
                    file: self.file.to_owned(),
                    profile: self.name.to_owned(),
                    kind: format!("type {kind}"),
                });
            }
        };
        Ok(ChainStep::Found(Provider {
            name: format!("{} ({kind})", self.provider()),
            kind: provider_kind,
        }))
    }

    fn key(&self, is_temporary: bool) -> Result<Credentials, CredentialsError> {
        Ok(Credentials {
            provider: self.provider(),
            access_key_id: self.needed("access_key_id")?.to_owned(),
            access_key_secret: self.needed("access_key_secret")?.into(),
            security_token: if is_temporary {
                Some(self.needed("security_token")?.into())
            } else {
                self.value("security_token").map(Into::into)
            },
        })
    }

    fn role(&self) -> Result<RamRole, CredentialsError> {
        let fields = RoleFields {
            arn: self.needed("role_arn")?,
            session: self.value("role_session_name"),
            policy: self.value("policy"),
            ..RoleFields::default()
        };
        self.defaults
            .role(fields)
            .map_err(|problem| self.wrong(problem))
    }

    fn provider(&self) -> String {
        format!("profile {} of {}", self.name, self.file)
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        self.values
            .get(key)
            .copied()
            .filter(|value| !value.is_empty())
    }

    fn needed(&self, field: &'static str) -> Result<&'a str, CredentialsError> {
        self.value(field)
            .ok_or_else(|| CredentialsError::Incomplete {
                file: self.file.to_owned(),
                profile: self.name.to_owned(),
                field,
            })
    }

    fn wrong(&self, problem: &str) -> CredentialsError {
        CredentialsError::Wrong {
            file: self.file.to_owned(),
            profile: self.name.to_owned(),
            problem: problem.to_owned(),
            hint: "correct the profile or the variable, or choose another profile: --profile NAME",
        }
    }
}
