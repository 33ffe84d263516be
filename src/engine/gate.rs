//! Lets only one call through until an answer has confirmed that calls are accepted.
//!
//! A wrong key, a wrong clock or a missing permission would fail every call in the same way. So one call is in flight
//! until an answer confirms them, and the others wait. A throttled answer, a server error or a broken connection
//! confirms nothing. This costs a run one round trip.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::topic_permissions::TopicPermissions;

/// Closed until an answer confirms that calls are accepted.
#[derive(Debug)]
pub(super) struct Gate {
    open: AtomicBool,
    first: Mutex<()>,
    /// What the key may ask about.
    pub(super) permissions: TopicPermissions,
}

impl Gate {
    /// Makes a gate that is closed if the source `may_refuse` every call for the same reason.
    pub(super) fn new(may_refuse: bool, permissions: TopicPermissions) -> Self {
        Self {
            open: AtomicBool::new(!may_refuse),
            first: Mutex::default(),
            permissions,
        }
    }

    /// Waits until the caller may call. If the gate is closed, the caller is the only one as long as it holds the
    /// guard.
    pub(super) async fn pass(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_open() {
            return None;
        }
        let alone = self.first.lock().await;
        (!self.is_open()).then_some(alone)
    }

    /// Opens the gate for all calls.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}
