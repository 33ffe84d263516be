//! The providers of the chain that need a call.

use super::server::Server;
use super::shared::{fetcher, handed};
use super::*;

fn settled(home: &Home, env: &[(&str, &str)], profile: Option<&str>) -> Candidates {
    home.candidates(env, profile).unwrap()
}

const OIDC: [(&str, &str); 3] = [
    ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/nowhere/token"),
    ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/a"),
    (
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
        "acs:ram::1:oidc-provider/k",
    ),
];

#[tokio::test]
async fn a_key_of_the_environment_comes_before_a_pods_identity() {
    let env: Vec<_> = ENV.into_iter().chain(OIDC).collect();
    assert!(settled(&Home::with(&[CLI]), &env, None).ready().is_some());
}

#[tokio::test]
async fn a_pods_identity_comes_before_files_and_is_not_passed_over() {
    let home = Home::with(&[CLI]);
    let error = settled(&home, &OIDC, None)
        .first(&fetcher())
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("no key from OIDC role of the environment: can't read the identity token"),
        "{said}"
    );
    assert!(
        said.ends_with("before it: environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set"),
        "{said}"
    );
    assert!(error.hint().unwrap().contains("RRSA"));
    // A profile that was given is searched for in files only.
    assert_eq!(
        home.find(&OIDC, Some("b")).unwrap().access_key_id,
        "id-cli-b"
    );
    let region = [
        OIDC[0],
        OIDC[1],
        OIDC[2],
        ("ALIBABA_CLOUD_STS_REGION", "evil.example/"),
    ];
    let error = home.candidates(&region, None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("ALIBABA_CLOUD_STS_REGION: the STS region is not a region")
    );
}

/// Metadata service and credentials URI are both configured.
#[tokio::test]
async fn the_metadata_service_comes_before_the_address() {
    let address = Server::answering(|_| (200, handed("STS.uri")));
    let service = Server::answering(|asked| match &*asked.path {
        "/latest/api/token" => (404, String::new()),
        _ => (200, handed("STS.worker")),
    });
    let nobody = Server::answering(|_| (404, String::new()));
    let env = [
        ("ALIBABA_CLOUD_CREDENTIALS_URI", address.url.as_str()),
        ("ALIBABA_CLOUD_ECS_METADATA", "worker"),
    ];
    let home = Home::with(&[]);
    for (metadata, id, name) in [
        (&service, "STS.worker", "ECS role"),
        (&nobody, "STS.uri", "credentials URI http://127.0.0.1:"),
    ] {
        let fetcher = fetcher().with_metadata(&metadata.url);
        let (issued, provider) = settled(&home, &env, None).first(&fetcher).await.unwrap();
        assert_eq!(issued.credentials.access_key_id, id);
        assert!(provider.name.starts_with(name), "{}", provider.name);
    }
    let v1_off = [env[0], env[1], ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")];
    let fetcher = fetcher().with_metadata(&service.url);
    let (issued, _) = settled(&home, &v1_off, None).first(&fetcher).await.unwrap();
    assert_eq!(issued.credentials.access_key_id, "STS.uri");
}

#[tokio::test]
async fn the_end_of_the_chain_tells_what_the_services_said() {
    let nobody = Server::answering(|_| (404, String::new()));
    let fetcher = fetcher().with_metadata(&nobody.url);
    let error = settled(&Home::with(&[]), &[], None)
        .first(&fetcher)
        .await
        .unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("ECS role: metadata service: this instance has no such RAM role"),
        "{said}"
    );
    assert!(
        said.contains("ALIBABA_CLOUD_CREDENTIALS_URI is not set"),
        "{said}"
    );
    assert!(error.hint().unwrap().contains("RAM role"));

    let env = [(
        "ALIBABA_CLOUD_CREDENTIALS_URI",
        "http://keys.example/s3cret",
    )];
    let error = Home::with(&[]).candidates(&env, None).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("ALIBABA_CLOUD_CREDENTIALS_URI: plain http"),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cret"), "{error}");
}
