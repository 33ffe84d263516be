//! STS, version 2015-04-01: fetches a role's key with another key (`AssumeRole`, signed) or with an identity
//! token (`AssumeRoleWithOIDC`, unsigned). See `docs/facts/ons-api.md` §7.1.

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use secrecy::ExposeSecret;

use super::super::http::body_of;
use super::super::percent::canonical_query;
use super::super::redact::Redactor;
use super::super::sign_v3::{self, EMPTY_SHA256, Signed};
use super::provider::{AssumedRole, Issued, OidcRole, RamRole};
use super::{Credentials, FetchError, issued};

const VERSION: &str = "2015-04-01";
/// Far above the size of any response.
const LARGEST_ANSWER: usize = 64 * 1024;
const LARGEST_TOKEN: u64 = 64 * 1024;

/// A client for one request to STS.
#[derive(Debug)]
pub(super) struct Sts<'a> {
    pub(super) client: Client,
    pub(super) now: Timestamp,
    /// Name of the provider, recorded in the key for the log.
    pub(super) provider: &'a str,
}

impl Sts<'_> {
    /// Sends `POST /?RoleArn=…`, signed with V3 and with an empty body, like the official SDKs.
    pub(super) async fn assume_role(
        &self,
        base: &Credentials,
        assumed: &AssumedRole,
    ) -> Result<Issued, FetchError> {
        let seconds = assumed.role.seconds.to_string();
        let mut parameters = common(&assumed.role, &seconds);
        parameters.extend(assumed.external_id.as_deref().map(|id| ("ExternalId", id)));
        let query = canonical_query(&parameters);
        let (request, signature) = self.signed(&assumed.role.sts, &query, base)?;
        let redactor = base.redactor().with(&signature);
        self.send(request, &assumed.role, &redactor).await
    }

    /// Sends the token in the body, so that no access log contains it.
    pub(super) async fn assume_role_with_oidc(
        &self,
        oidc: &OidcRole,
    ) -> Result<Issued, FetchError> {
        let token = read_token(oidc)?;
        let (seconds, date) = (oidc.role.seconds.to_string(), format!("{:.0}", self.now));
        let mut form = common(&oidc.role, &seconds);
        form.push(("OIDCProviderArn", &*oidc.provider_arn));
        form.push(("OIDCToken", &*token));
        let nonce = nonce()?;
        let query = canonical_query(&[
            ("Action", "AssumeRoleWithOIDC"),
            ("Format", "JSON"),
            ("SignatureNonce", &*nonce),
            ("Timestamp", &*date),
            ("Version", VERSION),
        ]);
        let mut url = oidc.role.sts.clone();
        url.set_query(Some(&query));
        let request = self
            .client
            .post(url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(canonical_query(&form));
        self.send(request, &oidc.role, &Redactor::new([&*token]))
            .await
    }

    /// Returns the request and its signature.
    fn signed(
        &self,
        sts: &Url,
        query: &str,
        base: &Credentials,
    ) -> Result<(RequestBuilder, String), FetchError> {
        let (date, nonce, host) = (format!("{:.0}", self.now), nonce()?, host_of(sts));
        let mut headers = vec![("host", &*host)];
        if let Some(token) = &base.security_token {
            headers.push(("x-acs-accesskey-id", &*base.access_key_id));
            headers.push(("x-acs-security-token", token.expose_secret()));
        }
        headers.extend([
            ("x-acs-action", "AssumeRole"),
            ("x-acs-content-sha256", EMPTY_SHA256),
            ("x-acs-date", &*date),
            ("x-acs-signature-nonce", &*nonce),
            ("x-acs-version", VERSION),
        ]);
        headers.sort_unstable();
        let key = sign_v3::V3SigningKey::new(base.access_key_secret.expose_secret());
        let authorization = Signed {
            method: "POST",
            uri: "/",
            query,
            headers: &headers,
            payload_sha256: EMPTY_SHA256,
        }
        .authorization(&base.access_key_id, &key);
        let mut url = sts.clone();
        url.set_query(Some(query));
        let mut request = self
            .client
            .post(url)
            .header(ACCEPT, "application/json")
            // Nothing else sets it for an empty body, and some proxies refuse a POST without it.
            .header(CONTENT_LENGTH, "0")
            .header(AUTHORIZATION, sensitive(&authorization)?);
        for (name, value) in headers {
            request = request.header(name, sensitive(value)?);
        }
        Ok((request, sign_v3::signature_of(&authorization).to_owned()))
    }

    async fn send(
        &self,
        request: RequestBuilder,
        role: &RamRole,
        redactor: &Redactor,
    ) -> Result<Issued, FetchError> {
        let origin = format!("STS at {}", host_of(&role.sts));
        let failed = |error| FetchError::transport(&origin, error, redactor);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = body_of(&mut response, LARGEST_ANSWER)
            .await
            .map_err(failed)?;
        let body = body.ok_or_else(|| {
            FetchError::transient(format!("{origin}: an answer of more than 64 KiB"))
        })?;
        if !status.is_success() {
            return Err(FetchError::refused(
                &origin,
                status.as_u16(),
                &body,
                redactor,
            ));
        }
        let answer = issued::json(&origin, &body)?;
        let key = answer.get("Credentials").ok_or_else(|| {
            FetchError::permanent(format!("{origin}: no Credentials in the answer"), None)
        })?;
        issued::temporary_key(&origin, key, self.provider)
    }
}

fn common<'a>(role: &'a RamRole, seconds: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut parameters = vec![
        ("DurationSeconds", seconds),
        ("RoleArn", &*role.arn),
        ("RoleSessionName", &*role.session),
    ];
    parameters.extend(role.policy.as_deref().map(|policy| ("Policy", policy)));
    parameters
}

/// Reads the current token from its file; the cluster replaces the file.
fn read_token(oidc: &OidcRole) -> Result<String, FetchError> {
    use std::io::Read as _;

    let file = oidc.token_file.display();
    let mut token = String::new();
    std::fs::File::open(&oidc.token_file)
        .and_then(|open| open.take(LARGEST_TOKEN).read_to_string(&mut token))
        .map_err(|error| FetchError {
            hint: Some(
                "the cluster mounts this file: check the pod's service account and RRSA".into(),
            ),
            ..FetchError::permanent(
                format!("can't read the identity token in {file}: {error}"),
                None,
            )
        })?;
    let token = token.trim();
    if token.is_empty() {
        return Err(FetchError::transient(format!(
            "the identity token in {file} is empty"
        )));
    }
    Ok(token.to_owned())
}

/// Returns the `Host` header, which is signed.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn nonce() -> Result<String, FetchError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        FetchError::permanent(format!("the system gives no random bytes: {error}"), None)
    })?;
    Ok(HEXLOWER.encode(&random))
}

/// Returns a header value that the debug output of the HTTP client hides.
fn sensitive(value: &str) -> Result<HeaderValue, FetchError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        let hint = "look for line breaks, blanks or letters outside ASCII in the profile";
        FetchError::permanent(
            "the key that assumes the role has characters that can't be sent",
            hint,
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

// What the user can do about each STS error. The hints of `errors` are about the audit, these are about the role.
const ROLE: &str = "check the role's ARN, and that its trust policy names who assumes it";
const SECONDS: &str = "a role's key lasts 900 s or more, and no longer than the role's maximum session duration: correct \
     expired_seconds of the profile, or raise the role's maximum";
const POLICY: &str =
    "correct policy of the profile, or leave it out: the role's own permissions hold without it";
const SESSION: &str = "correct the session name, in the profile or in ALIBABA_CLOUD_ROLE_SESSION_NAME: letters, digits \
     and . @ - _ only";
const IDENTITY: &str = "check the OIDC provider's ARN, its audience, and that the token file is the cluster's current one";
const PARAMETER: &str =
    "check what the profile says of the role: ARN, session name, policy, external ID, duration";
const ALLOWED: &str =
    "allow sts:AssumeRole on the role's ARN, and name the user in the role's trust policy";
const KEY: &str = "check the access key ID that assumes the role: it must exist and be active";
const SECRET: &str = "check that the access key secret belongs to the key ID that assumes the role, and that no proxy \
     rewrites requests";
const TOKEN: &str = "get new temporary credentials for the key that assumes the role: key ID, secret and security token \
     come and go together";
const CLOCK: &str = "set this machine's clock: STS accepts 15 minutes of difference";
const PLACE: &str = "check the STS endpoint and region, in the profile or in ALIBABA_CLOUD_STS_REGION: it is not STS \
     that answers there";
const OFTEN: &str = "this account asks STS too often: run again in a few minutes";
const LATER: &str = "run again later; if it stays, ask Alibaba Cloud support about STS";

/// Hints by the beginning of the STS error code; the first match wins. Other modules decide whether a code is
/// retryable.
///
/// Codes: "How to handle the common errors when you access OSS by using STS" (help.aliyun.com, document 42775),
/// the common gateway codes (`docs/facts/ons-api.md` §4.2), and the pages of the operations.
const HINTS: &[(&str, &str)] = &[
    ("EntityNotExist.Role", ROLE),
    ("EntityNotExist.", IDENTITY),
    ("AuthenticationFail.", IDENTITY),
    ("InvalidParameter.RoleArn", ROLE),
    ("InvalidParameter.DurationSeconds", SECONDS),
    ("InvalidParameter.Policy", POLICY),
    ("InvalidParameter.RoleSessionName", SESSION),
    ("InvalidParameter.OIDC", IDENTITY),
    ("InvalidParameter", PARAMETER),
    ("MissingSecurityToken", TOKEN),
    ("Missing", PARAMETER),
    ("Forbidden.AccessKeyDisabled", KEY),
    ("Forbidden", ALLOWED),
    ("NoPermission", ALLOWED),
    ("AccessDenied", ALLOWED),
    ("InvalidAccessKeyId", KEY),
    ("SignatureDoesNotMatch", SECRET),
    ("IncompleteSignature", SECRET),
    ("InvalidSecurityToken", TOKEN),
    ("InvalidTimeStamp", CLOCK),
    ("IllegalTimestamp", CLOCK),
    ("InvalidApi", PLACE),
    ("InvalidAction", PLACE),
    ("InvalidProduct", PLACE),
    ("InvalidVersion", PLACE),
    ("NoSuchVersion", PLACE),
    ("Throttling", OFTEN),
    ("ServiceUnavailable", LATER),
    ("InternalError", LATER),
    ("UnknownError", LATER),
];

/// Returns what the user can do about an STS error code, if known.
pub(super) fn hint(code: &str) -> Option<&'static str> {
    let row = HINTS.iter().find(|(begins, _)| code.starts_with(begins));
    row.map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_hides_behind_an_earlier_one() {
        for (at, (begins, _)) in HINTS.iter().enumerate() {
            let first = HINTS.iter().position(|(row, _)| begins.starts_with(row));
            assert_eq!(first, Some(at), "{begins}");
        }
    }

    #[test]
    fn each_speaks_of_the_role_and_none_of_the_audit() {
        for (code, word) in [
            ("InvalidParameter.DurationSeconds", "expired_seconds"),
            ("InvalidParameter.PolicyGrammar", "policy of the profile"),
            ("InvalidParameter.RoleSessionName", "session name"),
            ("InvalidParameter.OIDCToken", "OIDC"),
            ("AuthenticationFail.OIDCToken.Expired", "token file"),
            ("EntityNotExist.OIDCProvider", "OIDC"),
            ("MissingRoleArn", "ARN"),
            ("Throttling.User", "STS too often"),
            ("Forbidden.RAM", "sts:AssumeRole"),
            ("InvalidAccessKeyId.NotFound", "assumes the role"),
            ("InvalidAction.NotFound", "STS endpoint"),
        ] {
            assert!(hint(code).unwrap().contains(word), "{code}");
        }
        assert_eq!(hint("BIZ_NO_MESSAGE"), None);
        for (_, hint) in HINTS {
            for word in ["--rate", "row", "mq:", "OnsMessageTrace", "--signature"] {
                assert!(!hint.contains(word), "{hint}");
            }
        }
    }
}
