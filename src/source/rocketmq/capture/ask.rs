//! Calls many brokers concurrently, each where its state is current.

use std::collections::btree_map::Entry;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};

use super::Captured;
use crate::humanize::without_os_codes;
use crate::source::rocketmq::Cluster;
use crate::source::rocketmq::cluster::nowhere;
use crate::source::rocketmq::failure::failure;
use crate::source::rocketmq::remoting::{CallError, Cause};
use crate::source::{Failure, FailureKind};

/// Limit for concurrent calls; each broker has its own limit as well.
const AT_ONCE: usize = 64;

/// Limit for calls with long responses: only one of them is in memory.
pub(super) const ONE: usize = 1;

/// Attempts per call, and the first pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

impl Captured<'_> {
    /// Calls each broker with its item, many at once.
    pub(super) async fn ask<I, T, F>(
        &mut self,
        items: Vec<(Arc<str>, I)>,
        ask: impl Fn(Arc<str>, I) -> F,
    ) -> Result<Vec<(Arc<str>, I, T)>, Failure>
    where
        I: Clone,
        F: Future<Output = Result<T, CallError>>,
    {
        self.ask_at_once(AT_ONCE, items, ask).await
    }

    /// Calls each broker with its item, `at_once` at the same time. A broker that cannot be reached is recorded and not
    /// called again. An error that would occur everywhere fails the capture.
    pub(super) async fn ask_at_once<I, T, F>(
        &mut self,
        at_once: usize,
        items: Vec<(Arc<str>, I)>,
        ask: impl Fn(Arc<str>, I) -> F,
    ) -> Result<Vec<(Arc<str>, I, T)>, Failure>
    where
        I: Clone,
        F: Future<Output = Result<T, CallError>>,
    {
        let (cluster, ask) = (self.cluster, &ask);
        let reachable = items
            .into_iter()
            .filter(|(broker, _)| !self.unreachable.contains_key(broker));
        let answers: Vec<_> = stream::iter(reachable)
            .map(|(broker, item)| async move {
                let answer = cluster
                    .at_master(&broker, |address| ask(address, item.clone()))
                    .await;
                (broker, item, answer)
            })
            .buffer_unordered(at_once)
            .collect()
            .await;
        let mut all = Vec::with_capacity(answers.len());
        for (broker, item, answer) in answers {
            match answer {
                Ok(answer) => all.push((broker, item, answer)),
                Err(error) => {
                    let failure = failure(&error);
                    if failure.kind == FailureKind::Fatal {
                        return Err(failure);
                    }
                    if let Entry::Vacant(new) = self.unreachable.entry(broker) {
                        tracing::warn!("messages on {} cannot be judged: {error}", new.key());
                        new.insert(without_os_codes(&error.to_string()).into());
                    }
                }
            }
        }
        Ok(all)
    }
}

impl Cluster {
    /// Calls a broker at its master, whose state is current. Retries, because the master may be moving. An answer that
    /// can't be read is not requested again: it may be long, and would be the same.
    async fn at_master<T, F>(
        &self,
        broker: &str,
        ask: impl Fn(Arc<str>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once_at_master(broker, &ask).await {
                Err(error) if error.is_retryable() && !is_malformed(&error) => {
                    tokio::time::sleep(pause).await;
                    self.refresh().await?;
                    pause *= 4;
                }
                answer => return answer,
            }
        }
        self.once_at_master(broker, &ask).await
    }

    async fn once_at_master<T, F>(
        &self,
        broker: &str,
        ask: &impl Fn(Arc<str>) -> F,
    ) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let brokers = self.brokers().await?;
        match brokers
            .by_name
            .get(broker)
            .and_then(|broker| broker.serving.clone())
        {
            Some(address) => ask(address).await,
            None => Err(nowhere(broker)),
        }
    }
}

const fn is_malformed(error: &CallError) -> bool {
    matches!(error.cause, Cause::Malformed(_))
}
