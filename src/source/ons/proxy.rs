//! The proxy: given by `--proxy` or by the environment.

use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::endpoint::printable;
use super::{ConfigError, no_proxy};

/// The address of a proxy, without secrets: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(pub(super) Url);

/// The proxy on the way to a server.
#[derive(Debug)]
pub(super) struct ProxyRoute {
    /// The address, without user and password.
    address: String,
    auth: Option<HeaderValue>,
    /// Whether the connection to the proxy is encrypted.
    pub(super) speaks_tls: bool,
}

impl ProxyRoute {
    /// Returns the proxy for the HTTP client. It has no exceptions: `NO_PROXY` has been considered.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot use the address.
    pub(super) fn for_client(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        let proxy = reqwest::Proxy::all(&self.address)?;
        Ok(match &self.auth {
            Some(auth) => proxy.custom_http_auth(auth.clone()),
            None => proxy,
        })
    }
}

/// Returns the proxy for calls to `url`: `given`, or the one of the environment. `None` if there is none, or if
/// `NO_PROXY` exempts the host. All variables are read in upper and lower case; the first one that is set counts.
///
/// # Errors
///
/// If a proxy variable or an entry of `NO_PROXY` is not valid. Ignoring it would bypass the proxy, or show it a request
/// that was to bypass it.
pub(super) fn route(
    url: &Url,
    given: Option<&Proxy>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<ProxyRoute>, ConfigError> {
    let first_set = |names: [&'static str; 2]| {
        let set = names.into_iter().find_map(|name| Some((name, env(name)?)));
        set.filter(|(_, value)| !value.trim().is_empty())
    };
    let own = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let by_flag = given.map(|Proxy(address)| ("--proxy", address.to_string()));
    let Some((variable, value)) = by_flag
        .or_else(|| first_set(own))
        .or_else(|| first_set(["ALL_PROXY", "all_proxy"]))
    else {
        return Ok(None);
    };
    if let Some((variable, list)) = first_set(["NO_PROXY", "no_proxy"]) {
        let exempts = no_proxy::exempts(&list, url).map_err(|entry| ConfigError::NoProxy {
            variable,
            entry: printable(entry),
        })?;
        if exempts {
            return Ok(None);
        }
    }
    let wrong = || ConfigError::Proxy { variable };
    let found = Matcher::builder().all(value).build();
    let any_host = "http://host".parse().map_err(|_| wrong())?;
    let found = found.intercept(&any_host).ok_or_else(wrong)?;
    let speaks_tls = match (found.uri().scheme_str(), found.uri().host()) {
        (_, None | Some("")) => return Err(wrong()),
        (Some("http"), _) => false,
        (Some("https"), _) => true,
        _ => return Err(wrong()),
    };
    Ok(Some(ProxyRoute {
        address: found.uri().to_string(),
        auth: found.basic_auth().cloned(),
        speaks_tls,
    }))
}

/// The reason why an address is not valid for a proxy. The messages do not quote it because it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadProxy {
    /// Not a URL with a supported scheme.
    Address,
    /// The address contains a user or password.
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

    #[track_caller]
    fn check(url: &str, env: &[(&str, &str)], expected: Result<Option<bool>, &str>) {
        let variable = |name: &str| {
            let (_, value) = env.iter().find(|(set, _)| *set == name)?;
            Some((*value).to_owned())
        };
        let found = match route(&url.parse().unwrap(), None, &variable) {
            Ok(route) => Ok(route.map(|route| route.speaks_tls)),
            Err(ConfigError::Proxy { variable } | ConfigError::NoProxy { variable, .. }) => {
                Err(variable)
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{url} {env:?}");
    }

    #[test]
    fn the_environment_names_a_proxy() {
        let (plain, tls) = ("http://ons.example", "https://ons.example");
        for (url, env, route) in [
            (plain, &[][..], None),
            (
                plain,
                &[("HTTP_PROXY", "http://bob:pw@proxy:3128")],
                Some(false),
            ),
            (plain, &[("HTTP_PROXY", "proxy:3128")], Some(false)),
            (plain, &[("HTTP_PROXY", "https://proxy")], Some(true)),
            (plain, &[("http_proxy", "https://proxy")], Some(true)),
            (plain, &[("all_proxy", "https://proxy")], Some(true)),
            (tls, &[("HTTPS_PROXY", "https://proxy")], Some(true)),
            // The variable applies to another scheme or to other hosts.
            (plain, &[("HTTPS_PROXY", "not a url")], None),
            (
                plain,
                &[("HTTP_PROXY", "not a url"), ("NO_PROXY", "x, .example")],
                None,
            ),
            // An empty variable counts as unset; the first one that is set counts.
            (
                plain,
                &[("HTTP_PROXY", " "), ("ALL_PROXY", "https://proxy")],
                Some(true),
            ),
            (
                plain,
                &[("HTTP_PROXY", ""), ("http_proxy", "not a url")],
                None,
            ),
        ] {
            check(url, env, Ok(route));
        }
    }

    #[test]
    fn a_variable_that_names_none_is_refused() {
        let (plain, tls) = ("http://ons.example", "https://ons.example");
        for (url, env, variable) in [
            (
                plain,
                &[("HTTP_PROXY", "http://user:PASS@[bad")][..],
                "HTTP_PROXY",
            ),
            (plain, &[("http_proxy", "http://")], "http_proxy"),
            (
                plain,
                &[("HTTP_PROXY", "not a url"), ("ALL_PROXY", "http://proxy")],
                "HTTP_PROXY",
            ),
            (tls, &[("HTTPS_PROXY", "ftp://proxy")], "HTTPS_PROXY"),
            (
                tls,
                &[("https_proxy", "socks5://proxy:1080")],
                "https_proxy",
            ),
            (tls, &[("ALL_PROXY", "http://pro xy")], "ALL_PROXY"),
            (
                tls,
                &[("ALL_PROXY", "http://proxy"), ("no_proxy", "ons.*")],
                "no_proxy",
            ),
            (
                tls,
                &[("NO_PROXY", ""), ("all_proxy", ":3128")],
                "all_proxy",
            ),
        ] {
            check(url, env, Err(variable));
        }
    }
}
