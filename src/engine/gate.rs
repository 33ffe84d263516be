//! The first call goes alone.
//!
//! A wrong key, a clock that is off, a right that is missing: every call would get the same refusal, so until one
//! answer has proved that they hold, one call is in flight and the others wait. What proves nothing (a throttled
//! answer, the gateway's own trouble, a broken connection) keeps the gate shut. It costs a run one round trip.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::topic_permissions::TopicPermissions;

/// Shut until somebody has proved that calls are let in.
#[derive(Debug)]
pub(super) struct Gate {
    open: AtomicBool,
    first: Mutex<()>,
    /// What is let in.
    pub(super) permissions: TopicPermissions,
}

impl Gate {
    /// Shut, if the source `may_refuse` everyone.
    pub(super) fn new(may_refuse: bool, permissions: TopicPermissions) -> Self {
        Self {
            open: AtomicBool::new(!may_refuse),
            first: Mutex::default(),
            permissions,
        }
    }

    /// Returns when the caller may call: at once where the gate is open, else alone, for as long as it keeps what it
    /// is given.
    pub(super) async fn pass(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_open() {
            return None;
        }
        let alone = self.first.lock().await;
        (!self.is_open()).then_some(alone)
    }

    /// Lets everybody through from now on.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}
