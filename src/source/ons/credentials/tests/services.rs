//! What each service is asked, and what becomes of what it answers.

use std::path::PathBuf;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::recipe::{AssumedRole, EcsRole, KeyUri, OidcRole, Role};
use super::super::*;
use super::server::{Asked, Server, pairs};
use crate::source::ons::Network;
use crate::source::ons::percent::canonical_query;
use crate::source::ons::sign_v3::{self, Signed};

fn now() -> Timestamp {
    "2026-08-01T12:00:00.7Z".parse().unwrap()
}

pub(super) fn fetcher() -> Fetcher {
    Fetcher::new(Network::default(), now)
}

fn role(sts: &Server) -> Role {
    Role {
        arn: "acs:ram::1:role/a b+c".into(),
        session: "ons-audit".into(),
        policy: None,
        seconds: 3600,
        sts: sts.url.clone(),
    }
}

fn base(token: Option<&str>) -> Recipe {
    Recipe::Key(Credentials {
        provider: "p".into(),
        access_key_id: "LTAI5tBaseKey".into(),
        access_key_secret: "s3cret".into(),
        security_token: token.map(Into::into),
    })
}

fn provider(recipe: Recipe) -> Provider {
    Provider {
        name: "p".into(),
        recipe,
    }
}

/// What STS says of a role's key.
fn given(id: &str) -> String {
    json!({"RequestId": "r", "AssumedRoleUser": {}, "Credentials": {
        "AccessKeyId": id, "AccessKeySecret": "r0le-secret", "SecurityToken": "r0le-token",
        "Expiration": "2026-08-01T13:00:00Z"}})
    .to_string()
}

/// What the metadata service and key addresses say.
pub(super) fn handed(id: &str) -> String {
    json!({"Code": "Success", "AccessKeyId": id, "AccessKeySecret": "r0le-secret", "SecurityToken": "r0le-token",
        "Expiration": "2026-08-01T13:00:00Z", "LastUpdated": "2026-08-01T07:00:00Z"})
    .to_string()
}

#[track_caller]
fn is_the_roles(issued: &Issued, id: &str) {
    let key = &issued.credentials;
    assert_eq!((&*key.access_key_id, &*key.provider), (id, "p"));
    assert_eq!(key.access_key_secret.expose_secret(), "r0le-secret");
    assert_eq!(
        key.security_token.as_ref().unwrap().expose_secret(),
        "r0le-token"
    );
    assert_eq!(
        issued.expires,
        Some("2026-08-01T13:00:00Z".parse().unwrap())
    );
}

/// The signature of a request, computed again.
#[track_caller]
fn check_signature(asked: &Asked, id: &str, secret: &str) {
    let authorization = asked.header("authorization").unwrap();
    let names = authorization.split("SignedHeaders=").nth(1).unwrap();
    let names = names.split(',').next().unwrap();
    let signed: Vec<_> = names
        .split(';')
        .map(|name| (name, asked.header(name).unwrap()))
        .collect();
    assert!(signed.is_sorted());
    let again = Signed {
        method: &asked.method,
        uri: &asked.path,
        query: &canonical_query(&asked.query),
        headers: &signed,
        payload_sha256: asked.header("x-acs-content-sha256").unwrap(),
    };
    assert_eq!(
        authorization,
        again.authorization(id, &sign_v3::Key::new(secret))
    );
}

fn parameters(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    pairs.sort_unstable();
    pairs
}

#[tokio::test]
async fn a_role_is_assumed_with_a_signature() {
    for token in [None, Some("CAIS+base/token==")] {
        let sts = Server::answering(|_| (200, given("STS.role")));
        let assumed = AssumedRole {
            base: base(token),
            role: Role {
                policy: Some("{\"a\": 1}".into()),
                ..role(&sts)
            },
            external_id: Some("partner".into()),
        };
        let issued = fetcher()
            .fetch(&provider(Recipe::Role(Box::new(assumed))))
            .await
            .unwrap();
        is_the_roles(&issued, "STS.role");
        let [asked] = &*sts.asked() else { panic!() };
        assert_eq!((asked.line(), &*asked.body), ("POST /".into(), ""));
        assert_eq!(
            parameters(&asked.query),
            [
                ("DurationSeconds", "3600"),
                ("ExternalId", "partner"),
                ("Policy", "{\"a\": 1}"),
                ("RoleArn", "acs:ram::1:role/a b+c"),
                ("RoleSessionName", "ons-audit"),
            ]
        );
        assert_eq!(asked.header("x-acs-action"), Some("AssumeRole"));
        assert_eq!(asked.header("x-acs-version"), Some("2015-04-01"));
        assert_eq!(asked.header("x-acs-date"), Some("2026-08-01T12:00:00Z"));
        assert_eq!(asked.header("accept"), Some("application/json"));
        assert_eq!(asked.header("x-acs-security-token"), token);
        check_signature(asked, "LTAI5tBaseKey", "s3cret");
    }
}

#[tokio::test]
async fn a_role_assumes_a_role() {
    let sts = Server::answering(|asked| {
        let is_first = asked.header("x-acs-security-token").is_none();
        (
            200,
            given(if is_first { "STS.first" } else { "STS.second" }),
        )
    });
    let first = AssumedRole {
        base: base(None),
        role: role(&sts),
        external_id: None,
    };
    let second = AssumedRole {
        base: Recipe::Role(Box::new(first)),
        role: Role {
            arn: "acs:ram::2:role/b".into(),
            ..role(&sts)
        },
        external_id: None,
    };
    let issued = fetcher()
        .fetch(&provider(Recipe::Role(Box::new(second))))
        .await
        .unwrap();
    is_the_roles(&issued, "STS.second");
    let asked = sts.asked();
    check_signature(&asked[0], "LTAI5tBaseKey", "s3cret");
    check_signature(&asked[1], "STS.first", "r0le-secret");
    assert_eq!(asked[1].header("x-acs-security-token"), Some("r0le-token"));
    let nonces: Vec<_> = asked
        .iter()
        .map(|asked| asked.header("x-acs-signature-nonce"))
        .collect();
    assert_ne!(nonces[0], nonces[1]);
}

fn identity(sts: &Server, file: PathBuf) -> Provider {
    provider(Recipe::Oidc(OidcRole {
        role: role(sts),
        provider_arn: "acs:ram::1:oidc-provider/k".into(),
        token_file: file,
    }))
}

#[tokio::test]
async fn an_identity_token_is_read_anew_and_never_signed() {
    let home = super::Home::with(&[("token", "eyJ.first.x\n")]);
    let file = home.0.path().join("token");
    let sts = Server::answering(|_| (200, given("STS.role")));
    let (fetcher, provider) = (fetcher(), identity(&sts, file.clone()));
    is_the_roles(&fetcher.fetch(&provider).await.unwrap(), "STS.role");
    let mut replaced = std::fs::File::options().write(true).open(&file).unwrap();
    std::io::Write::write_all(&mut replaced, b"eyJ.other.y").unwrap();
    fetcher.fetch(&provider).await.unwrap();
    for (asked, token) in sts.asked().iter().zip(["eyJ.first.x", "eyJ.other.y"]) {
        assert_eq!(asked.line(), "POST /");
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(
            asked.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let query = parameters(&asked.query);
        assert_eq!(query[0], ("Action", "AssumeRoleWithOIDC"));
        assert_eq!(query[1], ("Format", "JSON"));
        assert!(query[2].0 == "SignatureNonce" && query[2].1.len() == 32);
        assert_eq!(
            query[3..],
            [
                ("Timestamp", "2026-08-01T12:00:00Z"),
                ("Version", "2015-04-01")
            ]
        );
        assert_eq!(
            parameters(&pairs(&asked.body)),
            [
                ("DurationSeconds", "3600"),
                ("OIDCProviderArn", "acs:ram::1:oidc-provider/k"),
                ("OIDCToken", token),
                ("RoleArn", "acs:ram::1:role/a b+c"),
                ("RoleSessionName", "ons-audit"),
            ]
        );
    }
    assert_eq!(sts.asked().len(), 2);
}

#[tokio::test]
async fn what_sts_refuses_is_told_with_a_hint_and_no_secret() {
    for (status, body, says, hint) in [
        (
            403,
            r#"{"Code":"NoPermission","Message":"LTAI5tBaseKey may not"}"#,
            "NoPermission: *** may not",
            "sts:AssumeRole",
        ),
        (
            404,
            r#"{"Code":"EntityNotExist.Role","Message":"m"}"#,
            "EntityNotExist.Role: m",
            "role's ARN",
        ),
        (
            400,
            r#"{"Code":"SignatureDoesNotMatch","Message":"s3cret LTAI5tBaseKey"}"#,
            "another signature",
            "secret",
        ),
        (
            400,
            r#"{"Code":"InvalidTimeStamp.Expired","Message":"m"}"#,
            "InvalidTimeStamp.Expired",
            "clock",
        ),
        (400, "<html>s3cret", "HTTP 400", ""),
        (200, "{}", "no Credentials in the answer", ""),
    ] {
        let sts = Server::answering(move |_| (status, body.to_owned()));
        let assumed = AssumedRole {
            base: base(None),
            role: role(&sts),
            external_id: None,
        };
        let error = fetcher()
            .fetch(&provider(Recipe::Role(Box::new(assumed))))
            .await
            .unwrap_err();
        assert!(
            error.what.contains(says) && error.what.starts_with("STS at 127.0.0.1:"),
            "{error}"
        );
        assert!(
            error.hint.clone().unwrap_or_default().contains(hint),
            "{error:?}"
        );
        let shown = format!("{error:?}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("LTAI5t"),
            "{shown}"
        );
        assert_eq!(
            sts.asked().len(),
            1,
            "what is refused for good is asked once: {says}"
        );
    }
}

#[tokio::test]
async fn a_missing_or_empty_identity_token_makes_no_call() {
    let home = super::Home::with(&[("empty", " \n")]);
    let sts = Server::answering(|_| (200, given("STS.role")));
    for (name, says) in [
        ("missing", "can't read the identity token in"),
        ("empty", "is empty"),
    ] {
        let provider = identity(&sts, home.0.path().join(name));
        let error = fetcher().probe(&provider).await.unwrap_err();
        assert!(error.what.contains(says), "{error}");
    }
    assert!(sts.asked().is_empty());
}

fn metadata(asked: &Asked, token: Option<u16>, v2_only: bool) -> (u16, String) {
    let shown = asked.header("x-aliyun-ecs-metadata-token") == Some("t0ken");
    match (&*asked.path, token) {
        ("/latest/api/token", Some(200)) => (200, "t0ken\n".into()),
        ("/latest/api/token", status) => (status.unwrap_or(404), "s3cret".into()),
        _ if v2_only && !shown => (403, String::new()),
        ("/latest/meta-data/ram/security-credentials/", _) => (200, "worker\n".into()),
        ("/latest/meta-data/ram/security-credentials/worker", _) => (200, handed("STS.worker")),
        _ => (404, String::new()),
    }
}

fn instance(name: Option<&str>, allow_v1: bool) -> Provider {
    provider(Recipe::Ecs(EcsRole {
        name: name.map(Into::into),
        allow_v1,
    }))
}

#[tokio::test]
async fn the_metadata_service_is_asked_with_a_token() {
    let service = Server::answering(|asked| metadata(asked, Some(200), true));
    let fetcher = fetcher().with_metadata(service.url.clone());
    is_the_roles(
        &fetcher.fetch(&instance(None, false)).await.unwrap(),
        "STS.worker",
    );
    let asked = service.asked();
    let lines: Vec<_> = asked.iter().map(Asked::line).collect();
    assert_eq!(
        lines,
        [
            "PUT /latest/api/token",
            "GET /latest/meta-data/ram/security-credentials/",
            "GET /latest/meta-data/ram/security-credentials/worker",
        ]
    );
    assert_eq!(
        asked[0].header("x-aliyun-ecs-metadata-token-ttl-seconds"),
        Some("21600")
    );
    assert!(asked[0].body.is_empty());
    for asked in &asked[1..] {
        assert_eq!(asked.header("x-aliyun-ecs-metadata-token"), Some("t0ken"));
    }
    fetcher
        .fetch(&instance(Some("worker"), false))
        .await
        .unwrap();
    assert_eq!(
        service.asked().len(),
        5,
        "a role that is named is not asked for"
    );
}

#[tokio::test]
async fn version_1_is_asked_only_where_it_is_allowed() {
    for (token, allow_v1, fits) in [
        (Some(404), true, true),
        (Some(403), true, true),
        (None, false, false),
        (Some(403), false, false),
    ] {
        let service = Server::answering(move |asked| metadata(asked, token, false));
        let fetcher = fetcher().with_metadata(service.url.clone());
        let fetched = fetcher.probe(&instance(Some("worker"), allow_v1)).await;
        assert_eq!(fetched.is_ok(), fits, "{fetched:?}");
        let asked = service.asked();
        assert_eq!(asked.len(), if fits { 2 } else { 1 });
        assert!(
            asked
                .iter()
                .all(|asked| asked.header("x-aliyun-ecs-metadata-token").is_none())
        );
        if let Err(error) = fetched {
            assert!(!error.what.contains("s3cret"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_machine_without_role_or_service_says_so() {
    let service = Server::answering(|asked| metadata(asked, Some(200), true));
    let with = fetcher().with_metadata(service.url.clone());
    let error = with
        .probe(&instance(Some("other"), true))
        .await
        .unwrap_err();
    assert!(error.what.contains("no such RAM role"), "{error}");
    let error = with.probe(&instance(Some("../x"), true)).await.unwrap_err();
    assert!(error.what.contains("no name of a role"), "{error}");

    let gone = service.url.clone();
    drop(service);
    let error = fetcher()
        .with_metadata(gone)
        .probe(&instance(None, true))
        .await
        .unwrap_err();
    assert!(
        error.what.contains("metadata service: can't connect"),
        "{error}"
    );
}

#[tokio::test]
async fn an_address_gives_keys() {
    let server = Server::answering(|_| (200, handed("STS.uri")));
    let uri = KeyUri(server.url.join("key?of=me").unwrap());
    let issued = fetcher().fetch(&provider(Recipe::Uri(uri))).await.unwrap();
    is_the_roles(&issued, "STS.uri");
    let [asked] = &*server.asked() else { panic!() };
    assert_eq!(
        (asked.line(), parameters(&asked.query)),
        ("GET /key".into(), vec![("of", "me")])
    );
    for (status, body, says) in [
        (
            200,
            handed("x").replace("Success", "Failed"),
            "Code is Failed",
        ),
        (
            200,
            handed("x").replace("13:00", "12:00"),
            "the key that was given ended at",
        ),
        (403, "s3cret".into(), "HTTP 403"),
        (302, String::new(), "HTTP 302"),
    ] {
        let server = Server::answering(move |_| (status, body.clone()));
        let uri = KeyUri(server.url.join("/s3cret").unwrap());
        let error = fetcher()
            .fetch(&provider(Recipe::Uri(uri)))
            .await
            .unwrap_err();
        assert!(error.what.contains(says), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::answering(move |_| {
        match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => (503, String::new()),
            _ => (200, handed("STS.uri")),
        }
    });
    let uri = KeyUri(server.url.clone());
    is_the_roles(
        &fetcher().fetch(&provider(Recipe::Uri(uri))).await.unwrap(),
        "STS.uri",
    );
    assert_eq!(server.asked().len(), 2);
}
