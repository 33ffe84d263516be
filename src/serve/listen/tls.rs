//! Certificate and private key of the listener, from PEM files that can be reloaded.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::exit::Advice;
use crate::file::open_regular;

/// The TLS of the listener: versions 1.2 and 1.3 by ring, with HTTP/1.1 inside.
pub struct ServerTls {
    cert: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

/// Shows the paths only, never the private key.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("cert", &self.cert)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads a certificate chain, the server's own certificate first, and its private key.
    ///
    /// # Errors
    ///
    /// The files are unreadable, malformed or do not match.
    pub fn open(cert: &Path, key: &Path) -> Result<Self, ServerTlsError> {
        Ok(Self {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(Arc::new(server_config(cert, key)?)),
        })
    }

    /// Reads the same files again for the connections to come; after an error the old ones stay.
    ///
    /// # Errors
    ///
    /// The same as of [`Self::open`].
    pub fn reload(&self) -> Result<(), ServerTlsError> {
        let renewed = Arc::new(server_config(&self.cert, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// Returns the configuration for a new connection.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn server_config(cert: &Path, key: &Path) -> Result<ServerConfig, ServerTlsError> {
    let unusable = |error| ServerTlsError::Unusable {
        cert: cert.to_owned(),
        key: key.to_owned(),
        error,
    };
    let chain = certificates(cert)?;
    let private = private_key(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let chain: Vec<_> = CertificateDer::pem_reader_iter(open(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(path, error))?;
    if chain.is_empty() {
        return Err(ServerTlsError::NoCertificate(path.to_owned()));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ServerTlsError> {
    let file = open(path)?;
    // The mode of the open file, so that the checked file is the one that is read.
    let mode = file
        .metadata()
        .map_err(|error| unreadable(path, error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(ServerTlsError::KeyNotPrivate {
            file: path.to_owned(),
            mode: mode & 0o777,
        });
    }
    PrivateKeyDer::from_pem_reader(file).map_err(|error| match error {
        pem::Error::NoItemsFound => ServerTlsError::NoKey(path.to_owned()),
        error => not_pem(path, error),
    })
}

fn open(path: &Path) -> Result<File, ServerTlsError> {
    open_regular(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: io::Error) -> ServerTlsError {
    ServerTlsError::Unreadable {
        file: path.to_owned(),
        error,
    }
}

/// Describes a parse error without the parser's own text, which may quote a key.
fn not_pem(path: &Path, error: pem::Error) -> ServerTlsError {
    let found = match error {
        pem::Error::Io(error) => return unreadable(path, error),
        pem::Error::MissingSectionEnd { .. } => "a section without its -----END line",
        pem::Error::IllegalSectionStart { .. } => "a broken -----BEGIN line",
        pem::Error::Base64Decode(_) => "a section that is not base64",
        _ => "something else",
    };
    ServerTlsError::NotPem {
        file: path.to_owned(),
        found,
    }
}

/// Why certificate and key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerTlsError {
    /// A file cannot be read.
    #[error("can't read {}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// The private key can be read or changed by others than its owner.
    #[error("the private key {} has mode {mode:04o}, expected 0600 or 0400", file.display())]
    KeyNotPrivate {
        /// The file.
        file: PathBuf,
        /// The mode of the file.
        mode: u32,
    },
    /// A file is not PEM.
    #[error("{} holds {found}, expected PEM", file.display())]
    NotPem {
        /// The file.
        file: PathBuf,
        /// What the file contains instead.
        found: &'static str,
    },
    /// A file has no certificate.
    #[error("no certificate found in {}, expected PEM", .0.display())]
    NoCertificate(PathBuf),
    /// A file has no private key.
    #[error("no private key found in {}, expected PEM: PKCS #8, PKCS #1 or SEC 1", .0.display())]
    NoKey(PathBuf),
    /// Certificate and private key do not match, or are not supported.
    #[error("the certificate {} and the private key {} can't be used together", cert.display(), key.display())]
    Unusable {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The error of rustls.
        #[source]
        error: rustls::Error,
    },
}

impl Advice for ServerTlsError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "check --tls-cert and --tls-key, and who may read the files".into()
            }
            Self::KeyNotPrivate { file, .. } => format!("chmod 600 {}", file.display()),
            Self::NotPem { .. } => "copy the file again, whole and as it is".into(),
            Self::NoCertificate(file) => format!(
                "the file must have a line -----BEGIN CERTIFICATE-----; where it is DER: openssl x509 -inform der -in {}",
                file.display()
            ),
            Self::NoKey(file) => format!(
                "the file must have a line -----BEGIN PRIVATE KEY-----; an encrypted one must be decrypted first: openssl pkey -in {}",
                file.display()
            ),
            Self::Unusable { .. } => {
                "the first certificate in the file must be the one made for this key".into()
            }
        })
    }
}
