//! `NO_PROXY`: the hosts that are reached without a proxy.
//!
//! There is no standard. Entries mean what they mean to Go (`golang.org/x/net/http/httpproxy`), which reads more forms
//! than curl; only a leading dot also matches the domain itself, as in curl. The HTTP client's own reader does not know
//! ports, brackets and `*.`, and its `*` matches no IP addresses (seanmonstar/reqwest#2579).

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use reqwest::Url;

/// Returns whether `list`, separated by commas, exempts the host of `url` from the proxy.
///
/// # Errors
///
/// The first entry that cannot be read, if no other entry exempts the host: it might have meant this host, and the proxy
/// would see a request that was to bypass it.
pub(super) fn exempts<'a>(list: &'a str, url: &Url) -> Result<bool, &'a str> {
    let entries = list.split(',').map(str::trim);
    let mut unreadable = None;
    for entry in entries.filter(|entry| !entry.is_empty()) {
        match matches(entry, url) {
            Some(true) => return Ok(true),
            Some(false) => {}
            None => unreadable = unreadable.or(Some(entry)),
        }
    }
    unreadable.map_or(Ok(false), Err)
}

/// Returns whether an entry matches. `None` if it cannot be read.
fn matches(entry: &str, url: &Url) -> Option<bool> {
    if entry == "*" {
        return Some(true);
    }
    let (host, port) = split_port(entry)?;
    let fits_port = port.is_none() || port == url.port_or_known_default();
    let asked = url.host_str()?.trim_end_matches('.');
    let asked_ip = asked.trim_matches(['[', ']']).parse::<IpAddr>();
    let fits_host = if let Some(net) = network(host) {
        asked_ip.is_ok_and(|ip| net.contains(&ip))
    } else {
        let (domain, has_wildcard) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host.strip_prefix('.').unwrap_or(host), false),
        };
        let domain = normalized(domain)?;
        match asked.strip_suffix(&*domain) {
            Some("") => !has_wildcard,
            Some(subdomain) => subdomain.ends_with('.'),
            None => false,
        }
    };
    Some(fits_port && fits_host)
}

/// Splits `HOST:PORT` and `[IPv6]:PORT`; the port is optional.
fn split_port(entry: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = entry.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        match after {
            "" => (address, None),
            _ => (address, Some(after.strip_prefix(':')?)),
        }
    } else if network(entry).is_some() {
        (entry, None)
    } else {
        match entry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (entry, None),
        }
    };
    let port = port.map(str::parse).transpose().ok()?;
    Some((host, port))
}

/// Parses an IP address or a network such as `10.0.0.0/8`.
fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).ok()
}

/// Returns a domain as URLs write it: in lower case and without Unicode. `None` if it is none, such as `10.0.` or `a*b`.
fn normalized(domain: &str) -> Option<String> {
    let domain = domain.trim_end_matches('.');
    let is_number = domain.chars().all(|c| c.is_ascii_digit() || c == '.');
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if is_number || !domain.chars().all(allowed) {
        return None;
    }
    let url = Url::parse(&format!("http://{domain}/")).ok()?;
    url.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_match_names_addresses_networks_and_ports() {
        let (name, v4, v6) = (
            "https://mq.example.test",
            "http://10.9.9.9:8080",
            "http://[fd00::1]:80",
        );
        for (list, url, exempted) in [
            ("*", name, true),
            ("*", v4, true),
            ("*", v6, true),
            ("foo, *", v4, true),
            ("", name, false),
            (" , ,", v4, false),
            ("mq.example.test", name, true),
            ("MQ.Example.Test.", name, true),
            ("example.test", name, true),
            (".example.test", name, true),
            ("*.example.test", name, true),
            ("*.mq.example.test", name, false),
            (".mq.example.test", name, true),
            ("q.example.test", name, false),
            ("example", name, false),
            ("x,example.test:443", name, true),
            ("example.test:80", name, false),
            ("*.example.test:443", name, true),
            ("bücher.test", "http://a.xn--bcher-kva.test", true),
            ("example.test", "http://mq.example.test.:80", true),
            ("10.9.9.9", v4, true),
            ("10.9.9.9:8080", v4, true),
            ("10.9.9.9:80", v4, false),
            ("10.0.0.0/8", v4, true),
            ("10.0.0.0/16", v4, false),
            ("10.0.0.0/8:8080", v4, true),
            ("10.0.0.0/8:80", v4, false),
            ("9.9", "http://mq.example.test", false),
            ("fd00::1", v6, true),
            ("FD00:0::1", v6, true),
            ("[fd00::1]", v6, true),
            ("[fd00::1]:80", v6, true),
            ("[fd00::1]:81", v6, false),
            ("fd00::/8", v6, true),
            ("fd00::/8", v4, false),
        ] {
            let found = exempts(list, &url.parse().unwrap());
            let expected = if list == "9.9" {
                Err("9.9")
            } else {
                Ok(exempted)
            };
            assert_eq!(found, expected, "{list} {url}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_unless_another_entry_decides() {
        let url = "http://10.9.9.9:8080".parse().unwrap();
        for entry in [
            "10.9.*",
            "10.9.",
            "*example.test",
            "a*b",
            "<local>",
            "http://10.9.9.9",
            "10.0.0.0/33",
            "10.0.0.0/255.0.0.0",
            "10.9.9.9:http",
            "10.9.9.9:99999",
            "[fd00::1",
            "[10.9.9.9]",
            "[fd00::1]80",
            "fe80::1%eth0",
            "*.",
            ".",
            "a b",
        ] {
            let list = format!("x.test, {entry}, a*c");
            assert_eq!(exempts(&list, &url), Err(entry));
            let list = format!("{entry},10.9.9.9");
            assert_eq!(exempts(&list, &url), Ok(true), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn a_list_exempts_what_one_of_its_entries_exempts(
            entries in prop::collection::vec("[a-z0-9*.:/\\[\\]]{0,8}|10\\.0\\.0\\.0/[0-9]|[a-c]\\.test(:80)?", 0..4),
            host in "[a-c]\\.test|10\\.[0-9]\\.0\\.1|\\[fd00::[1-9]\\]",
        ) {
            let url = format!("http://{host}").parse().unwrap();
            let any = entries.iter().any(|entry| exempts(entry, &url) == Ok(true));
            prop_assert_eq!(exempts(&entries.join(","), &url) == Ok(true), any);
        }
    }
}
