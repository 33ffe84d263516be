//! The address of the gateway: `ons://REGION[/INSTANCE_ID]`, `https://HOST[:PORT]`, or plain HTTP where that is
//! safe.

use std::fmt;

use reqwest::Url;
use thiserror::Error;

use super::regions;
use crate::exit::Advice;

/// Schemes of sources, each with an example for hints.
const SOURCES: [(&str, &str); 3] = [
    ("ons", "ons://cn-hangzhou"),
    ("https", "https://HOST"),
    ("rocketmq", "rocketmq://HOST:9876"),
];

/// The gateway's address, parsed from the source that the user gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    written: String,
    url: Url,
    host_header: String,
    region: Option<String>,
    instance: Option<String>,
}

impl Endpoint {
    /// Parses a source. Plain `http://` is accepted for loopback only, unless `allow_http`.
    ///
    /// # Errors
    ///
    /// If the source is malformed, or the scheme, region or instance is unknown or not allowed.
    pub fn parse(source: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let source = source.trim();
        let (scheme, rest) = source
            .split_once("://")
            .ok_or_else(|| EndpointError::NoScheme(printable(source)))?;
        match scheme.to_ascii_lowercase().as_str() {
            "ons" => Self::of_region(source, rest),
            "http" | "https" => Self::of_url(source, allow_http),
            _ => Err(EndpointError::Scheme(printable(scheme))),
        }
    }

    /// Returns the address that requests are sent to; path `/`, empty query.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the `Host` header, which is signed. It contains the port only if it differs from the default
    /// port of the scheme.
    #[must_use]
    pub fn host_header(&self) -> &str {
        &self.host_header
    }

    /// Returns the region, if the source names one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the instance ID for queries without one.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Returns whether the gateway is on this machine. Then no proxy is used.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    fn of_region(source: &str, rest: &str) -> Result<Self, EndpointError> {
        let (region, instance) = match rest.split_once('/') {
            Some((region, "")) => (region, None),
            Some((region, instance)) => (region, Some(instance)),
            None => (rest, None),
        };
        let host = regions::host(region).ok_or_else(|| EndpointError::Region(printable(region)))?;
        if let Some(instance) = instance {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            if !instance.chars().all(allowed) {
                return Err(EndpointError::Instance(printable(instance)));
            }
        }
        let url = Url::parse(&format!("https://{host}/"))
            .map_err(|error| EndpointError::Address(error.to_string()))?;
        Ok(Self {
            written: source.to_owned(),
            url,
            host_header: host,
            region: Some(region.to_owned()),
            instance: instance.map(str::to_owned),
        })
    }

    fn of_url(source: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let url = Url::parse(source).map_err(|error| EndpointError::Address(error.to_string()))?;
        let host = url.host_str().unwrap_or_default();
        let extra = if !url.username().is_empty() || url.password().is_some() {
            Some("a user or password")
        } else if url.path() != "/" {
            Some("a path")
        } else if url.query().is_some() {
            Some("a query")
        } else if url.fragment().is_some() {
            Some("a fragment")
        } else {
            None
        };
        if let Some(extra) = extra {
            return Err(EndpointError::Extra(extra));
        }
        if url.scheme() == "http" && !allow_http && !is_loopback(&url) {
            return Err(EndpointError::PlainHttp(host.to_owned()));
        }
        let host_header = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self {
            written: source.to_owned(),
            host_header,
            region: None,
            instance: None,
            url,
        })
    }
}

/// Writes the source as the user gave it.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Returns whether the host is in 127.0.0.0/8, `::1` or `localhost`.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<std::net::IpAddr>()
        .map_or(bare == "localhost", |address| address.is_loopback())
}

/// Shortens a part of the source for messages, and removes everything before an `@`, which may be a password.
pub(super) fn printable(text: &str) -> String {
    let text = text.rsplit('@').next().unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// The reason why a source is not the address of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The source has no scheme.
    #[error("`{0}` is not the address of an OnsMessageTrace gateway")]
    NoScheme(String),
    /// The scheme is neither `ons://` nor `http(s)://`.
    #[error("unknown scheme `{0}`; a source is ons://REGION, https://…, rocketmq://… or a file")]
    Scheme(String),
    /// The region is unknown.
    #[error("unknown region `{0}`")]
    Region(String),
    /// The instance ID contains invalid characters.
    #[error("`{0}` is not an instance ID: expected letters, digits, `_` and `-`")]
    Instance(String),
    /// The address is not a URL.
    #[error("the source is not a URL: {0}")]
    Address(String),
    /// The URL has more than scheme, host and port.
    #[error("the source has {0}: expected https://HOST or https://HOST:PORT")]
    Extra(&'static str),
    /// Plain HTTP to another machine.
    #[error("plain http to {0} would show what is asked to everyone on the way")]
    PlainHttp(String),
}

impl Advice for EndpointError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Region(wrong) => {
                let near = regions::near(wrong);
                let meant = if near.is_empty() {
                    "the console shows the region.".to_owned()
                } else {
                    format!("did you mean {}?", near.join(" or "))
                };
                format!(
                    "{meant} For a region that is not in our table, name its host: https://HOST"
                )
            }
            Self::PlainHttp(host) => {
                format!("use https://{host}, or add --allow-http on a network you trust")
            }
            Self::Instance(_) => {
                "ons://REGION/INSTANCE_ID, for example ons://cn-hangzhou/MQ_INST_123_BXabc".into()
            }
            Self::Extra("a user or password") => {
                "keys come from the environment or a profile, never from the source".into()
            }
            Self::Scheme(wrong) => {
                let near = |(scheme, _): &(&str, &str)| {
                    regions::distance(scheme, wrong) <= scheme.len() / 3
                };
                let (_, meant) = SOURCES.into_iter().find(near).unwrap_or(SOURCES[0]);
                format!("for example --source {meant}")
            }
            Self::NoScheme(_) | Self::Address(_) | Self::Extra(_) => {
                "ons://REGION, ons://REGION/INSTANCE_ID or https://HOST[:PORT]".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sources_lead_to_their_gateways() {
        for (source, url, host_header, instance) in [
            (
                "ons://cn-hangzhou",
                "https://ons.cn-hangzhou.aliyuncs.com/",
                "ons.cn-hangzhou.aliyuncs.com",
                None,
            ),
            (
                "ons://cn-hangzhou/",
                "https://ons.cn-hangzhou.aliyuncs.com/",
                "ons.cn-hangzhou.aliyuncs.com",
                None,
            ),
            (
                "ons://mq-internet-access/MQ_INST_1_BX",
                "https://ons.mq-internet-access.aliyuncs.com/",
                "ons.mq-internet-access.aliyuncs.com",
                Some("MQ_INST_1_BX"),
            ),
            (
                "ons://cn-beijing-gov-1",
                "https://ons.aliyuncs.com/",
                "ons.aliyuncs.com",
                None,
            ),
            (
                "https://ons-vpc.cn-hangzhou.aliyuncs.com:443",
                "https://ons-vpc.cn-hangzhou.aliyuncs.com/",
                "ons-vpc.cn-hangzhou.aliyuncs.com",
                None,
            ),
            (
                "https://gw.example:8443/",
                "https://gw.example:8443/",
                "gw.example:8443",
                None,
            ),
            (
                "http://127.8.9.1:8181",
                "http://127.8.9.1:8181/",
                "127.8.9.1:8181",
                None,
            ),
            (
                "http://[::1]:8181",
                "http://[::1]:8181/",
                "[::1]:8181",
                None,
            ),
            ("http://localhost", "http://localhost/", "localhost", None),
        ] {
            let endpoint = Endpoint::parse(source, false).unwrap();
            assert_eq!(endpoint.url().as_str(), url);
            assert_eq!(endpoint.host_header(), host_header);
            assert_eq!(endpoint.instance(), instance);
            assert_eq!(endpoint.to_string(), source);
        }
    }

    #[test]
    fn anything_else_is_refused_with_a_way_out() {
        for (source, message, hint) in [
            ("cn-hangzhou", "not the address", "ons://REGION"),
            ("ftp://host", "unknown scheme `ftp`", "ons://cn-hangzhou"),
            (
                "on://cn-hangzhou",
                "unknown scheme `on`; a source is ons://REGION, https://…, rocketmq://… or a file",
                "--source ons://cn-hangzhou",
            ),
            (
                "rocket://h:1",
                "unknown scheme `rocket`",
                "--source rocketmq://HOST",
            ),
            (
                "ons://cn-hangzou",
                "unknown region `cn-hangzou`",
                "did you mean cn-hangzhou? For a region that is not in our table, name its host: https://HOST",
            ),
            ("ons://", "unknown region ``", "https://HOST"),
            (
                "ons://cn-hangzhou/a b",
                "`a b` is not an instance ID",
                "MQ_INST",
            ),
            (
                "ons://cn-hangzhou/a/b",
                "`a/b` is not an instance ID",
                "MQ_INST",
            ),
            (
                "http://ons.cn-hangzhou.aliyuncs.com",
                "plain http to ons.cn-hangzhou",
                "--allow-http",
            ),
            (
                "http://127.0.0.1.evil.example",
                "plain http",
                "--allow-http",
            ),
            ("https://host/path", "has a path", "https://HOST"),
            ("https://host?x=1", "has a query", "https://HOST"),
            ("https://host#x", "has a fragment", "https://HOST"),
            ("https://key:hunter2@host", "has a user", "environment"),
            ("https://", "not a URL", "https://HOST"),
        ] {
            let error = Endpoint::parse(source, false).unwrap_err();
            assert!(error.to_string().contains(message), "{source}: {error}");
            assert!(!error.to_string().contains("hunter2"));
            let expected = error.hint().unwrap();
            assert!(expected.contains(hint), "{source}: {expected}");
        }
        assert!(Endpoint::parse("http://gw.example", true).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_a_bare_address_or_refused_without_its_password(
            scheme in "(ons|https?|HTTP|ftp|.{0,3}):?/{0,3}",
            password in "(key:hunter2@)?",
            host in "cn-hangzhou|127\\.0\\.0\\.1|localhost|\\[::1\\]|[a-z.\\[\\]:%é]{0,8}|.{0,6}",
            rest in "(:[0-9]{0,6})?[/?#]?[a-zA-Z_%]{0,3}",
            allow_http: bool,
        ) {
            let source = format!("{scheme}{password}{host}{rest}");
            match Endpoint::parse(&source, allow_http) {
                Ok(endpoint) => {
                    let url = endpoint.url();
                    prop_assert!(allow_http || url.scheme() == "https" || endpoint.is_loopback());
                    prop_assert_eq!((url.username(), url.path(), url.query()), ("", "/", None));
                    prop_assert!(reqwest::header::HeaderValue::from_str(endpoint.host_header()).is_ok());
                    prop_assert_eq!(endpoint.to_string(), source.trim());
                }
                Err(error) => prop_assert!(!format!("{error} {:?}", error.hint()).contains("hunter2"), "{}", error),
            }
        }
    }
}
