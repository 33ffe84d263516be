//! TLS through a proxy that may refuse CONNECT.

use std::sync::Arc;

use rcgen::generate_simple_self_signed;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::{ApiConfig, Endpoint, Network, Ons, Signature};
use super::gateway::{Gateway, Reply, converse};
use super::wire::{OK, config, query};
use crate::source::{Failure, FailureKind, TraceSource as _, Unpaced};

const HOST: &str = "ons.example.test";

/// A proxy with the gateway behind it. A reply with status 200 comes from the gateway through the tunnel; any
/// other reply answers CONNECT.
fn behind_proxy(replies: Vec<Reply>) -> (Gateway, Ons) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let made = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let tls = Arc::new(tls);
    let proxy = Gateway::serving(replies, move |mut stream, reply| {
        let is_the_gateways =
            matches!(&reply, Reply::Bytes(bytes) if bytes.starts_with(b"HTTP/1.1 200"));
        if !is_the_gateways {
            return Some(converse(stream, reply));
        }
        let opened = Reply::Bytes(b"HTTP/1.1 200 Connection established\r\n\r\n".to_vec());
        let head = converse(&mut stream, opened);
        let connection = ServerConnection::new(tls.clone()).unwrap();
        converse(StreamOwned::new(connection, stream), reply);
        Some(head)
    });
    let ons = Ons::new(ApiConfig {
        endpoint: Endpoint::parse(&format!("https://{HOST}"), false).unwrap(),
        network: Network {
            proxy: Some(format!("http://{}", proxy.address).parse().unwrap()),
            ca_cert: Some(made.cert.pem().into_bytes()),
        },
        ..config(&proxy, Signature::V3)
    });
    (proxy, ons.unwrap())
}

async fn failure(ons: &Ons) -> Failure {
    ons.trace(&query(), &Unpaced).await.unwrap_err()
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_ends_the_run() {
    let refusal = Reply::http("407 Proxy Authentication Required", "", "");
    let (proxy, ons) = behind_proxy(vec![refusal]);
    let failure = failure(&ons).await;
    assert_eq!(failure.kind, FailureKind::Fatal);
    assert_eq!(failure.message, "the proxy wants a user and a password");
    assert!(failure.hint.unwrap().contains("HTTPS_PROXY"));
    let asked = proxy.asked().await;
    assert!(asked[0].starts_with("CONNECT ons.example.test:443 "));
}

/// A refusal is permanent before the first call got through, and temporary afterwards.
#[tokio::test]
async fn a_refused_tunnel_ends_the_run_unless_one_was_opened() {
    let refusal = || Reply::http("503 Service Unavailable", "", "");
    let (proxy, ons) = behind_proxy(vec![refusal(), Reply::http("200 OK", "", OK), refusal()]);
    let first = failure(&ons).await;
    assert_eq!(first.kind, FailureKind::Fatal);
    assert_eq!(first.message, "the proxy refuses a connection to the host");
    assert!(first.hint.unwrap().contains("NO_PROXY"));
    ons.trace(&query(), &Unpaced).await.unwrap();
    assert_eq!(failure(&ons).await.kind, FailureKind::Transport);
    proxy.asked().await;
}
