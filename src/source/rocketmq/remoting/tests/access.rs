//! Signatures and TLS.

use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::{Cause, Remoting, RemotingOptions, RemotingTls, acl};
use super::broker::Broker;
use super::{cluster, nothing, patient};

/// Certificate of the TLS server, self-signed for 127.0.0.1.
const CERTIFICATE: &[u8] = include_bytes!("../../../../../tests/data/tls/gateway.pem");
const KEY: &[u8] = include_bytes!("../../../../../tests/data/tls/gateway.key");
/// A root certificate that has signed nothing.
const STRANGER: &[u8] = include_bytes!("../../../../../tests/data/tls/stranger.pem");

#[tokio::test]
async fn calls_are_signed_and_keys_are_never_shown() {
    let echo = Broker::scripted(|asked| {
        let shown: Vec<_> = asked
            .fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        vec![asked.refuse(1, &format!("AclException: 12345678 {}", shown.join(" ")))]
    });
    let variables = |name: &str| match name {
        acl::ACCESS_KEY => Some("RocketMQ-account".to_owned()),
        acl::SECRET_KEY => Some("12345678".to_owned()),
        acl::SECURITY_TOKEN => Some("token-of-the-account".to_owned()),
        _ => None,
    };
    let options = RemotingOptions {
        keys: acl::AclKeys::from_env(variables).unwrap(),
        namespace_v2: Some("tenant".to_owned()),
        ..patient()
    };
    let cluster = Remoting::new(echo.address.parse().unwrap(), options);
    let error = cluster
        .groups_of_topic(&echo.address, "orders")
        .await
        .unwrap_err();
    assert!(matches!(error.cause, Cause::Denied(_)));
    let fields = &echo.asked()[0].fields;
    assert_eq!(fields["AccessKey"], "RocketMQ-account");
    assert_eq!(fields["SecurityToken"], "token-of-the-account");
    assert_eq!((&*fields["ns"], &*fields["nsd"]), ("tenant", "true"));
    assert_eq!(fields["Signature"], "38IVHxanUA5hyTXwJBK2Hms1qzw=");
    for shown in [
        format!("{error}"),
        format!("{error:?}"),
        format!("{cluster:?}"),
    ] {
        for secret in ["RocketMQ-account", "token-of-the", "12345678", "38IVHxan"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn tls_is_spoken_and_certificates_are_verified() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        );
    let config = Arc::new(config.unwrap());
    let broker = Broker::over(
        |asked| vec![nothing(asked)],
        move |stream| {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            rustls::StreamOwned::new(connection, stream)
        },
    );
    let with = |tls: RemotingTls| {
        let options = RemotingOptions {
            tls: Some(tls),
            ..patient()
        };
        Remoting::new(broker.address.parse().unwrap(), options)
    };
    with(RemotingTls::new(Some(CERTIFICATE)).unwrap())
        .cluster_info()
        .await
        .unwrap();

    for distrusted in [
        RemotingTls::new(Some(STRANGER)).unwrap(),
        RemotingTls::new(Some(CERTIFICATE))
            .unwrap()
            .named("broker.example.com")
            .unwrap(),
    ] {
        let error = with(distrusted).cluster_info().await.unwrap_err();
        assert!(matches!(error.cause, Cause::Certificate(_)), "{error}");
        assert!(!error.is_retryable());
    }
    let plain = cluster(&broker).cluster_info().await.unwrap_err();
    assert!(
        matches!(plain.cause, Cause::Lost(_) | Cause::Malformed(_)),
        "{plain}"
    );
    assert!(RemotingTls::new(Some(b"not PEM")).is_err());
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_no_connection() {
    let broker = Broker::scripted(|asked| vec![nothing(asked)]);
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closing.local_addr().unwrap().to_string();
    std::thread::spawn(move || drop(closing.accept()));
    let options = RemotingOptions {
        tls: Some(RemotingTls::new(Some(CERTIFICATE)).unwrap()),
        ..patient()
    };
    let cluster = Remoting::new(address.parse().unwrap(), options);
    let error = cluster.cluster_info().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Connect(_)), "{error}");
    drop(broker);
}
