//! `OnsMessageTrace`: one call per query.

use super::api_client::{ApiClient, ApiConfig, ConfigError};
use super::request::Call;
use super::{answer, errors};
use crate::message::Query;
use crate::source::{CallPacer, Failure, Trace, TraceSource};

/// The HTTP API of 4.x as a source.
#[derive(Debug)]
pub struct Ons {
    pub(super) api: ApiClient,
    /// Region and instance that the source names.
    location: (Option<String>, Option<String>),
}

impl Ons {
    /// Creates a client with its own connection pool. It connects on the first call.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up or the key cannot be sent in a header.
    pub fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        let endpoint = &config.endpoint;
        let location = (
            endpoint.region().map(str::to_owned),
            endpoint.instance().map(str::to_owned),
        );
        let api = ApiClient::new(config)?;
        Ok(Self { api, location })
    }

    /// Adds to a failure the resource whose permission is missing.
    fn with_resource(&self, mut failure: Failure, query: &Query) -> Failure {
        if failure.code.as_deref().is_some_and(errors::is_permission) {
            let (region, fallback) = &self.location;
            let instance = query.instance_id.as_deref().or(fallback.as_deref());
            failure.hint = Some(errors::permission(
                region.as_deref(),
                instance,
                &query.topic,
            ));
        }
        failure
    }
}

impl TraceSource for Ons {
    async fn trace<P: CallPacer>(&self, query: &Query, _more: &P) -> Result<Trace, Failure> {
        let answer = self.api.attempt(Call::from(query), answer::parse).await;
        answer.map_err(|failure| self.with_resource(failure, query))
    }

    fn may_refuse_everyone(&self) -> bool {
        true
    }
}
