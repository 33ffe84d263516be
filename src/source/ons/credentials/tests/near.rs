//! Requests to the metadata service and to credentials URIs, and how responses are handled.

use super::super::*;
use super::super::{EcsRole, KeyUri};
use super::server::{Asked, Server};
use super::shared::{fetcher, handed, is_the_roles, parameters, provider};

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
    provider(ProviderKind::Ecs(EcsRole {
        name: name.map(Into::into),
        allow_v1,
    }))
}

#[tokio::test]
async fn the_metadata_service_is_asked_with_a_token() {
    let service = Server::answering(|asked| metadata(asked, Some(200), true));
    let fetcher = fetcher().with_metadata(&service.url);
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
        let fetcher = fetcher().with_metadata(&service.url);
        let answer = fetcher.probe(&instance(Some("worker"), allow_v1)).await;
        assert_eq!(answer.is_ok(), fits, "{answer:?}");
        let asked = service.asked();
        assert_eq!(asked.len(), if fits { 2 } else { 1 });
        assert!(
            asked
                .iter()
                .all(|asked| asked.header("x-aliyun-ecs-metadata-token").is_none())
        );
        if let Err(error) = answer {
            assert!(!error.what.contains("s3cret"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_machine_without_role_or_service_says_so() {
    let service = Server::answering(|asked| metadata(asked, Some(200), true));
    let with = fetcher().with_metadata(&service.url);
    let error = with
        .probe(&instance(Some("other"), true))
        .await
        .unwrap_err();
    assert!(error.what.contains("no such RAM role"), "{error}");
    let error = with.probe(&instance(Some("../x"), true)).await.unwrap_err();
    assert!(error.what.contains("not the name of a role"), "{error}");

    let gone = service.url.clone();
    drop(service);
    let error = fetcher()
        .with_metadata(&gone)
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
    let issued = fetcher()
        .fetch(&provider(ProviderKind::Uri(uri)))
        .await
        .unwrap();
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
            "the key that was given expired at",
        ),
        (403, "s3cret".into(), "HTTP 403"),
        (302, String::new(), "HTTP 302"),
    ] {
        let server = Server::answering(move |_| (status, body.clone()));
        let uri = KeyUri(server.url.join("/s3cret").unwrap());
        let error = fetcher()
            .fetch(&provider(ProviderKind::Uri(uri)))
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
        &fetcher()
            .fetch(&provider(ProviderKind::Uri(uri)))
            .await
            .unwrap(),
        "STS.uri",
    );
    assert_eq!(server.asked().len(), 2);
}
