//! Tables for `config.json`.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::super::Disabled;
use super::super::KeyUri;
use super::super::cli_config::parse;
use super::super::*;

const CONFIG: &str = r#"{"current":"prod","meta_path":"","profiles":[
    {"name":"prod","mode":"ak","access_key_id":"id-prod","access_key_secret":" s3cret ","region_id":"cn-hangzhou"},
    {"name":"sts","mode":"StsToken","access_key_id":"id-sts","access_key_secret":"s3cret","sts_token":"t0ken"},
    {"name":"sso","mode":"CloudSSO","access_key_id":"id","access_key_secret":"s3cret"},
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
        let found = key(looked(CONFIG, profile));
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
            "no profile dev (it has prod, sts, sso, fresh, half, tokenless, number)",
        ),
        (CONFIG, Some("fresh"), "profile fresh has no access key yet"),
        ("{}", None, "no profile default (it has none)"),
        (
            r#"{"current":null,"profiles":null}"#,
            None,
            "no profile default",
        ),
    ] {
        let Ok(ChainStep::Nothing(said)) = looked(text, profile) else {
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
            Some("sso"),
            "profile sso of c.json is of mode CloudSSO, which ons-audit does not support",
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
        let error = looked(text, profile).unwrap_err().to_string();
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
            "\"StsToken\"", "\"External\"", "\"ChainableRamRoleArn\"", "\"source_profile\"", "\"ram_role_arn\"", "\"access_key_id\"", "\"access_key_secret\"", "\"sts_token\"", "\"a\"", "\" \"",
            "null", "7", "{\"profiles\":[{\"name\":\"default\",\"access_key_id\":\"é\",", "\u{feff}",
            "\"access_key_secret\":\"s3cret\"", "}]}",
        ]), 0..20),
        profile in prop::option::of("a|default"),
    ) {
        match looked(&parts.concat(), profile.as_deref()) {
            Ok(ChainStep::Found(Provider { kind: ProviderKind::Key(found), .. })) => {
                prop_assert!(!found.access_key_id.trim().is_empty());
                prop_assert!(!found.access_key_secret.expose_secret().trim().is_empty());
                let shown = format!("{found:?}");
                prop_assert!(!shown.contains("s3cret"), "{}", shown);
            }
            Ok(ChainStep::Found(other)) => prop_assert!(!format!("{other:?}").contains("s3cret"), "{:?}", other),
            Ok(ChainStep::Nothing(why)) => prop_assert!(why.starts_with("c.json")),
            Err(error) => prop_assert!(!error.to_string().contains("s3cret"), "{}", error),
        }
    }
}

fn around() -> RoleDefaults {
    RoleDefaults {
        allow: Allowed {
            external: true,
            http: false,
        },
        ..RoleDefaults::default()
    }
}

fn looked(text: &str, profile: Option<&str>) -> Result<ChainStep, CredentialsError> {
    parse(text, "c.json", profile, &around())
}

fn key(look: Result<ChainStep, CredentialsError>) -> Credentials {
    match look {
        Ok(ChainStep::Found(Provider {
            kind: ProviderKind::Key(key),
            ..
        })) => key,
        other => panic!("{other:?}"),
    }
}

const ROLES: &str = r#"{"profiles":[
    {"name":"base","mode":"AK","access_key_id":"id","access_key_secret":"s3cret"},
    {"name":"role","mode":"RamRoleArn","access_key_id":"id","access_key_secret":"s3cret","sts_region":"cn-beijing",
     "ram_role_arn":"acs:ram::1:role/a","ram_session_name":"night","expired_seconds":900,"external_id":"x","policy":"{}"},
    {"name":"chain","mode":"ChainableRamRoleArn","source_profile":"role","ram_role_arn":"acs:ram::2:role/b","expired_seconds":0},
    {"name":"oidc","mode":"oidc","oidc_provider_arn":"acs:ram::1:oidc-provider/k","oidc_token_file":"/t","ram_role_arn":"acs:ram::1:role/a",
     "role_session_name":"py","sts_endpoint":"sts.cn-shanghai.aliyuncs.com"},
    {"name":"ecs","mode":"EcsRamRole","ram_role_name":"worker"},
    {"name":"uri","mode":"CredentialsURI","credentials_uri":"http://127.0.0.1:81/s3cret"},
    {"name":"command","mode":"External","process_command":"tool 'a b'"},
    {"name":"circle","mode":"ChainableRamRoleArn","source_profile":"circle","ram_role_arn":"r"},
    {"name":"lost","mode":"ChainableRamRoleArn","source_profile":"nobody","ram_role_arn":"r"},
    {"name":"unsaid","mode":"ChainableRamRoleArn","source_profile":"empty","ram_role_arn":"r"},
    {"name":"empty","mode":"AK"},
    {"name":"roleless","mode":"RamRoleArn","access_key_id":"id","access_key_secret":"s3cret"},
    {"name":"long","mode":"RamRoleArn","access_key_id":"id","access_key_secret":"s3cret","ram_role_arn":"r","expired_seconds":"s3cret"},
    {"name":"host","mode":"RamRoleArn","access_key_id":"id","access_key_secret":"s3cret","ram_role_arn":"r","sts_endpoint":"s3cret@evil"},
    {"name":"open","mode":"CredentialsURI","credentials_uri":"http://keys.example/s3cret"},
    {"name":"quote","mode":"External","process_command":"tool 's3cret"}]}"#;

fn provider(profile: &str) -> Provider {
    match looked(ROLES, Some(profile)) {
        Ok(ChainStep::Found(provider)) => provider,
        other => panic!("{profile}: {other:?}"),
    }
}

#[test]
fn every_mode_is_a_recipe() {
    let ProviderKind::Role(assumed) = provider("role").kind else {
        panic!()
    };
    assert!(matches!(&assumed.base, ProviderKind::Key(key) if key.access_key_id == "id"));
    assert_eq!(assumed.role.arn, "acs:ram::1:role/a");
    assert_eq!(
        (&*assumed.role.session, assumed.role.seconds),
        ("night", 900)
    );
    assert_eq!(assumed.role.policy.as_deref(), Some("{}"));
    assert_eq!(assumed.external_id.as_deref(), Some("x"));
    assert_eq!(
        assumed.role.sts.as_str(),
        "https://sts.cn-beijing.aliyuncs.com/"
    );

    let ProviderKind::Role(assumed) = provider("chain").kind else {
        panic!()
    };
    assert!(
        matches!(&assumed.base, ProviderKind::Role(base) if base.role.arn == "acs:ram::1:role/a")
    );
    assert_eq!(
        (&*assumed.role.arn, assumed.role.seconds),
        ("acs:ram::2:role/b", 3600)
    );

    let ProviderKind::Oidc(oidc) = provider("oidc").kind else {
        panic!()
    };
    assert_eq!(oidc.provider_arn, "acs:ram::1:oidc-provider/k");
    assert_eq!(
        (oidc.token_file.to_str(), &*oidc.role.session),
        (Some("/t"), "py")
    );
    assert_eq!(
        oidc.role.sts.as_str(),
        "https://sts.cn-shanghai.aliyuncs.com/"
    );

    assert!(
        matches!(provider("ecs").kind, ProviderKind::Ecs(role) if role.name.as_deref() == Some("worker") && role.allow_v1)
    );
    assert!(
        matches!(provider("uri").kind, ProviderKind::Uri(KeyUri(uri)) if uri.path() == "/s3cret")
    );
    assert!(
        matches!(provider("command").kind, ProviderKind::Command(words) if words == ["tool", "a b"])
    );
    assert_eq!(
        provider("chain").name,
        "profile chain of c.json (ChainableRamRoleArn)"
    );
}

#[test]
fn a_profile_that_leads_nowhere_is_refused() {
    for (profile, says) in [
        (
            "circle",
            "profile circle of c.json: the chain of source_profile is too long, expected at most 5 steps",
        ),
        (
            "lost",
            "profile lost of c.json: source_profile: no profile nobody",
        ),
        (
            "unsaid",
            "source_profile: c.json: profile empty has no access key yet",
        ),
        ("roleless", "profile roleless of c.json has no ram_role_arn"),
        (
            "long",
            "expired_seconds of profile long is a text, expected a number of seconds",
        ),
        ("host", "the STS endpoint is not a host"),
        ("open", "credentials_uri: plain http would show the key"),
        ("quote", "process_command is not a command"),
    ] {
        let error = looked(ROLES, Some(profile)).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        assert!(crate::exit::Advice::hint(&error).is_some());
    }
}

#[test]
fn what_is_switched_off_is_refused_by_name() {
    let off = RoleDefaults {
        disabled: Disabled {
            ecs: true,
            process: true,
            imds_v1: false,
        },
        allow: Allowed {
            external: true,
            http: false,
        },
        ..RoleDefaults::default()
    };
    for (profile, around, says) in [
        (
            "command",
            RoleDefaults::default(),
            "mode External runs a command, which is not allowed unasked",
        ),
        (
            "command",
            off.clone(),
            "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS switches mode External off",
        ),
        (
            "uri",
            off.clone(),
            "ALIBABA_CLOUD_DISABLE_EXTERNAL_PROCESS switches mode CredentialsURI off",
        ),
        (
            "ecs",
            off,
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED switches mode EcsRamRole off",
        ),
    ] {
        let error = parse(ROLES, "c.json", Some(profile), &around).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = parse(ROLES, "c.json", Some("command"), &RoleDefaults::default()).unwrap_err();
    assert!(
        crate::exit::Advice::hint(&error)
            .unwrap()
            .contains("--allow-external-credentials")
    );
}
