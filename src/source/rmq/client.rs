//! The client of the service.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::service::RmqService;
use crate::evidence::{GroupLag, RetryPolicy};
use crate::message::Query;
use crate::source::ons::api_client::{ApiClient, ApiConfig};
use crate::source::ons::{ConfigError, Signature};
use crate::source::{CallPacer, Failure, Trace, TraceSource};

/// The HTTP API of 5.x as a source.
#[derive(Debug)]
pub struct Rmq(RmqService<ApiClient>);

impl Rmq {
    /// Creates a client with its own connection pool. It connects on the first call.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up or the key cannot be sent in a header.
    pub fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        let endpoint = config.endpoint.clone();
        let api = ApiClient::new(ApiConfig {
            signature: Signature::V3,
            ..config
        })?;
        Ok(Self(RmqService::new(api, &endpoint)))
    }

    /// Asks for the subscribers of a topic again after this time. Without it, all answers refer to those of the first one.
    #[must_use]
    pub fn keeping_subscribers_for(self, time: SignedDuration) -> Self {
        Self(self.0.keeping_subscribers_for(time))
    }

    /// Returns how many messages of a topic a group has not consumed yet. Nothing here fails: if that could not be read, the
    /// lag is [`unknown`](GroupLag::unknown) with the reason. Calls take turns of `more`.
    pub async fn lag<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        group_and_topic: (&Arc<str>, &Arc<str>),
        more: &P,
    ) -> GroupLag {
        self.0.lag(instance, group_and_topic, more).await
    }

    /// Returns how a group retries. If that could not be read, the policy is [`unknown`](RetryPolicy::unknown) with the
    /// reason. Calls take turns of `more`.
    pub async fn retry_policy<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        group: &Arc<str>,
        more: &P,
    ) -> RetryPolicy {
        self.0.retry_policy(instance, group, more).await
    }

    /// Returns how long an instance keeps messages: that of the source if `instance` is `None`. Calls take turns of `more`.
    ///
    /// # Errors
    ///
    /// The reason why it could not be read.
    pub async fn retention<P: CallPacer>(
        &self,
        instance: Option<&Arc<str>>,
        more: &P,
    ) -> Result<Duration, Arc<str>> {
        self.0.retention(instance, more).await
    }
}

impl TraceSource for Rmq {
    async fn trace<P: CallPacer>(&self, query: &Query, more: &P) -> Result<Trace, Failure> {
        self.0.trace(query, more).await
    }

    fn answer_locally(&self, query: &Query, is_paced: bool) -> Option<Result<Trace, Failure>> {
        self.0.answer_locally(query, is_paced)
    }

    fn may_refuse_everyone(&self) -> bool {
        self.0.may_refuse_everyone()
    }
}
