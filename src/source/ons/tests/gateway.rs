//! A gateway on a thread: answers one connection after another with the next of its replies, and records the
//! requests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Certificate of the TLS gateway, self-signed for 127.0.0.1.
pub(in crate::source) const CERTIFICATE: &[u8] =
    include_bytes!("../../../../tests/data/tls/gateway.pem");
/// A root certificate that has signed nothing.
pub(in crate::source) const STRANGER: &[u8] =
    include_bytes!("../../../../tests/data/tls/stranger.pem");
const KEY: &[u8] = include_bytes!("../../../../tests/data/tls/gateway.key");

/// A script for one connection.
pub(in crate::source) enum Reply {
    /// Send these bytes and close.
    Bytes(Vec<u8>),
    /// Close without reading, which resets the connection.
    Reset,
    /// Read the request and stay silent until the client gives up.
    Silence,
}

impl Reply {
    /// Returns a response with a length, like a gateway's.
    pub(in crate::source) fn http(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(
            format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }
}

pub(in crate::source) struct Gateway {
    pub(in crate::source) address: String,
    asked: JoinHandle<Vec<String>>,
}

impl Gateway {
    pub(in crate::source) fn answering(replies: Vec<Reply>) -> Self {
        Self::serving(replies, answer)
    }

    /// Starts a gateway behind TLS.
    pub(in crate::source) fn answering_tls(replies: Vec<Reply>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        Self::serving(replies, move |stream, reply| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            Some(converse(StreamOwned::new(connection, stream), reply))
        })
    }

    pub(super) fn serving<F>(replies: Vec<Reply>, answer: F) -> Self
    where
        F: Fn(TcpStream, Reply) -> Option<String> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serve = move || {
            let connection = |reply| answer(listener.accept().unwrap().0, reply);
            replies.into_iter().filter_map(connection).collect()
        };
        Self {
            address,
            asked: std::thread::spawn(serve),
        }
    }

    /// Returns the heads of the requests after every reply is sent.
    ///
    /// Waits outside the runtime, so that the client's connections can close meanwhile.
    pub(in crate::source) async fn asked(self) -> Vec<String> {
        let join = || self.asked.join().unwrap();
        tokio::task::spawn_blocking(join).await.unwrap()
    }
}

fn answer(stream: TcpStream, reply: Reply) -> Option<String> {
    if matches!(reply, Reply::Reset) {
        // With unread bytes the kernel answers with a reset.
        stream.peek(&mut [0]).unwrap();
        return None;
    }
    Some(converse(stream, reply))
}

/// Reads a request and replies. The client may hang up at any time; some tests rely on it.
pub(super) fn converse(mut stream: impl Read + Write, reply: Reply) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    match reply {
        Reply::Bytes(bytes) => drop(stream.write_all(&bytes).and_then(|()| stream.flush())),
        Reply::Silence => while stream.read(&mut byte).is_ok_and(|read| read == 1) {},
        Reply::Reset => {}
    }
    String::from_utf8(head).unwrap()
}
