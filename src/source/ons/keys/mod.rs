//! Rotation of the key that calls are signed with.
//!
//! No background task exists: a renewal is a shared future that every call in flight polls and no call waits
//! for. Calls wait only if the key has expired or the gateway rejects it as expired. Then one call continues
//! with the new key, so that even a short-lived key signs a call. The engine gives the other calls new turns,
//! so that they do not all start at once.

mod key;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::InvalidHeaderValue;
use tracing::{info, warn};

use key::KeyBuilder;
pub(super) use key::{ActiveKey, KeyState};

use super::Endpoint;
use super::credentials::{Credentials, FetchError, Issued};
use super::request::Signature;
use crate::clock::Clock;
use crate::source::{Failure, FailureKind};

/// Pause after a failed renewal of a key that is still valid.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Fetches the next key each time it is called.
pub type Renewer = Arc<dyn Fn() -> BoxFuture<'static, Result<Issued, FetchError>> + Send + Sync>;

/// The first key, and how to renew it.
#[derive(Clone)]
pub struct CredentialSource {
    first: Issued,
    renewer: Option<Renewer>,
}

impl CredentialSource {
    /// Creates a source of keys that expire.
    #[must_use]
    pub fn renewed(first: Issued, renewer: Renewer) -> Self {
        Self {
            first,
            renewer: Some(renewer),
        }
    }

    pub(super) fn masked_id(&self) -> String {
        self.first.credentials.masked_id()
    }

    pub(super) fn provider(&self) -> &str {
        &self.first.credentials.provider
    }
}

/// A key that does not expire.
impl From<Credentials> for CredentialSource {
    fn from(credentials: Credentials) -> Self {
        Self {
            first: credentials.into(),
            renewer: None,
        }
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSource")
            .field("first", &self.first)
            .field("renewed", &self.renewer.is_some())
            .finish()
    }
}

/// The current key, and the renewal in progress.
pub(super) struct KeyRotation {
    inner: Arc<RotationState>,
    /// At most one renewal runs; further callers join it.
    renewal: Mutex<Renewal>,
}

struct RotationState {
    current: RwLock<Arc<ActiveKey>>,
    builder: KeyBuilder,
    renewer: Option<Renewer>,
}

type RenewalTask = Shared<BoxFuture<'static, Result<(), FetchError>>>;

#[derive(Default)]
struct Renewal {
    running: Option<RenewalTask>,
    /// No renewal starts before this time; set after a failure.
    not_before: Option<Timestamp>,
}

impl KeyRotation {
    /// Fails if the key cannot be sent in a header.
    pub(super) fn new(
        source: CredentialSource,
        endpoint: Endpoint,
        signature: Signature,
        clock: Clock,
    ) -> Result<Self, InvalidHeaderValue> {
        let builder = KeyBuilder {
            endpoint,
            signature,
            clock,
        };
        let key = ActiveKey::new(source.first, &builder, clock(), false)?;
        Ok(Self {
            inner: Arc::new(RotationState {
                current: RwLock::new(Arc::new(key)),
                builder,
                renewer: source.renewer,
            }),
            renewal: Mutex::default(),
        })
    }

    /// Returns the key to sign with.
    pub(super) fn current(&self) -> Arc<ActiveKey> {
        self.inner.current()
    }

    /// Polls the renewal of a key that is still valid. Logs a failure and pauses before the next renewal.
    pub(super) async fn renew_in_time(&self, now: Timestamp) {
        let Some(renewer) = &self.inner.renewer else {
            return;
        };
        let running = {
            let mut renewal = self.lock();
            if renewal.running.is_none() && renewal.not_before.is_some_and(|time| now < time) {
                return;
            }
            self.join(&mut renewal, renewer, false)
        };
        let result = running.clone().await;
        if self.settle(&running, &result, now)
            && let Err(error) = result
        {
            warn!("can't replace the access key that is about to expire: {error}");
        }
    }

    /// Replaces a key that the gateway `refused`, unless it was replaced meanwhile. Returns the failure of the
    /// call, which allows another attempt or ends the run.
    pub(super) async fn replace(&self, key: &ActiveKey, refused: Failure) -> Failure {
        let again = || Failure {
            kind: FailureKind::Server,
            hint: None,
            ..refused.clone()
        };
        if !self.is_current(key) {
            return again();
        }
        let renewer = match &self.inner.renewer {
            // A new key was refused like the old one, so another one would be refused too.
            Some(renewer) if !key.is_second_try() => renewer,
            _ => return refused,
        };
        match self.wait(renewer, true).await {
            Ok(_) => again(),
            Err(error) => error.into_failure(),
        }
    }

    /// Returns the key that follows an expired one. Only the first waiting caller gets it. The others get a
    /// failure with `no_call_made`.
    pub(super) async fn wait_for_next(&self, ended: &ActiveKey) -> Result<Arc<ActiveKey>, Failure> {
        let another_turn = || Failure {
            no_call_made: true,
            ..Failure::new(
                FailureKind::Server,
                None,
                "the access key expired before the call",
            )
        };
        if !self.is_current(ended) {
            return Err(another_turn());
        }
        let ended = |hint| {
            let error = FetchError::permanent("the access key has expired", hint);
            error.into_failure()
        };
        let Some(renewer) = &self.inner.renewer else {
            return Err(ended(
                "use a key that does not expire, or a profile that renews it",
            ));
        };
        let is_first = self.wait(renewer, false).await;
        if !is_first.map_err(FetchError::into_failure)? {
            return Err(another_turn());
        }
        let key = self.current();
        match key.state((self.inner.builder.clock)()) {
            KeyState::Expired => Err(ended(
                "check this machine's clock: the next key has expired, too",
            )),
            KeyState::Valid | KeyState::RenewalDue => Ok(key),
        }
    }

    fn is_current(&self, key: &ActiveKey) -> bool {
        std::ptr::eq(key, Arc::as_ptr(&self.current()))
    }

    /// Waits for the renewal in progress; returns true for the first caller to see its result.
    async fn wait(&self, renewer: &Renewer, is_second_try: bool) -> Result<bool, FetchError> {
        let running = self.join(&mut self.lock(), renewer, is_second_try);
        let result = running.clone().await;
        let is_first = self.settle(&running, &result, (self.inner.builder.clock)());
        result.map(|()| is_first)
    }

    /// Returns the renewal in progress, or starts one.
    fn join(&self, renewal: &mut Renewal, renewer: &Renewer, is_second_try: bool) -> RenewalTask {
        renewal
            .running
            .get_or_insert_with(|| {
                let (inner, next) = (self.inner.clone(), renewer());
                async move { inner.take(next.await?, is_second_try) }
                    .boxed()
                    .shared()
            })
            .clone()
    }

    /// Clears a finished renewal; returns true for the first caller.
    fn settle(&self, ended: &RenewalTask, result: &Result<(), FetchError>, now: Timestamp) -> bool {
        let mut renewal = self.lock();
        let is_first = renewal
            .running
            .as_ref()
            .is_some_and(|running| running.ptr_eq(ended));
        if is_first {
            renewal.running = None;
            renewal.not_before = match result {
                Ok(()) => None,
                Err(_) => now.checked_add(PAUSE).ok(),
            };
        }
        is_first
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Renewal> {
        self.renewal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RotationState {
    fn current(&self) -> Arc<ActiveKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    fn take(&self, issued: Issued, is_second_try: bool) -> Result<(), FetchError> {
        let (id, provider) = (
            issued.credentials.masked_id(),
            issued.credentials.provider.clone(),
        );
        let key = ActiveKey::new(issued, &self.builder, (self.builder.clock)(), is_second_try)
            .map_err(|_| {
                FetchError::permanent(
                    format!("the key from {provider} has characters that can't be sent"),
                    None,
                )
            })?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        info!("going on with access key {id} from {provider}");
        Ok(())
    }
}

impl fmt::Debug for KeyRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRotation")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
