//! Helpers for the tests of the services.

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::super::*;
use crate::source::ons::Network;

fn now() -> Timestamp {
    "2026-08-01T12:00:00.7Z".parse().unwrap()
}

pub(super) fn fetcher() -> Fetcher {
    Fetcher::new(Network::default(), now)
}

/// A fetcher that uses a proxy for everything but this machine.
pub(super) fn fetcher_behind(proxy: &reqwest::Url) -> Fetcher {
    let network = Network {
        proxy: Some(proxy.as_str().parse().unwrap()),
        ..Network::default()
    };
    Fetcher::new(network, now)
}

pub(super) fn provider(kind: ProviderKind) -> Provider {
    Provider {
        name: "p".into(),
        kind,
    }
}

/// A response of the metadata service or a credentials URI.
pub(super) fn handed(id: &str) -> String {
    json!({"Code": "Success", "AccessKeyId": id, "AccessKeySecret": "r0le-secret", "SecurityToken": "r0le-token",
        "Expiration": "2026-08-01T13:00:00Z", "LastUpdated": "2026-08-01T07:00:00Z"})
    .to_string()
}

#[track_caller]
pub(super) fn is_the_roles(issued: &Issued, id: &str) {
    let key = &issued.credentials;
    assert_eq!((&*key.access_key_id, &*key.provider), (id, "p"));
    assert_eq!(key.access_key_secret.expose_secret(), "r0le-secret");
    assert_eq!(
        key.security_token.as_ref().unwrap().expose_secret(),
        "r0le-token"
    );
    assert_eq!(
        issued.expires,
        Some("2026-08-01T13:00:00Z".parse().unwrap())
    );
}

pub(super) fn parameters(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    let mut pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    pairs.sort_unstable();
    pairs
}
