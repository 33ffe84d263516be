//! The proxy: given by `--proxy` or by the environment.

use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The address of a proxy, without secrets: `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(pub(super) Url);

/// Returns whether the environment routes calls to `url` through a proxy that speaks TLS. Follows the rules of
/// the HTTP client, including upper and lower case, `ALL_PROXY` and `NO_PROXY`.
///
/// Fails if a proxy variable has an invalid value: the HTTP client would silently ignore it and bypass the
/// proxy.
pub(super) fn speaks_tls(
    url: &Url,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<bool, &'static str> {
    let Ok(to) = url.as_str().parse() else {
        return Ok(false);
    };
    let first_set = |names: [&'static str; 2]| {
        let set = names.into_iter().find_map(|name| Some((name, env(name)?)));
        set.filter(|(_, value)| !value.trim().is_empty())
    };
    let own = match url.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy"],
        _ => ["HTTP_PROXY", "http_proxy"],
    };
    let Some((name, value)) = first_set(own).or_else(|| first_set(["ALL_PROXY", "all_proxy"]))
    else {
        return Ok(false);
    };
    let (_, direct) = first_set(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let through = |proxy: String| {
        let rules = Matcher::builder().all(proxy).no(direct.clone());
        rules.build().intercept(&to)
    };
    if through("http://any".to_owned()).is_none() {
        return Ok(false);
    }
    let proxy = through(value).ok_or(name)?;
    match (proxy.uri().scheme_str(), proxy.uri().host()) {
        (_, None | Some("")) => Err(name),
        (Some("http"), _) => Ok(false),
        (Some("https"), _) => Ok(true),
        _ => Err(name),
    }
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
    fn check(url: &str, env: &[(&str, &str)], found: Result<bool, &str>) {
        let variable = |name: &str| {
            let (_, value) = env.iter().find(|(set, _)| *set == name)?;
            Some((*value).to_owned())
        };
        let url = url.parse().unwrap();
        assert_eq!(speaks_tls(&url, &variable), found, "{url} {env:?}");
    }

    #[test]
    fn the_environment_names_a_proxy() {
        let (plain, tls) = ("http://ons.example", "https://ons.example");
        for (url, env, speaks_tls) in [
            (plain, &[][..], false),
            (plain, &[("HTTP_PROXY", "http://bob:pw@proxy:3128")], false),
            (plain, &[("HTTP_PROXY", "proxy:3128")], false),
            (plain, &[("HTTP_PROXY", "https://proxy")], true),
            (plain, &[("http_proxy", "https://proxy")], true),
            (plain, &[("all_proxy", "https://proxy")], true),
            (tls, &[("HTTPS_PROXY", "https://proxy")], true),
            // The variable applies to another scheme or to other hosts.
            (plain, &[("HTTPS_PROXY", "not a url")], false),
            (
                plain,
                &[("HTTP_PROXY", "not a url"), ("NO_PROXY", "x, .example")],
                false,
            ),
            // An empty variable counts as unset; the first one that is set counts.
            (
                plain,
                &[("HTTP_PROXY", " "), ("ALL_PROXY", "https://proxy")],
                true,
            ),
            (
                plain,
                &[("HTTP_PROXY", ""), ("http_proxy", "not a url")],
                false,
            ),
        ] {
            check(url, env, Ok(speaks_tls));
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
                &[("NO_PROXY", ""), ("all_proxy", ":3128")],
                "all_proxy",
            ),
        ] {
            check(url, env, Err(variable));
        }
    }
}
