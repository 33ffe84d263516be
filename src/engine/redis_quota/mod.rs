//! One quota for several machines: the [`QuotaState`] under a key of a Redis server.
//!
//! One script makes every change on the server, at once and by the server's clock (`quota.lua`). A run that is killed loses
//! at most the one turn that it had reserved. Without the server no call begins: whoever cannot ask does not know what
//! others do.

mod connection;
mod error;
mod script;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, sleep, timeout};

pub use error::RedisQuotaError;

use super::Rate;
use super::quota_state::{QuotaChange, QuotaOutcome, QuotaState};
use crate::settings::QuotaUrl;
use crate::source::rocketmq::remoting::RemotingTls;
use connection::RedisConnection;
use error::Problem;
use script::{Reply, Script};

/// How long the server may take to accept a connection or to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// For so long a run tries to reach a server that has answered before.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time from one of these attempts to the next.
const AGAIN: Duration = Duration::from_millis(250);

/// A Redis server, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct RedisServer {
    /// Where the quota is kept.
    pub url: QuotaUrl,
    /// The password, if there is one.
    pub password: Option<SecretString>,
    /// The authorities that are trusted, if it is spoken to with TLS.
    pub tls: Option<RemotingTls>,
}

/// A quota on a Redis server.
pub struct RedisQuota {
    server: RedisServer,
    rate: Rate,
    script: Script,
    /// Changes are made one after the other. `None` after an error.
    connection: tokio::sync::Mutex<Option<RedisConnection>>,
}

impl fmt::Debug for RedisQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQuota")
            .field("server", &self.server)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

/// The state after a change, and the time of the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Changed {
    pub(super) outcome: QuotaOutcome,
    pub(super) state: QuotaState,
    pub(super) now: Duration,
}

impl RedisQuota {
    /// Connects to the server and checks that the quota under the key has this rate. A key that is not there is created.
    ///
    /// # Errors
    ///
    /// If the server cannot be used, or if the key holds another rate or something else.
    pub async fn connect(server: RedisServer, rate: Rate) -> Result<Self, RedisQuotaError> {
        let quota = Self {
            server,
            rate,
            script: Script::new(),
            connection: tokio::sync::Mutex::default(),
        };
        let mut connection = quota.connection.lock().await;
        let checked = quota.attempt(&mut connection, None).await;
        drop(connection);
        match checked {
            Ok(_) => Ok(quota),
            Err(problem) => Err(quota.error(problem)),
        }
    }

    /// Makes a change on the server. If the connection is lost, connects again.
    ///
    /// # Errors
    ///
    /// If the server cannot be used for some seconds, or refuses.
    pub(super) async fn apply(&self, change: QuotaChange) -> Result<Changed, RedisQuotaError> {
        let mut connection = self.connection.lock().await;
        let end = Instant::now() + PATIENCE;
        loop {
            match self.attempt(&mut connection, Some(change)).await {
                Ok(changed) => return Ok(changed),
                Err(problem) if problem.is_temporary() && Instant::now() + AGAIN < end => {
                    tracing::debug!("{}; connecting again", self.error(problem));
                    sleep(AGAIN).await;
                }
                Err(problem) => return Err(self.error(problem)),
            }
        }
    }

    async fn attempt(
        &self,
        connection: &mut Option<RedisConnection>,
        change: Option<QuotaChange>,
    ) -> Result<Changed, Problem> {
        let answer = timeout(ANSWER, async {
            let open = match connection {
                Some(open) => open,
                None => connection.insert(RedisConnection::open(&self.server).await?),
            };
            let key = &self.server.url.key;
            open.run(&self.script, key, &script::arguments(self.rate, change))
                .await
        });
        let reply = match answer.await {
            Ok(Ok(words)) => Reply::parse(&words),
            Ok(Err(problem)) => Err(problem),
            Err(_) => Err(Problem::Silent(ANSWER)),
        };
        match reply {
            Ok(Reply::Changed(changed)) => Ok(changed),
            Ok(Reply::OtherRate(theirs)) if theirs == self.rate.to_string() => {
                Err(Problem::Damaged(self.rate))
            }
            Ok(Reply::OtherRate(theirs)) => Err(Problem::OtherRate {
                theirs,
                ours: self.rate,
            }),
            Ok(Reply::Foreign) => Err(Problem::Foreign),
            Err(problem) => {
                *connection = None;
                Err(problem)
            }
        }
    }

    fn error(&self, problem: Problem) -> RedisQuotaError {
        RedisQuotaError {
            place: self.server.url.to_string(),
            problem,
        }
    }
}

#[cfg(test)]
mod tests;
