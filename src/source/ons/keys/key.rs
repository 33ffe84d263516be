//! A key prepared for signing, and its lifetime.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::InvalidHeaderValue;

use super::super::Endpoint;
use super::super::credentials::Issued;
use super::super::redact::Redactor;
use super::super::request::{Calls, Signature};
use crate::clock::Clock;

/// Renewal is due when less than this remains (`docs/facts/ons-api.md` §7.3), or half of a shorter lifetime.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);

/// Whether a key can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeyState {
    /// The key can be used.
    Valid,
    /// The key can be used, and its renewal should start.
    RenewalDue,
    /// The key has expired.
    Expired,
}

/// A key prepared for signing.
#[derive(Debug)]
pub(in super::super) struct ActiveKey {
    pub(super) calls: Calls,
    redactor: Redactor,
    due: Timestamp,
    ends: Timestamp,
    /// Whether this key replaced one that the gateway refused, and has not been accepted yet.
    is_second_try: AtomicBool,
}

impl ActiveKey {
    pub(super) fn new(
        issued: Issued,
        builder: &KeyBuilder,
        now: Timestamp,
        is_second_try: bool,
    ) -> Result<Self, InvalidHeaderValue> {
        let Issued {
            credentials,
            expires,
        } = issued;
        let redactor = credentials.redactor();
        let calls = Calls::new(&builder.endpoint, credentials, builder.signature)?;
        let ends = expires.unwrap_or(Timestamp::MAX);
        let margin = MARGIN.min(ends.duration_since(now) / 2);
        Ok(Self {
            calls,
            redactor,
            due: ends.saturating_sub(margin).unwrap_or(ends),
            ends,
            is_second_try: is_second_try.into(),
        })
    }

    pub(in super::super) fn state(&self, now: Timestamp) -> KeyState {
        if now < self.due {
            KeyState::Valid
        } else if now < self.ends {
            KeyState::RenewalDue
        } else {
            KeyState::Expired
        }
    }

    /// Records that the gateway accepted the key. If it is refused later, it has expired and a new key will
    /// help.
    pub(in super::super) fn confirm(&self) {
        self.is_second_try.store(false, Relaxed);
    }

    pub(super) fn is_second_try(&self) -> bool {
        self.is_second_try.load(Relaxed)
    }

    pub(in super::super) const fn calls(&self) -> &Calls {
        &self.calls
    }

    pub(in super::super) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// Prepares keys for signing.
#[derive(Debug)]
pub(super) struct KeyBuilder {
    pub(super) endpoint: Endpoint,
    pub(super) signature: Signature,
    pub(super) clock: Clock,
}
