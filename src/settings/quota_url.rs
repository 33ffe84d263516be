//! The address of a quota that several machines share: `redis://[USER@]HOST[:PORT]/KEY[?db=N]`, or `rediss://` for TLS.

use std::fmt;
use std::str::FromStr;

/// The port of a Redis server if the address names none.
const PORT: u16 = 6379;

/// What the address looks like.
const FORM: &str = "expected redis://[USER@]HOST[:PORT]/KEY, with ?db=N for another database and rediss:// for TLS";

/// Where a Redis server keeps a quota. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUrl {
    /// Whether the server is spoken to with TLS.
    pub is_tls: bool,
    /// The user, if the server has several.
    pub user: Option<String>,
    /// A name or an address; one of IPv6 is without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The number of the database.
    pub db: u32,
    /// The key of the quota.
    pub key: String,
}

impl QuotaUrl {
    /// Returns the same server and database with another key: this one, a dot and `ending`.
    #[must_use]
    pub fn with_ending(&self, ending: &str) -> Self {
        Self {
            key: format!("{}.{ending}", self.key),
            ..self.clone()
        }
    }

    /// Returns the address to connect to: `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        match &*self.host {
            host if host.contains(':') => format!("[{host}]:{}", self.port),
            host => format!("{host}:{}", self.port),
        }
    }
}

impl FromStr for QuotaUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_tls, rest) = match (
            text.strip_prefix("redis://"),
            text.strip_prefix("rediss://"),
        ) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(FORM.to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, server) = match authority.rsplit_once('@') {
            // The text is not repeated: it may be a password.
            Some((user, _)) if user.contains(':') => {
                return Err(
                    "a password does not belong in the address: put it into ONS_AUDIT_REDIS_PASSWORD".to_owned(),
                );
            }
            Some(("", _)) => return Err(format!("no user before the @; {FORM}")),
            Some((user, server)) => (Some(user.to_owned()), server),
            None => (None, authority),
        };
        let (host, port) = server_of(server)?;
        let (key, query) = path.split_once('?').unwrap_or((path, ""));
        if key.is_empty() || key.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("it names no key without blanks; {FORM}"));
        }
        let db = match query.split_once('=') {
            None if query.is_empty() => 0,
            Some(("db", number)) => number
                .parse()
                .map_err(|_| format!("the database is not a number; {FORM}"))?,
            _ => return Err(format!("only ?db=N may follow the key; {FORM}")),
        };
        Ok(Self {
            is_tls,
            user,
            host,
            port,
            db,
            key: key.to_owned(),
        })
    }
}

/// Splits `HOST[:PORT]`.
fn server_of(text: &str) -> Result<(String, u16), String> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (
            host,
            rest.strip_prefix(':').or(rest.is_empty().then_some("")),
        ),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let port = match port {
        Some("") if !text.ends_with(':') => Some(PORT),
        port => port.and_then(|port| port.parse().ok()),
    };
    match port {
        Some(port) if !host.is_empty() && !host.contains(char::is_whitespace) => {
            Ok((host.to_owned(), port))
        }
        _ => Err(format!("no host and port; {FORM}")),
    }
}

impl fmt::Display for QuotaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        write!(f, "{}/{}", self.address(), self.key)?;
        if self.db > 0 {
            write!(f, "?db={}", self.db)?;
        }
        Ok(())
    }
}

/// Hides what stands before the host of an address if it may contain a password.
pub(super) fn masked(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            format!("{scheme}://***@{}", &rest[user.len() + 1..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_completely() {
        for (text, shown, address) in [
            ("redis://h/k", "redis://h:6379/k", "h:6379"),
            (
                "rediss://h:7000/a/b?db=3",
                "rediss://h:7000/a/b?db=3",
                "h:7000",
            ),
            (
                "redis://me@10.0.0.1/k?db=0",
                "redis://me@10.0.0.1:6379/k",
                "10.0.0.1:6379",
            ),
            ("redis://[::1]/k", "redis://[::1]:6379/k", "[::1]:6379"),
            ("redis://[::1]:7/k", "redis://[::1]:7/k", "[::1]:7"),
        ] {
            let url: QuotaUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.address(), address);
            assert_eq!(shown.parse::<QuotaUrl>().unwrap(), url);
        }
        let url: QuotaUrl = "redis://h/k?db=2".parse().unwrap();
        assert_eq!(
            url.with_ending("traces").to_string(),
            "redis://h:6379/k.traces?db=2"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_password_never_repeated() {
        for text in [
            "",
            "h/k",
            "http://h/k",
            "redis://",
            "redis://h",
            "redis://h/",
            "redis:///k",
            "redis://@h/k",
            "redis://h:/k",
            "redis://h:x/k",
            "redis://h:70000/k",
            "redis://[::1/k",
            "redis://[::1]x/k",
            "redis://h/k?db=x",
            "redis://h/k?ttl=1",
            "redis://h/a b",
        ] {
            let refused = text.parse::<QuotaUrl>();
            assert!(refused.is_err(), "{text}: {refused:?}");
        }
        for text in [
            "redis://:s3cret@h/k",
            "rediss://u:s3cret@h:1/k",
            "redis://u:a@s3cret@h/k",
        ] {
            let problem = text.parse::<QuotaUrl>().unwrap_err();
            assert!(problem.contains("ONS_AUDIT_REDIS_PASSWORD"), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
            assert!(!masked(text).contains("s3cret"), "{}", masked(text));
        }
        for text in ["redis://me@h/k", "redis://h/team:a@b", ""] {
            assert_eq!(masked(text), text);
        }
    }
}
