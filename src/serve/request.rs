//! An HTTP request as the gateway sees it, the call in it, and the parameters of the call.

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{ApiError, BodyFormat, RequestSignature};

/// The parts of an HTTP request that the gateway needs, as they were received.
#[derive(Debug, Clone, Copy)]
pub struct GatewayRequest<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// The path: `/` for every call.
    pub path: &'a str,
    /// The query after the `?`, still encoded.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// A call of an operation: parameters, signature, action and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall<'a> {
    /// All parameters of the query and the form.
    pub parameters: Parameters<'a>,
    /// The signature, if there is one.
    pub signature: Option<RequestSignature>,
    /// Action and version from the headers of a V3 request.
    headers: [Option<&'a str>; 2],
}

impl ApiCall<'_> {
    /// Returns the name of the operation.
    ///
    /// # Errors
    ///
    /// [`ApiError::MissingParameter`].
    pub fn action(&self) -> Result<&str, ApiError> {
        self.headers[0].map_or_else(|| self.parameters.common("Action"), Ok)
    }

    /// Returns the version of the API.
    ///
    /// # Errors
    ///
    /// [`ApiError::MissingParameter`].
    pub fn version(&self) -> Result<&str, ApiError> {
        self.headers[1].map_or_else(|| self.parameters.common("Version"), Ok)
    }
}

impl<'a> GatewayRequest<'a> {
    /// Returns the format of the answer: JSON for V3, otherwise as the parameter `Format` says, by default XML.
    #[must_use]
    pub fn format(&self) -> BodyFormat {
        let is_json = |pairs: &[u8]| {
            form_urlencoded::parse(pairs)
                .find(|(name, _)| name == "Format")
                .map(|(_, value)| value.eq_ignore_ascii_case("json"))
        };
        let json = self.authorization().is_some()
            || is_json(self.query.as_bytes())
                .or_else(|| is_json(self.form()))
                .unwrap_or(false);
        if json {
            BodyFormat::Json
        } else {
            BodyFormat::Xml
        }
    }

    /// Parses the call. Its signature is not verified yet.
    ///
    /// # Errors
    ///
    /// The request is no call, or parts of its signature are missing.
    pub fn call(&self) -> Result<ApiCall<'a>, ApiError> {
        if !matches!(self.method, "GET" | "POST") {
            return Err(ApiError::UnsupportedMethod);
        }
        if self.path != "/" {
            return Err(ApiError::UnknownAction);
        }
        let parameters = Parameters::parse(self.query, self.form())?;
        let (signature, headers) = match self.authorization() {
            Some(authorization) => {
                let headers = ["x-acs-action", "x-acs-version"].map(|name| self.header(name));
                (Some(RequestSignature::v3(self, authorization)?), headers)
            }
            None if parameters.get("Signature").is_some() => (
                Some(RequestSignature::v1(self.method, &parameters)?),
                [None; 2],
            ),
            None => (None, [None; 2]),
        };
        Ok(ApiCall {
            parameters,
            signature,
            headers,
        })
    }

    fn authorization(&self) -> Option<&'a str> {
        self.headers.get(AUTHORIZATION)?.to_str().ok()
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Returns the body if it is a form.
    fn form(&self) -> &'a [u8] {
        let is_form = self.headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        if is_form { self.body } else { b"" }
    }
}

/// The decoded parameters of a call; each name occurs once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Parses query and form together, as signature V1 does.
    ///
    /// # Errors
    ///
    /// [`ApiError::Repeated`].
    pub fn parse(query: &'a str, form: &'a [u8]) -> Result<Self, ApiError> {
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
        let mut parameters = Self(Vec::with_capacity(12));
        for (name, value) in pairs {
            if parameters.find(&name).is_some() {
                return Err(ApiError::Repeated(name.into_owned()));
            }
            parameters.0.push((name, value));
        }
        Ok(parameters)
    }

    /// Returns the value of a parameter, unless it is empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|value| !value.is_empty())
    }

    /// Returns the value of a parameter that the operation needs.
    ///
    /// # Errors
    ///
    /// [`ApiError::MissingField`].
    pub fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or(ApiError::MissingField(name))
    }

    /// Returns the value of a parameter that every call needs.
    pub(super) fn common(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or(ApiError::MissingParameter(name))
    }

    /// Returns all parameters but `left_out`, as they are signed.
    pub(super) fn without(&self, left_out: &str) -> Vec<(&str, &str)> {
        let all = self.0.iter();
        all.map(|(name, value)| (&**name, &**value))
            .filter(|(name, _)| *name != left_out)
            .collect()
    }

    fn find(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(known, _)| known == name)?;
        Some(&pair.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_form_are_decoded_together() {
        let parameters =
            Parameters::parse("Topic=a%20b%2Bc+d&Empty=&Flag", b"MsgId=%E4%B8%AD").unwrap();
        assert_eq!(parameters.get("Topic"), Some("a b+c d"));
        assert_eq!(parameters.get("MsgId"), Some("中"));
        assert_eq!(parameters.get("Empty"), None);
        assert_eq!(
            parameters.without("Topic"),
            [("Empty", ""), ("Flag", ""), ("MsgId", "中")]
        );
        assert_eq!(
            parameters.required("InstanceId"),
            Err(ApiError::MissingField("InstanceId"))
        );
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        let twice = Err(ApiError::Repeated("Topic".to_owned()));
        assert_eq!(Parameters::parse("Topic=a&Topic=a", b""), twice);
        assert_eq!(Parameters::parse("Topic=a", b"Topic=b"), twice);
    }
}
