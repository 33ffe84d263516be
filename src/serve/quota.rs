//! Calls per time: one bucket for each account and operation, as in the cloud (`docs/facts/ons-api.md` §2.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::ApiError;
use super::action::Action;
use crate::engine::{Limiter, Rate};

/// Counts the calls of each account against the same rate.
#[derive(Debug)]
pub struct Quota {
    rate: Rate,
    /// Accounts are configured with the keys, so there are few buckets.
    buckets: Mutex<Buckets>,
}

type Buckets = HashMap<(Arc<str>, Action), Arc<Limiter>>;

impl Quota {
    /// Creates a quota: `10/s` allows ten calls at once, and one more every tenth of a second.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: Mutex::default(),
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    ///
    /// [`ApiError::Throttled`] with the time until the next call is allowed.
    pub fn count(&self, account: &Arc<str>, action: Action) -> Result<(), ApiError> {
        let Some(bucket) = self.bucket(account, action) else {
            return Ok(());
        };
        bucket
            .check()
            .map_err(|earliest| ApiError::Throttled(earliest - Instant::now()))
    }

    fn bucket(&self, account: &Arc<str>, action: Action) -> Option<Arc<Limiter>> {
        if self.rate == Rate::Max {
            return None;
        }
        let rate = action.quota(self.rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get(&(Arc::clone(account), action)) {
            return Some(Arc::clone(bucket));
        }
        let bucket = Arc::new(Limiter::new(rate, rate.calls())?);
        buckets.insert((Arc::clone(account), action), Arc::clone(&bucket));
        Some(bucket)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_account_has_its_own_bucket_for_each_operation() {
        let quota = Quota::new("10/s".parse().unwrap());
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let trace = |account| quota.count(account, Action::MessageTrace);
        for _ in 0..10 {
            assert_eq!(trace(&a), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(trace(&a), Err(ApiError::Throttled(wait)));
        assert_eq!(trace(&b), Ok(()));
        assert_eq!(quota.count(&a, Action::TopicSubDetail), Ok(()));
        tokio::time::advance(wait).await;
        assert_eq!(trace(&a), Ok(()));
        assert_eq!(trace(&a), Err(ApiError::Throttled(wait)));
    }

    #[tokio::test(start_paused = true)]
    async fn queries_for_traces_have_a_lower_quota() {
        for (rate, calls, wait) in [("10/s", 30, 2_000), ("1/s", 30, 2_000), ("3/m", 3, 20_000)] {
            let quota = Quota::new(rate.parse().unwrap());
            let query = || quota.count(&"a".into(), Action::TraceQueryByMsgId);
            for _ in 0..calls {
                assert_eq!(query(), Ok(()), "{rate}");
            }
            let wait = Duration::from_millis(wait);
            assert_eq!(query(), Err(ApiError::Throttled(wait)), "{rate}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_quota_nothing_is_refused() {
        let quota = Quota::new(Rate::Max);
        for _ in 0..1000 {
            assert_eq!(quota.count(&"a".into(), Action::MessageTrace), Ok(()));
        }
    }
}
