//! The client: one connection pool, one attempt a call, no surprises on the way.

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
use super::request::Signature;
use super::stamp::Stamps;
use super::{Endpoint, answer, errors, headers, transport};
use crate::clock::Clock;
use crate::exit::Advice;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Trace, TraceSource};

/// No answer of a thousand groups comes near it; so many calls in flight, so many times this is in memory at worst.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct OnsConfig {
    /// Where to ask.
    pub endpoint: Endpoint,
    /// With which key, and who gives the next one.
    pub key: CredentialSource,
    /// Signed how.
    pub signature: Signature,
    /// The longest that one attempt may take, answer included.
    pub timeout: Duration,
    /// Tells the time that calls are stamped with.
    pub clock: Clock,
    /// How the network is reached.
    pub network: Network,
}

/// The HTTP API as a source.
#[derive(Debug)]
pub struct Ons {
    client: Client,
    url: Url,
    keys: KeyRotation,
    /// Region and instance that the source names, if it does.
    place: (Option<String>, Option<String>),
    stamps: Stamps,
    clock: Clock,
    /// Has anybody answered yet?
    was_answered: AtomicBool,
}

impl Ons {
    /// A client with its own connection pool. Connects when it is first asked.
    pub fn new(config: OnsConfig) -> Result<Self, ConfigError> {
        let OnsConfig {
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
        let place = (
            endpoint.region().map(str::to_owned),
            endpoint.instance().map(str::to_owned),
        );
        let said = format!("asking {endpoint} with access key {id} from {provider}");
        let keys = KeyRotation::new(key, endpoint, signature, clock)
            .map_err(|_| ConfigError::Unsendable { provider })?;
        info!("{said}");
        Ok(Self {
            client,
            url,
            keys,
            place,
            stamps: Stamps::new(random),
            clock,
            was_answered: false.into(),
        })
    }

    /// One attempt. A key that is to be replaced is replaced beside the call, which does not wait for it; one that has
    /// ended, before it.
    async fn ask(&self, query: &Query) -> Result<Trace, Failure> {
        let mut key = self.keys.current();
        if key.state((self.clock)()) == KeyState::Expired {
            key = self.keys.after(&key).await?;
        }
        let now = (self.clock)();
        let call = self.call(query, &key, now);
        let answer = if key.state(now) == KeyState::RenewalDue {
            let renewal = pin!(self.keys.renew_in_time(now));
            match select(pin!(call), renewal).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), call)) => call.await,
            }
        } else {
            call.await
        };
        self.judged(answer, &key).await
    }

    /// A key that the gateway finds expired is replaced, and the call worth another attempt.
    async fn judged(
        &self,
        answer: Result<Trace, Failure>,
        key: &ActiveKey,
    ) -> Result<Trace, Failure> {
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

    async fn call(&self, query: &Query, key: &ActiveKey, now: Timestamp) -> Result<Trace, Failure> {
        let stamp = self.stamps.next(now);
        let call = key
            .calls()
            .build(query, &stamp)
            .map_err(|error| unaskable(&error))?;
        let broken = |error| transport::failure(error, key.redactor());
        let sent = self.client.execute(call).await;
        let mut response = sent.map_err(|error| self.unanswered(error, key))?;
        self.was_answered.store(true, Relaxed);
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response, key));
        }
        let at_status = |failure| Failure {
            http_status: Some(status.as_u16()),
            ..failure
        };
        let body = body_of(&mut response, LARGEST_ANSWER)
            .await
            .map_err(|error| at_status(broken(error)))?
            .ok_or_else(|| {
                let message = "an answer of more than 1 MiB";
                at_status(Failure::new(FailureKind::Server, None, message))
            })?;
        answer::parse(status.as_u16(), &body, key.redactor())
            .map_err(|failure| self.with_headers(failure, response.headers()))
            .map_err(|failure| self.with_resource(failure, query))
    }

    /// The failure of a call that nobody answered.
    fn unanswered(&self, error: reqwest::Error, key: &ActiveKey) -> Failure {
        let is_without_tunnel = transport::is_without_tunnel(&error);
        let mut failure = transport::failure(error, key.redactor());
        if is_without_tunnel && self.was_answered.load(Relaxed) {
            // A proxy that has let calls through is in trouble of its own, which may pass.
            failure.kind = FailureKind::Transport;
        }
        failure
    }

    /// Adds what the headers say: how long to wait, how far the clocks are apart.
    fn with_headers(&self, mut failure: Failure, headers: &HeaderMap) -> Failure {
        let now = (self.clock)();
        failure.retry_after = headers::longest_wait(headers, now);
        if failure.code.as_deref().is_some_and(errors::is_clock) {
            failure.hint = headers::clock_hint(headers, now).or(failure.hint);
        }
        if failure.http_status == Some(503) && failure.retry_after.is_some() {
            // Trouble that knows when it ends is a limit.
            failure.kind = match failure.kind {
                FailureKind::Server => FailureKind::Throttled,
                other => other,
            };
        }
        failure
    }

    /// Names the very resource that a permission is missing for.
    fn with_resource(&self, mut failure: Failure, query: &Query) -> Failure {
        if failure.code.as_deref().is_some_and(errors::is_permission) {
            let (region, fallback) = &self.place;
            let instance = query.instance_id.as_deref().or(fallback.as_deref());
            failure.hint = Some(errors::permission(
                region.as_deref(),
                instance,
                &query.topic,
            ));
        }
        failure
    }

    /// A redirect is never followed: it would carry the signature, and the nonce a second time.
    fn redirected(&self, response: &Response, key: &ActiveKey) -> Failure {
        let status = response.status().as_u16();
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|location| self.url.join(location.to_str().ok()?).ok());
        let host = target
            .as_ref()
            .and_then(Url::host_str)
            .unwrap_or("nowhere we can read");
        let kind = match status {
            301 | 308 => FailureKind::Fatal,
            _ => FailureKind::Server,
        };
        Failure {
            http_status: Some(status),
            retry_after: headers::longest_wait(response.headers(), (self.clock)()),
            hint: Some("check the source: the gateway of OnsMessageTrace does not redirect".into()),
            ..Failure::new(
                kind,
                None,
                format!(
                    "HTTP {status}: redirected to {}, not followed",
                    key.redactor().excerpt(host, 200)
                ),
            )
        }
    }
}

impl TraceSource for Ons {
    async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        self.ask(query).await
    }

    fn may_refuse_everyone(&self) -> bool {
        true
    }
}

/// A call that could not even be built; the next one could not either.
fn unaskable(error: &dyn std::error::Error) -> Failure {
    Failure::new(
        FailureKind::Fatal,
        None,
        format!("can't build the call: {error}"),
    )
}

/// Why there is no client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file of root certificates holds none.
    #[error("no certificate found in the root certificates given, expected PEM")]
    CaCert,
    /// A variable of the environment is to name a proxy, and does not: without it the gateway would be asked directly.
    #[error("{variable} is set, but not to the address of a proxy")]
    Proxy {
        /// The variable; its value may hold a password.
        variable: &'static str,
    },
    /// The key ID or the token has characters no header takes.
    #[error(
        "the access key ID or the security token from {provider} has characters that can't be sent"
    )]
    Unsendable {
        /// Where the key was found.
        provider: String,
    },
    /// No random bytes to tell this client's nonces from all others.
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
            Self::Unsendable { provider } => {
                format!("look for line breaks, blanks or letters outside ASCII in {provider}")
            }
            Self::Client(_) => {
                "check HTTPS_PROXY, and that the system has root certificates".into()
            }
        })
    }
}
