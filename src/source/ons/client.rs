//! The client: one connection pool, one attempt a call, no surprises on the way.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Response, Url, redirect, retry};
use secrecy::ExposeSecret;
use thiserror::Error;
use tracing::info;

use super::request::{Calls, Signature};
use super::stamp::Stamps;
use super::{
    Credentials, Endpoint, answer, clock_skew, errors, redact::Redactor, retry_after, transport,
};
use crate::clock::Clock;
use crate::exit::Advice;
use crate::message::Query;
use crate::source::{Failure, FailureKind, Trace, TraceSource};

/// No answer of a thousand groups comes near it.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Room made for an answer on the word of its header alone.
const LIKELY_ANSWER: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to ask.
    pub endpoint: Endpoint,
    /// With which key.
    pub credentials: Credentials,
    /// Signed how.
    pub signature: Signature,
    /// The longest that one attempt may take, answer included.
    pub timeout: Duration,
    /// Tells the time that calls are stamped with.
    pub clock: Clock,
    /// Root certificates to trust beside the system's, in PEM.
    pub ca_cert: Option<Vec<u8>>,
}

/// The HTTP API as a source.
#[derive(Debug)]
pub struct Ons {
    client: Client,
    url: Url,
    calls: Calls,
    stamps: Stamps,
    clock: Clock,
    redactor: Redactor,
}

impl Ons {
    /// A client with its own connection pool. Connects when it is first asked.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let Config {
            endpoint,
            credentials,
            signature,
            timeout,
            clock,
            ca_cert,
        } = config;
        let client = http_client(&endpoint, timeout, ca_cert.as_deref())?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(ConfigError::Random)?;
        let redactor = Redactor::new(
            [&*credentials.access_key_id].into_iter().chain(
                credentials
                    .security_token
                    .as_ref()
                    .map(ExposeSecret::expose_secret),
            ),
        );
        let (id, provider) = (credentials.masked_id(), credentials.provider.clone());
        let calls =
            Calls::new(&endpoint, credentials, signature).map_err(|_| ConfigError::Unsendable {
                provider: provider.clone(),
            })?;
        info!("asking {endpoint} with access key {id} from {provider}");
        Ok(Self {
            client,
            url: endpoint.url().clone(),
            calls,
            stamps: Stamps::new(random),
            clock,
            redactor,
        })
    }

    async fn ask(&self, query: &Query) -> Result<Trace, Failure> {
        let stamp = self.stamps.next((self.clock)());
        let call = self
            .calls
            .build(query, &stamp)
            .map_err(|error| unaskable(&error))?;
        let mut response = self
            .client
            .execute(call)
            .await
            .map_err(|error| transport::failure(error, &self.redactor))?;
        if response.status().is_redirection() {
            return Err(self.redirected(&response));
        }
        let body = self.body_of(&mut response).await?;
        answer::parse(response.status().as_u16(), &body, &self.redactor)
            .map_err(|failure| self.with_headers(failure, response.headers()))
    }

    async fn body_of(&self, response: &mut Response) -> Result<Vec<u8>, Failure> {
        let status = Some(response.status().as_u16());
        let announced = response.content_length().unwrap_or(0);
        let room = usize::try_from(announced).unwrap_or(usize::MAX);
        let mut body = Vec::with_capacity(room.min(LIKELY_ANSWER));
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body),
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => {
                    let message = "an answer of more than 4 MiB";
                    return Err(Failure {
                        http_status: status,
                        ..Failure::new(FailureKind::Server, None, message)
                    });
                }
                Err(error) => {
                    return Err(Failure {
                        http_status: status,
                        ..transport::failure(error, &self.redactor)
                    });
                }
            }
        }
    }

    /// Adds what the headers say: how long to wait, how far the clocks are apart.
    fn with_headers(&self, mut failure: Failure, headers: &HeaderMap) -> Failure {
        let now = (self.clock)();
        failure.retry_after = retry_after::longest(headers, now);
        if failure.code.as_deref().is_some_and(errors::is_clock) {
            failure.hint = clock_skew::hint(headers, now).or(failure.hint);
        }
        failure
    }

    /// A redirect is never followed: it would carry the signature, and the nonce a second time.
    fn redirected(&self, response: &Response) -> Failure {
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
            retry_after: retry_after::longest(response.headers(), (self.clock)()),
            hint: Some("check the source: the gateway of OnsMessageTrace does not redirect".into()),
            ..Failure::new(
                kind,
                None,
                format!(
                    "HTTP {status}: redirected to {}, not followed",
                    self.redactor.excerpt(host, 200)
                ),
            )
        }
    }
}

impl TraceSource for Ons {
    async fn trace(&self, query: &Query) -> Result<Trace, Failure> {
        self.ask(query).await
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

fn http_client(
    endpoint: &Endpoint,
    timeout: Duration,
    ca_cert: Option<&[u8]>,
) -> Result<Client, ConfigError> {
    // The one provider of TLS arithmetic in this process; whoever came first has installed one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .redirect(redirect::Policy::none())
        // A silent second try would send the nonce twice; and none to come means no copy kept for it.
        .retry(retry::never().max_retries_per_request(0))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout);
    if let Some(pem) = ca_cert {
        let roots = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
        if roots.is_empty() {
            return Err(ConfigError::CaCert);
        }
        builder = builder.tls_certs_merge(roots);
    } else if endpoint.url().scheme() == "http" {
        // No TLS on this way: don't load the system's roots, which a bare container may lack.
        builder = builder.tls_certs_only([]);
    }
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(ConfigError::Client)
}

/// Why there is no client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file of root certificates holds none.
    #[error("no certificate found in the root certificates given, expected PEM")]
    CaCert,
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
            Self::Unsendable { provider } => {
                format!("look for line breaks, blanks or letters outside ASCII in {provider}")
            }
            Self::Client(_) => {
                "check HTTPS_PROXY, and that the system has root certificates".into()
            }
        })
    }
}
