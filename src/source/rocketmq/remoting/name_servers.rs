//! Addresses of name servers, as in `rocketmq://HOST:PORT,HOST:PORT`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::exit::Advice;

const SCHEME: &str = "rocketmq://";
const PORT: u16 = 9876;

/// One or more addresses, `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers(Arc<[Arc<str>]>);

impl NameServers {
    /// Returns the addresses in the given order.
    #[must_use]
    pub fn addresses(&self) -> &[Arc<str>] {
        &self.0
    }
}

impl fmt::Display for NameServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0.join(","))
    }
}

impl FromStr for NameServers {
    type Err = BadNameServers;

    /// Parses addresses, with or without the scheme. `;` separates addresses too, as in Java's settings. The
    /// default port is 9876.
    fn from_str(text: &str) -> Result<Self, BadNameServers> {
        let list = text.strip_prefix(SCHEME).unwrap_or(text);
        let addresses: Vec<_> = list
            .split([',', ';'])
            .map(str::trim)
            .filter(|address| !address.is_empty())
            .map(address)
            .collect::<Result<_, _>>()?;
        if addresses.is_empty() {
            return Err(BadNameServers::None);
        }
        Ok(Self(addresses.into()))
    }
}

fn address(text: &str) -> Result<Arc<str>, BadNameServers> {
    if text.contains('@') {
        return Err(BadNameServers::Secret);
    }
    let (host, port) = split(text).ok_or_else(|| BadNameServers::Address(text.to_owned()))?;
    Ok(format!("{host}:{}", port.unwrap_or(PORT)).into())
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let colon = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<std::net::Ipv6Addr>().ok()?;
            let behind = end + 2;
            (behind < text.len()).then_some(behind)
        }
        None => text.find(':'),
    };
    let (host, port) = match colon {
        None => (text, None),
        Some(at) => {
            let port = text[at..].strip_prefix(':')?.parse().ok()?;
            (&text[..at], Some(port).filter(|port| *port != 0))
        }
    };
    let fits =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    (!host.is_empty() && host.chars().all(fits)).then_some((host, port))
}

/// The reason why a text is not a list of name servers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadNameServers {
    /// The list is empty.
    #[error("no name server, expected rocketmq://HOST:PORT[,HOST:PORT]…")]
    None,
    /// Not a host and a port.
    #[error("`{0}` is not the address of a name server, expected HOST:PORT")]
    Address(String),
    /// The text contains an `@`; what precedes it may be a secret and is not shown.
    #[error("the source holds a user or a password, and secrets are never settings")]
    Secret,
}

impl Advice for BadNameServers {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::None | Self::Address(_) => {
                "--source rocketmq://HOST:9876, or several with commas: rocketmq://HOST:9876,HOST:9876".into()
            }
            Self::Secret => format!(
                "give the keys of a cluster with ACL in {} and {}",
                super::acl::ACCESS_KEY,
                super::acl::SECRET_KEY
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_write_them() {
        let table = [
            ("rocketmq://ns1:9876", "rocketmq://ns1:9876"),
            ("ns1", "rocketmq://ns1:9876"),
            (
                "rocketmq://ns1:9876,ns2:9877",
                "rocketmq://ns1:9876,ns2:9877",
            ),
            ("ns1:1;ns2 , ns3;", "rocketmq://ns1:1,ns2:9876,ns3:9876"),
            ("10.0.0.1:9876", "rocketmq://10.0.0.1:9876"),
            (
                "[::1]:9876,[fe80::1]",
                "rocketmq://[::1]:9876,[fe80::1]:9876",
            ),
        ];
        for (text, shown) in table {
            let servers: NameServers = text.parse().unwrap();
            assert_eq!(servers.to_string(), shown);
            assert_eq!(shown.parse::<NameServers>().unwrap(), servers);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for none in ["", "rocketmq://", ",;"] {
            assert_eq!(
                none.parse::<NameServers>(),
                Err(BadNameServers::None),
                "{none}"
            );
        }
        for wrong in [
            "ns1:",
            "ns1:x",
            "ns1:99999",
            ":9876",
            "ns 1",
            "ns1/path",
            "::1",
            "[::1",
            "[x]:1",
            "[::1]9876",
            "http://ns1",
        ] {
            let refused = wrong.parse::<NameServers>().unwrap_err();
            assert!(
                matches!(refused, BadNameServers::Address(_)),
                "{wrong}: {refused}"
            );
            assert!(refused.hint().is_some());
        }
        let secret = "user:s3cret@ns1:9876".parse::<NameServers>().unwrap_err();
        assert!(!format!("{secret} {secret:?} {:?}", secret.hint()).contains("s3cret"));
    }
}
