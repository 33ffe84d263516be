//! How the network is reached: the HTTP clients of this program are built here and nowhere else.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, NoProxy, Response, Url, redirect, retry};

use super::ConfigError;
use super::endpoint::is_loopback;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What every client of this run shares. There is no word in it that turns verification off.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// The proxy to go through, in place of those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`); `NO_PROXY` holds.
    pub proxy: Option<Proxy>,
    /// Root certificates to trust beside the system's, in PEM.
    pub ca_cert: Option<Vec<u8>>,
}

impl Network {
    /// A client for one server. A server on this machine is never reached through a proxy.
    pub(super) fn client(&self, url: &Url, timeout: Duration) -> Result<Client, ConfigError> {
        self.builder(url, timeout)?
            .build()
            .map_err(ConfigError::Client)
    }

    /// The same for a server that is asked once an hour: it keeps no connection.
    pub(super) fn rare_client(&self, url: &Url, timeout: Duration) -> Result<Client, ConfigError> {
        let builder = self.builder(url, timeout)?.pool_max_idle_per_host(0);
        builder.build().map_err(ConfigError::Client)
    }

    fn builder(&self, url: &Url, timeout: Duration) -> Result<ClientBuilder, ConfigError> {
        let mut builder = plain(timeout).connect_timeout(CONNECT_TIMEOUT);
        if let Some(pem) = &self.ca_cert {
            let roots = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
            if roots.is_empty() {
                return Err(ConfigError::CaCert);
            }
            builder = builder.tls_certs_merge(roots);
        } else if url.scheme() == "http" && !self.proxy.as_ref().is_some_and(Proxy::speaks_tls) {
            // No TLS on this way: don't load the system's roots, which a bare container may lack.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(url) {
            builder = builder.no_proxy();
        } else if let Some(Proxy(proxy)) = &self.proxy {
            let proxy = reqwest::Proxy::all(proxy.clone()).map_err(ConfigError::Client)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
        }
        Ok(builder)
    }
}

/// A client for plain http to this machine or its neighbours, never through a proxy: it would ask the metadata service
/// of the proxy's machine, and show it the key.
pub(super) fn direct(connect: Duration, read: Duration) -> Result<Client, ConfigError> {
    plain(connect + read)
        .connect_timeout(connect)
        .no_proxy()
        .tls_certs_only([])
        .pool_max_idle_per_host(0)
        .build()
        .map_err(ConfigError::Client)
}

fn plain(timeout: Duration) -> ClientBuilder {
    // The one provider of TLS arithmetic in this process; whoever came first has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(redirect::Policy::none())
        // A silent second try would send the nonce twice; and none to come means no copy kept for it.
        .retry(retry::never().max_retries_per_request(0))
        .timeout(timeout)
}

/// The body, unless it is longer than `most` bytes.
pub(super) async fn body_of(
    response: &mut Response,
    most: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    /// Room made for an answer on the word of its header alone.
    const LIKELY: usize = 64 * 1024;

    let announced = response.content_length().unwrap_or(0);
    let room = usize::try_from(announced).unwrap_or(usize::MAX);
    let mut body = Vec::with_capacity(room.min(LIKELY));
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The address of a proxy, without secrets: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(Url);

impl Proxy {
    fn speaks_tls(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Why this is no address of a proxy. Quotes none of it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadProxy {
    /// Not a URL of the kind we can use.
    Address,
    /// A user or password.
    Secret,
}

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => {
                "not the address of a proxy, expected http://HOST:PORT or https://HOST:PORT"
            }
            Self::Secret => {
                "the address holds a user or a password, and secrets are never settings: \
                 give the whole address in the environment variable HTTPS_PROXY"
            }
        })
    }
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        if text.contains('@') {
            return Err(BadProxy::Secret);
        }
        let url = Url::parse(text.trim()).map_err(|_| BadProxy::Address)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let fits = matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare;
        fits.then_some(Self(url)).ok_or(BadProxy::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_address_has_no_secret() {
        for right in [
            "http://proxy.example:3128",
            "https://10.0.0.1",
            "http://[::1]:80/",
        ] {
            assert!(right.parse::<Proxy>().is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("http://user:s3cret@proxy:3128", BadProxy::Secret),
            ("user:s3cret@proxy:3128", BadProxy::Secret),
            ("http://user@proxy", BadProxy::Secret),
            ("proxy:3128", BadProxy::Address),
            ("socks5://proxy:1080", BadProxy::Address),
            ("http://proxy/path", BadProxy::Address),
            ("http://proxy/?token=s3cret", BadProxy::Address),
            ("", BadProxy::Address),
        ] {
            assert_eq!(wrong.parse::<Proxy>(), Err(why), "{wrong}");
        }
        assert!(BadProxy::Secret.to_string().contains("HTTPS_PROXY"));
    }
}
