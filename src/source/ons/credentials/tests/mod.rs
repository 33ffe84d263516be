//! The chain over files and small servers.

mod chain_calls;
mod cli_config;
mod ini;
mod near;
mod server;
mod shared;
mod sts;
mod trials;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::chain::{KEY_ID, KEY_SECRET, TOKEN};
use super::*;
use crate::exit::Advice as _;

/// A temporary home directory with files.
struct Home(tempfile::TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::io::Write::write_all(
                &mut std::fs::File::create_new(&path).unwrap(),
                text.as_bytes(),
            )
            .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self(home)
    }

    fn candidates(
        &self,
        env: &[(&str, &str)],
        profile: Option<&str>,
    ) -> Result<Candidates, CredentialsError> {
        candidates(Some(self.0.path()), env, profile)
    }

    /// Returns the key that needs no call.
    fn find(
        &self,
        env: &[(&str, &str)],
        profile: Option<&str>,
    ) -> Result<Credentials, CredentialsError> {
        let candidates = self.candidates(env, profile)?;
        Ok(candidates.ready().unwrap().clone())
    }

    /// Returns the error of a search that makes no calls.
    fn end(&self, env: &[(&str, &str)], profile: Option<&str>) -> CredentialsError {
        let no_calls = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        let env: Vec<_> = env.iter().copied().chain([no_calls]).collect();
        let candidates = self.candidates(&env, profile).unwrap();
        let fetcher = Fetcher::new(super::super::Network::default(), crate::clock::system);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(candidates.first(&fetcher)).unwrap_err()
    }
}

fn candidates(
    home: Option<&Path>,
    env: &[(&str, &str)],
    profile: Option<&str>,
) -> Result<Candidates, CredentialsError> {
    ProviderChain {
        env: &|name| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        },
        home,
        profile,
        allow: Allowed::default(),
    }
    .candidates()
}

const ENV: [(&str, &str); 2] = [(KEY_ID, "id-env"), (KEY_SECRET, "s3cret\n")];
const CLI: (&str, &str) = (
    ".aliyun/config.json",
    r#"{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"id-cli-a","access_key_secret":"s3cret"},
        {"name":"b","mode":"AK","access_key_id":"id-cli-b","access_key_secret":"s3cret"}]}"#,
);
const INI: (&str, &str) = (
    ".alibabacloud/credentials.ini",
    "[default]\naccess_key_id=id-ini\naccess_key_secret=s3cret\n[c]\naccess_key_id=id-ini-c\naccess_key_secret=s3cret\n",
);
const BARE: (&str, &str) = (
    ".alibabacloud/credentials",
    "[default]\naccess_key_id=id-bare\naccess_key_secret=s3cret\n[d]\naccess_key_id=id-bare-d\naccess_key_secret=s3cret\n",
);

#[test]
fn the_chain_has_its_order() {
    let all = Home::with(&[CLI, INI, BARE]);
    let inis = Home::with(&[INI, BARE]);
    let no_cli = [("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "TRUE")];
    for (home, env, profile, id) in [
        (&all, &ENV[..], None, "id-env"),
        (&all, &ENV[..], Some("b"), "id-cli-b"),
        (&all, &[][..], None, "id-cli-a"),
        (&all, &[("ALIBABA_CLOUD_PROFILE", "b")], None, "id-cli-b"),
        (
            &all,
            &[("ALIBABA_CLOUD_PROFILE", "c")],
            Some("b"),
            "id-cli-b",
        ),
        (&all, &[("ALIBABA_CLOUD_PROFILE", "c")], None, "id-ini-c"),
        // The official SDKs do not read the CLI's other names of the variable.
        (&all, &[("ALIBABACLOUD_PROFILE", "b")], None, "id-cli-a"),
        (&all, &[], Some("d"), "id-bare-d"),
        (&all, &no_cli, None, "id-ini"),
        (&all, &[(KEY_ID, ""), (KEY_SECRET, " ")], None, "id-cli-a"),
        (&all, &[(KEY_ID, "half")], Some("b"), "id-cli-b"),
        (&inis, &[], None, "id-ini"),
        (&Home::with(&[BARE]), &[], None, "id-bare"),
    ] {
        let found = home.find(env, profile).unwrap();
        assert_eq!(found.access_key_id, id, "{env:?} {profile:?}");
    }
}

#[test]
fn the_credentials_file_can_be_named() {
    let home = Home::with(&[INI, ("elsewhere", BARE.1)]);
    let elsewhere = home.0.path().join("elsewhere");
    let env = [(
        "ALIBABA_CLOUD_CREDENTIALS_FILE",
        elsewhere.to_str().unwrap(),
    )];
    assert_eq!(home.find(&env, None).unwrap().access_key_id, "id-bare");
}

#[test]
fn a_temporary_key_brings_its_token() {
    let env = [ENV[0], ENV[1], (TOKEN, "t0ken")];
    let found = Home::with(&[]).find(&env, None).unwrap();
    assert_eq!(found.provider, "environment");
    assert!(found.security_token.is_some());
}

#[test]
fn the_end_of_the_chain_lists_every_place() {
    let error = Home::with(&[CLI]).end(&ENV, Some("x"));
    assert_eq!(
        error.to_string(),
        "no credentials of profile x; looked at:\
         \n  - environment: not asked, a profile was given\
         \n  - OIDC: not asked, a profile was given\
         \n  - ~/.aliyun/config.json: no profile x (it has a, b)\
         \n  - ~/.alibabacloud/credentials.ini: no such file; ~/.alibabacloud/credentials: no such file"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("aliyun configure --profile x")
    );

    let error = Home::with(&[]).end(&[("ALIBABA_CLOUD_ROLE_ARN", "r")], None);
    for says in [
        "ALIBABA_CLOUD_ACCESS_KEY_ID is not set",
        "OIDC: ALIBABA_CLOUD_OIDC_TOKEN_FILE, ALIBABA_CLOUD_OIDC_PROVIDER_ARN not set",
        "ECS role: switched off by ALIBABA_CLOUD_ECS_METADATA_DISABLED",
        "ALIBABA_CLOUD_CREDENTIALS_URI is not set",
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(
        error
            .hint()
            .unwrap()
            .contains("ALIBABA_CLOUD_ACCESS_KEY_SECRET")
    );
}

const URI: (&str, &str) = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:9/");

#[track_caller]
fn leads_nowhere(home: &Home, env: &[(&str, &str)], says: &str) {
    let error = home.candidates(env, None).unwrap_err();
    assert!(error.to_string().contains(says), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
    let hint = error.hint().unwrap();
    assert!(hint.contains(&format!("unset {}:", env[0].0)), "{hint}");
}

/// The files searched later contain the key of another account.
#[test]
fn variables_that_are_not_complete_end_the_search() {
    const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
    const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
    const ROLE: &str = "ALIBABA_CLOUD_ROLE_ARN";
    let files = Home::with(&[CLI, INI]);
    let no_provider = format!("{TOKEN_FILE} is set and gives no key: {PROVIDER} not set");
    let provider_alone =
        format!("{PROVIDER} is set and gives no key: {TOKEN_FILE}, {ROLE} not set");
    let no_secret = format!("{KEY_ID} is set and gives no key: {KEY_SECRET} is not set");
    let no_id = format!("{KEY_SECRET} is set and gives no key: {KEY_ID} is not set");
    for (env, says) in [
        (&[(KEY_ID, "id")][..], &no_secret),
        (&[(KEY_ID, "id"), (KEY_SECRET, " ")], &no_secret),
        (&[(KEY_SECRET, "s3cret")], &no_id),
        (&[(TOKEN_FILE, "/t"), (ROLE, "r")], &no_provider),
        (&[(PROVIDER, "p")], &provider_alone),
    ] {
        leads_nowhere(&files, env, says);
    }
    // A role variable alone may belong to the key of another step.
    let found = files.find(&[(ROLE, "r")], None).unwrap();
    assert_eq!(found.access_key_id, "id-cli-a");
}

/// The credentials URI searched later might return the key of another account.
#[test]
fn a_named_file_or_profile_that_is_missing_ends_the_search() {
    const FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
    const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
    let (files, none) = (Home::with(&[CLI, INI]), Home::with(&[]));
    let prod = Home::with(&[("prod", "[prod]\naccess_key_id=a\naccess_key_secret=b\n")]);
    let prod_file = prod.0.path().join("prod");
    leads_nowhere(
        &files,
        &[(PROFILE, "typo"), URI],
        "ALIBABA_CLOUD_PROFILE is set and gives no key:\n  - ~/.aliyun/config.json: no profile typo (it has a, b)\
         \n  - ~/.alibabacloud/credentials.ini: no profile typo",
    );
    leads_nowhere(
        &none,
        &[(PROFILE, "typo"), URI],
        "~/.aliyun/config.json: no such file\n  - ~/.alibabacloud/credentials.ini: no such file",
    );
    leads_nowhere(
        &none,
        &[(FILE, "/nowhere/keys.ini"), URI],
        "ALIBABA_CLOUD_CREDENTIALS_FILE is set and gives no key: /nowhere/keys.ini: no such file",
    );
    leads_nowhere(
        &none,
        &[(FILE, prod_file.to_str().unwrap()), URI],
        "no profile default (it has prod)",
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let home = Home::with(&[(".aliyun/config.json/inside", "")]);
    let error = home.candidates(&[], None).unwrap_err();
    assert_eq!(error.to_string(), "can't read ~/.aliyun/config.json");
}

#[test]
fn debug_shows_no_key() {
    let credentials = Credentials {
        provider: "environment".into(),
        access_key_id: "LTAI5tABCDEFGHxyz".into(),
        access_key_secret: "s3cret".into(),
        security_token: Some("t0ken".into()),
    };
    let shown = format!("{credentials:?}");
    assert!(shown.contains("LTA***xyz"), "{shown}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken") && !shown.contains("ABC"));
    let short = Credentials {
        access_key_id: "testid".into(),
        ..credentials
    };
    assert_eq!(short.masked_id(), "***");
}
