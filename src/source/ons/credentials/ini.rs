//! `~/.alibabacloud/credentials.ini`, the file of the SDKs (`facts/ons-api.md` §7.2): types `access_key` and `sts`.

use std::collections::HashMap;

use super::{Credentials, CredentialsError, Look};

/// Looks for a section. `file` is its name for messages.
///
/// Comments begin with `#` or `;`; as in the Python SDK a `#` also ends a value.
pub fn parse(text: &str, file: &str, section: &str) -> Result<Look, CredentialsError> {
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
        return Ok(Look::no_profile(file, section, &names));
    }
    key_of(&values, file, section)
}

fn key_of(
    values: &HashMap<String, &str>,
    file: &str,
    section: &str,
) -> Result<Look, CredentialsError> {
    let value = |key| values.get(key).copied().filter(|value| !value.is_empty());
    let kind = value("type").unwrap_or("access_key");
    if !matches!(kind, "access_key" | "sts") {
        return Err(CredentialsError::Unsupported {
            file: file.to_owned(),
            profile: section.to_owned(),
            kind: format!("type {kind}"),
        });
    }
    let needed = |field| {
        value(field).ok_or_else(|| CredentialsError::Incomplete {
            file: file.to_owned(),
            profile: section.to_owned(),
            field,
        })
    };
    Ok(Look::Found(Credentials {
        provider: format!("profile {section} of {file}"),
        access_key_id: needed("access_key_id")?.to_owned(),
        access_key_secret: needed("access_key_secret")?.into(),
        security_token: match kind {
            "sts" => Some(needed("security_token")?.into()),
            _ => value("security_token").map(Into::into),
        },
    }))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "\u{feff}# mine\r\n; too\r\n[default]\r\ntype = access_key # plain\r\nAccess_Key_ID=id-default\r\n\
        access_key_secret : s3cret\r\n\r\n[ sts ]\ntype=sts\naccess_key_id=id-sts\naccess_key_secret=s3cret\n\
        security_token=t0ken==\n[role]\ntype=ram_role_arn\naccess_key_id=id\n[half]\naccess_key_id=id\n\
        [tokenless]\ntype=sts\naccess_key_id=id\naccess_key_secret=s3cret\n";

    #[test]
    fn keys_are_found_by_section() {
        for (section, id, token) in [
            ("default", "id-default", None),
            ("sts", "id-sts", Some("t0ken==")),
        ] {
            let Ok(Look::Found(found)) = parse(FILE, "c.ini", section) else {
                panic!("{section}")
            };
            assert_eq!(found.access_key_id, id);
            assert_eq!(found.access_key_secret.expose_secret(), "s3cret");
            let found_token = found
                .security_token
                .as_ref()
                .map(ExposeSecret::expose_secret);
            assert_eq!(found_token, token);
        }
    }

    #[test]
    fn a_file_without_the_section_says_which_it_has() {
        for (text, why) in [
            (
                FILE,
                "c.ini: no profile dev (it has default, sts, role, half, tokenless)",
            ),
            ("", "c.ini: no profile dev (it has none)"),
        ] {
            let Ok(Look::Nothing(said)) = parse(text, "c.ini", "dev") else {
                panic!("{text}")
            };
            assert_eq!(said, why);
        }
    }

    #[test]
    fn broken_files_are_refused_without_quoting_them() {
        for (text, section, message) in [
            (
                FILE,
                "role",
                "profile role of c.ini is of type ram_role_arn",
            ),
            (
                FILE,
                "half",
                "profile half of c.ini has no access_key_secret",
            ),
            (
                FILE,
                "tokenless",
                "profile tokenless of c.ini has no security_token",
            ),
            (
                "[a]\ns3cret\n",
                "a",
                "c.ini, line 2, column 1: found a line without `=`",
            ),
            (
                "[s3cret\n",
                "a",
                "c.ini, line 1, column 1: found `[` without `]`, expected [SECTION]",
            ),
            (
                "k = s3cret\n",
                "a",
                "found a value before the first section",
            ),
        ] {
            let error = parse(text, "c.ini", section).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_file_holds_a_whole_key_or_none(
            lines in prop::collection::vec(
                "\\[ ?(a|b)? ?\\]?|(type|access_key_id|Access_Key_Secret|security_token) ?[=:]? ?(sts|access_key|.{0,6})|.{0,8}",
                0..8,
            ),
        ) {
            match parse(&lines.join("\n"), "c.ini", "a") {
                Ok(Look::Found(found)) => {
                    prop_assert!(!found.access_key_id.is_empty());
                    prop_assert!(!found.access_key_secret.expose_secret().is_empty());
                    prop_assert!(found.masked_id().contains("***"));
                }
                Ok(Look::Nothing(why)) => prop_assert!(why.starts_with("c.ini: no profile a")),
                Err(error) => prop_assert!(error.to_string().contains("c.ini")),
            }
        }
    }
}
