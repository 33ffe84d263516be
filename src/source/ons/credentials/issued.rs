//! Parses the key in a response of STS, the metadata service, a credentials URI, or a command.

use jiff::Timestamp;
use serde_json::Value;

use super::provider::Issued;
use super::{Credentials, FetchError};

/// Field names of a key.
pub(super) struct KeyFieldNames {
    id: &'static str,
    secret: &'static str,
    token: &'static str,
    expires: &'static str,
}

/// Field names that services use.
pub(super) const SERVICE_FIELDS: KeyFieldNames = KeyFieldNames {
    id: "AccessKeyId",
    secret: "AccessKeySecret",
    token: "SecurityToken",
    expires: "Expiration",
};

/// Field names of the CLI's files.
pub(super) const CLI_FIELDS: KeyFieldNames = KeyFieldNames {
    id: "access_key_id",
    secret: "access_key_secret",
    token: "sts_token",
    expires: "expiration",
};

/// Parses JSON into an untyped value: a type error of serde would quote the value, which may be a secret. Anything else
/// may come from a proxy or a service that starts, so another attempt may succeed.
pub(super) fn json(origin: &str, body: &[u8]) -> Result<Value, FetchError> {
    serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| FetchError::transient(format!("{origin}: the answer is not a JSON object")))
}

/// Checks that `Code` is `Success`, as the metadata service and credentials URIs send it.
pub(super) fn is_success(origin: &str, answer: &Value) -> Result<(), FetchError> {
    match answer.get("Code").and_then(Value::as_str) {
        Some("Success") => Ok(()),
        // The code may be any text, so it is shown only if it looks like a code.
        Some(code)
            if code.len() <= 60 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.') =>
        {
            Err(FetchError::permanent(
                format!("{origin}: Code is {code}, expected Success"),
                None,
            ))
        }
        _ => Err(FetchError::permanent(
            format!("{origin}: no Code in the answer, expected Success"),
            None,
        )),
    }
}

/// Parses a key; token and expiry are optional.
pub(super) fn key(
    origin: &str,
    answer: &Value,
    names: &KeyFieldNames,
    provider: &str,
) -> Result<Issued, FetchError> {
    let text = |name: &str| {
        let text = answer.get(name)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let needed = |name: &str| {
        text(name).ok_or_else(|| {
            FetchError::permanent(format!("{origin}: no {name} in the answer"), None)
        })
    };
    let expires = match text(names.expires) {
        Some(time) => Some(time.parse::<Timestamp>().map_err(|_| {
            let expected = "expected a time such as 2026-11-22T12:00:00Z";
            FetchError::permanent(
                format!("{origin}: {} is not a time, {expected}", names.expires),
                None,
            )
        })?),
        None => None,
    };
    Ok(Issued {
        credentials: Credentials {
            provider: provider.to_owned(),
            access_key_id: needed(names.id)?,
            access_key_secret: needed(names.secret)?.into(),
            security_token: text(names.token).map(Into::into),
        },
        expires,
    })
}

/// Parses the key of a service, which must have a token and an expiry.
pub(super) fn temporary_key(
    origin: &str,
    answer: &Value,
    provider: &str,
) -> Result<Issued, FetchError> {
    let issued = key(origin, answer, &SERVICE_FIELDS, provider)?;
    let missing = match (&issued.credentials.security_token, issued.expires) {
        (Some(_), Some(_)) => return Ok(issued),
        (None, _) => SERVICE_FIELDS.token,
        (_, None) => SERVICE_FIELDS.expires,
    };
    Err(FetchError::permanent(
        format!("{origin}: no {missing} in the answer"),
        None,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_answer_is_told_without_its_secrets() {
        let whole = r#""AccessKeyId":"STS.id","AccessKeySecret":"s3cret","SecurityToken":"t0ken""#;
        for (body, says) in [
            ("s3cret".to_owned(), "STS: the answer is not a JSON object"),
            ("[\"s3cret\"]".to_owned(), "not a JSON object"),
            (
                "{\"AccessKeyId\":\"i\",\"AccessKeySecret\":7,\"SecurityToken\":\"t0ken\"}"
                    .to_owned(),
                "no AccessKeySecret in",
            ),
            (
                "{\"AccessKeySecret\":\"s3cret\"}".to_owned(),
                "no AccessKeyId in",
            ),
            (
                "{\"AccessKeyId\":\"i\",\"AccessKeySecret\":\"s3cret\"}".to_owned(),
                "no SecurityToken in",
            ),
            (format!("{{{whole}}}"), "no Expiration in"),
            (
                format!("{{{whole},\"Expiration\":\"s3cret\"}}"),
                "Expiration is not a time, expected",
            ),
        ] {
            let read =
                json("STS", body.as_bytes()).and_then(|answer| temporary_key("STS", &answer, "p"));
            let error = read.unwrap_err();
            assert!(error.what.contains(says), "{error}");
            assert!(
                !error.what.contains("s3cret") && !error.what.contains("t0ken"),
                "{error}"
            );
            let is_json_object = !says.contains("not a JSON object");
            assert_eq!(error.is_transient, !is_json_object, "{error}");
        }
    }

    #[test]
    fn success_is_a_word() {
        for (body, says) in [
            (r#"{"Code":"Success"}"#, None),
            (
                r#"{"Code":"Failed.Role"}"#,
                Some("Code is Failed.Role, expected Success"),
            ),
            (
                r#"{"Code":"s3cret of somebody"}"#,
                Some("no Code in the answer"),
            ),
            ("{}", Some("no Code in the answer")),
        ] {
            let answer = json("IMDS", body.as_bytes()).unwrap();
            match (is_success("IMDS", &answer), says) {
                (Ok(()), None) => {}
                (Err(error), Some(says)) => assert!(error.what.contains(says), "{error}"),
                (result, _) => panic!("{body}: {result:?}"),
            }
        }
    }
}
