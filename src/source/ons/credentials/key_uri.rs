//! Keys from an address: `ALIBABA_CLOUD_CREDENTIALS_URI`, mode `CredentialsURI` (`facts/ons-api.md` §7.1).

use std::net::{IpAddr, Ipv4Addr};

use reqwest::{Client, Url};

use super::super::endpoint::is_loopback;
use super::super::http::body_of;
use super::super::redact::Redactor;
use super::recipe::{Issued, KeyUri};
use super::{FetchError, issued};

const LARGEST_ANSWER: usize = 64 * 1024;
/// The metadata service's own address.
const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

impl KeyUri {
    /// Reads an address. A key comes over plain http only from this machine or its link, unless that is allowed.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if allow_http || is_near(&url) => Ok(Self(url)),
            "http" => Err(
                "plain http would show the key to everyone on the way: use https://, or --allow-http",
            ),
            _ => Err("expected an address that begins with https:// or http://"),
        }
    }

    /// Is it asked without a proxy? One on another machine would see the key, and could not reach it.
    pub(super) fn is_direct(&self) -> bool {
        self.0.scheme() == "http"
    }
}

fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let link =
        |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.is_link_local() || v4 == METADATA);
    is_loopback(url) || host.parse().is_ok_and(link)
}

/// The key that the address gives.
pub(super) async fn key(
    client: &Client,
    uri: &KeyUri,
    provider: &str,
) -> Result<Issued, FetchError> {
    let who = uri.to_string();
    let nothing = Redactor::default();
    let broken = |error| FetchError::transport(&who, error, &nothing);
    let mut response = client.get(uri.0.clone()).send().await.map_err(broken)?;
    let status = response.status();
    let body = body_of(&mut response, LARGEST_ANSWER)
        .await
        .map_err(broken)?
        .ok_or_else(|| {
            FetchError::permanent(format!("{who}: an answer of more than 64 KiB"), None)
        })?;
    if !status.is_success() {
        return Err(FetchError::refused(&who, status.as_u16(), &[], &nothing));
    }
    let said = issued::json(&who, &body)?;
    issued::is_success(&who, &said)?;
    issued::temporary_key(&who, &said, provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_no_open_road() {
        for (text, allow_http, fits) in [
            ("https://keys.example/a?b=s3cret", false, true),
            ("http://127.0.0.1:8080/", false, true),
            ("http://localhost/key", false, true),
            ("http://169.254.1.2/key", false, true),
            ("http://100.100.100.200/key", false, true),
            ("http://10.0.0.1/key", false, false),
            ("http://keys.example/", false, false),
            ("http://keys.example/", true, true),
            ("file:///etc/passwd", true, false),
            ("s3cret", true, false),
        ] {
            assert_eq!(KeyUri::parse(text, allow_http).is_ok(), fits, "{text}");
        }
        let uri =
            KeyUri::parse("https://u:s3cret@keys.example:8443/s3cret?t=s3cret", false).unwrap();
        assert_eq!(uri.to_string(), "https://keys.example:8443");
        assert_eq!(format!("{uri:?}"), "KeyUri(https://keys.example:8443)");
    }
}
