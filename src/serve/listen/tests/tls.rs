//! TLS: good, bad and renewed certificates, and clients that do not speak TLS.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;

use super::super::{ServerTls, ServerTlsError};
use super::socket::{RunningListener, rest};
use super::*;
use crate::exit::Advice;

/// A folder with certificate and key.
struct Files {
    folder: TempDir,
    made: CertifiedKey<KeyPair>,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            made: generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap(),
        };
        files.write("cert.pem", &files.made.cert.pem(), 0o644);
        files.write("key.pem", &files.made.signing_key.serialize_pem(), 0o600);
        files
    }

    /// Another certificate, with its key, in the same files.
    fn renew(&mut self) {
        self.made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        self.write("cert.pem", &self.made.cert.pem(), 0o644);
        self.write("key.pem", &self.made.signing_key.serialize_pem(), 0o600);
    }

    #[expect(clippy::disallowed_methods, reason = "plain files to be found")]
    fn write(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self) -> ServerTls {
        ServerTls::open(&self.path("cert.pem"), &self.path("key.pem")).unwrap()
    }

    /// A client that trusts this certificate and no other.
    fn client(&self, server: SocketAddr) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = reqwest::Certificate::from_der(self.made.cert.der()).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([root])
            .resolve("localhost", server)
            .no_proxy()
            .build()
            .unwrap()
    }
}

async fn healthz(client: &reqwest::Client, server: SocketAddr) -> reqwest::Result<String> {
    let url = format!("https://localhost:{}/healthz", server.port());
    client.get(url).send().await?.text().await
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_answered() {
    let files = Files::new();
    let listener = RunningListener::start(Limits::default(), Some(Arc::new(files.open()))).await;
    let client = files.client(listener.address);
    for _ in 0..2 {
        assert_eq!(healthz(&client, listener.address).await.unwrap(), "ok\n");
    }
    let (_, log) = listener.end().await;
    assert_eq!(log.len(), 2, "{log:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_from_the_next_connection_on() {
    let mut files = Files::new();
    let tls = Arc::new(files.open());
    let listener = RunningListener::start(Limits::default(), Some(tls.clone())).await;
    let early = files.client(listener.address);
    assert!(healthz(&early, listener.address).await.is_ok());

    files.write("cert.pem", "half a file", 0o644);
    assert!(matches!(
        tls.reload(),
        Err(ServerTlsError::NoCertificate(_))
    ));
    let old = files.client(listener.address);
    assert!(
        healthz(&old, listener.address).await.is_ok(),
        "the old one is kept"
    );

    files.renew();
    tls.reload().unwrap();
    let new = files.client(listener.address);
    assert!(healthz(&new, listener.address).await.is_ok());
    assert!(
        healthz(&early, listener.address).await.is_ok(),
        "still connected"
    );
    listener.end().await;
}

#[tokio::test]
async fn a_client_without_tls_gets_one_line() {
    let files = Files::new();
    let limits = Limits {
        handshake: Duration::from_millis(50),
        ..Limits::default()
    };
    let listener = RunningListener::start(limits, Some(Arc::new(files.open()))).await;
    // A look at the port is nothing to tell.
    drop(listener.connect().await);
    let mut plain = listener.connect().await;
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut alert = Vec::new();
    let _ = plain.read_to_end(&mut alert).await;
    let mut slow = listener.connect().await;
    slow.write_all(b"\x16\x03\x01").await.unwrap();
    assert_eq!(rest(&mut slow).await, "");
    let (_, log) = listener.end().await;
    let faults: Vec<_> = log.iter().map(|line| line["aborted"].clone()).collect();
    assert_eq!(faults, ["handshake", "handshake_timeout"], "{log:?}");
}

#[test]
fn unusable_files_are_errors_with_a_hint() {
    let files = Files::new();
    let (cert, key) = (files.path("cert.pem"), files.path("key.pem"));
    let other = KeyPair::generate().unwrap().serialize_pem();
    let other = files.write("other.pem", &other, 0o400);
    let shared = files.write("shared.pem", &files.made.signing_key.serialize_pem(), 0o640);
    let text = files.write("text.pem", "no PEM at all", 0o600);
    let torn = files.write(
        "torn.pem",
        &files.made.signing_key.serialize_pem()[..80],
        0o600,
    );
    let wrong = files.write(
        "wrong.pem",
        "-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----\n",
        0o600,
    );
    let missing = files.path("missing.pem");
    let cases: [(&Path, &Path); 9] = [
        (&missing, &key),
        (&cert, &missing),
        (&cert, &shared),
        (&text, &key),
        (&cert, &text),
        (&key, &cert),
        (&cert, &torn),
        (&cert, &wrong),
        (&cert, &other),
    ];
    let folder = files.folder.path().display().to_string();
    let mut errors = String::new();
    for (cert, key) in cases {
        let error = ServerTls::open(cert, key).unwrap_err();
        let hint = error.hint().unwrap();
        let text = format!("{:#}\nhint: {hint}\n", anyhow::Error::from(error));
        errors += &text.replace(&folder, "[FOLDER]");
    }
    assert!(!errors.contains("secret"), "{errors}");
    insta::assert_snapshot!(errors, @"
    can't read [FOLDER]/missing.pem: No such file or directory (os error 2)
    hint: check --tls-cert and --tls-key, and who may read the files
    can't read [FOLDER]/missing.pem: No such file or directory (os error 2)
    hint: check --tls-cert and --tls-key, and who may read the files
    the private key [FOLDER]/shared.pem has mode 0640, expected 0600 or 0400
    hint: chmod 600 [FOLDER]/shared.pem
    no certificate found in [FOLDER]/text.pem, expected PEM
    hint: the file must have a line -----BEGIN CERTIFICATE-----; where it is DER: openssl x509 -inform der -in [FOLDER]/text.pem
    no private key found in [FOLDER]/text.pem, expected PEM: PKCS #8, PKCS #1 or SEC 1
    hint: the file must have a line -----BEGIN PRIVATE KEY-----; an encrypted one must be decrypted first: openssl pkey -in [FOLDER]/text.pem
    no certificate found in [FOLDER]/key.pem, expected PEM
    hint: the file must have a line -----BEGIN CERTIFICATE-----; where it is DER: openssl x509 -inform der -in [FOLDER]/key.pem
    [FOLDER]/torn.pem holds a section without its -----END line, expected PEM
    hint: copy the file again, whole and as it is
    [FOLDER]/wrong.pem holds a section that is not base64, expected PEM
    hint: copy the file again, whole and as it is
    the certificate [FOLDER]/cert.pem and the private key [FOLDER]/other.pem can't be used together: keys may not be consistent: KeyMismatch
    hint: the first certificate in the file must be the one made for this key
    ");
}

#[test]
fn nothing_of_the_key_is_shown() {
    let files = Files::new();
    let shown = format!("{:?}", files.open());
    assert!(shown.contains("key.pem") && shown.len() < 300, "{shown}");
}
