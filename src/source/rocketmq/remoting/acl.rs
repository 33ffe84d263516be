//! Signatures of calls, the same for ACL 1.0 and 2.0 (`docs/facts/rocketmq.md` §5): HMAC-SHA1 over the values
//! of all fields, sorted by name, and the body.

use std::fmt;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use thiserror::Error;

use super::Request;
use crate::exit::Advice;
use crate::source::ons::redact::Redactor;

/// Environment variable of the access key.
pub const ACCESS_KEY: &str = "ROCKETMQ_ACCESS_KEY";
/// Environment variable of the secret key.
pub const SECRET_KEY: &str = "ROCKETMQ_SECRET_KEY";
/// Environment variable of the security token, which few clusters need.
pub const SECURITY_TOKEN: &str = "ROCKETMQ_SECURITY_TOKEN";

/// The access key of an account and its signing key.
#[derive(Clone)]
pub struct AclKeys {
    access_key: String,
    security_token: Option<SecretString>,
    /// The secret key, prepared for signing.
    mac: Hmac<Sha1>,
    /// Hides access key, secret key and token, which servers may echo.
    redactor: Redactor,
}

impl AclKeys {
    /// Creates the keys of an account of the cluster.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes keys of any length")]
    pub fn new(
        access_key: String,
        secret_key: &SecretString,
        security_token: Option<SecretString>,
    ) -> Self {
        let secret_key = secret_key.expose_secret();
        let token = security_token.as_ref().map(ExposeSecret::expose_secret);
        let redactor = Redactor::new([&*access_key, secret_key].into_iter().chain(token));
        Self {
            access_key,
            security_token,
            mac: Hmac::new_from_slice(secret_key.as_bytes())
                .expect("HMAC takes keys of any length"),
            redactor,
        }
    }

    /// Reads the keys from the environment ([`ACCESS_KEY`], [`SECRET_KEY`], [`SECURITY_TOKEN`]).
    ///
    /// # Errors
    ///
    /// If only one of access key and secret key is set.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, HalfAKey> {
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        match (
            filled(ACCESS_KEY),
            filled(SECRET_KEY).map(SecretString::from),
        ) {
            (None, None) => Ok(None),
            (Some(access_key), Some(secret_key)) => {
                let token = filled(SECURITY_TOKEN).map(SecretString::from);
                Ok(Some(Self::new(access_key, &secret_key, token)))
            }
            (Some(_), None) => Err(HalfAKey(SECRET_KEY)),
            (None, Some(_)) => Err(HalfAKey(ACCESS_KEY)),
        }
    }

    /// Signs a request. Must be the last step, because every field is signed.
    pub(super) fn sign(&self, request: Request) -> Request {
        let token = self
            .security_token
            .as_ref()
            .map(ExposeSecret::expose_secret);
        let request = request
            .with("AccessKey", &self.access_key)
            .with_some("SecurityToken", token);
        let mut mac = self.mac.clone();
        for value in request.fields.values() {
            mac.update(value.as_bytes());
        }
        request.with("Signature", BASE64.encode(&mac.finalize().into_bytes()))
    }

    /// Returns a redactor for the keys and the signature of a request, which servers may echo.
    pub(super) fn redactor(&self, request: &Request) -> Redactor {
        let redactor = self.redactor.clone();
        match request.fields.get("Signature") {
            Some(signature) => redactor.with(signature),
            None => redactor,
        }
    }
}

impl fmt::Debug for AclKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AclKeys(…)")
    }
}

/// One of two environment variables is missing that are only useful together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0} is not set, the other half of the key is")]
pub struct HalfAKey(&'static str);

impl Advice for HalfAKey {
    fn hint(&self) -> Option<String> {
        Some(format!(
            "set {ACCESS_KEY} and {SECRET_KEY}, or neither where the cluster has no ACL"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::RequestCode;
    use super::*;

    fn signed(keys: &AclKeys, fields: &[(&'static str, &str)]) -> String {
        let request = fields.iter().fold(
            Request::new(RequestCode::GetMaxOffset),
            |request, (name, value)| request.with(name, value),
        );
        keys.sign(request).fields["Signature"].clone()
    }

    #[test]
    fn signatures_are_those_of_the_java_client() {
        let secret = SecretString::from("12345678");
        let keys = |token: Option<&str>| {
            AclKeys::new("RocketMQ".into(), &secret, token.map(SecretString::from))
        };
        // The vector of Java's AclSignerTest signs only the access key.
        assert_eq!(signed(&keys(None), &[]), "IUc8rrO/0gDch8CjObLQsW2rsiA=");
        let fields = [
            ("topic", "orders"),
            ("queueId", "3"),
            ("consumerGroup", "GID_a"),
        ];
        assert_eq!(signed(&keys(None), &fields), "bDBR+tLGofkB+gHaiapOV20evwQ=");
        assert_eq!(
            signed(&keys(Some("token")), &fields),
            "l6L4imfQwB9qPyoeKWgl38x7+zU="
        );
    }

    #[test]
    fn half_a_key_is_refused_and_none_is_none() {
        let with =
            |set: &[&str]| AclKeys::from_env(|name| set.contains(&name).then(|| "x".to_owned()));
        assert!(with(&[]).unwrap().is_none());
        assert!(with(&[SECURITY_TOKEN]).unwrap().is_none());
        assert!(with(&[ACCESS_KEY, SECRET_KEY]).unwrap().is_some());
        assert_eq!(with(&[ACCESS_KEY]).unwrap_err(), HalfAKey(SECRET_KEY));
        assert_eq!(with(&[SECRET_KEY]).unwrap_err(), HalfAKey(ACCESS_KEY));
        assert!(
            AclKeys::from_env(|_| Some(String::new()))
                .unwrap()
                .is_none()
        );
    }
}
