//! One HTTP request as the gateway sees it, and the call that it makes.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::parameters::Parameters;
use super::{Format, Proof, Refusal};

/// The parts of an HTTP request that matter here, as they came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// `/` for every RPC call.
    pub path: &'a str,
    /// What follows the `?`, still encoded.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// A call: which operation, of which version, with which parameters, and whose it claims to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// All parameters of the query and the form.
    pub parameters: Parameters<'a>,
    /// The signature, if there is one.
    pub proof: Option<Proof>,
    /// Operation and version, where a V3 request has them in its headers.
    headers: [Option<&'a str>; 2],
}

impl Call<'_> {
    /// The operation's name.
    pub fn action(&self) -> Result<&str, Refusal> {
        self.headers[0].map_or_else(|| self.parameters.common("Action"), Ok)
    }

    /// The API's version.
    pub fn version(&self) -> Result<&str, Refusal> {
        self.headers[1].map_or_else(|| self.parameters.common("Version"), Ok)
    }
}

impl<'a> Incoming<'a> {
    /// How the answer is to be written: as `Format` says, in XML where it says nothing; V3 knows JSON only.
    #[must_use]
    pub fn format(&self) -> Format {
        let told = |pairs: &[u8]| {
            form_urlencoded::parse(pairs)
                .find(|(name, _)| name == "Format")
                .map(|(_, value)| value.eq_ignore_ascii_case("json"))
        };
        let json = self.authorization().is_some()
            || told(self.query.as_bytes())
                .or_else(|| told(self.form()))
                .unwrap_or(false);
        if json { Format::Json } else { Format::Xml }
    }

    /// The call, as far as it can be told without knowing any key.
    pub fn call(&self) -> Result<Call<'a>, Refusal> {
        if !matches!(self.method, "GET" | "POST") {
            return Err(Refusal::UnsupportedMethod);
        }
        if self.path != "/" {
            return Err(Refusal::UnknownAction);
        }
        let parameters = Parameters::of(self.query, self.form())?;
        let (proof, headers) = match self.authorization() {
            Some(authorization) => {
                let headers = ["x-acs-action", "x-acs-version"].map(|name| self.header(name));
                (Some(Proof::v3(self, authorization)?), headers)
            }
            None if parameters.get("Signature").is_some() => {
                (Some(Proof::v1(self.method, &parameters)?), [None; 2])
            }
            None => (None, [None; 2]),
        };
        Ok(Call {
            parameters,
            proof,
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

    /// The body, where it is a form.
    fn form(&self) -> &'a [u8] {
        let is_form = self.headers.get(CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        if is_form { self.body } else { b"" }
    }
}
