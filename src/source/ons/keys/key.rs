//! One key, made ready, and how long it is good.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::InvalidHeaderValue;
use secrecy::ExposeSecret;

use super::super::Endpoint;
use super::super::credentials::Issued;
use super::super::redact::Redactor;
use super::super::request::{Calls, Signature};
use crate::clock::Clock;

/// A key is replaced when less than this is left of it (`docs/facts/ons-api.md` §7.3), or half of it where it is short.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);

/// How good a key still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum KeyState {
    /// Sign with it.
    Valid,
    /// Sign with it, and see to the next one.
    RenewalDue,
    /// Its time is over.
    Expired,
}

/// A key, made ready.
#[derive(Debug)]
pub(in super::super) struct ActiveKey {
    pub(super) calls: Calls,
    redactor: Redactor,
    due: Timestamp,
    ends: Timestamp,
    /// Did it come in place of one that the gateway refused, and has not been let in since?
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
        let token = credentials.security_token.as_ref();
        let secrets = [&*credentials.access_key_id].into_iter();
        let redactor = Redactor::new(secrets.chain(token.map(ExposeSecret::expose_secret)));
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

    /// The gateway takes it. Should it be refused one day, that is because its time is over, and a new one will do.
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

/// What makes a key ready.
#[derive(Debug)]
pub(super) struct KeyBuilder {
    pub(super) endpoint: Endpoint,
    pub(super) signature: Signature,
    pub(super) clock: Clock,
}
