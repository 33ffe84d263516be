//! The client of the HTTP APIs: one connection pool, one attempt per call, no redirects.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Response, Url};
use thiserror::Error;
use tracing::info;

use super::http::{Network, body_of};
use super::keys::{ActiveKey, CredentialSource, KeyRotation, KeyState};
use super::redact::Redactor;
use super::request::{Call, Calls, Signature, Unbuildable};
use super::stamp::Stamps;
use super::{Endpoint, errors, headers, transport};
use crate::clock::Clock;
use crate::exit::Advice;
use crate::source::operation::{MESSAGE_TRACE, Operation};
use crate::source::{Failure, FailureKind};

/// Limit for a response of `OnsMessageTrace`; a response with a thousand groups is far smaller. Each call in flight may
/// hold one in memory.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Limit for a response of another operation: fifty messages with properties of 32 KiB each, escaped.
const LARGEST_PAGE: usize = 4 * 1024 * 1024;

/// Configuration of a client.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Address of the gateway.
    pub endpoint: Endpoint,
    /// The key, and how to renew it.
    pub key: CredentialSource,
    /// Signature version. The API of 5.x has only V3, whatever is set here.
    pub signature: Signature,
    /// Limit for one attempt, including the response.
    pub timeout: Duration,
    /// Clock for the time stamps of calls.
    pub clock: Clock,
    /// Proxy and root certificates.
    pub network: Network,
}

/// Makes signed calls of an API.
#[derive(Debug)]
pub(in crate::source) struct ApiClient {
    client: Client,
    url: Url,
    keys: KeyRotation,
    stamps: Stamps,
    clock: Clock,
    /// Whether any call has been answered.
    was_answered: AtomicBool,
}

impl ApiClient {
    /// Creates a client with its own connection pool. It connects on the first call.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up or the key cannot be sent in a header.
    pub(in crate::source) fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        let ApiConfig {
            endpoint,
            key,
            signature,
            timeout,
            clock,
            network,
        } = config;
        let client = network.client(endpoint.url(), timeout)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(ConfigError::Random)?;
        let (id, provider) = (key.masked_id(), key.provider().to_owned());
        let url = endpoint.url().clone();
        let text = format!("asking {endpoint} with access key {id} from {provider}");
        let keys = KeyRotation::new(key, endpoint, signature, clock)
            .map_err(|_| ConfigError::Unsendable { provider })?;
        info!("{text}");
        Ok(Self {
            client,
            url,
            keys,
            stamps: Stamps::new(random),
            clock,
            was_answered: false.into(),
        })
    }

    /// Returns the current time.
    pub(in crate::source) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Makes one attempt of a call. A renewal that is due runs concurrently with it; an expired key is renewed
    /// before it. `parse` reads the answer.
    pub(in crate::source) async fn attempt<T>(
        &self,
        call: Call<'_>,
        parse: impl FnOnce(u16, &[u8], &Redactor) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut key = self.keys.current();
        if key.state((self.clock)()) == KeyState::Expired {
            key = self.keys.wait_for_next(&key).await?;
        }
        let now = (self.clock)();
        let call = self.call(call, &key, now, parse);
        let answer = if key.state(now) == KeyState::RenewalDue {
            let renewal = pin!(self.keys.renew_in_time(now));
            match select(pin!(call), renewal).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), call)) => call.await,
            }
        } else {
            call.await
        };
        self.renew_if_expired(answer, &key).await
    }

    /// Replaces a key that the gateway reports as expired; the failure then allows another attempt.
    async fn renew_if_expired<T>(
        &self,
        answer: Result<T, Failure>,
        key: &ActiveKey,
    ) -> Result<T, Failure> {
        match answer {
            Err(failure) if failure.kind == FailureKind::Expired => {
                Err(self.keys.replace(key, failure).await)
            }
            answer => {
                if answer
                    .as_ref()
                    .map_or_else(Failure::proves_access, |_| true)
                {
                    key.confirm();
                }
                answer
            }
        }
    }

    async fn call<T>(
        &self,
        call: Call<'_>,
        key: &ActiveKey,
        now: Timestamp,
        parse: impl FnOnce(u16, &[u8], &Redactor) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let stamp = self.stamps.next(now);
        let operation = call.operation;
        let most = if operation == MESSAGE_TRACE {
            LARGEST_ANSWER
        } else {
            LARGEST_PAGE
        };
        let call = key
            .calls()
            .build(call, &stamp)
            .map_err(|error| unbuildable(&error))?;
        // The response may quote the request with its signature.
        let redactor = key.redactor().clone();
        let redactor = match Calls::signature(&call) {
            Some(signature) => redactor.with(&signature),
            None => redactor,
        };
        let failed = |error| transport::failure(error, &redactor);
        let sent = self.client.execute(call).await;
        let mut response = sent.map_err(|error| self.no_response(error, &redactor))?;
        self.was_answered.store(true, Relaxed);
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response, operation, &redactor));
        }
        let at_status = |failure| Failure {
            http_status: Some(status.as_u16()),
            ..failure
        };
        let body = body_of(&mut response, most)
            .await
            .map_err(|error| at_status(failed(error)))?
            .ok_or_else(|| {
                let message = format!("an answer of more than {} MiB", most >> 20);
                at_status(Failure::new(FailureKind::Server, None, message))
            })?;
        parse(status.as_u16(), &body, &redactor)
            .map_err(|failure| self.with_headers(failure, response.headers()))
    }

    /// Returns the failure of a call without a response.
    fn no_response(&self, error: reqwest::Error, redactor: &Redactor) -> Failure {
        let proxy_refused_tunnel = transport::proxy_refused_tunnel(&error);
        let mut failure = transport::failure(error, redactor);
        if proxy_refused_tunnel && self.was_answered.load(Relaxed) {
            // The proxy has let earlier calls through, so its failure may be temporary.
            failure.kind = FailureKind::Transport;
        }
        failure
    }

    /// Adds to a failure what the headers say: the wait, whether it is temporary, and the difference of the clocks.
    fn with_headers(&self, mut failure: Failure, headers: &HeaderMap) -> Failure {
        let now = (self.clock)();
        failure.retry_after = headers::longest_wait(headers, now);
        let states_wait = headers::stated_wait(headers, now).is_some();
        if let Some((kind, hint)) =
            errors::temporary(failure.kind, failure.http_status, states_wait)
        {
            failure.kind = kind;
            failure.hint = Some(hint.to_owned());
        }
        if failure.code.as_deref().is_some_and(errors::is_clock) {
            failure.hint = headers::clock_hint(headers, now).or(failure.hint);
        }
        failure
    }

    /// Returns the failure for a redirect. Redirects are not followed: that would send the signature elsewhere
    /// and reuse the nonce.
    fn redirected(
        &self,
        response: &Response,
        operation: &Operation,
        redactor: &Redactor,
    ) -> Failure {
        let name = operation.name();
        let status = response.status().as_u16();
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|location| self.url.join(location.to_str().ok()?).ok());
        let host = target
            .as_ref()
            .and_then(Url::host_str)
            .unwrap_or("an unreadable address");
        let kind = match status {
            301 | 308 => FailureKind::Fatal,
            _ => FailureKind::Server,
        };
        Failure {
            http_status: Some(status),
            retry_after: headers::longest_wait(response.headers(), (self.clock)()),
            hint: Some(format!(
                "check the source: the gateway of {name} does not redirect"
            )),
            ..Failure::new(
                kind,
                None,
                format!(
                    "HTTP {status}: redirected to {}, not followed",
                    redactor.excerpt(host, 200)
                ),
            )
        }
    }
}

/// Returns the failure of a call that cannot be built; no other call can be built either.
fn unbuildable(error: &Unbuildable) -> Failure {
    Failure::new(
        FailureKind::Fatal,
        None,
        format!("can't build the call: {error}"),
    )
}

/// The reason why a client cannot be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file of root certificates contains none.
    #[error("no certificate found in the root certificates given, expected PEM")]
    CaCert,
    /// An environment variable for a proxy has an invalid value. Ignoring it would bypass the proxy.
    #[error("{variable} is set, but not to the address of a proxy")]
    Proxy {
        /// The variable; its value may contain a password.
        variable: &'static str,
    },
    /// An entry of `NO_PROXY` cannot be read. Ignoring it could show the proxy a request that was to bypass it.
    #[error("{variable} has an entry `{entry}` that can't be read")]
    NoProxy {
        /// The variable.
        variable: &'static str,
        /// The entry, printable.
        entry: String,
    },
    /// The key ID or the token contains characters that a header cannot contain.
    #[error(
        "the access key ID or the security token from {provider} has characters that can't be sent"
    )]
    Unsendable {
        /// The place where the key was found.
        provider: String,
    },
    /// The system returned no random bytes for the nonces.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The HTTP client could not be set up.
    #[error("can't set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Advice for ConfigError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Random(_) => return None,
            Self::CaCert => "the file must have a line -----BEGIN CERTIFICATE-----".into(),
            Self::Proxy { variable } => format!(
                "set {variable} to http://HOST:PORT, with USER:PASSWORD@ before HOST if need be (signs in them \
                 as %XX), or unset it"
            ),
            Self::NoProxy { variable, .. } => format!(
                "entries of {variable} are separated by commas: HOST, *.DOMAIN, an IP address or NETWORK/BITS, with \
                 :PORT if need be ([IPv6]:PORT), or * for all hosts"
            ),
            Self::Unsendable { provider } => {
                format!("look for line breaks, blanks or letters outside ASCII in {provider}")
            }
            Self::Client(_) => {
                "check HTTPS_PROXY, and that the system has root certificates".into()
            }
        })
    }
}
