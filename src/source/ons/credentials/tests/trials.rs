//! Services that misbehave: slow, huge, truncated, redirecting, not JSON, with expired keys, with another clock.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;

use super::super::*;
use super::super::{AssumedRole, EcsRole, KeyUri, OidcRole, RamRole};
use super::shared::{fetcher, handed, provider};

/// A server that sends the given bytes, whatever they are, and closes the connection.
struct RawServer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RawServer {
    fn sending(bytes: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, stopped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, stop) = (accepted.clone(), stopped.clone());
        let serve = move || {
            for stream in listener.incoming() {
                if stop.load(Relaxed) {
                    return;
                }
                count.fetch_add(1, Relaxed);
                let mut stream = stream.unwrap();
                let mut head = [0; 16 * 1024];
                let length = stream.read(&mut head).unwrap_or_default();
                let head = String::from_utf8_lossy(&head[..length]).into_owned();
                // A client that has read enough goes away.
                let _ = stream.write_all(&bytes(&head));
            }
        };
        Self {
            address,
            accepted,
            stopped,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    fn url(&self) -> reqwest::Url {
        format!("http://{}/", self.address).parse().unwrap()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        drop(TcpStream::connect(self.address)); // wakes the thread
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}")
        .into_bytes()
}

fn role(sts: reqwest::Url) -> RamRole {
    RamRole {
        arn: "acs:ram::1:role/audit".into(),
        session: "ons-audit".into(),
        policy: None,
        seconds: 3600,
        sts,
    }
}

/// A provider of each kind that asks `service`, and the fetcher for it.
fn providers(service: &reqwest::Url, token_file: &std::path::Path) -> Vec<(Provider, Fetcher)> {
    let base = ProviderKind::Key(Credentials {
        provider: "p".into(),
        access_key_id: "LTAI5tBaseKey".into(),
        access_key_secret: "s3cret".into(),
        security_token: None,
    });
    let kinds = [
        ProviderKind::Role(Box::new(AssumedRole {
            base,
            role: role(service.clone()),
            external_id: None,
        })),
        ProviderKind::Oidc(Box::new(OidcRole {
            role: role(service.clone()),
            provider_arn: "acs:ram::1:oidc-provider/k".into(),
            token_file: token_file.to_owned(),
        })),
        ProviderKind::Ecs(EcsRole {
            name: Some("worker".into()),
            allow_v1: false,
        }),
        ProviderKind::Uri(KeyUri(service.clone())),
    ];
    kinds
        .map(|kind| (provider(kind), fetcher().with_metadata(service)))
        .into()
}

fn token_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"s3cret-identity-token").unwrap();
    file
}

/// Asks every kind of service once, each of which answers with `bytes`. Returns the errors.
async fn errors(bytes: impl Fn() -> Vec<u8> + Clone + Send + 'static) -> Vec<FetchError> {
    let file = token_file();
    let server = RawServer::sending(move |head| match head.split(' ').next() {
        // The metadata service misbehaves only once it is asked for the key.
        Some("PUT") => response(200, "", "t0ken"),
        _ => bytes(),
    });
    let mut errors = Vec::new();
    for (provider, fetcher) in providers(&server.url(), file.path()) {
        errors.push(fetcher.probe(&provider).await.unwrap_err());
    }
    errors
}

#[tokio::test]
async fn answers_that_hold_no_key_are_asked_for_again_and_show_no_secret() {
    let key = handed("STS.whole");
    let page = "<html>login s3cret</html>";
    let half = format!(
        "HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{}",
        key.len(),
        &key[..80]
    );
    let endless = format!("HTTP/1.1 200 X\r\n\r\n{}", " ".repeat(200 * 1024));
    let replies = [
        (
            response(200, "content-type: text/html\r\n", page),
            "not a JSON object",
        ),
        (response(200, "", ""), "not a JSON object"),
        (
            response(502, "content-type: text/html\r\n", page),
            "HTTP 502",
        ),
        (half.into_bytes(), "the response ended too early"),
        (endless.into_bytes(), "an answer of more than 64 KiB"),
        (
            b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n{".to_vec(),
            "an answer of more than 64 KiB",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "the connection broke"),
        (Vec::new(), "the connection broke"),
    ];
    for (reply, says) in replies {
        let errors = errors(move || reply.clone()).await;
        assert_eq!(errors.len(), 4);
        for error in errors {
            assert!(error.what.contains(says), "expected {says}: {error}");
            assert!(error.is_transient, "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = RawServer::sending(|_| response(200, "", &handed("STS.other")));
    let to = format!("location: {}\r\n", other.url());
    for status in [301, 302, 307, 308] {
        let to = to.clone();
        for error in errors(move || response(status, &to, "")).await {
            assert!(error.what.contains(&format!("HTTP {status}")), "{error}");
        }
    }
    assert_eq!(other.accepted.load(Relaxed), 0);
}

#[tokio::test]
async fn a_key_that_has_expired_names_the_clock() {
    for body in [
        // A clock that is ahead, a key that was kept too long, and the end of the key at this very moment.
        handed("x").replace("13:00:00Z", "11:00:00Z"),
        handed("x").replace("2026-08-01T13:00:00Z", "1970-01-01T00:00:00Z"),
        handed("x").replace("13:00:00Z", "12:00:00.7Z"),
    ] {
        let body = format!(
            "{},\"Credentials\":{body}}}",
            body.strip_suffix('}').unwrap()
        );
        for error in errors(move || response(200, "content-type: text/plain\r\n", &body)).await {
            assert!(
                error.what.contains("the key that was given expired at"),
                "{error}"
            );
            assert_eq!(error.hint.as_deref(), Some("check this machine's clock"));
        }
    }
}

#[tokio::test]
async fn a_service_that_finds_the_clock_wrong_is_not_asked_again() {
    let body = r#"{"Code":"InvalidTimeStamp.Expired","Message":"Specified time stamp or date value is expired."}"#;
    let errors = errors(|| response(400, "", body)).await;
    for error in &errors[..2] {
        assert!(!error.is_transient, "{error}");
        let hint = error.hint.as_deref().unwrap_or_default();
        assert!(hint.contains("clock"), "{error:?}");
    }
}

/// The clock stands still until nothing else is left to do, then jumps to the next timeout.
#[tokio::test(start_paused = true)]
async fn silence_ends_with_a_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let file = token_file();
    for (provider, fetcher) in providers(&url.parse().unwrap(), file.path()) {
        let began = tokio::time::Instant::now();
        let error = fetcher.fetch(&provider).await.unwrap_err();
        assert!(error.is_transient, "{error}");
        // Three attempts with their pauses.
        assert!(began.elapsed().as_secs() <= 32, "{:?}", began.elapsed());
    }
}
