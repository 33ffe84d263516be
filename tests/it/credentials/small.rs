//! A server that handles one request at a time, with or without TLS: STS, a credentials URI, a proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::tool::PATIENCE;

/// Self-signed for 127.0.0.1.
pub(crate) const CERTIFICATE: &str = include_str!("../../data/tls/gateway.pem");
const KEY: &str = include_str!("../../data/tls/gateway.key");

type Replies = Box<dyn Fn(&str) -> (u16, String) + Send>;

pub(crate) struct Small {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Small {
    /// Answers each request head with a status and a body.
    pub(crate) fn plain(replies: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        Self::start(None, Box::new(replies))
    }

    pub(crate) fn tls(replies: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Self::start(Some(Arc::new(config)), Box::new(replies))
    }

    fn start(tls: Option<Arc<ServerConfig>>, replies: Replies) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stopped) = (Arc::default(), Arc::<AtomicBool>::default());
        let (heads, stop) = (Arc::<Mutex<Vec<String>>>::clone(&asked), stopped.clone());
        let serve = move || {
            for stream in listener.incoming() {
                if stop.load(Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let head = match &tls {
                    None => converse(stream, &replies),
                    Some(config) => {
                        let connection = ServerConnection::new(config.clone()).unwrap();
                        converse(StreamOwned::new(connection, stream), &replies)
                    }
                };
                heads.lock().unwrap().extend(head);
            }
        };
        Self {
            address,
            asked,
            stopped,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    /// Returns the requests: head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        drop(TcpStream::connect(self.address)); // wakes the thread
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Answers a request; `None` if the client went away, for example because it does not trust the certificate.
fn converse(mut stream: impl Read + Write, replies: &Replies) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let mut head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    head += &String::from_utf8(body).unwrap();
    let (status, body) = replies(&head);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream
        .write_all(answer.as_bytes())
        .and_then(|()| stream.flush())
        .ok()?;
    Some(head)
}
