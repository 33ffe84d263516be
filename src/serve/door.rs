//! Who is let in: key, date, signature, token, nonce, in that order.
//!
//! The nonce comes last, so that only a request that its key's owner signed can use one up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::keys::{Key, Keys, Scope};
use super::nonces::{Nonces, WINDOW};
use super::{Proof, Refusal};
use crate::clock::Clock;

/// Whose requests are counted together where there are no keys.
const ANYBODY: &str = "anybody";

/// Checks what requests bring.
#[derive(Debug)]
pub struct Door {
    /// None at all: whoever can reach us may ask.
    keys: RwLock<Option<Arc<Keys>>>,
    nonces: Mutex<Nonces>,
    clock: Clock,
    anybody: Arc<str>,
}

/// Who asks, after the door.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whose quota the call counts against.
    pub account: Arc<str>,
    /// Its rights; nobody's where there are no keys.
    key: Option<Arc<Key>>,
}

impl Door {
    /// With these keys only; with none, every request is let in and no signature is checked.
    #[must_use]
    pub fn new(keys: Option<Keys>, clock: Clock) -> Self {
        Self {
            keys: RwLock::new(keys.map(Arc::new)),
            nonces: Mutex::default(),
            clock,
            anybody: ANYBODY.into(),
        }
    }

    /// From now on, these keys.
    pub fn change_keys(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys));
    }

    /// Lets a request in, or says why not.
    pub fn admit(&self, proof: Option<&Proof>) -> Result<Caller, Refusal> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let Some(keys) = keys.as_deref() else {
            return Ok(Caller {
                account: Arc::clone(&self.anybody),
                key: None,
            });
        };
        let proof = proof.ok_or(Refusal::MissingParameter("Signature"))?;
        let key = keys.get(&proof.key_id).ok_or(Refusal::UnknownKey)?;
        if !key.active {
            return Err(Refusal::InactiveKey);
        }
        let now = (self.clock)();
        let date = date_of(&proof.date)?;
        if now.duration_since(date).abs() > WINDOW {
            return Err(Refusal::TimestampExpired);
        }
        if !proof.holds(&key.secret) {
            return Err(Refusal::WrongSignature(proof.shown()));
        }
        check_token(key, proof)?;
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        nonces.take(&key.id, &proof.nonce, date, now)?;
        Ok(Caller {
            account: Arc::clone(&key.account),
            key: Some(Arc::clone(key)),
        })
    }
}

impl Caller {
    /// The key that was checked: none where there are no keys, whatever the request says.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key.as_ref().map(|key| &*key.id)
    }

    /// The topics that it may know of, where those are not all.
    #[must_use]
    pub fn topics(&self) -> Option<&BTreeSet<String>> {
        match &self.key.as_ref()?.topics {
            Scope::Only(topics) => Some(topics),
            Scope::All => None,
        }
    }

    /// May it ask about this topic?
    pub fn may_use_topic(&self, topic: &str) -> Result<(), Refusal> {
        let allowed = self.key.as_ref().is_none_or(|key| key.topics.has(topic));
        permitted(allowed, || format!("topic {topic}"))
    }

    /// May it ask about this instance? One that nobody names is anybody's who may use them all.
    pub fn may_use_instance(&self, instance: Option<&str>) -> Result<(), Refusal> {
        let instance = instance.unwrap_or_default();
        let allowed = self
            .key
            .as_ref()
            .is_none_or(|key| key.instances.has(instance));
        permitted(allowed, || format!("instance {instance}"))
    }
}

fn permitted(allowed: bool, what: impl FnOnce() -> String) -> Result<(), Refusal> {
    if allowed {
        Ok(())
    } else {
        Err(Refusal::NoPermission(what()))
    }
}

/// Whoever gets here holds the secret, so comparing the token in plain tells no stranger anything.
fn check_token(key: &Key, proof: &Proof) -> Result<(), Refusal> {
    let expected = key.token.as_ref().map(ExposeSecret::expose_secret);
    match (expected, proof.token.as_deref()) {
        (Some(_), None) => Err(Refusal::MissingToken),
        (expected, brought) if expected == brought => Ok(()),
        _ => Err(Refusal::WrongToken),
    }
}

/// `2026-11-22T12:00:00Z` and no other form (`facts/ons-api.md` §3.2).
fn date_of(text: &str) -> Result<Timestamp, Refusal> {
    if text.len() != 20 || !text.ends_with('Z') {
        return Err(Refusal::TimestampFormat);
    }
    text.parse().map_err(|_| Refusal::TimestampFormat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_form_of_date_is_understood() {
        assert!(date_of("2026-11-22T12:00:00Z").is_ok());
        for text in [
            "",
            "2026-11-22T12:00:00",
            "2026-11-22T12:00:00.1Z",
            "2026-11-22 12:00:00Z ",
            "2026-11-22T25:00:00Z",
            "20261122T120000Z0000Z",
        ] {
            assert_eq!(date_of(text), Err(Refusal::TimestampFormat), "{text}");
        }
    }
}
