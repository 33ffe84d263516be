//! Requests to STS, and how responses are handled.

use std::path::PathBuf;

use serde_json::json;

use super::super::*;
use super::super::{AssumedRole, OidcRole, RamRole};
use super::server::{Asked, Server, pairs};
use super::shared::{fetcher, fetcher_behind, is_the_roles, parameters, provider};
use crate::source::ons::percent::canonical_query;
use crate::source::ons::sign_v3::{self, Signed};

fn role(sts: &Server) -> RamRole {
    RamRole {
        arn: "acs:ram::1:role/a b+c".into(),
        session: "ons-audit".into(),
        policy: None,
        seconds: 3600,
        sts: sts.url.clone(),
    }
}

fn base(token: Option<&str>) -> ProviderKind {
    ProviderKind::Key(Credentials {
        provider: "p".into(),
        access_key_id: "LTAI5tBaseKey".into(),
        access_key_secret: "s3cret".into(),
        security_token: token.map(Into::into),
    })
}

/// An STS response with a key.
fn given(id: &str) -> String {
    json!({"RequestId": "r", "AssumedRoleUser": {}, "Credentials": {
        "AccessKeyId": id, "AccessKeySecret": "r0le-secret", "SecurityToken": "r0le-token",
        "Expiration": "2026-08-01T13:00:00Z"}})
    .to_string()
}

/// Recomputes and checks the signature of a request.
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
        again.authorization(id, &sign_v3::V3SigningKey::new(secret))
    );
}

#[tokio::test]
async fn a_role_is_assumed_with_a_signature() {
    for token in [None, Some("CAIS+base/token==")] {
        let sts = Server::answering(|_| (200, given("STS.role")));
        let assumed = AssumedRole {
            base: base(token),
            role: RamRole {
                policy: Some("{\"a\": 1}".into()),
                ..role(&sts)
            },
            external_id: Some("partner".into()),
        };
        let issued = fetcher()
            .fetch(&provider(ProviderKind::Role(Box::new(assumed))))
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
        assert_eq!(asked.header("content-length"), Some("0"));
        assert_eq!(asked.header("x-acs-security-token"), token);
        check_signature(asked, "LTAI5tBaseKey", "s3cret");
    }
}

/// A role assumed by a role that the key assumes.
fn assumed_by(first: RamRole, second: RamRole) -> ProviderKind {
    [first, second].into_iter().fold(base(None), |base, role| {
        ProviderKind::Role(Box::new(AssumedRole {
            base,
            role,
            external_id: None,
        }))
    })
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
    let second = assumed_by(
        role(&sts),
        RamRole {
            arn: "acs:ram::2:role/b".into(),
            ..role(&sts)
        },
    );
    let issued = fetcher().fetch(&provider(second)).await.unwrap();
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

/// The first STS is local and reached without a proxy, the second is not.
#[tokio::test]
async fn each_sts_is_reached_on_its_own_way() {
    let sts = Server::answering(|_| (200, given("STS.first")));
    let proxy = Server::answering(|_| (200, given("STS.second")));
    let second = assumed_by(
        role(&sts),
        RamRole {
            sts: "http://sts.example.test/".parse().unwrap(),
            ..role(&sts)
        },
    );
    let issued = fetcher_behind(&proxy.url)
        .probe(&provider(second))
        .await
        .unwrap();
    is_the_roles(&issued, "STS.second");
    let [asked] = &*proxy.asked() else { panic!() };
    assert_eq!(asked.header("host"), Some("sts.example.test"));
    assert_eq!(sts.asked().len(), 1);
}

fn identity(sts: &Server, file: PathBuf) -> Provider {
    provider(ProviderKind::Oidc(Box::new(OidcRole {
        role: role(sts),
        provider_arn: "acs:ram::1:oidc-provider/k".into(),
        token_file: file,
    })))
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

/// Status and body of a response; expected message and hint.
const REFUSALS: [(u16, &str, &str, &str); 8] = [
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
    (
        400,
        r#"{"Code":"IncompleteSignature","Message":"no header for LTAI5tBaseKey"}"#,
        "IncompleteSignature: no header for ***",
        "secret",
    ),
    (
        400,
        r#"{"Code":"InvalidParameter.DurationSeconds","Message":"m"}"#,
        "InvalidParameter.DurationSeconds: m",
        "expired_seconds",
    ),
    (400, "<html>s3cret", "HTTP 400", ""),
    (200, "{}", "no Credentials in the answer", ""),
];

#[tokio::test]
async fn what_sts_refuses_is_told_with_a_hint_and_no_secret() {
    for (status, body, says, hint) in REFUSALS {
        let sts = Server::answering(move |_| (status, body.to_owned()));
        let assumed = AssumedRole {
            base: base(None),
            role: role(&sts),
            external_id: None,
        };
        let error = fetcher()
            .fetch(&provider(ProviderKind::Role(Box::new(assumed))))
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
