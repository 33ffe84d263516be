//! Tables for `credentials.ini`.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::super::Disabled;
use super::super::ini::parse;
use super::super::*;

const FILE: &str = "\u{feff}# mine\r\n; too\r\n[default]\r\ntype = access_key # plain\r\nAccess_Key_ID=id-default\r\n\
    access_key_secret : s3cret\r\n\r\n[ sts ]\ntype=sts\naccess_key_id=id-sts\naccess_key_secret=s3cret\n\
    security_token=t0ken==\n[rsa]\ntype=rsa_key_pair\naccess_key_id=id\n[half]\naccess_key_id=id\n\
    [tokenless]\ntype=sts\naccess_key_id=id\naccess_key_secret=s3cret\n";

#[test]
fn keys_are_found_by_section() {
    for (section, id, token) in [
        ("default", "id-default", None),
        ("sts", "id-sts", Some("t0ken==")),
    ] {
        let Ok(ChainStep::Found(Provider {
            kind: ProviderKind::Key(found),
            ..
        })) = looked(FILE, section)
        else {
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
            "c.ini: no profile dev (it has default, sts, rsa, half, tokenless)",
        ),
        ("", "c.ini: no profile dev (it has none)"),
    ] {
        let Ok(ChainStep::Nothing(said)) = looked(text, "dev") else {
            panic!("{text}")
        };
        assert_eq!(said, why);
    }
}

#[test]
fn broken_files_are_refused_without_quoting_them() {
    for (text, section, message) in [
        (FILE, "rsa", "profile rsa of c.ini is of type rsa_key_pair"),
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
        let error = looked(text, section).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

proptest! {
    #[test]
    fn any_file_holds_a_whole_key_or_none(
        lines in prop::collection::vec(
            "\\[ ?(a|b)? ?\\]?|(type|access_key_id|Access_Key_Secret|security_token) ?[=:]? ?(sts|access_key|ecs_ram_role|.{0,6})|.{0,8}",
            0..8,
        ),
    ) {
        match looked(&lines.join("\n"), "a") {
            Ok(ChainStep::Found(Provider { kind: ProviderKind::Key(found), .. })) => {
                prop_assert!(!found.access_key_id.is_empty());
                prop_assert!(!found.access_key_secret.expose_secret().is_empty());
                prop_assert!(found.masked_id().contains("***"));
            }
            Ok(ChainStep::Found(other)) => prop_assert!(other.name.contains("c.ini")),
            Ok(ChainStep::Nothing(why)) => prop_assert!(why.starts_with("c.ini: no profile a")),
            Err(error) => prop_assert!(error.to_string().contains("c.ini")),
        }
    }
}

fn looked(text: &str, section: &str) -> Result<ChainStep, CredentialsError> {
    parse(text, "c.ini", section, &RoleDefaults::default())
}

const ROLES: &str = "[role]\ntype=ram_role_arn\naccess_key_id=id\naccess_key_secret=s3cret\nrole_arn=acs:ram::1:role/a\n\
    role_session_name=night\npolicy={}\n[oidc]\ntype=oidc_role_arn\nrole_arn=acs:ram::1:role/a\n\
    oidc_provider_arn=acs:ram::1:oidc-provider/k\noidc_token_file_path=/t\n[ecs]\ntype=ecs_ram_role\nrole_name=worker\n\
    [any]\ntype=ecs_ram_role\n[bare]\ntype=ram_role_arn\naccess_key_id=id\naccess_key_secret=s3cret\n";

#[test]
fn every_type_is_a_recipe() {
    let provider_kind = |section| match looked(ROLES, section) {
        Ok(ChainStep::Found(provider)) => provider.kind,
        other => panic!("{section}: {other:?}"),
    };
    assert!(
        matches!(provider_kind("role"), ProviderKind::Role(role) if role.role.arn == "acs:ram::1:role/a"
        && role.role.session == "night" && role.role.policy.as_deref() == Some("{}"))
    );
    assert!(
        matches!(provider_kind("oidc"), ProviderKind::Oidc(oidc) if oidc.provider_arn == "acs:ram::1:oidc-provider/k"
        && oidc.token_file.to_str() == Some("/t") && oidc.role.session == "ons-audit")
    );
    assert!(
        matches!(provider_kind("ecs"), ProviderKind::Ecs(role) if role.name.as_deref() == Some("worker"))
    );
    assert!(matches!(provider_kind("any"), ProviderKind::Ecs(role) if role.name.is_none()));
    let error = looked(ROLES, "bare").unwrap_err().to_string();
    assert!(
        error.contains("profile bare of c.ini has no role_arn"),
        "{error}"
    );
    let off = RoleDefaults {
        disabled: Disabled {
            ecs: true,
            ..Disabled::default()
        },
        ..RoleDefaults::default()
    };
    let error = parse(ROLES, "c.ini", "ecs", &off).unwrap_err().to_string();
    assert!(
        error.contains("ALIBABA_CLOUD_ECS_METADATA_DISABLED"),
        "{error}"
    );
}
