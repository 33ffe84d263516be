//! Calls to brokers: paced, counted, limited, and repeated if that is worth it.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::humanize::without_os_codes;
use crate::source::CallPacer;
use crate::source::rocketmq::Cluster;
use crate::source::rocketmq::remoting::{CallError, Cause};

/// Attempts per call, and the first pause between them.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Why something could not be read, in words that complete a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The broker does not allow the call, or does not know it. Another call may do.
    Refused(String),
    /// No answer, or none that can be read.
    Failed(String),
    /// All calls that may be made are made.
    Limit,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Failed(why) => f.write_str(why),
            Self::Limit => f.write_str("--examine-limit allows no more calls"),
        }
    }
}

/// Makes the calls of an examination.
#[derive(Debug)]
pub(super) struct Asking<'a, P> {
    pub(super) cluster: &'a Cluster,
    pacer: &'a P,
    limit: u64,
    calls: Cell<u64>,
}

impl<'a, P: CallPacer> Asking<'a, P> {
    pub(super) const fn new(cluster: &'a Cluster, pacer: &'a P, limit: u64) -> Self {
        Self {
            cluster,
            pacer,
            limit,
            calls: Cell::new(0),
        }
    }

    /// Returns the number of calls so far.
    pub(super) const fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// Returns the number of calls that may still be made.
    pub(super) const fn left(&self) -> u64 {
        self.limit.saturating_sub(self.calls.get())
    }

    /// Counts a call to a name server.
    pub(super) fn count(&self) {
        self.calls.set(self.calls.get() + 1);
    }

    /// Calls a broker at its master, whose state is current.
    pub(super) async fn ask<T, F>(
        &self,
        broker: &str,
        call: impl Fn(Arc<str>) -> F,
    ) -> Result<T, Obstacle>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.once(broker, &call).await? {
                Err(error) if error.is_retryable() => {
                    tokio::time::sleep(pause).await;
                    // If the name servers do not answer now, their last answer is used.
                    let _ = self.cluster.refresh().await;
                    pause *= 4;
                }
                answer => return answer.map_err(|error| obstacle(broker, &error)),
            }
        }
        let last = self.once(broker, &call).await?;
        last.map_err(|error| obstacle(broker, &error))
    }

    async fn once<T, F>(
        &self,
        broker: &str,
        call: &impl Fn(Arc<str>) -> F,
    ) -> Result<Result<T, CallError>, Obstacle>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let brokers = self.cluster.brokers().await;
        let brokers = brokers.map_err(|error| obstacle(broker, &error))?;
        let serving = brokers.by_name.get(broker);
        let Some(address) = serving.and_then(|broker| broker.serving.clone()) else {
            return Err(Obstacle::Failed(unknown_address(broker)));
        };
        if self.left() == 0 {
            return Err(Obstacle::Limit);
        }
        self.count();
        let turn = self.pacer.turn().await;
        let answer = call(address).await;
        match &answer {
            Err(error) if error.is_throttled() => self.pacer.throttled(turn, None).await,
            _ => self.pacer.answered(turn).await,
        }
        Ok(answer)
    }
}

/// Says that a broker has stopped, or cannot reach the name servers.
pub(super) fn unknown_address(broker: &str) -> String {
    format!("{broker} can't be asked: the name servers know no address of it")
}

fn obstacle(broker: &str, error: &CallError) -> Obstacle {
    let error = error.last();
    match &error.cause {
        Cause::Denied(reply) | Cause::Refused(reply) | Cause::NotFound(reply) => {
            let why = match &*reply.remark {
                "" => format!("code {}", reply.code),
                remark => remark.to_owned(),
            };
            Obstacle::Refused(format!("{broker} refuses {}: {why}", error.call.name()))
        }
        cause => Obstacle::Failed(format!(
            "{broker} can't be asked: {}",
            without_os_codes(&cause.to_string())
        )),
    }
}
