//! `~/.aliyun/config.json`, the file of the official command line (`facts/ons-api.md` §7.2): modes `AK` and
//! `StsToken`.

use serde_json::{Map, Value};

use super::{Credentials, CredentialsError, Look};

/// Looks for a profile: the one named, else the file's `current`. `file` is its name for messages.
pub fn parse(text: &str, file: &str, profile: Option<&str>) -> Result<Look, CredentialsError> {
    let text = text.trim_start_matches('\u{feff}');
    // Read as untyped JSON: a type error of serde would quote the value, which may be a secret.
    let config: Value = serde_json::from_str(text).map_err(|error| syntax(file, &error))?;
    let config = config
        .as_object()
        .ok_or_else(|| wrong_type(file, "the top level", &config, "an object"))?;
    let wanted = match profile {
        Some(name) => name,
        None => text_of(config, "current", file, "")?.unwrap_or("default"),
    };
    let profiles = match config.get("profiles") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(profiles)) => profiles,
        Some(other) => return Err(wrong_type(file, "profiles", other, "a list")),
    };
    let found = profiles
        .iter()
        .find(|profile| name_of(profile) == Some(wanted))
        .and_then(Value::as_object);
    let Some(found) = found else {
        let names: Vec<&str> = profiles.iter().filter_map(name_of).collect();
        return Ok(Look::no_profile(file, wanted, &names));
    };
    key_of(found, file, wanted)
}

fn name_of(profile: &Value) -> Option<&str> {
    profile.get("name")?.as_str()
}

fn key_of(profile: &Map<String, Value>, file: &str, name: &str) -> Result<Look, CredentialsError> {
    let field = |field| text_of(profile, field, file, name);
    let mode = field("mode")?.unwrap_or("AK");
    let is_temporary = mode.eq_ignore_ascii_case("StsToken");
    if !is_temporary && !mode.eq_ignore_ascii_case("AK") {
        return Err(CredentialsError::Unsupported {
            file: file.to_owned(),
            profile: name.to_owned(),
            kind: format!("mode {mode}"),
        });
    }
    let incomplete = |field| CredentialsError::Incomplete {
        file: file.to_owned(),
        profile: name.to_owned(),
        field,
    };
    let (id, secret) = match (field("access_key_id")?, field("access_key_secret")?) {
        (Some(id), Some(secret)) => (id, secret),
        // What the CLI writes before anybody has configured it.
        (None, None) => {
            let why = format!("{file}: profile {name} has no access key yet");
            return Ok(Look::Nothing(why));
        }
        (None, Some(_)) => return Err(incomplete("access_key_id")),
        (Some(_), None) => return Err(incomplete("access_key_secret")),
    };
    let security_token = if is_temporary {
        let token = field("sts_token")?.ok_or_else(|| incomplete("sts_token"))?;
        Some(token.into())
    } else {
        None
    };
    Ok(Look::Found(Credentials {
        provider: format!("profile {name} of {file}"),
        access_key_id: id.to_owned(),
        access_key_secret: secret.into(),
        security_token,
    }))
}

/// A field's text; null and blank count as missing.
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
            let place = format!("{field} of profile {profile}");
            Err(wrong_type(file, &place, other, "a text"))
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
        let said = error.to_string();
        let reason = said.split(" at line ").next().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use proptest::prelude::*;

    use super::*;

    const CONFIG: &str = r#"{"current":"prod","meta_path":"","profiles":[
        {"name":"prod","mode":"ak","access_key_id":"id-prod","access_key_secret":" s3cret ","region_id":"cn-hangzhou"},
        {"name":"sts","mode":"StsToken","access_key_id":"id-sts","access_key_secret":"s3cret","sts_token":"t0ken"},
        {"name":"role","mode":"RamRoleArn","access_key_id":"id","access_key_secret":"s3cret","ram_role_arn":"acs:…"},
        {"name":"fresh","mode":"AK","access_key_id":"","access_key_secret":""},
        {"name":"half","access_key_id":"id"},
        {"name":"tokenless","mode":"StsToken","access_key_id":"id","access_key_secret":"s3cret"},
        {"name":"number","access_key_id":"id","access_key_secret":12345}]}"#;

    #[test]
    fn keys_are_found_by_profile() {
        for (profile, id, token) in [
            (None, "id-prod", None),
            (Some("prod"), "id-prod", None),
            (Some("sts"), "id-sts", Some("t0ken")),
        ] {
            let Ok(Look::Found(found)) = parse(CONFIG, "c.json", profile) else {
                panic!("{profile:?}")
            };
            assert_eq!(found.access_key_id, id);
            assert_eq!(found.access_key_secret.expose_secret(), "s3cret");
            let found_token = found
                .security_token
                .as_ref()
                .map(ExposeSecret::expose_secret);
            assert_eq!(found_token, token);
            let name = profile.unwrap_or("prod");
            assert_eq!(found.provider, format!("profile {name} of c.json"));
        }
    }

    #[test]
    fn a_place_without_a_key_says_what_it_has() {
        for (text, profile, why) in [
            (
                CONFIG,
                Some("dev"),
                "no profile dev (it has prod, sts, role, fresh, half, tokenless, number)",
            ),
            (CONFIG, Some("fresh"), "profile fresh has no access key yet"),
            ("{}", None, "no profile default (it has none)"),
            (
                r#"{"current":null,"profiles":null}"#,
                None,
                "no profile default",
            ),
        ] {
            let Ok(Look::Nothing(said)) = parse(text, "c.json", profile) else {
                panic!("{text}")
            };
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn broken_files_are_refused_without_quoting_them() {
        for (text, profile, message) in [
            (
                CONFIG,
                Some("role"),
                "profile role of c.json is of mode RamRoleArn, which ons-audit does not support",
            ),
            (
                CONFIG,
                Some("half"),
                "profile half of c.json has no access_key_secret",
            ),
            (
                CONFIG,
                Some("tokenless"),
                "profile tokenless of c.json has no sts_token",
            ),
            (
                CONFIG,
                Some("number"),
                "c.json: access_key_secret of profile number is a number, expected a text",
            ),
            (
                "{\"current\":\n \"s3cret\" \"x\"}",
                None,
                "c.json, line 2, column 11: found broken JSON (expected `,` or `}`)",
            ),
            (
                "{\"profiles\":[",
                None,
                "c.json, line 1, column 13: found the end of the file",
            ),
            ("", None, "found the end of the file"),
            (
                "\"s3cret\"",
                None,
                "c.json: the top level is a text, expected an object",
            ),
            (
                r#"{"profiles":{"a":"s3cret"}}"#,
                None,
                "c.json: profiles is an object, expected a list",
            ),
            (
                r#"{"current":7}"#,
                None,
                "c.json: current is a number, expected a text",
            ),
        ] {
            let error = parse(text, "c.json", profile).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(
                !error.contains("s3cret") && !error.contains("12345"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_file_holds_a_whole_key_or_none(
            parts in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"current\"", "\"profiles\"", "\"name\"", "\"mode\"", "\"AK\"",
                "\"StsToken\"", "\"access_key_id\"", "\"access_key_secret\"", "\"sts_token\"", "\"a\"", "\" \"",
                "null", "7", "{\"profiles\":[{\"name\":\"default\",\"access_key_id\":\"é\",", "\u{feff}",
                "\"access_key_secret\":\"s3cret\"", "}]}",
            ]), 0..20),
            profile in prop::option::of("a|default"),
        ) {
            match parse(&parts.concat(), "c.json", profile.as_deref()) {
                Ok(Look::Found(found)) => {
                    prop_assert!(!found.access_key_id.trim().is_empty());
                    prop_assert!(!found.access_key_secret.expose_secret().trim().is_empty());
                    let shown = format!("{found:?}");
                    prop_assert!(!shown.contains("s3cret"), "{}", shown);
                }
                Ok(Look::Nothing(why)) => prop_assert!(why.starts_with("c.json")),
                Err(error) => prop_assert!(!error.to_string().contains("s3cret"), "{}", error),
            }
        }
    }
}
