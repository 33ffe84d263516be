//! Checks a request's access key, date, signature, token and nonce, in this order.
//!
//! The nonce comes last, so that only a request with a valid signature can use one up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::access_keys::{AccessKey, AccessKeys, Scope};
use super::nonces::{Nonces, Now, WINDOW};
use super::{ApiError, RequestSignature};
use crate::clock::Clock;

/// The account of all requests if no keys are configured.
const ANONYMOUS: &str = "anybody";

/// Authenticates requests.
#[derive(Debug)]
pub struct Authenticator {
    /// `None` if no keys are configured: every request is accepted.
    keys: RwLock<Option<Arc<AccessKeys>>>,
    nonces: Mutex<Nonces>,
    clock: Clock,
    anonymous: Arc<str>,
}

/// The authenticated sender of a request.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The account whose quota the call counts against.
    pub account: Arc<str>,
    /// The key with its rights; `None` if no keys are configured.
    key: Option<Arc<AccessKey>>,
}

impl Authenticator {
    /// Creates an authenticator. Without keys, every request is accepted and no signature is checked.
    ///
    /// `started` is when the server started. Requests from before that second are refused, because an earlier server may
    /// have accepted them, and their nonces are not known.
    #[must_use]
    pub fn new(keys: Option<AccessKeys>, clock: Clock, started: Timestamp) -> Self {
        Self {
            keys: RwLock::new(keys.map(Arc::new)),
            nonces: Mutex::new(Nonces::new(Now {
                wall: started,
                monotonic: Instant::now(),
            })),
            clock,
            anonymous: ANONYMOUS.into(),
        }
    }

    /// Replaces the keys for the requests to come.
    pub fn replace_keys(&self, keys: AccessKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    /// Authenticates a request by its signature.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn authenticate(
        &self,
        signature: Option<&RequestSignature>,
    ) -> Result<Principal, ApiError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let Some(keys) = keys.as_deref() else {
            return Ok(Principal {
                account: Arc::clone(&self.anonymous),
                key: None,
            });
        };
        let signature = signature.ok_or(ApiError::MissingParameter("Signature"))?;
        let key = keys.get(&signature.key_id).ok_or(ApiError::UnknownKey)?;
        if !key.active {
            return Err(ApiError::InactiveKey);
        }
        let now = Now {
            wall: (self.clock)(),
            monotonic: Instant::now(),
        };
        let date = date_of(&signature.date)?;
        if now.wall.duration_since(date).abs() > WINDOW {
            return Err(ApiError::TimestampExpired);
        }
        self.nonces().check_date(date)?;
        if !signature.verifies(&key.secret) {
            return Err(ApiError::WrongSignature(signature.signed_text()));
        }
        check_token(key, signature)?;
        self.nonces().claim(&key.id, &signature.nonce, date, now)?;
        Ok(Principal {
            account: Arc::clone(&key.account),
            key: Some(Arc::clone(key)),
        })
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Principal {
    /// Returns the ID of the key that was checked. `None` if no keys are configured, whatever the request contains.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.id)
    }

    /// Returns the topics that the key is restricted to. `None` if it is not restricted.
    #[must_use]
    pub fn topics(&self) -> Option<&BTreeSet<String>> {
        match &self.key.as_ref()?.topics {
            Scope::Only(topics) => Some(topics),
            Scope::All => None,
        }
    }

    /// Checks the right to a topic.
    ///
    /// # Errors
    ///
    /// [`ApiError::NoPermission`].
    pub fn may_use_topic(&self, topic: &str) -> Result<(), ApiError> {
        let allowed = self
            .key
            .as_ref()
            .is_none_or(|key| key.topics.contains(topic));
        permitted(allowed, || format!("topic {topic}"))
    }

    /// Checks the right to an instance. Without an instance, the key must not be restricted to some.
    ///
    /// # Errors
    ///
    /// [`ApiError::NoPermission`].
    pub fn may_use_instance(&self, instance: Option<&str>) -> Result<(), ApiError> {
        let instance = instance.unwrap_or_default();
        let allowed = self
            .key
            .as_ref()
            .is_none_or(|key| key.instances.contains(instance));
        permitted(allowed, || format!("instance {instance}"))
    }
}

fn permitted(allowed: bool, what: impl FnOnce() -> String) -> Result<(), ApiError> {
    if allowed {
        Ok(())
    } else {
        Err(ApiError::NoPermission(what()))
    }
}

/// Compares the token. The signature was valid already, so the time of the comparison reveals nothing to strangers.
fn check_token(key: &AccessKey, signature: &RequestSignature) -> Result<(), ApiError> {
    let expected = key.token.as_ref().map(ExposeSecret::expose_secret);
    match (expected, signature.token.as_deref()) {
        (Some(_), None) => Err(ApiError::MissingToken),
        (expected, received) if expected == received => Ok(()),
        _ => Err(ApiError::WrongToken),
    }
}

/// Parses `2026-11-22T12:00:00Z` and no other form (`docs/facts/ons-api.md` §3.2).
fn date_of(text: &str) -> Result<Timestamp, ApiError> {
    if text.len() != 20 || !text.ends_with('Z') {
        return Err(ApiError::TimestampFormat);
    }
    text.parse().map_err(|_| ApiError::TimestampFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_form_of_date_is_accepted() {
        assert!(date_of("2026-11-22T12:00:00Z").is_ok());
        for text in [
            "",
            "2026-11-22T12:00:00",
            "2026-11-22T12:00:00.1Z",
            "2026-11-22 12:00:00Z ",
            "2026-11-22T25:00:00Z",
            "20261122T120000Z0000Z",
        ] {
            assert_eq!(date_of(text), Err(ApiError::TimestampFormat), "{text}");
        }
    }
}
