//! Credentials files: a key that is found is whole, and no word about it tells the secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ons_audit::exit::Advice;
use ons_audit::source::ons::credentials::{
    Allowed, ChainStep, Credentials, CredentialsError, Provider, ProviderKind, RoleDefaults,
    cli_config, ini,
};
use secrecy::ExposeSecret;

fuzz_target!(|text: &str| {
    let around = RoleDefaults {
        allow: Allowed {
            external: true,
            http: true,
        },
        ..RoleDefaults::default()
    };
    for profile in [None, Some("default"), Some("prod")] {
        check(cli_config::parse(text, "c.json", profile, &around));
    }
    for section in ["default", "prod"] {
        check(ini::parse(text, "c.ini", section, &around));
    }
});

fn check(looked: Result<ChainStep, CredentialsError>) {
    match looked {
        Ok(ChainStep::Found(Provider {
            kind: ProviderKind::Key(found),
            ..
        })) => check_key(&found),
        Ok(ChainStep::Found(provider)) => assert!(!provider.name.is_empty()),
        Ok(ChainStep::Nothing(why)) => assert!(!why.is_empty()),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
        }
    }
}

fn check_key(found: &Credentials) {
    let token = found
        .security_token
        .as_ref()
        .map(ExposeSecret::expose_secret);
    for part in [
        &*found.access_key_id,
        found.access_key_secret.expose_secret(),
    ]
    .into_iter()
    .chain(token)
    {
        assert!(!part.is_empty());
        assert_eq!(part, part.trim());
    }
    // With another secret it would say the same: it says nothing of this one.
    let other = Credentials {
        access_key_secret: "another".into(),
        security_token: token.map(|_| "another".into()),
        ..found.clone()
    };
    assert_eq!(format!("{found:?}"), format!("{other:?}"));
    let masked = found.masked_id();
    assert!(
        masked.chars().count() <= 9 && masked.contains("***"),
        "{masked}"
    );
}
