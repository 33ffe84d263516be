//! Connections to servers: plain TCP, or TLS by rustls on the same port.
//!
//! Certificates are always verified, against the system's authorities and additional ones; no option turns that
//! off. Brokers are addressed by IP, so the certificates of a cluster often share one name: see
//! [`RemotingTls::named`].

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls_platform_verifier::Verifier;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Cause;
use crate::exit::Advice;
use crate::source::is_out_of_files;

/// TLS settings of a client.
#[derive(Clone)]
pub struct RemotingTls {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl fmt::Debug for RemotingTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemotingTls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl RemotingTls {
    /// Trusts the system's authorities and those in `ca_cert`, in PEM.
    ///
    /// # Errors
    ///
    /// If `ca_cert` contains no certificate, or TLS cannot be set up.
    pub fn new(ca_cert: Option<&[u8]>) -> Result<Self, RemotingTlsError> {
        let extra: Vec<_> = CertificateDer::pem_slice_iter(ca_cert.unwrap_or_default())
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if ca_cert.is_some() && extra.is_empty() {
            return Err(RemotingTlsError::CaCert);
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(extra, provider.clone())?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            // Not dangerous: this is the system's verifier instead of a list of roots.
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            name: None,
        })
    }

    /// Expects this name in all certificates, whatever the address.
    ///
    /// # Errors
    ///
    /// If the name is not a host name.
    pub fn named(self, name: &str) -> Result<Self, RemotingTlsError> {
        let name = ServerName::try_from(name.to_owned())?;
        Ok(Self {
            name: Some(name),
            ..self
        })
    }

    /// Speaks TLS over an open connection to a server that does not belong to a cluster, at `address` (`host:port`).
    ///
    /// # Errors
    ///
    /// If the certificate is not trusted, or the server does not speak TLS.
    #[cfg(feature = "redis")]
    pub(crate) async fn secure(
        &self,
        stream: TcpStream,
        address: &str,
    ) -> Result<TlsStream<TcpStream>, Cause> {
        self.shake(stream, address).await
    }

    async fn shake(&self, stream: TcpStream, address: &str) -> Result<TlsStream<TcpStream>, Cause> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host(address).to_owned()).map_err(|error| {
                Cause::Connect(format!("no certificate can bear this name: {error}"))
            })?,
        };
        let connector = TlsConnector::from(self.config.clone());
        connector
            .connect(name, stream)
            .await
            .map_err(|error| refused(&error))
    }
}

/// The reason why TLS cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RemotingTlsError {
    /// The file contains no certificate.
    #[error("no certificate of an authority found, expected PEM")]
    CaCert,
    /// The name cannot be the name of a certificate.
    #[error("not a name that a certificate can bear")]
    Name(#[from] InvalidDnsNameError),
    /// The system's authorities are not available, or an additional one is invalid.
    #[error("can't set up TLS")]
    Setup(#[from] rustls::Error),
}

impl Advice for RemotingTlsError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::CaCert => "--ca-cert names a PEM file with a line -----BEGIN CERTIFICATE-----",
            Self::Name(_) => "a host name, such as broker.example.com",
            Self::Setup(_) => {
                "where the system has no certificate authorities: --ca-cert names a PEM file with those of the cluster"
            }
        };
        Some(hint.to_owned())
    }
}

/// Opens connections.
#[derive(Debug, Clone)]
pub(super) enum Dialer {
    Plain,
    Tls(RemotingTls),
}

/// An open connection.
#[derive(Debug)]
pub(super) enum BrokerStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Dialer {
    pub(super) fn new(tls: Option<RemotingTls>) -> Self {
        tls.map_or(Self::Plain, Self::Tls)
    }

    /// Connects to an address, `host:port`.
    pub(super) async fn dial(&self, address: &str) -> Result<BrokerStream, Cause> {
        let connected = TcpStream::connect(address).await;
        let stream = connected.map_err(|error| {
            let why = error.to_string();
            if is_out_of_files(&error) {
                Cause::OutOfFiles(why)
            } else {
                Cause::Connect(why)
            }
        })?;
        // Requests are written at once; none should wait for the acknowledgement of an earlier one.
        let _ = stream.set_nodelay(true);
        match self {
            Self::Plain => Ok(BrokerStream::Plain(stream)),
            Self::Tls(tls) => Ok(BrokerStream::Tls(Box::new(
                tls.shake(stream, address).await?,
            ))),
        }
    }
}

/// Returns the host of `host:port`, without the brackets of IPv6.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn refused(error: &io::Error) -> Cause {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => Cause::Certificate(why.to_string()),
        _ => Cause::Connect(format!("no TLS: {error}")),
    }
}
