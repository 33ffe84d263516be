//! The metadata service of an ECS instance, which returns keys of the instance's role (`docs/facts/ons-api.md`
//! §7.3).
//!
//! Version 2 requires a token, so that a server that blindly forwards requests cannot be used to steal a key.
//! Version 1 requires none; it is used only if version 2 does not answer and version 1 is not disabled.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode, Url};

use super::super::http::body_of;
use super::super::redact::Redactor;
use super::provider::{EcsRole, Issued};
use super::{FetchError, issued};

/// Address of the service on every instance.
pub(super) const ADDRESS: &str = "http://100.100.100.200/";
/// Limit for connecting and for waiting: on other machines nothing answers at this address.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);

const TTL: (&str, &str) = ("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");
const TOKEN: &str = "x-aliyun-ecs-metadata-token";
const ROLES: &str = "latest/meta-data/ram/security-credentials/";
const WHO: &str = "metadata service";
const LARGEST_ANSWER: usize = 64 * 1024;

/// Fetches a key of the instance's role.
pub(super) async fn key(
    client: &Client,
    service: &str,
    role: &EcsRole,
    provider: &str,
) -> Result<Issued, FetchError> {
    let metadata = MetadataClient { client, service };
    let token = metadata.token(role.allow_v1).await?;
    let name = match &role.name {
        Some(name) => name.clone(),
        None => metadata.role(token.as_deref(), role.allow_v1).await?,
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
        return Err(FetchError::transient(format!(
            "{WHO}: the response is not the name of a role"
        )));
    }
    let body = metadata
        .get(&format!("{ROLES}{name}"), token.as_deref(), role.allow_v1)
        .await?;
    let answer = issued::json(WHO, &body)?;
    issued::is_success(WHO, &answer)?;
    issued::temporary_key(WHO, &answer, provider)
}

struct MetadataClient<'a> {
    client: &'a Client,
    service: &'a str,
}

impl MetadataClient<'_> {
    /// Returns the token of version 2, or `None` if version 1 is to be used.
    async fn token(&self, allow_v1: bool) -> Result<Option<String>, FetchError> {
        let sent = self
            .client
            .put(self.url("latest/api/token")?)
            .header(TTL.0, TTL.1)
            .send()
            .await;
        let error = match sent {
            Ok(mut response) if response.status() == StatusCode::OK => {
                let token = String::from_utf8(body(&mut response).await?).unwrap_or_default();
                let token = token.trim();
                if !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic()) {
                    return Ok(Some(token.to_owned()));
                }
                FetchError::transient(format!("{WHO}: an unusable token"))
            }
            Ok(response) => refused(&response),
            // The service is absent, so version 1 is absent too.
            Err(error) if error.is_connect() => return Err(transport_error(error)),
            Err(error) => transport_error(error),
        };
        if allow_v1 { Ok(None) } else { Err(error) }
    }

    async fn role(&self, token: Option<&str>, allow_v1: bool) -> Result<String, FetchError> {
        let names = String::from_utf8(self.get(ROLES, token, allow_v1).await?).unwrap_or_default();
        Ok(names.lines().next().unwrap_or_default().trim().to_owned())
    }

    async fn get(
        &self,
        path: &str,
        token: Option<&str>,
        allow_v1: bool,
    ) -> Result<Vec<u8>, FetchError> {
        let url = self.url(path)?;
        let ask = |token: Option<&str>| {
            let request = self.client.request(Method::GET, url.clone());
            match token {
                Some(token) => request.header(TOKEN, token),
                None => request,
            }
        };
        let mut response = ask(token).send().await.map_err(transport_error)?;
        let refuses_token = matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        if refuses_token && token.is_some() && allow_v1 {
            response = ask(None).send().await.map_err(transport_error)?;
        }
        match response.status() {
            StatusCode::OK => body(&mut response).await,
            StatusCode::NOT_FOUND => {
                let hint = "attach a RAM role to this ECS instance, or give a key in another way";
                Err(FetchError::permanent(
                    format!("{WHO}: this instance has no such RAM role"),
                    hint,
                ))
            }
            _ => Err(refused(&response)),
        }
    }

    fn url(&self, path: &str) -> Result<Url, FetchError> {
        Url::parse(&format!("{}{path}", self.service))
            .map_err(|error| FetchError::permanent(format!("{WHO}: {error}"), None))
    }
}

async fn body(response: &mut Response) -> Result<Vec<u8>, FetchError> {
    body_of(response, LARGEST_ANSWER)
        .await
        .map_err(transport_error)?
        .ok_or_else(|| FetchError::transient(format!("{WHO}: an answer of more than 64 KiB")))
}

fn transport_error(error: reqwest::Error) -> FetchError {
    FetchError::transport(WHO, error, &Redactor::default())
}

fn refused(response: &Response) -> FetchError {
    FetchError::refused(WHO, response.status().as_u16(), &[], &Redactor::default())
}
