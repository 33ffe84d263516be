//! The HTTP clients of this program; no other module builds one.

use std::fmt;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, ClientBuilder, Response, Url, redirect, retry};

use super::endpoint::is_loopback;
use super::proxy::{self, Proxy};
use super::redact::Redactor;
use super::{ConfigError, transport};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Settings that all clients of a run share. None of them turns certificate verification off.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Proxy to use instead of `HTTPS_PROXY` and `HTTP_PROXY`; `NO_PROXY` still applies.
    pub proxy: Option<Proxy>,
    /// Root certificates to trust in addition to the system's, in PEM.
    pub ca_cert: Option<Vec<u8>>,
}

impl Network {
    /// Builds a client for one server. A server on this machine is never reached through a proxy.
    pub(crate) fn client(&self, url: &Url, timeout: Duration) -> Result<Client, ConfigError> {
        self.builder(url, timeout)?
            .build()
            .map_err(ConfigError::Client)
    }

    /// Builds a client for a server that is called about once an hour; it keeps no idle connection.
    pub(super) fn rare_client(&self, url: &Url, timeout: Duration) -> Result<Client, ConfigError> {
        let builder = self.builder(url, timeout)?.pool_max_idle_per_host(0);
        builder.build().map_err(ConfigError::Client)
    }

    fn builder(&self, url: &Url, timeout: Duration) -> Result<ClientBuilder, ConfigError> {
        let mut builder = plain(timeout).connect_timeout(CONNECT_TIMEOUT);
        let route = if is_loopback(url) {
            None
        } else {
            proxy::route(url, self.proxy.as_ref(), &|name| std::env::var(name).ok())?
        };
        let tls_proxy = route.as_ref().is_some_and(|route| route.speaks_tls);
        if let Some(pem) = &self.ca_cert {
            let roots = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
            if roots.is_empty() {
                return Err(ConfigError::CaCert);
            }
            builder = builder.tls_certs_merge(roots);
        } else if url.scheme() != "https" && !tls_proxy {
            // No TLS is used here, so the system's roots are not loaded: a bare container may have none.
            builder = builder.tls_certs_only([]);
        }
        if let Some(route) = route {
            builder = builder.proxy(route.for_client().map_err(ConfigError::Client)?);
        }
        Ok(builder)
    }
}

/// The response to a POST.
#[derive(Debug)]
pub struct HttpReply {
    /// HTTP status.
    pub status: u16,
    /// The body; empty if it was too long.
    pub body: Vec<u8>,
}

impl Network {
    /// Posts JSON once, without credentials. Error messages contain no part of the address.
    ///
    /// # Errors
    ///
    /// If no response arrives, or the HTTP client cannot be set up.
    pub async fn post_json(
        &self,
        to: &Address,
        body: String,
        timeout: Duration,
    ) -> Result<HttpReply, String> {
        const LARGEST: usize = 64 * 1024;

        let failed = |error| {
            let failure = transport::failure(error, &to.redactor());
            failure.message.replace("the gateway's", "its")
        };
        let client = self
            .rare_client(&to.0, timeout)
            .map_err(|error| match error {
                ConfigError::Client(error) => failed(error),
                other => other.to_string(),
            })?;
        let request = client
            .post(to.0.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = body_of(&mut response, LARGEST).await.map_err(failed)?;
        Ok(HttpReply {
            status,
            body: body.unwrap_or_default(),
        })
    }
}

/// An address that is a secret, such as that of a webhook. Shown as scheme and host only.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Parses an address. `allow_http` permits plain HTTP to another machine.
    ///
    /// # Errors
    ///
    /// If the text is not a URL, or would send a secret in the clear.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, BadAddress> {
        let url = Url::parse(text.trim()).map_err(|_| BadAddress::NoUrl)?;
        match url.scheme() {
            "http" | "https" if !url.has_host() => Err(BadAddress::NoUrl),
            "https" => Ok(Self(url)),
            "http" if allow_http || is_loopback(&url) => Ok(Self(url)),
            "http" => Err(BadAddress::Plain),
            _ => Err(BadAddress::NoUrl),
        }
    }

    /// Appends query parameters.
    #[must_use]
    pub fn with_query(&self, more: &[(&'static str, String)]) -> Self {
        let mut url = self.0.clone();
        if !more.is_empty() {
            url.query_pairs_mut().extend_pairs(more);
        }
        Self(url)
    }

    /// Returns a redactor for every part of the address that could be a token.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        const SHORT: usize = 6; // `send`, `hook`, `v2`: path segments that are no secrets

        let pairs: Vec<_> = self.0.query_pairs().collect();
        let parts = self.0.path_segments().into_iter().flatten();
        let parts = parts
            .chain(pairs.iter().map(|(_, value)| &**value))
            .chain([self.0.username()])
            .chain(self.0.password());
        Redactor::new(parts.filter(|part| part.len() > SHORT))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.0.scheme())?;
        if let Some(port) = self.0.port() {
            write!(f, ":{port}")?;
        }
        f.write_str("/***")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reason why an address cannot be used. The messages do not quote the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not a URL with a supported scheme.
    #[error("not an address, expected https://HOST/PATH")]
    NoUrl,
    /// Plain HTTP would send a secret in the clear.
    #[error("plain http would show the address on its way, expected https (or --allow-http)")]
    Plain,
}

/// Builds a client for plain HTTP to this machine or a link-local address. It has no proxy: the request
/// would reach the metadata service of the proxy's machine, and the proxy would see the key.
pub(super) fn direct(connect: Duration, read: Duration) -> Result<Client, ConfigError> {
    plain(connect + read)
        .connect_timeout(connect)
        .tls_certs_only([])
        .pool_max_idle_per_host(0)
        .build()
        .map_err(ConfigError::Client)
}

/// Starts a client without a proxy, whatever the environment names.
fn plain(timeout: Duration) -> ClientBuilder {
    // One TLS provider per process; an error means that it is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        // A hidden retry would send the nonce twice; without retries the client keeps no copy of the
        // request.
        .retry(retry::never().max_retries_per_request(0))
        .timeout(timeout)
}

/// Reads the body as it was sent, unless it is longer than `most` bytes. If the announced length is longer,
/// nothing is read.
///
/// No content encoding is decoded: none was requested, and a megabyte can expand to a gigabyte of zeros.
pub(super) async fn body_of(
    response: &mut Response,
    most: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    /// Capacity reserved on the word of the header alone.
    const LIKELY: usize = 64 * 1024;

    let announced = response.content_length().unwrap_or(0);
    let room = usize::try_from(announced).unwrap_or(usize::MAX);
    if room > most {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(room.min(LIKELY));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_post_to_is_a_secret() {
        let text = "https://user:pass-word@hooks.example:8443/services/T00000/XoXo-Secret?access_token=abcdef0123456789";
        let address = Address::parse(text, false).unwrap();
        assert_eq!(address.to_string(), "https://hooks.example:8443/***");
        assert_eq!(format!("{address:?}"), "https://hooks.example:8443/***");
        let echo = format!("no such token abcdef0123456789 at {text}, pass-word");
        let shown = address.redactor().excerpt(&echo, 500);
        for secret in ["XoXo", "abcdef", "pass-"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let signed = address.with_query(&[("sign", "a+b/c==".to_owned())]);
        assert!(signed.0.as_str().ends_with("&sign=a%2Bb%2Fc%3D%3D"));
        for (wrong, why) in [
            ("http://hooks.example/s3cret", BadAddress::Plain),
            ("hooks.example/s3cret", BadAddress::NoUrl),
            ("ftp://hooks.example/s3cret", BadAddress::NoUrl),
            ("", BadAddress::NoUrl),
        ] {
            assert_eq!(Address::parse(wrong, false), Err(why), "{wrong}");
            assert!(!why.to_string().contains("s3cret"));
        }
        assert!(Address::parse("http://hooks.example/", true).is_ok());
        assert!(Address::parse("http://127.0.0.1:80/", false).is_ok());
    }
}
